"""Who a threshold change would liquidate: accounts and debt against every candidate.

A DIAGNOSTIC of one parameter at a time, at given oracle prices.  At fixed prices an account
is liquidatable below one threshold and not above it (its weighted collateral is linear in
the threshold), so each has one break-even among the candidates.  Floats decide accounts
whose health is clearly on one side at both ends of the candidates, the exact integer rules
decide all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import InputError
from abis.units import WAD
from protocols.change_rules import ChangeRule
from protocols.emode_prices import entry_prices
from protocols.exact import exact_rules
from protocols.position import Position
from protocols.snapshot import Snapshot
from risk.solver.parameters import LABEL, emode_label, emode_row, parameters_of
from risk.solver.recommendation import largest_step

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

RESERVE_PARAMETER = "liquidation_threshold_bps"
EMODE_PARAMETER = "emode_liquidation_threshold_bps"


@dataclass(frozen=True, eq=False)
class ThresholdCurve:
    """Liquidatable accounts and debt by candidate threshold.

    Parameters
    ----------
    subject : str
        Asset name or e-mode label.
    current_bps : int
    candidates_bps : (K,) int64
        Ascending, the current one among them.
    accounts : (K,) int64
        Liquidatable accounts among those the parameter governs.
    debt_usd : (K,) float64
        Their whole debt, at the oracle prices of the curve.
    exact_accounts : int
        How many accounts the exact rules decided.
    label : str
        Always ``diagnostic``.
    """

    subject: str
    current_bps: int
    candidates_bps: IntArray
    accounts: IntArray
    debt_usd: FloatArray
    exact_accounts: int
    label: str = LABEL

    def frame(self) -> pd.DataFrame:
        """Return one row a candidate, with what it adds to the current threshold."""
        here = int(np.flatnonzero(self.candidates_bps == self.current_bps)[0])
        return pd.DataFrame(
            {
                "threshold_bps": self.candidates_bps,
                "accounts": self.accounts,
                "debt_usd": self.debt_usd,
                "added_accounts": self.accounts - self.accounts[here],
                "added_debt_usd": self.debt_usd - self.debt_usd[here],
            }
        )


def candidates(current_bps: int, bonus_bps: int, rule: ChangeRule | None, updates: int = 1) -> IntArray:
    """Return every threshold that ``updates`` updates can reach.

    Parameters
    ----------
    current_bps, bonus_bps : int
        The bonus includes 10000.
    rule : ChangeRule or None
        None: every threshold on a grid of 1 bps.
    updates : int
        Updates in a row, >= 1.

    Returns
    -------
    (K,) int64
        Ascending; within 1 .. floor(1e8 / bonus), the chain's own bound, and the current one.
    """
    if updates < 1:
        raise InputError(f"{updates} updates reach nothing.", remedy="Give 1 or more.")
    highest = 10_000 * 10_000 // bonus_bps
    low, high, grid = 1, highest, 1
    if rule is not None:
        low, high, grid = current_bps, current_bps, rule.grid
        for _ in range(updates):
            low -= largest_step(low, rule)
            high += largest_step(high, rule)
    down = min(current_bps - low, current_bps - 1) // grid
    up = max(min(high, highest) - current_bps, 0) // grid
    return current_bps + grid * np.arange(-down, up + 1, dtype=np.int64)


def threshold_curve(
    snapshot: Snapshot,
    *,
    reserve: int | None = None,
    emode: int | None = None,
    candidates_bps: Sequence[int] | IntArray | None = None,
    prices_raw: Sequence[int] | None = None,
    updates: int = 1,
) -> ThresholdCurve:
    """Return the curve of one reserve's, or one category's, liquidation threshold.

    Parameters
    ----------
    snapshot : Snapshot
    reserve : int, optional
        Reserve index: its threshold outside e-modes.
    emode : int, optional
        Place of the category in ``snapshot.emodes``; one of the two must be given.
    candidates_bps : sequence of int, optional
        Thresholds to try, > 0; the current one is added.  By default all that ``updates``
        updates under the market's `ChangeRules` reach.
    prices_raw : sequence of int, optional
        Oracle prices in base-currency units; the snapshot's by default.

    Raises
    ------
    InputError
        If not exactly one of reserve and category is given, it is no collateral, or a candidate
        is not positive.
    """
    if (reserve is None) == (emode is None):
        raise InputError("give either a reserve or an e-mode category.")
    i, m = (reserve, 0) if reserve is not None else (-1, (emode or 0) + 1)
    current = parameters_of(snapshot, i, m)
    if current.threshold_bps == 0:
        raise InputError("a threshold of 0: it is no collateral.", remedy="Choose another reserve.")
    if candidates_bps is None:
        rule = _rule(snapshot, i, m)
        tried = candidates(current.threshold_bps, max(current.bonus_bps, 10_000), rule, updates)
    else:
        tried = np.unique(np.asarray([*candidates_bps, current.threshold_bps], dtype=np.int64))
    if tried[0] <= 0:
        raise InputError(f"threshold {tried[0]} bps is no candidate.", remedy="Give positive ones.")
    prices = [r.price_raw for r in snapshot.reserves] if prices_raw is None else [int(p) for p in prices_raw]
    view = _View(snapshot, _governed(snapshot, i, m), tried, prices)
    first_safe, exact = _first_safe(view)
    counts, debt = _totals(view, first_safe)
    subject = snapshot.asset_names[i] if m == 0 else emode_label(snapshot, m)
    return ThresholdCurve(subject, current.threshold_bps, tried, counts, debt, exact)


def shocked_prices_raw(snapshot: Snapshot, factor: FloatArray) -> list[int]:
    """Return the snapshot's oracle prices times ``factor`` (A,), rounded to integers."""
    return [round(r.price_raw * float(f)) for r, f in zip(snapshot.reserves, factor, strict=True)]


