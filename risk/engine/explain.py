"""`explain`: one account through one scenario, step by step.

The scenario is run again whole, since what others sell moves the price; only the account's
own part is kept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine.accrual import Accrual
from risk.engine.advance import Engine, Inputs, Step, advance, pass_time, prices_at, start
from risk.engine.arrays import FloatArray
from risk.engine.assumptions import Assumptions
from risk.engine.calls import fair_view
from risk.engine.events import table_of
from risk.engine.feedback import Feedback
from risk.engine.health import LEG
from risk.engine.jit import kernel, over_scenarios
from risk.engine.liquidators import Liquidators
from risk.engine.liquidity import Liquidity
from risk.engine.model import Model, Prices, moment_of
from risk.engine.outage import Outage
from risk.engine.prices import Oracles
from risk.engine.state import State
from risk.engine.view import balances, look_at
from risk.explanation import Explanation, Leg, Moment
from risk.scenarios.scenarios import Scenarios


class View(NamedTuple):
    """An account at one moment: health factors and balances, smallest units."""

    health_oracle: float
    health_fair: float
    collateral: FloatArray
    debt: FloatArray


def explain(
    snapshot: Snapshot,
    scenarios: Scenarios,
    account: str,
    scenario: str | int,
    *,
    oracles: Oracles = None,
    depth: Depth | None = None,
    liquidators: Liquidators | None = None,
    accrual: Accrual | bool = False,
    liquidity: Liquidity = Liquidity.UNLIMITED,
    outage: Outage | None = None,
    feedback: Feedback | None = None,
) -> Explanation:
    """Return what happens to one account in one scenario, and why.

    Parameters
    ----------
    snapshot, scenarios, oracles, depth, liquidators, accrual, liquidity, outage, feedback
        As given to `risk.stress`.
    account : str
        As in ``snapshot.book.accounts``; case does not matter.
    scenario : str or int
        Name or index.

    Returns
    -------
    Explanation
        It prints itself; `Explanation.frame` has every moment.

    Raises
    ------
    InputError
        If the account or the scenario is not there.
    """
    assumed = Assumptions(oracles, depth, liquidators, accrual, liquidity, outage, feedback)
    return explained(snapshot, scenarios, assumed, account, scenario)


def explained(
    snapshot: Snapshot, scenarios: Scenarios, assumed: Assumptions, account: str, scenario: str | int
) -> Explanation:
    """Return `explain` under the assumptions of a run."""
    u, s = account_index(snapshot, account), scenario_index(scenarios, scenario)
    engine = assumed.engine(snapshot, scenarios)
    state, steps = start(engine, 1), []
    block = scenarios.produce(s, s + 1)
    for inputs in assumed.path(engine, scenarios, block, state):
        pass_time(engine, state, inputs.time_s)
        before = view_of(engine, state, inputs, u)
        state, step = advance(engine, state, inputs, events=True)
        steps.append(_moment(engine, inputs, step, before, view_of(engine, state, inputs, u), u))
    return Explanation(
        account=snapshot.book.accounts[u],
        scenario=scenarios.names[s],
        legs=_legs(snapshot, u),
        liquidatable_below=snapshot.rules.liquidatable_below_wad / 1e18,
        moments=tuple(steps),
        infinite_depth=bool((engine.model.reserve["curve_points"] == 0).any()),
    )


def account_index(snapshot: Snapshot, account: str) -> int:
    """Return the place of an account in the book.

    Raises
    ------
    InputError
        If the book does not hold it.
    """
    places = {name.lower(): k for k, name in enumerate(snapshot.book.accounts)}
    if account.lower() not in places:
        raise InputError(
            f"account '{account}' is not in the snapshot.",
            remedy="Take one of 'breakwater accounts SNAP --csv'.",
        )
    return places[account.lower()]


def scenario_index(scenarios: Scenarios, scenario: str | int) -> int:
    """Return the place of a scenario by name or index.

    Raises
    ------
    InputError
        If there is none.
    """
    if isinstance(scenario, str) and scenario in scenarios.names:
        return scenarios.names.index(scenario)
    if isinstance(scenario, int) and 0 <= scenario < len(scenarios):
        return scenario
    shown = ", ".join(f"'{name}'" for name in scenarios.names[:5])
    raise InputError(
        f"scenario {scenario!r} is not among the {len(scenarios)} run.",
        remedy=f"Give a name, such as {shown}, or an index from 0.",
    )


@kernel
def _watch(
    first: int, last: int, prices: Prices, model: Model, state: State, u: int, out: FloatArray
) -> None:
    """Fill ``out`` (S, 2) with the health of account ``u`` at oracle and at fair prices."""
    legs = np.zeros(model.most_legs, dtype=LEG)
    for s in range(first, last):
        moment = moment_of(prices, s)
        c_amount, d_amount = balances(u, s, model, state)
        out[s, 0] = look_at(u, s, moment, model, state, legs).ratio
        out[s, 1] = fair_view(model.account[u], c_amount, d_amount, model, moment).health


def view_of(engine: Engine, state: State, inputs: Inputs, u: int) -> View:
    """Return account ``u`` of the only scenario of ``state``."""
    health = np.zeros((1, 2))
    prices = prices_at(engine, inputs)
    model = engine.model_at(inputs.time_s)
    over_scenarios(_watch, 1, prices, model, state, u, health)
    account = model.account[u]
    c_amount, d_amount = balances(u, 0, model, state)
    return View(
        float(health[0, 0]),
        float(health[0, 1]),
        c_amount[account["c_first"] : account["c_last"]].copy(),
        d_amount[account["d_first"] : account["d_last"]].copy(),
    )


def _legs(snapshot: Snapshot, u: int) -> tuple[Leg, ...]:
    c, d = snapshot.book.collateral, snapshot.book.debt
    own_c, own_d = (slice(b.indptr[u], b.indptr[u + 1]) for b in (c, d))
    names, price, unit = snapshot.asset_names, snapshot.price_usd, snapshot.unit
    collateral = [
        Leg("collateral", names[i], float(amount) / unit[i], float(price[i]), bps / 1e4, bool(counted))
        for i, amount, bps, counted in zip(
            c.reserve[own_c], c.amount_raw[own_c], c.threshold_bps[own_c], c.counted[own_c], strict=True
        )
    ]
    debt = [
        Leg("debt", names[i], float(amount) / unit[i], float(price[i]))
        for i, amount in zip(d.reserve[own_d], d.amount_raw[own_d], strict=True)
    ]
    return (*collateral, *debt)


def _moment(engine: Engine, inputs: Inputs, step: Step, before: View, after: View, u: int) -> Moment:
    snapshot = engine.snapshot
    calls = table_of([(0, step.log)], snapshot.book.accounts, snapshot.asset_names)
    own = calls[calls["account"] == snapshot.book.accounts[u]]
    c, d = snapshot.book.collateral, snapshot.book.debt
    assets = [*c.reserve[c.indptr[u] : c.indptr[u + 1]], *d.reserve[d.indptr[u] : d.indptr[u + 1]]]
    unit = snapshot.unit[assets]
    oracle_usd = inputs.oracle_raw[0, assets].astype(np.float64) * snapshot.base.usd_per_raw
    return Moment(
        time_s=inputs.time_s,
        oracle_usd=tuple(float(x) for x in oracle_usd),
        market_usd=tuple(float(x) for x in inputs.market_usd[0, assets]),
        fair_usd=tuple(float(x) for x in inputs.fair_usd[0, assets]),
        health_oracle=before.health_oracle,
        health_fair=before.health_fair,
        health_after=after.health_oracle,
        tokens_after=tuple(float(x) for x in np.concatenate([after.collateral, after.debt]) / unit),
        calls=_in_tokens(own, snapshot),
        calls_of_others=len(calls) - len(own),
    )


def _in_tokens(calls: pd.DataFrame, snapshot: Snapshot) -> pd.DataFrame:
    """Return the calls with amounts in whole tokens beside the raw ones."""
    units = dict(zip(snapshot.asset_names, snapshot.unit, strict=True))
    out = calls.drop(columns="scenario").reset_index(drop=True)
    for amount, asset in (("repaid", "debt"), ("seized", "collateral"), ("fee", "collateral")):
        out[f"{amount}_tokens"] = out[f"{amount}_raw"] / out[asset].map(units).astype(np.float64)
    return out
