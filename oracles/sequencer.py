"""Chains with a sequencer: feeds stand still while it is down, and liquidations wait after it.

``allowed <=> up and now - x > grace``, where x is when the status last changed (``startedAt``,
Aave v3.1 to v3.6) or was last reported (``updatedAt``, v3.0); health factors below 0.95 are not
protected.  Source: aave-v3-core and aave-v3-origin ``PriceOracleSentinel.sol``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from abis.findings import Finding
from abis.units import WAD
from oracles.sources import Ints, View

UP, DOWN = 0, 1
UNPROTECTED_HEALTH_WAD = 95 * WAD // 100

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def is_up_and_grace_passed(answer: int, since_s: int, now_s: int, grace_s: int) -> bool:
    """Return ``answer == 0 and now - since > grace``."""
    return answer == UP and now_s - since_s > grace_s


def is_liquidation_allowed(health_wad: int, answer: int, since_s: int, now_s: int, grace_s: int) -> bool:
    """Return whether an account may be liquidated: grace is over, or its health is below 0.95."""
    return health_wad < UNPROTECTED_HEALTH_WAD or is_up_and_grace_passed(answer, since_s, now_s, grace_s)


@dataclass(frozen=True, slots=True)
class Sentinel:
    """The rule of a market.

    Parameters
    ----------
    grace_s : int
    refresh_s : int, optional
        None: the grace runs from the status change (v3.1 on).  Else it runs from the latest
        report (v3.0), and an unchanged status is reported again every so many seconds.

    Raises
    ------
    FeedError
        If a time is impossible.
    """

    grace_s: int
    refresh_s: int | None = None

    def __post_init__(self) -> None:
        if self.grace_s < 0 or (self.refresh_s is not None and self.refresh_s < 1):
            raise FeedError(
                f"a grace of {self.grace_s} s, refreshed every {self.refresh_s} s.",
                remedy="Give a grace of at least 0 and a refresh of at least 1 s.",
            )


@dataclass(frozen=True, eq=False, slots=True)
class SentinelState:
    """Status and when it began, in each of ``n`` scenarios.

    Parameters
    ----------
    time_s : float
        Time up to which the path has been seen.
    status : (n,) int64
        `UP` or `DOWN`.
    since_s : (n,) float64
        Time of the status's first report.
    """

    time_s: float
    status: Ints
    since_s: Floats


def fold(
    sentinel: Sentinel, state: SentinelState, time_s: ArrayLike, status: ArrayLike
) -> tuple[SentinelState, Flags, Flags]:
    """Follow an uptime feed along a path.

    Parameters
    ----------
    sentinel : Sentinel
    state : SentinelState
    time_s : (T,) array_like of float
        Unix times, never decreasing, from ``state.time_s`` on.
    status : (n, T) array_like of int
        `UP` or `DOWN` at each time.

    Returns
    -------
    SentinelState
        The state at the end.
    (n, T) bool
        Whether accounts that are not below 0.95 may be liquidated, and anyone may borrow.
    (n, T) bool
        Whether prices are stale because the sequencer is down.

    Raises
    ------
    FeedError
        If times decrease, shapes disagree or a status is neither.
    """
    times, now = np.array(time_s, dtype=np.float64, ndmin=1), np.asarray(status)
    if now.shape != (len(state.status), times.size) or not np.isin(now, (UP, DOWN)).all():
        raise FeedError(
            f"an uptime of shape {now.shape} on {times.size} times.",
            remedy="Give 0 (up) or 1 (down), (scenario, time).",
        )
    if not (np.diff(times, prepend=state.time_s) >= 0).all() or not np.isfinite(times).all():
        raise FeedError("uptimes go backwards or are not finite.", remedy="Sort the path.")
    before = np.concatenate([state.status[:, None], now[:, :-1]], axis=1)
    changed = np.where(now != before, times, -np.inf)
    since = np.maximum(np.maximum.accumulate(changed, axis=1), state.since_s[:, None])
    reported = since
    if sentinel.refresh_s is not None:
        reported = since + (times - since) // sentinel.refresh_s * sentinel.refresh_s
    allowed = (now == UP) & (times - reported > sentinel.grace_s)
    after = replace(state, time_s=float(times[-1]), status=now[:, -1].astype(np.int64), since_s=since[:, -1])
    return after, allowed, now == DOWN


@dataclass(frozen=True, slots=True)
class HeldWhileDown:
    """A feed behind a sequencer; its children are the feed and the uptime, an input without decimals.

    While the sequencer is down no block is made, so the last answer before stands.

    Parameters
    ----------
    decimals : int
    """

    decimals: int

    @property
    def reads(self) -> tuple[int, ...]:
        """Return no market column."""
        return ()

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of the feed and of the uptime."""
        return (self.decimals, 0)

    def start(self, view: View) -> tuple[Ints, Ints]:
        """Return the feed's answers, as state and as answers."""
        return view.children[0][:, 0], view.children[0][:, 0]

    def fold(self, state: Ints, view: View) -> tuple[Ints, Ints]:
        """Return the last answers and the (n, T) answers."""
        feed, status = view.children
        known = np.concatenate([state[:, None], feed], axis=1)
        place = np.where(status == UP, np.arange(1, feed.shape[1] + 1), 0)
        answers = np.take_along_axis(known, np.maximum.accumulate(place, axis=1), axis=1)
        return answers[:, -1], answers

    def settled(self, view: View, last_raw: Ints | None) -> Ints:
        """Return the feed's answers, or the last ones where the sequencer stays down.

        Raises
        ------
        FeedError
            If it stays down and ``last_raw`` is missing.
        """
        feed, status = (child[:, 0] for child in view.children)
        if (status == UP).all():
            return feed
        if last_raw is None:
            raise FeedError("a feed behind a sequencer that is down.", remedy="Give last_raw.")
        return np.where(status == UP, feed, last_raw)

    def findings(self) -> list[Finding]:
        """Return nothing."""
        return []
