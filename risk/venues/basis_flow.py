"""Basis-trade stablecoins on exchanges: where shorts earn funding, and what closing them brings there.

When tokens are redeemed the issuer buys shorts back and sells the coins.  Buying the perpetual and selling
what it is priced against can only raise its premium: an unwinding lifts funding, it does not push it lower.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import InputError, UnknownAsset
from risk.venues.advance import run
from risk.venues.basis import Issuer
from risk.venues.kernel import Record
from risk.venues.market import Market
from risk.venues.now import YEAR_S, funding_year
from risk.venues.positions import FloatArray
from risk.venues.state import State, start

DAY_S = 86_400.0


def venue_funding(market: Market, state: State, record: Record, seconds: float, s: int = 0) -> FloatArray:
    """Return what a short earned a year by venue and coin, (V, K); 0 where there is no leverage.

    What was paid in a record, and what has come up since the last payment.

    Parameters
    ----------
    market, state
    record : Record
        Of the last stretch, ending at the state, beginning at a payment.
    seconds : float
        Its length.
    s : int
        Scenario.

    Raises
    ------
    InputError
        If the stretch has no length.
    """
    if not seconds > 0.0:
        raise InputError(f"a record of {seconds} s.", remedy="Give its length in seconds.")
    since = state.scenario["time_s"][s] - state.venue["funded_s"][s]
    owed = funding_year(market, state)[s] * (since / YEAR_S)[:, None]
    rates = (record.funding[s].sum(axis=0) + owed) * YEAR_S / seconds
    return np.where(levered(market), rates, 0.0)


def market_funding(market: Market, rates: FloatArray) -> dict[str, float]:
    """Return what an issuer's shorts earn a year on each coin with leverage, venues as in `shorts_split`.

    Parameters
    ----------
    market : Market
    rates : (V, K) float64
        Of `venue_funding`.
    """
    earned = (shorts_split(market) * rates).sum(axis=0)
    return {a: float(earned[k]) for k, a in enumerate(market.assets) if levered(market)[:, k].any()}


def levered(market: Market) -> NDArray[np.bool_]:
    """Return which venue trades which coin with leverage, (V, K)."""
    return np.array([[a in v.margin for a in market.assets] for v in market.venues])


def shorts_split(market: Market) -> FloatArray:
    """Return where shorts are held: each coin's share by venue, by depth where it has leverage, (V, K)."""
    return _split(market, levered(market))


def coins_split(market: Market) -> FloatArray:
    """Return where coins are sold: by depth on venues that trade them unlevered, else on all, (V, K)."""
    spot = ~levered(market)
    depth = market.arrays.book["depth"]
    return _split(market, spot | ~((depth > 0.0) & spot).any(axis=0))


def _split(market: Market, where: NDArray[np.bool_]) -> FloatArray:
    depth = np.where(where, market.arrays.book["depth"], 0.0)
    total = depth.sum(axis=0)
    return np.asarray(np.divide(depth, total, out=np.zeros_like(depth), where=total > 0.0))


def closing_flow(
    issuer: Issuer, market: Market, time_s: ArrayLike, redeemed_usd: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return what redemptions bring to exchanges: flows of (T, V, K), sold positive, bought negative.

    Each redeemed dollar closes the basis trade in proportion to its share of the backing: as many perpetuals
    are bought back as coins sold.  An issuer that pays from its dollar assets first sends nothing.

    Parameters
    ----------
    issuer : Issuer
    market : Market
    time_s, redeemed_usd : (T,) array_like of float
        Redeemed by each moment since the one before.

    Returns
    -------
    bought, sold : (T, V, K) float64
        Perpetuals bought back (not positive), coins sold (not negative).

    Raises
    ------
    UnknownAsset
        If a coin of the basis trade is not traded here with leverage.
    """
    amounts = np.asarray(redeemed_usd, dtype=np.float64)
    if amounts.shape != np.shape(time_s) or not (np.isfinite(amounts) & (amounts >= 0.0)).all():
        raise InputError("redemptions must be finite, not negative and one a moment.")
    short, coin = shorts_split(market), coins_split(market)
    share = np.zeros(len(market.assets))
    for name, part in issuer.basis.items():
        if name not in market.assets or not short[:, market.assets.index(name)].any():
            raise UnknownAsset(
                f"'{name}', which backs {issuer.name}, is traded here on no venue with leverage.",
                remedy=f"Coins: {', '.join(market.assets)}.",
            )
        share[market.assets.index(name)] = part
    whole = amounts[:, None, None] * share
    return -whole * short, whole * coin


@dataclass(frozen=True, slots=True)
class Closed:
    """A day of exchanges with and without the issuer's orders; mappings by coin.

    Parameters
    ----------
    funding_without, funding_with : mapping of coin to float
        A year, over it.
    move : mapping of coin to float
        Log price of the index, with over without, at its end.
    """

    funding_without: Mapping[str, float]
    funding_with: Mapping[str, float]
    move: Mapping[str, float]


def closed_over_a_day(issuer: Issuer, market: Market, redeemed_usd: float, step_s: float = 60.0) -> Closed:
    """Return what closing the basis of a day's redemptions, spread evenly, does to exchanges.

    Parameters
    ----------
    issuer : Issuer
    market : Market
        At its own prices, which stay but for these orders.
    redeemed_usd : float
    step_s : float
    """
    times = np.arange(step_s, DAY_S + 1e-9, step_s)
    still = np.zeros((1, len(times), len(market.assets)))
    even = np.full(len(times), redeemed_usd / len(times))
    bought, sold = closing_flow(issuer, market, times, even)
    plain, first = run(market, start(market, 1), times, still, every_s=DAY_S)
    moved, second = run(market, start(market, 1), times, still, (bought + sold)[None], every_s=DAY_S)
    move = np.log(second.index_usd[0, -1] / first.index_usd[0, -1])
    without, after = (
        market_funding(market, venue_funding(market, state, record, DAY_S))
        for state, record in ((plain, first), (moved, second))
    )
    return Closed(
        {a: without[a] for a in issuer.basis},
        {a: after[a] for a in issuer.basis},
        {a: float(move[market.assets.index(a)]) for a in issuer.basis},
    )
