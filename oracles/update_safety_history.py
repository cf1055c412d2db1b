"""What a ratio was: whether a snapshot is true, and how fast the ratio may be expected to grow."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from abis.errors import FeedError
from abis.units import BPS, YEAR_S
from oracles.update_safety_rules import DAY_S

MAX_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class RatioHistory:
    """Readings of one ratio.

    Parameters
    ----------
    time_s : tuple of int
        Unix times, strictly increasing.
    ratio_raw : tuple of int
        Positive, smallest units.

    Raises
    ------
    FeedError
        If there are none, too many, or they are out of order or impossible.
    """

    time_s: tuple[int, ...]
    ratio_raw: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.time_s) == len(self.ratio_raw) <= MAX_ROWS:
            raise FeedError(
                f"{len(self.time_s)} times and {len(self.ratio_raw)} ratios.",
                remedy=f"Give 1 to {MAX_ROWS} of each.",
            )
        for before, after in zip(self.time_s, self.time_s[1:], strict=False):
            if after <= before:
                raise FeedError(f"time {after} follows {before}.", remedy="Sort the history; no doubles.")
        for ratio in self.ratio_raw:
            if ratio <= 0:
                raise FeedError(f"ratio {ratio}.", remedy="Give positive integers.")


def history_of(rows: Iterable[tuple[int, int]]) -> RatioHistory:
    """Return a history of (time, ratio) rows in any order; errors as `RatioHistory`."""
    ordered = sorted(rows)
    return RatioHistory(tuple(t for t, _ in ordered), tuple(r for _, r in ordered))


def around(history: RatioHistory, time_s: int) -> tuple[int, int] | None:
    """Return the ratios read last before and first after a time, or None outside the history.

    A reading at that very second stands for both.
    """
    if not history.time_s[0] <= time_s <= history.time_s[-1]:
        return None
    before = bisect_right(history.time_s, time_s) - 1
    after = bisect_left(history.time_s, time_s)
    return history.ratio_raw[before], history.ratio_raw[after]


def largest_growth_bps(history: RatioHistory, over_s: int) -> int:
    """Return the fastest growth a year the ratio kept up for at least ``over_s``, rounded up.

    Short spells grow faster than long ones, so the spell should be as long as the look ahead; a
    history shorter than that is taken as a whole.  Shrinking counts as no growth.

    Raises
    ------
    FeedError
        If the history spans less than a day.
    """
    times = np.array(history.time_s, dtype=np.float64)
    ratios = np.array([float(r) for r in history.ratio_raw])
    span = times[-1] - times[0]
    if span < DAY_S:
        raise FeedError(f"a history of {span:.0f} s.", remedy="Give readings of a day or more.")
    least = max(min(float(over_s), span), float(DAY_S))
    best = 0.0
    for i in range(len(times) - 1):
        later = np.searchsorted(times, times[i] + least)
        if later == len(times):
            break
        yearly = (ratios[later:] / ratios[i] - 1.0) * YEAR_S / (times[later:] - times[i])
        best = max(best, float(yearly.max()))
    return math.ceil(best * BPS - 1e-9)
