"""What exchanges had published by one moment, per asset: prices, depth, open interest, funding.

Read from a folder that `fetch` filled; nothing after the moment is looked at, so that a past moment
reads as it would have then.  What the folder lacks is NaN, with a finding that says what to fetch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import InputError, MalformedFile
from abis.findings import Finding, FindingKind, Severity
from risk.market_data.fair_price import AT_LEAST, fair_price
from risk.market_data.moment_depth import Depth, depth_now
from risk.market_data.parts import Series, read_series, series_in
from risk.scenarios.candles import iso, length_s

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DOLLARS = ("USD", "USDT", "USDC", "FDUSD")
YEAR_S = 365 * 86_400
FUNDING_STEP_S = 8 * 3600
STALE_BARS = 3


@dataclass(frozen=True, eq=False)
class Prices:
    """Closes of venues side by side, and what is fair.

    Parameters
    ----------
    end_s : (T,) int64
        When each bar closed, unix seconds, up to the moment.
    closes : DataFrame, (T, V)
        By series, NaN where a venue has no bar.
    fair_usd : (T,) float64
        `fair_price`; NaN where there is none.
    dispersion : (T,) float64
        Highest less lowest venue over the median.
    """

    end_s: IntArray
    closes: pd.DataFrame
    fair_usd: FloatArray
    dispersion: FloatArray

    @property
    def last(self) -> int:
        """Row of the last fair price, -1 without any."""
        known = np.flatnonzero(~np.isnan(self.fair_usd))
        return int(known[-1]) if len(known) else -1


@dataclass(frozen=True, slots=True)
class Flow:
    """Open interest and funding: US dollars, its change over the window as a fraction, rate a year."""

    open_interest_usd: float
    open_interest_change: float
    funding_year: float


class Folder:
    """A folder of fetched series, read up to a moment.

    Parameters
    ----------
    root : Path
    at_s : int, optional
        Unix seconds; the latest moment of anything in the folder by default.

    Raises
    ------
    InputError
        If there is nothing in it.
    MalformedFile
        If a part cannot be read.
    """

    def __init__(self, root: Path, at_s: int | None = None) -> None:
        self.root = root
        self.series = series_in(root)
        if not self.series:
            raise InputError(f"'{root.name}' holds no fetched data.", remedy="See breakwater data fetch.")
        self.at_s = max(self._latest()) if at_s is None else at_s

    def assets(self) -> tuple[str, ...]:
        """Return the coins that have candles, sorted."""
        return tuple(sorted({base_of(s.symbol) for s in self.series if s.kind == "candles"}))

    def of(self, kind: str, asset: str, interval: str | None = None) -> tuple[Series, ...]:
        """Return the series of a kind that price an asset in dollars."""
        return tuple(
            s
            for s in self.series
            if s.kind == kind
            and base_of(s.symbol) == asset
            and quote_of(s.symbol) in DOLLARS
            and interval in (None, s.interval)
        )

    def rows(self, series: Series) -> pd.DataFrame:
        """Return rows known at the moment, with ``known_s``: when a bar closed, or the row's own time."""
        frame = read_series(self.root, series)
        known = frame["time"].dt.as_unit("s").astype("int64") + _length_s(series)
        past: pd.DataFrame = frame.assign(known_s=known).loc[known <= self.at_s]
        return past.reset_index(drop=True)

    def _latest(self) -> Iterator[int]:
        for series in self.series:
            times = read_series(self.root, series)["time"]
            if len(times):
                yield int(times.max().timestamp()) + _length_s(series)


def base_of(symbol: str) -> str:
    """Return ``BTC`` of ``BTC/USDT:USDT``."""
    return symbol.partition("/")[0]


def quote_of(symbol: str) -> str:
    """Return ``USDT`` of ``BTC/USDT:USDT``."""
    return symbol.partition("/")[2].partition(":")[0]


def is_perpetual(symbol: str) -> bool:
    """Return whether a symbol settles, hence is no spot market."""
    return ":" in symbol


