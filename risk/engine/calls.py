"""Kernels that carry one chosen call out and book it in the ledger."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from risk.engine import ledger
from risk.engine.arrays import FloatArray, Records
from risk.engine.choice import Call
from risk.engine.jit import leaf
from risk.engine.model import Model, Moment
from risk.engine.selling import slippage
from risk.engine.state import State


class FairView(NamedTuple):
    """An account at fair prices before a call: collateral and debt in USD, health factor."""

    collateral: float
    debt: float
    health: float


class Harm(NamedTuple):
    """The ledger of one call, USD at fair prices; `toxic` is whether it lowered the health factor."""

    dislocation: float
    excess: float
    bonus: float
    over_liquidated: float
    toxic: bool


@leaf
def fair_view(
    account: Any, c_amount: FloatArray, d_amount: FloatArray, model: Model, moment: Moment
) -> FairView:
    """Return an account at fair prices, unrounded."""
    collateral = weighted = debt = 0.0
    for c in range(account.c_first, account.c_last):
        entry = model.collateral[c]
        if entry.on:
            value = c_amount[c] / model.reserve[entry.asset].unit * moment.price[entry.asset].fair_usd
            collateral += value
            weighted += value * entry.threshold_bps / 10_000.0
    for d in range(account.d_first, account.d_last):
        j = model.debt[d].asset
        debt += d_amount[d] / model.reserve[j].unit * moment.price[j].fair_usd
    return FairView(collateral, debt, weighted / debt if debt > 0.0 else np.inf)


@leaf
def reference_cost(i: int, j: int, repaid_usd: float, model: Model, price_usd: float) -> float:
    """Return the reference cost of selling what was repaid, as a fraction of it.

    Swap fee, slippage of that size in an untouched book, and gas.  It depends on the size
    of the call and on markets, never on the protocol's parameters.
    """
    gas = model.costs.gas_usd / repaid_usd
    if i == j or price_usd <= 0.0:
        return gas
    return model.costs.swap_fee + slippage(i, repaid_usd / price_usd, model) + gas


@leaf
def harm_of(call: Call, view: FairView, health: float, model: Model, moment: Moment) -> Harm:
    """Return what a call did to the borrower, from the account at fair prices before it."""
    entry, j = model.collateral[call.c], model.debt[call.d].asset
    i = entry.asset
    seized = call.seized / model.reserve[i].unit * moment.price[i].fair_usd
    repaid = call.repaid / model.reserve[j].unit * moment.price[j].fair_usd
    threshold = entry.threshold_bps / 10_000.0
    toxic = ledger.is_toxic(health, threshold, entry.bonus_bps / 10_000.0 - 1.0, 0.0)
    if repaid <= 0.0:  # debt worth nothing: everything taken is lost
        return Harm(seized, 0.0, 0.0, 0.0, toxic)
    cost = reference_cost(i, j, repaid, model, moment.price[i].fair_usd)
    needed = ledger.r_reference(view.debt, view.collateral, view.health, threshold, cost, 1.0)
    least = ledger.r_star(view.debt, view.collateral, view.health, threshold, seized / repaid - 1.0, 1.0)
    parts = ledger.loss_parts(seized - repaid, repaid, view.health, cost, needed, 1.0)
    return Harm(parts[0], parts[1], parts[2], ledger.over_liquidated(repaid, least), toxic)


@leaf
def oracle_usd(call: Call, model: Model, moment: Moment) -> tuple[float, float]:
    """Return what a call repays and seizes at the prices it counts with, USD."""
    c, d = model.collateral[call.c], model.debt[call.d]
    repaid = call.repaid / model.reserve[d.asset].unit * moment.price[d.call_quote].oracle
    seized = call.seized / model.reserve[c.asset].unit * moment.price[c.quote].oracle
    return repaid * model.usd_per_base, seized * model.usd_per_base


@leaf
def press(s: int, i: int, tokens: float, model: Model, state: State) -> None:
    """Book a sale: it uses up the depth of every reserve of its sink, dollar for dollar."""
    state.asset[s, i].sold_tokens += tokens
    own = model.reserve[i]
    for a in range(len(model.reserve)):
        other = model.reserve[a]
        if other.sink == own.sink and other.curve_price_usd > 0.0:
            used = tokens if a == i else tokens * (own.curve_price_usd / other.curve_price_usd)
            state.asset[s, a].pressure_tokens += used
            state.asset[s, a].pressed_tokens += used


@leaf
def book_call(s: int, u: int, call: Call, harm: Harm, model: Model, moment: Moment, state: State) -> None:
    """Add one call to the ledger of scenario ``s``."""
    i, j = model.collateral[call.c].asset, model.debt[call.d].asset
    total, sold, owed = state.scenario[s], state.asset[s, i], state.asset[s, j]
    mode = state.emode[s, model.account[u].emode_row]
    repaid_usd, seized_usd = oracle_usd(call, model, moment)
    owed.repaid_usd += repaid_usd
    sold.seized_usd += seized_usd
    mode.repaid_usd += repaid_usd
    mode.seized_usd += seized_usd
    loss = harm.dislocation + harm.excess + harm.bonus
    sold.avoidable_loss_usd += loss
    mode.avoidable_loss_usd += loss
    state.account_loss_usd[s, u] += loss
    total.calls += 1
    total.loss_dislocation_usd += harm.dislocation
    total.loss_excess_usd += harm.excess
    total.loss_bonus_usd += harm.bonus
    total.over_liquidated_usd += harm.over_liquidated
    total.liquidator_profit_usd += call.profit_usd
    total.first_liquidation_s = min(total.first_liquidation_s, moment.time_s)
    if harm.toxic:
        sold.toxic_usd += repaid_usd
        mode.toxic_usd += repaid_usd
    if call.kept:
        total.kept_usd += call.proceeds_usd
        total.capital_usd -= call.repaid / model.reserve[j].unit * moment.price[j].market_usd
    else:
        sold.withdrawable = max(sold.withdrawable - (call.seized - call.fee), 0.0)
        if i != j:
            press(s, i, (call.seized - call.fee) / model.reserve[i].unit, model, state)
    owed.withdrawable += call.repaid


@leaf
def is_all(
    account: Any, call: Call, legs: Records, c_amount: FloatArray, model: Model, moment: Moment
) -> bool:
    """Return whether the collateral taken is worth the account's whole collateral."""
    # Leg by leg: the sum of a whale's legs would hide a small one in its rounding.
    for k in range(account.c_last - account.c_first):
        if account.c_first + k != call.c and legs[k].c > 0.0:
            return False
    if call.seized >= c_amount[call.c]:
        return True
    entry = model.collateral[call.c]
    taken = np.floor(call.seized * moment.price[entry.quote].oracle / model.reserve[entry.asset].unit)
    return bool(taken >= legs[call.c - account.c_first].c)


@leaf
def carry_out(
    account: Any,
    call: Call,
    legs: Records,
    c_amount: FloatArray,
    d_amount: FloatArray,
    model: Model,
    moment: Moment,
    totals: Records,
) -> float:
    """Change the account's balances; book and return debt burned as deficit, USD at market.

    Where the rules burn bad debt, they do so when the collateral taken is worth the account's
    whole collateral; debts of inactive reserves stay.
    """
    all_gone = model.rules.creates_deficit and is_all(account, call, legs, c_amount, model, moment)
    c_amount[call.c] = max(c_amount[call.c] - call.seized, 0.0)
    d_amount[call.d] = max(d_amount[call.d] - call.repaid, 0.0)
    burned = 0.0
    if not all_gone:
        return burned
    for d in range(account.d_first, account.d_last):
        j = model.debt[d].asset
        if model.reserve[j].active and d_amount[d] > 0.0:
            usd = d_amount[d] / model.reserve[j].unit * moment.price[j].market_usd
            totals[j].deficit_usd += usd
            burned += usd
            d_amount[d] = 0.0
    return burned
