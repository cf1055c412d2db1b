"""Last kernel of a path: the debt that stays unpaid."""

from __future__ import annotations

import numpy as np

from risk.engine.arrays import FloatArray
from risk.engine.health import LEG
from risk.engine.jit import jit, kernel
from risk.engine.model import Model, Moment, Prices, moment_of
from risk.engine.selling import sale_usd
from risk.engine.state import BELOW, CALLED, State
from risk.engine.view import balances, look_at, widen


@jit
def market_prices(moment: Moment, assets: int) -> FloatArray:
    """Return the market price of every asset, (A,) USD."""
    out = np.empty(assets)
    for a in range(assets):
        out[a] = moment.price[a].market_usd
    return out


@jit
def stuck_prices(s: int, moment: Moment, model: Model, state: State) -> FloatArray:
    """Return the average USD a token fetches if all collateral of stuck accounts is sold, (A,).

    Stuck: still liquidatable, but no liquidator profits.  Sold together, on top of what was
    sold along the path, so that the order of accounts does not matter.
    """
    tokens = np.zeros(len(model.reserve))
    for u in range(len(model.account)):
        if state.status[s, u] & BELOW:
            amount, _ = balances(u, s, model, state)
            for c in range(model.account[u].c_first, model.account[u].c_last):
                if model.collateral[c].on:
                    asset = model.collateral[c].asset
                    tokens[asset] += amount[c] / model.reserve[asset].unit
    average = market_prices(moment, len(model.reserve))
    for a in range(len(tokens)):
        if tokens[a] > 0.0:
            pressure, price = state.asset[s, a].pressure_tokens, moment.price[a].curve_usd
            average[a] = sale_usd(a, pressure, tokens[a], price, model) / tokens[a]
    return average


@jit
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


@jit
def close_one(s: int, moment: Moment, model: Model, state: State) -> None:
    """Close the books of one scenario.

    Accounts still liquidatable are worth what selling them fetches now, all others what they
    are worth at the market price; the deficit already burned comes on top.
    """
    legs = np.zeros(model.most_legs, dtype=LEG)
    market, executable = market_prices(moment, len(model.reserve)), stuck_prices(s, moment, model, state)
    low, high, total = np.inf, 0.0, state.scenario[s]
    for q in range(len(model.quote)):
        quote = model.quote[q]
        low, high = widen(low, high, market[quote.asset], quote.price_base * model.usd_per_base)
    for a in range(len(model.reserve)):
        state.asset[s, a].bad_debt_usd += state.asset[s, a].deficit_usd
    for mode in range(state.emode.shape[1]):
        state.emode[s, mode].bad_debt_usd += state.emode[s, mode].deficit_usd
    for u in range(len(model.account)):
        account = model.account[u]
        if state.flags[s, u] & CALLED:
            total.largest_account_loss_usd = max(total.largest_account_loss_usd, state.account_loss_usd[s, u])
        if state.status[s, u] & BELOW:
            health = look_at(u, s, moment, model, state, legs)
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
    for s in range(first, last):
        close_one(s, moment_of(prices, s), model, state)
