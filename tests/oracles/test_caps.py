"""Caps on ratios: the update of 2026-03-10, and arrays against the contract's integers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from abis.units import YEAR_S
from oracles import caps
from oracles.caps import CapParameters, GrowthScale, RatioCap
from tests.oracles.seen import NOW_S, assert_exact, raws, seen, times

OLD = CapParameters(1_157_209_899_495_068_171, 1_708_004_591, 968)
RAISED = OLD.snapshot_ratio * 103 // 100
WEEK_AGO_S = NOW_S - 7 * 86_400
MARKET_RATIO = 1_228_900_000_000_000_000

CAPS = st.builds(CapParameters, st.integers(1, 2**90), st.integers(0, NOW_S), st.integers(0, 2**16 - 1))


@pytest.mark.parametrize(
    ("cap", "highest", "shortfall"),
    [
        (CapParameters(RAISED, WEEK_AGO_S, 968), 1_194_138_933_988_782_665, 0.0283),
        (CapParameters(RAISED, WEEK_AGO_S, 875), 1_193_926_346_604_150_218, 0.02846),
    ],
)
def test_the_update_of_2026_03_10_priced_wsteth_2_8_percent_below_market(
    cap: CapParameters, highest: int, shortfall: float
) -> None:
    assert RAISED == 1_191_926_196_479_920_216
    assert caps.max_ratio(cap, NOW_S, GrowthScale.MILLIONTH) == highest
    assert caps.is_capped(MARKET_RATIO, highest)
    assert float(caps.headroom(MARKET_RATIO, highest)) == pytest.approx(-shortfall, abs=5e-5)
    price = RatioCap(8, 18, cap).answers(seen(2_000 * 10**8, MARKET_RATIO))
    assert price.tolist() == [[2_000 * 10**8 * highest // 10**18]]


def test_a_cap_that_is_met_in_a_million_years_is_found_too() -> None:
    wide = CapParameters(2**90, NOW_S, 1)
    assert caps.seconds_to_cap(wide, 1, NOW_S, apr=1e-6) / YEAR_S > 10**7


def test_the_old_parameters_did_not_bind() -> None:
    highest = caps.max_ratio(OLD, NOW_S, GrowthScale.MILLIONTH)
    assert highest / 1e18 == pytest.approx(1.38859, abs=5e-6)
    assert not caps.is_capped(MARKET_RATIO, highest)
    assert caps.seconds_to_cap(OLD, MARKET_RATIO, NOW_S, apr=0.0) == float("inf")


def test_the_older_rounding_cuts_the_growth_of_a_second_to_whole_units() -> None:
    small = CapParameters(10**8, 0, 968)  # a ratio of 8 decimals grows by 0.3 units a second
    assert caps.growth_per_second(small, GrowthScale.WHOLE) == 0
    assert caps.max_ratio(small, YEAR_S, GrowthScale.WHOLE) == 10**8
    assert caps.growth_per_second(small, GrowthScale.MILLIONTH) == 10**8 * 968 * 10**6 // 10**4 // YEAR_S
    assert caps.max_ratio(small, YEAR_S, GrowthScale.MILLIONTH) == pytest.approx(
        109_680_000, abs=YEAR_S / 10**6
    )


@given(CAPS, st.sampled_from(GrowthScale), raws(2**63 - 1), raws(2**80), times())
def test_adp_11_a_capped_price_is_the_contracts_integer(
    cap: CapParameters, scale: GrowthScale, base: Any, ratio: Any, time_s: Any
) -> None:
    """ADP-11: arrays of every adapter hold what its integers say, to the unit."""

    def rule(now_s: int, base: int, ratio: int) -> int:
        return caps.capped_price(base, ratio, caps.max_ratio(cap, now_s, scale), 18)

    assert_exact(RatioCap(8, 18, cap, scale), seen(base, ratio, time_s=time_s), rule)


@given(CAPS, st.integers(1, 2**90), st.integers(1, 5_000))
def test_the_time_to_the_cap_is_when_a_compounding_ratio_meets_it(
    cap: CapParameters, ratio: int, apr_bps: int
) -> None:
    apr = apr_bps / 10_000
    after_s = caps.seconds_to_cap(cap, ratio, NOW_S, apr)
    if caps.is_capped(ratio, caps.max_ratio(cap, NOW_S, GrowthScale.MILLIONTH)):
        assert after_s == 0.0
        return
    for seconds, above in ((after_s * 0.999 - 2, False), (after_s * 1.001 + 2, True)):
        if 0 < seconds < 50 * YEAR_S:
            grown = ratio * 2.718281828459045 ** (apr * seconds / YEAR_S)
            highest = caps.max_ratio(cap, NOW_S + round(seconds), GrowthScale.MILLIONTH)
            assert (grown > highest) is above or abs(grown / highest - 1) < 1e-9


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: CapParameters(-1, 0, 0), "snapshot ratio of -1"),
        (lambda: CapParameters(1, -1, 0), "snapshot time of -1"),
        (lambda: CapParameters(1, 0, 2**16), "growth of 65536"),
        (lambda: caps.max_ratio(OLD, 0, GrowthScale.WHOLE), "is read at 0"),
        (lambda: caps.headroom(0, 1), "ratio of 0"),
    ],
)
def test_impossible_caps_are_refused(make: Any, named: str) -> None:
    with pytest.raises(FeedError, match=named):
        make()


def test_what_the_setter_accepts() -> None:
    update = CapParameters(RAISED, WEEK_AGO_S, 968)
    assert caps.ratio_is_not_zero(update)
    assert not caps.ratio_is_not_zero(CapParameters(0, 1, 1))
    assert caps.is_newer_than_stored(update, OLD)
    assert not caps.is_newer_than_stored(OLD, OLD)
    assert caps.is_old_enough(update, NOW_S, 7 * 86_400)
    assert not caps.is_old_enough(update, NOW_S - 1, 7 * 86_400)
    assert caps.is_recent_enough(update, NOW_S)
    assert not caps.is_recent_enough(OLD, NOW_S)
    assert caps.does_not_overflow_soon(update)
    assert not caps.does_not_overflow_soon(CapParameters(2**104 - 1, 0, 5_000))
