"""Whether the tables of a snapshot fit each other; asked of every one that is made or loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from abis.errors import InconsistentSnapshot

if TYPE_CHECKING:
    from protocols.book import CollateralBlock, DebtBlock
    from protocols.snapshot import Snapshot


def check(snapshot: Snapshot) -> None:
    """Refuse a snapshot whose tables contradict each other.

    Raises
    ------
    InconsistentSnapshot
        Naming the table, the row and the value.
    """
    book, n_reserves = snapshot.book, len(snapshot.reserves)
    if len(book.emode) != len(book):
        _refuse(f"emode has {len(book.emode)} rows for {len(book)} accounts")
    if list(book.accounts) != sorted(set(book.accounts)):
        _refuse("accounts are not sorted and unique")
    for name, block in (("collateral", book.collateral), ("debt", book.debt)):
        _check_block(name, block, len(book), n_reserves)
    for k, (stable, amount) in enumerate(zip(book.debt.stable_raw, book.debt.amount_raw, strict=True)):
        if not 0 <= stable <= amount:
            _refuse(f"debt.stable_raw[{k}] is {stable} of a debt of {amount}")
    for i, reserve in enumerate(snapshot.reserves):
        if reserve.price_raw < 0 or not 0 <= reserve.decimals <= 77:
            _refuse(f"reserves[{i}] has price {reserve.price_raw} and {reserve.decimals} decimals")
    for k, emode in enumerate(snapshot.emodes):
        if emode.price_raw < 0 or not -1 <= emode.price_reserve < n_reserves:
            _refuse(f"emodes[{k}] has price {emode.price_raw} of reserve {emode.price_reserve}")
    _check_price_emodes(snapshot)


def _check_price_emodes(snapshot: Snapshot) -> None:
    priced = [0, *(e.id for e in snapshot.emodes if e.price_raw)]
    collateral, debt = snapshot.book.collateral, snapshot.book.debt
    for name, column in (
        ("collateral.price_emode", collateral.price_emode),
        ("debt.price_emode", debt.price_emode),
        ("debt.call_price_emode", debt.call_price_emode),
    ):
        unknown = ~np.isin(column, priced)
        if unknown.any():
            k = int(np.argmax(unknown))
            _refuse(f"{name}[{k}] is {int(column[k])}, which is no category with a price")


def _check_block(name: str, block: CollateralBlock | DebtBlock, n_accounts: int, n_reserves: int) -> None:
    indptr, nnz = block.indptr, len(block.reserve)
    if len(indptr) != n_accounts + 1 or indptr[0] != 0 or indptr[-1] != nnz or (np.diff(indptr) < 0).any():
        _refuse(f"{name}.indptr does not span {nnz} entries of {n_accounts} accounts")
    for key, column in vars(block).items():
        if isinstance(column, np.ndarray) and key not in ("indptr", "account") and len(column) != nnz:
            _refuse(f"{name}.{key} has {len(column)} entries, expected {nnz}")
    outside = (block.reserve < 0) | (block.reserve >= n_reserves)
    if outside.any():
        _refuse(f"{name}.reserve[{int(np.argmax(outside))}] is no reserve index")
    for k, amount in enumerate(block.amount_raw):
        if amount < 0:
            _refuse(f"{name}.amount_raw[{k}] is {amount}, expected >= 0")
    pairs = block.account * max(n_reserves, 1) + block.reserve
    if len(np.unique(pairs)) != nnz:
        _refuse(f"{name} lists a reserve twice for one account")


def _refuse(what: str) -> None:
    raise InconsistentSnapshot(f"{what}.", remedy="Take the snapshot or import the file again.")
