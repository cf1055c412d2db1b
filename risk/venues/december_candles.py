"""December 2025 on real five-minute candles: what the venues' own selling explains is taken out of the path.

A candle holds both the news and the cascade.  ``outside = candle - own``, with ``own`` the impact the last
run made, averaged over a bar so that a spike within it stays; run and path are told each
other until they agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import BreakwaterError, ScenarioError
from abis.findings import Finding, FindingKind, Severity
from risk.scenarios.candles import Candles, read_candles
from risk.scenarios.panel import coin_of
from risk.venues.december import DAY_S, Fit, Wave
from risk.venues.market import Market
from risk.venues.positions import FloatArray

COINS = {"BTC": "BTC", "ETH": "ETH", "SOL": "SOL", "XRP": "XRP", "MEME": "DOGE"}  # whose candles each has
ENDS = {"W1": "2025-12-07T16:00:00Z", "W2": "2025-12-16T12:00:00Z"}  # of the 24 hours of each set
BAR_S, DAMPING, NEEDED = 300.0, 0.5, ("BTC", "ETH")
FAULTY = "faulty"  # where a fetch sets rows apart
SHOWN = 3  # reasons why candles do not do


@dataclass(eq=False)
class CandlePath:
    """The log price candles show over a day, and the impact taken out of it.

    Parameters
    ----------
    time_s : (N,) float64
        Seconds from the start of the day, a bar apart.
    log_price : mapping of asset to (N,) float64
        Over the price at the start.
    price_usd : mapping of asset to float
        At the start.
    findings : tuple of Finding
    """

    time_s: FloatArray
    log_price: Mapping[str, FloatArray]
    price_usd: Mapping[str, float]
    findings: tuple[Finding, ...] = ()
    own: dict[str, FloatArray] = field(default_factory=dict)

    def __call__(self, _: Fit, market: Market, moments_s: FloatArray) -> FloatArray:
        """Return the outside moves, (T, K); assets without candles follow BTC by beta."""
        columns = [self._column(asset, float(b), moments_s) for asset, b in self._betas(market)]
        return np.stack(columns, axis=1)

    def _betas(self, market: Market) -> list[tuple[str, float]]:
        return list(zip(market.assets, market.beta, strict=True))

    def _column(self, asset: str, beta: float, moments_s: FloatArray) -> FloatArray:
        name, times = (asset, 1.0) if asset in self.log_price else ("BTC", beta)
        level = self.log_price[name] - self.own.get(name, np.zeros(len(self.time_s)))
        return np.asarray(times * np.interp(moments_s, self.time_s, level))

    def learn(self, wave: Wave) -> None:
        """Take a run's impact into account."""
        for asset in self.log_price:
            k = wave.market.assets.index(asset)
            index = np.log(wave.record.index_usd[0, :, k] / wave.market.price_usd[k])
            own = index - np.interp(wave.time_s, wave.moments_s, wave.outside[:, k])
            bar = np.minimum((wave.time_s / BAR_S).round().astype(np.int64), len(self.time_s) - 1)
            mean = np.bincount(bar, own, len(self.time_s)) / np.maximum(
                np.bincount(bar, None, len(self.time_s)), 1
            )
            before = self.own.get(asset, np.zeros(len(self.time_s)))
            self.own[asset] = before + DAMPING * (mean - before)

    def error_bps(self, wave: Wave, asset: str) -> float:
        """Return the root mean square distance of the run's index from the candles, basis points."""
        k = wave.market.assets.index(asset)
        index = np.interp(self.time_s[1:], wave.time_s, np.log(wave.record.index_usd[0, :, k]))
        shown = self.log_price[asset][1:] + np.log(self.price_usd[asset])
        return float(np.sqrt(np.mean((index - shown) ** 2)) * 1e4)


