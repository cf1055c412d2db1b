"""What a cascade carries from one moment to the next, for a block of scenarios; and the books' money.

At prices ``p`` the money of a venue is::

    sum side q (p - b)  +  fund + vault q p  +  counterparty cash + counterparty q p  +  wallets

cohorts with ``q`` coins and bankruptcy price ``b``, the backstop vault, everybody without leverage, and what
was paid out.  Coins of both sides cancel, so no price is left in it: the step keeps it to the last rounding.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from abis.errors import InputError
from risk.venues.market import Market
from risk.venues.positions import FloatArray


class State(NamedTuple):
    """S scenarios of a market; every array is changed in place by `advance`."""

    time_s: FloatArray  # (S,) of the last moment
    path: FloatArray  # (S, K) log price without the venues' own impact
    kept: FloatArray  # (S, V, K) permanent impact on the log price
    passing: FloatArray  # (S, V, K) impact that decays
    bid: FloatArray  # (S, V, K) sold into the book and not refilled, USD at start prices
    ask: FloatArray  # (S, V, K) bought from it
    share: FloatArray  # (S, V, K) of depth that is there
    level: FloatArray  # (S, V, K) slow log price that moves are measured from
    premium: FloatArray  # (S, V, K) average over the index, for marks
    owed: FloatArray  # (S, V, K) premium times seconds since the last funding
    funded_s: FloatArray  # (S, V) time of the last funding
    coins: FloatArray  # (S, P)
    bankrupt: FloatArray  # (S, P) bankruptcy price
    ready_s: FloatArray  # (S, P) earliest time of the next order
    stage: NDArray[np.int64]  # (S, P) 1 after a partial close
    fund_usd: FloatArray  # (S, V) insurance fund, or the vault's cash
    vault: FloatArray  # (S, V, K) coins the backstop holds, signed
    counter: FloatArray  # (S, V, K) coins of everybody without leverage, signed
    cash_usd: FloatArray  # (S, V) of these
    wallet_usd: FloatArray  # (S, V) paid out to liquidated and deleveraged traders
    largest_usd: FloatArray  # (S, V) largest single order so far
    take: FloatArray  # (S, P) scratch


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
    v, k, p, s = len(market.venues), len(market.assets), len(market.positions), scenarios
    coins = np.tile(market.positions.coins, (s, 1))
    bankrupt = np.tile(market.positions.bankruptcy_usd, (s, 1))
    state = State(
        time_s=np.full(s, time_s),
        path=np.zeros((s, k)),
        kept=np.zeros((s, v, k)),
        passing=np.zeros((s, v, k)),
        bid=np.zeros((s, v, k)),
        ask=np.zeros((s, v, k)),
        share=np.ones((s, v, k)),
        level=np.zeros((s, v, k)),
        premium=np.zeros((s, v, k)),
        owed=np.zeros((s, v, k)),
        funded_s=np.full((s, v), time_s),
        coins=coins,
        bankrupt=bankrupt,
        ready_s=np.full((s, p), -np.inf),
        stage=np.zeros((s, p), dtype=np.int64),
        fund_usd=np.tile(np.array([x.fund_usd for x in market.venues]), (s, 1)),
        vault=np.zeros((s, v, k)),
        counter=np.zeros((s, v, k)),
        cash_usd=np.zeros((s, v)),
        wallet_usd=np.zeros((s, v)),
        largest_usd=np.zeros((s, v)),
        take=np.zeros((s, p)),
    )
    state.counter[:] = -open_coins(market, state)
    return state


def copied(state: State) -> State:
    """Return a copy that shares no memory."""
    return State(*(a.copy() for a in state))


def open_coins(market: Market, state: State) -> FloatArray:
    """Return the signed coins of all cohorts, (S, V, K)."""
    both = coins_by_side(market, state)
    return np.asarray(both[..., 0] - both[..., 1])


def coins_by_side(market: Market, state: State) -> FloatArray:
    """Return the coins of longs and of shorts, (S, V, K, 2)."""
    first, last = market.arrays.first, market.arrays.last
    out = np.zeros((len(state.coins), *first.shape))
    for place in np.ndindex(first.shape):
        out[(slice(None), *place)] = state.coins[:, first[place] : last[place]].sum(axis=1)
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
    side = market.positions.side
    names = market.names()
    venue = np.array([names.index(v) for v in market.positions.venue], dtype=np.int64)
    asset = np.array([market.assets.index(a) for a in market.positions.asset], dtype=np.int64)
    equity = side * state.coins * (price_usd[:, venue, asset] - state.bankrupt)
    traders = np.stack([np.bincount(venue, row, len(names)) for row in equity])
    others = ((state.vault + state.counter) * price_usd).sum(axis=2)
    return np.asarray(traders + others + state.fund_usd + state.cash_usd + state.wallet_usd)
