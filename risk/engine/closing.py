"""Last kernel of a path: the debt that stays unpaid."""

from __future__ import annotations

import numpy as np

from risk.engine.arrays import FloatArray, IntArray
from risk.engine.jit import kernel, leaf
from risk.engine.model import Model, Moment, Prices, moment_of
from risk.engine.scratch import Scratch, scratch_for
from risk.engine.selling import sale_usd
from risk.engine.state import BELOW, CALLED, State
from risk.engine.view import balances, look_at, widen


@leaf
def market_prices(moment: Moment, out: FloatArray) -> None:
    """Write the market price of every asset to ``out`` (A,), USD."""
    for a in range(len(out)):
        out[a] = moment.price[a].market_usd


@leaf
def stuck_prices(
    s: int, some: IntArray, moment: Moment, model: Model, state: State, average: FloatArray
) -> None:
    """Write the average USD a token fetches if all collateral of stuck accounts is sold to ``average`` (A,).

    Stuck: still liquidatable, but no liquidator profits.  Sold together, on top of what was
    sold along the path, so that the order of accounts does not matter.
    """
    tokens = average  # first what is sold
    tokens[:] = 0.0
    for k in range(len(some)):
        u = some[k]
        if state.status[s, u] & BELOW:
            amount, _ = balances(u, s, model, state)
            for c in range(model.account[u].c_first, model.account[u].c_last):
                if model.collateral[c].on:
                    asset = model.collateral[c].asset
                    tokens[asset] += amount[c] / model.reserve[asset].unit
    for a in range(len(tokens)):
        if tokens[a] > 0.0:
            pressure, price = state.asset[s, a].pressure_tokens, moment.price[a].curve_usd
            average[a] = sale_usd(a, pressure, tokens[a], price, model) / tokens[a]
        else:
            average[a] = moment.price[a].market_usd


@leaf
def close_account(u: int, s: int, price: FloatArray, moment: Moment, model: Model, state: State) -> None:
    """Add the account's debt beyond its collateral at ``price`` to the bad debt, spread over its debts."""
    account = model.account[u]
    c_amount, d_amount = balances(u, s, model, state)
    worth = owed = 0.0
    for c in range(account.c_first, account.c_last):
        i = model.collateral[c].asset
        if model.collateral[c].on:
            worth += c_amount[c] / model.reserve[i].unit * price[i]
    for d in range(account.d_first, account.d_last):
        j = model.debt[d].asset
        owed += d_amount[d] / model.reserve[j].unit * moment.price[j].market_usd
    if owed <= worth:
        return
    for d in range(account.d_first, account.d_last):
        j = model.debt[d].asset
        debt_usd = d_amount[d] / model.reserve[j].unit * moment.price[j].market_usd
        state.asset[s, j].bad_debt_usd += (owed - worth) * (debt_usd / owed)
    state.emode[s, account.emode_row].bad_debt_usd += owed - worth


@leaf
def close_one(s: int, some: IntArray, moment: Moment, model: Model, state: State, scratch: Scratch) -> None:
    """Close the books of one scenario, of ``some`` accounts, increasing; collateral covers the others' debt.

    Accounts still liquidatable are worth what selling them fetches now, all others what they
    are worth at the market price; the deficit already burned comes on top.
    """
    market, executable = scratch.market, scratch.executable
    market_prices(moment, market)
    stuck_prices(s, some, moment, model, state, executable)
    low, high, total = np.inf, 0.0, state.scenario[s]
    for q in range(len(model.quote)):
        quote = model.quote[q]
        low, high = widen(low, high, market[quote.asset], quote.price_base * model.usd_per_base)
    for a in range(len(model.reserve)):
        state.asset[s, a].bad_debt_usd += state.asset[s, a].deficit_usd
    for mode in range(state.emode.shape[1]):
        state.emode[s, mode].bad_debt_usd += state.emode[s, mode].deficit_usd
    for k in range(len(some)):
        u = some[k]
        account = model.account[u]
        if state.flags[s, u] & CALLED:
            total.largest_account_loss_usd = max(total.largest_account_loss_usd, state.account_loss_usd[s, u])
        if state.status[s, u] & BELOW:
            health = look_at(u, s, moment, model, state, scratch.legs)
            if health.collateral > 0.0:
                total.unprofitable_debt_usd += health.debt * model.usd_per_base
            close_account(u, s, executable, moment, model, state)
        elif account.d_first < account.d_last:
            covered = low * account.collateral_base >= high * account.debt_base * (1.0 + 1e-9)
            if not covered or state.flags[s, u] & CALLED:
                close_account(u, s, market, moment, model, state)


@kernel
def close(first: int, last: int, prices: Prices, model: Model, state: State) -> None:
    """Run `close_one` for scenarios ``first`` .. ``last - 1``; once, after the last moment."""
    scratch, everyone = scratch_for(model), np.arange(len(model.account))
    for s in range(first, last):
        close_one(s, everyone, moment_of(prices, s), model, state, scratch)
