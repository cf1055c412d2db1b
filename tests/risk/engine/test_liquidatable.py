"""Liquidatable or not, by the contract's integers: tier by tier, and against the exact rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from abis.errors import ScenarioError
from protocols.exact import exact_rules
from protocols.releases import releases_of
from protocols.snapshot import Snapshot, raw_array
from risk.engine.liquidatable import Liquidatable, liquidatable
from risk.testing.snapshots import snapshots
from tests.risk.engine.markets import Account, market, reserve

RELEASES = releases_of("aave")
TRUNCATED, FULL = "3.4", "3.5"


def by_the_rules(snapshot: Snapshot, raw: NDArray[Any]) -> NDArray[Any]:
    """Below or not, (N, S), account by account from the exact rules."""
    exact, rules = exact_rules(snapshot.rules), snapshot.rules
    return np.array(
        [
            [
                exact.account_data(snapshot.position(u, [int(p) for p in row]), rules).health_factor
                < rules.liquidatable_below_wad
                for row in raw
            ]
            for u in range(len(snapshot.book))
        ],
        dtype=bool,
    ).reshape(len(snapshot.book), len(raw))


def agrees(snapshot: Snapshot, raw: NDArray[Any]) -> Liquidatable:
    got = liquidatable(snapshot, raw, which=True)
    expected = by_the_rules(snapshot, raw)
    np.testing.assert_array_equal(got.below, expected)
    np.testing.assert_array_equal(got.accounts, expected.sum(axis=0))
    assert np.isfinite(got.debt_base).all()
    return got


@st.composite
def moved(draw: st.DrawFn) -> tuple[Snapshot, NDArray[Any]]:
    snapshot = draw(snapshots())
    rows = [
        [r.price_raw * draw(st.integers(0, 3_000) | st.just(1_000)) // 1_000 for r in snapshot.reserves]
        for _ in range(draw(st.integers(1, 3)))
    ]
    raw = np.empty((len(rows), len(snapshot.reserves)), dtype=object)
    raw[:] = rows
    return snapshot, raw


@given(moved())
def test_any_book_is_classified_as_by_the_contract(case: tuple[Snapshot, NDArray[Any]]) -> None:
    """CLS-1: on any book and prices exactly the accounts below the contract's threshold are found."""
    agrees(*case)


