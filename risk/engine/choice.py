"""Kernels for the liquidator's choice: which pair of an account, and how much of it.

For every collateral and debt of the account two amounts are weighed:

* as much as the close factor allows (or the collateral carries);
* the largest amount that leaves no dust, is not sold below cost and can be funded and withdrawn,
  where the first breaks the dust rule, the last tokens sold lose money or means do not suffice.

A call is funded by the liquidators' capital or by a flash loan of the debt's reserve, and needs as
much withdrawable collateral as it pays out.  Where that runs out, liquidators who take receipt
tokens keep them at a discount, for their own capital.

Proceeds are concave in the amount, so no other amount earns more.  The profit is what selling
the seized collateral less the fee fetches *after* everything already sold in this scenario,
less the repaid debt at the market price, less gas.  Ties are common: a call that takes all of a
collateral earns the same with every debt.  Within `TIE` of the best, or one smallest unit of
each leg, the larger pair wins, collateral plus debt value, so that neither rounding nor the order
of reserves decides.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from risk.engine import ledger
from risk.engine.arrays import FloatArray, Records, RuleNumbers
from risk.engine.health import Health, U
from risk.engine.jit import leaf
from risk.engine.model import Model, Moment
from risk.engine.selling import sale_usd, tokens_above
from risk.engine.sizing import (
    Pair,
    Seizure,
    leaves_dust,
    most_repayable,
    most_without_dust,
    seizure_of,
)

TIE = 1e-9  # relative difference of profits that counts as none


class Call(NamedTuple):
    """The chosen call: places in the CSR blocks, amounts, money; ``c`` is -1 if there is none.

    ``offer`` is what the liquidator offers, inf for as much as allowed; ``kept`` is whether the
    collateral stays in the market as receipt tokens.
    """

    c: int
    d: int
    offer: float
    seized: float
    repaid: float
    fee: float
    proceeds_usd: float
    profit_usd: float
    kept: bool


class Means(NamedTuple):
    """What a call can be made with: ``own`` and ``lent`` debt, ``redeemable`` collateral, smallest units."""

    own: float
    lent: float
    redeemable: float


@leaf
def no_call() -> Call:
    """Return the call that is none."""
    return Call(-1, -1, 0.0, 0.0, 0.0, 0.0, 0.0, -np.inf, False)


@leaf
def pair_of(
    account: Any,
    c: int,
    d: int,
    c_amount: FloatArray,
    d_amount: FloatArray,
    legs: Records,
    model: Model,
    moment: Moment,
) -> Pair:
    """Return collateral entry ``c`` and debt entry ``d`` of an account as a `Pair`."""
    entry, owed = model.collateral[c], model.debt[d]
    return Pair(
        c_amount[c],
        d_amount[d],
        legs[c - account.c_first].c,
        legs[d - account.d_first].d,
        moment.price[entry.quote].oracle / model.reserve[entry.asset].unit,
        moment.price[owed.call_quote].oracle / model.reserve[owed.asset].unit,
        entry.bonus_bps,
        model.reserve[entry.asset].fee_bps,
    )


@leaf
def means_of(i: int, j: int, capital_usd: float, sold: Records, model: Model, moment: Moment) -> Means:
    """Return what a call on collateral reserve ``i`` and debt reserve ``j`` can be made with."""
    price = moment.price[j].market_usd / model.reserve[j].unit
    lends = model.costs.flash_loans and model.reserve[j].flash_loans
    return Means(
        capital_usd / price if price > 0.0 else np.inf,
        sold[j].withdrawable if lends else 0.0,
        sold[i].withdrawable,
    )


@leaf
def fits(call: Seizure, means: Means, kept: bool) -> bool:
    """Return whether a call can be funded and, unless its collateral is kept, withdrawn."""
    if kept:
        return call.repaid <= means.own
    return call.repaid <= max(means.own, means.lent) and call.seized - call.fee <= means.redeemable


@leaf
def most_fitting(pair: Pair, means: Means, kept: bool, model: Model) -> float:
    """Return the largest repayment that surely `fits`; inf without limits."""
    if kept:
        return means.own
    most = max(means.own, means.lent)
    if means.redeemable == np.inf:
        return most
    per_unit = pair.d_price / pair.c_price * kept_bps(pair, model) / 10_000.0
    return min(most, means.redeemable * (1.0 - 16.0 * U) / per_unit - 2.0)


@leaf
def price_call(
    c: int,
    d: int,
    call: Seizure,
    offer: float,
    sold: Records,
    means: Means,
    kept: bool,
    model: Model,
    moment: Moment,
) -> Call:
    """Return ``call`` with its proceeds and profit."""
    i, j = model.collateral[c].asset, model.debt[d].asset
    tokens = (call.seized - call.fee) / model.reserve[i].unit
    if kept:
        proceeds = tokens * moment.price[i].market_usd * (1.0 - model.costs.token_discount)
    elif i == j:  # the debt is repaid with what was seized: nothing is sold
        proceeds = tokens * moment.price[i].market_usd
    else:
        fetched = sale_usd(i, sold[i].pressure_tokens, tokens, moment.price[i].curve_usd, model)
        proceeds = fetched * (1.0 - model.costs.swap_fee)
    cost = call.repaid / model.reserve[j].unit * moment.price[j].market_usd
    if call.repaid > means.own:
        cost += cost * model.costs.flash_fee
    profit = proceeds - cost - model.costs.gas_usd
    return Call(c, d, offer, call.seized, call.repaid, call.fee, proceeds, profit, kept)


@leaf
def kept_bps(pair: Pair, model: Model) -> float:
    """Return what a liquidator is paid out for 10000 of debt: bonus less the treasury's share."""
    if not model.rules.has_protocol_fee:
        return float(pair.bonus_bps)
    return float(pair.bonus_bps - (pair.bonus_bps - 10_000.0) * pair.fee_bps / 10_000.0)


