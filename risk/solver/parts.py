"""Parts of the book: what of every account is counted as one debt, one collateral or one category.

The losses of the sweep are homogeneous: an account with a tenth of every collateral and every debt
loses a tenth on every path.  So the part of its losses that falls on one of its debts is the loss of
the account scaled by that debt's share, and the parts of all debts add up to the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.engine.arrays import FloatArray, IntArray
from risk.engine.book_sweep import Accounts
from risk.solver.menu import Menu


class PartKind(StrEnum):
    """By what losses are told apart."""

    RESERVE = "reserve"  # a debt: share of it in what the account owes, by value today
    COLLATERAL = "collateral"  # share of it in what the account holds, by value today
    EMODE = "emode"  # accounts with collateral under the category, whole


@dataclass(frozen=True, slots=True)
class Part:
    """One part; ``name`` is an asset's name or a category's id."""

    kind: PartKind
    name: str


def accounts_of_part(snapshot: Snapshot, menu: Menu, accounts: Accounts, part: Part) -> Accounts:
    """Return the accounts a part concerns, each scaled by its share.

    Raises
    ------
    InputError
        If the market has no such reserve or category.
    """
    share = _share(snapshot, menu, accounts, part)
    return scaled(taken(accounts, share > 0), share[share > 0])


def check_part(snapshot: Snapshot, part: Part) -> int:
    """Return the reserve's or the category's place in the snapshot.

    Raises
    ------
    InputError
        If there is none.
    """
    if part.kind is PartKind.EMODE:
        for place, mode in enumerate(snapshot.emodes):
            if str(mode.id) == part.name:
                return place
        known = ", ".join(f"{m.id} ({m.label})" for m in snapshot.emodes) or "none"
        raise InputError(
            f"the limits name e-mode {part.name!r}.", remedy=f"The market has, by number: {known}."
        )
    return snapshot.asset_index(part.name)


def scaled(accounts: Accounts, factor: FloatArray) -> Accounts:
    """Return accounts with collateral and debt multiplied, (N,)."""
    return replace(
        accounts,
        c_usd=accounts.c_usd * np.repeat(factor, np.diff(accounts.c_indptr)),
        d_usd=accounts.d_usd * np.repeat(factor, np.diff(accounts.d_indptr)),
    )


def taken(accounts: Accounts, wanted: np.typing.NDArray[np.bool_]) -> Accounts:
    """Return some of the accounts, (N,) bool."""
    collateral = np.repeat(wanted, np.diff(accounts.c_indptr))
    debt = np.repeat(wanted, np.diff(accounts.d_indptr))

    def starts(indptr: IntArray) -> IntArray:
        return np.concatenate([[0], np.cumsum(np.diff(indptr)[wanted])]).astype(np.int64)

    return Accounts(
        c_indptr=starts(accounts.c_indptr),
        c_asset=accounts.c_asset[collateral],
        c_usd=accounts.c_usd[collateral],
        c_row=accounts.c_row[collateral],
        d_indptr=starts(accounts.d_indptr),
        d_asset=accounts.d_asset[debt],
        d_usd=accounts.d_usd[debt],
    )


def _share(snapshot: Snapshot, menu: Menu, accounts: Accounts, part: Part) -> FloatArray:
    place = check_part(snapshot, part)
    if part.kind is PartKind.EMODE:
        under = [k for k, row in enumerate(menu.rows) if row.is_emode and row.place == place]
        own = np.isin(accounts.c_row, under).astype(np.float64)
        return (_sum(accounts.c_indptr, own) > 0).astype(np.float64)
    if part.kind is PartKind.RESERVE:
        indptr, asset, usd = accounts.d_indptr, accounts.d_asset, accounts.d_usd
    else:
        indptr, asset, usd = accounts.c_indptr, accounts.c_asset, accounts.c_usd
    own, whole = _sum(indptr, np.where(asset == place, usd, 0.0)), _sum(indptr, usd)
    return np.asarray(np.divide(own, whole, out=np.zeros_like(own), where=whole > 0))


def _sum(indptr: IntArray, values: FloatArray) -> FloatArray:
    owner = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    return np.bincount(owner, values, minlength=len(indptr) - 1).astype(np.float64)
