"""``breakwater accounts``: against the contract, and its three outputs against each other."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from abis.units import MAX_UINT256, WAD
from protocols.position import AccountData
from protocols.registry import resolve
from protocols.snapshot import Snapshot
from protocols.store import digest, save
from tests.risk.cli.conftest import Run
from tests.risk.markets import market

if TYPE_CHECKING:
    from examples.demo.world import DemoWorld

COLUMNS = ["account", *(f.name for f in fields(AccountData))]


def rows_of(text: str) -> list[dict[str, str]]:
    body: dict[str, Any] = json.loads(text)
    rows: list[dict[str, str]] = body["data"]["rows"]
    return rows


def book_market(names: tuple[str, ...]) -> Snapshot:
    """A market where account k holds one ether and owes 1000 + 100 k dollars, the last one nothing."""
    owing = {name: {4: 1_000 + 100 * k} for k, name in enumerate(names[:-1])}
    return market([(name, 0, {0: 1}, owing.get(name, {})) for name in names])


@pytest.mark.chain
def test_every_field_of_the_json_is_the_contracts_own(
    demo_chain: DemoWorld, tmp_path: Path, run: Run
) -> None:
    from abis.calls import Call
    from abis.chain import Chain
    from protocols.aave_v3.adapter import read_market

    chain = Chain(demo_chain.chain.node.url)
    block = chain.block("latest")
    pool = demo_chain.market.pool.address
    save(read_market(chain, resolve(f"aave-v3:{demo_chain.market.provider.address}"), block), tmp_path / "s")
    code, out, _ = run("accounts", tmp_path / "s", "--json")
    assert code == 0
    rows = rows_of(out)
    assert len(rows) == len(demo_chain.plans)
    signature = "getUserAccountData(address)(uint256,uint256,uint256,uint256,uint256,uint256)"
    answers = chain.read([Call(pool, signature, (row["account"],)) for row in rows], block)
    assert [[row[c] for c in COLUMNS[1:]] for row in rows] == [[str(v) for v in a] for a in answers]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A saved market of five accounts, one of them with a hostile name."""
    save(book_market(("0xa", "0xb", "=cmd|' /C calc'!A0", "[b]0xc[/b]", "0xd")), tmp_path / "snap")
    return tmp_path / "snap"


def test_json_is_an_envelope_with_units_hash_and_exact_strings(saved: Path, run: Run) -> None:
    code, out, err = run("accounts", saved, "--json")
    assert (code, err) == (0, "")
    body = json.loads(out)
    assert body["schema"] == "breakwater.accounts/1"
    assert body["inputs"] == {"snapshot_sha256": digest(saved), "below": None, "top": None}
    assert set(COLUMNS[1:]) <= set(body["units"])
    rows = rows_of(out)
    assert [list(row) for row in rows] == [COLUMNS] * 5
    assert rows[-1]["account"] == "0xd"
    assert int(rows[-1]["health_factor"]) == MAX_UINT256
    first = rows[0]
    assert (first["total_collateral_base"], first["total_debt_base"]) == ("250000000000", "130000000000")
    assert first["ltv"] == "8050"
    assert run("accounts", saved, "--json")[1] == out


def test_rows_come_lowest_health_factor_first(saved: Path, run: Run) -> None:
    factors = [int(row["health_factor"]) for row in rows_of(run("accounts", saved, "--json")[1])]
    assert factors == sorted(factors)
    assert len(set(factors)) == 5


def test_csv_holds_the_same_numbers_and_no_formula(saved: Path, run: Run) -> None:
    rows = rows_of(run("accounts", saved, "--json")[1])
    code, out, err = run("accounts", saved, "--csv")
    assert (code, err) == (0, "")
    table = list(csv.DictReader(io.StringIO(out)))
    assert list(table[0]) == COLUMNS
    assert [[r[c] for c in COLUMNS[1:]] for r in table] == [[r[c] for c in COLUMNS[1:]] for r in rows]
    assert "'=cmd|' /C calc'!A0" in [r["account"] for r in table]
    assert not any(r["account"].startswith(("=", "+", "-", "@")) for r in table)


def test_below_is_exact_and_strict(saved: Path, run: Run) -> None:
    rows = rows_of(run("accounts", saved, "--json")[1])
    third = int(rows[2]["health_factor"])
    whole, rest = divmod(third, WAD)
    limit = f"{whole}.{rest:018d}"
    assert rows_of(run("accounts", saved, "--json", "--below", limit)[1]) == rows[:2]
    above = f"{whole}.{rest + 1:018d}"
    assert rows_of(run("accounts", saved, "--json", "--below", above)[1]) == rows[:3]
    assert rows_of(run("accounts", saved, "--json", "--below", "0.5")[1]) == []


def test_top_takes_the_first_rows(saved: Path, run: Run) -> None:
    rows = rows_of(run("accounts", saved, "--json")[1])
    assert rows_of(run("accounts", saved, "--json", "--top", 2)[1]) == rows[:2]
    assert rows_of(run("accounts", saved, "--json", "--top", 99)[1]) == rows


def test_the_table_shows_names_as_text_and_says_what_is_not_shown(saved: Path, run: Run) -> None:
    code, out, err = run("accounts", saved)
    assert code == 0
    assert "[b]0xc[/b]" in out
    assert "no debt" in out
    assert "$1.30k" in out
    assert "5 accounts of 5 shown." in err
    out, err = run("accounts", saved, "--below", "1.8")[1:]
    assert "2 accounts of 5 shown." in err


def test_a_long_table_is_cut_aloud(tmp_path: Path, run: Run) -> None:
    save(book_market(tuple(f"0x{k:040x}" for k in range(31))), tmp_path / "snap")
    _, out, err = run("accounts", tmp_path / "snap")
    assert out.count("0x0000…") == 25
    assert "25 accounts of 31 shown; 6 more with --top, --json or --csv." in err
    assert run("accounts", tmp_path / "snap", "--top", 31)[1].count("0x0000…") == 31


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--json", "--csv"], "exclude each other"),
        (["--below", "much"], "'much' is no health factor"),
        (["--below", "nan"], "no health factor"),
        (["--below", "-1"], "no health factor"),
        (["--below", "inf"], "no health factor"),
    ],
)
def test_wrong_options_are_refused(saved: Path, run: Run, options: list[str], says: str) -> None:
    code, out, err = run("accounts", saved, *options)
    assert (code, out) == (2, "")
    assert says in err


def test_what_is_no_snapshot_and_what_was_changed_is_refused(saved: Path, tmp_path: Path, run: Run) -> None:
    code, out, err = run("accounts", tmp_path / "nothing")
    assert (code, out) == (2, "")
    assert "is no snapshot" in err
    part = next(saved.glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    code, out, err = run("accounts", saved, "--json")
    assert (code, out) == (2, "")
    assert part.name in err
