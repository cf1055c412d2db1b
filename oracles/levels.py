"""Inputs of a graph besides the assets' market prices: ratios, exchange rates, uptime.

A scenario may give such an input a path of its own.  A plain market scenario says nothing of
it: then it stays at a level, or grows in a straight line, as staking ratios nearly do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abis.errors import FeedError
from abis.units import BPS, YEAR_S
from oracles.sources import Ints, Memoryless, View
from oracles.wide import narrowed


def level_at(level_raw: int, growth_bps_per_year: int, since_s: int, now_s: int, every_s: int = 1) -> int:
    """Return ``level + floor(level * growth * age / (10^4 * year))``, age in whole ``every_s``.

    Parameters
    ----------
    level_raw : int
        Level at ``since_s`` and before.
    growth_bps_per_year : int
        Of the level, linear; negative for a fall.
    since_s, now_s : int
        Unix time.
    every_s : int
        It moves once in so many seconds (86 400 for a daily report).
    """
    age_s = max(now_s - since_s, 0) // every_s * every_s
    return level_raw + level_raw * growth_bps_per_year * age_s // (BPS * YEAR_S)


@dataclass(frozen=True, slots=True)
class Level(Memoryless):
    """A number the scenario may give a path; by default a level with linear growth.

    Parameters
    ----------
    decimals : int
    level_raw : int
        Its value until ``since_s``; exact, at least 0.
    growth_bps_per_year : int
        Of ``level_raw`` a year, linear.
    since_s : int, optional
        Unix time from which it grows; needed if it does.
    every_s : int
        It moves once in so many seconds.

    Raises
    ------
    FeedError
        If a parameter is impossible; in use, if it falls below 0.
    """

    decimals: int
    level_raw: int
    growth_bps_per_year: int = 0
    since_s: int | None = None
    every_s: int = 1

    def __post_init__(self) -> None:
        if self.growth_bps_per_year and self.since_s is None:
            raise FeedError(
                f"a growth of {self.growth_bps_per_year} bps a year from no stated time.",
                remedy="Give since_s, the Unix time at which the level held.",
            )
        if self.level_raw < 0 or self.every_s < 1:
            raise FeedError(
                f"a level of {self.level_raw} that moves every {self.every_s} s.",
                remedy="Give a level of at least 0 and at least one second.",
            )

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return no child."""
        return ()

    def answers(self, view: View) -> Ints:
        """Return the scenario's path, or the level at each time."""
        if view.path is not None:
            return view.path
        values = [
            level_at(self.level_raw, self.growth_bps_per_year, self.since_s or 0, int(t), self.every_s)
            for t in view.time_s
        ]
        if min(values) < 0:
            raise FeedError(
                f"a level of {self.level_raw}, moving {self.growth_bps_per_year} bps a year, falls below 0.",
                remedy="Give a slower fall or a path.",
            )
        row = narrowed(np.array(values, dtype=object))
        return np.broadcast_to(row, (len(view), len(row)))
