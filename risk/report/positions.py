"""Value, debt and health of every account of a snapshot, as arrays.

Floats decide accounts far from the liquidation threshold; next to it, where rounding can
decide, the exact integer rules do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.exact import exact_rules
from protocols.snapshot import Snapshot

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

WAD = 10**18
# The average threshold may be floored to whole bps (relative error up to 1/LT_bps), and
# each leg's value to one base-currency unit: inside these bounds integers are asked.
_NEAR = 2e-3
_UNITS = 20.0


@dataclass(frozen=True, eq=False)
class Positions:
    """Per account, all of shape (n_accounts,).

    Parameters
    ----------
    collateral_usd, counted_usd : float64, USD
        Everything supplied, and the part that backs debt, at oracle prices.
    weighted_usd : float64, USD
        Counted collateral times its liquidation threshold.
    debt_usd : float64, USD
    health : float64
        Health factor; inf without debt.
    distance : float64
        Uniform fall of all collateral, debt unchanged, at which the account becomes
        liquidatable: ``1 - threshold / health``; at most 0 if it is so now.
    liquidatable : bool
    """

    collateral_usd: FloatArray
    counted_usd: FloatArray
    weighted_usd: FloatArray
    debt_usd: FloatArray
    health: FloatArray
    distance: FloatArray
    liquidatable: BoolArray


def positions(snapshot: Snapshot) -> Positions:
    """Return value, debt and health of every account at the snapshot's oracle prices."""
    n = len(snapshot.book)
    c, d = snapshot.book.collateral, snapshot.book.debt
    counted = np.where(c.counted, snapshot.collateral_usd, 0.0)
    weighted = _sums(c.account, counted * c.threshold_bps / 1e4, n)
    debt = _sums(d.account, snapshot.debt_usd, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        health = np.where(debt > 0, weighted / debt, np.inf)
    below = snapshot.rules.liquidatable_below_wad / WAD
    liquidatable = health < below
    for i in _undecided(snapshot, health, debt, below):
        exact = exact_rules(snapshot.rules).account_data(snapshot.position(int(i)), snapshot.rules)
        liquidatable[i] = exact.health_factor < snapshot.rules.liquidatable_below_wad
        health[i] = exact.health_factor / WAD if exact.total_debt_base else np.inf
    with np.errstate(divide="ignore"):
        distance = np.where(np.isinf(health), 1.0, 1.0 - below / health)
    return Positions(
        collateral_usd=_sums(c.account, snapshot.collateral_usd, n),
        counted_usd=_sums(c.account, counted, n),
        weighted_usd=weighted,
        debt_usd=debt,
        health=health,
        distance=distance,
        liquidatable=liquidatable,
    )


def _sums(account: NDArray[np.int64], value: FloatArray, n: int) -> FloatArray:
    return np.bincount(account, value, minlength=n).astype(np.float64)


def _undecided(
    snapshot: Snapshot, health: FloatArray, debt_usd: FloatArray, below: float
) -> NDArray[np.intp]:
    units = debt_usd / snapshot.base.usd_per_raw
    with np.errstate(divide="ignore", invalid="ignore"):
        window = np.where(units > 0, _NEAR + _UNITS / units, 0.0)
        return np.flatnonzero((units > 0) & (np.abs(health / below - 1.0) <= window))
