"""A cap over time against the least it may be, decided in integers for every second of a stretch.

Both are straight lines up to rounding: the cap ``start + floor(growth (t - since) / scale)``,
the least it may be a share of a market ratio that grows.  A straight line is above another on a
stretch if it is at both ends; the floor costs the cap less than one unit, so only seconds where
the two lines are closer than that are looked at one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from abis.units import BPS, YEAR_S

MAX_SCANNED_S = 1_000_000  # seconds looked at one by one before giving up


class Held(StrEnum):
    """Whether one line stays at or above another."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class CapLine:
    """``start + floor(growth * (t - since) / scale)``, smallest units of a ratio.

    Parameters
    ----------
    start : int
        Value at ``since``.
    growth : int
        Growth a second, in units of ``1 / scale``; >= 0.
    scale : int
        1 or 10**6, as the adapter stores its growth.
    since : int
        Unix time; the line is asked for later ones only.
    """

    start: int
    growth: int
    scale: int
    since: int

    def at(self, time_s: int) -> int:
        """Return the cap at a time."""
        return self.start + self.growth * (time_s - self.since) // self.scale


@dataclass(frozen=True, slots=True)
class MarketLine:
    """``market (1 + growth (t - now) / year) (1 - below)``, an exact fraction.

    Parameters
    ----------
    market_raw : int
        Market ratio now, smallest units.
    growth_bps : int
        Growth a year, linear; >= 0.
    below_bps : int
        How far under the market is tolerated.
    now_s : int
    """

    market_raw: int
    growth_bps: int
    below_bps: int
    now_s: int

    @property
    def denominator(self) -> int:
        """Return the denominator of `numerator_at`."""
        return BPS * BPS * YEAR_S

    @property
    def slope(self) -> int:
        """Return what `numerator_at` grows by in a second."""
        return self.market_raw * (BPS - self.below_bps) * self.growth_bps

    def numerator_at(self, time_s: int) -> int:
        """Return the least tolerated ratio times ``denominator``."""
        start = self.market_raw * (BPS - self.below_bps) * BPS * YEAR_S
        return start + self.slope * (time_s - self.now_s)


def is_below(cap: CapLine, market: MarketLine, time_s: int) -> bool:
    """Return whether the cap is under the tolerated least at one second."""
    return cap.at(time_s) * market.denominator < market.numerator_at(time_s)


def holds(cap: CapLine, market: MarketLine, first_s: int, last_s: int) -> tuple[Held, int | None]:
    """Return whether the cap stays at or above the tolerated least, and a second where it does not.

    Parameters
    ----------
    cap : CapLine
    market : MarketLine
    first_s, last_s : int
        Unix times, both included; not before ``cap.since``.

    Returns
    -------
    Held
        `Held.UNDECIDED` only if the two lines run within one unit for more than
        `MAX_SCANNED_S` seconds.
    int or None
        The witness of `Held.NO`.
    """
    for time_s in (first_s, last_s):
        if is_below(cap, market, time_s):
            return Held.NO, time_s
    # Without a floor, with a cap that stands still or a market that does, the ends say it all.
    if cap.scale == 1 or cap.growth == 0 or market.slope == 0:
        return Held.YES, None
    low, high = _close_seconds(cap, market, first_s, last_s)
    if high - low > MAX_SCANNED_S:
        return Held.UNDECIDED, None
    for time_s in range(low, high + 1):
        if is_below(cap, market, time_s):
            return Held.NO, time_s
    return Held.YES, None


def _close_seconds(cap: CapLine, market: MarketLine, first_s: int, last_s: int) -> tuple[int, int]:
    """Return the seconds at which the unrounded lines are less than one unit apart; low > high if none."""
    unit = market.denominator * cap.scale

    def margin(time_s: int) -> int:
        line = cap.start * cap.scale + cap.growth * (time_s - cap.since)
        return line * market.denominator - market.numerator_at(time_s) * cap.scale

    slope = cap.growth * market.denominator - market.slope * cap.scale
    at_first, at_last = margin(first_s), margin(last_s)
    if at_first >= unit and at_last >= unit:
        return first_s, first_s - 1
    if slope > 0:
        return first_s, min(last_s, first_s + (unit - at_first) // slope + 1)
    if slope < 0:
        return max(first_s, last_s - (unit - at_last) // -slope - 1), last_s
    return first_s, last_s
