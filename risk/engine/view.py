"""Kernels that look at one account of one scenario, as the book or the state has it."""

from __future__ import annotations

from typing import Any

import numpy as np

from risk.engine.arrays import FloatArray, Records
from risk.engine.health import CALLED_ERROR, LEG_ERROR, UNSURE, YES, Health, judge, value_legs
from risk.engine.jit import inlined, leaf
from risk.engine.model import Model, Moment
from risk.engine.state import CALLED, State


@inlined
def balances(u: int, s: int, model: Model, state: State) -> tuple[FloatArray, FloatArray]:
    """Return the arrays that hold account ``u``'s collateral and debt in scenario ``s``."""
    if state.flags[s, u] & CALLED:
        return state.c_amount[s], state.d_amount[s]
    return model.c_amount, model.d_amount


@leaf
def look_at(u: int, s: int, moment: Moment, model: Model, state: State, legs: Records) -> Health:
    """Return the health of account ``u`` in scenario ``s``; fills ``legs``."""
    account = model.account[u]
    c_amount, d_amount = balances(u, s, model, state)
    error = CALLED_ERROR if state.flags[s, u] & CALLED else LEG_ERROR
    value_legs(account, c_amount, d_amount, moment.price, model, error, legs)
    return judge(account, model, legs)


@leaf
def is_below(health: Health, model: Model) -> bool:
    """Return whether the account is liquidatable, by the middle value where the bounds leave it open."""
    if health.below == UNSURE:
        return bool(health.ratio < model.rules.liquidatable_below)
    return bool(health.below == YES)


@leaf
def is_near_one(health: Health, model: Model) -> bool:
    """Return whether only part may be closed, by the middle value where the bounds leave it open."""
    if health.near_one == UNSURE:
        return bool(health.ratio > model.rules.full_close_below)
    return bool(health.near_one == YES)


@leaf
def widen(low: float, high: float, price: float, reference: float) -> tuple[float, float]:
    """Return the range of price over reference widened by one asset; (0, inf) without a reference."""
    if reference > 0.0:
        return min(low, price / reference), max(high, price / reference)
    return (0.0, np.inf) if price > 0.0 else (low, high)


@leaf
def surely_healthy(account: Any, low: float, high: float, model: Model) -> bool:
    """Return whether an account, as in the snapshot, is healthy whatever the rounding.

    Prices lie between ``low`` and ``high`` times the snapshot's.  Every collateral is worth
    at least ``low``, every debt at most ``high`` times its value in the snapshot, less (more)
    one base unit a leg and, under the truncated average, less one bps of the collateral.
    """
    weighted = low * account.weighted_base - model.most_legs - 1.0
    if model.rules.truncated:
        weighted -= high * account.collateral_base * 1e-4 + 1.0
    debt = high * account.debt_base + model.most_legs
    return bool(weighted * (1.0 - 1e-12) >= model.rules.liquidatable_below * debt * (1.0 + 1e-12))
