"""How many loops on a basis-trade stablecoin leave when their carry turns negative.

A share of each loop leaves: it sells the token, repays and is gone, which lowers utilisation and with it the
rate for those who stay.  What is left is the fixed point of rates and leavers.

Leavers rise with rates and rates fall with leavers, so each reserve's rate has one solution for given others.
It lies between what it is if nobody leaves and what it is if all leave who would at the old rates.  Together
the solutions minimise a convex function of the rates (its gradient is what leavers repay less what has to be
repaid for each rate), hence solving one reserve after the other ends at the one fixed point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from abis.errors import InputError
from risk.venues.basis import Issuer
from risk.venues.basis_loops import Curve, Loops
from risk.venues.positions import FloatArray

ROUNDS, CLOSE_ENOUGH = 1_000, 1e-12
SETTLED = 1e-6  # a hundredth of a basis point: rates further from their curves are no fixed point


def leaving(carry: FloatArray, gone_at: float) -> FloatArray:
    """Return the share of each loop that leaves within the horizon: 0 from no carry on, 1 at ``-gone_at``."""
    return np.clip(-np.asarray(carry) / gone_at, 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Unwound:
    """Leavers and rates that fit each other.

    Parameters
    ----------
    share : (N,) float64
        Of each loop that leaves within the horizon.
    rate_before, rate : (J,) float64
        On debt, a year.
    lowest_rate : (J,) float64
        If all leave who would at the old rates: the other end of what the rate may be.
    carry_before, carry : (N,) float64
        On equity, a year.
    repaid_usd : (J,) float64
    plain_usd, staked_usd : float
        Tokens taken out, what repays debt in the token itself included.
    residual : float
        Largest distance of a rate from what the curve gives.
    rounds : int
    """

    share: FloatArray
    rate_before: FloatArray
    rate: FloatArray
    lowest_rate: FloatArray
    carry_before: FloatArray
    carry: FloatArray
    repaid_usd: FloatArray
    plain_usd: float
    staked_usd: float
    residual: float
    rounds: int


def unwind(loops: Loops, issuer: Issuer, staked_yield: float) -> Unwound:
    """Return the fixed point of rates and leavers at a yield that is held for the horizon.

    What unwinding does to the yield itself is left out.  Closing the basis trade lifts funding and so keeps
    some loops in: the result is the most that leaves.

    Parameters
    ----------
    loops : Loops
    issuer : Issuer
    staked_yield : float
        Paid on staked tokens, a year (`risk.venues.basis.earned`).

    Raises
    ------
    InputError
        If the yield is not finite, or the rounds do not settle.
    """
    if not np.isfinite(staked_yield):
        raise InputError(f"a yield of {staked_yield}.", remedy="Give a finite rate a year.")

    def repaid(rates: FloatArray) -> FloatArray:
        return np.asarray(leaving(loops.carry(issuer, staked_yield, rates), issuer.gone_at) @ loops.debt_usd)

    before = np.array([c.rate() for c in loops.curves])
    lowest = _rates(loops.curves, repaid(before))
    rates, rounds, moved = before.copy(), 0, np.inf
    while moved > CLOSE_ENOUGH and rounds < ROUNDS:
        rounds += 1
        last = rates.copy()
        for j, curve in enumerate(loops.curves):

            def at(rate: float, j: int = j) -> float:
                return float(repaid(np.where(np.arange(len(rates)) == j, rate, rates))[j])

            rates[j] = _solved(curve, at, float(lowest[j]), float(before[j]))
        moved = float(np.abs(rates - last).max(initial=0.0))
    residual = float(np.abs(_rates(loops.curves, repaid(rates)) - rates).max(initial=0.0))
    if residual > SETTLED:
        raise InputError(f"rates and leavers do not settle within {ROUNDS} rounds: {residual:g} apart.")
    carry = loops.carry(issuer, staked_yield, rates)
    share = leaving(carry, issuer.gone_at)
    return Unwound(
        share, before, rates, lowest, loops.carry(issuer, staked_yield, before), carry,
        np.asarray(share @ loops.debt_usd), float(share @ loops.plain_usd), float(share @ loops.staked_usd),
        residual, rounds,
    )  # fmt: skip


def _rates(curves: Sequence[Curve], repaid_usd: FloatArray) -> FloatArray:
    return np.array([c.rate(float(q)) for c, q in zip(curves, repaid_usd, strict=True)])


def _solved(curve: Curve, at: Callable[[float], float], low: float, high: float) -> float:
    """Return the rate that is the curve's at what is repaid at that rate; both ends enclose it."""

    def beyond(rate: float) -> float:
        return curve.rate(at(rate)) - rate

    if beyond(high) >= 0.0:
        return high
    if beyond(low) <= 0.0:
        return low
    return float(brentq(beyond, low, high, xtol=1e-15, rtol=8.9e-16))
