"""Historical windows: the path prices took then, applied to the prices of now.

``factor(t) = price(t) / price(window start)``; an asset follows the nearest name of its
chain (`families`) that has a series.  What has none keeps its price, or moves by its beta
with ETH if asked to, and a finding says so.  Quotes are taken as US dollars.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import ScenarioError
from abis.findings import Finding, FindingKind, Severity
from protocols.snapshot import Snapshot
from risk.scenarios.build import VENUE, digest
from risk.scenarios.candles import Candles, nothing_chosen, read_candles
from risk.scenarios.families import Tree, is_stable, read_table, resolve, tree_of
from risk.scenarios.market_factor import FACTOR, betas
from risk.scenarios.panel import check_distinct, coin_of
from risk.scenarios.scenarios import ScenarioBlock, Scenarios

FloatArray = NDArray[np.float64]
Fill = Literal["hold", "beta"]


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch of history, unix seconds; ``end_s`` included."""

    name: str
    start_s: int
    end_s: int

    @classmethod
    def of(cls, name: str, start: str, end: str) -> Window:
        """Return the window between two ISO times (UTC where no zone is given).

        Raises
        ------
        ScenarioError
            If a time cannot be read or the end is not after the start.
        """
        try:
            first, last = (int(pd.to_datetime(t, utc=True).timestamp()) for t in (start, end))
        except ValueError as error:
            raise ScenarioError(f"window '{name}': {error}.", remedy="Use ISO 8601 times.") from error
        if last <= first:
            raise ScenarioError(f"window '{name}' ends at {end}, not after its start {start}.")
        return cls(name, first, last)


def crash_windows() -> tuple[Window, ...]:
    """Return the windows of ``data/crashes.csv``: a day around each crash on record."""
    return tuple(Window.of(r["name"], r["start"], r["end"]) for r in read_table("crashes.csv"))


def historical(
    files: Sequence[Path],
    snapshot: Snapshot,
    windows: Sequence[Window],
    *,
    step_s: int,
    assets: Mapping[str, str] | None = None,
    price: str = "close",
    market: str = "spot",
    interval: str | None = None,
    max_gap_s: int = 0,
    fill: Fill = "hold",
    given_betas: Mapping[str, float] | None = None,
    leave_out: bool = False,
) -> Scenarios:
    """Return one scenario a window.

    Parameters
    ----------
    files : sequence of Path
        Candles (`candles`).
    snapshot : Snapshot
    windows : sequence of Window
        All of one length.
    step_s : int
        Seconds between two points of the path.
    assets : mapping of str to str, optional
        Series symbol to asset or coin, ``{"ETHUSDT": "ETH"}``; by default the symbol
        without its quote, where the market knows it.
    price : {"close", "low", "high", "open"}
    market, interval : str, str or None
        Which series of a symbol; see `candles.read_candles`.
    max_gap_s : int
        Longest gap over which the last price is held.
    fill : {"hold", "beta"}
        What assets without a series do.
    given_betas : mapping of str to float, optional
    leave_out : bool
        Whether windows that a series does not cover are left out, with a finding each.

    Raises
    ------
    MalformedFile, ScenarioError, UnknownAsset
        If files cannot be read, windows differ in length or are not covered, or an asset is
        not in the market.
    """
    tree = tree_of(snapshot)
    given = read_candles(files, price=price, market=market, interval=interval)
    if not given:
        raise nothing_chosen(market, interval)
    series = _named(given, assets, snapshot, tree)
    time_s = _grid(windows, step_s)
    table = betas(tree, given_betas)
    paths, missing = [], []
    for window in windows:
        try:
            paths.append(_paths(window, time_s, series, tree, table, fill, max_gap_s))
        except ScenarioError as error:
            if not leave_out:
                raise
            told = f"left out: {error.message}"
            missing.append(Finding(FindingKind.MISSING, Severity.INFO, window.name, told))
    if not paths:
        raise ScenarioError("the candles cover none of the windows.", remedy="Give files of those days.")
    lost = {finding.subject for finding in missing}
    return _batch(
        snapshot,
        [w for w in windows if w.name not in lost],
        time_s,
        np.stack(paths) * snapshot.price_usd,
        (*missing, *without_series(tree, series, fill)),
    )


