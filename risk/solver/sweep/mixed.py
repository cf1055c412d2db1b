"""Accounts with several collaterals or debts: followed one by one, but only where a path can reach them.

Accounts that hold and owe the same assets stand together, the weakest first, and so do the groups.  On a
path the lowest ratio of each collateral to the account's largest debt bounds its health from below: the
first account of a group that is safe beyond doubt ends the group.  Who is left is followed as
`risk.engine.book_sweep` does, the rows of its parameters one at a time, but only over steps at which the
health factor has a new low, and only for rows and options that can reach it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from risk.engine.arrays import FloatArray, IntArray
from risk.engine.jit import drop_stale, jit, kernel, leaf

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
    ptr, base, h_ptr, held, o_ptr, owing, health, bases = groups
    indptr, threshold, bonus, current, owed = options
    steps, assets, rows = oracle.shape[1], oracle.shape[2], len(current)
    reach, most_owed = np.empty(rows), owed.max()
    most = 0
    for r in range(rows):
        a, z = indptr[r], indptr[r + 1]
        reach[r] = min(threshold[a:z].min(), 1.0 / (1.0 + bonus[a:z].max()))
        most = max(most, z - a)
    at_oracle, at_fair = np.empty((assets, steps)), np.empty((assets, steps))
    low, high = np.empty((len(bases), assets)), np.empty((len(bases), assets))
    work = np.empty((8, steps))
    record = np.empty(steps, dtype=np.int64)
    result = np.empty((most, SUMS))
    total = np.empty((len(threshold), SUMS))
    for s in range(first, last):
        at_oracle[:], at_fair[:] = oracle[s].T, fair[s].T
        least = _extremes(at_oracle, at_fair, bases, low, high)
        total[:] = 0.0
        for p in range(len(ptr) - 1):
            u = ptr[p]
            if health[u] * least >= 1.0 + ROOM:
                break
            k = base[p]
            worst, best = np.inf, 0.0
            for e in range(h_ptr[p], h_ptr[p + 1]):
                worst = min(worst, low[k, held[e]])
            for e in range(o_ptr[p], o_ptr[p + 1]):
                best = max(best, high[k, owing[e]])
            while u < ptr[p + 1] and not health[u] * worst >= best * (1.0 + ROOM):
                if not _safe(u, -1, k, collateral, debt, low, high, reach, options, most_owed):
                    _add(
                        u,
                        k,
                        collateral,
                        debt,
                        (at_oracle, at_fair, low, high),
                        (reach, most_owed),
                        options,
                        calls,
                        (work, record, result),
                        total,
                        now,
                        s,
                    )
                u += 1
        for m in range(len(threshold)):
            for q in range(SUMS):
                change[q][m, s] += total[m, q]


@jit
def _add(
    u: int,
    k: int,
    collateral: Block,
    debt: Block,
    prices: Block,
    limits: Block,
    options: Block,
    calls: Block,
    space: Block,
    total: FloatArray,
    now: Block,
    s: int,
) -> None:
    """Add an account's losses, the rows of its parameters one at a time."""
    at_oracle, at_fair, low, high = prices
    reach, most_owed = limits
    work, record, result = space
    indptr, current = options[0], options[3]
    c_indptr, _, _, c_row = collateral
    known = False
    for e in range(c_indptr[u], c_indptr[u + 1]):
        r = c_row[e]
        if r < 0 or _seen(c_row, c_indptr[u], e, r):
            continue
        if _safe(u, r, k, collateral, debt, low, high, reach, options, most_owed):
            known = True  # nothing is lost under what is in force either
            continue
        _follow(u, r, collateral, debt, at_oracle, at_fair, options, work)
        if not _judge(u, r, collateral, debt, at_oracle, at_fair, options, calls, work, record, result):
            known = True
            continue
        here = current[r] - indptr[r]
        for o in range(indptr[r + 1] - indptr[r]):
            for q in range(SUMS):
                total[indptr[r] + o, q] += result[o, q] - result[here, q]
        if not known:
            known = True
            for q in range(SUMS):
                now[q][s] += result[here, q]