@example(version="2.0", tokens=[28, 1, 2**64], thresholds=[294, 1, 1], rest=0, price=1, steps=[1])
@given(
    version=st.sampled_from(RELEASES),
    tokens=st.lists(st.integers(1, 2**30) | st.integers(2**64, 2**72), min_size=1, max_size=3),
    thresholds=st.lists(st.integers(1, 9_500), min_size=3, max_size=3),
    rest=st.integers(0, 10**18 - 1),
    price=st.integers(1, 2**49) | st.just(10**8),
    steps=st.lists(st.integers(-3, 3), min_size=1, max_size=5),
)
def test_one_unit_of_debt_decides(
    version: str, tokens: list[int], thresholds: list[int], rest: int, price: int, steps: list[int]
) -> None:
    """CLS-2: accounts placed within units of health 1, of any size, fall on the contract's side."""
    listed = [
        reserve(f"C{i}", threshold=bps / 10_000, price_raw=price + i)
        for i, bps in zip(range(len(tokens)), thresholds, strict=False)
    ]
    listed.append(reserve("D", decimals=8))  # a smallest unit is a base unit
    holder = Account(dict.fromkeys(range(len(tokens)), 1.0), {len(tokens): 1.0})
    snapshot = market(listed, [holder] * len(steps), version)
    held = [t * 10**18 + rest for t in tokens]
    value = [h * (price + i) // 10**18 for i, h in enumerate(held)]
    weighted = sum(v * bps for v, bps in zip(value, thresholds, strict=False))
    if snapshot.rules.health_formula == "truncated_average":
        average = weighted // sum(value) if sum(value) else 0
        weighted = sum(value) * average + 5_000
    owed = [max(weighted // 10_000 + step, 0) for step in steps]
    book = snapshot.book
    c, d = raw_array(held * len(steps)), raw_array(owed)
    snapshot = replace(
        snapshot,
        book=replace(
            book,
            collateral=replace(book.collateral, amount_raw=c, scaled_raw=c),
            debt=replace(book.debt, amount_raw=d, scaled_raw=d),
        ),
    )
    agrees(snapshot, np.array([[r.price_raw for r in snapshot.reserves]]))


@pytest.mark.parametrize("version", [TRUNCATED, FULL])
def test_each_tier_takes_what_the_one_before_cannot_prove(version: str) -> None:
    listed = [reserve("X", threshold=0.80, decimals=8), reserve("D", decimals=8)]
    at_one = Account({0: 1_000.0}, {1: 800.0})
    snapshot = market(
        listed, [at_one, Account({0: 1_000.0}, {1: 100.0}), Account({0: 1.0}, {1: 1.0})], version
    )
    got = agrees(snapshot, np.array([[10**8, 10**8]]))
    assert (got.by_integers, got.by_python) == (1, 0)  # health exactly 1; 8; 0.8
    high = np.array([[2**50, 2**50]])  # beyond the second tier's prices
    got = agrees(snapshot, high)
    assert (got.by_integers, got.by_python) == (0, 1)


def test_what_the_contract_rounds_away_beyond_the_range_is_rounded_away() -> None:
    """Owing 1e21 base units, one unit short of health 1 is rounded back to it in wad."""
    listed = [reserve("X", threshold=0.01, decimals=8), reserve("D", decimals=8)]
    snapshot = market(listed, [Account({0: 1.0}, {1: 1.0})] * 2)
    book, d = snapshot.book, raw_array([10**21] * 2)
    c = raw_array([10**23 - 1, 10**23 - 10**6])
    whales = replace(
        snapshot,
        book=replace(
            book,
            collateral=replace(book.collateral, amount_raw=c, scaled_raw=c),
            debt=replace(book.debt, amount_raw=d, scaled_raw=d),
        ),
    )
    got = agrees(whales, np.array([[10**8, 10**8]]))
    assert got.by_python == 2
    assert got.accounts.tolist() == [1]


def test_results_do_not_depend_on_how_many_scenarios_come_together() -> None:
    rng = np.random.default_rng(3)
    listed = [reserve("X", 2_000.0), reserve("Y", 60_000.0, decimals=8), reserve("D", decimals=6)]
    accounts = [
        Account({0: float(rng.uniform(1, 9)), 1: 0.01}, {2: float(rng.uniform(1_000, 15_000))})
        for _ in range(40)
    ]
    snapshot = market(listed, accounts, "3.6")
    now = np.array([r.price_raw for r in listed])
    raw = (now * rng.uniform(0.5, 1.1, (300, 3))).astype(np.int64)
    whole = liquidatable(snapshot, raw, which=True)
    parts = [liquidatable(snapshot, raw[a : a + 77], which=True) for a in range(0, 300, 77)]
    assert 0 < whole.accounts.sum() < 300 * 40
    np.testing.assert_array_equal(whole.accounts, np.concatenate([p.accounts for p in parts]))
    np.testing.assert_array_equal(whole.debt_base, np.concatenate([p.debt_base for p in parts]))
    plain = liquidatable(snapshot, raw)
    assert plain.below is None
    np.testing.assert_array_equal(plain.debt_base, whole.debt_base)


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        (np.ones((1, 2)), "float64"),
        (np.ones((1, 3), dtype=np.int64), r"\(1, 3\)"),
        (np.array([[1, -5]]), "-5 is negative"),
    ],
)
def test_impossible_prices_are_refused(raw: NDArray[Any], part: str) -> None:
    snapshot = market([reserve("X"), reserve("D")], [Account({0: 1.0}, {1: 0.5})])
    with pytest.raises(ScenarioError, match=part):
        liquidatable(snapshot, raw)


def test_empty_books_and_no_scenarios() -> None:
    snapshot = market([reserve("X"), reserve("D")], [])
    assert liquidatable(snapshot, np.ones((4, 2), dtype=np.int64)).accounts.tolist() == [0] * 4
    held = market([reserve("X"), reserve("D")], [Account({0: 1.0}, {})])
    assert liquidatable(held, np.zeros((0, 2), dtype=np.int64)).accounts.tolist() == []