def _length_s(series: Series) -> int:
    """Return how long after its time a row is known: a bar's length, nothing for what is a moment's."""
    if series.kind != "candles":
        return 0
    seconds = length_s(series.interval)
    if seconds is None:  # taken as 0, bars would be known before they close
        raise MalformedFile(
            f"{series.label}: '{series.interval}' is no length of a bar.", remedy="Fetch it again."
        )
    return seconds


def prices_of(folder: Folder, asset: str, interval: str) -> tuple[Prices, list[Finding]]:
    """Return the closes of an asset up to the moment: of spot markets, or of all where spot are too few.

    Raises
    ------
    InputError
        If there are no candles of that length, or none before the moment.
    """
    every = _one_voice(folder.of("candles", asset, interval))
    spot = [s for s in every if not is_perpetual(s.symbol)]
    chosen, findings = (spot, []) if len(spot) >= AT_LEAST else (every, [_few(asset, len(spot))])
    closes = {f"{s.venue} {s.symbol}": folder.rows(s).set_index("known_s")["close"] for s in chosen}
    table = pd.concat(closes, axis=1, join="outer").sort_index() if closes else pd.DataFrame()
    if not len(table):
        have = ", ".join(sorted({s.interval for s in folder.of("candles", asset)})) or "none"
        raise InputError(
            f"no candles of {asset} of {interval} up to {iso(folder.at_s)}.",
            remedy=f"Fetch them; there are bars of: {have}.",
        )
    quotes = sorted({quote_of(s.symbol) for s in chosen})
    if len(quotes) > 1:
        text = f"quotes {', '.join(quotes)} are taken as one currency."
        findings.append(Finding(FindingKind.UNVERIFIED, Severity.LOW, asset, text))
    fair = fair_price(table.to_numpy(dtype=np.float64))
    prices = Prices(table.index.to_numpy(dtype=np.int64), table, fair.price, fair.dispersion)
    return prices, findings + list(_price_findings(prices, asset, folder.at_s, interval))


def _one_voice(series: Sequence[Series]) -> list[Series]:
    """Return one series a venue, so that none outvotes the others: spot first, then as `DOLLARS`."""
    order = sorted(series, key=lambda s: (is_perpetual(s.symbol), DOLLARS.index(quote_of(s.symbol))))
    return sorted({s.venue: s for s in reversed(order)}.values(), key=lambda s: s.venue)


def _few(asset: str, spot: int) -> Finding:
    text = f"{spot} venues with a spot market are too few for a fair price: perpetuals are counted, too."
    return Finding(FindingKind.MISSING, Severity.LOW, asset, text, remedy=f"Fetch spot of {AT_LEAST} venues.")


def _price_findings(prices: Prices, asset: str, at_s: int, interval: str) -> Iterator[Finding]:
    if prices.last < 0:
        text = f"no fair price: never {AT_LEAST} venues that agree, of {len(prices.closes.columns)}."
        yield Finding(FindingKind.MISSING, Severity.HIGH, asset, text, remedy="Fetch more venues.")
        return
    at = int(prices.end_s[prices.last])
    if at_s - at > STALE_BARS * (length_s(interval) or 0):
        text = f"the last fair price is of {iso(at)}, {at_s - at:,} s before the moment."
        yield Finding(FindingKind.STALE, Severity.MEDIUM, asset, text, remedy="Fetch up to the moment.")
    gone = prices.closes.columns[prices.closes.iloc[prices.last].isna()]
    if len(gone):
        text = f"no price at {iso(at)} of {', '.join(gone)}."
        yield Finding(FindingKind.MISSING, Severity.LOW, asset, text)


def depth_of(folder: Folder, asset: str, window_s: int) -> tuple[dict[str, Depth], list[Finding]]:
    """Return the depth of each venue's book by series label; books older than the window are left out."""
    out: dict[str, Depth] = {}
    findings: list[Finding] = []
    series = folder.of("book", asset)
    for s in series:
        name = f"{s.venue} {s.symbol}"
        found, told = depth_now(folder.rows(s), f"{asset}, {name}", folder.at_s - window_s)
        findings += told
        if found is not None:
            out[name] = found
    if not series:
        findings.append(_missing(asset, "order books", "book"))
    return out, findings