@jit
def _extremes(
    at_oracle: FloatArray, at_fair: FloatArray, bases: IntArray, low: FloatArray, high: FloatArray
) -> float:
    """Fill the least and greatest ratio, oracle or fair, of every asset to each of some.

    Returned is the least over all of them of one asset's least to another's greatest.
    """
    low[:], high[:] = np.inf, 0.0
    for k in range(len(bases)):
        for price in (at_oracle, at_fair):
            unit = price[bases[k]]
            if not unit.min() > 0.0:  # nothing is known then
                low[k, :], high[k, :] = 0.0, np.inf
                continue
            each = 1.0 / unit
            for a in range(len(price)):
                least, most = np.inf, 0.0
                for t in range(len(unit)):
                    ratio = price[a, t] * each[t]
                    least = min(least, ratio)
                    most = max(most, ratio)
                low[k, a] = min(low[k, a], least)
                high[k, a] = max(high[k, a], most)
    worst = np.inf
    for k in range(len(bases)):
        worst = min(worst, low[k].min() / high[k].max())
    return worst


@leaf
def _safe(
    u: int,
    r: int,
    k: int,
    collateral: Block,
    debt: Block,
    low: FloatArray,
    high: FloatArray,
    reach: FloatArray,
    options: Block,
    most_owed: float,
) -> bool:
    """Tell whether an account loses nothing at the worst of all ratios, whatever is chosen.

    With ``r`` not -1: whatever is chosen for that row, all others as in force.
    """
    c_indptr, c_asset, c_usd, c_row = collateral
    d_indptr, d_asset, d_usd = debt
    _, threshold, bonus, current, _ = options
    weighted = owed = 0.0
    for e in range(c_indptr[u], c_indptr[u + 1]):
        of = c_row[e]
        if of >= 0:
            weight = reach[of]
            if r >= 0 and of != r:
                weight = min(threshold[current[of]], 1.0 / (1.0 + bonus[current[of]]))
            weighted += weight * c_usd[e] * low[k, c_asset[e]]
    for e in range(d_indptr[u], d_indptr[u + 1]):
        owed += d_usd[e] * high[k, d_asset[e]]
    return bool(weighted >= owed * most_owed * (1.0 + ROOM))


@leaf
def _seen(c_row: IntArray, first: int, e: int, r: int) -> bool:
    """Tell whether an earlier entry of the account is under the same row."""
    for before in range(first, e):  # noqa: SIM110 -- compiled
        if c_row[before] == r:
            return True
    return False


@leaf
def _follow(
    u: int,
    r: int,
    collateral: Block,
    debt: Block,
    at_oracle: FloatArray,
    at_fair: FloatArray,
    options: Block,
    work: FloatArray,
) -> None:
    """Fill ``work``, (8, T): X, W_o, Y_o, D at oracle prices, then the same at fair ones.

    ``X`` is held under the row, ``W_o`` the rest, weighted, ``Y_o`` what the rest repays, each part over
    one plus its bonus.
    """
    c_indptr, c_asset, c_usd, c_row = collateral
    d_indptr, d_asset, d_usd = debt
    _, threshold, bonus, current, _ = options
    steps = work.shape[1]
    for q in range(len(work)):
        for t in range(steps):
            work[q, t] = 0.0
    for e in range(c_indptr[u], c_indptr[u + 1]):
        a, usd, of = c_asset[e], c_usd[e], c_row[e]
        weight, fetch = 0.0, 1.0
        if of >= 0:
            weight, fetch = threshold[current[of]], 1.0 / (1.0 + bonus[current[of]])
        for t in range(steps):
            x, y = usd * at_oracle[a, t], usd * at_fair[a, t]
            if of == r:
                work[0, t] += x
                work[4, t] += y
            else:
                work[1, t] += weight * x
                work[5, t] += weight * y
                work[2, t] += fetch * x
                work[6, t] += fetch * y
    for e in range(d_indptr[u], d_indptr[u + 1]):
        a, usd = d_asset[e], d_usd[e]
        for t in range(steps):
            work[3, t] += usd * at_oracle[a, t]
            work[7, t] += usd * at_fair[a, t]


