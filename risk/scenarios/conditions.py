"""Conditions: which past hours a simulated hour may be drawn from.

A condition sorts every row of a sample into a state, and tells the state a path is in.  Blocks
are drawn only from rows of that state, so whatever differs between the states - volatility,
jumps, correlation - is estimated apart.

=============  ======================================================================
``none``       one state
``down``       1 where the factor fell in the window before by more than a low quantile
``events``     1 within some hours after a scheduled macro-economic release
``range``      0 inside the trailing range, 1 near its low (the support), 2 below it,
               3 above its high
=============  ======================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError
from risk.scenarios.panel import Panel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DOWN_WINDOW_S = 86_400
DOWN_QUANTILE = 0.10
EVENT_WINDOW_S = 3 * 3_600
RANGE_LOOKBACK_S = 30 * 86_400
SUPPORT_BAND = 0.03  # in log price above the trailing low
INSIDE, NEAR_SUPPORT, BELOW, ABOVE = range(4)
STATES = {"none": 1, "down": 2, "events": 2, "range": 4}


class Condition(Protocol):
    """Tells the state of paths."""

    @property
    def name(self) -> str:
        """A key of `STATES`."""

    def state(self, t: int, log_path: FloatArray) -> IntArray:
        """Return the state in which step ``t`` is drawn, (S,).

        Parameters
        ----------
        t : int
            The step goes from point ``t`` to ``t + 1``.
        log_path : (S, T + 1, K) float64
            Known up to point ``t``; log factors of the start.
        """


@dataclass(frozen=True, slots=True)
class Always:
    """One state: every row may be drawn at any time."""

    name: str = "none"

    def state(self, t: int, log_path: FloatArray) -> IntArray:
        """Return 0 for each path."""
        return np.zeros(len(log_path), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Down:
    """State 1 once coin ``coin`` fell below ``threshold`` within the last ``steps``.

    Parameters
    ----------
    coin : int
        Column of the paths.
    steps : int
    threshold : float
        Log return, negative.
    """

    coin: int
    steps: int
    threshold: float
    name: str = "down"

    def state(self, t: int, log_path: FloatArray) -> IntArray:
        """Return 1 where the path fell by more than the threshold; before the start nothing moved."""
        now = log_path[:, t, self.coin]
        then = log_path[:, max(0, t - self.steps), self.coin]
        return (now - then < self.threshold).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Events:
    """State 1 in the steps of ``scheduled``."""

    scheduled: frozenset[int]
    name: str = "events"

    def state(self, t: int, log_path: FloatArray) -> IntArray:
        """Return 1 for each path where step ``t`` is scheduled."""
        return np.full(len(log_path), int(t in self.scheduled), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class PriceRange:
    """State by where the nominal price of ``coin`` stands; levels are log factors of its start.

    Parameters
    ----------
    coin : int
        Column of the paths.
    low, high : float
        The usual range.
    supports : tuple of float
        Further levels under which support is thought to lie.
    band : float
        How near above a level counts as near.
    """

    coin: int
    low: float
    high: float
    supports: tuple[float, ...] = field(default=())
    band: float = SUPPORT_BAND
    name: str = "range"

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ScenarioError("a price range needs a low below its high.")

    def state(self, t: int, log_path: FloatArray) -> IntArray:
        """Return the regime of each path."""
        now = log_path[:, t, self.coin]
        near = np.zeros(len(now), dtype=bool)
        for level in (self.low, *self.supports):
            near |= (now >= level) & (now < level + self.band)
        out = np.where(near, NEAR_SUPPORT, INSIDE)
        out = np.where(now < self.low, BELOW, out)
        return np.where(now > self.high, ABOVE, out).astype(np.int64)


def down_rows(panel: Panel, coin: int) -> tuple[IntArray, float]:
    """Return the state of every row by what the coin did before it, and the threshold.

    Returns
    -------
    states : (n,) int64
        1 where the window before the row fell below the threshold; -1 (no state) where the
        window is not whole.
    threshold : float
        The `DOWN_QUANTILE` of the windows' log returns.

    Raises
    ------
    ScenarioError
        If no window is whole.
    """
    steps = max(1, DOWN_WINDOW_S // panel.step_s)
    before = panel.log_price[:, coin] - panel.log_return[:, coin]
    trailing = np.full(len(panel), np.nan)
    whole = np.zeros(len(panel), dtype=bool)
    whole[steps:] = panel.end_s[steps:] - panel.end_s[:-steps] == steps * panel.step_s
    trailing[steps:] = before[steps:] - before[:-steps]
    if not whole.any():
        raise ScenarioError(
            f"no stretch of {DOWN_WINDOW_S} s is whole.", remedy="Give longer candles or no condition."
        )
    threshold = float(np.quantile(trailing[whole], DOWN_QUANTILE))
    states = (trailing < threshold).astype(np.int64)
    return np.where(whole, states, -1), threshold


def event_rows(panel: Panel, event_s: Sequence[int]) -> IntArray:
    """Return 1 for rows that begin within `EVENT_WINDOW_S` after an event, else 0, (n,)."""
    return within_event(panel.end_s - panel.step_s, panel.step_s, event_s)


def within_event(start_s: IntArray, step_s: int, event_s: Sequence[int]) -> IntArray:
    """Return 1 where ``[start, start + step)`` overlaps ``[event, event + EVENT_WINDOW_S)``."""
    events = np.sort(np.asarray(event_s, dtype=np.int64))
    if len(events) == 0:
        return np.zeros(len(start_s), dtype=np.int64)
    last = np.searchsorted(events, start_s + step_s, side="left") - 1  # events before the row's end
    known = last >= 0
    since = start_s - events[np.maximum(last, 0)]
    return (known & (since < EVENT_WINDOW_S)).astype(np.int64)


def range_rows(panel: Panel, coin: int) -> IntArray:
    """Return the regime of every row by the price before it, (n,); -1 without a whole lookback.

    The range is that of the closes of the last `RANGE_LOOKBACK_S` before the row.
    """
    steps = max(2, RANGE_LOOKBACK_S // panel.step_s)
    out = np.full(len(panel), -1, dtype=np.int64)
    if len(panel) <= steps:
        return out
    closes = panel.log_price[:, coin]
    windows = np.lib.stride_tricks.sliding_window_view(closes, steps)[:-1]  # rows k .. k + steps - 1
    low, high = windows[:, :-1].min(axis=1), windows[:, :-1].max(axis=1)
    now = windows[:, -1]
    regime = np.where(now < low + SUPPORT_BAND, NEAR_SUPPORT, INSIDE)
    regime = np.where(now < low, BELOW, regime)
    regime = np.where(now > high, ABOVE, regime)
    # A short halt does not end a lookback; a hole of more than a twentieth does.
    span = panel.end_s[steps:] - panel.end_s[:-steps]
    whole = span <= 1.05 * steps * panel.step_s
    out[steps:] = np.where(whole, regime, -1)
    return out
