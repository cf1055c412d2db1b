"""What categories with a price of their own are priced at when the reserves' prices move.

Until Aave v3.1, and on Spark, an efficiency-mode category may name an entry of the oracle
whose price replaces that of its members, for accounts in the category.  At the snapshot it is
what the oracle says.  A scenario moves reserves, not entries of the oracle, so:

* where the entry is a listed asset, or has a listed asset's feed, its price *is* that asset's;
* any other moves by the median of its members' moves.  Members are alike, so this is what a
  feed of what they share would do, and one member that breaks away does not move it.

The exact rules and the engine both call this one function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from protocols.book import CollateralBlock, DebtBlock
    from protocols.snapshot import EMode, Snapshot

_EXACT_BELOW = 2**53  # floats hold integers up to here
_INT64_BELOW = 2.0**62


def priced_emodes(snapshot: Snapshot) -> tuple[EMode, ...]:
    """Return the categories with a price of their own, in the snapshot's order."""
    return tuple(e for e in snapshot.emodes if e.price_raw)


def emode_prices_raw(snapshot: Snapshot, prices_raw: NDArray[Any] | Sequence[int]) -> NDArray[Any]:
    """Return the prices of `priced_emodes` at given prices of the reserves.

    Parameters
    ----------
    snapshot : Snapshot
    prices_raw : (..., n_reserves) integers
        Oracle prices of the reserves, base-currency units.

    Returns
    -------
    (..., P) integers
        Exactly the snapshot's where no member, or not the reserve it follows, moved.
    """
    priced = priced_emodes(snapshot)
    prices = _integers(prices_raw)
    out = np.empty((*prices.shape[:-1], len(priced)), dtype=object)
    for p, emode in enumerate(priced):
        if emode.price_reserve >= 0:
            out[..., p] = prices[..., emode.price_reserve]
        else:
            out[..., p] = _moved(emode.price_raw, _median_move(snapshot, emode, prices))
    return out


def entry_prices(
    snapshot: Snapshot, block: CollateralBlock | DebtBlock, prices_raw: NDArray[Any] | Sequence[int]
) -> NDArray[np.float64]:
    """Return the price every entry is valued at, (nnz,) base-currency units of a whole token.

    Parameters
    ----------
    snapshot : Snapshot
    block : CollateralBlock or DebtBlock
        Of the snapshot's book.
    prices_raw : (n_reserves,) integers
        Oracle prices of the reserves.
    """
    prices = _integers(prices_raw)
    out: NDArray[np.float64] = prices.astype(np.float64)[block.reserve]
    for emode, price in zip(priced_emodes(snapshot), emode_prices_raw(snapshot, prices), strict=True):
        out[block.price_emode == emode.id] = float(price)
    return out


def _integers(prices_raw: NDArray[Any] | Sequence[int]) -> NDArray[Any]:
    return prices_raw if isinstance(prices_raw, np.ndarray) else np.array(list(prices_raw), dtype=object)


def _median_move(snapshot: Snapshot, emode: EMode, prices: NDArray[Any]) -> NDArray[np.float64]:
    """Return the median of price over the snapshot's price, over the members that have one, (...)."""
    members = [i for i in emode.collateral if snapshot.reserves[i].price_raw]
    if not members:
        return np.ones(prices.shape[:-1])
    then = np.array([float(snapshot.reserves[i].price_raw) for i in members])
    median: NDArray[np.float64] = np.median(prices[..., members].astype(np.float64) / then, axis=-1)
    return np.asarray(median)


def _moved(price_raw: int, factor: NDArray[np.float64]) -> NDArray[Any]:
    """Return the price times the factor, rounded to nearest; itself, exactly, where the factor is 1."""
    moved = np.rint(float(price_raw) * factor)
    if price_raw < _EXACT_BELOW and moved.max(initial=0.0) < _INT64_BELOW:
        return np.where(factor == 1.0, price_raw, moved.astype(np.int64)).astype(object)
    integers = np.array([int(x) for x in moved.ravel()], dtype=object).reshape(moved.shape)
    return np.where(factor == 1.0, np.array(price_raw, dtype=object), integers)
