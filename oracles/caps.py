"""Caps on the growth of a ratio: the price adapters of staking, restaking and yield tokens.

A token is worth ``base * ratio``; the adapter lets the ratio count only up to a straight line
through a snapshot.  There is no lower bound: a ratio that falls, by slashing or by a provider's
mistake, passes straight through.  And nothing checks that a snapshot is true: moving its time
forward without raising its ratio lowers the cap, as happened on 2026-03-10.

Source: bgd-labs/aave-capo ``PriceCapAdapterBase.sol``, old and new rounding of the growth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction

import numpy as np

from abis.errors import FeedError
from abis.units import BPS, YEAR_S, mul_div_down
from oracles import wide
from oracles.sources import Ints, Memoryless, View

MAXIMUM_SNAPSHOT_TERM_S = 180 * 86_400


class GrowthScale(IntEnum):
    """In which fraction of a smallest unit the adapter stores the growth of a second."""

    WHOLE = 1  # before September 2025: the growth of a second is cut to whole units
    MILLIONTH = 10**6


@dataclass(frozen=True, slots=True)
class CapParameters:
    """What ``setCapParameters`` sets.

    Parameters
    ----------
    snapshot_ratio : int
        Raw ratio at the snapshot.
    snapshot_at_s : int
        Unix time of the snapshot.
    growth_bps : int
        Greatest growth a year, of the snapshot's ratio, linear.

    Raises
    ------
    FeedError
        If a value is out of the contract's range.
    """

    snapshot_ratio: int
    snapshot_at_s: int
    growth_bps: int

    def __post_init__(self) -> None:
        for name, value, bits in (
            ("snapshot ratio", self.snapshot_ratio, 104),
            ("snapshot time", self.snapshot_at_s, 48),
            ("growth", self.growth_bps, 16),
        ):
            if not 0 <= value < 2**bits:
                raise FeedError(f"cap with a {name} of {value}.", remedy=f"Give 0 <= value < 2**{bits}.")


def growth_per_second(cap: CapParameters, scale: GrowthScale) -> int:
    """Return ``floor(floor(ratio * growth * scale / 10^4) / year)``, units of ``1 / scale``."""
    return cap.snapshot_ratio * cap.growth_bps * scale // BPS // YEAR_S


def max_ratio(cap: CapParameters, now_s: int, scale: GrowthScale) -> int:
    """Return ``ratio + floor(growth_per_second * (now - snapshot) / scale)``.

    Raises
    ------
    FeedError
        Before the snapshot: the contract's subtraction reverts.
    """
    if now_s < cap.snapshot_at_s:
        raise FeedError(
            f"a cap with a snapshot at {cap.snapshot_at_s} is read at {now_s}.",
            remedy="Give the graph its epoch_s, the Unix time at which its clock says 0.",
        )
    age_s = now_s - cap.snapshot_at_s
    return cap.snapshot_ratio + mul_div_down(growth_per_second(cap, scale), age_s, scale)


def is_capped(ratio: int, highest: int) -> bool:
    """Return what the adapter's ``isCapped()`` says."""
    return ratio > highest


def capped_price(base: int, ratio: int, highest: int, ratio_decimals: int) -> int:
    """Return ``floor(base * min(ratio, highest) / 10^ratio_decimals)``, 0 without a price or ratio."""
    if base <= 0 or ratio <= 0:
        return 0
    return mul_div_down(base, min(ratio, highest), 10**ratio_decimals)


def headroom(ratio: int, highest: int) -> Fraction:
    """Return ``highest / ratio - 1``: how much the ratio may still rise; negative if capped.

    Raises
    ------
    FeedError
        If the ratio is not positive.
    """
    if ratio <= 0:
        raise FeedError(f"headroom over a ratio of {ratio}.", remedy="Give a positive ratio.")
    return Fraction(highest, ratio) - 1


def seconds_to_cap(
    cap: CapParameters, ratio: int, now_s: int, apr: float, scale: GrowthScale = GrowthScale.MILLIONTH
) -> float:
    """Return after how many seconds a ratio that compounds at ``apr`` a year meets the cap.

    Parameters
    ----------
    cap : CapParameters
    ratio : int
        Raw ratio now.
    now_s : int
        Unix time.
    apr : float
        Continuous rate a year of the true ratio, 0.03 for 3 %.
    scale : GrowthScale

    Returns
    -------
    float
        0 if it is capped now, infinity if it never will be.
    """
    highest = max_ratio(cap, now_s, scale)
    if is_capped(ratio, highest):
        return 0.0
    if apr <= 0 or ratio <= 0:
        return math.inf
    slope, start = growth_per_second(cap, scale) / scale, math.log(ratio)

    def above(age_s: float) -> bool:
        return start + apr * age_s / YEAR_S > math.log(highest + slope * age_s)

    # A compounding ratio starts below a straight line, so it crosses it once.
    low, high = 0.0, float(YEAR_S)
    while not above(high):
        low, high = high, 2 * high
    while high - low > 1e-3 and low < (middle := (low + high) / 2) < high:  # far away, floats are coarser
        low, high = (low, middle) if above(middle) else (middle, high)
    return high


def ratio_is_not_zero(new: CapParameters) -> bool:
    """Return whether ``SnapshotRatioIsZero`` does not revert."""
    return new.snapshot_ratio != 0


def is_newer_than_stored(new: CapParameters, stored: CapParameters) -> bool:
    """Return whether the snapshot is later than the stored one (``InvalidRatioTimestamp``)."""
    return new.snapshot_at_s > stored.snapshot_at_s


def is_old_enough(new: CapParameters, now_s: int, minimum_delay_s: int) -> bool:
    """Return whether the snapshot has its ``MINIMUM_SNAPSHOT_DELAY`` (``InvalidRatioTimestamp``)."""
    return new.snapshot_at_s <= now_s - minimum_delay_s


def is_recent_enough(new: CapParameters, now_s: int, maximum_term_s: int = MAXIMUM_SNAPSHOT_TERM_S) -> bool:
    """Return whether the snapshot is within ``MAXIMUM_SNAPSHOT_TERM``; new adapters only."""
    return new.snapshot_at_s >= now_s - maximum_term_s


def does_not_overflow_soon(new: CapParameters) -> bool:
    """Return whether three years of growth fit 104 bits (``SnapshotMayOverflowSoon``); old adapters."""
    return new.snapshot_ratio * new.growth_bps * 3 // BPS < 2**104


@dataclass(frozen=True, slots=True)
class RatioCap(Memoryless):
    """A base price times a capped ratio; its children are the base's price and the ratio.

    Parameters
    ----------
    decimals : int
        Of the base price and the answer.
    ratio_decimals : int
    cap : CapParameters
    scale : GrowthScale
    """

    decimals: int
    ratio_decimals: int
    cap: CapParameters
    scale: GrowthScale = GrowthScale.MILLIONTH

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of the base price and of the ratio."""
        return (self.decimals, self.ratio_decimals)

    def answers(self, view: View) -> Ints:
        """Return `capped_price` at every moment."""
        base, ratio = view.children
        highest = wide.narrowed(
            np.array([max_ratio(self.cap, int(t), self.scale) for t in view.time_s], dtype=object)
        )
        return wide.mul_div_down(base, np.minimum(ratio, highest), 10**self.ratio_decimals)
