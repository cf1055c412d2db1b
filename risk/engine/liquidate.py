"""Second kernel of a moment: rounds of calls until no liquidator gains by another.

Within a scenario accounts come in the order of their health factor, lowest first (ties: by
account), and each takes one call a round.  Liquidators are many and alike: each call is the
best for that account given everything sold before.  An account leaves the rounds when it is
healthy or no call on it pays; since sales only lower what the next sale fetches and oracle
prices stand still within a moment, it need not be looked at again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from oracles.sequencer import UNPROTECTED_HEALTH_WAD
from risk.engine.arrays import FloatArray, IntArray, Records
from risk.engine.calls import book_call, carry_out, fair_view, harm_of
from risk.engine.choice import Call, best_call
from risk.engine.events import EventLog, log_call
from risk.engine.health import UNSURE, Health
from risk.engine.jit import kernel, leaf
from risk.engine.model import DOWN, GRACE, Model, Moment, Prices, moment_of
from risk.engine.scratch import Scratch, scratch_for, sort_by_key
from risk.engine.state import BELOW, CALLED, DECIDED, ELIGIBLE, NEAR_ONE, State
from risk.engine.view import balances, is_below, is_near_one, look_at

MAX_CALLS = 100  # of one account at one moment
UNPROTECTED_BELOW = UNPROTECTED_HEALTH_WAD / 1e18  # a sentinel's grace does not protect these


DECISION = np.dtype([(name, np.int64) for name in ("account", "c_first", "d_first")])


class Decided(NamedTuple):
    """Accounts the exact rules decided.

    ``ptr`` (S + 1,) into ``rows`` (K,) `DECISION`, accounts increasing within a scenario;
    their exact leg values, base units, start at ``c_first`` in ``c`` and ``d_first`` in ``d``.
    """

    ptr: IntArray
    rows: Records
    c: FloatArray
    d: FloatArray


@leaf
def take_decided(s: int, u: int, account: Any, health: Health, decided: Decided, legs: Records) -> Health:
    """Return ``health`` with the exact values of the legs, which also fill ``legs``."""
    low, high = decided.ptr[s], decided.ptr[s + 1] - 1
    while low < high:
        middle = (low + high) // 2
        if decided.rows[middle].account < u:
            low = middle + 1
        else:
            high = middle
    row, c_sum, d_sum = decided.rows[low], 0.0, 0.0
    for k in range(account.c_last - account.c_first):
        legs[k].c = decided.c[row.c_first + k]
        c_sum += legs[k].c
    for k in range(account.d_last - account.d_first):
        legs[k].d = decided.d[row.d_first + k]
        d_sum += legs[k].d
    return Health(health.below, health.near_one, health.ratio, c_sum, d_sum)


@leaf
def enter(u: int, s: int, model: Model, state: State, legs: Records) -> None:
    """Note an account the first time it is liquidatable."""
    if state.flags[s, u] & ELIGIBLE:
        return
    state.flags[s, u] |= ELIGIBLE
    state.scenario[s].eligible_accounts += 1
    account, usd = model.account[u], model.usd_per_base
    mode = state.emode[s, account.emode_row]
    for c in range(account.c_first, account.c_last):
        value = legs[c - account.c_first].c * usd
        state.asset[s, model.collateral[c].asset].eligible_collateral_usd += value
        mode.eligible_collateral_usd += value
    for d in range(account.d_first, account.d_last):
        value = legs[d - account.d_first].d * usd
        state.asset[s, model.debt[d].asset].eligible_debt_usd += value
        mode.eligible_debt_usd += value


@leaf
def queue(
    s: int, some: IntArray, moment: Moment, model: Model, state: State, decided: Decided, scratch: Scratch
) -> int:
    """Write those of ``some`` accounts, increasing, that may be called now to ``scratch.active``.

    Lowest health factor first; returns how many.
    """
    n = 0
    for k in range(len(some)):
        u = some[k]
        if not state.status[s, u] & BELOW:
            if model.costs.latency_s > 0.0:
                state.waiting_since_s[s, u] = np.inf
            continue
        health = look_at(u, s, moment, model, state, scratch.legs)
        if state.status[s, u] & DECIDED:
            health = take_decided(s, u, model.account[u], health, decided, scratch.legs)
        if health.collateral > 0.0:
            enter(u, s, model, state, scratch.legs)
            if may_be_called(u, s, health, moment, model, state):
                scratch.active[n], scratch.key[n] = u, health.ratio
                n += 1
    sort_by_key(scratch.active, scratch, n)
    return n


@leaf
def own_balances(u: int, s: int, model: Model, state: State) -> None:
    """Give account ``u`` balances of its own in scenario ``s`` before its first call."""
    if state.flags[s, u] & CALLED:
        return
    account = model.account[u]
    for c in range(account.c_first, account.c_last):
        state.c_amount[s, c] = model.c_amount[c]
    for d in range(account.d_first, account.d_last):
        state.d_amount[s, d] = model.d_amount[d]
    state.flags[s, u] |= CALLED
    state.scenario[s].liquidated_accounts += 1


@leaf
def is_wanted(call: Call, model: Model, moment: Moment) -> bool:
    """Return whether a call earns what liquidators demand."""
    j = model.debt[call.d].asset
    share = model.costs.min_profit * (call.repaid / model.reserve[j].unit * moment.price[j].market_usd)
    return bool(call.profit_usd > 0.0 and call.profit_usd >= max(model.costs.min_profit_usd, share))


@leaf
def may_be_called(u: int, s: int, health: Health, moment: Moment, model: Model, state: State) -> bool:
    """Return whether an account below health factor 1 may be called, and notes since when it waits."""
    if moment.gate == GRACE and health.ratio >= UNPROTECTED_BELOW:
        return False
    if model.costs.latency_s == 0.0:
        return True
    state.waiting_since_s[s, u] = min(state.waiting_since_s[s, u], moment.time_s)
    return bool(moment.time_s - state.waiting_since_s[s, u] >= model.costs.latency_s)


@leaf
def try_call(
    u: int,
    s: int,
    moment: Moment,
    model: Model,
    state: State,
    decided: Decided,
    log: EventLog,
    place: int,
    legs: Records,
) -> bool:
    """Make the best call on one account; return whether there was one."""
    account = model.account[u]
    health = look_at(u, s, moment, model, state, legs)
    if state.status[s, u] & DECIDED:
        health = take_decided(s, u, account, health, decided, legs)
        near_one = state.status[s, u] & NEAR_ONE > 0
    else:
        below, near_one = is_below(health, model), is_near_one(health, model)
        if health.below == UNSURE or (below and health.near_one == UNSURE):
            state.scenario[s].unsure += 1
        if not below:
            state.status[s, u] = 0
            return False
    c_amount, d_amount = balances(u, s, model, state)
    capital = max(state.scenario[s].capital_usd, 0.0)
    call = best_call(
        account, health, near_one, c_amount, d_amount, legs, state.asset[s], capital, model, moment
    )
    if call.c < 0 or not is_wanted(call, model, moment):
        return False
    harm = harm_of(call, fair_view(account, c_amount, d_amount, model, moment), health.ratio, model, moment)
    own_balances(u, s, model, state)
    state.status[s, u] = BELOW
    burned = carry_out(
        account, call, legs, state.c_amount[s], state.d_amount[s], model, moment, state.asset[s]
    )
    state.emode[s, account.emode_row].deficit_usd += burned
    book_call(s, u, call, harm, model, moment, state)
    if len(log.rows) > 0:
        after = look_at(u, s, moment, model, state, legs).ratio
        log_call(log.rows[place], (s, u), call, (health.ratio, after), burned, harm, model, moment)
    return True


@leaf
def liquidate_one(
    s: int,
    some: IntArray,
    moment: Moment,
    model: Model,
    state: State,
    decided: Decided,
    log: EventLog,
    row: int,
    scratch: Scratch,
) -> None:
    """Run the rounds of one scenario.

    ``some`` accounts, increasing, hold all that are below; calls are logged from ``row`` on.
    """
    if moment.gate == DOWN:
        return
    active, legs = scratch.active, scratch.legs
    n = queue(s, some, moment, model, state, decided, scratch)
    first_call = state.scenario[s].calls
    for _ in range(MAX_CALLS):
        kept = 0
        for k in range(n):
            place = row + state.scenario[s].calls - first_call
            if try_call(active[k], s, moment, model, state, decided, log, place, legs):
                active[kept] = active[k]
                kept += 1
        n = kept
        if n == 0:
            return
    state.scenario[s].cut_off += n


@kernel
def liquidate(
    first: int, last: int, prices: Prices, model: Model, state: State, decided: Decided, log: EventLog
) -> None:
    """Run `liquidate_one` for scenarios ``first`` .. ``last - 1`` of the block."""
    scratch, everyone = scratch_for(model), np.arange(len(model.account))
    for s in range(first, last):
        moment = moment_of(prices, s)
        liquidate_one(s, everyone, moment, model, state, decided, log, log.ptr[s], scratch)
