"""Until when an account is surely safe: bounds on its health over stretches of a path.

Where no liquidation moves prices, the lowest and highest prices of a stretch bound the health of
every account along it: collateral at the lowest, debt at the highest.  An account whose worst health
stays above 1 is neither called nor counted as under-liquidated there.

A path is cut into stretches of 1, 4, 16 ... moments, and `next_touch` finds the first moment the
bounds cannot rule out: most accounts with one look at the whole path, the others with a few at
shorter and shorter stretches, down to the moment itself.

The bound, in base-currency units with ``n`` legs: ``sum(c LT low) - slack >= sum(d high)``.  Values
are at oracle and at fair prices, whichever is worse; at the last moment also at market prices,
so that a safe account leaves no bad debt.  ``slack`` holds one unit a leg for rounding, debt a
relative 1e-9 for floating point, and thresholds are one bps lower where their average is truncated
(``C floor(W / C) > W - C``).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from risk.engine.arrays import FloatArray, IntArray, Records
from risk.engine.jit import inlined, leaf
from risk.engine.model import Model

SHIFT = 2  # a stretch is made of four of the level below
MARGIN = 1.0 + 1e-9


class Weights(NamedTuple):
    """The book as plain arrays.

    Account ``u`` has the entries ``c_ptr[u]`` .. ``c_ptr[u + 1] - 1`` and likewise ``d_ptr``, (N + 1,);
    an entry's amount times ``c_weight`` or ``d_weight`` (nnz,) and the price of its ``c_quote`` or
    ``d_quote`` (nnz,) is its part of the bound; ``slack`` (N,), inf where the bound does not hold.
    """

    c_ptr: IntArray
    d_ptr: IntArray
    c_weight: FloatArray
    d_weight: FloatArray
    c_quote: IntArray
    d_quote: IntArray
    slack: FloatArray


class Extremes(NamedTuple):
    """Lowest and highest prices of the stretches of paths, base-currency units a whole token.

    ``low`` and ``high`` (S, K, Q); those of level ``l`` begin at ``first[l]``; the last level is the path.
    """

    low: FloatArray
    high: FloatArray
    first: IntArray


def weights_of(model: Model) -> Weights:
    """Return the weights of a model's book."""
    account, collateral, rules = model.account, model.collateral, model.rules
    c_ptr, d_ptr = (np.append(account[f"{k}_first"], account[f"{k}_last"][-1:]) for k in "cd")
    if len(account) == 0:
        c_ptr, d_ptr = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    unit, on = model.reserve["unit"], collateral["on"] != 0
    bps = collateral["threshold_bps"] - (1.0 if rules.truncated else 0.0)
    limit = max(rules.liquidatable_below, 1.0)  # at fair prices it is 1
    legs = (np.diff(c_ptr) + np.diff(d_ptr)).astype(np.float64)
    slack = (1.0 + limit * MARGIN) * (legs + 1.0)
    owner = np.repeat(np.arange(len(account)), np.diff(c_ptr))
    slack[owner[on & (bps < 0.0)]] = np.inf  # its collateral would have to be bounded from above
    return Weights(
        c_ptr=c_ptr,
        d_ptr=d_ptr,
        c_weight=np.where(on, bps, 0.0) * 1e-4 / unit[collateral["asset"]],
        d_weight=limit * MARGIN / unit[model.debt["asset"]],
        c_quote=np.ascontiguousarray(collateral["quote"]),
        d_quote=np.ascontiguousarray(model.debt["quote"]),
        slack=slack,
    )


def room_for_extremes(scenarios: int, times: int, quotes: int) -> Extremes:
    """Return arrays to be filled by `fill_extremes`."""
    counts = [times]
    while counts[-1] > 1:
        counts.append(-(-counts[-1] // (1 << SHIFT)))
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    shape = (scenarios, int(first[-1]), quotes)
    return Extremes(np.empty(shape), np.empty(shape), first)


@leaf
def fill_extremes(s: int, rows: Records, model: Model, out: Extremes) -> None:
    """Fill the stretches of scenario ``s`` from its prices, ``rows`` (S, T, Q) `PRICE`."""
    low, high, times = out.low[s], out.high[s], rows.shape[1]
    for t in range(times):
        for q in range(rows.shape[2]):
            price = rows[s, t, q]
            fair = price.fair_usd / model.usd_per_base
            low[t, q], high[t, q] = min(price.oracle, fair), max(price.oracle, fair)
            if t == times - 1:
                market = price.market_usd / model.usd_per_base
                low[t, q], high[t, q] = min(low[t, q], market), max(high[t, q], market)
    for level in range(1, len(out.first) - 1):
        below, start, end = out.first[level - 1], out.first[level], out.first[level + 1]
        for k in range(start, end):
            part = below + ((k - start) << SHIFT)
            for q in range(low.shape[1]):
                low[k, q], high[k, q] = low[part, q], high[part, q]
            for other in range(part + 1, min(part + (1 << SHIFT), start)):
                for q in range(low.shape[1]):
                    low[k, q] = min(low[k, q], low[other, q])
                    high[k, q] = max(high[k, q], high[other, q])


@inlined
def is_safe(
    u: int,
    low: FloatArray,
    high: FloatArray,
    k: int,
    c_amount: FloatArray,
    d_amount: FloatArray,
    weights: Weights,
) -> bool:
    """Return whether account ``u`` is surely healthy in stretch ``k``; ``low``, ``high`` (K, Q)."""
    health, debt = -weights.slack[u], 0.0
    for c in range(weights.c_ptr[u], weights.c_ptr[u + 1]):
        health += c_amount[c] * weights.c_weight[c] * low[k, weights.c_quote[c]]
    for d in range(weights.d_ptr[u], weights.d_ptr[u + 1]):
        debt += d_amount[d] * weights.d_weight[d] * high[k, weights.d_quote[d]]
    return health >= debt or debt == 0.0


@inlined
def next_touch(
    u: int,
    t: int,
    times: int,
    low: FloatArray,
    high: FloatArray,
    first: IntArray,
    c_amount: FloatArray,
    d_amount: FloatArray,
    weights: Weights,
) -> int:
    """Return the first moment from ``t`` on at which account ``u`` is not surely safe; ``times`` if none."""
    top = len(first) - 2
    while t < times:
        level = 0
        while level < top and t & ((1 << (SHIFT * (level + 1))) - 1) == 0:
            level += 1
        while not is_safe(u, low, high, first[level] + (t >> (SHIFT * level)), c_amount, d_amount, weights):
            if level == 0:
                return t
            level -= 1
        t += 1 << (SHIFT * level)
    return times