def flow_of(folder: Folder, asset: str, fair_usd: float, window_s: int) -> tuple[Flow, list[Finding]]:
    """Return open interest and funding of an asset's perpetuals.

    Parameters
    ----------
    folder : Folder
    asset : str
    fair_usd : float
        Values coins where a venue publishes no dollars.
    window_s : int
        Older rows are left out; the change is that since then, of the series that reach so far back.
    """
    findings: list[Finding] = []
    now: dict[str, float] = {}
    earlier: dict[str, float] = {}
    series = _one_interval(folder.of("open-interest", asset))
    for s in series:
        rows = folder.rows(s)
        value = rows["open_interest_usd"].fillna(rows["open_interest_base"] * fair_usd).to_numpy(np.float64)
        fresh = rows["known_s"].to_numpy(dtype=np.int64) > folder.at_s - window_s
        if fresh.any():
            now[f"{s.venue} {s.symbol}"] = float(value[fresh][-1])
            if not fresh.all():
                earlier[f"{s.venue} {s.symbol}"] = float(value[~fresh][-1])
        else:
            findings.append(_old(asset, s, folder.at_s, window_s))
    if not series:
        findings.append(_missing(asset, "open interest", "open-interest"))
    before = sum(earlier.values())
    change = sum(now[name] for name in earlier) / before - 1.0 if before > 0.0 else np.nan
    rate, told = _funding(folder, asset, now, window_s)
    return Flow(sum(now.values()) if now else np.nan, change, rate), findings + told


def _one_interval(series: Sequence[Series]) -> list[Series]:
    """Return one series a venue and symbol, the finest."""
    order = sorted(series, key=lambda s: (length_s(s.interval) or 0, s.venue, s.symbol))
    return list({(s.venue, s.symbol): s for s in reversed(order)}.values())


def _funding(
    folder: Folder, asset: str, open_usd: dict[str, float], window_s: int
) -> tuple[float, list[Finding]]:
    """Return the rate longs pay a year, mean by open interest where all venues publish it, else plain."""
    rates: dict[str, float] = {}
    findings = []
    series = folder.of("funding", asset)
    for s in series:
        rows = folder.rows(s)
        time_s = rows["known_s"].to_numpy(dtype=np.int64)
        if not len(rows) or time_s[-1] <= folder.at_s - max(window_s, 2 * FUNDING_STEP_S):
            findings.append(_old(asset, s, folder.at_s, max(window_s, 2 * FUNDING_STEP_S)))
            continue
        step_s = int(time_s[-1] - time_s[-2]) if len(rows) > 1 else FUNDING_STEP_S
        if len(rows) == 1:
            text = f"{s.venue} has one payment: taken as every {FUNDING_STEP_S} s."
            findings.append(Finding(FindingKind.UNVERIFIED, Severity.LOW, asset, text))
        rates[f"{s.venue} {s.symbol}"] = float(rows["funding_rate_fraction"].iloc[-1]) * YEAR_S / step_s
    if not series:
        findings.append(_missing(asset, "funding", "funding"))
    if not rates:
        return np.nan, findings
    weights = [open_usd.get(name, np.nan) for name in rates]
    if not np.isfinite(weights).all() or not sum(weights) > 0.0:
        weights = [1.0] * len(rates)
    return float(np.average(list(rates.values()), weights=weights)), findings


def _old(asset: str, series: Series, at_s: int, window_s: int) -> Finding:
    text = f"{series.label} has nothing in the {window_s:,} s before {iso(at_s)}: left out."
    return Finding(FindingKind.STALE, Severity.LOW, asset, text, remedy="Fetch up to the moment.")


def _missing(asset: str, what: str, kind: str) -> Finding:
    text = f"no {what}."
    return Finding(FindingKind.MISSING, Severity.INFO, asset, text, remedy=f"data fetch --kind {kind}.")
