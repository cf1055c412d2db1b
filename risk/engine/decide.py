"""Lets the exact rules decide the accounts the float bounds leave open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abis.units import mul_div_down, mul_div_half_up, mul_div_up
from protocols.exact import exact_rules
from protocols.liquidation_rules import LiquidationRules, Rounding
from protocols.position import Position
from protocols.snapshot import Snapshot
from risk.engine.arrays import IntArray
from risk.engine.liquidate import DECISION, Decided
from risk.engine.state import BELOW, CALLED, DECIDED, NEAR_ONE, NOT_SURE, State

_MUL_DIV: dict[Rounding, Callable[[int, int, int], int]] = {
    Rounding.DOWN: mul_div_down,
    Rounding.UP: mul_div_up,
    Rounding.HALF_UP: mul_div_half_up,
}


def nothing_decided(scenarios: int) -> Decided:
    """Return the decisions where none was needed."""
    none = np.zeros(0)
    return Decided(np.zeros(scenarios + 1, dtype=np.int64), np.zeros(0, dtype=DECISION), none, none)


def decide(
    snapshot: Snapshot,
    oracle_raw: NDArray[Any],
    state: State,
    position_of: Callable[[int, Sequence[int]], Position] | None = None,
) -> tuple[State, Decided]:
    """Re-decide every unsure account that is still as in the snapshot, in exact integers.

    Parameters
    ----------
    snapshot : Snapshot
    oracle_raw : (S, A) integers
        Raw oracle prices of the moment.
    state : State
        Classified; the status of decided accounts is replaced in place.
    position_of : callable (account, raw prices) -> Position, optional
        The account at this moment; as in the snapshot by default.

    Returns
    -------
    State, Decided
        With the exact values of the decided accounts' legs.
    """
    open_ = (state.status & NOT_SURE != 0) & (state.flags & CALLED == 0)
    if not open_.any():
        return state, nothing_decided(len(state.status))
    rows, accounts = np.nonzero(open_)
    return state, decisions(snapshot, rows, accounts, oracle_raw[rows], state, position_of)


def decisions(
    snapshot: Snapshot,
    rows: IntArray,
    accounts: IntArray,
    oracle_raw: NDArray[Any],
    state: State,
    position_of: Callable[[int, Sequence[int]], Position] | None = None,
) -> Decided:
    """Decide accounts (K,) of scenarios ``rows`` (K,), by scenario, then account, and set their status.

    ``oracle_raw`` (K, A) the raw prices of each.
    """
    look = position_of or snapshot.position
    c_values: list[list[int]] = []
    d_values: list[list[int]] = []
    for s, u, raw in zip(rows, accounts, oracle_raw, strict=True):
        position = look(int(u), [int(p) for p in raw])
        data = exact_rules(snapshot.rules).account_data(position, snapshot.rules)
        below = BELOW if data.health_factor < snapshot.rules.liquidatable_below_wad else 0
        near = NEAR_ONE if data.health_factor > snapshot.rules.full_close_below_wad else 0
        state.status[s, u] = DECIDED | below | near
        c, d = leg_values(position, snapshot.rules)
        c_values.append(c)
        d_values.append(d)
    taken = np.zeros(len(rows), dtype=DECISION)
    taken["account"] = accounts
    taken["c_first"], taken["d_first"] = _firsts(c_values), _firsts(d_values)
    ptr = np.searchsorted(rows, np.arange(len(state.status) + 1)).astype(np.int64)
    return Decided(ptr, taken, _flat(c_values), _flat(d_values))


def leg_values(position: Position, rules: LiquidationRules) -> tuple[list[int], list[int]]:
    """Return the values of an account's legs, base-currency units; collateral 0 where not counted."""
    round_debt = _MUL_DIV[rules.debt_value_rounding]
    c = [
        mul_div_down(leg.balance_raw, leg.price_raw, leg.unit_raw)
        if leg.counted and (rules.counts_zero_threshold or leg.threshold_bps)
        else 0
        for leg in position.collateral
    ]
    return c, [round_debt(leg.balance_raw, leg.price_raw, leg.unit_raw) for leg in position.debt]


def _firsts(values: list[list[int]]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum([len(v) for v in values[:-1]])]).astype(np.int64)


def _flat(values: list[list[int]]) -> NDArray[np.float64]:
    return np.array([float(x) for v in values for x in v], dtype=np.float64)
