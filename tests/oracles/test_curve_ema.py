"""The EMA: twin against exact integers, step response, cap, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from abis.units import WAD
from oracles import curve_ema
from oracles.curve_ema import CurvePool, alpha_wad, blend_down
from risk.testing.price_paths import PricePath, price_paths
from tests.oracles.kinds import CURVE_POOLS, CURVE_SCALE

POOL = CurvePool("USDe / USDC")


@given(CURVE_POOLS, price_paths())
def test_avg_10_the_ema_is_its_exact_definition(pool: CurvePool, path: PricePath) -> None:
    price = path.price / CURVE_SCALE
    said = curve_ema.fold(pool, curve_ema.start(pool, path.time_s[0], price[:, 0]), path.time_s, price)[1]
    cap = pool.cap_raw or 2**62
    for i, row in enumerate(price.tolist()):
        raw = [min(round(p * 1e18), cap) for p in row]
        spot, ema, last, plain = raw[0], raw[0], int(path.time_s[0]), []
        for now, new in zip(path.time_s.astype(int).tolist(), raw, strict=True):
            ema = blend_down(spot, ema, alpha_wad(pool, now - last))
            spot, last = new, now
            plain.append(ema)
        assert said[i].tolist() == plain


@given(st.integers(0, 2**62), st.integers(0, 2**62), st.integers(0, WAD))
def test_avg_11_a_blend_lies_between_what_it_blends(spot: int, ema: int, alpha: int) -> None:
    assert min(spot, ema) <= blend_down(spot, ema, alpha) <= max(spot, ema)


@given(st.integers(0, 2**62), st.integers(0, 2**62), st.integers(0, WAD))
def test_the_compiled_blend_is_the_exact_one_over_the_whole_range(spot: int, ema: int, alpha: int) -> None:
    said = np.empty((1, 1), dtype=np.int64)
    rows = (np.array([spot]), np.array([ema]), np.array([alpha]), np.array([[spot]]))
    curve_ema._average(*rows, said)
    assert int(said[0, 0]) == blend_down(spot, ema, alpha)


def passed(seconds: float) -> float:
    state = curve_ema.start(POOL, 0.0, [1.0])
    state, first = curve_ema.advance(POOL, state, 12.0, [1.1])
    assert first[0] == WAD  # the trade itself moves nothing yet
    return float((curve_ema.advance(POOL, state, 12.0 + seconds, [1.1])[1][0] / WAD - 1) / 0.1)


@pytest.mark.parametrize(("seconds", "percent"), [(600, 50.0), (1_800, 87.5)])
def test_the_step_response_is_that_of_a_half_life_of_ten_minutes(seconds: int, percent: float) -> None:
    assert round(100 * passed(seconds), 1) == percent


def test_a_spot_above_two_counts_as_two() -> None:
    state = curve_ema.start(POOL, 0.0, [1.0])
    state, _ = curve_ema.advance(POOL, state, 12.0, [1e30])
    assert int(state.spot_raw[0]) == 2 * WAD
    uncapped = CurvePool("CRV / ETH", cap_raw=None)
    assert curve_ema.settled(uncapped, [3.0])[0] == 3 * WAD


def test_bad_input_is_refused() -> None:
    with pytest.raises(FeedError, match="ma_exp_time of 0"):
        CurvePool("x", ma_exp_time_s=0)
    with pytest.raises(FeedError, match="cap of 0"):
        CurvePool("x", cap_raw=0)
    with pytest.raises(FeedError, match="62 bits"):
        curve_ema.settled(CurvePool("x", cap_raw=None), [5.0])
    for price in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(FeedError, match="impossible"):
            curve_ema.settled(POOL, [price])
