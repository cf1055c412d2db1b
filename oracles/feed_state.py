"""Where a feed stands: what is on chain, what is in flight, how far the path was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from oracles.chainlink_kernel import Arrays
from oracles.feed import PriceFeed

N = TypeVar("N", np.int64, np.float64)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROOM = 4  # reports in flight a fresh state has room for; grows when needed


@dataclass(frozen=True, eq=False, slots=True)
class FeedState:
    """Where a feed stands in each of ``n`` scenarios; never changed in place.

    Parameters
    ----------
    time_s : float
        Time up to which the path has been seen.
    answer_raw : (n,) int64
        Latest answer on chain.
    updated_at_s : (n,) float64
        When it landed.
    market_raw : (n,) int64
        Last median seen.
    stream : (n,) int64
        Which stream of random delays each scenario draws from.
    reports : (n,) int64
        Reports triggered so far: the position in that stream.
    pending : (n,) int64
        Reports in flight.
    pending_raw, pending_cause : (n, k) int64
        What the reports in flight say and why; the first ``pending`` of a row count.
    pending_lands_at_s, pending_observed_at_s : (n, k) float64
        When they land and when they were, or will be, observed.
    """

    time_s: float
    answer_raw: Ints
    updated_at_s: Floats
    market_raw: Ints
    stream: Ints
    reports: Ints
    pending: Ints
    pending_raw: Ints
    pending_lands_at_s: Floats
    pending_observed_at_s: Floats
    pending_cause: Ints

    def __len__(self) -> int:
        return len(self.answer_raw)


def initial_state(
    feed: PriceFeed,
    answer_raw: ArrayLike,
    *,
    time_s: float,
    updated_at_s: ArrayLike | None = None,
    first_stream: int = 0,
) -> FeedState:
    """Return a state that stands on known answers, with no report in flight.

    Parameters
    ----------
    feed : PriceFeed
    answer_raw : (n,) array_like of int
        Answer on chain in each scenario.
    time_s : float
        Now; the path to come must not start earlier.
    updated_at_s : (n,) or scalar array_like of float, optional
        When the answers landed; now by default.
    first_stream : int
        Number of the first scenario, so that blocks draw the delays the whole would.

    Raises
    ------
    FeedError
        If an answer is negative or younger than now, or a time is not finite.
    """
    answers = np.array(answer_raw, dtype=np.int64, ndmin=1)
    since = time_s if updated_at_s is None else updated_at_s
    updated = np.array(np.broadcast_to(np.asarray(since, dtype=np.float64), answers.shape))
    if answers.ndim != 1 or (answers < 0).any():
        raise FeedError(
            f"feed {feed.description!r}: answers {answers.tolist()!r} are no row of answers.",
            remedy="Give one answer of 0 or more a scenario.",
        )
    if not np.isfinite(time_s) or not (updated <= time_s).all():
        raise FeedError(
            f"feed {feed.description!r}: answers updated at {updated.tolist()!r} with a clock at {time_s!r}.",
            remedy="Give finite times, updates not after time_s.",
        )
    n, room = len(answers), (len(answers), _ROOM)
    return FeedState(
        time_s=float(time_s),
        answer_raw=answers,
        updated_at_s=updated,
        market_raw=answers.copy(),
        stream=np.arange(first_stream, first_stream + n, dtype=np.int64),
        reports=np.zeros(n, np.int64),
        pending=np.zeros(n, np.int64),
        pending_raw=np.zeros(room, np.int64),
        pending_lands_at_s=np.zeros(room),
        pending_observed_at_s=np.zeros(room),
        pending_cause=np.zeros(room, np.int64),
    )


def to_arrays(state: FeedState, room: int) -> Arrays:
    """Return copies the kernel may change, with room for ``room`` reports in flight."""
    return Arrays(
        answer=state.answer_raw.copy(),
        updated_at=state.updated_at_s.copy(),
        market=state.market_raw.copy(),
        stream=state.stream,
        reports=state.reports.copy(),
        pending=state.pending.copy(),
        value=_wider(state.pending_raw, room),
        lands_at=_wider(state.pending_lands_at_s, room),
        observed_at=_wider(state.pending_observed_at_s, room),
        cause=_wider(state.pending_cause, room),
    )


def _wider(queue: NDArray[N], room: int) -> NDArray[N]:
    """Return a copy of an (n, k) queue with ``room`` columns."""
    wider = np.zeros((queue.shape[0], room), queue.dtype)
    wider[:, : queue.shape[1]] = queue
    return wider


def from_arrays(time_s: float, arrays: Arrays) -> FeedState:
    """Return the state the kernel left behind."""
    return FeedState(
        time_s,
        arrays.answer,
        arrays.updated_at,
        arrays.market,
        arrays.stream,
        arrays.reports,
        arrays.pending,
        arrays.value,
        arrays.lands_at,
        arrays.observed_at,
        arrays.cause,
    )
