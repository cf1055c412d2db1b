"""A Chainlink feed as a pure map from market prices to on-chain answers.

With ``a`` the answer on chain, updated at ``u``, and ``m`` the upper median of what the
nodes see (libocr, ``offchainreporting2/reportingplugin/median``), nodes report when

* ``|m - a| / |a| >= deviation`` (so a move of exactly the threshold counts), or
* ``now - u > heartbeat``, or
* somebody requested a round,

and the report lands ``delay`` later, saying what was observed when the round ran.  While
a report is in flight another one follows only if the market also deviates from *that*
report.  A median outside the aggregator's bounds builds no report: the feed freezes.

The market is a right-continuous step path on the caller's time grid, and nodes look at
it at the grid's times, so the grid is the round interval.  Two consequences worth
knowing, both held by tests:

* With zero delay the answer is within the deviation of the market at every grid time.
  With delay d the slack is the market's move during 2 d plus one grid step, not d: a
  report overtaken by a reversal lands, is wrong, and its correction takes d again.
* Order is *not* kept: of two paths, one everywhere above the other, the lower can have the
  higher answer, because it was the one that moved enough to be reported.

Rounding to raw integers happens once, in `oracles.answers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from oracles import chainlink_kernel as kernel
from oracles.answers import check_prices, settled, to_raw, upper_median
from oracles.feed import INT64_MAX, PriceFeed
from oracles.feed_state import FeedState, from_arrays, initial_state, to_arrays

__all__ = ["DEVIATION", "HEARTBEAT", "REQUEST", "FeedState", "Rounds", "advance", "fold", "initial_state"]
__all__ += ["propagate", "rounds", "settled", "start"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DEVIATION, HEARTBEAT, REQUEST = kernel.DEVIATION, kernel.HEARTBEAT, kernel.REQUEST


@dataclass(frozen=True, eq=False, slots=True)
class Rounds:
    """Rounds that landed, sorted by scenario, then time.

    Parameters
    ----------
    scenario : (r,) int64
    time_s : (r,) float64
        When the round landed; not necessarily a time of the grid.
    answer_raw : (r,) int64
    cause : (r,) int64
        `DEVIATION`, `HEARTBEAT` or `REQUEST`.
    """

    scenario: Ints
    time_s: Floats
    answer_raw: Ints
    cause: Ints

    def __len__(self) -> int:
        return len(self.time_s)


def start(feed: PriceFeed, time_s: float, price: ArrayLike, *, first_stream: int = 0) -> FeedState:
    """Return the state of a feed that has just reported ``price``, (n,) or (n, node)."""
    values = np.asarray(price, dtype=np.float64)
    if values.ndim == 2:
        values = upper_median(values)
    return initial_state(feed, settled(feed, values), time_s=time_s, first_stream=first_stream)


def advance(feed: PriceFeed, state: FeedState, time_s: float, price: ArrayLike) -> tuple[FeedState, Ints]:
    """Let one moment pass.

    Parameters
    ----------
    feed : PriceFeed
    state : FeedState
    time_s : float
        Now; not before ``state.time_s``.
    price : (n,) or (n, node) array_like of float
        What the market, or each node, sees now.

    Returns
    -------
    FeedState
        The state after ``time_s``.
    (n,) int64
        The answer on chain.

    Raises
    ------
    FeedError
        If a price or time is impossible or shapes disagree.
    """
    values = np.asarray(price, dtype=np.float64)
    after, answers = fold(feed, state, [time_s], values[:, None])
    return after, answers[:, 0]


def fold(
    feed: PriceFeed, state: FeedState, time_s: ArrayLike, market_price: ArrayLike
) -> tuple[FeedState, Ints]:
    """Apply `advance` along a path.

    Parameters
    ----------
    feed : PriceFeed
    state : FeedState
    time_s : (T,) array_like of float
        Never decreasing, from ``state.time_s`` on.
    market_price : (n, T) or (n, T, node) array_like of float

    Returns
    -------
    FeedState
        The state at the end.
    (n, T) int64
        The answer on chain after each time.

    Raises
    ------
    FeedError
        If a price or time is impossible or shapes disagree.
    """
    after, answers, _ = _run(feed, state, time_s, market_price, log_room=0)
    return after, answers


def propagate(
    feed: PriceFeed, time_s: ArrayLike, market_price: ArrayLike, state: FeedState | None = None
) -> Ints:
    """Return the oracle path of a market path: raw answers, (n, T) int64.

    Parameters and errors are those of `fold`.  Without a state the feed starts settled
    on the first price.
    """
    return _run(feed, state, time_s, market_price, log_room=0)[1]


def rounds(
    feed: PriceFeed, time_s: ArrayLike, market_price: ArrayLike, state: FeedState | None = None
) -> Rounds:
    """Return every round that lands along a market path, with its cause.

    Parameters and errors are those of `fold`; the starting answer is no round.
    """
    log = _run(feed, state, time_s, market_price, log_room=1024)[2]
    size = int(log.size[0])
    return Rounds(log.scenario[:size], log.time_s[:size], log.answer[:size], log.cause[:size])


def _run(
    feed: PriceFeed, state: FeedState | None, time_s: ArrayLike, market_price: ArrayLike, *, log_room: int
) -> tuple[FeedState, Ints, kernel.Log]:
    times = np.array(time_s, dtype=np.float64, ndmin=1)
    prices = np.asarray(market_price, dtype=np.float64)
    _check_shapes(feed, state, times, prices)
    if prices.ndim == 3:
        check_prices(feed, prices)  # every node must make sense, not only the middle one
        prices = upper_median(prices)
    before = start(feed, times[0], prices[:, 0]) if state is None else state
    market = np.ascontiguousarray(to_raw(feed, prices))
    settings, room = _settings(feed), before.pending_raw.shape[1]
    while True:
        arrays, log, answers = to_arrays(before, room), _log(log_room), np.empty_like(market)
        if not kernel.run(settings, arrays, before.time_s, times, market, answers, log):
            room *= 2
        elif log_room and log.size[0] > log_room:
            log_room = int(log.size[0])
        else:
            return from_arrays(float(times[-1]), arrays), answers, log


def _check_shapes(feed: PriceFeed, state: FeedState | None, times: Floats, prices: Floats) -> None:
    name = f"feed {feed.description!r}"
    if prices.ndim not in (2, 3) or prices.shape[1] != times.size or 0 in prices.shape:
        raise FeedError(
            f"{name}: prices of shape {prices.shape} on {times.size} times.",
            remedy="Give (scenario, time) or (scenario, time, node), none of them empty.",
        )
    if state is not None and len(state) != len(prices):
        raise FeedError(
            f"{name}: {len(prices)} scenarios on a state of {len(state)}.",
            remedy="Start the state with as many scenarios as the path has.",
        )
    earliest = times[0] if state is None else state.time_s
    if not (times[0] >= earliest and (times[1:] >= times[:-1]).all() and times[-1] < np.inf):
        steps = np.diff(times, prepend=earliest)
        k = int(np.argmin(np.where(np.isfinite(steps), steps, -np.inf)))
        raise FeedError(
            f"{name}: time {float(times[k])!r} at index {k} goes backwards or is not finite.",
            remedy="Sort the path; it must not start before the state's time.",
        )


@lru_cache(maxsize=256)
def _settings(feed: PriceFeed) -> kernel.Settings:
    return kernel.Settings(
        deviation_ppb=feed.deviation_ppb,
        heartbeat_s=float(feed.heartbeat_s),
        observation_s=float(feed.delay.observation_s),
        delay_s=np.array(feed.delay.samples_s, dtype=np.float64),
        seed=np.uint64(feed.delay.seed),
        # Bounds on chain are often 192 bits wide; beyond int64 they bind no answer.
        min_raw=max(min(feed.min_answer_raw, INT64_MAX), -INT64_MAX),
        max_raw=min(feed.max_answer_raw, INT64_MAX),
        period_s=np.array([r.period_s for r in feed.requests], dtype=np.float64),
        phase_s=np.array([r.phase_s for r in feed.requests], dtype=np.float64),
    )


def _log(room: int) -> kernel.Log:
    return kernel.Log(
        scenario=np.empty(room, np.int64),
        time_s=np.empty(room),
        answer=np.empty(room, np.int64),
        cause=np.empty(room, np.int64),
        size=np.zeros(1, np.int64),
    )
