"""What every choice within a box loses at least: interval bounds of the sweep, measures monotone or not.

A *box* is a set of options for each row.  An account under several rows is liquidated no earlier than with
the lowest thresholds and the most debt of the box, and no later than with the highest and the least, if at
all: of every choice within it

* eligible debt is at least the least debt, if even the latest trigger comes, else 0;
* potential bad debt is at least ``(least D - sum C x / (1 + least b))+`` at any step up to the earliest
  trigger and the delay, since every choice looks at these steps and maybe at more;
* avoidable loss is at least the least over all steps at which the box may trigger of its own lower bound
  there: repaid at the least debt, bonus and share, less the reference cost of the most that may be needed.

So one row's option bounds the account's loss from below, whatever the others of the box are, and so does
every mean of such bounds over its rows, which adds up over rows.  In a box of one choice each bound is the
loss itself.  A comparison that rounding could decide is decided for the smaller bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from risk.engine.arrays import FloatArray, IntArray
from risk.engine.book_sweep import Accounts, RowOptions
from risk.engine.jit import jit, kernel, over_scenarios
from risk.engine.pair_sweep import FULL_CLOSE_BELOW, Calls, Swept

Block = tuple[Any, ...]  # what a kernel is handed of one thing: arrays and numbers
SURE = 1e-12  # relative: what rounding could decide
ORACLE, FAIR = 0, 5  # where prices of a kind begin among the columns of a path
HELD, LEAST, MOST, FETCH, OWED = range(5)  # a row's collateral; the others' weighted and sold; debt


@dataclass(frozen=True, eq=False, slots=True)
class Box:
    """Options that each row may have, (M,) bool; at least one of each row."""

    inside: NDArray[np.bool_]

    def ranges(self, values: FloatArray, first: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the least and the greatest value of each row's options, (R,) each."""
        low = np.minimum.reduceat(np.where(self.inside, values, np.inf), first[:-1])
        high = np.maximum.reduceat(np.where(self.inside, values, -np.inf), first[:-1])
        return low, high


def least_losses(
    accounts: Accounts, oracle: FloatArray, fair: FloatArray, options: RowOptions, calls: Calls, box: Box
) -> Swept:
    """Return by option what adds up over rows to no more than the losses of any choice within a box.

    Parameters
    ----------
    accounts : Accounts
    oracle, fair : (S, T, A) float64
        Prices as multiples of the snapshot's.
    options : RowOptions
    calls : Calls
    box : Box

    Returns
    -------
    Swept
        (M, S) each, USD; 0 for options outside the box.
    """
    first = options.indptr
    growth = options.owed - 1
    ranges = [box.ranges(values, first) for values in (options.threshold, options.bonus, growth)]
    out = tuple(np.zeros((len(options.threshold), len(oracle))) for _ in range(3))
    over_scenarios(
        _least,
        len(oracle),
        (accounts.c_indptr, accounts.c_asset, accounts.c_usd, accounts.c_row),
        (accounts.d_indptr, accounts.d_asset, accounts.d_usd),
        np.ascontiguousarray(oracle, dtype=np.float64),
        np.ascontiguousarray(fair, dtype=np.float64),
        (first, options.threshold, options.bonus, growth, options.threshold[options.current], box.inside),
        tuple(side for pair in ranges for side in pair),
        (calls.delay_steps, calls.close_factor, calls.reference_cost, FULL_CLOSE_BELOW),
        out,
    )
    return Swept(*out)


@kernel
def _least(
    first: int,
    last: int,
    collateral: Block,
    debt: Block,
    oracle: FloatArray,
    fair: FloatArray,
    options: Block,
    ranges: Block,
    calls: Block,
    out: Block,
) -> None:
    c_indptr, _, _, c_row = collateral
    d_indptr, _, d_usd = debt
    indptr, inside, steps, assets = options[0], options[5], oracle.shape[1], oracle.shape[2]
    low, high = np.empty(assets), np.empty(assets)
    work = np.empty((steps, 10))
    result = np.zeros((len(inside), 3))
    weight = np.empty((len(indptr) - 1, 3))
    for s in range(first, last):
        for a in range(assets):
            low[a] = min(oracle[s, :, a].min(), fair[s, :, a].min())
            high[a] = max(oracle[s, :, a].max(), fair[s, :, a].max())
        for u in range(len(c_indptr) - 1):
            whole = d_usd[d_indptr[u] : d_indptr[u + 1]].sum()
            if whole <= 0.0 or _never(u, collateral, debt, low, high, ranges):
                continue
            anything = False
            for e in range(c_indptr[u], c_indptr[u + 1]):
                r = c_row[e]
                if r < 0 or _seen(c_row, c_indptr[u], e, r):
                    continue
                _follow(u, r, collateral, debt, oracle[s], fair[s], ranges, work)
                for k in range(indptr[r], indptr[r + 1]):
                    if inside[k]:
                        _bound(
                            u, k, r, whole, collateral, debt, oracle[s], fair[s], options, ranges, calls,
                            work, result,
                        )  # fmt: skip
                        anything = anything or result[k].max() > 0.0
            if anything:
                _spread(u, collateral, options, result, weight)
                for e in range(c_indptr[u], c_indptr[u + 1]):
                    r = c_row[e]
                    if r < 0 or _seen(c_row, c_indptr[u], e, r):
                        continue
                    for k in range(indptr[r], indptr[r + 1]):
                        if inside[k]:
                            for m in range(3):
                                out[m][k, s] += weight[r, m] * result[k, m]


