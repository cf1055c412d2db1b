"""Accounts in the order the sweep wants them, and the sweep itself."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from risk.engine.arrays import FloatArray, IntArray
from risk.engine.book_sweep import Accounts, BookSwept, RowOptions, check_paths
from risk.engine.jit import over_scenarios
from risk.engine.pair_sweep import FULL_CLOSE_BELOW, Calls, Swept
from risk.solver.parts import taken
from risk.solver.sweep.mixed import sweep_mixed
from risk.solver.sweep.pairs import sweep_pairs

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Pairs:
    """Accounts of one governed collateral and one debt, by row and pair, each group by ``D / C``.

    G groups, n accounts.

    Parameters
    ----------
    ptr : (G + 1,) int64
    group : (G, 3) int64
        Row, collateral and debt.
    collateral_usd, debt_usd, ratio : (n,) float64
    collateral_sum, debt_sum : (n + G,) float64
        Running sums of each group, from 0; group p starts at ``ptr[p] + p``.
    """

    ptr: IntArray
    group: IntArray
    collateral_usd: FloatArray
    debt_usd: FloatArray
    ratio: FloatArray
    collateral_sum: FloatArray
    debt_sum: FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class Mixed:
    """All other accounts with governed collateral, by what they hold and owe, the weakest first.

    Groups, too, stand in the order of their weakest account.

    Parameters
    ----------
    accounts : Accounts
    ptr : (G + 1,) int64
    base : (G,) int64
        Place among ``bases`` of the largest debt of the group's weakest account.
    held_ptr, owed_ptr : (G + 1,) int64
    held, owed : (nnz,) int64
        Governed collaterals and debts of each group.
    health : (n,) float64
        Health factor at the snapshot's prices under the options that leave least.
    bases : (B,) int64
    """

    accounts: Accounts
    ptr: IntArray
    base: IntArray
    held_ptr: IntArray
    held: IntArray
    owed_ptr: IntArray
    owed: IntArray
    health: FloatArray
    bases: IntArray


@dataclass(frozen=True, eq=False, slots=True)
class Sweepable:
    """A book made ready to be swept under the options of all rows."""

    options: RowOptions
    pairs: Pairs
    mixed: Mixed


def sweepable(accounts: Accounts, options: RowOptions) -> Sweepable:
    """Sort a book once, to be swept in many blocks of scenarios.

    Parameters
    ----------
    accounts : Accounts
    options : RowOptions
    """
    governed = _each(accounts.c_indptr, accounts.c_row >= 0)
    held, owed = np.diff(accounts.c_indptr), np.diff(accounts.d_indptr)
    alone = (governed == 1) & (held == 1) & (owed == 1)
    alone[alone] = accounts.d_usd[accounts.d_indptr[:-1][alone]] > 0
    alone[alone] = accounts.c_usd[accounts.c_indptr[:-1][alone]] > 0
    others = (governed > 0) & (owed > 0) & ~alone
    return Sweepable(options, _pairs(taken(accounts, alone)), _mixed(taken(accounts, others), options))


def sweep(book: Sweepable, oracle: FloatArray, fair: FloatArray, calls: Calls) -> BookSwept:
    """Return what `risk.engine.book_sweep.book_sweep` does, to rounding.

    Parameters
    ----------
    book : Sweepable
    oracle, fair : (S, T, A) float64
        Prices as multiples of the snapshot's.
    calls : Calls

    Raises
    ------
    InputError
        As there.
    """
    o = book.options
    check_paths(oracle, fair, o)
    now = tuple(np.zeros(len(oracle)) for _ in range(3))
    change = tuple(np.zeros((len(o.threshold), len(oracle))) for _ in range(3))
    tail = (
        np.ascontiguousarray(oracle, dtype=np.float64),
        np.ascontiguousarray(fair, dtype=np.float64),
        (o.indptr, o.threshold, o.bonus, o.current, o.owed),
        (calls.delay_steps, calls.close_factor, calls.reference_cost, FULL_CLOSE_BELOW),
        now,
        change,
    )
    p, m = book.pairs, book.mixed
    if len(p.ratio):
        arrays = (p.ptr, p.group, p.collateral_usd, p.debt_usd, p.ratio, p.collateral_sum, p.debt_sum)
        over_scenarios(sweep_pairs, len(oracle), arrays, *tail)
    if len(m.accounts):
        a = m.accounts
        groups = (m.ptr, m.base, m.held_ptr, m.held, m.owed_ptr, m.owed, m.health, m.bases)
        collateral = (a.c_indptr, a.c_asset, a.c_usd, a.c_row)
        over_scenarios(sweep_mixed, len(oracle), groups, collateral, (a.d_indptr, a.d_asset, a.d_usd), *tail)
    return BookSwept(Swept(*now), Swept(*change))


def _each(indptr: IntArray, flag: BoolArray) -> IntArray:
    """Return how many entries of each account are marked."""
    owner = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    return np.bincount(owner, flag, minlength=len(indptr) - 1).astype(np.int64)


def _pairs(accounts: Accounts) -> Pairs:
    row, i, j = accounts.c_row, accounts.c_asset, accounts.d_asset
    ratio = accounts.d_usd / accounts.c_usd
    order = np.lexsort((ratio, j, i, row))
    key = np.column_stack([row, i, j])[order]
    ptr = _starts(key)
    c, d = accounts.c_usd[order], accounts.d_usd[order]
    return Pairs(ptr, key[ptr[:-1]], c, d, ratio[order], _running(c, ptr), _running(d, ptr))


def _starts(key: IntArray) -> IntArray:
    """Return where rows of a sorted table change, from 0 to their number."""
    changes = np.flatnonzero((key[1:] != key[:-1]).any(axis=1)) + 1
    return np.concatenate([[0], changes, [len(key)]]).astype(np.int64)[(0 if len(key) else 1) :]


def _running(values: FloatArray, ptr: IntArray) -> FloatArray:
    """Return running sums of every group from 0, one longer than the group."""
    parts = [np.concatenate([[0.0], np.cumsum(values[a:z])]) for a, z in pairwise(ptr.tolist())]
    return np.concatenate(parts) if parts else np.zeros(0)


def _mixed(accounts: Accounts, options: RowOptions) -> Mixed:
    health, kinds = _least_health(accounts, options), _kinds(accounts)
    weakest = np.full(int(kinds.max(initial=-1)) + 1, np.inf)
    np.minimum.at(weakest, kinds, health)
    order = np.lexsort((health, kinds, weakest[kinds]))
    ptr = _starts(kinds[order][:, None])
    a = reordered(accounts, order)
    each = reordered(a, ptr[:-1])  # one of every group
    governed = each.c_row >= 0
    held_ptr = np.concatenate([[0], np.cumsum(_each(each.c_indptr, governed))]).astype(np.int64)
    largest = np.array([_largest(each, u) for u in range(len(each))], dtype=np.int64)
    bases, base = np.unique(largest, return_inverse=True)
    groups = base.astype(np.int64), held_ptr, each.c_asset[governed], each.d_indptr, each.d_asset
    return Mixed(a, ptr, *groups, health[order], bases)


def _least_health(accounts: Accounts, options: RowOptions) -> FloatArray:
    """Return weighted collateral over debt at what every row leaves least of both, (N,)."""
    first = options.indptr[:-1]
    lowest = np.minimum.reduceat(options.threshold, first)
    reach = np.minimum(lowest, 1 / (1 + np.maximum.reduceat(options.bonus, first)))
    governed = accounts.c_row >= 0
    weight = np.where(governed, reach[np.where(governed, accounts.c_row, 0)], 0.0)
    held, owed = _total(accounts.c_indptr, weight * accounts.c_usd), _total(accounts.d_indptr, accounts.d_usd)
    most = owed * float(options.owed.max())
    return np.asarray(np.divide(held, most, out=np.full_like(held, np.inf), where=most > 0))


def _total(indptr: IntArray, values: FloatArray) -> FloatArray:
    owner = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    return np.bincount(owner, values, minlength=len(indptr) - 1).astype(np.float64)


def _kinds(accounts: Accounts) -> IntArray:
    """Return a number that accounts of the same governed collaterals and the same debts share, (N,)."""
    a = accounts
    held = _padded(a.c_indptr, np.where(a.c_row >= 0, a.c_asset, -1))
    owed = _padded(a.d_indptr, a.d_asset)
    rows = np.hstack([held, owed])
    if not rows.size:
        return np.zeros(len(rows), dtype=np.int64)
    # Not np.unique(axis=0): what compares whole rows there turns a Ctrl-C into a TypeError.
    order = np.lexsort(rows.T[::-1])
    number = np.zeros(len(rows), dtype=np.int64)
    number[order[1:]] = np.cumsum((rows[order[1:]] != rows[order[:-1]]).any(axis=1))
    return number


def _padded(indptr: IntArray, values: IntArray) -> IntArray:
    """Return each account's values, ascending, in a row of its own, filled with -1."""
    count = np.diff(indptr)
    owner = np.repeat(np.arange(len(count)), count)
    out = np.full((len(count), int(count.max(initial=0))), -1, dtype=np.int64)
    out[owner, np.arange(len(values)) - np.repeat(indptr[:-1], count)] = values[np.lexsort((values, owner))]
    return out


def _largest(accounts: Accounts, u: int) -> int:
    own = slice(accounts.d_indptr[u], accounts.d_indptr[u + 1])
    return int(accounts.d_asset[own][np.argmax(accounts.d_usd[own])])


def reordered(accounts: Accounts, order: IntArray) -> Accounts:
    """Return the same accounts in another order, (N,)."""
    c, c_indptr = _gathered(accounts.c_indptr, order)
    d, d_indptr = _gathered(accounts.d_indptr, order)
    a = accounts
    return Accounts(c_indptr, a.c_asset[c], a.c_usd[c], a.c_row[c], d_indptr, a.d_asset[d], a.d_usd[d])


def _gathered(indptr: IntArray, order: IntArray) -> tuple[IntArray, IntArray]:
    """Return the entries of accounts in an order, and where each account's begin."""
    count = np.diff(indptr)[order]
    begin = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    entries = np.arange(begin[-1]) + np.repeat(indptr[:-1][order] - begin[:-1], count)
    return entries.astype(np.int64), begin
