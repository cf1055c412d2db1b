"""Laws of saved and imported snapshots."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import MalformedFile, SnapshotError
from protocols.emode_prices import emode_prices_raw, priced_emodes
from protocols.files.market import facts_from
from protocols.from_file import build
from protocols.snapshot import Snapshot
from protocols.store import MANIFEST, digest, encode, load, save
from protocols.tables import text_in, text_out
from risk.testing.snapshots import snapshots


@contextmanager
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp())
    try:
        yield path
    finally:
        shutil.rmtree(path)


def plain(snapshot: Snapshot) -> dict[str, Any]:
    """Every value of a snapshot in comparable form."""

    def arrays(block: Any) -> dict[str, list[Any]]:
        names = [k for k, v in vars(block).items() if isinstance(v, np.ndarray) and k != "account"]
        return {name: getattr(block, name).tolist() for name in names}

    book = snapshot.book
    own = {k: getattr(snapshot, k) for k in Snapshot.__dataclass_fields__ if k != "book"}
    return {
        **own,
        "accounts": book.accounts,
        "emode": book.emode.tolist(),
        "collateral": arrays(book.collateral),
        "debt": arrays(book.debt),
    }


@given(snapshots())
def test_loading_gives_back_what_was_saved(snapshot: Snapshot) -> None:
    """STO-1: loading gives back every value that was saved, and the digest names it."""
    with folder() as tmp:
        assert save(snapshot, tmp / "s") == digest(tmp / "s") == digest(snapshot)
        loaded = load(tmp / "s")
    assert plain(loaded) == plain(snapshot)
    assert digest(loaded) == digest(snapshot)


@given(snapshots())
def test_the_same_snapshot_gives_the_same_bytes(snapshot: Snapshot) -> None:
    """STO-2: the same snapshot gives the same bytes, also after a round trip."""
    first = encode(snapshot)
    with folder() as tmp:
        save(snapshot, tmp / "a")
        save(load(tmp / "a"), tmp / "b")
        for name, content in first.items():
            assert (tmp / "a" / name).read_bytes() == (tmp / "b" / name).read_bytes() == content


@given(snapshots(max_accounts=2), st.data())
def test_any_changed_byte_is_noticed(snapshot: Snapshot, data: st.DataObject) -> None:
    """STO-3: any changed byte of any file is noticed; in a part the error names it."""
    with folder() as tmp:
        save(snapshot, tmp / "s")
        file = tmp / "s" / data.draw(st.sampled_from(sorted(encode(snapshot))))
        content = bytearray(file.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        file.write_bytes(content)
        with pytest.raises((SnapshotError, MalformedFile)) as caught:
            load(tmp / "s")
    if file.name != MANIFEST:
        assert type(caught.value).__name__ == "SnapshotChanged"
        assert file.name in str(caught.value)


@given(snapshots(), st.data())
def test_a_position_is_its_slice_of_the_arrays(snapshot: Snapshot, data: st.DataObject) -> None:
    """STO-4: position(i) is account i's slice of the arrays, priced as asked."""
    book = snapshot.book
    prices = [data.draw(st.integers(0, 10**30)) for _ in snapshot.reserves]
    moved = zip(priced_emodes(snapshot), emode_prices_raw(snapshot, prices), strict=True)
    own = {emode.id: price for emode, price in moved}

    def price(reserve: int, emode: int) -> int:
        return own[emode] if emode else prices[reserve]

    for i in range(len(book)):
        position = snapshot.position(i, prices)
        mine = np.flatnonzero(book.collateral.account == i)
        for leg, k in zip(position.collateral, mine, strict=True):
            reserve = snapshot.reserves[leg.reserve]
            assert leg.reserve == book.collateral.reserve[k]
            assert leg.balance_raw == book.collateral.amount_raw[k]
            assert leg.threshold_bps == book.collateral.threshold_bps[k]
            assert leg.bonus_bps == book.collateral.bonus_bps[k]
            assert leg.counted == book.collateral.counted[k]
            assert leg.price_raw == price(leg.reserve, book.collateral.price_emode[k])
            assert (leg.unit_raw, leg.index_ray) == (10**reserve.decimals, reserve.liquidity_index_ray)
        mine = np.flatnonzero(book.debt.account == i)
        assert [leg.balance_raw for leg in position.debt] == [book.debt.amount_raw[k] for k in mine]
        assert [leg.reserve for leg in position.debt] == [book.debt.reserve[k] for k in mine]
        for leg, k in zip(position.debt, mine, strict=True):
            assert leg.price_raw == price(leg.reserve, book.debt.price_emode[k])
            assert leg.price_in_call_raw == price(leg.reserve, book.debt.call_price_emode[k])
            assert leg.index_ray == snapshot.reserves[leg.reserve].variable_borrow_index_ray


@given(
    st.text(alphabet=st.characters(codec=None, categories=None), max_size=20)
    | st.just("\\ud800\ud83d\ude00\\\\")
)
def test_text_is_stored_as_valid_unicode_and_read_back(text: str) -> None:
    """STO-5: any text is stored as valid Unicode and read back as it was."""
    stored = text_out(text)
    stored.encode()  # valid UTF-8
    assert text_in(stored) == text


@st.composite
def file_tables(draw: st.DrawFn) -> dict[str, list[dict[str, str]]]:
    """Draw rows of valid import files, one list a file."""
    snapshot = draw(snapshots(max_reserves=4))
    reserves, book = snapshot.reserves, snapshot.book
    legs: list[dict[str, str]] = []
    for side, block in (("collateral", book.collateral), ("debt", book.debt)):
        for k, account in enumerate(block.account):
            cells = {
                "account": book.accounts[account],
                "side": side,
                "asset": reserves[block.reserve[k]].asset,
            }
            legs.append({**cells, "amount_raw": str(block.amount_raw[k])})
    columns = ("asset", "symbol", "decimals", "price_raw", "ltv_bps", "liquidation_threshold_bps", "id")
    return {
        "reserves": [
            {**{c: str(getattr(r, c)) for c in columns}, "symbol": f"T{i}"} for i, r in enumerate(reserves)
        ],
        "legs": legs,
        "accounts": [{"account": account, "health_factor": "1.5"} for account in book.accounts],
    }


def write_csv(path: Path, rows: list[dict[str, str]], columns: list[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


@given(file_tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(tables: dict[str, list[dict[str, str]]], random: Random) -> None:
    """STO-6: importing permuted rows, in permuted files, gives the same snapshot."""
    columns = {name: list(rows[0]) if rows else [] for name, rows in tables.items()}
    columns["legs"] = ["account", "side", "asset", "amount_raw"]
    columns["accounts"] = ["account", "health_factor"]
    facts = facts_from({"market": {"version": "3.3"}, "block": {"time": 1}})
    with folder() as tmp:
        files = [write_csv(tmp / f"{name}.csv", rows, columns[name]) for name, rows in tables.items()]
        first = build(files, facts)
        for name, rows in tables.items():
            write_csv(tmp / f"{name}.csv", random.sample(rows, len(rows)), columns[name])
        random.shuffle(files)
        second = build(files, facts)
    assert digest(first) == digest(second)
    assert plain(first) == plain(second)