@jit
def _never(u: int, collateral: Block, debt: Block, low: FloatArray, high: FloatArray, ranges: Block) -> bool:
    """Tell whether the account loses nothing at the worst of all prices, whatever of the box is chosen."""
    c_indptr, c_asset, c_usd, c_row = collateral
    d_indptr, d_asset, d_usd = debt
    held = owed = 0.0
    for e in range(c_indptr[u], c_indptr[u + 1]):
        row = c_row[e]
        if row >= 0:
            held += min(ranges[0][row], 1.0 / (1.0 + ranges[2][row])) * c_usd[e] * low[c_asset[e]]
    for e in range(d_indptr[u], d_indptr[u + 1]):
        owed += d_usd[e] * high[d_asset[e]]
    return bool(held >= (1.0 + ranges[5].max()) * owed * (1.0 + SURE))


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
    ranges: Block,
    work: FloatArray,
) -> None:
    """Fill ``work``: at each step and at both prices, the row's part and the others' of the box."""
    c_indptr, c_asset, c_usd, c_row = collateral
    d_indptr, d_asset, d_usd = debt
    low, high, bonus = ranges[0], ranges[1], ranges[2]
    work[:] = 0.0
    for t in range(len(work)):
        for at in (ORACLE, FAIR):
            price = oracle if at == ORACLE else fair
            for e in range(c_indptr[u], c_indptr[u + 1]):
                worth, row = c_usd[e] * price[t, c_asset[e]], c_row[e]
                if row == r:
                    work[t, at + HELD] += worth
                elif row >= 0:
                    work[t, at + LEAST] += low[row] * worth
                    work[t, at + MOST] += high[row] * worth
                    work[t, at + FETCH] += worth / (1.0 + bonus[row])
                else:
                    work[t, at + FETCH] += worth
            for e in range(d_indptr[u], d_indptr[u + 1]):
                work[t, at + OWED] += d_usd[e] * price[t, d_asset[e]]


@jit
def _grown(u: int, k: int, r: int, collateral: Block, options: Block, ranges: Block) -> tuple[float, float]:
    """Return the least and the most that debts are multiplied by where row r has option k."""
    c_indptr, _, c_usd, c_row = collateral
    growth, now = options[3], options[4]
    total = low = high = 0.0
    for e in range(c_indptr[u], c_indptr[u + 1]):
        row = c_row[e]
        if row >= 0:
            weighted = now[row] * c_usd[e]
            total += weighted
            low += weighted * (growth[k] if row == r else ranges[4][row])
            high += weighted * (growth[k] if row == r else ranges[5][row])
    if total <= 0.0:
        return 1.0, 1.0
    return 1.0 + low / total, 1.0 + high / total


@jit
def _bound(
    u: int,
    k: int,
    r: int,
    whole: float,
    collateral: Block,
    debt: Block,
    oracle: FloatArray,
    fair: FloatArray,
    options: Block,
    ranges: Block,
    calls: Block,
    work: FloatArray,
    result: FloatArray,
) -> None:
    """Fill ``result[k]`` with what the account loses at least where row r has option k."""
    lt, b, steps = options[1][k], options[2][k], len(work)
    low, high = _grown(u, k, r, collateral, options, ranges)
    end, bad, least = steps - 1, 0.0, np.inf
    early, late = -1, -1
    for t in range(steps):
        held, owed = lt * work[t, HELD], work[t, OWED]
        may = held + work[t, LEAST] < high * owed * (1.0 + SURE)
        if early < 0 and may:
            early = t
            end = min(t + calls[0], steps - 1)
        if t <= end:
            for at in (ORACLE, FAIR):
                fetched = work[t, at + FETCH] + work[t, at + HELD] / (1.0 + b)
                bad = max(bad, low * work[t, at + OWED] - fetched)
        if may and late < 0:
            if least > 0.0:
                lost = _avoidable(
                    u, k, r, (low, high), collateral, debt, oracle[t], fair[t], options, ranges, calls,
                    work[t],
                )  # fmt: skip
                least = min(least, lost)
            if held + work[t, MOST] < low * owed * (1.0 - SURE):
                late = t
        if late >= 0 and t >= end:
            break
    result[k, 0] = low * whole if late >= 0 else 0.0
    result[k, 1] = bad
    result[k, 2] = least if late >= 0 else 0.0


@jit
def _avoidable(
    u: int,
    k: int,
    r: int,
    grown: tuple[float, float],
    collateral: Block,
    debt: Block,
    oracle: FloatArray,
    fair: FloatArray,
    options: Block,
    ranges: Block,
    calls: Block,
    work: FloatArray,
) -> float:
    """Return the least avoidable loss of a first call at a step, whatever rounding calls the largest."""
    c_indptr, c_asset, c_usd, c_row = collateral
    d_indptr, d_asset, d_usd = debt
    _, close_factor, cost, full_below = calls
    low, lt = grown[0], options[1][k]
    most = owed = 0.0
    for e in range(c_indptr[u], c_indptr[u + 1]):
        if c_row[e] >= 0:
            most = max(most, c_usd[e] * oracle[c_asset[e]])
    for e in range(d_indptr[u], d_indptr[u + 1]):
        owed = max(owed, d_usd[e] * oracle[d_asset[e]])
    if most <= 0.0 or owed <= 0.0:
        return 0.0
    at_most = lt * work[HELD] + work[MOST]
    share = 1.0 if at_most < full_below * low * work[OWED] * (1.0 - SURE) else min(close_factor, 1.0)
    least = np.inf
    for i in range(c_indptr[u], c_indptr[u + 1]):
        worth, row = c_usd[i] * oracle[c_asset[i]], c_row[i]
        if row < 0 or worth < most * (1.0 - SURE):
            continue
        b = options[2][k] if row == r else ranges[2][row]
        needed = _needed(
            lt, c_usd[i] * fair[c_asset[i]], grown, work,
            lt if row == r else ranges[0][row], lt if row == r else ranges[1][row], cost,
        )  # fmt: skip
        for j in range(d_indptr[u], d_indptr[u + 1]):
            if d_usd[j] * oracle[d_asset[j]] < owed * (1.0 - SURE):
                continue
            repaid = min(share * low * d_usd[j] * oracle[d_asset[j]], worth / (1.0 + b))
            taken = (1.0 + b) * fair[c_asset[i]] / oracle[c_asset[i]]
            lost = repaid * (taken - fair[d_asset[j]] / oracle[d_asset[j]])
            least = min(least, max(0.0, lost - cost * needed))
    return float(least)


@jit
def _needed(
    lt: float,
    worth: float,
    grown: tuple[float, float],
    work: FloatArray,
    own_low: float,
    own_high: float,
    cost: float,
) -> float:
    """Return the most that ``r_reference`` can be within the box."""
    debt = grown[1] * work[FAIR + OWED]
    short = debt - (lt * work[FAIR + HELD] + work[FAIR + LEAST])
    if short <= 0.0:
        return 0.0
    at_most = lt * work[FAIR + HELD] + work[FAIR + MOST]
    if at_most <= own_low * (1.0 + cost) * grown[0] * work[FAIR + OWED] * (1.0 - SURE):
        return float(min(debt, worth / (1.0 + cost)))
    slope = own_high * (1.0 + cost)
    return float(min(debt, short / (1.0 - slope)) if slope < 1.0 else debt)


@jit
def _spread(u: int, collateral: Block, options: Block, result: FloatArray, weight: FloatArray) -> None:
    """Fill ``weight``: what each row's bounds count, by how far the row's options move them; 1 in sum."""
    c_indptr, _, _, c_row = collateral
    indptr, inside = options[0], options[5]
    for m in range(3):
        total, rows = 0.0, 0
        for e in range(c_indptr[u], c_indptr[u + 1]):
            r = c_row[e]
            if r < 0 or _seen(c_row, c_indptr[u], e, r):
                continue
            low, high = np.inf, 0.0
            for k in range(indptr[r], indptr[r + 1]):
                if inside[k]:
                    low, high = min(low, result[k, m]), max(high, result[k, m])
            weight[r, m] = high - low
            total, rows = total + high - low, rows + 1
        for e in range(c_indptr[u], c_indptr[u + 1]):
            r = c_row[e]
            if r < 0 or _seen(c_row, c_indptr[u], e, r):
                continue
            weight[r, m] = weight[r, m] / total if total > 0.0 else 1.0 / rows
