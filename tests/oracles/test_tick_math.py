"""Ticks against the constants v3-core publishes and against their definition."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles.tick_math import (
    MAX_TICK,
    Q96,
    mean_tick_down,
    quote_at_tick,
    sqrt_ratio_at_tick,
    tick_at_sqrt_ratio,
)

MIN_SQRT_RATIO = 4295128739
MAX_SQRT_RATIO = 1461446703485210103287273052203988822378723970342

TICKS = st.integers(-MAX_TICK, MAX_TICK)


def test_the_published_ends_of_the_scale() -> None:
    assert sqrt_ratio_at_tick(-MAX_TICK) == MIN_SQRT_RATIO
    assert sqrt_ratio_at_tick(MAX_TICK) == MAX_SQRT_RATIO
    assert sqrt_ratio_at_tick(0) == Q96


@given(st.integers(-MAX_TICK, MAX_TICK - 1))
def test_avg_06_a_tick_is_the_greatest_whose_price_is_not_above(tick: int) -> None:
    here, above = sqrt_ratio_at_tick(tick), sqrt_ratio_at_tick(tick + 1)
    assert here < above
    assert tick_at_sqrt_ratio(here) == tick_at_sqrt_ratio(above - 1) == tick


@given(st.integers(-400_000, 400_000))
def test_a_tick_is_a_basis_point_and_the_ratio_its_root(tick: int) -> None:
    assert math.isclose(sqrt_ratio_at_tick(tick) / Q96, 1.0001 ** (tick / 2), rel_tol=1e-9)


@given(st.integers(-200_000, 200_000), st.integers(10**9, 10**24))
def test_the_other_side_quotes_the_inverse(tick: int, amount: int) -> None:
    forth = quote_at_tick(tick, amount, base_is_token0=True)
    back = quote_at_tick(-tick, amount, base_is_token0=False)
    assert abs(forth - back) <= 2 + forth // 10**12


def test_a_quote_on_either_side_of_the_128_bit_root() -> None:
    # Prices of 2**64 and more leave the precise branch; the two agree to 2**-64.
    for tick in (443_635, 443_636, 443_637):
        assert math.isclose(
            quote_at_tick(tick, 10**18, base_is_token0=True), 1e18 * 1.0001**tick, rel_tol=1e-9
        )


@pytest.mark.parametrize(("delta", "mean"), [(7, 2), (-7, -3), (-6, -2), (0, 0)])
def test_the_mean_tick_rounds_toward_minus_infinity(delta: int, mean: int) -> None:
    assert mean_tick_down(delta, 3) == mean


def test_prices_beyond_the_scale_are_refused() -> None:
    with pytest.raises(FeedError, match="887273"):
        sqrt_ratio_at_tick(MAX_TICK + 1)
    for root in (MIN_SQRT_RATIO - 1, MAX_SQRT_RATIO):
        with pytest.raises(FeedError, match=str(root)):
            tick_at_sqrt_ratio(root)
