"""Kernels for selling collateral along a depth curve (`risk.depth.Depth`).

A curve gives what selling a size into an untouched book fetches; it is straight between its
points, starts at (0, 0), and nothing is paid beyond its last point.  It keeps its shape and
moves with the market price.
"""

from __future__ import annotations

import numpy as np

from risk.engine.jit import leaf
from risk.engine.model import Model


@leaf
def cumulative_usd(asset: int, tokens: float, model: Model) -> float:
    """Return what selling the first ``tokens`` fetches at the curve's own price (finite depth)."""
    n, curve = model.reserve[asset].curve_points, model.curve[asset]
    if tokens >= curve[n - 1].tokens:
        return float(curve[n - 1].usd)
    low, high = 0, n - 1  # curve[low].tokens <= tokens < curve[high].tokens
    while high - low > 1:
        middle = (low + high) // 2
        if curve[middle].tokens <= tokens:
            low = middle
        else:
            high = middle
    share = (tokens - curve[low].tokens) / (curve[high].tokens - curve[low].tokens)
    return float(curve[low].usd + share * (curve[high].usd - curve[low].usd))


@leaf
def sale_usd(asset: int, sold: float, tokens: float, price_usd: float, model: Model) -> float:
    """Return what ``tokens`` fetch after ``sold`` tokens, at market price ``price_usd``."""
    reserve = model.reserve[asset]
    if reserve.curve_points == 0:
        return tokens * price_usd
    base = cumulative_usd(asset, sold + tokens, model) - cumulative_usd(asset, sold, model)
    return float(base * (price_usd / reserve.curve_price_usd))


@leaf
def slippage(asset: int, tokens: float, model: Model) -> float:
    """Return the share of value lost by selling ``tokens`` into the untouched book."""
    reserve = model.reserve[asset]
    if reserve.curve_points == 0 or tokens <= 0.0:
        return 0.0
    fetched = cumulative_usd(asset, tokens, model) / (tokens * reserve.curve_price_usd)
    return float(min(max(1.0 - fetched, 0.0), 1.0))


@leaf
def tokens_above(asset: int, sold: float, price_usd: float, floor_usd: float, model: Model) -> float:
    """Return how many more tokens sell at a marginal price of at least ``floor_usd``.

    Infinite depth: inf or 0.
    """
    reserve, curve = model.reserve[asset], model.curve[asset]
    if reserve.curve_points == 0:
        return np.inf if price_usd >= floor_usd else 0.0
    scale, reach = price_usd / reserve.curve_price_usd, 0.0
    for k in range(1, reserve.curve_points):
        width = curve[k].tokens - curve[k - 1].tokens
        if (curve[k].usd - curve[k - 1].usd) * scale < floor_usd * width:
            break
        reach = curve[k].tokens
    return float(max(reach - sold, 0.0))
