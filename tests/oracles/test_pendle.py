"""Principal tokens: a straight line up to the underlying at maturity."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from abis.units import WAD, YEAR_S
from oracles import pendle
from oracles.pendle import PendleDiscount
from tests.oracles.seen import NOW_S, assert_exact, raws, seen, times


def test_the_discount_melts_in_a_straight_line() -> None:
    source = PendleDiscount(8, NOW_S + YEAR_S, 2 * 10**17)
    quarter = YEAR_S // 4
    at = [NOW_S, NOW_S + quarter, NOW_S + 2 * quarter, NOW_S + YEAR_S, NOW_S + 2 * YEAR_S]
    assert source.answers(seen([[10**8] * 5], time_s=at)).tolist() == [
        [80_000_000, 85_000_000, 90_000_000, 10**8, 10**8]
    ]


@given(st.integers(0, 10**17), st.integers(-YEAR_S, 9 * YEAR_S), raws(2**63 - 1), times())
def test_adp_11_a_discounted_price_is_the_contracts_integer(
    rate: int, left_s: int, underlying: Any, time_s: Any
) -> None:
    """ADP-11: arrays of every adapter hold what its integers say, to the unit."""
    maturity_s = NOW_S + left_s

    def rule(now_s: int, price: int) -> int:
        return pendle.discounted_price(price, pendle.discount_wad(maturity_s, now_s, rate))

    assert_exact(PendleDiscount(8, maturity_s, rate), seen(underlying, time_s=time_s), rule)


def test_impossible_discounts_are_refused() -> None:
    with pytest.raises(FeedError, match="discount of -1"):
        PendleDiscount(8, NOW_S, -1)
    with pytest.raises(FeedError, match="exceeds the price"):
        PendleDiscount(8, NOW_S + 2 * YEAR_S, WAD).answers(seen(10**8))