def _rule(snapshot: Snapshot, i: int, m: int) -> ChangeRule | None:
    if m:
        return snapshot.change_rules.of(EMODE_PARAMETER, str(snapshot.emodes[m - 1].id))
    return snapshot.change_rules.of(RESERVE_PARAMETER, snapshot.reserves[i].asset)


def _governed(snapshot: Snapshot, i: int, m: int) -> BoolArray:
    """Return the collateral entries whose threshold the parameter sets, (nnz,)."""
    block = snapshot.book.collateral
    governed = (emode_row(snapshot) == m) & block.counted
    return np.asarray(governed if m else governed & (block.reserve == i))


@dataclass(frozen=True, eq=False)
class _View:
    """One curve's inputs: governed entries (nnz,), candidates (K,), prices (A,) raw."""

    snapshot: Snapshot
    governed: BoolArray
    tried: IntArray
    prices_raw: list[int]


def _first_safe(view: _View) -> tuple[IntArray, int]:
    """Return each account's first candidate that does not liquidate it, K if none, -1 if not governed."""
    debt, fixed, moving, slack = _floats(view)
    n_candidates = len(view.tried)
    out = np.full(len(debt), -1, dtype=np.int64)
    mine = (moving > 0) & (debt > 0)
    limit = debt * (view.snapshot.rules.liquidatable_below_wad / WAD)
    worst, best = (fixed + moving * float(t) / 10_000 for t in (view.tried[0], view.tried[-1]))
    out[mine & (worst > limit + slack)] = 0
    out[mine & (best < limit - slack)] = n_candidates
    unsure = np.flatnonzero(mine & (out == -1))
    for account in unsure:
        out[account] = _bisect(view, int(account))
    return out, len(unsure)


def _floats(view: _View) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return debt, weighted collateral that stays, collateral that moves, and slack, (N,) raw values."""
    snapshot, block, owed = view.snapshot, view.snapshot.book.collateral, view.snapshot.book.debt
    n = len(snapshot.book)
    price = entry_prices(snapshot, block, view.prices_raw)
    value = block.amount_raw.astype(np.float64) / snapshot.unit[block.reserve] * price
    value = value * block.counted
    stays = np.where(view.governed, 0.0, value * block.threshold_bps / 10_000)
    owed_price = entry_prices(snapshot, owed, view.prices_raw)
    due = owed.amount_raw.astype(np.float64) / snapshot.unit[owed.reserve] * owed_price
    debt, fixed, moving, total = (
        np.bincount(account, weights=w, minlength=n).astype(np.float64)
        for account, w in (
            (owed.account, due),
            (block.account, stays),
            (block.account, np.where(view.governed, value, 0.0)),
            (block.account, value),
        )
    )
    # Each leg loses up to one unit to rounding, and older rules cut the average threshold to whole bps.
    units = np.diff(block.indptr) + np.diff(owed.indptr) + 2.0
    slack = units + total / 10_000 + 1e-9 * (total + debt)
    return debt, fixed, moving, slack


def _bisect(view: _View, account: int) -> int:
    """Return the first candidate at which the exact rules call an account safe."""
    rules = view.snapshot.rules
    position = view.snapshot.position(account, view.prices_raw)
    start = int(view.snapshot.book.collateral.indptr[account])
    moves = [bool(view.governed[start + k]) for k in range(len(position.collateral))]
    low, high = 0, len(view.tried)
    while low < high:
        middle = (low + high) // 2
        tried = _with_threshold(position, moves, int(view.tried[middle]))
        health = exact_rules(rules).account_data(tried, rules).health_factor
        if health < rules.liquidatable_below_wad:
            low = middle + 1
        else:
            high = middle
    return low


def _with_threshold(position: Position, moves: list[bool], threshold_bps: int) -> Position:
    legs = tuple(
        replace(leg, threshold_bps=threshold_bps) if move else leg
        for leg, move in zip(position.collateral, moves, strict=True)
    )
    return replace(position, collateral=legs)


def _totals(view: _View, first_safe: IntArray) -> tuple[IntArray, FloatArray]:
    """Return liquidatable accounts and their debt at each candidate, (K,) each."""
    snapshot, owed = view.snapshot, view.snapshot.book.debt
    price_usd = entry_prices(snapshot, owed, view.prices_raw) * snapshot.base.usd_per_raw
    due = owed.amount_raw.astype(np.float64) / snapshot.unit[owed.reserve] * price_usd
    debt = np.bincount(owed.account, weights=due, minlength=len(snapshot.book))
    hit = first_safe > 0
    n = len(view.tried)
    # An account counts at every candidate before its first safe one.
    stops = np.bincount(first_safe[hit], minlength=n + 1)
    stopped = np.bincount(first_safe[hit], weights=debt[hit], minlength=n + 1)
    accounts = stops.sum() - np.cumsum(stops)[:n]
    return accounts.astype(np.int64), np.maximum(stopped[::-1].cumsum()[::-1][1:], 0.0).astype(np.float64)
