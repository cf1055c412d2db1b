"""Kernels that value an account and judge its health, and know when they cannot be sure.

Beside GenericLogic.sol.  A value is ``floor(amount price / unit)`` in base-currency units
(debt rounded as the rules say), the health factor a ratio V / D with

* truncated average (to v3.4): ``V = floor((C L + 5000) / 10000)``, ``L = floor(sum(c LT) / C)``;
* full precision (v3.5 on):    ``V = sum(c LT)`` against ``10000 D``.

Error bound.  With unit roundoff ``u = 2**-53`` a leg's unrounded value carries at most five
roundings (amount, price, unit, product, quotient): relative error below ``8 u``, and rounding
``x (1 - 8u)`` and ``x (1 + 8u)`` to integers brackets the contract's integer.  Sums and products of
integers below 2**52 are exact; above, each of the at most ``n + 4`` operations adds ``u``.  The
truncated average is taken over ``LT - lowest LT``, so that one threshold alone never divides.
A comparison whose brackets overlap is `UNSURE`: the exact rules decide it where the account is
still as in the snapshot; otherwise the middle values do and it is counted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from risk.engine.arrays import DOWN, UP, FloatArray, Records
from risk.engine.jit import leaf
from risk.engine.model import Model

U = 2.0**-53
LEG_ERROR = 8.0 * U
CALLED_ERROR = 1e-12  # balances after a call: float against integer rounding, no proven bound
EXACT_BELOW = 2.0**52
NO, YES, UNSURE = 0, 1, 2


class Health(NamedTuple):
    """One account at one moment; values in base-currency units.

    ``below`` and ``near_one`` are `NO`, `YES` or `UNSURE`: liquidatable, and above the health
    factor at which everything may be closed.  ``ratio`` is the health factor.
    """

    below: int
    near_one: int
    ratio: float
    collateral: float
    debt: float


class Sums(NamedTuple):
    """Collateral ``c``, collateral times threshold ``w`` and debt ``d``: middle and bracket."""

    c: float
    c_low: float
    c_high: float
    w: float
    w_low: float
    w_high: float
    d: float
    d_low: float
    d_high: float


LEG = np.dtype([(name, np.float64) for name in ("c", "c_low", "c_high", "d", "d_low", "d_high")])
"""Values of the k-th collateral and the k-th debt of one account: middle and bracket."""


@leaf
def rounded(x: float, rounding: int) -> float:
    """Return ``x`` rounded to an integer: down, up or half up."""
    if rounding == DOWN:
        return float(np.floor(x))
    if rounding == UP:
        return float(np.ceil(x))
    return float(np.floor(x + 0.5))


@leaf
def value_legs(
    account: Any,
    c_amount: FloatArray,
    d_amount: FloatArray,
    price: Records,
    model: Model,
    error: float,
    legs: Records,
) -> None:
    """Fill ``legs`` with the values of an account's entries at raw prices; 0 where not counted.

    ``error`` is the relative error of an unrounded value: `LEG_ERROR`, or `CALLED_ERROR` for
    an account already liquidated in this scenario.
    """
    rounding = model.rules.debt_value_rounding
    for k in range(account.c_first, account.c_last):
        entry, leg = model.collateral[k], legs[k - account.c_first]
        x = 0.0
        if entry.on:
            x = c_amount[k] * price[entry.quote].oracle / model.reserve[entry.asset].unit
        leg.c = np.floor(x)
        leg.c_low, leg.c_high = np.floor(x * (1.0 - error)), np.floor(x * (1.0 + error))
    for k in range(account.d_first, account.d_last):
        entry, leg = model.debt[k], legs[k - account.d_first]
        x = d_amount[k] * price[entry.quote].oracle / model.reserve[entry.asset].unit
        leg.d = rounded(x, rounding)
        leg.d_low = rounded(x * (1.0 - error), rounding)
        leg.d_high = rounded(x * (1.0 + error), rounding)


@leaf
def sums(account: Any, model: Model, legs: Records, shift_bps: float) -> Sums:
    """Return the sums over the legs; thresholds less ``shift_bps``."""
    c = c_low = c_high = w = w_low = w_high = d = d_low = d_high = 0.0
    for k in range(account.c_last - account.c_first):
        leg, entry = legs[k], model.collateral[account.c_first + k]
        if entry.on:
            share = entry.threshold_bps - shift_bps
            c, c_low, c_high = c + leg.c, c_low + leg.c_low, c_high + leg.c_high
            w, w_low, w_high = w + leg.c * share, w_low + leg.c_low * share, w_high + leg.c_high * share
    for k in range(account.d_last - account.d_first):
        leg = legs[k]
        d, d_low, d_high = d + leg.d, d_low + leg.d_low, d_high + leg.d_high
    return Sums(c, c_low, c_high, w, w_low, w_high, d, d_low, d_high)


@leaf
def full_precision(total: Sums, padding: float) -> tuple[float, float, float]:
    """Return ``sum(c LT)`` and its bounds: (middle, low, high)."""
    if total.w_high >= EXACT_BELOW:
        return total.w, total.w_low * (1.0 - padding), total.w_high * (1.0 + padding)
    return total.w, total.w_low, total.w_high


@leaf
def truncated_average(total: Sums, base_bps: float, padding: float) -> tuple[float, float, float]:
    """Return ``floor((C L + 5000) / 10000)`` and its bounds: (middle, low, high).

    The sums are those of thresholds less ``base_bps``.
    """
    if total.c_high <= 0.0:
        return 0.0, 0.0, 0.0
    # The average is not monotone in a single leg, so its two sums are bounded apart.
    average = base_bps + np.floor(total.w / max(total.c, 1.0))
    least = base_bps + np.floor(total.w_low / total.c_high * (1.0 - padding))
    most = base_bps + np.floor(total.w_high / max(total.c_low, 1.0) * (1.0 + padding))
    low = np.floor((total.c_low * least + 5_000.0) / 10_000.0)
    high = np.floor((total.c_high * most + 5_000.0) / 10_000.0)
    if total.c_high * most >= EXACT_BELOW:
        low, high = low * (1.0 - padding) - 1.0, high * (1.0 + padding) + 1.0
    return np.floor((total.c * average + 5_000.0) / 10_000.0), low, high


@leaf
def is_below(low: float, high: float, d_low: float, d_high: float, threshold: float, padding: float) -> int:
    """Return whether V / D < threshold for V in [low, high] and D in [d_low, d_high]."""
    if threshold == 1.0 and high < EXACT_BELOW and d_high < EXACT_BELOW:
        padding = 0.0
    if high * (1.0 + padding) < threshold * d_low:
        return YES
    return NO if low >= threshold * d_high * (1.0 + padding) else UNSURE


@leaf
def judge(account: Any, model: Model, legs: Records) -> Health:
    """Return the health of an account from leg values filled by `value_legs`."""
    rules = model.rules
    base = account.lowest_threshold_bps if rules.truncated else 0.0
    total = sums(account, model, legs, base)
    if total.d_high <= 0.0:
        return Health(NO, NO, np.inf, total.c, 0.0)
    n = account.c_last - account.c_first + account.d_last - account.d_first
    padding = 2.0 * (n + 4) * U
    scale = 1.0 if rules.truncated else 10_000.0
    if rules.truncated:
        v, low, high = truncated_average(total, base, padding)
    else:
        v, low, high = full_precision(total, padding)
    d_low, d_high = scale * total.d_low, scale * total.d_high
    below = is_below(low, high, d_low, d_high, rules.liquidatable_below, padding)
    full = is_below(low, high, d_low, d_high, rules.full_close_below, padding)
    near_one = UNSURE if full == UNSURE else (NO if full == YES else YES)
    ratio = v / (scale * total.d) if total.d > 0.0 else np.inf
    return Health(below, near_one, ratio, total.c, total.d)
