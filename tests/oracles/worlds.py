"""A made-up market and the rounds and candles a known feed would have left behind."""

from __future__ import annotations

import numpy as np
import pandas as pd

from oracles import chainlink
from oracles.feed import PriceFeed

STEP_S = 12.0
STEPS = 25  # a candle of 300 s
DAY = 7_200  # steps
START_S = 1_700_000_100.0


def world(feed: PriceFeed, *, days: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return tables of rounds and candles; one block in ten moves by a few basis points."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0, 3e-4, days * DAY) * (rng.random(days * DAY) < 0.4)
    price = 2_000 * np.exp(np.cumsum(moves))
    time_s = START_S + np.arange(len(price)) * STEP_S
    rounds = chainlink.rounds(feed, time_s, price[None])
    table = pd.DataFrame(
        {
            "time": pd.to_datetime(rounds.time_s, unit="s", utc=True),
            "answer_raw": [str(a) for a in rounds.answer_raw],
            "decimals": feed.decimals,
        }
    )
    bars = price.reshape(-1, STEPS)
    candles = pd.DataFrame(
        {
            "time": pd.to_datetime(time_s[::STEPS], unit="s", utc=True),
            "open": bars[:, 0],
            "high": bars.max(axis=1),
            "low": bars.min(axis=1),
            "close": bars[:, -1],
        }
    )
    return table, candles
