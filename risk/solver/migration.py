"""Migration: membership of a category is a choice, so limits can be judged where everyone has made it.

Worst case: every account is in the category, or in none, that lends it most under the parameters of a
choice, among those its debts permit (each may be borrowed in the category).  Collateral of the category
is under the category's parameters there, all other under its own; nothing of it where the category is
isolated.  Borrowers who follow borrow up by the same share of the rise of their borrowing power as of
the rise of an LTV.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from protocols.snapshot import Snapshot
from risk.engine.arrays import FloatArray, IntArray
from risk.engine.book_sweep import UNGOVERNED, Accounts
from risk.solver.cap_options import Kind
from risk.solver.menu import BPS, Menu


def migrated(
    snapshot: Snapshot, menu: Menu, accounts: Accounts, chosen: IntArray, relever: float
) -> Accounts:
    """Return the accounts after all of them moved.

    Parameters
    ----------
    snapshot : Snapshot
    menu : Menu
    accounts : Accounts
        As they are.
    chosen : (R,) int64
        The parameters in force after the choice.
    relever : float
        Share of the rise of borrowing power that is borrowed.

    Returns
    -------
    Accounts
        Same collateral, other rows, debts no smaller.
    """
    ltv = np.array([menu.options[k].parameters.ltv_bps for k in chosen.tolist()]) / BPS
    owner = np.repeat(np.arange(len(accounts)), np.diff(accounts.c_indptr))
    before = _power(accounts, accounts.c_row, ltv, owner)
    best, rows = before.copy(), accounts.c_row.copy()
    own = _own_rows(snapshot, menu)[accounts.c_asset]
    for mode in (-1, *range(len(snapshot.emodes))):
        trial = _under(snapshot, menu, accounts, mode, own)
        power = np.where(_permitted(snapshot, accounts, mode), _power(accounts, trial, ltv, owner), -np.inf)
        better = power > best * (1 + 1e-12)
        best = np.where(better, power, best)
        rows = np.where(better[owner], trial, rows)
    rise = np.divide(best, before, out=np.ones_like(best), where=before > 0) - 1
    growth = 1 + relever * np.maximum(rise, 0.0)
    return replace(accounts, c_row=rows, d_usd=accounts.d_usd * np.repeat(growth, np.diff(accounts.d_indptr)))


def _own_rows(snapshot: Snapshot, menu: Menu) -> IntArray:
    """Return the row that governs each reserve outside categories, (A,)."""
    rows = np.full(len(snapshot.reserves), UNGOVERNED, dtype=np.int64)
    for k, row in enumerate(menu.rows):
        if row.kind is Kind.COLLATERAL and not row.is_emode:
            rows[row.place] = k
    return rows


def _under(snapshot: Snapshot, menu: Menu, accounts: Accounts, mode: int, own: IntArray) -> IntArray:
    """Return the rows of all entries if every account were in a category; -1: in none."""
    if mode < 0:
        return own
    row = next((k for k, r in enumerate(menu.rows) if r.is_emode and r.place == mode), UNGOVERNED)
    inside = np.isin(accounts.c_asset, snapshot.emodes[mode].collateral)
    if snapshot.emodes[mode].isolated:
        return np.where(inside, row, UNGOVERNED)
    return np.where(inside, row, own)


def _permitted(snapshot: Snapshot, accounts: Accounts, mode: int) -> np.typing.NDArray[np.bool_]:
    if mode < 0:
        return np.ones(len(accounts), dtype=bool)
    owner = np.repeat(np.arange(len(accounts)), np.diff(accounts.d_indptr))
    strange = ~np.isin(accounts.d_asset, snapshot.emodes[mode].borrowable) & (accounts.d_usd > 0)
    return np.asarray(np.bincount(owner, strange, minlength=len(accounts)) == 0)


def _power(accounts: Accounts, rows: IntArray, ltv: FloatArray, owner: IntArray) -> FloatArray:
    """Return what each account may borrow, (N,) USD of the snapshot."""
    worth = np.where(rows >= 0, ltv[np.where(rows >= 0, rows, 0)] * accounts.c_usd, 0.0)
    return np.bincount(owner, worth, minlength=len(accounts)).astype(np.float64)
