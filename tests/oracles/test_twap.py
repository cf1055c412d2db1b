"""The TWAP: twin against the exact definition, known step response, memory, bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles import twap
from oracles.paths import NO_PRICE
from oracles.tick_math import mean_tick_down
from oracles.twap import TwapPool
from risk.testing.price_paths import PricePath, price_paths
from tests.oracles.kinds import POOLS

POOL = TwapPool("WETH / USDC", base_decimals=18, quote_decimals=6, decimals=8)


def plain_twap(pool: TwapPool, times: list[int], prices: list[float]) -> list[int]:
    """The definition, one second of tick after another, in Python integers."""
    answers = []
    for k, now in enumerate(times):
        total = 0
        for j in range(-1, k + 1):
            begin = -(10**12) if j < 0 else times[j]
            end = times[j + 1] if j < k else now
            held = max(0, min(end, now) - max(begin, now - pool.window_s))
            total += held * twap.tick_of(pool, prices[max(j, 0)])
        answers.append(twap.answer_at_tick(pool, mean_tick_down(total, pool.window_s)))
    return answers


@given(POOLS, price_paths(max_times=8))
def test_avg_07_the_twap_is_its_exact_definition(pool: TwapPool, path: PricePath) -> None:
    state = twap.start(pool, path.time_s[0], path.price[:, 0])
    said = twap.fold(pool, state, path.time_s, path.price)[1]
    times = path.time_s.astype(int).tolist()
    assert said.tolist() == [plain_twap(pool, times, row) for row in path.price.tolist()]


@given(
    POOLS,
    st.lists(st.integers(-60_000, 60_000), min_size=2, max_size=8),
    st.integers(-20_000, 20_000),
    st.integers(1, 900),
)
def test_avg_08_a_price_k_ticks_higher_gives_a_mean_k_ticks_higher(
    pool: TwapPool, ticks: list[int], k: int, step_s: int
) -> None:
    times = np.arange(len(ticks)) * step_s
    plain = twap.mean_ticks(pool, twap.Past(times, np.array([ticks])), len(ticks))[0]
    higher = twap.mean_ticks(pool, twap.Past(times, np.array([ticks]) + k), len(ticks))[0]
    assert np.array_equal(higher, plain + k)


@given(POOLS, st.lists(st.floats(1e-4, 1e9), min_size=1, max_size=20), st.integers(-50_000, 50_000))
def test_avg_09_ticks_of_many_prices_are_the_exact_ones(
    pool: TwapPool, prices: list[float], tick: int
) -> None:
    exponent = tick if pool.base_is_token0 else -tick
    prices.append(
        1.0001**exponent * 10.0 ** (pool.base_decimals - pool.quote_decimals) * 1e6
    )  # near a boundary
    prices.append(1.0)
    assert twap.ticks_of(pool, prices).tolist() == [twap.tick_of(pool, p) for p in prices]


def step_response(pool: TwapPool, factor: float, seconds: int) -> float:
    times = np.arange(0.0, seconds + 1, 12.0)
    price = np.where(times > 0, 2_000.0 * factor, 2_000.0)[None]
    # The step is at 12 s, the first block that leaves the new price behind.
    state = twap.start(pool, 0.0, [2_000.0])
    return float(twap.fold(pool, state, times, price)[1][0, -1] / twap.settled(pool, [2_000.0])[0])


def test_a_step_of_ten_percent_has_passed_by_a_third_after_a_third_of_the_window() -> None:
    # Printed: exp(ln 1.1 / 3) - 1 = 3.228 %; a tick is one basis point.
    assert step_response(POOL, 1.1, 612) - 1 == pytest.approx(0.03228, abs=1.5e-4)
    assert step_response(POOL, 1.1, 1_812) - 1 == pytest.approx(0.1, abs=1.5e-4)


def test_a_swap_has_no_weight_in_its_own_block() -> None:
    state = twap.start(POOL, 0.0, [2_000.0])
    said = twap.fold(POOL, state, [12.0, 24.0, 36.0], [[4_000.0, 2_000.0, 2_000.0]])[1][0]
    assert said[0] == twap.settled(POOL, [2_000.0])[0]
    assert said[1] > said[0]  # held for twelve seconds, it counts
    assert said[2] == said[1]


def test_a_pool_that_stores_too_little_refuses() -> None:
    pool = replace(POOL, cardinality=2, window_s=100)
    state = twap.start(pool, 0.0, [2_000.0])
    times = [30.0, 60.0, 90.0, 120.0, 131.0, 161.0]
    price = [[2_001.0, 2_002.0, 2_002.0, 2_002.0, 2_002.0, 2_002.0]]
    said = twap.fold(pool, state, times, price)[1][0]
    # Two slots, two swaps since 0 s: the oldest stored is at 30 s, in the window until 130 s.
    assert (said == NO_PRICE).tolist() == [False, True, True, True, False, False]


def test_inverse_sides_agree_to_the_tick() -> None:
    other = replace(POOL, base_is_token0=False)
    prices = np.array([0.5, 1.0, 1_234.5])
    assert twap.settled(POOL, prices) == pytest.approx(twap.settled(other, prices), rel=1.1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window_s": 0}, "window of 0"),
        ({"decimals": 19}, "decimals = 19"),
        ({"base_decimals": -1}, "base_decimals = -1"),
        ({"cardinality": 0}, "0 stored"),
    ],
)
def test_impossible_settings_are_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(FeedError, match=message):
        replace(POOL, **change)  # type: ignore[arg-type]


def test_what_does_not_fit_is_refused() -> None:
    wide = replace(POOL, decimals=18)
    with pytest.raises(FeedError, match="does not fit 64 bits"):
        twap.settled(wide, [2_000.0])
    with pytest.raises(FeedError, match="outside what a pool can hold"):
        twap.settled(POOL, [1e60])
