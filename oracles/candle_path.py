"""The path assumed inside candles, for a feed to follow.

A five-minute candle hides the path inside it, and thresholds are crossed inside it.  The
path used here goes open, then the extreme the candle turned away from (the low of a
rising candle, the high of a falling one), then the other extreme, then close, in straight
lines and in steps of one block.  A wick on one exchange is not a wick of the feed's
median over many, so wicks are shortened by a weight; `oracles.fit` finds it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abis.errors import FeedError
from oracles.history import Candles

Floats = NDArray[np.float64]

BLOCK_S = 12.0


@dataclass(frozen=True, slots=True)
class MarketView:
    """How a single exchange's candles stand in for what the nodes see.

    Parameters
    ----------
    wick_weight : float
        Share of each wick that counts: 0 the body only, 1 the full high and low.
    basis_bps : float
        Added to every candle price: the feed's currency against the exchange's (USD
        against USDT, say).
    """

    wick_weight: float = 1.0
    basis_bps: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.wick_weight <= 1 or not abs(self.basis_bps) < 10_000:
            raise FeedError(
                f"wick weight {self.wick_weight!r}, basis {self.basis_bps!r} bps.",
                remedy="Give a weight of 0 to 1 and a basis within 100 %.",
            )


def candle_path(candles: Candles, view: MarketView, *, step_s: float = BLOCK_S) -> tuple[Floats, Floats]:
    """Return times and prices of the path assumed inside the candles.

    Parameters
    ----------
    candles : Candles
    view : MarketView
    step_s : float
        Seconds between points; at most the candle's width.

    Returns
    -------
    time_s, price : (candles * steps,) float64
        Where candles are missing the path has no points, so the last price stands.
    """
    top, bottom = np.maximum(candles.open, candles.close), np.minimum(candles.open, candles.close)
    high = top + view.wick_weight * (candles.high - top)
    low = bottom - view.wick_weight * (bottom - candles.low)
    rises = candles.close >= candles.open
    first, second = np.where(rises, low, high), np.where(rises, high, low)
    corners = np.stack([candles.open, first, second, candles.close], axis=1)
    steps = max(1, int(candles.width_s // step_s))
    at = np.arange(steps) / steps * 3
    leg = at.astype(np.int64)
    part = at - leg
    price = corners[:, leg] * (1 - part) + corners[:, leg + 1] * part
    time_s = candles.time_s[:, None] + np.arange(steps) * (candles.width_s / steps)
    return time_s.ravel(), (price * (1 + view.basis_bps / 10_000)).ravel()
