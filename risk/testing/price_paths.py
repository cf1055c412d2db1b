"""Strategies for market price paths and the feeds that follow them.

Prices are whole numbers of a feed's raw unit, so that thresholds can be met exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from oracles.feed import Delay, PriceFeed, RequestSchedule

MAX_SCENARIOS = 3
MAX_TIMES = 24
MAX_STEP_S = 900  # between two times of a path
MIN_RAW, MAX_RAW = 10**6, 10**12  # prices: 0.01 to 10 000 with 8 decimals
MAX_MOVE_PPM = 30_000  # of one step, either way: up to three times a usual deviation
DECIMALS = 8

MIN_DEVIATION_PPB, MAX_DEVIATION_PPB = 500_000, 20_000_000  # 0.05 % to 2 %
MIN_HEARTBEAT_S, MAX_HEARTBEAT_S = 60, 7_200
MAX_DELAY_S = 1_200  # longer than a step, so that several reports are in flight
MAX_DELAYS = 4

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PricePath:
    """Market paths on one time grid.

    Parameters
    ----------
    time_s : (T,) float64
        Whole seconds, strictly increasing.
    raw : (scenario, T) int64
        Prices in raw units.
    decimals : int
        Of the raw unit.
    """

    time_s: Floats
    raw: Ints
    decimals: int = DECIMALS

    @property
    def price(self) -> Floats:
        """Return the prices in whole units; rounding them gives ``raw`` back."""
        return self.raw / 10.0**self.decimals

    @property
    def longest_step_s(self) -> float:
        """Return the longest time between two points, 0 for a single one."""
        return float(np.diff(self.time_s).max(initial=0.0))


@st.composite
def price_paths(
    draw: st.DrawFn, *, max_scenarios: int = MAX_SCENARIOS, max_times: int = MAX_TIMES
) -> PricePath:
    """Draw paths whose steps hold still, drift, or jump past any deviation."""
    n, length = draw(st.integers(1, max_scenarios)), draw(st.integers(1, max_times))
    start_s = draw(st.integers(0, 10**6))
    steps = draw(st.lists(st.integers(1, MAX_STEP_S), min_size=length - 1, max_size=length - 1))
    time_s = np.cumsum([start_s, *steps]).astype(np.float64)
    return PricePath(time_s, np.array([draw(_raw_path(length)) for _ in range(n)], dtype=np.int64))


@st.composite
def _raw_path(draw: st.DrawFn, length: int) -> list[int]:
    path = [draw(st.integers(MIN_RAW, MAX_RAW))]
    moves = st.just(0) | st.integers(-MAX_MOVE_PPM, MAX_MOVE_PPM)
    for move in draw(st.lists(moves, min_size=length - 1, max_size=length - 1)):
        path.append(min(max(path[-1] + path[-1] * move // 10**6, MIN_RAW), MAX_RAW))
    return path


@st.composite
def delays(draw: st.DrawFn, *, max_delay_s: int = MAX_DELAY_S) -> Delay:
    """Draw a constant delay or several to draw from, with or without late observation."""
    samples = draw(st.lists(st.integers(0, max_delay_s), min_size=1, max_size=MAX_DELAYS))
    observation_s = draw(st.just(0) | st.integers(0, min(samples)))
    seed = draw(st.integers(0, 2**63 - 1))
    return Delay(tuple(float(s) for s in samples), observation_s=float(observation_s), seed=seed)


@st.composite
def price_feeds(
    draw: st.DrawFn, *, bounded: bool = True, max_delay_s: int = MAX_DELAY_S, requests: bool = True
) -> PriceFeed:
    """Draw a feed.

    Parameters
    ----------
    bounded : bool
        Whether it may have answers' bounds that paths run into.
    max_delay_s : int
        Longest delay.
    requests : bool
        Whether rounds may be requested by the clock.
    """
    low, high = 1, 2**63 - 1
    if bounded and draw(st.booleans()):
        low, high = sorted(draw(st.tuples(*[st.integers(MIN_RAW, MAX_RAW)] * 2)))
    schedules = draw(st.lists(request_schedules(), max_size=2)) if requests else []
    return PriceFeed(
        description="ETH / USD",
        decimals=DECIMALS,
        deviation_ppb=draw(st.integers(MIN_DEVIATION_PPB, MAX_DEVIATION_PPB)),
        heartbeat_s=float(draw(st.integers(MIN_HEARTBEAT_S, MAX_HEARTBEAT_S))),
        delay=draw(delays(max_delay_s=max_delay_s)),
        min_answer_raw=low,
        max_answer_raw=high,
        requests=tuple(schedules),
    )


@st.composite
def request_schedules(draw: st.DrawFn) -> RequestSchedule:
    """Draw a schedule of requested rounds."""
    period = draw(st.integers(60, 7_200))
    return RequestSchedule(period, draw(st.integers(0, period - 1)))