@leaf
def most_at_margin(c: int, d: int, pair: Pair, sold: Records, model: Model, moment: Moment) -> float:
    """Return the repayment at which the last token sold just pays for the debt it bought; inf if any."""
    i, j = model.collateral[c].asset, model.debt[d].asset
    if i == j:
        return np.inf
    tokens_per_unit = pair.d_price / pair.c_price * kept_bps(pair, model) / 10_000.0 / model.reserve[i].unit
    cost_per_unit = moment.price[j].market_usd / model.reserve[j].unit
    floor_usd = cost_per_unit / tokens_per_unit / (1.0 - model.costs.swap_fee)
    more = tokens_above(i, sold[i].pressure_tokens, moment.price[i].curve_usd, floor_usd, model)
    return float(more / tokens_per_unit)


@leaf
def is_call(seizure: Seizure) -> bool:
    """Return whether at least one smallest unit is repaid and one paid out.

    Tokens refuse to burn nothing; rounding could still give away a last unit for no repayment,
    and the twin leaves such gifts alone.
    """
    return seizure.repaid >= 1.0 and seizure.seized - seizure.fee >= 1.0


@leaf
def least_allowed(pair: Pair, health: Health, threshold_bps: float, rules: RuleNumbers) -> float:
    """Return the least repayment that surely restores a health factor of 1; inf if none or left as dust.

    A truncated average threshold may take another bps of the collateral from the health factor.
    """
    slope = ledger.lam(threshold_bps / 10_000.0, pair.bonus_bps / 10_000.0 - 1.0)
    if health.ratio <= slope:
        return np.inf
    missing = health.debt * (1.0 - health.ratio) + (health.collateral * 1e-4 if rules.truncated else 0.0)
    least = np.ceil(missing / (1.0 - slope) * (1.0 + 1e-9) / pair.d_price) + 1.0
    return np.inf if leaves_dust(pair, seizure_of(pair, least, rules), rules) else least


@leaf
def best_of_pair(
    c: int,
    d: int,
    pair: Pair,
    health: Health,
    near_one: bool,
    sold: Records,
    means: Means,
    model: Model,
    moment: Moment,
) -> Call:
    """Return the most profitable call on one pair."""
    most, best = most_repayable(pair, health.debt, near_one, model.rules), no_call()
    if model.costs.minimal:
        most = min(most, least_allowed(pair, health, model.collateral[c].threshold_bps, model.rules))
    takes = model.costs.token_discount >= 0.0 and means.redeemable < pair.c_amount
    for kept in range(2 if takes else 1):  # one place to call from: half the machine code
        call = best_within(c, d, pair, most, sold, means, kept == 1, model, moment)
        if call.profit_usd > best.profit_usd:
            best = call
    return best


