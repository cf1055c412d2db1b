"""``breakwater oracle check-update`` on the cap change of 10 March 2026, and on what it must not accept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from protocols.store import save
from risk.cli.main import main
from tests.risk.markets import RESERVES, market

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "incidents" / "wsteth_cap_2026_03_10.toml"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["oracle", "check-update", *(str(a) for a in arguments)])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Loops of wstETH against WETH: 0xa2 (health 1.036) is near, 0xb1 (1.02) nearer, 0xb2 far."""
    positions = [
        ("0xa2", 1, {1: 100}, {0: 110}),  # 95 % * 300,000 / 275,000
        ("0xb1", 1, {1: 100}, {0: 111.76}),
        ("0xb2", 1, {1: 100}, {0: 100}),
        ("0xb3", 0, {0: 100}, {4: 190_000}),  # no wstETH at all
    ]
    save(market(positions), tmp_path / "snap")
    return tmp_path / "snap"


def test_the_change_of_10_march_2026_is_refused_with_its_price(run: Run) -> None:
    code, out, err = run(EXAMPLE)
    assert code == 1
    assert "This change: REFUSED" in out
    assert "1193926346604150218" in out
    assert "-2.846 % now" in out
    assert "The rules of capo-agent: REFUTED" in out
    assert "cap after it is at least today's ratio" in err


def test_the_accounts_it_liquidates_are_named(run: Run, snapshot: Path) -> None:
    code, out, _ = run(EXAMPLE, "--snapshot", snapshot, "--asset", "wstETH", "--json")
    body = json.loads(out)
    assert code == 1
    data = body["data"]
    assert data["refused"] is True
    assert (data["rules"], data["change"]["effective_raw"]) == ("refuted", "1193926346604150218")
    # 3000 USD times 1193926.../12289...: 0xb1's health is 1.02 * 0.97154 < 1, 0xa2's 1.0069.
    assert data["liquidatable"]["price_after_raw"] == str(
        3000 * 10**8 * 1193926346604150218 // 1228900000000000000
    )
    assert [r["account"] for r in data["liquidatable"]["rows"]] == ["0xb1"]
    assert int(data["liquidatable"]["rows"][0]["health_after_wad"]) < 10**18
    assert run(EXAMPLE, "--snapshot", snapshot, "--asset", "wstETH", "--json")[1] == out


def test_a_true_snapshot_is_accepted_though_the_rules_are_not_enough(run: Run) -> None:
    # What was intended: the ratio of seven days before, which the three percent do not allow ...
    code, out, err = run(EXAMPLE, "--ratio", "1228200000000000000")
    assert code == 1
    assert "ratio moves by at most 300 bps" in err
    # ... and which the risk admin may set.
    intended = ("--ratio", "1228200000000000000", "--growth-bps", "968", "--setter", "risk-admin")
    code, out, _ = run(EXAMPLE, *intended)
    assert (code, "This change: ACCEPTED" in out, "REFUTED" in out) == (0, True, True)
    assert run(EXAMPLE, *intended, "--strict")[0] == 1


def test_without_a_change_the_rules_decide(run: Run, tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    start, stop = text.index("[proposed]"), text.index("[market]")
    (tmp_path / "rules.toml").write_text(
        text[:start] + text[stop:].replace('history = "wsteth_ratio_2026.csv"', "growth_bps = 300"),
        encoding="utf-8",
    )
    assert run(tmp_path / "rules.toml")[0] == 1
    code, out, _ = run(tmp_path / "rules.toml", "--setter", "risk-steward")
    assert code == 0
    assert "PROVEN" in out


def test_a_ratio_that_is_not_said_to_grow_is_noted(run: Run, tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace('history = "wsteth_ratio_2026.csv"', "")
    (tmp_path / "u.toml").write_text(text, encoding="utf-8")
    _, out, err = run(tmp_path / "u.toml")
    assert "stand still" in err
    assert "NOT KNOWN" in out  # nobody can say whether the snapshot is true


STABLE = "[stable]\nstored = 104000000\nproposed = {proposed}\nfeed = 99950000\nexpected = 100000000\n"


def test_a_stable_cap_below_the_price_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(STABLE.format(proposed=103600000), encoding="utf-8")
    (tmp_path / "bad.toml").write_text(STABLE.format(proposed=99000000), encoding="utf-8")
    code, out, _ = run(tmp_path / "good.toml")
    assert (code, "ACCEPTED" in out, "PROVEN" in out) == (0, True, True)
    code, out, err = run(tmp_path / "bad.toml")
    assert code == 1
    assert "cap is at least the feed's answer" in err


def test_a_source_that_lost_a_leg_is_refused_with_the_accounts(run: Run, tmp_path: Path) -> None:
    reserves = [replace(r, price_raw=2_200 * 10**8) if r.symbol == "wstETH" else r for r in RESERVES]
    save(market([("0xc1", 0, {1: 10}, {4: 14_000})], reserves), tmp_path / "snap")
    (tmp_path / "leg.toml").write_text(
        "[source]\nanswer = 112000000\ndecimals = 8\nold_answer = 220000000000\n"
        "market_answer = 220000000000\n",
        encoding="utf-8",
    )
    code, out, err = run(tmp_path / "leg.toml", "--snapshot", tmp_path / "snap", "--asset", "wstETH")
    assert code == 1
    assert "no leg or decimal lost" in err
    assert "1 account with" in out


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("nonsense", "TOML"),
        ("[cap]\n", "no table 'cap'"),
        ("[stored]\nration = 1\n", "no key 'stored.ration'"),
        ("[stored]\nratio = 1.5\nat = 1\ngrowth_bps = 1\n", "ratio is 1.5"),
        ("[stored]\nratio = 1\nat = 1\n", "growth_bps is missing"),
        ("[stored]\nratio = 1\nat = 1\ngrowth_bps = 1\nrounding = 'up'\n", "rounding"),
        ("[setter]\nname = 'me'\n[stored]\nratio = 1\nat = 1\ngrowth_bps = 1\n", "ratio is missing"),
        ("[stable]\nstored = 1\n[source]\nanswer = 1\n", "both"),
    ],
)
def test_a_file_that_makes_no_sense_is_bad_input(run: Run, tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "bad.toml").write_text(text, encoding="utf-8")
    code, out, err = run(tmp_path / "bad.toml")
    assert (code, out) == (2, "")
    assert word in err


def test_snapshot_and_asset_belong_together(run: Run, snapshot: Path) -> None:
    assert run(EXAMPLE, "--snapshot", snapshot)[0] == 2
    assert run(EXAMPLE, "--snapshot", snapshot, "--asset", "nope")[0] == 2
