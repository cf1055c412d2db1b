"""Builds a `Book` from single entries in any order: the one place that lays out CSR by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from abis.errors import InconsistentSnapshot
from protocols.book import Book, CollateralBlock, DebtBlock, frozen, indptr_of, raw_array

_OF_COLLATERAL = ("threshold_bps", "ltv_bps", "bonus_bps", "counted", "price_emode")
_OF_DEBT = ("price_emode", "call_price_emode", "stable_raw")


@dataclass(frozen=True, slots=True)
class CollateralEntry:
    """One supplied reserve of one account; fields as in `protocols.snapshot.CollateralBlock`."""

    account: str
    reserve: int
    amount_raw: int
    scaled_raw: int
    threshold_bps: int
    ltv_bps: int
    bonus_bps: int
    counted: bool
    price_emode: int = 0


@dataclass(frozen=True, slots=True)
class DebtEntry:
    """One borrowed reserve of one account; fields as in `protocols.snapshot.DebtBlock`."""

    account: str
    reserve: int
    amount_raw: int
    scaled_raw: int
    price_emode: int = 0
    call_price_emode: int = 0
    stable_raw: int = 0


def book_of(
    emode_of: Mapping[str, int], collateral: Iterable[CollateralEntry], debt: Iterable[DebtEntry]
) -> Book:
    """Return the book with every account of ``emode_of`` and the given entries.

    Parameters
    ----------
    emode_of : mapping
        Account name -> category, 0 = none; every account of the book.
    collateral, debt : iterable
        At most one entry an account and reserve, in any order.

    Raises
    ------
    InconsistentSnapshot
        If an entry belongs to an account that is not in ``emode_of``.
    """
    accounts = tuple(sorted(emode_of))
    row_of = {account: i for i, account in enumerate(accounts)}
    return Book(
        accounts=accounts,
        emode=frozen([emode_of[a] for a in accounts], np.int64),
        collateral=CollateralBlock(**_block(list(collateral), row_of, _OF_COLLATERAL)),
        debt=DebtBlock(**_block(list(debt), row_of, _OF_DEBT)),
    )


def _block(
    entries: Sequence[CollateralEntry | DebtEntry], row_of: Mapping[str, int], more: Sequence[str]
) -> dict[str, Any]:
    for entry in entries:
        if entry.account not in row_of:
            raise InconsistentSnapshot(
                f"an entry belongs to '{entry.account}', which is no account of the book.",
                remedy="Name every account once in emode_of.",
            )
    ordered = sorted(entries, key=lambda e: (row_of[e.account], e.reserve))
    account = frozen([row_of[e.account] for e in ordered], np.int64)
    columns: dict[str, Any] = {
        "indptr": frozen(indptr_of(account, len(row_of)), np.int64),
        "reserve": frozen([e.reserve for e in ordered], np.int64),
        "amount_raw": raw_array(e.amount_raw for e in ordered),
        "scaled_raw": raw_array(e.scaled_raw for e in ordered),
    }
    for name in more:
        values = [getattr(e, name) for e in ordered]
        dtype = np.bool_ if name == "counted" else np.int64
        columns[name] = raw_array(values) if name.endswith("_raw") else frozen(values, dtype)
    return columns
