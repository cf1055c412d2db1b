"""The same next shock before a wave, after it, and after leverage was built up again.

"The flush left a cleaner structure" is a claim about the *next* shock.  So it is asked of the next shock: the
same fall, from each state's own price, over the same time, through the same books.  Depth is as in calm in
every state, so that what differs is open interest alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq

from abis.errors import InputError
from risk.contagion import spectral_radius
from risk.venues.advance import run
from risk.venues.after import market_after
from risk.venues.book import TRUSTED_MOVE
from risk.venues.branching import branching
from risk.venues.market import Market
from risk.venues.positions import FloatArray, Positions
from risk.venues.state import State, coins_by_side, start

OVER_S, HOLD_S, STEP_S = 3_600.0, 3_600.0, 5.0
SHARES = (0.5, 1.0, 1.5)
MOST, CLOSE_ENOUGH = 2.0, 1e-3  # highest share looked at for `even_share`, and how exactly it is found


@dataclass(frozen=True, slots=True)
class NextShock:
    """What the shock does to one state.

    Parameters
    ----------
    state : str
    open_interest_usd, longs_usd : float
        Leveraged positions before the shock, both sides and longs.
    spectral_radius : float
        Before the shock.
    liquidated_usd : float
    low : float
        Deepest log move of the first asset's index.
    own : float
        The part of it that the venues' own selling made; NaN where nothing moved.
    diverges : bool
        That own selling moved an index beyond what published depth covers.
    """

    state: str
    open_interest_usd: float
    longs_usd: float
    spectral_radius: float
    liquidated_usd: float
    low: float
    own: float
    diverges: bool


def shocked(name: str, market: Market, log_move: float, over_s: float = OVER_S) -> NextShock:
    """Return what a steady move of the first asset does, the others following by beta.

    Parameters
    ----------
    name : str
        Of the state.
    market : Market
        At its own prices.
    log_move : float
        Of the first asset, from outside.
    over_s : float
        How long it takes; prices from outside then stay for an hour.

    Raises
    ------
    InputError
        If the move is not finite or takes no time.
    """
    if not (np.isfinite(log_move) and over_s >= STEP_S):
        raise InputError(
            f"a move of {log_move} over {over_s} s.", remedy=f"Give a finite move over at least {STEP_S:g} s."
        )
    times = np.arange(STEP_S, over_s + HOLD_S + 1e-9, STEP_S)
    outside = log_move * np.minimum(times / over_s, 1.0)[:, None] * market.beta
    held = start(market, 1)
    radius = spectral_radius(branching(market, held, side=-1 if log_move > 0.0 else 1))
    sides = coins_by_side(market, held)[0] * market.price_usd[:, None]
    _, record = run(market, held, times, outside[None])
    index = np.log(record.index_usd[0] / market.price_usd)
    worst = int(np.argmax(np.sign(log_move) * index[:, 0]))
    deepest = float(index[worst, 0])
    return NextShock(
        name,
        float(sides.sum()),
        float(sides[..., 0].sum()),
        radius,
        float(record.liquidated_usd.sum()),
        deepest,
        1.0 - float(outside[worst, 0]) / deepest if deepest != 0.0 else np.nan,
        bool(np.abs(index - outside).max() > TRUSTED_MOVE),
    )


def rebuilt(before: Market, after: Market, fresh: Positions, share: float) -> Positions:
    """Return new positions that bring back a share of what a wave closed.

    Parameters
    ----------
    before, after : Market
        Of the same venues and assets, each at its own prices.
    fresh : Positions
        Where new leverage is opened: only how it is spread over levels counts.
    share : float
        Of the coins that were closed, by venue, asset and side; above 1 leverage rises beyond what was.

    Raises
    ------
    InputError
        If the share is negative.
    """
    if not share >= 0.0:
        raise InputError(f"a share of {share} rebuilt.", remedy="Give a number of at least 0.")
    gone = np.maximum(_coins(before) - _coins(after), 0.0)
    whole = after.with_(positions=fresh)
    offered = _coins(whole)
    factor = share * np.divide(gone, offered, out=np.zeros_like(gone), where=offered > 0.0)
    p, names = whole.positions, whole.names()
    place = [
        (names.index(v), whole.assets.index(a), 0 if s > 0 else 1)
        for v, a, s in zip(p.venue, p.asset, p.side, strict=True)
    ]
    return replace(p, coins=p.coins * np.array([factor[at] for at in place]))


def _coins(market: Market) -> FloatArray:
    return np.asarray(coins_by_side(market, start(market, 1))[0])


def next_shock(
    before: Market,
    state: State,
    log_move: float,
    fresh: Positions,
    *,
    over_s: float = OVER_S,
    shares: Sequence[float] = SHARES,
) -> tuple[NextShock, ...]:
    """Return the same shock before a wave, after it, and with shares of what it closed built up again.

    Parameters
    ----------
    before : Market
    state : State
        After the wave, of `before`; scenario 0 counts.
    log_move, over_s : float
        See `shocked`.
    fresh : Positions
        Where leverage is opened at the prices after the wave (`rebuilt`).
    shares : sequence of float
    """
    runs = {"before the wave": before, "after it": market_after(before, state)}
    for share in shares:
        runs[f"{share:.0%} of it rebuilt"] = _with_rebuilt(before, state, fresh, share)
    return tuple(shocked(name, market, log_move, over_s) for name, market in runs.items())


def _with_rebuilt(before: Market, state: State, fresh: Positions, share: float) -> Market:
    more = rebuilt(before, market_after(before, state), fresh, share)
    return market_after(before, state, rebuilt=[more])


def even_share(
    before: Market, state: State, log_move: float, fresh: Positions, *, over_s: float = OVER_S
) -> float | None:
    """Return the share rebuilt at which the shock liquidates as much as it did before the wave.

    Parameters
    ----------
    before, state, log_move, fresh, over_s
        See `next_shock`.

    Returns
    -------
    float or None
        To a thousandth, by bisection.  None if the wave took nothing away for this shock, or if even twice
        what it closed does not bring it back.
    """
    aim = shocked("before", before, log_move, over_s).liquidated_usd

    def more(share: float) -> float:
        market = _with_rebuilt(before, state, fresh, share)
        return shocked("rebuilt", market, log_move, over_s).liquidated_usd - aim

    if more(0.0) >= 0.0 or more(MOST) <= 0.0:
        return None
    return float(brentq(more, 0.0, MOST, xtol=CLOSE_ENOUGH))
