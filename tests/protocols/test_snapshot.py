from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from abis.errors import InconsistentSnapshot, UnknownAsset
from protocols.entries import book_of
from protocols.snapshot import BaseCurrency, Book, Reserve, frozen, indptr_of, raw_array
from tests.protocols.small_market import HUGE, USDC, WETH, entry, market

TWIN = replace(USDC, asset="0x" + "3" * 40)


def test_entries_in_any_order_are_laid_out_by_account_and_reserve() -> None:
    book = market().book
    assert book.accounts == ("a", "b", "c")
    assert book.emode.tolist() == [0, 1, 0]
    assert book.collateral.indptr.tolist() == [0, 1, 1, 3]
    assert book.collateral.reserve.tolist() == [0, 0, 1]
    assert book.collateral.amount_raw.tolist() == [10**18, HUGE, 5 * 10**6]
    assert book.collateral.account.tolist() == [0, 2, 2]
    assert book.debt.indptr.tolist() == [0, 0, 0, 1]
    assert len(book) == 3


def test_an_entry_of_an_unknown_account_is_refused() -> None:
    with pytest.raises(InconsistentSnapshot, match="'z'"):
        book_of({"a": 0}, [entry("z", 0, 1)], [])


def test_values_are_in_dollars_whatever_the_base_currency() -> None:
    usd = market()
    np.testing.assert_allclose(usd.collateral_usd[[0, 2]], [2000, 5])
    np.testing.assert_allclose(usd.debt_usd, [0.25])
    eth = market(
        replace(WETH, price_raw=10**18),
        replace(USDC, price_raw=10**18 // 2000),
        base=BaseCurrency("ETH", 10**18, Decimal(2000)),
    )
    np.testing.assert_allclose(eth.price_usd, [2000, 1])
    np.testing.assert_allclose(eth.collateral_usd, usd.collateral_usd)


def test_a_position_is_exact_and_takes_other_prices() -> None:
    position = market().position(2, [7, 9])
    assert [leg.balance_raw for leg in position.collateral] == [HUGE, 5 * 10**6]
    assert [(leg.price_raw, leg.unit_raw) for leg in position.collateral] == [(7, 10**18), (9, 10**6)]
    assert [leg.counted for leg in position.collateral] == [False, True]
    assert [(leg.reserve, leg.balance_raw, leg.price_raw) for leg in position.debt] == [(1, 250_000, 9)]
    assert market().position(1).collateral == ()


def test_assets_are_found_by_symbol_address_and_unique_case() -> None:
    snapshot = market(WETH, USDC, TWIN, book=book_of({}, [], []))
    assert snapshot.asset_names == ("WETH", f"USDC:{USDC.asset}", f"USDC:{TWIN.asset}")
    assert snapshot.asset_index("WETH") == 0
    assert snapshot.asset_index("weth") == 0
    assert snapshot.asset_index(TWIN.asset.upper().replace("X", "x")) == 2
    assert snapshot.asset_index(f"USDC:{USDC.asset}") == 1
    with pytest.raises(UnknownAsset, match="WETH"):
        snapshot.asset_index("WETHX")
    with pytest.raises(UnknownAsset):
        snapshot.asset_index("USDC")  # two reserves have this symbol


def test_arrays_are_exact_and_read_only() -> None:
    raw = raw_array([HUGE, np.int64(3)])
    assert raw.tolist() == [HUGE, 3]
    assert type(raw[1]) is int
    for array in (raw, frozen([1, 2], np.int64)):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    assert indptr_of(np.array([0, 0, 2]), 4).tolist() == [0, 2, 2, 3, 3]


BOOK = market().book


@pytest.mark.parametrize(
    ("book", "named"),
    [
        (replace(BOOK, emode=BOOK.emode[:2]), "emode has 2 rows for 3 accounts"),
        (replace(BOOK, accounts=("a", "c", "b")), "not sorted"),
        (replace(BOOK, accounts=("a", "a", "b")), "not sorted and unique"),
        (replace(BOOK, debt=replace(BOOK.debt, indptr=np.array([0, 1, 0, 1]))), "debt.indptr"),
        (replace(BOOK, debt=replace(BOOK.debt, reserve=np.array([2]))), r"debt.reserve\[0\]"),
        (replace(BOOK, debt=replace(BOOK.debt, amount_raw=raw_array([-1]))), "is -1"),
        (replace(BOOK, debt=replace(BOOK.debt, scaled_raw=raw_array([1, 2]))), "scaled_raw has 2 entries"),
        (
            replace(BOOK, collateral=replace(BOOK.collateral, reserve=np.array([0, 1, 1]))),
            "lists a reserve twice",
        ),
    ],
)
def test_contradicting_tables_are_refused_by_name(book: Book, named: str) -> None:
    with pytest.raises(InconsistentSnapshot, match=named):
        market(book=book)


@pytest.mark.parametrize("bad", [replace(WETH, price_raw=-1), replace(WETH, decimals=78)])
def test_an_impossible_reserve_is_refused(bad: Reserve) -> None:
    with pytest.raises(InconsistentSnapshot, match=r"reserves\[0\]"):
        market(bad, USDC)
