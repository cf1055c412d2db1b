"""What followed past waves, measured: writes the computed columns of the table that ships.

``python -m examples.past_waves CANDLES`` reads spot candles of BTCUSDT and ETHUSDT, five minutes or one a
bar, from a folder.  It keeps the sourced columns of ``risk/venues/data/past_waves.csv`` (date, amount,
source), computes the price at midnight UTC after each wave and the returns of 1, 7 and 30 days, and writes
the table, and beside it ``past_waves_usual.csv``: what followed any day of the same candles.
``--output DIR`` writes them elsewhere.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from abis.errors import BreakwaterError, ScenarioError
from risk.scenarios.candles import Candles, read_candles
from risk.venues.waves import COINS, HORIZONS_DAYS, SOURCED, computed, price_of, usual

INTERVALS = ("5m", "1m")
SHIPPED = Path(__file__).resolve().parents[1] / "risk" / "venues" / "data"


def series_of(folder: Path) -> dict[str, list[Candles]]:
    """Return the series of each coin, five minutes or one minute a bar, one a file that has it.

    Raises
    ------
    ScenarioError
        If a coin has none.
    """
    found: dict[str, list[Candles]] = {coin: [] for coin in COINS}
    paths = sorted(p for p in folder.rglob("*") if p.suffix in (".csv", ".parquet"))
    for path, interval in ((p, i) for p in paths for i in INTERVALS):
        try:
            held = read_candles([path], interval=interval)
        except BreakwaterError:  # a file of something else, or without that interval
            continue
        for coin, symbol in COINS.items():
            if symbol in held:
                found[coin].append(held[symbol])
    for coin, series in found.items():
        if not series:
            raise ScenarioError(f"no candles of {COINS[coin]} in {folder.name}.", remedy="Name their folder.")
    return found


def waves_table(rows: Sequence[Mapping[str, str]], series: Mapping[str, Sequence[Candles]]) -> str:
    """Return the table as CSV: sourced columns as they are, the rest computed; empty where no candle is."""
    prices = {coin: price_of(held) for coin, held in series.items()}
    out = [
        {n: row[n] for n in SOURCED}
        | {k: _text(k, v) for k, v in computed(date.fromisoformat(row["date"]), prices).items()}
        for row in rows
    ]
    return _csv(out)


def usual_table(series: Mapping[str, Sequence[Candles]]) -> str:
    """Return what followed any day, a row a coin and horizon, as CSV."""
    out = []
    for coin, held in series.items():
        for days in HORIZONS_DAYS:
            found = usual(held, days)
            out.append(
                {
                    "coin": coin,
                    "days": days,
                    "n": len(found),
                    "median": f"{np.median(found):z.4f}",
                    "rose": f"{(found > 0.0).mean():.4f}",
                }
            )
    return _csv(out)


def _text(column: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if column.endswith("_usd") else f"{value:z.4f}"


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(prog="python -m examples.past_waves", description=__doc__)
    parser.add_argument("candles", type=Path)
    parser.add_argument("--output", type=Path, default=SHIPPED)
    options = parser.parse_args(arguments)
    with (SHIPPED / "past_waves.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    series = series_of(options.candles)
    options.output.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("past_waves.csv", waves_table(rows, series)),
        ("past_waves_usual.csv", usual_table(series)),
    ):
        (options.output / name).write_text(text, encoding="utf-8")
        print(f"Written: {name}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
