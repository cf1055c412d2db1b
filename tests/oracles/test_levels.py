"""Inputs that stand still, grow once a day, or follow the scenario."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from abis.units import YEAR_S
from oracles.levels import Level, level_at
from tests.oracles.seen import NOW_S, assert_exact, seen, times

DAY_S = 86_400


def test_a_staking_ratio_rises_at_the_daily_report_and_may_fall() -> None:
    ratio = Level(18, 10**18, 365, NOW_S, every_s=DAY_S)
    at = [NOW_S - 5, NOW_S, NOW_S + DAY_S - 1, NOW_S + DAY_S, NOW_S + YEAR_S]
    day = 10**18 * 365 // 10**4 // 365
    assert ratio.answers(seen(time_s=at)).tolist() == [
        [10**18, 10**18, 10**18, 10**18 + day, 10**18 + 365 * day]
    ]
    slashed = seen(time_s=at[:2])
    path = np.array([[10**18, 9 * 10**17]])
    assert ratio.answers(replace(slashed, path=path)).tolist() == path.tolist()


@given(st.integers(0, 2**90), st.integers(-50, 2_000), st.integers(1, 10**6), times(NOW_S - 10**6))
def test_adp_11_a_level_is_its_integer(raw: int, growth: int, every_s: int, time_s: list[int]) -> None:
    """ADP-11: arrays of every adapter hold what its integers say, to the unit."""

    def rule(now_s: int) -> int:
        return level_at(raw, growth, NOW_S, now_s, every_s)

    assert_exact(Level(18, raw, growth, NOW_S, every_s), seen(time_s=time_s), rule)


def test_impossible_levels_are_refused() -> None:
    with pytest.raises(FeedError, match="no stated time"):
        Level(18, 1, 100)
    with pytest.raises(FeedError, match="level of -1"):
        Level(18, -1)
    with pytest.raises(FeedError, match="every 0 s"):
        Level(18, 1, every_s=0)
    with pytest.raises(FeedError, match="falls below 0"):
        Level(18, 10**18, -10_000, NOW_S).answers(seen(time_s=NOW_S + 2 * YEAR_S))
