"""Empirical returns of a pair: how far a collateral fell against a debt within a horizon.

``X`` is the gross return of base over quote, at the end of the horizon (``terminal``) or at
its worst inside (``minimum``).  The shipped table (``data/pair_quantiles.csv``) holds its
quantiles, computed from real candles by ``benchmarks/fit_tables.py``; own candles win over
it.  ``USD`` is the quote of the candles, USDT taken at par, and stands for every stable
pegged to the dollar.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import ScenarioError
from risk.scenarios.candles import Candles

FloatArray = NDArray[np.float64]
Statistic = Literal["terminal", "minimum"]
Key = tuple[str, str, int, str]

USD = "USD"
HOUR_S, DAY_S = 3_600, 86_400
HORIZONS_S = (HOUR_S, 6 * HOUR_S, DAY_S, 7 * DAY_S, 30 * DAY_S)
STATISTICS: tuple[Statistic, ...] = ("terminal", "minimum")
# 0 and 1 are the extremes of the sample.
LEVELS = (0.0, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
MAX_GAP_S = 6 * HOUR_S  # exchange maintenance: the last price holds; longer gaps split the series


@dataclass(frozen=True, eq=False)
class PairReturns:
    """Quantiles of one pair's gross return over one horizon.

    Parameters
    ----------
    base, quote : str
        Collateral and debt: nodes of `risk.scenarios.families`, or `USD`.
    horizon_s : int
    statistic : {"terminal", "minimum"}
    quantiles : (len(LEVELS),) float64
        Non-decreasing.
    sigma : float
        Yearly volatility of the pair's log returns at the sampling step.
    n_windows, n_independent : int
        Overlapping windows, and how many fit side by side.
    source : str
    """

    base: str
    quote: str
    horizon_s: int
    statistic: Statistic
    quantiles: FloatArray
    sigma: float
    n_windows: int
    n_independent: int
    source: str

    @property
    def key(self) -> Key:
        """What a table finds it by."""
        return self.base, self.quote, self.horizon_s, self.statistic

    def quantile(self, probability: float) -> float:
        """Return the gross return fallen below with ``probability``, straight between levels."""
        return float(np.interp(probability, LEVELS, self.quantiles))

    def probability(self, level: float, *, strictly: bool = False) -> float:
        """Return the probability that the gross return is at or below ``level``; below it if ``strictly``."""
        place = int(np.searchsorted(self.quantiles, level, side="left" if strictly else "right")) - 1
        if place < 0:
            return 0.0
        if place == len(LEVELS) - 1:
            return 1.0
        low, high = self.quantiles[place : place + 2]
        share = (level - low) / (high - low)
        return float(LEVELS[place] + share * (LEVELS[place + 1] - LEVELS[place]))


Returns = Mapping[Key, PairReturns]


def mixture_quantile(parts: Iterable[tuple[float, PairReturns]], probability: float) -> float:
    """Return the quantile of a weighted mixture of pairs.

    A unit of debt drawn at random falls below it with ``probability``.

    Parameters
    ----------
    parts : iterable of (weight, PairReturns)
        Weights > 0, at least one.
    probability : float
        In (0, 1).
    """
    listed = list(parts)
    total = sum(weight for weight, _ in listed)
    knots = np.unique(np.concatenate([pair.quantiles for _, pair in listed]))

    def reached(level: float, *, strictly: bool = False) -> float:
        return sum(w * pair.probability(level, strictly=strictly) for w, pair in listed) / total

    before = 0.0
    for k, knot in enumerate(knots):
        below = reached(float(knot), strictly=True)
        if below >= probability and k:
            share = (probability - before) / (below - before)
            return float(knots[k - 1] + share * (knot - knots[k - 1]))
        before = reached(float(knot))
        if before >= probability:  # the jump at this knot contains the probability
            return float(knot)
    return float(knots[-1])


@cache
def shipped_returns() -> Returns:
    """Return the shipped table."""
    text = files("risk.solver").joinpath("data", "pair_quantiles.csv").read_text(encoding="utf-8")
    rows = (_from_row(row) for row in csv.DictReader(text.splitlines()))
    return {pair.key: pair for pair in rows}


def _from_row(row: Mapping[str, str]) -> PairReturns:
    return PairReturns(
        base=row["base"],
        quote=row["quote"],
        horizon_s=int(row["horizon_s"]),
        statistic="minimum" if row["statistic"] == "minimum" else "terminal",
        quantiles=np.array([float(row[f"q{level:g}"]) for level in LEVELS]),
        sigma=float(row["sigma"]),
        n_windows=int(row["n_windows"]),
        n_independent=int(row["n_independent"]),
        source=row["source"],
    )


def to_row(pair: PairReturns) -> dict[str, str]:
    """Return the table row `shipped_returns` reads."""
    quantiles = {f"q{level:g}": f"{q:.5g}" for level, q in zip(LEVELS, pair.quantiles, strict=True)}
    return {
        "base": pair.base,
        "quote": pair.quote,
        "horizon_s": str(pair.horizon_s),
        "statistic": pair.statistic,
        **quantiles,
        "sigma": f"{pair.sigma:.4g}",
        "n_windows": str(pair.n_windows),
        "n_independent": str(pair.n_independent),
        "source": pair.source,
    }


def returns_from(
    series: Mapping[str, Candles],
    ratios: Mapping[tuple[str, str], Candles] | None = None,
    *,
    step_s: int = 300,
    source: str = "given candles",
) -> dict[Key, PairReturns]:
    """Return every pair, both ways, of the given series.

    Parameters
    ----------
    series : mapping of str to Candles
        Price in USD by node (``ETH``, ``BTC``); `USD` itself is added.
    ratios : mapping of (str, str) to Candles, optional
        Ratios quoted directly, such as stETH in ETH.
    step_s : int
        Sampling step, s.
    source : str
        Said of every pair; a series' first and last day is added.
    """
    names = (*series, USD)
    pairs = [(base, quote) for base in names for quote in names if base != quote]
    out: dict[Key, PairReturns] = {}
    for base, quote in pairs:
        segments = _segments(series.get(base), series.get(quote), step_s)
        out |= _statistics(base, quote, segments, step_s, source)
    for (base, quote), candles in (ratios or {}).items():
        out |= _statistics(base, quote, _segments(candles, None, step_s), step_s, source)
        out |= _statistics(quote, base, _segments(None, candles, step_s), step_s, source)
    return out


Segment = tuple[int, FloatArray]  # unix time of the first point, prices a step apart


def _segments(base: Candles | None, quote: Candles | None, step_s: int) -> list[Segment]:
    """Return base over quote in stretches without a long gap; None stands for 1."""
    sides = [c for c in (base, quote) if c is not None]
    first = max(int(c.end_s[0]) for c in sides)
    last = min(int(c.end_s[-1]) for c in sides)
    time_s = np.arange(-(-first // step_s) * step_s, last + 1, step_s, dtype=np.int64)
    value, known = np.ones(len(time_s)), np.ones(len(time_s), dtype=bool)
    for candles, power in ((base, 1.0), (quote, -1.0)):
        if candles is not None:
            place = np.searchsorted(candles.end_s, time_s, side="right") - 1
            value *= candles.price[place] ** power
            known &= time_s - candles.end_s[place] < candles.step_s + MAX_GAP_S
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    return [(int(time_s[a]), value[a:b]) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _statistics(
    base: str, quote: str, segments: list[Segment], step_s: int, source: str
) -> dict[Key, PairReturns]:
    if not segments:
        return {}
    days = [pd.Timestamp(t, unit="s").date() for t in (segments[0][0], _end(segments[-1], step_s))]
    moves = np.concatenate([np.diff(np.log(prices)) for _, prices in segments])
    sigma = float(np.sqrt((moves**2).mean() * 365 * DAY_S / step_s)) if len(moves) else 0.0
    out = {}
    for horizon_s in HORIZONS_S:
        bars = horizon_s // step_s
        independent = sum((len(prices) - 1) // bars for _, prices in segments)
        for statistic in STATISTICS:
            sample = np.concatenate([_gross(prices, bars, statistic) for _, prices in segments])
            if len(sample):
                pair = PairReturns(
                    base,
                    quote,
                    horizon_s,
                    statistic,
                    np.quantile(sample, LEVELS, method="inverted_cdf"),
                    sigma,
                    len(sample),
                    independent,
                    f"{source} {days[0]} to {days[1]}",
                )
                out[pair.key] = pair
    return out


def _end(segment: Segment, step_s: int) -> int:
    return segment[0] + step_s * (len(segment[1]) - 1)


def _gross(prices: FloatArray, bars: int, statistic: Statistic) -> FloatArray:
    """Return the gross return of every window of ``bars`` steps, (max(n - bars, 0),)."""
    if bars < 1:
        raise ScenarioError("the horizon is shorter than the sampling step.")
    if len(prices) <= bars:
        return np.zeros(0)
    if statistic == "terminal":
        return np.asarray(prices[bars:] / prices[:-bars])
    # Worst price after the start, the end included.
    lowest = pd.Series(prices).rolling(bars).min().to_numpy()[bars:]
    return np.asarray(lowest / prices[:-bars])
