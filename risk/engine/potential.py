"""Potential bad debt: what would stay unpaid if every account were closed at its worst moment in reach.

Per account, with ``D`` its debt, ``C`` its counted collateral by bonus ``b``, at market prices, and
``t_liq`` the first moment it is liquidatable::

    max over t <= t_liq + latency of (D - sum C / (1 + b))+

Prices are those of the scenario, moved by no sale; nobody is called.  Realised bad debt depends on who
is called when, and may fall when a threshold rises; this only grows with thresholds, on every path,
since ``t_liq`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from protocols.snapshot import Snapshot
from risk.engine.accrual import Accrual, position_at
from risk.engine.advance import Engine, Inputs, prices_at, start
from risk.engine.arrays import FloatArray
from risk.engine.assumptions import Assumptions
from risk.engine.classify import classify
from risk.engine.decide import decide
from risk.engine.jit import jit, kernel, over_scenarios
from risk.engine.liquidators import Liquidators
from risk.engine.model import OPEN, Model, Moment, Prices, moment_of
from risk.engine.outage import Outage
from risk.engine.prices import Oracles
from risk.engine.prune import extremes, narrowed, touchable
from risk.engine.state import BELOW, State, block_size
from risk.scenarios.scenarios import BLOCK, ScenarioBlock, Scenarios


def potential_bad_debt(
    snapshot: Snapshot,
    scenarios: Scenarios,
    *,
    oracles: Oracles = None,
    liquidators: Liquidators | None = None,
    accrual: Accrual | bool = False,
    outage: Outage | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FloatArray:
    """Return the potential bad debt of every scenario, (S,) USD; parameters as in `risk.stress`.

    Of the liquidators only the latency counts.

    Raises
    ------
    ScenarioError
        As `risk.stress`.
    """
    # Sales are left out, so that their size and their order do not matter.
    assumed = Assumptions(oracles, None, liquidators, accrual, outage=outage)
    engine, n = assumed.engine(snapshot, scenarios), len(scenarios)
    size = block_size(engine.model, min(BLOCK, n), len(scenarios.time_s), len(scenarios.venues))
    total = np.zeros(n)
    for block in scenarios.blocks(size):
        total[block.start : block.start + len(block)] = _of_block(engine, scenarios, block, assumed)
        if progress is not None:
            progress(block.start + len(block), n)
    return total


def _of_block(engine: Engine, scenarios: Scenarios, block: ScenarioBlock, assumed: Assumptions) -> FloatArray:
    path = list(assumed.path(engine, scenarios, block, start(engine, 0)))
    engine = _within_reach(engine, path)
    state = start(engine, len(block))
    worst, ends_s = np.zeros(state.status.shape), np.full(state.status.shape, np.inf)
    for inputs in path:
        prices, model = prices_at(engine, inputs), engine.model_at(inputs.time_s)
        over_scenarios(classify, len(block), prices, model, state)
        look = position_at(engine.snapshot, engine.growth, inputs.time_s)
        state, _ = decide(engine.snapshot, inputs.oracle_raw, state, look)
        over_scenarios(_raise, len(block), prices, model, state, worst, ends_s)
    return np.asarray(worst.sum(axis=1))


def _within_reach(engine: Engine, path: Sequence[Inputs]) -> Engine:
    """Return the engine without the accounts whose collateral always pays debt and bonus."""
    low, high = extremes([prices_at(engine, inputs) for inputs in path])
    largest = max(float(engine.model.collateral["bonus_bps"].max(initial=0)) / 10_000.0, 1.0)
    # As if collateral were worth less by the bonus: what then covers the debt leaves nothing unpaid.
    dear = low.copy()
    dear["market_usd"] /= largest
    moments = [Prices(rows, 0.0, 0.0, OPEN) for rows in (low, high, dear)]
    ends = (engine.model_at(path[0].time_s), engine.model_at(path[-1].time_s))
    return narrowed(engine, touchable(*ends, moments))


@kernel
def _raise(
    first: int, last: int, prices: Prices, model: Model, state: State, worst: FloatArray, ends_s: FloatArray
) -> None:
    """Raise ``worst`` (S, N) to what each account lacks now, until its time ``ends_s`` (S, N) is over."""
    for s in range(first, last):
        moment = moment_of(prices, s)
        for u in range(len(model.account)):
            if state.status[s, u] & BELOW and ends_s[s, u] == np.inf:
                ends_s[s, u] = moment.time_s + model.costs.latency_s
            if moment.time_s <= ends_s[s, u]:
                worst[s, u] = max(worst[s, u], _lacking(model.account[u], moment, model))


@jit
def _lacking(account: Any, moment: Moment, model: Model) -> float:
    """Return the debt beyond what the account's collateral pays after the bonus, USD; at least 0."""
    owed = paid = 0.0
    for d in range(account.d_first, account.d_last):
        j = model.debt[d].asset
        owed += model.d_amount[d] / model.reserve[j].unit * moment.price[j].market_usd
    if owed == 0.0:
        return 0.0
    for c in range(account.c_first, account.c_last):
        entry = model.collateral[c]
        if entry.on:
            value = model.c_amount[c] / model.reserve[entry.asset].unit * moment.price[entry.asset].market_usd
            paid += value / max(entry.bonus_bps / 10_000.0, 1.0)
    return max(owed - paid, 0.0)
