"""Rebuilds the small sourced tables that ship with the package from real candles.

``python -m benchmarks.fit_tables DATA_FOLDER`` writes ``risk/scenarios/data/betas.csv`` and
``risk/solver/data/pair_quantiles.csv``.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import pandas as pd

from risk.scenarios.candles import Candles
from risk.scenarios.market_factor import FACTOR, MIN_RETURNS, estimate_beta
from risk.solver.returns import returns_from, to_row

COINS = ("ETH", "BTC", "LINK")  # coins with more than a year of continuous candles
BAR_S, DAY_S = 300, 86_400
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


def spot_candles(folder: Path, coin: str) -> Candles:
    """Return every 5-minute spot close of a coin in USDT; where files overlap the first counts."""
    pieces = []
    for path in sorted((folder / "prices").glob("binance_spot*.parquet")):
        bars = pd.read_parquet(path)
        own = bars[(bars.symbol == f"{coin}USDT") & (bars.market == "spot") & (bars.interval == "5m")]
        pieces.append(own[["time", "close_usdt"]])
    rows = pd.concat(pieces).drop_duplicates("time").sort_values("time")
    end_s = rows.time.dt.as_unit("s").astype("int64").to_numpy() + BAR_S
    return Candles(coin, end_s, rows.close_usdt.to_numpy(), BAR_S)


def feed_rounds(folder: Path, feed: str) -> Candles:
    """Return the rounds of a Chainlink feed; each answer holds for its heartbeat of a day."""
    rounds = pd.read_parquet(folder / "oracle" / "chainlink_rounds_ethereum_2022_01_to_2024_01.parquet")
    own = rounds[rounds.feed == feed].sort_values("time").drop_duplicates("time", keep="last")
    end_s = own.time.dt.as_unit("s").astype("int64").to_numpy()
    return Candles(feed, end_s, own.price_in_quote.to_numpy(), DAY_S)


def write_pair_quantiles(folder: Path, out: Path) -> None:
    """Write the quantiles of every pair of `COINS`, and of staked ETH in ETH."""
    closes = {coin: spot_candles(folder, coin) for coin in COINS}
    pairs = returns_from(closes, source="Binance spot USDT 5-minute closes within")
    pairs |= returns_from(
        {},
        {("wstETH", "ETH"): feed_rounds(folder, "stETH/ETH")},
        step_s=3_600,
        source="Chainlink stETH/ETH rounds on Ethereum, hourly, within",
    )
    with out.open("w", encoding="utf-8", newline="") as file:
        rows = [to_row(pair) for pair in pairs.values()]
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Read the folder from the command line and write the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit_tables", description=__doc__)
    parser.add_argument("folder", type=Path, help="the data folder")
    folder = parser.parse_args().folder
    write_betas(folder, ROOT / "risk" / "scenarios" / "data" / "betas.csv")
    write_pair_quantiles(folder, ROOT / "risk" / "solver" / "data" / "pair_quantiles.csv")


if __name__ == "__main__":
    main()
