"""Cut a feed's history where its settings changed, and estimate each stretch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.findings import Finding, FindingKind, Severity
from oracles.change_points import ChangePoint, deviation_changes, heartbeat_changes
from oracles.history import RoundHistory
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
    rounds, early, waited : int
        Its steps, and how many came before and with the heartbeat.
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
    deviation_bps: Estimate | None
    heartbeat_s: Estimate | None
    pile: Pile | None
    longest_wait_s: float


def find_regimes(rounds: RoundHistory, assumed_delay_s: float) -> tuple[Regime, ...]:
    """Return the stretches of constant settings, in order of time.

    Parameters
    ----------
    rounds : RoundHistory
    assumed_delay_s : float
        Delay a typical report has, to tell the heartbeat from the wait.
    """
    later, waits, moves = rounds.steps()
    heartbeat = heartbeat_changes(waits)
    waited = np.zeros(len(waits), dtype=bool)
    for lo, hi in pairwise([0, *(c.at for c in heartbeat), len(waits)]):
        pile = find_pile(waits[lo:hi])
        waited[lo:hi] = waits[lo:hi] >= (np.inf if pile is None else pile.start_s)
    changes = sorted([*heartbeat, *deviation_changes(moves, waited)])
    return tuple(
        _regime(rounds, later, waits, moves, change, hi, Estimate(assumed_delay_s, 0.0, LONGEST_DELAY_S))
        for change, hi in zip(
            [ChangePoint(0, 0, 0), *changes], [*(c.at for c in changes), len(waits)], strict=True
        )
        if hi > change.at
    )


def _regime(
    rounds: RoundHistory,
    later: NDArray[np.int64],
    waits: Floats,
    moves: Floats,
    change: ChangePoint,
    hi: int,
    delay: Estimate,
) -> Regime:
    part = slice(change.at, hi)
    wait, move = waits[part], moves[part]
    pile = find_pile(wait)
    early = wait < (np.inf if pile is None else pile.start_s)
    deviation = deviation_range(move[early], move[~early])
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
        int((~early).sum()),
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
