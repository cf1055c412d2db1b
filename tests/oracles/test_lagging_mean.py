"""The 2020 anchor: window rules in exact integers, a print's weight, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from abis.errors import FeedError
from oracles import lagging_mean
from oracles.lagging_mean import LaggingMean
from risk.testing.price_paths import PricePath, price_paths
from tests.oracles.kinds import LAGGING

UQ112 = 1 << 112
DAI = LaggingMean("DAI / USDC")


def plain(mean: LaggingMean, times: list[int], prices: list[float]) -> list[int]:
    """The contract: 112-digit fixed point, two observations, truncation."""
    fixed = [int(p * 2**52) * (UQ112 >> 52) for p in prices]
    old, new = (times[0] - mean.period_s, -fixed[0] * mean.period_s), (times[0], 0)
    total, last, price, answers = 0, times[0], fixed[0], []
    for now, following in zip(times, fixed, strict=True):
        total += price * (now - last)
        if now - new[0] >= mean.period_s:
            old, new = new, (now, total)
        average = (total - old[1]) // (now - old[0])
        answers.append(average * 10**mean.decimals // UQ112)
        last, price = now, following
    return answers


@given(LAGGING, price_paths())
def test_avg_19_the_anchor_is_the_contracts_to_one_unit(mean: LaggingMean, path: PricePath) -> None:
    """AVG-19: a mean over the lagging window is the contract's fixed-point answer, to one unit."""
    state = lagging_mean.start(mean, path.time_s[0], path.price[:, 0])
    said = lagging_mean.fold(mean, state, path.time_s, path.price)[1]
    times = path.time_s.astype(int).tolist()
    exact = np.array([plain(mean, times, row) for row in path.price.tolist()])
    assert (np.abs(said - exact) <= 1).all()


def test_a_print_weighs_by_its_share_of_the_window() -> None:
    times = np.arange(0.0, 1_800.0, 60.0)
    price = np.where(times >= 600, 1.3, 1.0)[None]
    said = lagging_mean.fold(DAI, lagging_mean.start(DAI, 0.0, [1.0]), times, price)[1][0]
    # After 540 s at 1.30 the window is 1800 + 1140 s long.
    assert int(said[times == 1_140][0]) == int(1e6 * (1 + 0.3 * 540 / 2_940))


def test_the_window_rolls_once_the_newer_observation_is_a_period_old() -> None:
    state = lagging_mean.start(DAI, 0.0, [1.0])
    state, _ = lagging_mean.advance(DAI, state, 1_799.0, [1.0])
    assert (state.old_s, state.new_s) == (-1_800, 0)
    state, _ = lagging_mean.advance(DAI, state, 1_800.0, [1.0])
    assert (state.old_s, state.new_s) == (0, 1_800)


def test_bad_input_is_refused() -> None:
    with pytest.raises(FeedError, match="period of 0"):
        LaggingMean("x", period_s=0)
    state = lagging_mean.start(DAI, 10.0, [1.0])
    with pytest.raises(FeedError, match="impossible"):
        lagging_mean.advance(DAI, state, 11.0, [0.0])
    with pytest.raises(FeedError, match="backwards"):
        lagging_mean.advance(DAI, state, 9.0, [1.0])
    with pytest.raises(FeedError, match="fewer decimals"):
        lagging_mean.advance(DAI, state, 11.0, [2e6])
    with pytest.raises(FeedError, match="without a posting"):
        lagging_mean.advance(DAI, state, 1e7, [1.0])


def test_the_accumulator_may_run_over() -> None:
    state = lagging_mean.start(DAI, 0.0, [1_000_000.0])
    over = lagging_mean.LaggingState(0.0, state.price_raw, *(_near_the_end(state)))
    said = lagging_mean.fold(DAI, over, np.arange(1.0, 7_201.0, 600.0), np.full((1, 12), 1_000_000.0))[1]
    assert (said == 10**12).all()


def _near_the_end(state: lagging_mean.LaggingState) -> tuple[Any, ...]:
    end = np.int64(2**63 - 10**13)
    return state.total + end, state.old_s, state.new_s, state.old_total + end, state.new_total + end