@leaf
def best_within(
    c: int,
    d: int,
    pair: Pair,
    most: float,
    sold: Records,
    means: Means,
    kept: bool,
    model: Model,
    moment: Moment,
) -> Call:
    """Return the most profitable call on one pair whose collateral is kept, or is not."""
    best = no_call()
    whole = seizure_of(pair, most, model.rules)
    allowed = not leaves_dust(pair, whole, model.rules)
    if allowed and is_call(whole) and fits(whole, means, kept):
        offer = most if model.costs.minimal else np.inf
        best = price_call(c, d, whole, offer, sold, means, kept, model, moment)
    less = most_fitting(pair, means, kept, model)
    if not kept:
        less = min(less, most_at_margin(c, d, pair, sold, model, moment))
    if model.rules.min_leftover_base > 0.0 and (not allowed or less < most):
        less = min(less, most_without_dust(pair, model.rules))
    if less >= most:
        return best
    less = np.floor(less)
    part = seizure_of(pair, less, model.rules)
    if less >= 1.0 and is_call(part) and fits(part, means, kept) and not leaves_dust(pair, part, model.rules):
        other = price_call(c, d, part, less, sold, means, kept, model, moment)
        if other.profit_usd > best.profit_usd:
            best = other
    return best


@leaf
def worth_of_units(account: Any, model: Model, moment: Moment) -> float:
    """Return what one smallest unit of every leg is worth together: what rounding can move."""
    total = 0.0
    for c in range(account.c_first, account.c_last):
        i = model.collateral[c].asset
        total += moment.price[i].market_usd / model.reserve[i].unit
    for d in range(account.d_first, account.d_last):
        j = model.debt[d].asset
        total += moment.price[j].market_usd / model.reserve[j].unit
    return total


@leaf
def is_better(profit_usd: float, size: float, best: Call, best_size: float, units_usd: float) -> bool:
    """Return whether a call earns more than the best so far, or as much on a larger pair."""
    if best.c < 0:
        return True
    margin = TIE * abs(best.profit_usd) + units_usd
    if profit_usd > best.profit_usd + margin:
        return True
    return profit_usd >= best.profit_usd - margin and size > best_size


@leaf
def is_open(asset: int, quote: int, model: Model, moment: Moment) -> bool:
    """Return whether a call may touch the reserve: priced, active, not paused, past its grace."""
    return bool(moment.price[quote].oracle > 0.0 and moment.time_s > model.reserve[asset].open_after_s)


@leaf
def best_call(
    account: Any,
    health: Health,
    near_one: bool,
    c_amount: FloatArray,
    d_amount: FloatArray,
    legs: Records,
    sold: Records,
    capital_usd: float,
    model: Model,
    moment: Moment,
) -> Call:
    """Return the most profitable call on an account; ``legs`` hold its current values."""
    best, best_size, units_usd = no_call(), 0.0, worth_of_units(account, model, moment)
    for c in range(account.c_first, account.c_last):
        entry = model.collateral[c]
        if not entry.on or entry.bonus_bps <= 0.0 or c_amount[c] < 1.0:
            continue
        if not is_open(entry.asset, entry.quote, model, moment):
            continue
        for d in range(account.d_first, account.d_last):
            owed = model.debt[d]
            if d_amount[d] < 1.0 or not is_open(owed.asset, owed.call_quote, model, moment):
                continue
            pair = pair_of(account, c, d, c_amount, d_amount, legs, model, moment)
            means = means_of(entry.asset, owed.asset, capital_usd, sold, model, moment)
            call = best_of_pair(c, d, pair, health, near_one, sold, means, model, moment)
            size = pair.c_value + pair.d_value
            if call.c >= 0 and is_better(call.profit_usd, size, best, best_size, units_usd):
                best, best_size = call, size
    return best