def _batch(
    snapshot: Snapshot,
    windows: Sequence[Window],
    time_s: FloatArray,
    prices: FloatArray,
    findings: tuple[Finding, ...],
) -> Scenarios:
    names = tuple(w.name for w in windows)
    key = {"kind": "history", "names": names, "assets": snapshot.asset_names, "venue": VENUE}
    return Scenarios(
        names=names,
        groups=("history",) * len(windows),
        assets=snapshot.asset_names,
        venues=(VENUE,),
        time_s=time_s,
        weight=np.ones(len(windows)),
        seed=None,
        sha256=digest(key, time_s, prices),
        produce=lambda a, b: ScenarioBlock(a, prices[a:b, :, None, :].copy(), prices[a:b].copy()),
        findings=findings,
    )


def _grid(windows: Sequence[Window], step_s: int) -> FloatArray:
    lengths = {w.end_s - w.start_s for w in windows}
    if len(lengths) != 1:
        raise ScenarioError(
            f"windows of {len(lengths)} lengths cannot be one batch.", remedy="Give all one length."
        )
    length = lengths.pop()
    if step_s <= 0 or length < step_s:
        raise ScenarioError(f"a step of {step_s} s does not fit a window of {length} s.")
    return np.arange(0, length + 1, step_s, dtype=np.float64)


def _named(
    series: Mapping[str, Candles], assets: Mapping[str, str] | None, snapshot: Snapshot, tree: Tree
) -> dict[str, Candles]:
    """Return the series by node of the tree, `FACTOR` included where there is one."""
    if assets is None:
        coins = {symbol: coin_of(symbol) for symbol in series}
        coins = {symbol: coin for symbol, coin in coins.items() if coin in tree.up or coin == FACTOR}
    else:
        missing = [symbol for symbol in assets if symbol not in series]
        if missing:
            raise ScenarioError(
                f"the files have no series '{missing[0]}'.",
                remedy=f"They have {', '.join(series) or 'none'}.",
            )
        coins = {
            symbol: asset if asset == FACTOR else resolve(asset, snapshot, tree)
            for symbol, asset in assets.items()
        }
    check_distinct(coins)
    named = {coin: series[symbol] for symbol, coin in coins.items()}
    if not set(named) & set(tree.up):
        raise ScenarioError("no series belongs to an asset of the market.", remedy="Map them with assets.")
    return named


def _paths(
    window: Window,
    time_s: FloatArray,
    series: Mapping[str, Candles],
    tree: Tree,
    table: Mapping[str, float],
    fill: Fill,
    max_gap_s: int,
) -> FloatArray:
    """Return the factors of one window, (T, A)."""
    when = window.start_s + time_s.astype(np.int64)
    path = {node: candles.at(when, max_gap_s) for node, candles in series.items()}
    path = {node: p / p[0] for node, p in path.items()}
    if fill == "beta" and FACTOR not in path:
        raise ScenarioError(f"fill='beta' needs a series of {FACTOR}.", remedy="Add it or use fill='hold'.")
    columns = []
    for names in tree.chains:
        node = next((n for n in names if n in path), None)
        if node is not None:
            columns.append(path[node])
        elif fill == "beta":
            columns.append(path[FACTOR] ** table[names[-1]])
        else:
            columns.append(np.ones(len(time_s)))
    return np.stack(columns, axis=1)


def without_series(tree: Tree, series: Container[str], fill: Fill) -> tuple[Finding, ...]:
    """Return a finding for each top of which nothing in ``series`` tells the path."""
    lost = dict.fromkeys(names[-1] for names in tree.chains if not any(n in series for n in names))
    how = "moves by its beta with the market" if fill == "beta" else "keeps its price"
    return tuple(
        Finding(
            FindingKind.MISSING,
            Severity.INFO if is_stable(top) else Severity.LOW,
            top,
            f"no price history: it {how}.",
            remedy="Add a series of this asset.",
        )
        for top in lost
    )
