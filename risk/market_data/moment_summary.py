"""Cross-venue stress of one moment, per asset: everything `moment` and its neighbours measure, together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from abis.errors import UnknownAsset
from abis.findings import Finding
from oracles.candle_path import MarketView
from oracles.facts import assumptions, facts_for, feed_for
from oracles.feed import PriceFeed
from risk.market_data.moment import Folder, Prices, depth_of, flow_of, prices_of
from risk.market_data.moment_depth import Depth
from risk.market_data.moment_liquidations import liquidated_usd_hour
from risk.market_data.moment_oracle import Lag, lag_of
from risk.market_data.moment_positions import held_of
from risk.venues.venue import Venue

FEED_DECIMALS = 8
UNITS = {
    "at_s": "unix seconds",
    "fair_usd": "USD",
    "dispersion": "highest less lowest venue over the median",
    "widest_dispersion": "as dispersion, widest in the window",
    "bid_depth_usd": "USD within one percent, all books",
    "depth_share": "fraction of the median of earlier books",
    "open_interest_usd": "USD",
    "open_interest_change": "fraction over the window",
    "leverage": "notional over equity",
    "funding_year": "fraction a year, longs pay",
    "liquidated_usd_hour": "USD an hour",
    "oracle_usd": "USD, as given",
    "oracle_gap": "fair price over it, less one",
    "predicted_usd": "USD",
    "predicted_gap": "fair price over it, less one",
    "widest_gap": "as predicted_gap, furthest from 0 in the window",
    "predicted_age_s": "seconds since the last predicted round",
    "spectral_radius": "1: falls feed themselves",
}
Report = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Asked:
    """What to measure.

    Parameters
    ----------
    assets : tuple of str
        All that have candles where empty.
    at_s : int or None
        Unix seconds; None for the latest in the folder.
    window_s : int
        How far back counts as now.
    interval : str
        Of the candles.
    feeds : mapping of asset to (PriceFeed, MarketView)
        Where missing, the known feed of the asset in dollars on Ethereum.
    oracle_usd : mapping of asset to float
        What oracles report.
    liquidations, positions : DataFrame, optional
        As `read_liquidations`; as `risk.venues.positions.from_table`.
    venues : mapping of name to Venue
        Of the positions.
    """

    assets: tuple[str, ...] = ()
    at_s: int | None = None
    window_s: int = 86_400
    interval: str = "5m"
    feeds: Mapping[str, tuple[PriceFeed, MarketView]] = field(default_factory=dict)
    oracle_usd: Mapping[str, float] = field(default_factory=dict)
    liquidations: pd.DataFrame | None = None
    positions: pd.DataFrame | None = None
    venues: Mapping[str, Venue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssetMoment:
    """One asset; None where it is not known.  Units: `UNITS`; names are untrusted text."""

    asset: str
    fair_usd: float | None
    venues: int
    dispersion: float | None
    widest_dispersion: float | None
    lowest: str | None
    highest: str | None
    bid_depth_usd: float | None
    depth_share: float | None
    open_interest_usd: float | None
    open_interest_change: float | None
    leverage: float | None
    funding_year: float | None
    liquidated_usd_hour: float | None
    oracle_usd: float | None
    oracle_gap: float | None
    feed: str | None
    predicted_usd: float | None
    predicted_gap: float | None
    widest_gap: float | None
    predicted_age_s: float | None


@dataclass(frozen=True, slots=True)
class Moment:
    """All assets at a moment, and the number that warns (None without positions)."""

    at_s: int
    window_s: int
    assets: tuple[AssetMoment, ...]
    spectral_radius: float | None

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return asdict(self) | {"assets": [asdict(a) for a in self.assets]}


def moment(root: Path, asked: Asked, report: Report = lambda *_: None) -> tuple[Moment, list[Finding]]:
    """Measure a moment.

    Parameters
    ----------
    root : Path
        Folder that `risk.market_data.fetch` filled.
    asked : Asked
    report : callable (phase, done, total)

    Raises
    ------
    UnknownAsset
        If an asset is asked for, or has an oracle's price, that has no candles.
    InputError, MalformedFile
        As `Folder`, `prices_of` and `held_of`.
    """
    folder = Folder(root, asked.at_s)
    assets = asked.assets or folder.assets()
    strange = next((a for a in (*assets, *asked.oracle_usd, *asked.feeds) if a not in folder.assets()), None)
    if strange is not None:
        raise UnknownAsset(
            f"there are no candles of '{strange}'.",
            remedy=f"There are: {', '.join(folder.assets()) or 'none'}.",
        )
    findings: list[Finding] = []
    priced: dict[str, Prices] = {}
    depths: dict[str, dict[str, Depth]] = {}
    for done, asset in enumerate(assets):
        report("reading", done, len(assets))
        priced[asset], told = prices_of(folder, asset, asked.interval)
        depths[asset], more = depth_of(folder, asset, asked.window_s)
        findings += told + more
    held, radius = _held(asked, priced, depths, findings)
    rows = tuple(_row(folder, asked, a, priced[a], depths[a], held, findings) for a in assets)
    report("reading", len(assets), len(assets))
    return Moment(folder.at_s, asked.window_s, rows, radius), findings


def _held(
    asked: Asked,
    priced: Mapping[str, Prices],
    depths: Mapping[str, Mapping[str, Depth]],
    findings: list[Finding],
) -> tuple[Mapping[str, float], float | None]:
    if asked.positions is None:
        return {}, None
    fair = {a: float(p.fair_usd[p.last]) for a, p in priced.items() if p.last >= 0}
    depth: dict[tuple[str, str], float] = {}
    for asset, books in depths.items():
        for name, found in books.items():  # one venue's books of several symbols of a coin stand together
            key = (name.partition(" ")[0], asset)
            depth[key] = depth.get(key, 0.0) + found.bid_usd
    held, told = held_of(asked.positions, asked.venues, fair, {k: v for k, v in depth.items() if v > 0.0})
    findings += told
    return held.leverage, held.spectral_radius


def _row(
    folder: Folder,
    asked: Asked,
    asset: str,
    prices: Prices,
    depths: Mapping[str, Depth],
    leverage: Mapping[str, float],
    findings: list[Finding],
) -> AssetMoment:
    fair = float(prices.fair_usd[prices.last]) if prices.last >= 0 else np.nan
    low, high, venues = _ends(prices)
    flow, told = flow_of(folder, asset, fair, asked.window_s)
    findings += told
    liquidated = np.nan
    if asked.liquidations is not None:
        liquidated, told = liquidated_usd_hour(asked.liquidations, asset, folder.at_s, asked.window_s)
        findings += told
    lag = _lag(folder, asked, asset, prices, findings)
    reported = asked.oracle_usd.get(asset, np.nan)
    return AssetMoment(
        asset=asset,
        fair_usd=_known(fair),
        venues=venues,
        dispersion=_known(prices.dispersion[prices.last]) if prices.last >= 0 else None,
        widest_dispersion=_widest(prices, folder.at_s - asked.window_s),
        lowest=low,
        highest=high,
        bid_depth_usd=_known(sum(d.bid_usd for d in depths.values()) if depths else np.nan),
        depth_share=_known(_share(list(depths.values()))),
        open_interest_usd=_known(flow.open_interest_usd),
        open_interest_change=_known(flow.open_interest_change),
        leverage=_known(leverage.get(asset, np.nan)),
        funding_year=_known(flow.funding_year),
        liquidated_usd_hour=_known(liquidated),
        oracle_usd=_known(reported),
        oracle_gap=_known(fair / reported - 1.0),
        feed=lag.feed if lag else None,
        predicted_usd=lag.answer_usd if lag else None,
        predicted_gap=lag.gap if lag else None,
        widest_gap=lag.widest_gap if lag else None,
        predicted_age_s=lag.age_s if lag else None,
    )


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _ends(prices: Prices) -> tuple[str | None, str | None, int]:
    """Return the venues with the lowest and highest of the last prices, and how many have one."""
    row = prices.closes.iloc[prices.last].dropna()
    if prices.last < 0 or row.empty:
        return None, None, len(row) if prices.last >= 0 else 0
    venue = [str(name).partition(" ")[0] for name in (row.idxmin(), row.idxmax())]
    return venue[0], venue[1], len(row)


def _widest(prices: Prices, since_s: int) -> float | None:
    inside = prices.dispersion[(prices.end_s > since_s) & ~np.isnan(prices.dispersion)]
    return float(inside.max()) if len(inside) else None


def _share(depths: Sequence[Depth]) -> float:
    """Return depth over what is usual, of the venues that have a history."""
    dated = [d for d in depths if not math.isnan(d.usual_bid_usd)]
    usual = sum(d.usual_bid_usd for d in dated)
    return sum(d.bid_usd for d in dated) / usual if usual > 0.0 else np.nan


def _lag(folder: Folder, asked: Asked, asset: str, prices: Prices, findings: list[Finding]) -> Lag | None:
    if asset in asked.feeds:
        feed, view = asked.feeds[asset]
    else:
        description = f"{asset} / USD"
        if facts_for(description) is None:
            return None
        feed, view = feed_for(description, FEED_DECIMALS), MarketView()
    findings += assumptions(feed)
    return lag_of(feed, view, prices, asked.window_s, folder.at_s)
