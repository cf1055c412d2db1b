"""Accounts with several collaterals or debts: followed one by one, but only where a path can reach them.

Accounts that hold and owe the same assets stand together, the weakest first.  On a path the lowest ratio
of each collateral to the account's largest debt bounds its health from below: the first account of a group
that is safe beyond doubt ends the group.  Who is left is followed as `risk.engine.book_sweep` does, the
rows of its parameters one at a time, but only over steps at which the health factor has a new low, and
only for options that can reach it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from risk.engine.arrays import FloatArray, IntArray
from risk.engine.jit import drop_stale, jit, kernel

drop_stale(Path(__file__).resolve().parent)

Block = tuple[Any, ...]  # what a kernel is handed of one thing: arrays and numbers
ROOM = 1e-9  # relative: nearer to the edge than that, an account is followed
SUMS = 3


@kernel
def sweep_mixed(
    first: int,
    last: int,
    groups: Block,
    collateral: Block,
    debt: Block,
    oracle: FloatArray,
    fair: FloatArray,
    options: Block,
    calls: Block,
    now: Block,
    change: Block,
) -> None:
    """Add the losses of all accounts to ``now`` (S,) and ``change`` (M, S), three measures each."""
    ptr, base, health, bases = groups
    indptr, threshold, bonus, current, owed = options
    steps, rows = oracle.shape[1], len(current)
    reach, most_owed = np.empty(rows), owed.max()
    for r in range(rows):
        a, z = indptr[r], indptr[r + 1]
        reach[r] = min(threshold[a:z].min(), 1.0 / (1.0 + bonus[a:z].max()))
    low = np.empty((len(bases), oracle.shape[2]))
    high = np.empty_like(low)
    work = np.empty((steps, 8))
    record = np.empty(steps, dtype=np.int64)
    most = 0
    for r in range(rows):
        most = max(most, indptr[r + 1] - indptr[r])
    result = np.empty((most, SUMS))
    total = np.empty((len(threshold), SUMS))
    for s in range(first, last):
        _extremes(oracle[s], fair[s], bases, low, high)
        total[:] = 0.0
        for p in range(len(ptr) - 1):
            k = base[p]
            worst, best = _bounds(ptr[p], collateral, debt, low[k], high[k])
            for u in range(ptr[p], ptr[p + 1]):
                if health[u] * worst >= best * (1.0 + ROOM):
                    break
                if _safe(u, collateral, debt, low[k], high[k], reach, most_owed):
                    continue
                known = False
                for e in range(collateral[0][u], collateral[0][u + 1]):
                    r = collateral[3][e]
                    if r < 0 or _seen(collateral[3], collateral[0][u], e, r):
                        continue
                    _follow(u, r, collateral, debt, oracle[s], fair[s], options, work)
                    if not _judge(
                        u, r, collateral, debt, oracle[s], fair[s], options, calls, work, record, result
                    ):
                        known = True  # nothing lost under what is in force either
                        continue
                    here = current[r] - indptr[r]
                    for o in range(indptr[r + 1] - indptr[r]):
                        for q in range(SUMS):
                            total[indptr[r] + o, q] += result[o, q] - result[here, q]
                    if not known:
                        known = True
                        for q in range(SUMS):
                            now[q][s] += result[here, q]
        for m in range(len(threshold)):
            for q in range(SUMS):
                change[q][m, s] += total[m, q]


@jit
def _extremes(
    oracle: FloatArray, fair: FloatArray, bases: IntArray, low: FloatArray, high: FloatArray
) -> None:
    """Fill the least and greatest ratio, oracle or fair, of every asset to each of some."""
    low[:], high[:] = np.inf, 0.0
    for k in range(len(bases)):
        for price in (oracle, fair):
            for t in range(len(price)):
                unit = price[t, bases[k]]
                if unit <= 0.0:  # nothing is known then
                    low[k, :], high[k, :] = 0.0, np.inf
                    continue
                each = 1.0 / unit
                for a in range(price.shape[1]):
                    ratio = price[t, a] * each
                    low[k, a] = min(low[k, a], ratio)
                    high[k, a] = max(high[k, a], ratio)


@jit
def _bounds(u: int, collateral: Block, debt: Block, low: FloatArray, high: FloatArray) -> tuple[float, float]:
    """Return the least ratio among what an account holds and the greatest among what it owes."""
    worst, best = np.inf, 0.0
    for e in range(collateral[0][u], collateral[0][u + 1]):
        if collateral[3][e] >= 0:
            worst = min(worst, low[collateral[1][e]])
    for e in range(debt[0][u], debt[0][u + 1]):
        best = max(best, high[debt[1][e]])
    return worst, best


@jit
def _safe(
    u: int,
    collateral: Block,
    debt: Block,
    low: FloatArray,
    high: FloatArray,
    reach: FloatArray,
    most_owed: float,
) -> bool:
    """Tell whether an account loses nothing whatever is chosen, at the worst of all ratios."""
    c_indptr, c_asset, c_usd, c_row = collateral
    d_indptr, d_asset, d_usd = debt
    weighted = owed = 0.0
    for e in range(c_indptr[u], c_indptr[u + 1]):
        if c_row[e] >= 0:
            weighted += reach[c_row[e]] * c_usd[e] * low[c_asset[e]]
    for e in range(d_indptr[u], d_indptr[u + 1]):
        owed += d_usd[e] * high[d_asset[e]]
    return bool(weighted >= owed * most_owed * (1.0 + ROOM))


@jit
def _seen(c_row: IntArray, first: int, e: int, r: int) -> bool:
    """Tell whether an earlier entry of the account is under the same row."""
    for before in range(first, e):  # noqa: SIM110 -- compiled
        if c_row[before] == r:
            return True
    return False


@jit
def _follow(
    u: int,
    r: int,
    collateral: Block,
    debt: Block,
    oracle: FloatArray,
    fair: FloatArray,
    options: Block,
    work: FloatArray,
) -> None:
    """Fill ``work``, a row a step: X, W_o, Y_o, D at oracle prices, then the same at fair ones.

    ``X`` is held under the row, ``W_o`` the rest, weighted, ``Y_o`` what the rest repays, each part over
    one plus its bonus.
    """
    c_indptr, c_asset, c_usd, c_row = collateral
    d_indptr, d_asset, d_usd = debt
    _, threshold, bonus, current, _ = options
    work[:] = 0.0
    for e in range(c_indptr[u], c_indptr[u + 1]):
        a, usd = c_asset[e], c_usd[e]
        own = c_row[e] == r
        weight = fetch = 1.0
        if c_row[e] >= 0:
            weight, fetch = threshold[current[c_row[e]]], 1.0 / (1.0 + bonus[current[c_row[e]]])
        for t in range(len(work)):
            x, y = usd * oracle[t, a], usd * fair[t, a]
            if own:
                work[t, 0] += x
                work[t, 4] += y
                continue
            if c_row[e] >= 0:
                work[t, 1] += weight * x
                work[t, 5] += weight * y
            work[t, 2] += fetch * x
            work[t, 6] += fetch * y
    for e in range(d_indptr[u], d_indptr[u + 1]):
        a, usd = d_asset[e], d_usd[e]
        for t in range(len(work)):
            work[t, 3] += usd * oracle[t, a]
            work[t, 7] += usd * fair[t, a]


@jit
def _records(work: FloatArray, owed: float, record: IntArray) -> int:
    """Fill the steps at which a threshold that was enough before is not; return their number.

    An option fires at the first step with ``LT < (g D - W_o) / X``: a record of the right side.
    """
    best, count = -np.inf, 0
    for t in range(len(work)):
        needed = owed * work[t, 3] - work[t, 1]
        if work[t, 0] > 0.0:
            needed /= work[t, 0]
        elif needed > 0.0:
            needed = np.inf
        else:
            continue
        if needed > best:
            best = needed
            record[count] = t
            count += 1
    return count


@jit
def _judge(
    u: int,
    r: int,
    collateral: Block,
    debt: Block,
    oracle: FloatArray,
    fair: FloatArray,
    options: Block,
    calls: Block,
    work: FloatArray,
    record: IntArray,
    result: FloatArray,
) -> bool:
    """Fill ``result``, a row an option: eligible debt, bad debt, avoidable loss; False if all are 0."""
    indptr, threshold, bonus, _, owed = options
    steps, delay = len(work), calls[0]
    share = _behind(u, r, collateral, options)
    d_indptr, _, d_usd = debt
    whole = d_usd[d_indptr[u] : d_indptr[u + 1]].sum()
    first, last = indptr[r], indptr[r + 1]
    floor = 1.0 / (1.0 + bonus[first:last].max())
    most = 1.0 + share * (owed[first:last].max() - 1.0)
    may_leave = False
    for t in range(steps):
        if most * work[t, 3] > work[t, 2] + floor * work[t, 0] or (
            most * work[t, 7] > work[t, 6] + floor * work[t, 4]
        ):
            may_leave = True
            break
    anything, count, of = may_leave, 0, np.nan
    for m in range(first, last):
        lt, b = threshold[m], bonus[m]
        grown = 1.0 + share * (owed[m] - 1.0)
        if grown != of:  # where debts stay they are the same for all options
            count, of = _records(work, grown, record), grown
        fired = -1
        for q in range(count):
            t = record[q]
            if lt * work[t, 0] + work[t, 1] < grown * work[t, 3]:
                fired = t
                break
        k = m - first
        result[k, 0] = result[k, 1] = result[k, 2] = 0.0
        if may_leave:
            end = steps - 1 if fired < 0 else min(fired + delay, steps - 1)
            result[k, 1] = _bad_debt(work, end, 1.0 / (1.0 + b), grown)
        if fired >= 0:
            anything = True
            result[k, 0] = grown * whole
            result[k, 2] = _avoidable(
                u,
                r,
                (lt, b, grown),
                collateral,
                debt,
                oracle[fired],
                fair[fired],
                options,
                calls,
                work[fired],
            )
    return anything


@jit
def _bad_debt(work: FloatArray, end: int, fetch: float, grown: float) -> float:
    """Return the most that is owed beyond what all collateral fetches, up to a step."""
    bad = 0.0
    for t in range(end + 1):
        bad = max(bad, grown * work[t, 3] - work[t, 2] - work[t, 0] * fetch)
        bad = max(bad, grown * work[t, 7] - work[t, 6] - work[t, 4] * fetch)
    return bad


@jit
def _behind(u: int, r: int, collateral: Block, options: Block) -> float:
    """Return the row's share of the account's weighted collateral, at the snapshot's prices."""
    c_indptr, _, c_usd, c_row = collateral
    _, threshold, _, current, _ = options
    own = total = 0.0
    for e in range(c_indptr[u], c_indptr[u + 1]):
        if c_row[e] >= 0:
            weighted = threshold[current[c_row[e]]] * c_usd[e]
            total += weighted
            if c_row[e] == r:
                own += weighted
    return float(own / total) if total > 0.0 else 0.0


