"""Cut a feed's history where its settings changed, and estimate each stretch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.findings import Finding, FindingKind, Severity
from oracles.change_points import ChangePoint, deviation_changes, heartbeat_changes
from oracles.history import RoundHistory
from oracles.schedules import FoundSchedule, landed_by_clock
from oracles.thresholds import (
    GRID_S,
    LONGEST_DELAY_S,
    Estimate,
    Pile,
    deviation_range,
    find_pile,
    heartbeat_range,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Regime:
    """A stretch of history with one deviation threshold and one heartbeat.

    Parameters
    ----------
    since_s, until_s : float
        Times of its first and last round.
    begins_s : tuple of float
        The change before it lies between these two times; both ``since_s`` in the first.
    rounds, early, waited, by_clock : int
        Its steps, and how many came before and with the heartbeat, and by a clock.
    deviation_bps : Estimate or None
        None if no round came early with another answer.
    heartbeat_s : Estimate or None
        Without candles, the range covers a delay of 0 to `LONGEST_DELAY_S`.  None if no
        waits pile up.
    pile : Pile or None
    longest_wait_s : float
    """

    since_s: float
    until_s: float
    begins_s: tuple[float, float]
    rounds: int
    early: int
    waited: int
    by_clock: int
    deviation_bps: Estimate | None
    heartbeat_s: Estimate | None
    pile: Pile | None
    longest_wait_s: float


def find_regimes(
    rounds: RoundHistory, assumed_delay_s: float, schedules: Sequence[FoundSchedule] = ()
) -> tuple[Regime, ...]:
    """Return the stretches of constant settings, in order of time.

    Parameters
    ----------
    rounds : RoundHistory
    assumed_delay_s : float
        Delay a typical report has, to tell the heartbeat from the wait.
    schedules : sequence of FoundSchedule
        Their rounds trigger nothing: one an hour makes waits of an hour, and small moves.
    """
    later, waits, moves = rounds.steps()
    free = ~landed_by_clock(rounds.time_s[later], schedules)
    heartbeat = _heartbeat_changes(waits, free)
    waited = np.zeros(len(waits), dtype=bool)
    for lo, hi in pairwise([0, *(c.at for c in heartbeat), len(waits)]):
        pile = find_pile(waits[lo:hi][free[lo:hi]])
        waited[lo:hi] = waits[lo:hi] >= (np.inf if pile is None else pile.start_s)
    waited &= free
    changes = sorted([*heartbeat, *deviation_changes(moves, waited, free & ~waited)])
    return tuple(
        _regime(
            rounds, later, (waits, moves, free), change, hi, Estimate(assumed_delay_s, 0.0, LONGEST_DELAY_S)
        )
        for change, hi in zip(
            [ChangePoint(0, 0, 0), *changes], [*(c.at for c in changes), len(waits)], strict=True
        )
        if hi > change.at
    )


def _heartbeat_changes(waits: Floats, free: NDArray[np.bool_]) -> list[ChangePoint]:
    """Return where the heartbeat changed, counted in all steps, judged by the free ones."""
    step = np.append(np.flatnonzero(free), len(waits))
    return [ChangePoint(*(int(step[k]) for k in change)) for change in heartbeat_changes(waits[free])]


def _regime(
    rounds: RoundHistory,
    later: NDArray[np.int64],
    steps: tuple[Floats, Floats, NDArray[np.bool_]],
    change: ChangePoint,
    hi: int,
    delay: Estimate,
) -> Regime:
    part = slice(change.at, hi)
    wait, move, free = steps[0][part], steps[1][part], steps[2][part]
    pile = find_pile(wait[free])
    early = free & (wait < (np.inf if pile is None else pile.start_s))
    waited = free & ~early
    deviation = deviation_range(move[early], move[waited], move[~free])
    first, last = later[part][0], later[part][-1]
    since = float(rounds.time_s[first - 1])
    begins = (since, since)
    if change.at:
        begins = (
            float(rounds.time_s[later[change.earliest - 1]]),
            float(rounds.time_s[later[min(change.latest, len(later) - 1)]]),
        )
    return Regime(
        since,
        float(rounds.time_s[last]),
        begins,
        len(wait),
        int(early.sum()),
        int(waited.sum()),
        int((~free).sum()),
        None if deviation is None else Estimate(*(10_000 * v for v in deviation)),
        None if pile is None else heartbeat_range(pile, delay),
        pile,
        float(wait.max()),
    )


def least_heartbeat_s(regime: Regime, delay_high_s: float) -> float:
    """Return what the heartbeat must at least be where no waits pile up."""
    return max(regime.longest_wait_s - delay_high_s - GRID_S, 0.0)


def change_findings(regimes: tuple[Regime, ...], description: str) -> list[Finding]:
    """Return a finding for every change between regimes."""
    found = []
    for before, after in pairwise(regimes):
        start, end = (
            pd.Timestamp(t, unit="s").isoformat(sep=" ", timespec="minutes") for t in after.begins_s
        )
        told = [
            f"{name} {_told(old, unit)} to {_told(new, unit)}"
            for name, unit, old, new in (
                ("deviation", "bps", before.deviation_bps, after.deviation_bps),
                ("heartbeat", "s", before.heartbeat_s, after.heartbeat_s),
            )
            if _apart(old, new)
        ]
        found.append(
            Finding(
                FindingKind.ORACLE,
                Severity.LOW,
                description,
                f"settings changed between {start} and {end} UTC: {', '.join(told) or 'too little to name'}.",
                remedy="Fit and replay each stretch on its own.",
            )
        )
    return found


def _apart(old: Estimate | None, new: Estimate | None) -> bool:
    if old is None or new is None:
        return (old is None) != (new is None)
    return old.high < new.low or new.high < old.low


def _told(estimate: Estimate | None, unit: str) -> str:
    return "unknown" if estimate is None else f"{estimate.value:.6g} {unit}"
