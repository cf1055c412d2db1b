"""Closed forms under geometric Brownian motion, and SmartLTV: checks and explainable seeds.

``dP/P = drift dt + sigma dW``; ``nu = drift - sigma^2 / 2``; time in years.  Real returns
have fatter tails: these are yardsticks, never proposals.
"""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr, ndtri

from abis.errors import InputError

HOUR_YEARS = 1 / 8_760
DAY_YEARS = 1 / 365
# Continuity correction of Broadie, Glasserman and Kou (1997): -zeta(1/2) / sqrt(2 pi).
MONITORING_SHIFT = 0.5825971579390106


def gbm_terminal_quantile(probability: float, sigma: float, years: float, drift: float = 0.0) -> float:
    """Return the gross return that the price at the end falls below with ``probability``."""
    nu = drift - sigma**2 / 2
    return math.exp(nu * years + sigma * math.sqrt(years) * float(ndtri(probability)))


def gbm_hit(level: float, sigma: float, years: float, drift: float = 0.0) -> float:
    """Return the probability that the price falls to ``level`` times its start within ``years``.

    ``Phi((k - nu T) / s) + exp(2 nu k / sigma^2) Phi((k + nu T) / s)`` with ``k = ln level``
    and ``s = sigma sqrt(T)`` (reflection principle).

    Parameters
    ----------
    level : float
        Barrier over start, > 0; an account opened at LTV is liquidated at ``LTV / LT``.
    sigma : float
        Yearly volatility, > 0.
    years : float
        Horizon, > 0.
    drift : float
        Yearly drift.

    Raises
    ------
    InputError
        If level, volatility or horizon is not positive.
    """
    if not (level > 0 and sigma > 0 and years > 0):
        raise InputError(f"level {level}, volatility {sigma} and horizon {years} must be positive.")
    if level >= 1:
        return 1.0
    k, nu, s = math.log(level), drift - sigma**2 / 2, sigma * math.sqrt(years)
    # In logs: the first factor overflows where the second underflows.
    reflected = math.exp(2 * nu * k / sigma**2 + float(log_ndtr((k + nu * years) / s)))
    return float(ndtr((k - nu * years) / s)) + reflected


def gbm_hit_monitored(
    level: float, sigma: float, years: float, step_years: float, drift: float = 0.0
) -> float:
    """Return `gbm_hit` where the price is looked at only every ``step_years``.

    The barrier moves away by ``0.5826 sigma sqrt(step)`` (Broadie, Glasserman, Kou 1997).
    """
    return gbm_hit(level * math.exp(-MONITORING_SHIFT * sigma * math.sqrt(step_years)), sigma, years, drift)


def gbm_minimum_quantile(probability: float, sigma: float, years: float, drift: float = 0.0) -> float:
    """Return the level the running minimum reaches with ``probability``; inverse of `gbm_hit`."""
    log_level = brentq(
        lambda k: gbm_hit(math.exp(k), sigma, years, drift) - probability, -60.0, -1e-12, xtol=1e-14
    )
    return math.exp(float(log_level))


def gbm_delay_loss(
    threshold: float, bonus: float, slippage: float, sigma: float, years: float, drift: float = 0.0
) -> tuple[float, float]:
    """Return probability and mean of the loss when a call comes ``years`` after the trigger.

    The account starts at health factor 1; the collateral then sold fetches
    ``1 - slippage`` of its price against ``1 + bonus`` owed to the liquidator.  With
    ``theta = LT (1 + b) / (1 - slip)`` the loss over debt is a put struck at theta.

    Returns
    -------
    probability, mean : float
        Mean is a share of the debt.
    """
    theta = threshold * (1 + bonus) / (1 - slippage)
    s = sigma * math.sqrt(years)
    d2 = (-math.log(theta) + (drift - sigma**2 / 2) * years) / s
    probability = float(ndtr(-d2))
    return probability, probability - math.exp(drift * years) * float(ndtr(-(d2 + s))) / theta


def smart_ltv(
    confidence: float, sigma: float, debt_usd: float, liquidity_usd: float, slippage: float
) -> float:
    """Return ``exp(-c sigma sqrt(d / l)) - beta``, at least 0 (backstop-protocol/smart-ltv, SmartLTV.sol).

    Parameters
    ----------
    confidence : float
        Factor c.
    sigma : float
        Volatility over the time in which ``liquidity_usd`` comes back.
    debt_usd, liquidity_usd : float
        Debt (or supply cap) and what can be sold at ``slippage``; liquidity > 0.
    slippage : float
        beta, the liquidation incentive.
    """
    return max(math.exp(-confidence * sigma * math.sqrt(debt_usd / liquidity_usd)) - slippage, 0.0)
