"""Accounts of one collateral and one debt: sums over all that one step liquidates, without visiting them.

Sorted by ``D / C``, the accounts a step liquidates under an option stand side by side.  What each loses is
linear in its debt and its collateral between a few values of ``D / C``, so a sum over accounts is a
difference of running sums:

* *potential bad debt* ``max_t (g D m_j - C m_i / (1 + b))+`` over the steps until execution is the upper
  envelope of lines in ``x = g (1 + b) D / C``.  The envelope belongs to a path and holds for all options;
* *avoidable loss* of the first call changes its line where the close factor does, where the collateral no
  longer covers the repayment, and where health at fair prices leaves (reference threshold, 1).

``m_i`` and ``m_j`` are the prices of collateral and debt as multiples of the snapshot's, ``g`` what the
option multiplies debts by.  Results differ from those of an account at a time by rounding only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from risk.engine.arrays import FloatArray, IntArray
from risk.engine.jit import drop_stale, kernel, leaf

drop_stale(Path(__file__).resolve().parent)

Block = tuple[Any, ...]  # what a kernel is handed of one thing: arrays and numbers
ROOM = 1e-12  # relative: nearer to the edge than that, an account is looked at
SUMS = 3
BREAKS = 5


@kernel
def sweep_pairs(
    first: int,
    last: int,
    book: Block,
    oracle: FloatArray,
    fair: FloatArray,
    options: Block,
    calls: Block,
    now: Block,
    change: Block,
) -> None:
    """Add the losses of all groups to ``now`` (S,) and ``change`` (M, S), three measures each."""
    ptr, group = book[0], book[1]
    indptr, threshold, bonus, current, owed = options
    steps = oracle.shape[1]
    rows = len(current)
    reach, most_bonus, most_owed = np.empty(rows), np.empty(rows), np.empty(rows)
    for r in range(rows):
        a, z = indptr[r], indptr[r + 1]
        most_bonus[r], most_owed[r] = bonus[a:z].max(), owed[a:z].max()
        reach[r] = min(threshold[a:z].min(), 1.0 / (1.0 + most_bonus[r]))
    price = np.empty((steps, 4))
    lows = np.empty((steps, 2))
    record = np.empty(steps, dtype=np.int64)
    hull = np.empty((steps + 1, 2 * steps + 1, 3))
    size = np.empty(steps + 1, dtype=np.int64)
    total = np.empty((len(threshold), SUMS))
    result = np.empty(SUMS)
    for s in range(first, last):
        total[:] = 0.0
        for p in range(len(ptr) - 1):
            r, i, j = group[p, 0], group[p, 1], group[p, 2]
            records = _ratios(oracle, fair, s, i, j, price, lows, record)
            top = book[4][ptr[p + 1] - 1] * most_owed[r]
            if top * (1.0 + ROOM) < reach[r] * lows[steps - 1, 1]:
                continue
            _envelopes(price, lows, record, records, calls[0], top * (1.0 + most_bonus[r]), hull, size)
            for m in range(indptr[r], indptr[r + 1]):
                option = (threshold[m], bonus[m], owed[m])
                _judge(p, book, option, calls, price, lows, record, records, hull, size, result)
                for q in range(SUMS):
                    total[m, q] += result[q]
        for r in range(rows):
            for q in range(SUMS):
                here = total[current[r], q]
                now[q][s] += here
                for m in range(indptr[r], indptr[r + 1]):
                    change[q][m, s] += total[m, q] - here


@leaf
def _ratios(
    oracle: FloatArray,
    fair: FloatArray,
    s: int,
    i: int,
    j: int,
    price: FloatArray,
    lows: FloatArray,
    record: IntArray,
) -> int:
    """Fill prices, lowest ratios so far (oracle; either), and steps with a new low; return their number."""
    low = either = np.inf
    records = 0
    for t in range(len(price)):
        oi, oj, fi, fj = oracle[s, t, i], oracle[s, t, j], fair[s, t, i], fair[s, t, j]
        price[t, 0], price[t, 1], price[t, 2], price[t, 3] = oi, oj, fi, fj
        ratio = oi / oj if oj > 0.0 else np.inf
        if ratio < low:
            low = ratio
            record[records] = t
            records += 1
        either = min(either, low, fi / fj if fj > 0.0 else np.inf)
        lows[t, 0], lows[t, 1] = low, either
    return records


@leaf
def _envelopes(
    price: FloatArray,
    lows: FloatArray,
    record: IntArray,
    records: int,
    delay: int,
    top: float,
    hull: FloatArray,
    size: IntArray,
) -> None:
    """Fill the envelope up to the execution of each record, then the one of the whole path."""
    steps = len(price)
    for q in range(records):
        end = min(record[q] + delay, steps - 1)
        size[q] = _envelope(price, end, lows[end, 1], top, hull, q)
    size[steps] = _envelope(price, steps - 1, lows[steps - 1, 1], top, hull, steps)


@leaf
def _envelope(price: FloatArray, end: int, x: float, top: float, hull: FloatArray, q: int) -> int:
    """Fill ``(x, slope, intercept)``, from where it rises above 0 until ``top``; return their number."""
    if not x < top * (1.0 + ROOM):
        return 0
    slope = -1.0
    below = 0.0
    best = -np.inf
    for t in range(end + 1):
        for kind in range(2):
            a, b = price[t, 2 * kind + 1], price[t, 2 * kind]
            height = x * a - b
            if height > best or (height == best and a > slope):
                best, slope, below = height, a, b
    count = 0
    while count < hull.shape[1]:
        hull[q, count, 0], hull[q, count, 1], hull[q, count, 2] = x, slope, below
        count += 1
        after, steeper, intercept = np.inf, slope, below
        for t in range(end + 1):
            for kind in range(2):
                a, b = price[t, 2 * kind + 1], price[t, 2 * kind]
                if a > slope:
                    meet = (b - below) / (a - slope)
                    if meet < after or (meet == after and a > steeper):
                        after, steeper, intercept = meet, a, b
        if not after < top:
            break
        x, slope, below = max(x, after), steeper, intercept
    return count


@leaf
def _judge(
    p: int,
    book: Block,
    option: Block,
    calls: Block,
    price: FloatArray,
    lows: FloatArray,
    record: IntArray,
    records: int,
    hull: FloatArray,
    size: IntArray,
    result: FloatArray,
) -> None:
    """Fill eligible debt, potential bad debt and avoidable loss of a group under an option."""
    ptr, _, collateral, debt, ratio, _, debt_sum = book
    lt, b, g = option
    start, steps = ptr[p], len(price)
    safe = ptr[p + 1]  # accounts before this place have not been liquidated
    eligible = bad = avoidable = 0.0
    for q in range(records):
        oi, oj = price[record[q], 0], price[record[q], 1]
        if not lt * (collateral[safe - 1] * oi) < g * (debt[safe - 1] * oj):
            continue
        low, high = start, safe - 1  # the first liquidated is in [low, high]
        while low < high:
            middle = (low + high) // 2
            if lt * (collateral[middle] * oi) < g * (debt[middle] * oj):
                high = middle
            else:
                low = middle + 1
        eligible += g * (debt_sum[safe + p] - debt_sum[low + p])
        if size[q]:
            bad += _bad_debt(p, low, safe, book, b, g, hull, q, size[q])
        avoidable += _avoidable(p, low, safe, book, option, calls, price, record[q])
        safe = low
        if safe == start:
            break
    # Never liquidated, yet worth less than owed: the oracle is late, or the bonus leaves no room.
    if safe > start and size[steps] and g * (1.0 + b) * ratio[safe - 1] > lows[steps - 1, 1]:
        bad += _bad_debt(p, start, safe, book, b, g, hull, steps, size[steps])
    result[0], result[1], result[2] = eligible, bad, avoidable


@leaf
def _first_above(ratio: FloatArray, low: int, high: int, value: float) -> int:
    """Return the first place in [low, high] whose ratio is above a value, ``high`` if none before is."""
    while low < high:
        middle = (low + high) // 2
        if ratio[middle] > value:
            high = middle
        else:
            low = middle + 1
    return low


@leaf
def _bad_debt(
    p: int, first: int, last: int, book: Block, b: float, g: float, hull: FloatArray, q: int, size: int
) -> float:
    """Return the potential bad debt of accounts ``first .. last - 1``."""
    ratio, collateral_sum, debt_sum = book[4], book[5], book[6]
    scale = 1.0 / (g * (1.0 + b))
    at = _first_above(ratio, first, last, hull[q, 0, 0] * scale)
    total = 0.0
    for h in range(size):
        if at == last:
            break
        end = last if h + 1 == size else _first_above(ratio, at, last, hull[q, h + 1, 0] * scale)
        if end > at:
            owed = debt_sum[end + p] - debt_sum[at + p]
            held = collateral_sum[end + p] - collateral_sum[at + p]
            total += max(0.0, g * hull[q, h, 1] * owed - hull[q, h, 2] / (1.0 + b) * held)
            at = end
    return total


@leaf
def _avoidable(
    p: int, first: int, last: int, book: Block, option: Block, calls: Block, price: FloatArray, t: int
) -> float:
    """Return the avoidable loss of the first call on accounts ``first .. last - 1``, all at one step."""
    collateral, debt, ratio, collateral_sum, debt_sum = book[2], book[3], book[4], book[5], book[6]
    lt, b, g = option
    _, close_factor, cost, full_below = calls
    oi, oj, fi, fj = price[t, 0], price[t, 1], price[t, 2], price[t, 3]
    if not (oi > 0.0 and oj > 0.0) or not (1.0 + b) * fi / oi - fj / oj > 0.0:
        return 0.0
    breaks = (
        lt * oi / (full_below * g * oj),
        oi / ((1.0 + b) * g * oj),
        oi / ((1.0 + b) * g * oj * close_factor) if close_factor > 0.0 else np.inf,
        lt * fi / (g * fj) if fj > 0.0 else np.inf,
        fi / ((1.0 + cost) * g * fj) if fj > 0.0 else np.inf,
    )
    total, at = 0.0, first
    while at < last:
        end = last
        for q in range(BREAKS):
            if ratio[at] <= breaks[q] < ratio[end - 1]:
                end = _first_above(ratio, at, end, breaks[q])
        middle = (at + end) // 2
        per_debt, per_collateral = _line(collateral[middle], debt[middle], option, calls, (oi, oj, fi, fj))
        low = per_debt * debt[at] + per_collateral * collateral[at]
        high = per_debt * debt[end - 1] + per_collateral * collateral[end - 1]
        from_, to = at, end
        if low <= 0.0 and high <= 0.0:
            from_ = to
        elif low < 0.0 or high < 0.0:
            root = _first_above(ratio, at, end, -per_collateral / per_debt)
            from_, to = (root, end) if high > 0.0 else (at, root)
        owed = debt_sum[to + p] - debt_sum[from_ + p]
        held = collateral_sum[to + p] - collateral_sum[from_ + p]
        total += max(0.0, per_debt * owed + per_collateral * held)
        at = end
    return total


@leaf
def _line(c: float, d: float, option: Block, calls: Block, price: Block) -> tuple[float, float]:
    """Return what an account's avoidable loss is per dollar of its debt and of its collateral."""
    lt, b, g = option
    _, close_factor, cost, full_below = calls
    oi, oj, fi, fj = price
    net = (1.0 + b) * fi / oi - fj / oj
    share = 1.0 if lt * (c * oi) < full_below * (g * (d * oj)) else close_factor
    per_debt = per_collateral = 0.0
    if share * (g * (d * oj)) <= c * oi / (1.0 + b):
        per_debt = net * share * g * oj
    else:
        per_collateral = net * oi / (1.0 + b)
    slope = lt * (1.0 + cost)
    owed, held = g * (d * fj), c * fi
    if lt * held >= owed:
        return per_debt, per_collateral
    if lt * held <= slope * owed:
        return per_debt, per_collateral - cost * fi / (1.0 + cost)
    return per_debt - cost * g * fj / (1.0 - slope), per_collateral + cost * lt * fi / (1.0 - slope)