@jit
def _avoidable(
    u: int,
    r: int,
    option: Block,
    collateral: Block,
    debt: Block,
    oracle: FloatArray,
    fair: FloatArray,
    options: Block,
    calls: Block,
    work: FloatArray,
) -> float:
    """Return the avoidable loss of the first call: the largest collateral against the largest debt."""
    c_indptr, c_asset, c_usd, c_row = collateral
    d_indptr, d_asset, d_usd = debt
    _, threshold, bonus, current, _ = options
    lt, b, grown = option
    _, close_factor, cost, full_below = calls
    i = j = -1
    most = 0.0
    for e in range(c_indptr[u], c_indptr[u + 1]):
        worth = c_usd[e] * oracle[c_asset[e]]
        if c_row[e] >= 0 and (i < 0 or worth > most):
            i, most = e, worth
    owed = 0.0
    for e in range(d_indptr[u], d_indptr[u + 1]):
        worth = d_usd[e] * oracle[d_asset[e]]
        if j < 0 or worth > owed:
            j, owed = e, worth
    own_lt, own_b = lt, b
    if c_row[i] != r:
        own_lt, own_b = threshold[current[c_row[i]]], bonus[current[c_row[i]]]
    owed *= grown
    if owed <= 0.0 or most <= 0.0:
        return 0.0
    health = (lt * work[0] + work[1]) / (grown * work[3])
    share = 1.0 if health < full_below else close_factor
    repaid = min(share * owed, most / (1.0 + own_b))
    taken = (1.0 + own_b) * fair[c_asset[i]] / oracle[c_asset[i]]
    lost = repaid * (taken - fair[d_asset[j]] / oracle[d_asset[j]])
    at_fair = (lt * work[4] + work[5]) / (grown * work[7])
    needed = _needed(grown * work[7], c_usd[i] * fair[c_asset[i]], at_fair, own_lt, cost)
    return float(max(0.0, lost - cost * needed))


@jit
def _needed(debt: float, collateral: float, health: float, threshold: float, cost: float) -> float:
    """Return `risk.engine.ledger.r_reference`, written out: kept machine code follows this folder only."""
    if health >= 1.0:
        return 0.0
    slope = threshold * (1.0 + cost)
    if health <= slope:
        return min(debt, collateral / (1.0 + cost))
    return debt * (1.0 - health) / (1.0 - slope)
