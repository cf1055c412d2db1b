"""Haircuts that do not jump in a crisis: stressed weight, long look-back floor, release buffer, speed limit.

The margin rules of the European Union (Delegated Regulation 153/2013, article 28) ask for one of a buffer of
25 % that may be used up when margins rise fast, a weight of 25 % on stressed observations, and a floor from
a long look-back.  Here, of a haircut ``h`` estimated from the volatility of the day::

    needed    = max(h_floor, (1 - w) h + w h_stressed)
    target    = min((1 + b) needed, max(needed, h_stressed))
    published = target where needed is at most what calm asks for: there the buffer is built
                else as it was, as long as it lies in [needed, target]: there the buffer is used up

and it moves by no more than the speed limit a day.  The buffer is given back one for one with what is
needed, and never makes calm stricter than stress.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abis.errors import InputError
from risk.engine.arrays import FloatArray, IntArray
from risk.solver.limits import Limits

BPS = 10_000
DAYS = (1, 30)  # over which rises are measured


@dataclass(frozen=True, slots=True)
class Tempering:
    """What keeps a haircut from following every move of volatility; each off by default.

    Parameters
    ----------
    stressed_weight : float
        0, or 0.25 to 1.
    floor_lookback_days : int
        0: no floor.
    release_buffer : float
        Share of the haircut.
    bps_per_day : float
        Most a published haircut moves, bps.
    """

    stressed_weight: float = 0.0
    floor_lookback_days: int = 0
    release_buffer: float = 0.0
    bps_per_day: float = np.inf

    @classmethod
    def of(cls, limits: Limits) -> Tempering:
        """Return what `limits.toml` asks for."""
        return cls(
            limits["procyclicality.stressed_weight"],
            int(limits["procyclicality.floor_lookback_days"]),
            limits["procyclicality.release_buffer"],
            limits["procyclicality.release_bps_per_day"],
        )


# What article 28 has, as far as the shipped history reaches, and the usual speed of governance.
EUROPEAN = Tempering(0.25, 365, 0.25, 50 / 3)


def needed(haircut: FloatArray, stressed: FloatArray, floor: FloatArray, options: Tempering) -> FloatArray:
    """Return what a haircut has to be, buffer apart; arrays broadcast.

    Parameters
    ----------
    haircut, stressed, floor : (..., n) float64
        Of the day, of stress, and of the long look-back, fractions.
    options : Tempering
    """
    w = options.stressed_weight
    blended = (1 - w) * haircut + w * stressed
    return np.maximum(blended, floor) if options.floor_lookback_days else blended


def target(wanted: FloatArray, stressed: FloatArray, buffer: float) -> FloatArray:
    """Return a haircut with its whole buffer, which never makes it stricter than stress; arrays broadcast."""
    return np.asarray(np.minimum((1 + buffer) * wanted, np.maximum(wanted, stressed)))


def published(
    wanted: FloatArray,
    stressed: FloatArray,
    calm: FloatArray,
    *,
    buffer: float = 0.0,
    bps_per_day: float = np.inf,
) -> FloatArray:
    """Return what is published each day of what is needed, (n,).

    Parameters
    ----------
    wanted : (n,) float64
        Day by day, fractions.
    stressed, calm : (n,) float64
        What stress asks for, and what calm does: up to there the buffer is built.
    buffer : float
        Share of the haircut, at least 0.
    bps_per_day : float
        Most it moves, positive; inf: as far as it likes.

    Raises
    ------
    InputError
        If the buffer is negative or the speed not positive.
    """
    if not buffer >= 0 or not bps_per_day > 0:
        raise InputError(
            f"a buffer of {buffer:g} and {bps_per_day:g} bps a day publish nothing.",
            remedy="Give a buffer from 0 and a speed above 0.",
        )
    full = target(wanted, stressed, buffer)
    out = full.copy()
    for t in range(1, len(out)):
        goal = full[t] if wanted[t] <= calm[t] else min(max(out[t - 1], wanted[t]), full[t])
        step = min(max(goal - out[t - 1], -bps_per_day / BPS), bps_per_day / BPS)
        # Adding the difference would end a rounding beside the goal.
        out[t] = goal if step == goal - out[t - 1] else out[t - 1] + step
    return out


def within_steps(wanted: FloatArray, *, step_bps: int, every_days: int) -> FloatArray:
    """Return what governance reaches that may move by a step every so many days, (n,).

    It moves on the first day on which it wants to and may.

    Parameters
    ----------
    wanted : (n,) float64
        Day by day.
    step_bps, every_days : int
        At least 1.
    """
    out = wanted.copy()
    moved = -every_days
    for t in range(1, len(out)):
        out[t] = out[t - 1]
        if t - moved >= every_days and wanted[t] != out[t]:
            step = min(max(wanted[t] - out[t], -step_bps / BPS), step_bps / BPS)
            out[t] = wanted[t] if step == wanted[t] - out[t] else out[t] + step
            moved = t
    return out


@dataclass(frozen=True, slots=True)
class Movement:
    """How a haircut moved.

    Parameters
    ----------
    mean, lowest, highest : float
        Fractions.
    rises : tuple of float
        Largest rise over each of `DAYS`; 0 where no stretch is that long.
    largest_move : float
        In a day, either way.
    moves : int
        Days on which it changed.
    """

    mean: float
    lowest: float
    highest: float
    rises: tuple[float, ...]
    largest_move: float
    moves: int

    @property
    def peak_to_trough(self) -> float:
        """Return highest over lowest; inf over nothing."""
        return self.highest / self.lowest if self.lowest > 0 else np.inf


def movement(haircut: FloatArray, stretch: IntArray) -> Movement:
    """Return how a haircut moved within stretches of days.

    Parameters
    ----------
    haircut : (n,) float64
        At least one day.
    stretch : (n,) int64
        Number of the stretch each day lies in; days of a stretch follow one another.
    """
    rises = []
    for days in DAYS:
        together = stretch[days:] == stretch[:-days]
        rises.append(float((haircut[days:] - haircut[:-days])[together].max(initial=0.0)))
    moved = np.abs(np.diff(haircut))[stretch[1:] == stretch[:-1]]
    return Movement(
        mean=float(haircut.mean()),
        lowest=float(haircut.min()),
        highest=float(haircut.max()),
        rises=tuple(rises),
        largest_move=float(moved.max(initial=0.0)),
        moves=int((moved > 0).sum()),
    )
