"""First kernel of a moment: which accounts may be liquidated, and where only integers can say.

Also counts under-liquidation, which needs the same pass over the whole book.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from risk.engine import ledger
from risk.engine.arrays import Records
from risk.engine.calls import fair_view
from risk.engine.health import LEG, UNSURE, Health
from risk.engine.jit import kernel, leaf
from risk.engine.model import Model, Moment, Prices, moment_of
from risk.engine.state import BELOW, CALLED, NEAR_ONE, NOT_SURE, State
from risk.engine.view import balances, is_below, is_near_one, look_at, surely_healthy, widen

PRECISE_BELOW = 1e13  # base units


@leaf
def rounding_decides(account: Any, model: Model, legs: Records) -> bool:
    """Return whether a leg's rounding is open where it matters for the size of a call.

    That is at the full-close limit, and where one base unit is more than 1e-13 of the leg.
    """
    limit, unsure = model.rules.min_full_close_base, False
    for k in range(account.c_last - account.c_first):
        unsure = unsure or straddles(legs[k].c_low, legs[k].c_high, limit)
    for k in range(account.d_last - account.d_first):
        unsure = unsure or straddles(legs[k].d_low, legs[k].d_high, limit)
    return unsure


@leaf
def straddles(low: float, high: float, limit: float) -> bool:
    """Return whether two bounds of a value lie on two sides of ``limit``, or differ and are small."""
    return low < limit <= high or (low < high < PRECISE_BELOW)


@leaf
def status_of(account: Any, health: Health, model: Model, legs: Records) -> int:
    """Return the status bits of one account."""
    below, near_one = is_below(health, model), is_near_one(health, model)
    status = (BELOW if below else 0) | (NEAR_ONE if near_one else 0)
    unsure = health.below == UNSURE
    if below and not unsure:
        unsure = health.near_one == UNSURE or rounding_decides(account, model, legs)
    return status | (NOT_SURE if unsure else 0)


@leaf
def missed_usd(u: int, s: int, moment: Moment, model: Model, state: State) -> float:
    """Return what an account healthy at oracle prices owes if it is not at fair ones, else 0."""
    c_amount, d_amount = balances(u, s, model, state)
    view = fair_view(model.account[u], c_amount, d_amount, model, moment)
    return float(ledger.under_liquidated(view.debt, view.health, 1.0))


@leaf
def ranges(moment: Moment, model: Model) -> tuple[float, float, float, float]:
    """Return how far prices moved since the snapshot: (low, high) at oracle, (low, high) at fair."""
    low, high, fair_low, fair_high = np.inf, 0.0, np.inf, 0.0
    for q in range(len(model.quote)):
        price, reference = moment.price[q], model.quote[q].price_base
        low, high = widen(low, high, price.oracle, reference)
        fair_low, fair_high = widen(fair_low, fair_high, price.fair_usd, reference * model.usd_per_base)
    return low, high, fair_low, fair_high


@leaf
def classify_one(s: int, moment: Moment, model: Model, state: State, legs: Records) -> None:
    """Set the status of every account of one scenario and add its under-liquidation."""
    low, high, fair_low, fair_high = ranges(moment, model)
    status, flags = state.status[s], state.flags[s]
    owed = 0.0
    for u in range(len(model.account)):
        account = model.account[u]
        status[u] = 0
        if account.d_first == account.d_last:
            continue
        called = flags[u] & CALLED != 0
        if called or not surely_healthy(account, low, high, model):
            status[u] = status_of(account, look_at(u, s, moment, model, state, legs), model, legs)
        if status[u] & BELOW == 0 and (called or not surely_healthy(account, fair_low, fair_high, model)):
            owed += missed_usd(u, s, moment, model, state)
    state.scenario[s].under_liquidation_usd_hours += owed * moment.hours


@kernel
def classify(first: int, last: int, prices: Prices, model: Model, state: State) -> None:
    """Run `classify_one` for scenarios ``first`` .. ``last - 1`` of the block."""
    legs = np.zeros(model.most_legs, dtype=LEG)
    for s in range(first, last):
        classify_one(s, moment_of(prices, s), model, state, legs)
