"""Real liquidation calls of Aave v2 against the rule of the engine and real candles.

A call's record holds what was repaid and seized.  Under the rule ``seized = repaid (1 + b) / p``
it tells the price p the contract used, so price and bonus can be held against candles.  What
the record does not hold: the accounts' other balances, hence their health factors, and when
each became liquidatable; nothing is said of those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oracles.chainlink import propagate
from oracles.facts import feed_for

CALLS = "liquidations/aave_v2_ethereum_liquidation_calls_2020_12_to_2022_04.parquet"
CANDLES = "prices/binance_spot_5m_ethusdt_2020_12_to_2021_07.parquet"
BONUS = 0.05  # of WETH on Aave v2 in these months
COINS = ("USDC", "USDT", "DAI")
BAR_S = 300


@dataclass(frozen=True, slots=True)
class Fit:
    """How far prices used by real calls were from a model's, bps.

    ``inside`` is the share within the feed's deviation of one per cent.
    """

    debt: str
    model: str
    calls: int
    median_bps: float
    p95_bps: float
    bias_bps: float
    inside: float


def backtest(folder: Path) -> Sequence[Fit]:
    """Return one row for each debt and each model of the price.

    Parameters
    ----------
    folder : Path
        Holds `CALLS` and `CANDLES`.
    """
    calls, candles = pd.read_parquet(folder / CALLS), pd.read_parquet(folder / CANDLES)
    chosen = (calls.market == "main") & (calls.collateral_symbol == "WETH") & calls.debt_symbol.isin(COINS)
    calls = calls[chosen & calls.time.between(candles.time.min(), candles.time.max())]
    rows = []
    for coin in COINS:
        own = calls[calls.debt_symbol == coin]
        used = (own.debt_amount_tokens * (1 + BONUS) / own.collateral_amount_tokens).to_numpy()
        # The last candle that had closed when the call was mined.
        closed = np.searchsorted(candles.time + pd.Timedelta(seconds=BAR_S), own.time, side="right") - 1
        for model, price in _prices(coin, candles).items():
            rows.append(_fit(coin, model, used, price[closed]))
    return rows


def _prices(coin: str, candles: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Return the dollar price of ether at every candle's close, by model."""
    close = candles.close_usdt.to_numpy(dtype=float)
    time_s = (candles.time - candles.time.iloc[0]).dt.total_seconds().to_numpy() + BAR_S
    feed = feed_for(f"{coin} / ETH", 18)
    answers = propagate(feed, time_s, 1 / close[None, :])[0]
    return {"candle": close, "feed": 10.0**18 / answers}


def _fit(coin: str, model: str, used: NDArray[np.float64], price: NDArray[np.float64]) -> Fit:
    error = (used / price - 1) * 1e4
    away = np.abs(error)
    return Fit(
        coin,
        model,
        len(used),
        float(np.median(away)),
        float(np.percentile(away, 95)),
        float(np.median(error)),
        float((away <= 100).mean()),
    )
