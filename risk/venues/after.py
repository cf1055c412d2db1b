"""After a wave: what is left, and the market a next shock starts from.

"A flush leaves a cleaner structure" can be tested: take the state after a wave, let leverage be rebuilt or
not, and run the same shock again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from abis.errors import InputError
from risk.venues.market import Market
from risk.venues.positions import FloatArray, Positions, joined
from risk.venues.state import State, open_interest_usd

LEVERAGE_STEPS = (1.0, 5.0, 10.0, 20.0, 50.0, np.inf)


def left(market: Market, state: State, s: int = 0) -> Positions:
    """Return the positions of a state with their margin: same bankruptcy prices, 0 for longs that have none.

    Parameters
    ----------
    market, state
    s : int
        Scenario.
    """
    cohort, p = state.cohort[s], market.positions
    keep = cohort["coins"] > 0.0
    side, broke = p.side[keep], cohort["bankrupt"][keep]
    price = _price(market, state, s)[
        [market.assets.index(a) for a, k in zip(p.asset, keep, strict=True) if k]
    ]
    leverage = price / np.maximum(side * (price - broke), 1e-12 * price)
    entry = np.where(leverage < 1.0, np.where(side > 0, price, broke / 2.0), price)
    leverage = np.where(leverage < 1.0, 1.0, leverage)
    return Positions(
        tuple(v for v, k in zip(p.venue, keep, strict=True) if k),
        tuple(a for a, k in zip(p.asset, keep, strict=True) if k),
        side,
        entry,
        leverage,
        cohort["coins"][keep].copy(),
        p.count[keep].copy(),
    )


def _price(market: Market, state: State, s: int) -> FloatArray:
    """Return each asset's price by depth, (K,)."""
    book, depth = state.book[s], market.arrays.book["depth"]
    own = (depth * (book["kept"] + book["passing"] + book["gap"])).sum(axis=0) / depth.sum(axis=0)
    return np.asarray(market.price_usd * np.exp(state.path[s] + own))


def market_after(market: Market, state: State, s: int = 0, *, rebuilt: Sequence[Positions] = ()) -> Market:
    """Return the market after a wave, at its prices, with what is left and what was opened since.

    Depth is as in calm, prices are level across venues, and funds hold what they hold.  Positions beyond
    their liquidation price, which engines had not come to yet, are left out.

    Parameters
    ----------
    market, state
    s : int
        Scenario.
    rebuilt : sequence of Positions
        Opened since, at the prices after the wave.

    Raises
    ------
    InputError
        As `market_of`.
    """
    venues = tuple(
        replace(v, fund_usd=max(0.0, float(state.venue["fund_usd"][s, n])))
        for n, v in enumerate(market.venues)
    )
    price = _price(market, state, s)
    held = _alive(market, state, s, left(market, state, s), price)
    return market.with_(
        venues=venues,
        price_usd=dict(zip(market.assets, map(float, price), strict=True)),
        positions=joined([held, *rebuilt]),
    )


def _alive(market: Market, state: State, s: int, held: Positions, price: FloatArray) -> Positions:
    tiers = {(v.name, a): v.margin[a] for v in market.venues for a in v.margin}
    keep = []
    for row in range(len(held)):
        each, side = held.coins[row] / held.count[row], int(held.side[row])
        rate, deduction = tiers[held.venue[row], held.asset[row]].at(float(each * held.entry_usd[row]))
        level = (held.bankruptcy_usd[row] - side * deduction / each) / (1.0 - side * rate)
        keep.append(side * (price[market.assets.index(held.asset[row])] - level) >= 0.0)
    mask = np.array(keep, dtype=bool)
    return replace(
        held,
        venue=tuple(v for v, k in zip(held.venue, mask, strict=True) if k),
        asset=tuple(a for a, k in zip(held.asset, mask, strict=True) if k),
        **{n: getattr(held, n)[mask] for n in ("side", "entry_usd", "leverage", "coins", "count")},
    )


def leverage_table(market: Market, state: State, price_usd: FloatArray, s: int = 0) -> pd.DataFrame:
    """Return open interest by asset, side and step of leverage at prices, US dollars.

    Parameters
    ----------
    market, state
    price_usd : (S, V, K) float64
    s : int
        Scenario.

    Raises
    ------
    InputError
        If shapes do not agree.
    """
    if price_usd.shape != state.book.shape:
        raise InputError(f"prices of shape {price_usd.shape}.", remedy=f"Give {state.book.shape}.")
    p, cohort = market.positions, state.cohort[s]
    v = np.array([market.names().index(x) for x in p.venue], dtype=np.int64)
    k = np.array([market.assets.index(x) for x in p.asset], dtype=np.int64)
    price = price_usd[s, v, k]
    equity = p.side * (price - cohort["bankrupt"])
    with np.errstate(divide="ignore", invalid="ignore"):
        leverage = np.where(equity > 0.0, price / equity, np.inf)
    step = np.clip(np.searchsorted(LEVERAGE_STEPS, leverage, side="right") - 1, 0, len(LEVERAGE_STEPS) - 2)
    rows = pd.DataFrame(
        {
            "asset": p.asset,
            "side": np.where(p.side > 0, "long", "short"),
            "leverage_from": np.asarray(LEVERAGE_STEPS)[step],
            "open_interest_usd": cohort["coins"] * price,
        }
    )
    keys = ["asset", "side", "leverage_from"]
    return rows.groupby(keys, as_index=False).agg(open_interest_usd=("open_interest_usd", "sum"))


def remaining_share(market: Market, before: State, after: State, price_usd: FloatArray) -> FloatArray:
    """Return open interest after over before, both at ``price_usd`` (S, V, K), by side, (S, K, 2)."""
    one, two = (open_interest_usd(market, x, price_usd).sum(axis=1) for x in (before, after))
    return np.asarray(np.divide(two, one, out=np.zeros_like(two), where=one > 0.0))
