"""Selling along a depth curve: the kernels against `Depth` itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.depth import Depth
from risk.engine.liquidators import Liquidators
from risk.engine.model import Model, model_of
from risk.engine.selling import cumulative_usd, sale_usd, slippage, tokens_above
from tests.risk.engine.markets import market, reserve

SNAPSHOT = market([reserve("X", 100.0), reserve("Y", 1.0)], [])


@st.composite
def depths(draw: st.DrawFn) -> Depth:
    """A concave curve for X, Y infinitely deep."""
    n = draw(st.integers(1, 6))
    width = np.array(draw(st.lists(st.floats(0.1, 100.0), min_size=n, max_size=n)))
    slopes = sorted(draw(st.lists(st.floats(0.0, 100.0), min_size=n, max_size=n)), reverse=True)
    size, usd = np.zeros((2, n + 1)), np.zeros((2, n + 1))
    size[0, 1:], usd[0, 1:] = np.cumsum(width), np.cumsum(width * np.array(slopes))
    return replace(
        Depth.infinite_for(SNAPSHOT),
        count=np.array([n + 1, 0], dtype=np.int64),
        size_tokens=size,
        proceeds_usd=usd,
    )


def model(depth: Depth) -> Model:
    return model_of(SNAPSHOT, depth, Liquidators())


sizes = st.just(0.0) | st.floats(1e-9, 700.0)


@given(depths(), sizes, sizes, st.floats(0.1, 300.0))
def test_a_sale_is_the_difference_of_two_points_of_the_curve(
    depth: Depth, sold: float, tokens: float, price: float
) -> None:
    before, after = depth.proceeds(0, np.array([sold, sold + tokens]), price / 100.0)
    assert sale_usd(0, sold, tokens, price, model(depth)) == pytest.approx(after - before, rel=1e-9, abs=1e-6)
    assert sale_usd(1, sold, tokens, price, model(depth)) == tokens * price


@given(depths(), sizes)
def test_slippage_agrees_with_depth(depth: Depth, tokens: float) -> None:
    expected = float(depth.slippage(0, np.array(tokens)))
    assert slippage(0, tokens, model(depth)) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert slippage(1, tokens, model(depth)) == 0.0


@given(depths(), sizes, st.floats(0.0, 100.0))
def test_tokens_above_a_price_are_where_the_slope_falls_below_it(
    depth: Depth, sold: float, floor_usd: float
) -> None:
    m = model(depth)
    more = tokens_above(0, sold, 100.0, floor_usd, m)
    small = 1e-3
    if more > 2 * small:
        last = cumulative_usd(0, sold + more, m) - cumulative_usd(0, sold + more - small, m)
        assert last >= floor_usd * small * (1 - 1e-6) - 1e-9
    beyond = cumulative_usd(0, sold + more + small, m) - cumulative_usd(0, sold + more, m)
    assert beyond <= floor_usd * small * (1 + 1e-6) + 1e-9


def test_infinite_depth_takes_all_or_nothing() -> None:
    m = model(Depth.infinite_for(SNAPSHOT))
    assert tokens_above(0, 5.0, 100.0, 100.0, m) == np.inf
    assert tokens_above(0, 5.0, 100.0, 100.1, m) == 0.0
