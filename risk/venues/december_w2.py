"""The day of W2, 16 December 2025: predicted from the fit to 7 December, which has not seen it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq

from risk.venues.december import (
    COARSE_S,
    DAY_S,
    HOUR_S,
    HYPERLIQUID,
    Fit,
    Free,
    Outside,
    Wave,
    diverges,
    fitted,
    grid,
    market,
    simulate,
)
from risk.venues.december_table import table, targets
from risk.venues.market import Market
from risk.venues.positions import FloatArray

LEARNED = 6  # runs after which what is taken out of candles has settled, where it settles at all
HOPELESS = 1.0  # log move of own selling that no longer is taken out, but known to run away
DEEP = 1e6  # times the depth: selling then moves nothing and prices are those from outside
MOST, CLOSE_ENOUGH = 0.95, 1e-3  # of the stack on one venue; how exactly the share needed is found


@dataclass(frozen=True, eq=False)
class Predicted:
    """The predicted day.

    Parameters
    ----------
    wave : Wave
    figures : mapping of str to float
        What the targets of W2 are compared with.
    runs_away : bool
        That on the given prices own selling of this market would move an index beyond published depth.
        ``wave`` is then the day at the given prices: who is liquidated when prices are what they were.
    """

    wave: Wave
    figures: Mapping[str, float]
    runs_away: bool = False


def outside_w2(_: Fit, market_: Market, moments_s: FloatArray) -> FloatArray:
    """Return the shipped path of the day of W2, (T, K) log moves."""
    path = table()["path"]
    level = np.log(np.array(path["btc_w2_usd"]) / path["btc_w2_usd"][0])
    btc = np.interp(moments_s, np.array(path["hours_w2"]) * HOUR_S, level)
    return np.asarray(btc[:, None] * market_.beta)


def predicted_w2(
    fit: Fit,
    free: Free | None = None,
    *,
    price_usd: Mapping[str, float] | None = None,
    outside: Outside = outside_w2,
    learn: Callable[[Wave], None] | None = None,
) -> Predicted:
    """Return the day of W2 from the same open interest, rebuilt: nothing is fitted to it.

    Parameters
    ----------
    fit : Fit
        To W1 and W3.
    free : Free, optional
        The table's values by default.
    price_usd : mapping of str to float, optional
        At the start of the day; the table's by default.
    outside : callable (fit, market, moments) -> (T, K)
        The path; without the venues' own impact, or with it where ``learn`` takes it out.
    learn : callable (Wave), optional
        Told every run, so that the run ends on the prices given.  Where no run does, because the market
        would run away, liquidations are counted at the prices given.
    """
    moments = grid(DAY_S - COARSE_S)
    now = market(fit, free or Free.used(), price_usd)
    given = outside(fit, now, moments)
    wave = simulate(now, given, moments)
    if learn is None:
        return Predicted(wave, _figures(wave))
    for _ in range(LEARNED):
        learn(wave)
        news = outside(fit, now, moments)
        if np.abs(news - given).max() > HOPELESS:
            break
        wave = simulate(now, news, moments)
    runs_away = diverges(wave)
    if runs_away:
        deep = now.with_(venues=tuple(v.with_depth(DEEP) for v in now.venues))
        wave = simulate(deep, given, moments)
    return Predicted(wave, _figures(wave), runs_away)


def _figures(wave: Wave) -> dict[str, float]:
    day = wave.closed_usd()
    one = day[wave.market.names().index(HYPERLIQUID)]
    return {
        "w2_total_24h": float(day.sum()),
        "w2_hyperliquid": float(one.sum()),
        "w2_long_share": min(1.0, float(one[:, 0].sum() / max(one.sum(), 1.0))),
    }


def share_needed(fit: Fit, free: Free) -> float | None:
    """Return the share of open interest Hyperliquid would need for its figure of W2, or None.

    On the shipped path, everything else fitted again to W1 and W3.  A statement about the figure, not an
    input: nothing uses it.

    Parameters
    ----------
    fit : Fit
        Where each fit begins.
    free : Free

    Returns
    -------
    float or None
        None if neither the share used nor 95 % of all open interest is on the other side of the figure.
    """
    wanted = targets()["w2_hyperliquid"].value

    def above(share: float) -> float:
        one = replace(free, hyperliquid_share=share)
        return predicted_w2(fitted(one, first=fit)[0], one).figures["w2_hyperliquid"] / wanted - 1.0

    low, high = free.hyperliquid_share, MOST
    if above(low) * above(high) > 0.0:
        return None
    return float(brentq(above, low, high, xtol=CLOSE_ENOUGH))
