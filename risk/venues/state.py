"""What a cascade carries from one moment to the next, for a block of scenarios; and the books' money.

At prices ``p`` the money of a venue is::

    sum side q (p - b)  +  fund + vault q p  +  counterparty cash + counterparty q p  +  wallets

cohorts with ``q`` coins and bankruptcy price ``b``, the backstop vault, everybody without leverage, and what
was paid out.  Coins of both sides cancel, so no price is left in it: the step keeps it to the last rounding.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abis.errors import InputError
from risk.venues.market import Market, places
from risk.venues.positions import FloatArray


def _floats(*names: str) -> np.dtype[Any]:
    return np.dtype([(n, np.float64) for n in names], align=True)


COHORT = _floats("coins", "bankrupt", "trigger", "ready_s", "stage", "take")
BOOK = _floats(
    "kept", "passing", "gap", "bid", "ask", "share", "level", "premium", "owed", "vault", "counter"
)
VENUE = _floats("funded_s", "fund_usd", "cash_usd", "wallet_usd", "largest_usd")
SCENARIO = _floats("time_s")


class State(NamedTuple):
    """S scenarios of a market; every array is changed in place by `advance`.

    ``cohort`` (S, P): coins left, bankruptcy price, mark price beyond which the engine acts (out of reach
    once closed), earliest time of the next order, 1 after a partial close.
    ``book`` (S, V, K): permanent and passing impact on the log price, gap that
    arbitrage has not closed, volume sold and bought and not refilled
    (USD at start prices), share of depth that is there, slow log price that moves are measured from, average
    premium over the index, premium times seconds since the last funding, coins of the vault and of everybody
    without leverage (signed).
    ``venue`` (S, V): time of the last funding, insurance fund or the vault's cash, cash of those without
    leverage, paid out to liquidated and deleveraged traders, largest single order so far.
    """

    scenario: NDArray[Any]  # (S,) `SCENARIO`
    path: FloatArray  # (S, K) log price without the venues' own impact
    cohort: NDArray[Any]  # (S, P) `COHORT`
    book: NDArray[Any]  # (S, V, K) `BOOK`
    venue: NDArray[Any]  # (S, V) `VENUE`


def start(market: Market, scenarios: int, time_s: float = 0.0) -> State:
    """Return a fresh state: prices at their start, books full, counterparties holding the other side.

    Parameters
    ----------
    market : Market
    scenarios : int
        At least one.
    time_s : float
        Of the moment before the first step.
    """
    if scenarios < 1:
        raise InputError(f"{scenarios} scenarios.", remedy="Give at least one.")
    v, k, p, s = len(market.venues), len(market.assets), market.positions, scenarios
    state = State(
        np.zeros(s, dtype=SCENARIO),
        np.zeros((s, k)),
        np.zeros((s, len(p)), dtype=COHORT),
        np.zeros((s, v, k), dtype=BOOK),
        np.zeros((s, v), dtype=VENUE),
    )
    state.scenario["time_s"] = state.venue["funded_s"] = time_s
    state.cohort["coins"], state.cohort["bankrupt"] = p.coins, p.bankruptcy_usd
    state.cohort["trigger"], state.cohort["ready_s"] = _triggers(market), -np.inf
    state.book["share"] = 1.0
    state.venue["fund_usd"] = [x.fund_usd for x in market.venues]
    state.book["counter"] = -open_coins(market, state)
    return state


def _triggers(market: Market) -> FloatArray:
    """Return the mark price beyond which each cohort is liquidated at the start, (P,)."""
    p, a = market.positions, market.arrays
    lag = a.rule["lag"][places(p.venue, market.names())]
    held = p.coins > 0.0
    each = np.divide(p.coins, p.count, out=np.ones(len(p)), where=held)
    level = (p.bankruptcy_usd - p.side * a.cohort["deduction"] / each) / (1.0 - p.side * a.cohort["rate"])
    return np.where(held, level * (1.0 - p.side * lag), -p.side * np.inf)


def copied(state: State) -> State:
    """Return a copy that shares no memory."""
    return State(*(a.copy() for a in state))


def open_coins(market: Market, state: State) -> FloatArray:
    """Return the signed coins of all cohorts, (S, V, K)."""
    both = coins_by_side(market, state)
    return np.asarray(both[..., 0] - both[..., 1])


def coins_by_side(market: Market, state: State) -> FloatArray:
    """Return the coins of longs and of shorts, (S, V, K, 2)."""
    reach, coins = market.arrays.reach, state.cohort["coins"]
    out = np.zeros((len(coins), *reach.shape[:2], 2))
    for v, k, j in np.ndindex(out.shape[1:]):
        out[:, v, k, j] = coins[:, reach[v, k, j] : reach[v, k, j + 1]].sum(axis=1)
    return out


def open_interest_usd(market: Market, state: State, price_usd: FloatArray) -> FloatArray:
    """Return what leveraged positions are worth by venue, asset and side, (S, V, K, 2).

    Parameters
    ----------
    market, state
    price_usd : (S, V, K) float64
    """
    return np.asarray(coins_by_side(market, state) * price_usd[:, :, :, None])


def money_usd(market: Market, state: State, price_usd: FloatArray) -> FloatArray:
    """Return all money of each venue at prices, (S, V): the step never changes it.

    Parameters
    ----------
    market, state
    price_usd : (S, V, K) float64
        Any prices, even impossible ones.
    """
    p, names = market.positions, market.names()
    venue, asset = places(p.venue, names), places(p.asset, market.assets)
    cohort, book = state.cohort, state.book
    equity = p.side * cohort["coins"] * (price_usd[:, venue, asset] - cohort["bankrupt"])
    traders = np.stack([np.bincount(venue, row, len(names)) for row in equity])
    others = ((book["vault"] + book["counter"]) * price_usd).sum(axis=2)
    cash = state.venue["fund_usd"] + state.venue["cash_usd"] + state.venue["wallet_usd"]
    return np.asarray(traders + others + cash)
