from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given

from abis.errors import (
    BreakwaterError,
    InconsistentSnapshot,
    InputError,
    MalformedFile,
    OutputExists,
    SnapshotChanged,
    UnknownSchema,
    UnsupportedVersion,
)
from abis.findings import Finding, FindingKind, Severity
from protocols import manifest as manifest_module
from protocols import store
from protocols.manifest import MIGRATIONS, migrated, parse_manifest, sha256
from protocols.releases import releases_of, rules_of
from protocols.snapshot import Completeness, Snapshot, raw_array
from protocols.store import MANIFEST, digest, encode, load, save
from protocols.tables import PARTS
from risk.testing.snapshots import snapshots
from tests.protocols.small_market import USDC, WETH, market

FILES = {MANIFEST, *(f"{part}.parquet" for part in PARTS)}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save(market(), tmp_path / "snap")
    return tmp_path / "snap"


def rewrite_manifest(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the manifest and seal it again, as an attacker or another version would."""
    body = json.loads((folder / MANIFEST).read_text())
    change(body)
    body.pop("manifest_sha256")
    seal = sha256(manifest_module._canonical(body))
    (folder / MANIFEST).write_bytes(manifest_module._canonical({**body, "manifest_sha256": seal}))


def replace_part(folder: Path, part: str, table: pa.Table) -> None:
    pq.write_table(table, folder / f"{part}.parquet")
    seal = sha256((folder / f"{part}.parquet").read_bytes())
    rewrite_manifest(folder, lambda body: body["parts"][part].update(sha256=seal))


def test_the_directory_holds_the_manifest_and_six_parts(saved: Path) -> None:
    assert {p.name for p in saved.iterdir()} == FILES
    body = json.loads((saved / MANIFEST).read_text())
    assert body["schema"] == "breakwater.snapshot"
    assert body["schema_version"] == 2
    assert body["base_currency"] == {"symbol": "USD", "unit_raw": "100000000", "usd": "1"}
    assert body["parts"]["collateral"]["rows"] == 3
    assert body["parts"]["debt"]["sha256"] == sha256((saved / "debt.parquet").read_bytes())
    assert digest(saved) == digest(market()) == sha256((saved / MANIFEST).read_bytes())


def test_duckdb_and_pandas_read_the_parts_as_they_are(saved: Path) -> None:
    count, total = duckdb.sql(
        f"select count(*), sum(amount_raw::double) from '{saved}/collateral.parquet'"
    ).fetchall()[0]
    assert count == 3
    assert total == pytest.approx(2.0**255)
    joined = duckdb.sql(
        f"select account, symbol, amount_raw from '{saved}/debt.parquet' "
        f"join '{saved}/accounts.parquet' using (account_index) "
        f"join '{saved}/reserves.parquet' using (reserve_index)"
    ).fetchall()
    assert joined == [("c", "USDC", "250000")]
    frame = pd.read_parquet(saved / "collateral.parquet")
    assert [int(v) for v in frame.amount_raw] == market().book.collateral.amount_raw.tolist()
    assert frame.counted.tolist() == [True, False, True]
    assert pd.read_parquet(saved / "reserves.parquet").liquidation_threshold_bps.tolist() == [8250, 7800]


@pytest.mark.parametrize("version", releases_of("aave"))
def test_the_rules_of_every_release_come_back(version: str, tmp_path: Path) -> None:
    save(replace(market(), rules=rules_of("aave", version)), tmp_path / "s")
    assert load(tmp_path / "s").rules == rules_of("aave", version)


@pytest.mark.parametrize(
    "symbol", ["", "a\x00b", "\n\t\x7f", "\ud800", "\ud83d\ude00", "\\ud800", "'; drop table", "‮ꙮ🧨"]
)
def test_hostile_text_survives(symbol: str, tmp_path: Path) -> None:
    finding = Finding(FindingKind.ORACLE, Severity.LOW, symbol, symbol, remedy=symbol)
    snapshot = replace(market(replace(WETH, symbol=symbol), USDC), findings=(finding,))
    save(snapshot, tmp_path / "s")
    loaded = load(tmp_path / "s")
    assert loaded.reserves == snapshot.reserves
    assert loaded.findings == (finding,)
    duckdb.sql(f"select symbol from '{tmp_path}/s/reserves.parquet'").fetchall()


def test_completeness_is_summed_up_in_the_manifest(tmp_path: Path) -> None:
    rows = (Completeness(0, "supply", 5, 5, 0.0), Completeness(1, "debt", 5, 7, 2.5))
    save(replace(market(), completeness=rows), tmp_path / "s")
    totals = json.loads((tmp_path / "s" / MANIFEST).read_text())["completeness"]
    assert totals == {"checked": 2, "incomplete": 1, "missing_usd": 2.5}
    assert load(tmp_path / "s").completeness == rows


@pytest.mark.parametrize("part", PARTS)
def test_a_changed_part_is_named(saved: Path, part: str) -> None:
    file = saved / f"{part}.parquet"
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(SnapshotChanged, match=f"{part}.parquet"):
        load(saved)


def test_a_changed_manifest_is_noticed(saved: Path) -> None:
    text = (saved / MANIFEST).read_text()
    for changed in (text.replace('"usd": "1"', '"usd": "2"'), text.rstrip("\n"), text.replace("  ", " ")):
        assert changed != text
        (saved / MANIFEST).write_text(changed)
        with pytest.raises(SnapshotChanged, match=MANIFEST):
            load(saved)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(MalformedFile, match=name):
        load(saved)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema": "other"}', b"\xff", b"[" * 100_000])
def test_a_file_that_is_no_manifest_is_refused(saved: Path, content: bytes) -> None:
    (saved / MANIFEST).write_bytes(content)
    with pytest.raises(MalformedFile, match=MANIFEST):
        load(saved)


@pytest.mark.parametrize("where", ["absent", "file"])
def test_a_path_that_is_no_snapshot_is_refused(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(MalformedFile, match=where):
        load(tmp_path / where)


@pytest.mark.parametrize("number", [3, 0, "1", None, 1.0, True])
def test_a_schema_that_is_not_known_is_refused(saved: Path, number: object) -> None:
    rewrite_manifest(saved, lambda body: body.update(schema_version=number))
    with pytest.raises(UnknownSchema, match="schema"):
        load(saved)


def no_parquet(folder: Path) -> None:
    (folder / "debt.parquet").write_bytes(b"PAR1 no parquet")
    seal = sha256(b"PAR1 no parquet")
    rewrite_manifest(folder, lambda body: body["parts"]["debt"].update(sha256=seal))


def without_column(folder: Path) -> None:
    replace_part(folder, "debt", pq.read_table(folder / "debt.parquet").drop_columns("amount_raw"))


def other_type(folder: Path) -> None:
    table = pq.read_table(folder / "debt.parquet")
    replace_part(folder, "debt", table.set_column(2, "amount_raw", pa.array([1.5])))


def no_number(folder: Path) -> None:
    table = pq.read_table(folder / "debt.parquet")
    replace_part(folder, "debt", table.set_column(2, "amount_raw", pa.array(["12x"])))


def empty_cell(folder: Path) -> None:
    table = pq.read_table(folder / "accounts.parquet")
    replace_part(folder, "accounts", table.set_column(1, "account", pa.array(["a", "b", None])))


@pytest.mark.parametrize("damage", [no_parquet, without_column, other_type, no_number, empty_cell])
def test_a_part_with_the_right_hash_and_wrong_content_is_refused(
    saved: Path, damage: Callable[[Path], None]
) -> None:
    damage(saved)
    with pytest.raises(MalformedFile):
        load(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.pop("market"),
        lambda body: body["parts"].pop("debt"),
        lambda body: body.update(parts=3),
        lambda body: body.update(findings=[{"kind": "gossip"}]),
        lambda body: body["base_currency"].update(usd="one"),
        lambda body: body["liquidation_rules"].update(sizing="all"),
        lambda body: body["market"].update(unknown=1),
        lambda body: body.update(block=None),
    ],
)
def test_a_sealed_manifest_with_impossible_entries_is_refused(
    saved: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    rewrite_manifest(saved, change)
    with pytest.raises(MalformedFile):
        load(saved)


def test_entries_of_accounts_that_are_not_there_are_refused(saved: Path) -> None:
    table = pq.read_table(saved / "debt.parquet")
    for index in (3, -1):
        replace_part(saved, "debt", table.set_column(0, "account_index", pa.array([index])))
        with pytest.raises(InconsistentSnapshot, match=r"debt\.account_index"):
            load(saved)


def test_an_existing_output_is_kept_unless_forced(saved: Path) -> None:
    other = replace(market(), block=replace(market().block, number=2))
    with pytest.raises(OutputExists, match="--force"):
        save(other, saved)
    assert load(saved).block.number == 1
    save(other, saved, force=True)
    assert load(saved).block.number == 2
    assert [p.name for p in saved.parent.iterdir()] == ["snap"]


def test_force_replaces_snapshots_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "home")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("home", "file", "link", "dangling"):
        with pytest.raises(OutputExists, match=name):
            save(market(), tmp_path / name, force=True)
    assert (tmp_path / "home" / "thesis.txt").read_text() == "x"
    (tmp_path / "empty").mkdir()
    save(market(), tmp_path / "empty", force=True)
    assert load(tmp_path / "empty").book.accounts == ("a", "b", "c")


def test_a_missing_parent_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="writable"):
        save(market(), tmp_path / "no" / "such" / "folder")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing", ["accounts.parquet", MANIFEST])
def test_nothing_half_written_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    write = store._write

    def full(file: Path, content: bytes) -> None:
        if file.name == failing:
            raise OSError(28, "No space left on device")
        write(file, content)

    monkeypatch.setattr(store, "_write", full)
    with pytest.raises(InputError, match="No space left"):
        save(market(), tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


def test_the_old_snapshot_comes_back_when_it_cannot_be_replaced(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.suffix == ".tmp":
            raise OSError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        save(replace(market(), findings=()), saved, force=True)
    assert digest(load(saved)) == digest(market())
    assert [p.name for p in saved.parent.iterdir()] == ["snap"]


@pytest.mark.parametrize(
    "broken",
    [
        replace(market(), completeness=(Completeness(0, "supply", 0, 1, float("nan")),)),
        replace(market(), findings=(Finding(FindingKind.CAP, Severity.LOW, "x", "y", float("inf")),)),
        market(replace(WETH, supply_cap_tokens=2**63), USDC),
    ],
)
def test_a_value_no_file_can_hold_is_refused_before_writing(broken: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(InconsistentSnapshot):
        save(broken, tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


def test_an_older_schema_is_migrated_step_by_step() -> None:
    def step(manifest: dict[str, Any], tables: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        number = manifest["schema_version"] + 1
        return {**manifest, "schema_version": number}, {**tables, f"added_{number}": None}

    manifest, tables = migrated({"schema_version": 5}, {}, {5: step, 6: step}, newest=7)
    assert manifest["schema_version"] == 7
    assert list(tables) == ["added_6", "added_7"]
    with pytest.raises(UnknownSchema, match="6"):
        migrated({"schema_version": 5}, {}, {5: step}, newest=7)


# What schema 2 added, and nothing else.
ADDED = {
    "emodes": ["price_raw", "price_reserve"],
    "collateral": ["price_emode"],
    "debt": ["price_emode", "call_price_emode", "stable_raw"],
}


def as_schema_1(folder: Path) -> None:
    """Rewrite a saved snapshot as the first schema had it."""
    for part, columns in ADDED.items():
        replace_part(folder, part, pq.read_table(folder / f"{part}.parquet").drop_columns(columns))
    rewrite_manifest(folder, lambda body: body.update(schema_version=1))


@given(snapshot=snapshots())
def test_sto_7_a_snapshot_of_schema_1_loads_as_what_it_said(snapshot: Snapshot) -> None:
    """STO-7: a snapshot saved under schema 1 loads with every entry at its reserve's own price."""
    book, none = snapshot.book, np.zeros
    debt = replace(
        book.debt,
        price_emode=none(len(book.debt.reserve), np.int64),
        call_price_emode=none(len(book.debt.reserve), np.int64),
        stable_raw=raw_array([0] * len(book.debt.reserve)),
    )
    collateral = replace(book.collateral, price_emode=none(len(book.collateral.reserve), np.int64))
    expected = replace(
        snapshot,
        emodes=tuple(replace(e, price_raw=0, price_reserve=-1) for e in snapshot.emodes),
        book=replace(book, collateral=collateral, debt=debt),
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s"
        save(snapshot, path)
        as_schema_1(path)
        assert encode(load(path)) == encode(expected)


def test_a_schema_1_part_that_lacks_more_is_malformed(saved: Path) -> None:
    as_schema_1(saved)
    replace_part(saved, "debt", pq.read_table(saved / "debt.parquet").drop_columns(["scaled_raw"]))
    with pytest.raises(MalformedFile, match="scaled_raw"):
        load(saved)


def test_every_older_schema_has_a_migration() -> None:
    assert set(MIGRATIONS) == set(range(1, manifest_module.SCHEMA_VERSION))


def test_an_older_manifest_is_read_where_a_migration_starts(saved: Path) -> None:
    rewrite_manifest(saved, lambda body: body.update(schema_version=0))
    content = (saved / MANIFEST).read_bytes()
    assert parse_manifest(content, MANIFEST, {0: lambda m, t: (m, t)})["schema_version"] == 0


def test_no_part_carries_python_objects(saved: Path) -> None:
    for part in PARTS:
        schema = pq.read_schema(saved / f"{part}.parquet")
        assert not schema.metadata, part
        assert not any(pa.types.is_binary(t) for t in schema.types), part


def test_bytes_do_not_depend_on_where_or_when(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(market(), tmp_path / name)
    for file in FILES:
        content = (tmp_path / "a" / file).read_bytes()
        assert content == (tmp_path / "b" / file).read_bytes() == encode(market())[file]
        assert str(tmp_path).encode() not in content


def test_an_unknown_family_or_release_names_the_known_ones() -> None:
    for family, version, known in (("maker", "1", "aave"), ("aave", "9.9", "3.3")):
        with pytest.raises(UnsupportedVersion, match=known) as caught:
            rules_of(family, version)
        assert isinstance(caught.value, BreakwaterError)
