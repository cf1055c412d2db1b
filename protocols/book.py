"""`Book`: every position of a market, as two CSR blocks.

Account ``i`` owns the entries ``indptr[i]:indptr[i+1]``::

    accounts   0          1      2
    indptr     0          2      3          4
    reserve    [ 0    3 ] [ 1 ]  [ 0 ]
    amount_raw [ .    . ] [ . ]  [ . ]

Amounts are exact Python integers in object arrays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
RawArray = NDArray[np.object_]  # exact Python integers


@dataclass(frozen=True, eq=False)
class CollateralBlock:
    """All supplied entries (CSR), also those that do not back debt (``counted`` False).

    Arrays have shape (nnz,), ``indptr`` (n_accounts + 1,).  ``bonus_bps`` includes 10000.
    ``price_emode`` is the category at whose price an entry is valued, 0 = the reserve's own.
    """

    indptr: IntArray
    reserve: IntArray
    amount_raw: RawArray
    scaled_raw: RawArray
    threshold_bps: IntArray
    ltv_bps: IntArray
    bonus_bps: IntArray
    counted: BoolArray
    price_emode: IntArray

    @cached_property
    def account(self) -> IntArray:
        """Account index of each entry, (nnz,)."""
        return np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))


@dataclass(frozen=True, eq=False)
class DebtBlock:
    """All borrowed entries (CSR); shapes as in `CollateralBlock`.

    ``stable_raw`` is the part of ``amount_raw`` owed at a stable rate (until Aave v3.1), on top
    of what ``scaled_raw`` has grown to.  ``call_price_emode`` is the category at whose price a
    liquidation call counts the repayment: ``price_emode``, but where a borrowed asset left the
    category of its borrower.
    """

    indptr: IntArray
    reserve: IntArray
    amount_raw: RawArray
    scaled_raw: RawArray
    price_emode: IntArray
    call_price_emode: IntArray
    stable_raw: RawArray

    @cached_property
    def account(self) -> IntArray:
        """Account index of each entry, (nnz,)."""
        return np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))


@dataclass(frozen=True, eq=False)
class Book:
    """Every position of a market.

    Parameters
    ----------
    accounts : tuple of str
        Account names (addresses), sorted, unique.
    emode : (n_accounts,) int64
        Category of each account, 0 = none.
    collateral, debt
        The two CSR blocks.
    """

    accounts: tuple[str, ...]
    emode: IntArray
    collateral: CollateralBlock
    debt: DebtBlock

    def __len__(self) -> int:
        return len(self.accounts)


def raw_array(values: Iterable[int]) -> RawArray:
    """Return exact integers as a read-only (n,) object array."""
    items = [int(v) for v in values]
    out = np.empty(len(items), dtype=object)
    out[:] = items
    out.setflags(write=False)
    return out


def indptr_of(account: IntArray, n_accounts: int) -> IntArray:
    """Return the (n_accounts + 1,) CSR pointer of sorted account indices (nnz,)."""
    counts = np.bincount(account, minlength=n_accounts)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def frozen(values: Any, dtype: Any) -> NDArray[Any]:
    """Return a read-only array of ``dtype``."""
    out = np.array(values, dtype=dtype)
    out.setflags(write=False)
    return out
