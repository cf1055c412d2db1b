"""Walk forward: losses bounded with data up to a date, and counted after it.

A bound on a day's loss at level ``a`` is broken on a share ``1 - a`` of days if it is right.  How many
days may break it before it is doubted is the traffic light of the Basel Committee (Supervisory
framework for the use of backtesting, 1996): with ``F`` the binomial distribution function of the
number of exceedances, green below ``F(x) = 95 %``, red from ``F(x) = 99.99 %``, yellow between.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.stats import binom

from abis.errors import InputError, ScenarioError
from protocols.snapshot import Snapshot
from risk.confidence import quantile_bounds
from risk.engine.arrays import FloatArray, IntArray
from risk.scenarios.backtest import Coverage, coverage
from risk.scenarios.panel import Panel
from risk.scenarios.paths import from_log_paths
from risk.scenarios.scenarios import Scenarios

YELLOW_FROM, RED_FROM = 0.95, 0.9999


class Light(StrEnum):
    """What a number of exceedances says of a bound."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Exceedances:
    """How often a bound was broken.

    Parameters
    ----------
    bound : float
    level : float
        At which it should hold.
    days : int
    beyond : int
        Days with a larger loss.
    worst : float
        Largest loss that came.
    light : Light
    coverage : Coverage
        Kupiec's and Christoffersen's tests of the same days.
    """

    bound: float
    level: float
    days: int
    beyond: int
    worst: float
    light: Light
    coverage: Coverage

    @property
    def expected(self) -> float:
        """Return how many exceedances the level allows."""
        return self.days * (1 - self.level)


def traffic_light(beyond: int, days: int, level: float) -> Light:
    """Return the zone of a number of exceedances; 5 and 10 of 250 at 99 % begin yellow and red.

    Parameters
    ----------
    beyond, days : int
    level : float
        In (0, 1), of the bound.

    Raises
    ------
    InputError
        If there are no days, more exceedances than days, or the level is outside.
    """
    if not 0 < level < 1 or days < 1 or not 0 <= beyond <= days:
        raise InputError(
            f"{beyond} exceedances in {days} days at level {level}.",
            remedy="Give at most as many exceedances as days, and a level in (0, 1).",
        )
    reached = float(binom.cdf(beyond, days, 1 - level))
    if reached < YELLOW_FROM:
        return Light.GREEN
    return Light.YELLOW if reached < RED_FROM else Light.RED


def certified_bound(losses: FloatArray, level: float, *, risk: float = 0.05) -> float:
    """Return an upper bound on a quantile that is too low with probability ``risk``.

    An order statistic of independent draws (Clopper and Pearson 1934); inf where they are too few.
    """
    return quantile_bounds(losses, level, 2 * risk)[1]


def count(losses: FloatArray, bound: FloatArray | float, level: float) -> Exceedances:
    """Return how often losses went beyond a bound.

    Parameters
    ----------
    losses : (n,) float64
        In their order of time.
    bound : (n,) float64 or float
        Fixed, or of each day; the mean is reported.
    level : float

    Raises
    ------
    InputError
        As `traffic_light`.
    """
    limit = np.broadcast_to(np.asarray(bound, dtype=np.float64), losses.shape)
    beyond = losses > limit
    return Exceedances(
        bound=float(limit.mean()),
        level=level,
        days=len(losses),
        beyond=int(beyond.sum()),
        worst=float(losses.max()),
        light=traffic_light(int(beyond.sum()), len(losses), level),
        # A day beyond the bound is one to which less than 1 - level was given.
        coverage=coverage(np.where(beyond, 0.0, 1.0), 1 - level),
    )


def window_starts(panel: Panel, first_s: int, last_s: int, window_s: int) -> IntArray:
    """Return the multiples of a window in ``[first_s, last_s)`` from which it is whole in the panel, (n,).

    Windows of days start at midnight UTC; none overlaps another.
    """
    steps = window_s // panel.step_s
    starts = np.arange(-(-first_s // window_s) * window_s, last_s, window_s, dtype=np.int64)
    place = np.searchsorted(panel.end_s, starts + panel.step_s)
    starts, place = (x[place + steps <= len(panel)] for x in (starts, place))
    whole = panel.end_s[place] == starts + panel.step_s
    whole &= panel.end_s[place + steps - 1] == starts + window_s
    return np.asarray(starts[whole])


def windows_of(panel: Panel, snapshot: Snapshot, starts_s: IntArray, window_s: int) -> Scenarios:
    """Return what came as scenarios, each window from the prices of the snapshot.

    The same book meets every window: what is tested is the bound, not who came and went.

    Parameters
    ----------
    panel : Panel
    snapshot : Snapshot
    starts_s : (n,) int64
        From `window_starts`.
    window_s : int

    Raises
    ------
    ScenarioError
        If there are none.
    """
    if not len(starts_s):
        raise ScenarioError("no whole window lies in that period.", remedy="Choose one the candles cover.")
    steps = window_s // panel.step_s
    place = np.searchsorted(panel.end_s, starts_s + panel.step_s)
    moves = panel.log_return[place[:, None] + np.arange(steps)]
    path = np.concatenate([np.zeros((len(place), 1, len(panel.coins))), moves.cumsum(axis=1)], axis=1)
    return from_log_paths(
        snapshot,
        panel.coins,
        lambda a, b: path[a:b],
        scenarios=len(path),
        time_s=np.arange(steps + 1, dtype=np.float64) * panel.step_s,
        seed=0,
        group="history",
        identity={"starts_s": [int(t) for t in starts_s], "step_s": panel.step_s},
        fill="hold",
    )
