"""Fit two Chainlink feeds on April and May 2023 and predict their rounds of June.

``python -m examples.oracle_fit`` reads real rounds and Binance five-minute candles from the
folder named by ``BREAKWATER_TEST_DATA`` and prints a table: what was fitted, then how well
June is predicted with rounds by the clock, and without them.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from oracles.comparison import ReplayReport, compare
from oracles.fit import FittedFeed, fit
from oracles.history import Candles, RoundHistory, read_candles, read_rounds

ROUNDS = "oracle/chainlink_rounds_ethereum_2022_01_to_2024_01.parquet"
CANDLES = "prices/binance_spot_5m_{}_2022_08_to_2023_09.parquet"
FEEDS = {"ETH/USD": "ethusdt", "BTC/USD": "btcusdt"}
TRAINING, TEST = ("2023-04-01", "2023-06-01"), ("2023-06-01", "2023-07-01")


def load(folder: Path, feed: str, period: tuple[str, str]) -> tuple[RoundHistory, Candles]:
    """Return a feed's rounds and its candles within a period."""
    rounds = pd.read_parquet(folder / ROUNDS)
    bars = pd.read_parquet(folder / CANDLES.format(FEEDS[feed])).rename(
        columns=lambda name: name.removesuffix("_usdt")
    )
    start, end = (pd.Timestamp(day, tz="UTC") for day in period)
    rounds = rounds[(rounds.feed == feed) & (rounds.time >= start) & (rounds.time < end)]
    return read_rounds(rounds), read_candles(bars[(bars.time >= start) & (bars.time < end)])


def print_fit(console: Console, fitted: FittedFeed) -> None:
    """Print what was fitted."""
    deviation, heartbeat, delay = fitted.deviation_bps, fitted.heartbeat_s, fitted.delay_s
    console.print(f"[bold]{fitted.feed.description}[/] ({fitted.feed.deviation_from.source})")
    console.print(
        f"  deviation {fitted.feed.deviation_bps:g} bps "
        f"(estimate {deviation.value:.3f}, range {deviation.low:.3f} to {deviation.high:.3f})"
    )
    console.print(
        f"  heartbeat {fitted.feed.heartbeat_s:g} s "
        f"(estimate {heartbeat.value:g}, range {heartbeat.low:g} to {heartbeat.high:g})"
    )
    if delay is not None:
        console.print(f"  delay {delay.value:g} s (range {delay.low:g} to {delay.high:g})")
    console.print(f"  wick weight {fitted.view.wick_weight:g}, basis {fitted.view.basis_bps:.2f} bps")
    for finding in fitted.findings:
        console.print(f"  {finding.message}")


def print_reports(console: Console, reports: dict[str, ReplayReport]) -> None:
    """Print the measures side by side."""
    table = Table()
    table.add_column("measure")
    for title in reports:
        table.add_column(title, justify="right")
    for lines in zip(*(report.rows() for report in reports.values()), strict=True):
        name = lines[0][0]
        style = "{:.1%}" if name.endswith("_share") else "{:.4g}"
        table.add_row(name, *(style.format(value) for _, value in lines))
    console.print(table)


def main() -> int:
    """Print the tables; exit code 2 without data."""
    folder = Path(os.environ.get("BREAKWATER_TEST_DATA", "../shared/data"))
    if not (folder / ROUNDS).is_file():
        print("no data: set BREAKWATER_TEST_DATA to the data folder", file=sys.stderr)
        return 2
    console = Console()
    for feed in FEEDS:
        print(f"fitting {feed} ...", file=sys.stderr)
        fitted = fit(*load(folder, feed, TRAINING), description=feed)
        rounds, candles = load(folder, feed, TEST)
        bare = replace(fitted.feed, requests=())
        print_fit(console, fitted)
        reports = {"June": compare(rounds, candles, fitted.feed, fitted.view)}
        reports["June, no clock"] = compare(rounds, candles, bare, fitted.view)
        if fitted.training is not None:
            reports = {"April, May": fitted.training, **reports}
        print_reports(console, reports)
    return 0


if __name__ == "__main__":
    sys.exit(main())
