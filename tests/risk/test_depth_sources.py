"""Curves from pool states, quotes and books."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError, UnknownAsset
from risk.depth_sources import Curve, concentrated, constant_product, depth_of, order_book, quotes, routed
from tests.risk.engine.markets import market, reserve

amounts = st.floats(0.1, 1e6)
fees = st.sampled_from([0.0, 0.0005, 0.003, 0.01])
lists = st.lists(st.tuples(amounts, amounts), min_size=1, max_size=8)
pools = st.builds(constant_product, amounts, amounts, fees, amounts)
ranges = st.builds(
    lambda root, shares, deep, fee: concentrated(
        root, deep, [(root * s, 0.0) for s in shares], fee, points=4
    ),
    st.floats(0.1, 100.0),
    st.lists(st.floats(0.1, 0.99), min_size=1, max_size=4, unique=True),
    amounts,
    fees,
)
books = lists.map(lambda rows: order_book([p for p, _ in rows], [q for _, q in rows]))
ladders = lists.map(lambda rows: quotes([q for q, _ in rows], [p for _, p in rows]))
curves = pools | ranges | books | ladders


def slopes(curve: Curve) -> np.ndarray:  # type: ignore[type-arg]
    return np.diff(curve.proceeds_usd) / np.diff(curve.size_tokens)


@given(curves)
def test_curves_are_lawful(curve: Curve) -> None:
    """DEP-04: a curve of any source starts at 0, never falls, and its marginal price never rises."""
    assert (curve.size_tokens[0], curve.proceeds_usd[0]) == (0.0, 0.0)
    assert (np.diff(curve.size_tokens) > 0).all()
    assert (np.diff(curve.proceeds_usd) >= 0).all()
    slope = slopes(curve)
    assert (slope[1:] <= slope[:-1] * (1 + 1e-6)).all()


@given(st.lists(curves, min_size=1, max_size=3), st.floats(0.01, 0.99))
def test_routing_pays_no_less(several: list[Curve], share: float) -> None:
    """DEP-05: splitting a sale over sources pays no less than any one of them or any fixed split."""
    best = routed(several)
    size = share * min(c.size_tokens[-1] for c in several)
    paid = float(np.interp(size, *best))
    assert paid >= max(float(np.interp(size, *c)) for c in several) * (1 - 1e-9)
    parts = sum(float(np.interp(size / len(several), *c)) for c in several)
    assert paid >= parts * (1 - 1e-9)


@given(amounts, amounts, fees, amounts)
def test_pools_pay_their_formula(tokens: float, money: float, fee: float, most: float) -> None:
    """DEP-06: at its points a pool's curve is the swap: the product of reserves never falls."""
    curve = constant_product(tokens, money, fee, most)
    after = (tokens + curve.size_tokens) * (money - curve.proceeds_usd)
    assert (after >= tokens * money * (1 - 1e-9)).all()
    if fee == 0.0:
        np.testing.assert_allclose(after, tokens * money, rtol=1e-6)


def test_a_full_range_is_a_constant_product() -> None:
    """L = sqrt(x y): 100 tokens and 10,000 of money are L = 1,000 at root price 10."""
    full = concentrated(10.0, 1_000.0, [(5.0, 0.0)], 0.003)
    assert full.size_tokens[-1] == pytest.approx(100.0 / 0.997)
    assert full.proceeds_usd[-1] == pytest.approx(5_000.0)
    flat = constant_product(100.0, 10_000.0, 0.003, float(full.size_tokens[-1]))
    assert flat.proceeds_usd[-1] == pytest.approx(5_000.0)


def test_liquidity_changes_where_ranges_end() -> None:
    got = concentrated(10.0, 1_000.0, [(9.0, 500.0), (8.0, 500.0), (7.0, 0.0)], 0.0, usd=2.0, points=1)
    assert got.proceeds_usd.tolist() == pytest.approx([0.0, 2_000.0, 3_000.0])
    expected = [0.0, 1_000 * (1 / 9 - 1 / 10), 1_000 * (1 / 9 - 1 / 10) + 500 * (1 / 8 - 1 / 9)]
    assert got.size_tokens.tolist() == pytest.approx(expected)
    with pytest.raises(InputError, match="root price 11"):
        concentrated(10.0, 1.0, [(11.0, 0.0)], 0.0)


def test_quotes_above_their_neighbours_line_shadow_the_lower() -> None:
    got = quotes([3.0, 1.0, 2.0], [290.0, 100.0, 120.0])
    assert got.size_tokens.tolist() == [0.0, 1.0, 3.0]
    assert got.proceeds_usd.tolist() == [0.0, 100.0, 290.0]


def test_curves_become_a_depth_held_to_the_oracle_price() -> None:
    snapshot = market([reserve("X", 100.0), reserve("Y", 1.0)], [])
    book = order_book([101.0, 90.0], [1.0, 4.0], fee=0.001)
    depth = depth_of(snapshot, {"X": book}, "a book")
    assert depth.proceeds(0, np.array([1.0, 5.0])).tolist() == pytest.approx([100.0, 461 * 0.999])
    assert depth.infinite.tolist() == [False, True]
    assert depth.source == ("a book", "")
    with pytest.raises(UnknownAsset):
        depth_of(snapshot, {"Z": book}, "a book")


@pytest.mark.parametrize(
    "make",
    [
        lambda: constant_product(0.0, 1.0, 0.0, 1.0),
        lambda: constant_product(1.0, 1.0, 1.0, 1.0),
        lambda: order_book([1.0], [0.0]),
        lambda: order_book([np.nan], [1.0]),
        lambda: quotes([1.0, 2.0], [1.0]),
        lambda: routed([]),
    ],
)
def test_impossible_sources_are_refused(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError):
        make()