@leaf
def _records(work: FloatArray, owed: float, record: IntArray) -> int:
    """Fill the steps at which a threshold that was enough before is not; return their number.

    An option fires at the first step with ``LT < (g D - W_o) / X``: a record of the right side.
    """
    best, count = -np.inf, 0
    for t in range(work.shape[1]):
        needed = owed * work[3, t] - work[1, t]
        if work[0, t] > 0.0:
            if not needed > best * work[0, t] * (1.0 - ROOM):
                continue
            needed /= work[0, t]
        elif needed > 0.0:
            needed = np.inf
        else:
            continue
        if needed > best:
            best = needed
            record[count] = t
            count += 1
    return count


@leaf
def _judge(
    u: int,
    r: int,
    collateral: Block,
    debt: Block,
    at_oracle: FloatArray,
    at_fair: FloatArray,
    options: Block,
    calls: Block,
    work: FloatArray,
    record: IntArray,
    result: FloatArray,
) -> bool:
    """Fill ``result``, a row an option: eligible debt, bad debt, avoidable loss; False if all are 0."""
    indptr, threshold, bonus, _, owed = options
    steps, delay = work.shape[1], calls[0]
    share = _behind(u, r, collateral, options)
    d_indptr, _, d_usd = debt
    whole = highest = most_owed = 0.0
    for e in range(d_indptr[u], d_indptr[u + 1]):
        whole += d_usd[e]
    first, last = indptr[r], indptr[r + 1]
    for m in range(first, last):
        highest, most_owed = max(highest, bonus[m]), max(most_owed, owed[m])
    floor, most = 1.0 / (1.0 + highest), 1.0 + share * (most_owed - 1.0)
    may_leave = False
    for t in range(steps):
        if most * work[3, t] > work[2, t] + floor * work[0, t] or (
            most * work[7, t] > work[6, t] + floor * work[4, t]
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
            if lt * work[0, t] + work[1, t] < grown * work[3, t]:
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
                at_oracle,
                at_fair,
                options,
                calls,
                work,
                fired,
            )
    return anything


@leaf
def _bad_debt(work: FloatArray, end: int, fetch: float, grown: float) -> float:
    """Return the most that is owed beyond what all collateral fetches, up to a step."""
    bad = 0.0
    for t in range(end + 1):
        bad = max(bad, grown * work[3, t] - work[2, t] - work[0, t] * fetch)
        bad = max(bad, grown * work[7, t] - work[6, t] - work[4, t] * fetch)
    return bad


@leaf
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


@leaf
def _avoidable(
    u: int,
    r: int,
    option: Block,
    collateral: Block,
    debt: Block,
    at_oracle: FloatArray,
    at_fair: FloatArray,
    options: Block,
    calls: Block,
    work: FloatArray,
    t: int,
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
        worth = c_usd[e] * at_oracle[c_asset[e], t]
        if c_row[e] >= 0 and (i < 0 or worth > most):
            i, most = e, worth
    owed = 0.0
    for e in range(d_indptr[u], d_indptr[u + 1]):
        worth = d_usd[e] * at_oracle[d_asset[e], t]
        if j < 0 or worth > owed:
            j, owed = e, worth
    own_lt, own_b = lt, b
    if c_row[i] != r:
        own_lt, own_b = threshold[current[c_row[i]]], bonus[current[c_row[i]]]
    owed *= grown
    if owed <= 0.0 or most <= 0.0:
        return 0.0
    health = (lt * work[0, t] + work[1, t]) / (grown * work[3, t])
    share = 1.0 if health < full_below else close_factor
    repaid = min(share * owed, most / (1.0 + own_b))
    taken = (1.0 + own_b) * at_fair[c_asset[i], t] / at_oracle[c_asset[i], t]
    lost = repaid * (taken - at_fair[d_asset[j], t] / at_oracle[d_asset[j], t])
    health_fair = (lt * work[4, t] + work[5, t]) / (grown * work[7, t])
    needed = _needed(grown * work[7, t], c_usd[i] * at_fair[c_asset[i], t], health_fair, own_lt, cost)
    return float(max(0.0, lost - cost * needed))


@leaf
def _needed(debt: float, collateral: float, health: float, threshold: float, cost: float) -> float:
    """Return `risk.engine.ledger.r_reference`, written out: kept machine code follows this folder only."""
    if health >= 1.0:
        return 0.0
    slope = threshold * (1.0 + cost)
    if health <= slope:
        return min(debt, collateral / (1.0 + cost))
    return debt * (1.0 - health) / (1.0 - slope)
