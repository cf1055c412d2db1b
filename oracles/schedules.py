"""Find rounds that come by the clock in a feed's history.

The 2023 rounds of ETH/USD and BTC/USD on Ethereum hold one an hour at the same minute and
one a day at 08:00 UTC, whatever deviation and heartbeat did in between.  A heartbeat alone
cannot do that: it restarts at every update.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PERIODS_S = (3_600, 86_400)
WINDOW_S = 120.0  # a scheduled round lands within this long of its neighbours' phase
MIN_COVERAGE = 0.8
MIN_TURNS = 14
_ELSEWHERE = 12  # windows a clock's is compared with
_MOST_ELSEWHERE = 0.25  # share of a clock's coverage that they may have


@dataclass(frozen=True, slots=True)
class FoundSchedule:
    """A rhythm in past rounds.

    Parameters
    ----------
    period_s : int
    phase_s : float
        Median of ``time % period`` of its rounds.
    since_s : float
        First turn of the stretch in which it holds.
    coverage : float
        Share of the turns since then that have a round.
    """

    period_s: int
    phase_s: float
    since_s: float
    coverage: float


def find_schedules(time_s: Floats, gaps: Sequence[tuple[float, float]] = ()) -> tuple[FoundSchedule, ...]:
    """Return the hourly and daily rhythms among rounds that no deviation explains.

    Parameters
    ----------
    time_s : (r,) float64, ascending
        Times of the rounds that moved less than the threshold.
    gaps : sequence of (from, to)
        Stretches the history does not cover; turns in them do not count.

    Returns
    -------
    tuple of FoundSchedule
        Those that hold until the end of the history, shortest period first; rounds of one
        are not counted for the next.
    """
    found: list[FoundSchedule] = []
    rest = time_s
    for period in PERIODS_S:
        schedule = _find(rest, period, gaps) if len(rest) >= MIN_TURNS else None
        if schedule is not None:
            found.append(schedule)
            rest = rest[np.abs(_distance(rest, schedule.phase_s, period)) > WINDOW_S]
    return tuple(found)


def landed_by_clock(time_s: Floats, schedules: Sequence[FoundSchedule]) -> NDArray[np.bool_]:
    """Return which rounds landed when one of the schedules asks for one."""
    landed = np.zeros(len(time_s), dtype=bool)
    for s in schedules:
        near = np.abs(_distance(time_s, s.phase_s, s.period_s)) <= WINDOW_S
        landed |= near & (time_s >= s.since_s - WINDOW_S)
    return landed


def _find(time_s: Floats, period: int, gaps: Sequence[tuple[float, float]]) -> FoundSchedule | None:
    phases = np.sort(time_s % period)
    around = np.concatenate([phases, phases + period])
    # The window holding most rounds, by where it starts; it may run over the period's end.
    crowd = np.searchsorted(around, phases + WINDOW_S, "right") - np.arange(len(phases))
    first = float(phases[int(np.argmax(crowd))])
    members = time_s[(time_s - first) % period <= WINDOW_S]
    turn_s, hit = _turns(members, first, period, time_s[-1], gaps)
    # A feed may have got its schedule midway: start where hits prevail from then on.
    tail_score = np.cumsum((hit - MIN_COVERAGE / 2)[::-1])[::-1]
    start = int(np.argmax(tail_score))
    held = hit[start:]
    if len(held) < MIN_TURNS or held.mean() < MIN_COVERAGE:
        return None
    if _elsewhere(time_s[time_s >= turn_s[start]], first, period) > _MOST_ELSEWHERE * held.mean():
        return None
    phase = float((first + np.median((members - first) % period)) % period)
    return FoundSchedule(period, phase, float(turn_s[start]), float(held.mean()))


def _turns(
    members: Floats, first: float, period: int, end_s: float, gaps: Sequence[tuple[float, float]]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the start of every turn that could have had a round, and whether it had one."""
    number = ((members - first) // period).astype(np.int64)
    turn_s = first + np.arange(number[0], int((end_s - first) // period) + 1) * float(period)
    hit = np.zeros(len(turn_s), dtype=bool)
    hit[number - number[0]] = True
    possible = np.ones(len(turn_s), dtype=bool)
    for start, end in gaps:
        possible &= (turn_s + WINDOW_S <= start) | (turn_s >= end)
    return turn_s[possible | hit], hit[possible | hit]


def _elsewhere(time_s: Floats, first: float, period: int) -> float:
    """Return the share of turns with a round in a window like the clock's, but anywhere else.

    Where rounds come every minute each window has one, and none of them is a clock's.
    """
    if not len(time_s):
        return 0.0
    shares = []
    for k in range(1, _ELSEWHERE):
        since = (time_s - first - k * period / _ELSEWHERE) / period
        turns = np.unique(np.floor(since[(since % 1) * period <= WINDOW_S]))
        shares.append(len(turns) * period / max(time_s[-1] - time_s[0], period))
    return float(np.median(shares))


def _distance(time_s: Floats, phase_s: float, period: int) -> Floats:
    half = period / 2
    return np.asarray((time_s - phase_s + half) % period - half)
