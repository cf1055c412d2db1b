"""Rebuilds the small sourced tables that ship with the package from real candles.

``python -m benchmarks.fit_tables DATA_FOLDER`` writes ``risk/scenarios/data/betas.csv``.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import pandas as pd

from risk.scenarios.market_factor import FACTOR, MIN_RETURNS, estimate_beta

ROOT = Path(__file__).resolve().parent.parent
RENAMED = {"MATIC": "POL"}  # the coin of today that carries on the old series


def hourly_returns(folder: Path) -> dict[str, pd.Series]:
    """Return the hourly log returns of every spot series, gaps left out, by coin."""
    pieces: dict[str, list[pd.Series]] = {}
    for path in sorted((folder / "prices").glob("binance_spot*.parquet")):
        bars = pd.read_parquet(path)
        for symbol, rows in bars[bars.market == "spot"].groupby("symbol"):
            close = rows.sort_values("time").set_index("time").close_usdt
            hourly = close.resample("1h").last()  # an hour without bars stays NaN
            coin = str(symbol).removesuffix("USDT")
            pieces.setdefault(RENAMED.get(coin, coin), []).append(np.log(hourly).diff().dropna())
    return {c: pd.concat(s).groupby(level=0).first().sort_index() for c, s in sorted(pieces.items())}


def write_betas(folder: Path, out: Path) -> None:
    """Write the betas of every coin with enough simultaneous returns."""
    returns = hourly_returns(folder)
    market = returns[FACTOR]
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["symbol", "beta", "n_returns", "source"])
        for coin, series in returns.items():
            both = pd.concat({"asset": series, "market": market}, axis=1, join="inner")
            if len(both) < MIN_RETURNS:
                continue
            beta = estimate_beta(both.asset.to_numpy(), both.market.to_numpy())
            first, last = both.index[0].date(), both.index[-1].date()
            source = f"Binance spot {coin}/USDT hourly closes within {first} to {last}"
            writer.writerow([coin, f"{beta:.2f}", len(both), source])


def main() -> None:
    """Read the folder from the command line and write the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit_tables", description=__doc__)
    parser.add_argument("folder", type=Path, help="the data folder")
    folder = parser.parse_args().folder
    write_betas(folder, ROOT / "risk" / "scenarios" / "data" / "betas.csv")


if __name__ == "__main__":
    main()
