"""The depth of an order book now, against the same book's own history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from abis.findings import Finding, FindingKind, Severity
from risk.scenarios.candles import iso
from risk.venues.book import PERCENT

HISTORY_AT_LEAST = 10  # earlier books: fewer make no history


@dataclass(frozen=True, slots=True)
class Depth:
    """One venue's book.

    Parameters
    ----------
    bid_usd : float
        Bids within one percent of the mid price, where longs that are liquidated sell.
    usual_bid_usd : float
        Median of earlier books; NaN with fewer than `HISTORY_AT_LEAST`.
    books : int
        Earlier ones.
    """

    bid_usd: float
    usual_bid_usd: float
    books: int


def depth_now(rows: pd.DataFrame, subject: str, since_s: int) -> tuple[Depth | None, list[Finding]]:
    """Return the depth of the last book, None if it is older than ``since_s`` or has no mid price.

    Parameters
    ----------
    rows : DataFrame
        Levels of one series in order of time: ``known_s``, ``side``, ``price``, ``size_base``.
    subject : str
        Named in findings.
    since_s : int
        Unix seconds.
    """
    findings = []
    usable = np.isfinite(rows["price"]) & (rows["price"] > 0) & (rows["size_base"] >= 0)
    if not usable.all():
        text = f"{int((~usable).sum())} levels without a price or size are left out."
        findings.append(Finding(FindingKind.OUT_OF_RANGE, Severity.MEDIUM, subject, text))
    found: dict[int, tuple[float, bool]] = {}
    unpriced = 0
    for time_s, book in rows[usable].groupby("known_s", sort=True):
        bid = _bid_depth(book)
        unpriced += bid is None
        if bid is not None:
            found[int(str(time_s))] = bid
    if unpriced:
        text = f"{unpriced} of {unpriced + len(found)} books are one-sided or crossed: left out."
        findings.append(Finding(FindingKind.INCONSISTENT, Severity.MEDIUM, subject, text))
    last_s = max(found, default=since_s)
    if last_s <= since_s:
        text = f"no book after {iso(since_s)}."
        return None, [*findings, Finding(FindingKind.STALE, Severity.LOW, subject, text)]
    depth_usd, whole = found.pop(last_s)
    if not whole:
        text = "the book that was fetched ends within one percent: depth is at least what is shown."
        findings.append(Finding(FindingKind.LIQUIDITY, Severity.LOW, subject, text))
    earlier = [usd for usd, _ in found.values()]
    usual = float(np.median(earlier)) if len(earlier) >= HISTORY_AT_LEAST else np.nan
    if np.isnan(usual):
        text = f"{len(earlier)} earlier books make no history, {HISTORY_AT_LEAST} do."
        findings.append(
            Finding(FindingKind.MISSING, Severity.INFO, subject, text, remedy="Fetch them over time.")
        )
    return Depth(depth_usd, usual, len(earlier)), findings


def _bid_depth(book: pd.DataFrame) -> tuple[float, bool] | None:
    """Return bids within one percent of the mid in dollars, and whether the book reaches that far."""
    bids, asks = book[book["side"] == "bid"], book[book["side"] == "ask"]
    if bids.empty or asks.empty or bids["price"].max() >= asks["price"].min():
        return None
    floor = (bids["price"].max() + asks["price"].min()) / 2.0 * (1.0 - PERCENT)
    near = bids[bids["price"] >= floor]
    return float((near["price"] * near["size_base"]).sum()), bool(bids["price"].min() < floor)