def candle_path(folder: Path, target_set: str, prices: Mapping[str, float]) -> CandlePath:
    """Return the day of a target set from a folder of candle files.

    Parameters
    ----------
    folder : Path
        Of CSV or Parquet files (see `risk.scenarios.candles`), such as `breakwater data fetch` fills, or
        one such file.  A file that covers the day counts before those that do so together.
    target_set : {"W1", "W2"}
    prices : mapping of str to float
        For assets without candles.

    Raises
    ------
    ScenarioError
        If BTC or ETH are not covered.
    """
    end = int(pd.Timestamp(ENDS[target_set]).timestamp())
    when = np.arange(end - int(DAY_S), end + 1, int(BAR_S), dtype=np.int64)
    pieces, reasons = _read(folder, when)
    found: dict[str, FloatArray] = {}
    for asset, coin in COINS.items():
        held = [c for (_, name), series in pieces.items() if name == coin for c in (*series, _joined(series))]
        try:
            found[asset] = _covering(held, when)
        except ScenarioError as error:
            if asset in NEEDED and held:
                reasons.append(error.message)
    lacking = [a for a in NEEDED if a not in found]
    if lacking:
        hint = f" {' '.join(dict.fromkeys(reasons[-SHOWN:]))}" if reasons else ""
        raise ScenarioError(
            f"no five-minute candles of {COINS[lacking[0]]} cover the day to {ENDS[target_set]}.{hint}",
            remedy="Give a folder with spot candles of BTC and ETH for December 2025.",
        )
    findings = tuple(
        Finding(FindingKind.MISSING, Severity.INFO, a, "no candles of that day: it follows BTC by its beta.")
        for a in COINS
        if a not in found
    )
    price = {a: float(found[a][0]) if a in found else prices[a] for a in prices}
    logs = {a: np.log(v / v[0]) for a, v in found.items()}
    return CandlePath((when - when[0]).astype(np.float64), logs, price, findings)


def _read(folder: Path, when: NDArray[np.int64]) -> tuple[dict[tuple[Path, str], list[Candles]], list[str]]:
    """Return the series of each folder and coin, one a file, and why files were not read."""
    files = [folder]
    if folder.is_dir():
        files = sorted(p for p in folder.rglob("*") if p.suffix in (".csv", ".parquet"))
    pieces: dict[tuple[Path, str], list[Candles]] = {}
    reasons: list[str] = []
    for path in files:
        if path.parent.name == FAULTY or not _may_touch(path, when):
            continue
        try:
            series = read_candles([path], interval="5m")
        except BreakwaterError as error:
            reasons.append(error.message)
            continue
        for symbol, candles in series.items():
            pieces.setdefault((path.parent, coin_of(symbol)), []).append(candles)
    return pieces, reasons


def _covering(held: Sequence[Candles], when: NDArray[np.int64]) -> FloatArray:
    """Return the prices of the first series that covers all times; the last one's error if none does."""
    last = ScenarioError("no series was given.")
    for candles in held:
        try:
            return candles.at(when)
        except ScenarioError as error:
            last = error
    raise last


def _joined(pieces: Sequence[Candles]) -> Candles:
    """Return the parts of one folder as one series; the first file counts where two overlap."""
    end_s = np.concatenate([c.end_s for c in pieces])
    price = np.concatenate([c.price for c in pieces])
    times, place = np.unique(end_s, return_index=True)
    return Candles(pieces[0].symbol, times, price[place], min(c.step_s for c in pieces))


def _may_touch(path: Path, when: NDArray[np.int64]) -> bool:
    """Return whether a Parquet file's statistics allow it to hold some of that day; True for a CSV file."""
    if path.suffix != ".parquet":
        return True
    import pyarrow.parquet as pq

    data = pq.ParquetFile(path)
    names = data.schema_arrow.names
    if "time" not in names or "symbol" not in names:
        return False
    place, groups = names.index("time"), range(data.metadata.num_row_groups)
    stats = [data.metadata.row_group(g).column(place).statistics for g in groups]
    if any(s is None or not s.has_min_max for s in stats):
        return True
    first = min(pd.Timestamp(s.min).timestamp() for s in stats)
    last = max(pd.Timestamp(s.max).timestamp() for s in stats)
    return bool(first <= when[-1] and last >= when[0] - BAR_S)
