"""Deviation threshold and heartbeat from moves and waits between rounds, each with its range.

A round comes because the price moved by the threshold, because the heartbeat ran out, or
for a reason the feed's settings do not hold (somebody asked for it).

*Deviation.*  Moves of rounds that came early are either unexplained, spread evenly below
the threshold, or triggered, piled up just above it with a Pareto tail.  The likelihood of
that mixture, at its best share and tail for each candidate and less a penalty for every
round that waited although it had moved as far, is largest at a move that was made: the
smallest triggering one.  The range ends above with the largest candidate within three units
of log-likelihood, and below with the largest move smaller than all of these: it triggered
nothing.  Where there is none, the gap below the smallest of n moves with a Pareto tail s is
exponential with relative mean s/n, and the range takes three of them.

*Heartbeat.*  The longest waits pile up at heartbeat plus delay and nothing comes after.
Only the sum shows, so the range is the typical wait of the pile less the longest to the
shortest delay a report may have.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LONGEST_DELAY_S = 180.0  # assumed where no candles tell the delay
GRID_S = 60.0  # nodes look at the clock at least this often
DROP = 3.0  # log-likelihood units of a 95 % interval at a sharp edge
CONTRADICTION = math.log(100)  # one round in a hundred may wait although the price had moved
_LEAST_TAIL = 1e-3
_MIN_PILE = 8  # waits; fewer cluster by chance at the thin end of the others
_MIN_TRIGGERED = 3
_MIN_SPREAD_S = 30.0


class Estimate(NamedTuple):
    """A fitted value and the range it lies in; the module says what kind of range."""

    value: float
    low: float
    high: float


class Pile(NamedTuple):
    """The waits that ended with the heartbeat.

    Parameters
    ----------
    start_s, end_s : float
        Waits in ``[start_s, end_s)`` belong to it.
    median_s : float
    size : int
    """

    start_s: float
    end_s: float
    median_s: float
    size: int


def pile_width_s(wait_s: Floats) -> Floats:
    """Return how far waits that ended with one heartbeat may lie apart."""
    return np.asarray(np.maximum(LONGEST_DELAY_S, 0.02 * wait_s))


def find_pile(waits: Floats) -> Pile | None:
    """Return the pile of waits that ended with the heartbeat; None if there is none.

    A pile has at least eight waits, more than two for each one in an equal stretch just
    below it, and at most one in fifty (but one in any case) beyond it: whatever is older
    than the heartbeat has been reported.
    """
    ordered = np.sort(waits)
    starts = np.unique(ordered)
    width = pile_width_s(starts)
    at = np.searchsorted(ordered, starts, "left")
    inside = np.searchsorted(ordered, starts + width, "left") - at
    below = at - np.searchsorted(ordered, starts - width, "left")
    beyond = len(ordered) - at - inside
    fits = (inside >= _MIN_PILE) & (inside > 2 * below) & (beyond <= np.maximum(1, inside / 50))
    if not fits.any():
        return None
    best = int(np.argmax(np.where(fits, inside - below, -1)))
    members = ordered[at[best] : at[best] + inside[best]]
    # The window may begin before the pile does: keep what lies around the middle.
    middle = float(np.median(members))
    spread = max(5 * float(np.median(np.abs(members - middle))), _MIN_SPREAD_S)
    core = members[members >= middle - spread]
    return Pile(float(core[0]), float(starts[best] + width[best]), float(np.median(core)), len(core))


def heartbeat_range(pile: Pile, delay: Estimate) -> Estimate:
    """Return the heartbeat behind a pile, given the delay."""
    return Estimate(
        pile.median_s - delay.value, pile.median_s - delay.high - GRID_S, pile.median_s - delay.low
    )


def deviation_range(early: Floats, waited: Floats, asked: Floats | None = None) -> Estimate | None:
    """Return the deviation threshold.

    Parameters
    ----------
    early, waited : float64
        Relative moves of the rounds that came before, and with, the heartbeat.
    asked : float64, optional
        Moves of the rounds that came by the clock: below the threshold, unless a trigger fell
        together with the clock.

    Returns
    -------
    Estimate or None
        None if no early round moved.
    """
    moves = np.sort(early[early > 0])
    if not len(moves):
        return None
    likelihood, tail = _profile(moves, len(early) - len(moves), np.sort(waited))
    best = int(np.argmax(likelihood))
    near = moves[likelihood >= likelihood[best] - DROP]
    # A round by the clock may have been triggered as well, at a move the others did not make.
    unseen = near[0] * max(0.0, 1 - DROP * tail[best] / (len(moves) - best))
    every = np.concatenate([early, waited])
    quiet = every[every < near[0]]
    if asked is not None:
        quiet = np.concatenate([quiet, asked[asked < unseen]])
    return Estimate(float(moves[best]), float(quiet.max() if len(quiet) else unseen), float(near[-1]))


def _profile(moves: Floats, unmoved: int, waited: Floats) -> tuple[Floats, Floats]:
    """Return for each move as the threshold the log-likelihood, and the tail it is best with."""
    n = len(moves)
    above, below = np.arange(n, 0, -1.0), np.arange(n) + float(unmoved)
    logs = np.log(moves)
    log_above = np.cumsum(logs[::-1])[::-1]
    tail = np.maximum(log_above / above - logs, _LEAST_TAIL)
    total = n + unmoved + 1
    likelihood = below * (np.log((below + 0.5) / total) - logs)
    likelihood += above * (np.log((above + 0.5) / total) - np.log(tail) - 1) - log_above
    likelihood -= CONTRADICTION * (len(waited) - np.searchsorted(waited, moves, "left"))
    # One or two moves lie as close to their smallest as you like; they are no pile.
    return np.where(above >= min(_MIN_TRIGGERED, n), likelihood, -np.inf), tail
