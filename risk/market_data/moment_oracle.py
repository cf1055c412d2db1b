"""How far an oracle lags behind exchanges at a moment, by its feed's own mechanics.

The fair price up to the moment is put through deviation, heartbeat and delay; what the feed then
answers is predicted, not read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oracles.candle_path import MarketView
from oracles.chainlink import propagate, rounds
from oracles.feed import PriceFeed
from risk.market_data.moment import Prices


@dataclass(frozen=True, slots=True)
class Lag:
    """One feed at the moment.

    Parameters
    ----------
    feed : str
        Its description.  Untrusted text.
    answer_usd : float
        Predicted.
    gap : float
        Fair price over the answer, less one.
    widest_gap : float
        The gap furthest from 0 within the window, with its sign.
    age_s : float
        Since the last predicted round, or since the history begins.
    """

    feed: str
    answer_usd: float
    gap: float
    widest_gap: float
    age_s: float


def lag_of(feed: PriceFeed, view: MarketView, prices: Prices, window_s: int, at_s: int) -> Lag | None:
    """Return the lag of a feed, None without a fair price.

    Parameters
    ----------
    feed : PriceFeed
    view : MarketView
        Its basis is added to the fair price: the feed's currency against the exchanges'.
    prices : Prices
        The first fair price is the feed's first answer.
    window_s : int
        Of the widest gap.
    at_s : int
        The moment, unix seconds: heartbeats go on when prices end before it.
    """
    known = ~np.isnan(prices.fair_usd)
    if not known.any():
        return None
    time_s = prices.end_s[known].astype(np.float64)
    market = prices.fair_usd[known] * (1.0 + view.basis_bps / 10_000)
    if time_s[-1] < at_s:
        time_s, market = np.append(time_s, float(at_s)), np.append(market, market[-1])
    answer = propagate(feed, time_s, market[None])[0] / 10.0**feed.decimals
    landed = rounds(feed, time_s, market[None]).time_s
    gap = market / answer - 1.0
    inside = time_s > at_s - window_s
    # The last time is at_s or later, so the window is never empty.
    widest = gap[inside][int(np.argmax(np.abs(gap[inside])))]
    since = float(landed.max()) if len(landed) else float(time_s[0])
    return Lag(feed.description, float(answer[-1]), float(gap[-1]), float(widest), at_s - since)
