"""The early-warning number: how much liquidation a percent of fall brings, and the fall that brings in turn.

``N[b, a]`` is the fall of b that follows a fall of a: liquidations of a per unit of log price, times the
move they make on b once arbitrage had ``horizon_s``.  On one linear book it is liquidations over depth per
percent, and a fall is amplified by ``1 / (1 - n)``; together, falls feed themselves where the spectral
radius is 1 or more (`risk.contagion.spectral_radius`).
"""

from __future__ import annotations

import numpy as np

from abis.errors import InputError
from risk.venues.book import impact
from risk.venues.market import Market
from risk.venues.positions import FloatArray
from risk.venues.state import State

ONE_PERCENT = 0.01


def density_usd(
    market: Market, state: State, s: int = 0, move: float = ONE_PERCENT, side: int = 1
) -> FloatArray:
    """Return what the next ``move`` of marks liquidates, US dollars at start prices, (V, K).

    Parameters
    ----------
    market, state
    s : int
        Scenario.
    move : float
        Log difference: a fall for longs, a rise for shorts.
    side : {1, -1}
    """
    if not move > 0.0:
        raise InputError(f"a move of {move}.", remedy="Give a log difference above 0.")
    out = np.zeros((len(market.venues), len(market.assets)))
    j = 0 if side > 0 else 1
    for v, k in np.ndindex(out.shape):
        rows = slice(market.arrays.reach[v, k, j], market.arrays.reach[v, k, j + 1])
        book = state.book[s, v, k]
        moved = state.path[s, k] + book["kept"] + book["passing"] + book["gap"]
        reached = market.price_usd[k] * np.exp(moved - side * move)
        cohort = state.cohort[s, rows]
        due = side * (reached - cohort["trigger"]) < 0.0
        out[v, k] = (cohort["coins"] * due).sum() * market.price_usd[k]
    return out


def branching(
    market: Market,
    state: State,
    s: int = 0,
    *,
    horizon_s: float = 60.0,
    move: float = ONE_PERCENT,
    side: int = 1,
) -> FloatArray:
    """Return ``N``, (V K, V K), venues outer: the fall of the row per fall of the column.

    Parameters
    ----------
    market, state, s, move, side
        As `density_usd`.
    horizon_s : float
        That arbitrage has; 0 for none.
    """
    venues, assets = len(market.venues), len(market.assets)
    sold = density_usd(market, state, s, move, side)
    out = np.zeros((venues, assets, venues, assets))
    arb = np.array([v.arbitrage_per_s for v in market.venues])
    carry = market.arrays.asset["carry"]
    weight = market.arrays.book["depth"][:, 0] / market.arrays.book["depth"][:, 0].sum()
    for a, k in np.ndindex(venues, assets):
        if sold[a, k] <= 0.0:
            continue
        book = market.venues[a].books[market.assets[k]]
        present = market.arrays.book["depth"][:, k] * state.book["share"][s, :, k]
        used = state.book["bid" if side > 0 else "ask"][s, :, k]
        linked = arb > 0.0 if arb[a] > 0.0 else np.arange(venues) == a
        linked &= present > 0.0
        own = impact(float(sold[a, k]), float(present[a]), book.exponent, float(used[a]))
        common = impact(
            float(sold[a, k]), float(present[linked].sum()), book.exponent, float(used[linked].sum())
        )
        closed = 1.0 - np.exp(-arb * horizon_s)
        fall = np.where(linked, common * closed, 0.0)
        fall[a] = common + (own - common) * (1.0 - closed[a])
        out[:, k, a, k] += fall / move
        if k == 0:
            lasting = (weight * np.where(linked, common, 0.0)).sum() * book.permanent_share
            out[:, 1:, a, 0] += carry[1:] * lasting / move
    return out.reshape(venues * assets, venues * assets)
