"""When a feed's settings changed: binary segmentation by likelihood ratio.

A split of a stretch is judged by how much better two levels explain its halves than the
best single level does, ``max l1 + max l2 - max (l1 + l2)``.  Everything else (how often
somebody asks for a round, how rough the market is) may differ between the halves under
both, so neither counts as a change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oracles.thresholds import CONTRADICTION, DROP, find_pile, pile_width_s

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PENALTY = 15.0  # log-likelihood a change must be worth
LEAST_RATIO = 1.25  # levels closer than this are not told apart
LEAST_ROUNDS = 20  # a side
_TAILS = (0.02, 0.05, 0.1, 0.2)  # how far above the threshold moves end up, relative
_JUMP_SHARE = 0.1  # one in ten much farther
_BLUR = 0.998  # a report may say a little less than what triggered it
_EARLY_S = 30.0
_BLOCKS = 3

Score = Callable[[Ints, Ints], Floats]  # starts and ends (k,) to log-likelihood (level, k)


class ChangePoint(NamedTuple):
    """Where a level changed.

    Parameters
    ----------
    at : int
        First step of the new level, at the best split.
    earliest, latest : int
        Splits within three units of log-likelihood of it.
    """

    at: int
    earliest: int
    latest: int


def heartbeat_changes(waits: Floats) -> list[ChangePoint]:
    """Return where the heartbeat changed, among the waits of consecutive steps."""
    n = len(waits)
    piles = [find_pile(b) for level in range(_BLOCKS + 1) for b in np.array_split(waits, 2**level)]
    windows = sorted({(p.start_s, p.end_s) for p in piles if p is not None})
    if len(windows) < 2 or n < 2 * LEAST_ROUNDS:
        return []
    start, end = (np.array(edge)[:, None] for edge in zip(*windows, strict=True))
    start = start - _EARLY_S
    below = _prefix((waits < start) & (waits >= start - pile_width_s(start)))
    inside, over = _prefix((waits >= start) & (waits < end)), _prefix(waits >= end)

    def score(lo: Ints, hi: Ints) -> Floats:
        held = inside[:, hi] - inside[:, lo]
        density = held / (below[:, hi] - below[:, lo] + 1)
        return held * np.log(np.maximum(density, 1)) - CONTRADICTION * (over[:, hi] - over[:, lo])

    return _segment(score, start[:, 0], 0, n)


def deviation_changes(
    moves: Floats, waited: NDArray[np.bool_], early: NDArray[np.bool_] | None = None
) -> list[ChangePoint]:
    """Return where the deviation threshold changed, among consecutive steps.

    Parameters
    ----------
    moves : (n,) float64
        Relative moves.
    waited : (n,) bool
        Which steps lasted as long as the heartbeat of their time.
    early : (n,) bool, optional
        Which did not, and came by no clock; all that did not wait by default.
    """
    n = len(moves)
    if n < 2 * LEAST_ROUNDS or not moves.any():
        return []
    levels = np.geomspace(5e-5, 0.1, 160) * _BLUR
    levels = np.unique(np.concatenate([levels, np.array([0.0025, 0.005, 0.01, 0.02]) * _BLUR]))
    level = levels[:, None]
    moved = moves >= level
    early = ~waited if early is None else early
    below, above = _prefix(early & ~moved), _prefix(early & moved)
    ratio = np.where(moved, moves / level, 1.0)
    pulled = [_prefix(np.where(early & moved, np.log(_density(ratio, tail)), 0.0)) for tail in _TAILS]
    contradicted = _prefix(waited & moved)

    def score(lo: Ints, hi: Ints) -> Floats:
        under, over = below[:, hi] - below[:, lo], above[:, hi] - above[:, lo]
        total = under + over
        share = under * np.log((under + 0.5) / (total + 1)) + over * np.log((over + 0.5) / (total + 1))
        fit = np.max([p[:, hi] - p[:, lo] for p in pulled], axis=0) - total * np.log(level)
        contradictions = contradicted[:, hi] - contradicted[:, lo]
        return np.asarray(share + fit - CONTRADICTION * contradictions)

    return _segment(score, levels, 0, n)


def _segment(score: Score, levels: Floats, lo: int, hi: int) -> list[ChangePoint]:
    """Return the changes within ``[lo, hi)``, in order."""
    splits = np.arange(lo + LEAST_ROUNDS, hi - LEAST_ROUNDS + 1)
    if not len(splits):
        return []
    first = score(np.full_like(splits, lo), splits)
    second = score(splits, np.full_like(splits, hi))
    gain = first.max(axis=0) + second.max(axis=0) - (first + second).max(axis=0)
    apart = np.abs(np.log(levels[first.argmax(axis=0)] / levels[second.argmax(axis=0)]))
    gain = np.where(apart >= np.log(LEAST_RATIO), gain, 0.0)
    best = int(np.argmax(gain))
    if gain[best] < PENALTY:
        return []
    near = np.flatnonzero(gain >= gain[best] - DROP)
    at = int(splits[best])
    found = ChangePoint(at, int(splits[near[0]]), int(splits[near[-1]]))
    return [*_segment(score, levels, lo, at), found, *_segment(score, levels, at, hi)]


def _density(ratio: Floats, tail: float) -> Floats:
    """Return the density of moves at ``ratio`` times the threshold."""
    return np.asarray((1 - _JUMP_SHARE) / tail * ratio ** (-1 / tail - 1) + _JUMP_SHARE * ratio**-2)


def _prefix(values: NDArray[np.bool_] | Floats) -> Floats:
    """Return sums before each place along the last axis, one longer."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums
