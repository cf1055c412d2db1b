"""Book sweep: what every option of one row at a time would have done to accounts of any kind.

As `risk.engine.pair_sweep`, for accounts with several collaterals and debts.  A *row* is one set
of parameters: a collateral outside categories, or a category, whose collaterals share them.  With
everything but row i as it is today, an account is liquidated the first time that
``LT X_i + W_o < D``: ``X_i`` what it holds under the row, ``W_o`` the rest, weighted, ``D`` what it
owes.  So the highest ``(D - W_o) / X_i`` so far decides for all thresholds of the row at once.

Returned is the loss as things are and, per option, by how much it changes: added up over rows,
exact where an account is under one row and first-order in the changes elsewhere.  Accounts that
no option of any row can bring below health 1 at the worst prices of a path are not followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abis.errors import InputError
from risk.engine.arrays import FloatArray, IntArray
from risk.engine.jit import jit, kernel, over_scenarios
from risk.engine.ledger import r_reference
from risk.engine.pair_sweep import FULL_CLOSE_BELOW, Calls, Swept

UNGOVERNED = -1
Block = tuple[Any, ...]  # what a kernel is handed of one thing: arrays and numbers


@dataclass(frozen=True, eq=False, slots=True)
class Accounts:
    """Collateral and debt entries, account by account (two CSR blocks).

    Parameters
    ----------
    c_indptr, d_indptr : (N + 1,) int64
    c_asset, d_asset : (nnz,) int64
        Column of the price arrays.
    c_usd, d_usd : (nnz,) float64
        At the snapshot's prices.
    c_row : (nnz,) int64
        Row that governs the entry, `UNGOVERNED` if none: it counts for what it fetches only.
    """

    c_indptr: IntArray
    c_asset: IntArray
    c_usd: FloatArray
    c_row: IntArray
    d_indptr: IntArray
    d_asset: IntArray
    d_usd: FloatArray

    def __len__(self) -> int:
        """Return the number of accounts."""
        return len(self.c_indptr) - 1


@dataclass(frozen=True, eq=False, slots=True)
class RowOptions:
    """Options of all rows, rows one after the other.

    Parameters
    ----------
    indptr : (R + 1,) int64
        Options of row r are ``indptr[r] .. indptr[r + 1] - 1``.
    threshold, bonus : (M,) float64
        Fractions; ``bonus`` the part above 1.
    current : (R,) int64
        Place, among all M, of what is in force.
    owed : (M,) float64
        What an option multiplies debts by, as far as they stand behind its row: borrowers who
        follow a rise of the LTV.  1 where debts stay.
    """

    indptr: IntArray
    threshold: FloatArray
    bonus: FloatArray
    current: IntArray
    owed: FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class BookSwept:
    """Losses as things are, (S,), and the change by option, (M, S), of three measures in USD."""

    now: Swept
    change: Swept


def book_sweep(
    accounts: Accounts,
    oracle: FloatArray,
    fair: FloatArray,
    options: RowOptions,
    calls: Calls,
) -> BookSwept:
    """Return the losses of all scenarios under every option of every row, one row at a time.

    Parameters
    ----------
    accounts : Accounts
    oracle, fair : (S, T, A) float64
        Prices as multiples of the snapshot's.
    options : RowOptions
    calls : Calls

    Returns
    -------
    BookSwept

    Raises
    ------
    InputError
        If the paths differ in shape, hold something negative or not finite, or a row's options do
        not hold what is in force.
    """
    check_paths(oracle, fair, options)
    scenarios, total = len(oracle), len(options.threshold)
    now = [np.zeros(scenarios) for _ in range(3)]
    change = [np.zeros((total, scenarios)) for _ in range(3)]
    most = int(np.diff(options.indptr).max(initial=1))
    over_scenarios(
        _sweep,
        scenarios,
        (accounts.c_indptr, accounts.c_asset, accounts.c_usd, accounts.c_row),
        (accounts.d_indptr, accounts.d_asset, accounts.d_usd),
        np.ascontiguousarray(oracle, dtype=np.float64),
        np.ascontiguousarray(fair, dtype=np.float64),
        (options.indptr, options.threshold, options.bonus, options.current, options.owed),
        (calls.delay_steps, calls.close_factor, calls.reference_cost),
        most,
        (now[0], now[1], now[2]),
        (change[0], change[1], change[2]),
    )
    return BookSwept(Swept(*now), Swept(*change))


def check_paths(oracle: FloatArray, fair: FloatArray, options: RowOptions) -> None:
    """Refuse prices that are impossible or of two shapes, and rows without what is in force: `InputError`."""
    if oracle.shape != fair.shape or oracle.ndim != 3 or not oracle.shape[1]:
        raise InputError(f"oracle prices are {oracle.shape} and fair ones {fair.shape}.")
    for name, prices in (("oracle", oracle), ("fair", fair)):
        bad: NDArray[np.bool_] = ~(np.isfinite(prices) & (prices >= 0))
        if bad.any():
            s, t, a = (int(k) for k in np.argwhere(bad)[0])
            raise InputError(
                f"the {name} price of scenario {s}, step {t}, asset {a} is {float(prices[s, t, a])!r}."
            )
    inside = (options.current >= options.indptr[:-1]) & (options.current < options.indptr[1:])
    if not inside.all():
        row = int(np.argmin(inside))
        raise InputError(f"row {row} has no option that leaves it as it is.")


@kernel
def _sweep(
    first: int,
    last: int,
    collateral: Block,
    debt: Block,
    oracle: FloatArray,
    fair: FloatArray,
    options: Block,
    calls: Block,
    most: int,
    now: Block,
    change: Block,
) -> None:
    steps, assets = oracle.shape[1], oracle.shape[2]
    indptr, threshold, _, current, owed = options
    most_owed = owed.max()
    lowest_threshold = np.empty(len(current))
    for r in range(len(current)):
        lowest_threshold[r] = threshold[indptr[r] : indptr[r + 1]].min()
    low, high = np.empty(assets), np.empty(assets)
    work = np.empty((steps, 8))
    result = np.empty((most, 3))
    for s in range(first, last):
        for a in range(assets):
            low[a] = min(oracle[s, :, a].min(), fair[s, :, a].min())
            high[a] = max(oracle[s, :, a].max(), fair[s, :, a].max())
        for u in range(len(collateral[0]) - 1):
            if never(u, collateral, debt, low, high, lowest_threshold, most_owed):
                continue
            known = False
            for e in range(collateral[0][u], collateral[0][u + 1]):
                r = collateral[3][e]
                if r < 0 or seen(collateral[3], collateral[0][u], e, r):
                    continue
                follow(u, r, collateral, debt, oracle[s], fair[s], options, work)
                judge(u, r, collateral, debt, oracle[s], fair[s], options, calls, work, result)
                here = current[r] - indptr[r]
                for k in range(indptr[r + 1] - indptr[r]):
                    for m in range(3):
                        change[m][indptr[r] + k, s] += result[k, m] - result[here, m]
                if not known:
                    known = True
                    for m in range(3):
                        now[m][s] += result[here, m]


@jit
def never(
    u: int,
    collateral: Block,
    debt: Block,
    low: FloatArray,
    high: FloatArray,
    lowest_threshold: FloatArray,
    most_owed: float,
) -> bool:
    """Tell whether the account stays above health 1 whatever is chosen, at the worst of all prices."""
    c_indptr, c_asset, c_usd, c_row = collateral
    d_indptr, d_asset, d_usd = debt
    weighted = owed = 0.0
    for e in range(c_indptr[u], c_indptr[u + 1]):
        if c_row[e] >= 0:
            weighted += lowest_threshold[c_row[e]] * c_usd[e] * low[c_asset[e]]
    for e in range(d_indptr[u], d_indptr[u + 1]):
        owed += d_usd[e] * high[d_asset[e]]
    return bool(weighted >= owed * most_owed * (1.0 + 1e-12))


@jit
def seen(c_row: IntArray, first: int, e: int, r: int) -> bool:
    """Tell whether an earlier entry of the account is under the same row."""
    for before in range(first, e):  # noqa: SIM110 -- compiled
        if c_row[before] == r:
            return True
    return False


@jit
def behind(u: int, r: int, collateral: Block, options: Block) -> float:
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
def follow(
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

    ``Y_o`` is what the rest of the collateral repays, each part over one plus its bonus.
    """
    c_indptr, c_asset, c_usd, c_row = collateral
    d_indptr, d_asset, d_usd = debt
    _, threshold, bonus, current, _ = options
    for t in range(len(work)):
        for kind in range(2):
            price = oracle if kind == 0 else fair
            held = weighted = fetches = owed = 0.0
            for e in range(c_indptr[u], c_indptr[u + 1]):
                worth = c_usd[e] * price[t, c_asset[e]]
                if c_row[e] == r:
                    held += worth
                elif c_row[e] >= 0:
                    weighted += threshold[current[c_row[e]]] * worth
                    fetches += worth / (1.0 + bonus[current[c_row[e]]])
                else:
                    fetches += worth
            for e in range(d_indptr[u], d_indptr[u + 1]):
                owed += d_usd[e] * price[t, d_asset[e]]
            at = 4 * kind
            work[t, at], work[t, at + 1], work[t, at + 2], work[t, at + 3] = held, weighted, fetches, owed


@jit
def judge(
    u: int,
    r: int,
    collateral: Block,
    debt: Block,
    oracle: FloatArray,
    fair: FloatArray,
    options: Block,
    calls: Block,
    work: FloatArray,
    result: FloatArray,
) -> None:
    """Fill ``result``, a row an option: eligible debt, potential bad debt, avoidable loss."""
    indptr, threshold, bonus, _, owed = options
    delay = calls[0]
    share = behind(u, r, collateral, options)
    d_indptr, _, d_usd = debt
    whole = d_usd[d_indptr[u] : d_indptr[u + 1]].sum()
    steps = len(work)
    for k in range(indptr[r + 1] - indptr[r]):
        lt, b = threshold[indptr[r] + k], bonus[indptr[r] + k]
        grown = 1.0 + share * (owed[indptr[r] + k] - 1.0)
        fired, end, bad = -1, steps - 1, 0.0
        for t in range(steps):
            if t > end:
                break
            if fired < 0 and lt * work[t, 0] + work[t, 1] < grown * work[t, 3]:
                fired = t
                end = min(t + delay, steps - 1)
            for at in (0, 4):
                bad = max(bad, grown * work[t, at + 3] - work[t, at + 2] - work[t, at] / (1.0 + b))
        result[k, 0] = grown * whole if fired >= 0 else 0.0
        result[k, 1] = bad
        result[k, 2] = 0.0
        if fired >= 0:
            result[k, 2] = avoidable(
                u,
                r,
                lt,
                b,
                grown,
                collateral,
                debt,
                oracle[fired],
                fair[fired],
                options,
                calls,
                work[fired],
            )


@jit
def avoidable(
    u: int,
    r: int,
    lt: float,
    b: float,
    grown: float,
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
    _, close_factor, cost = calls
    i = j = -1
    for e in range(c_indptr[u], c_indptr[u + 1]):
        worth = c_usd[e] * oracle[c_asset[e]]
        if c_row[e] >= 0 and (i < 0 or worth > c_usd[i] * oracle[c_asset[i]]):
            i = e
    for e in range(d_indptr[u], d_indptr[u + 1]):
        if j < 0 or d_usd[e] * oracle[d_asset[e]] > d_usd[j] * oracle[d_asset[j]]:
            j = e
    own_lt, own_b = (lt, b) if c_row[i] == r else (threshold[current[c_row[i]]], bonus[current[c_row[i]]])
    owed = grown * d_usd[j] * oracle[d_asset[j]]
    worth = c_usd[i] * oracle[c_asset[i]]
    if owed <= 0.0 or worth <= 0.0:
        return 0.0
    health = (lt * work[0] + work[1]) / (grown * work[3])
    share = 1.0 if health < FULL_CLOSE_BELOW else close_factor
    repaid = min(share * owed, worth / (1.0 + own_b))
    taken = (1.0 + own_b) * fair[c_asset[i]] / oracle[c_asset[i]]
    lost = repaid * (taken - fair[d_asset[j]] / oracle[d_asset[j]])
    at_fair = (lt * work[4] + work[5]) / (grown * work[7])
    needed = r_reference(grown * work[7], c_usd[i] * fair[c_asset[i]], at_fair, own_lt, cost)
    return float(max(0.0, lost - cost * needed))
