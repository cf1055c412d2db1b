"""The fair price: the trimmed median of at least three venues.

At each time, venues farther than ``trim`` from the median of all are left out, and the median
of the rest is fair.  A single venue, however wrong, moves it no further than to the next
venue's price.  Where fewer than three venues have a price, or fewer than two are left, there
is none: NaN here, a gap in the file, and a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import InputError
from abis.findings import Finding, FindingKind, Severity
from risk.scenarios.candles import iso

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

AT_LEAST = 3  # venues with a price
LEFT_AT_LEAST = 2  # venues within the trim
TRIM = 0.02  # fraction of the median


@dataclass(frozen=True, eq=False)
class FairPrice:
    """One asset in time.

    Parameters
    ----------
    price : (T,) float64
        NaN where there is none.
    venues : (T,) int64
        With a price.
    trimmed : (T,) int64
        Left out as too far away.
    dispersion : (T,) float64
        Highest less lowest venue over the median; NaN without a price.
    """

    price: FloatArray
    venues: IntArray
    trimmed: IntArray
    dispersion: FloatArray


def fair_price(prices: FloatArray, *, trim: float = TRIM, at_least: int = AT_LEAST) -> FairPrice:
    """Return the fair price of venues' prices.

    Parameters
    ----------
    prices : (T, V) float64
        NaN where a venue has none.
    trim : float
        How far from the median a venue may be, as a fraction of it.
    at_least : int
        Venues with a price needed at a time; three or more.

    Raises
    ------
    InputError
        If a price is not positive, the trim is not, or fewer than three venues are asked for.
    """
    if prices.ndim != 2 or at_least < AT_LEAST or not trim > 0:
        raise InputError(
            f"a fair price of {at_least} venues, trimmed at {trim}, is not defined.",
            remedy=f"Ask for {AT_LEAST} venues or more and a positive trim.",
        )
    if (prices <= 0).any() or np.isinf(prices).any():
        bad = prices[(prices <= 0) | np.isinf(prices)][0]
        raise InputError(f"a venue's price is {bad}.", remedy="Set such rows apart first.")
    there = ~np.isnan(prices)
    venues = there.sum(axis=1)
    enough = venues >= at_least
    price, dispersion = np.full(len(prices), np.nan), np.full(len(prices), np.nan)
    trimmed = np.zeros(len(prices), dtype=np.int64)
    if enough.any():
        rows = prices[enough]
        middle = np.nanmedian(rows, axis=1, keepdims=True)
        near = np.abs(rows - middle) <= trim * middle
        left = near.sum(axis=1)
        kept = np.where(near, rows, np.nan)
        fair = np.full(len(rows), np.nan)
        some = left >= LEFT_AT_LEAST
        if some.any():
            fair[some] = np.nanmedian(kept[some], axis=1)
        price[enough] = fair
        trimmed[enough] = there[enough].sum(axis=1) - left
        dispersion[enough] = (np.nanmax(rows, axis=1) - np.nanmin(rows, axis=1)) / middle[:, 0]
    return FairPrice(price, venues.astype(np.int64), trimmed, dispersion)


def closes_by_venue(candles: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the closes of several venues side by side, one row a time that any has.

    Parameters
    ----------
    candles : mapping of str to DataFrame
        ``time`` (UTC) and ``close`` by venue, each time once.

    Raises
    ------
    InputError
        If there are fewer than three venues, or one gives two closes for a time.
    """
    if len(candles) < AT_LEAST:
        raise InputError(
            f"{len(candles)} venues ({', '.join(sorted(candles)) or 'none'}) make no fair price.",
            remedy=f"Fetch the same symbol and interval from at least {AT_LEAST}.",
        )
    for venue, rows in candles.items():
        again = rows.loc[rows["time"].duplicated(), "time"]
        if len(again):
            raise InputError(
                f"{venue} has two closes at {iso(int(again.iloc[0].timestamp()))}.",
                remedy="Remove parts that were copied in, or fetch it again.",
            )
    columns = {venue: rows.set_index("time")["close"] for venue, rows in sorted(candles.items())}
    return pd.concat(columns, axis=1, join="outer").sort_index()


def fair_findings(fair: FairPrice, time_s: IntArray, venues: list[str], subject: str) -> tuple[Finding, ...]:
    """Return findings about times without a fair price, and about venues that were left out."""
    out = []
    none = np.isnan(fair.price)
    if none.any():
        first = iso(int(time_s[int(np.argmax(none))]))
        out.append(
            Finding(
                FindingKind.MISSING,
                Severity.MEDIUM,
                subject,
                f"no fair price at {int(none.sum())} of {len(none)} times, first at {first}: "
                f"too few of {', '.join(venues)} agree or are there.",
                remedy="Fetch more venues.",
            )
        )
    hit = fair.trimmed > 0
    if hit.any():
        at = int(np.nanargmax(fair.dispersion))
        out.append(
            Finding(
                FindingKind.INCONSISTENT,
                Severity.MEDIUM,
                subject,
                f"a venue was left out at {int(hit.sum())} of {len(hit)} times; venues were furthest "
                f"apart at {iso(int(time_s[at]))}, by {fair.dispersion[at]:.1%}.",
                remedy="Look at the venues of those times.",
            )
        )
    return tuple(out)
