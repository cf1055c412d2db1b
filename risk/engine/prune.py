"""Leaves out the accounts no price of a block of paths can touch.

Where liquidations do not move prices, a path's lowest and highest prices bound every account's health
along it.  An account whose worst health stays above 1 at oracle and fair prices, and whose
collateral covers its debt at the worst market prices, is never called, counts as no
under-liquidation and leaves no bad debt: it adds nothing to any number.  One look at the bounds
replaces a look at every moment.

Bounds per account: collateral at the lowest, debt at the highest prices of the block, less (more)
one base unit a leg, one bps of the collateral where the average threshold is truncated, and
a relative 1e-9 for floating point.  With interest, collateral counts as of the first moment and
debt as of the last: balances never shrink.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from protocols.snapshot import Book, CollateralBlock, DebtBlock, Snapshot
from risk.engine.advance import Engine, Inputs, prices_at
from risk.engine.arrays import FloatArray, IntArray, Records
from risk.engine.jit import kernel, over_scenarios
from risk.engine.model import Model, Prices

B = TypeVar("B", CollateralBlock, DebtBlock)

MARGIN = 1.0 + 1e-9


def extremes(moments: Sequence[Prices]) -> tuple[Records, Records]:
    """Return the lowest and the highest prices of a path, (S, Q) `PRICE` each."""
    low, high = moments[0].rows.copy(), moments[0].rows.copy()
    for moment in moments[1:]:
        for name in low.dtype.names or ():
            np.minimum(low[name], moment.rows[name], out=low[name])
            np.maximum(high[name], moment.rows[name], out=high[name])
    return low, high


def pruned(engine: Engine, path: Sequence[Inputs]) -> Engine:
    """Return the engine of the accounts some scenario of a block of paths may touch.

    Folding ``path`` over it (`risk.engine.advance.run`) gives the ledger the whole engine gives, bit
    for bit; its book names the accounts left.

    Parameters
    ----------
    engine : Engine
    path : sequence of Inputs
        All moments of the block; prices that no liquidation moves.
    """
    if not path:
        return engine
    ends = (engine.model_at(path[0].time_s), engine.model_at(path[-1].time_s))
    return narrowed(engine, touchable(*ends, [prices_at(engine, inputs) for inputs in path]))


def narrowed(engine: Engine, accounts: IntArray) -> Engine:
    """Return the engine of some accounts only, given in increasing order."""
    snapshot = of_accounts(engine.snapshot, accounts)
    growth = None if engine.growth is None else replace(engine.growth, snapshot=snapshot)
    return engine._replace(snapshot=snapshot, model=reduced(engine.model, accounts), growth=growth)


def of_accounts(snapshot: Snapshot, accounts: IntArray) -> Snapshot:
    """Return the snapshot with some accounts only, given in increasing order; totals stay."""
    book = snapshot.book
    return replace(
        snapshot,
        book=Book(
            tuple(book.accounts[int(u)] for u in accounts),
            book.emode[accounts],
            _block(book.collateral, accounts),
            _block(book.debt, accounts),
        ),
    )


def _block(block: B, accounts: IntArray) -> B:
    places, first, last = _entries(block.indptr[accounts], block.indptr[accounts + 1])
    columns = {f.name: getattr(block, f.name)[places] for f in fields(block) if f.name != "indptr"}
    return type(block)(indptr=np.append(first, last[-1:] if len(last) else 0), **columns)


def touchable(model: Model, owed: Model, moments: Sequence[Prices]) -> IntArray:
    """Return the accounts some scenario may touch, increasing.

    Parameters
    ----------
    model, owed : Model
        With the balances of the first and of the last moment.
    moments : sequence of Prices
        All moments of a block of paths; prices that no liquidation moves.
    """
    low, high = extremes(moments)
    touched = np.zeros((len(low), len(model.account)), dtype=np.bool_)
    over_scenarios(touch, len(low), low, high, model, owed.d_amount, touched)
    return np.flatnonzero(touched.any(axis=0))


def reduced(model: Model, accounts: IntArray) -> Model:
    """Return the model of some accounts, given in increasing order.

    Everything else, also the largest number of legs that error bounds count with, stays.
    """
    own = model.account[accounts].copy()
    c, own["c_first"], own["c_last"] = _entries(own["c_first"], own["c_last"])
    d, own["d_first"], own["d_last"] = _entries(own["d_first"], own["d_last"])
    return model._replace(
        account=own,
        collateral=model.collateral[c],
        debt=model.debt[d],
        c_amount=model.c_amount[c],
        d_amount=model.d_amount[d],
    )


def _entries(first: IntArray, last: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return the places of the entries of some accounts, and their first and last places after."""
    count = last - first
    end = np.cumsum(count)
    places = np.repeat(first - (end - count), count) + np.arange(int(count.sum()))
    return places, end - count, end


@kernel
def touch(
    first: int,
    last: int,
    low: Records,
    high: Records,
    model: Model,
    d_amount: FloatArray,
    touched: NDArray[Any],
) -> None:
    """Mark the accounts scenarios ``first`` .. ``last - 1`` may touch, (S, N)."""
    limit, truncated = model.rules.liquidatable_below, model.rules.truncated
    quotes = len(model.quote)
    least, most = np.empty((3, quotes)), np.empty((3, quotes))
    for s in range(first, last):
        for q in range(quotes):
            unit = model.reserve[model.quote[q].asset].unit
            least[0, q], most[0, q] = low[s, q].oracle / unit, high[s, q].oracle / unit
            least[1, q], most[1, q] = low[s, q].fair_usd / unit, high[s, q].fair_usd / unit
            least[2, q], most[2, q] = low[s, q].market_usd / unit, high[s, q].market_usd / unit
        for u in range(len(model.account)):
            account = model.account[u]
            legs = account.d_last - account.d_first
            if legs == 0:
                continue
            legs += account.c_last - account.c_first
            weighted = fair = covered = at_most = 0.0
            for k in range(account.c_first, account.c_last):
                entry, amount = model.collateral[k], model.c_amount[k]
                if entry.on:
                    weight = amount * entry.threshold_bps * 1e-4
                    weighted += weight * least[0, entry.quote]
                    fair += weight * least[1, entry.asset]
                    covered += amount * least[2, entry.asset]
                    at_most += amount * most[0, entry.quote]
            debt = fair_debt = market_debt = 0.0
            for k in range(account.d_first, account.d_last):
                owed, amount = model.debt[k], d_amount[k]
                debt += amount * most[0, owed.quote]
                fair_debt += amount * most[1, owed.asset]
                market_debt += amount * most[2, owed.asset]
            weighted -= legs + 1.0
            if truncated:
                weighted -= at_most * 1e-4 + 1.0
            safe = weighted >= limit * (debt + legs) * MARGIN and fair >= fair_debt * MARGIN
            touched[s, u] = not (safe and covered >= market_debt * MARGIN)
