"""Maker's oracle security module: the price its source gave an hour or two ago.

State (cur, nxt, zzz), ``hop`` = 3600 s (makerdao/osm ``osm.sol``).  ``poke()`` is allowed when
``now >= zzz + hop`` and does, if the source has a price,

    cur <- nxt;   nxt <- source now;   zzz <- now - now mod hop

so P(t) is the source sampled at the hour mark before the last one: a delay of at least
one hop and less than two.  What will be liquidated in an hour can be read from ``nxt``.
``stop()`` freezes, ``void()`` takes the price away until governance starts it again.

Somebody pokes ``poke_delay_s`` after every mark.  The source is a right-continuous step
path, so marks between two times of the grid sample what it said at the earlier one: the
answer does not depend on how fine the grid is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from oracles.compiled import jit
from oracles.paths import NO_PRICE, block_seconds, check_raw, check_row, check_shape, check_times

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOP_S = 3600


@dataclass(frozen=True, slots=True)
class Osm:
    """A security module's settings.

    Parameters
    ----------
    description : str
        What it prices; untrusted text.
    hop_s : int
        Seconds between two marks; the contract holds 16 bits.
    poke_delay_s : int
        Seconds after a mark until somebody pokes; less than a hop.

    Raises
    ------
    FeedError
        If a setting is impossible.
    """

    description: str
    hop_s: int = HOP_S
    poke_delay_s: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.hop_s < 2**16:
            raise FeedError(f"{self.name}: a hop of {self.hop_s!r} s.", remedy="Give 1 .. 65535 seconds.")
        if not 0 <= self.poke_delay_s < self.hop_s:
            raise FeedError(
                f"{self.name}: pokes {self.poke_delay_s!r} s after the mark.",
                remedy="Give 0 or more, less than a hop.",
            )

    @property
    def name(self) -> str:
        """Return how messages call it."""
        return f"OSM {self.description!r}"


@dataclass(frozen=True, eq=False, slots=True)
class OsmState:
    """Where the module stands in each of ``n`` scenarios.

    Parameters
    ----------
    time_s : float
        Time up to which the source has been seen.
    current_raw, next_raw : (n,) int64
        ``cur`` and ``nxt``; `NO_PRICE` where there is none.
    mark_s : (n,) int64
        ``zzz``, the mark of the last poke.
    source_raw : (n,) int64
        What the source said last.
    stopped : bool
        Whether pokes are refused.
    """

    time_s: float
    current_raw: Ints
    next_raw: Ints
    mark_s: Ints
    source_raw: Ints
    stopped: bool = False

    def __len__(self) -> int:
        return len(self.current_raw)


def poke(
    osm: Osm, current: int, upcoming: int, mark_s: int, now_s: int, source: int
) -> tuple[int, int, int] | None:
    """Return the next (cur, nxt, zzz), or None where the contract changes nothing.

    That is where it reverts, less than a hop after the last mark, and where the source
    has no price.
    """
    if now_s < mark_s + osm.hop_s or source == NO_PRICE:
        return None
    return upcoming, source, now_s - now_s % osm.hop_s


def start(osm: Osm, time_s: float, source_raw: ArrayLike) -> OsmState:
    """Return the state of a module whose source, (n,), has not moved for two hops."""
    now = check_times(osm.name, time_s, [time_s])
    source = check_raw(osm.name, source_raw).copy()
    check_row(osm.name, source)
    mark = (int(block_seconds(now)[0]) - osm.poke_delay_s) // osm.hop_s * osm.hop_s
    return OsmState(float(time_s), source, source.copy(), np.full(len(source), mark, np.int64), source.copy())


def stop(state: OsmState) -> OsmState:
    """Return the state after ``stop()``: the price stays as it is."""
    return replace(state, stopped=True)


def resume(state: OsmState) -> OsmState:
    """Return the state after ``start()``: pokes count again."""
    return replace(state, stopped=False)


def void(state: OsmState) -> OsmState:
    """Return the state after ``void()``: stopped, without a price."""
    none = np.full_like(state.current_raw, NO_PRICE)
    return replace(state, stopped=True, current_raw=none, next_raw=none.copy())


def advance(osm: Osm, state: OsmState, time_s: float, source_raw: ArrayLike) -> tuple[OsmState, Ints]:
    """Let one moment pass; parameters and errors as of `fold`, without the time axis."""
    after, answers = fold(osm, state, [time_s], np.asarray(source_raw)[..., None])
    return after, answers[:, 0]


def fold(osm: Osm, state: OsmState, time_s: ArrayLike, source_raw: ArrayLike) -> tuple[OsmState, Ints]:
    """Apply `advance` along a path.

    Parameters
    ----------
    osm : Osm
    state : OsmState
    time_s : (T,) array_like of float
        Never decreasing, from ``state.time_s`` on.
    source_raw : (n, T) array_like of int
        What the source says; `NO_PRICE` where it has no price.

    Returns
    -------
    OsmState
        The state at the end.
    (n, T) int64
        ``cur``, in the source's unit; `NO_PRICE` where there is none.

    Raises
    ------
    FeedError
        If a time or answer is impossible or shapes disagree.
    """
    times = check_times(osm.name, state.time_s, time_s)
    source = np.ascontiguousarray(check_raw(osm.name, source_raw))
    check_shape(osm.name, source.shape, times.size, len(state))
    current, upcoming, mark = state.current_raw.copy(), state.next_raw.copy(), state.mark_s.copy()
    answers = np.empty_like(source)
    if state.stopped:
        answers[:] = current[:, None]
    else:
        seconds = block_seconds(np.concatenate([[state.time_s], times]))
        since, now = int(seconds[0]), seconds[1:]
        where = (current, upcoming, mark, state.source_raw)
        _hops(osm.hop_s, osm.poke_delay_s, *where, since, now, source, answers)
    return OsmState(float(times[-1]), current, upcoming, mark, source[:, -1].copy(), state.stopped), answers


def settled(source_raw: ArrayLike) -> Ints:
    """Return what the module says once its source has not moved for two hops: the same."""
    return np.asarray(source_raw, dtype=np.int64)


@jit
def _hops(
    hop: int,
    delay: int,
    current: Ints,
    upcoming: Ints,
    mark: Ints,
    before: Ints,
    since_s: int,
    now_s: Ints,
    source: Ints,
    answers: Ints,
) -> None:
    """Poke at every mark that is due; changes current, upcoming and mark in place."""
    for i in range(source.shape[0]):
        since = since_s
        cur, nxt, zzz, said = current[i], upcoming[i], mark[i], before[i]
        for t in range(now_s.size):
            now, says = now_s[t], source[i, t]
            due = zzz + hop + delay
            if due < now and said != NO_PRICE:  # marks the grid stepped over
                first = max(due, since)
                cur, nxt, zzz = nxt, said, first - first % hop
                due = zzz + hop + delay
                if due < now:
                    cur = said
                    zzz += ((now - 1 - due) // hop + 1) * hop
                    due = zzz + hop + delay
            if due <= now and says != NO_PRICE:
                cur, nxt, zzz = nxt, says, now - now % hop
            answers[i, t] = cur
            said, since = says, now
        current[i], upcoming[i], mark[i] = cur, nxt, zzz
