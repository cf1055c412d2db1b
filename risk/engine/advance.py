"""The engine in time: one moment, and whole paths as its fold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine import state as states
from risk.engine.accrual import Growth, grow, position_at
from risk.engine.arrays import FloatArray, IntArray
from risk.engine.classify import classify
from risk.engine.closing import close
from risk.engine.decide import decide
from risk.engine.events import EventLog, log_for, no_log
from risk.engine.jit import over_scenarios
from risk.engine.liquidate import liquidate
from risk.engine.liquidators import Liquidators
from risk.engine.liquidity import Liquidity
from risk.engine.model import OPEN, Model, Prices, model_of, prices_of
from risk.engine.refill import refill
from risk.engine.state import BELOW, CALLED, State


class Step(NamedTuple):
    """What one moment did: ``sold_tokens`` and ``repaid_usd`` (S, A), ``calls`` (S,), the log."""

    sold_tokens: FloatArray
    repaid_usd: FloatArray
    calls: IntArray
    log: EventLog


class Engine(NamedTuple):
    """A market ready to be stressed.

    The snapshot (for exact decisions), its model, and interest along the path where it accrues.
    """

    snapshot: Snapshot
    model: Model
    growth: Growth | None = None

    def model_at(self, time_s: float) -> Model:
        """Return the model with the balances of a time of the path."""
        if self.growth is None:
            return self.model
        return self.growth.model(self.model, self.growth.place(time_s))


class Inputs(NamedTuple):
    """Prices of a block at one moment.

    ``oracle_raw`` (S, A) integers in base-currency units; ``market_usd`` and ``fair_usd``
    (S, A) float64, USD per whole token; ``time_s`` from the snapshot; ``hours`` it lasts; ``gate``
    says whether calls land (`risk.engine.model`); ``curve_usd`` (S, A) the market price without
    the sales of this run, where they moved it.
    """

    oracle_raw: NDArray[Any]
    market_usd: FloatArray
    fair_usd: FloatArray
    time_s: float
    hours: float
    gate: int = OPEN
    curve_usd: FloatArray | None = None


def engine_of(
    snapshot: Snapshot,
    liquidators: Liquidators | None = None,
    depth: Depth | None = None,
    growth: Growth | None = None,
    liquidity: Liquidity = Liquidity.UNLIMITED,
) -> Engine:
    """Return the engine of a market.

    Defaults: `Liquidators` as documented, infinite depth, no interest, redemptions that never stop.
    """
    curves = depth or Depth.infinite_for(snapshot)
    model = model_of(snapshot, curves, liquidators or Liquidators(), liquidity)
    return Engine(snapshot, model, growth)


def start(engine: Engine, scenarios: int) -> State:
    """Return the state of a block before its first moment."""
    return states.start(engine.model, scenarios, 1 + len(engine.snapshot.emodes))


def advance(engine: Engine, state: State, inputs: Inputs, *, events: bool = False) -> tuple[State, Step]:
    """Let liquidators act at one moment of a block of scenarios.

    Parameters
    ----------
    engine : Engine
    state : State
        Consumed: the returned state shares its memory.  `risk.engine.state.copy` keeps one.
    inputs : Inputs
    events : bool
        Log every call; costs a second pass over a copy of the state.

    Returns
    -------
    State, Step
    """
    prices, n, model = prices_at(engine, inputs), len(state.status), engine.model_at(inputs.time_s)
    pass_time(engine, state, inputs.time_s)
    over_scenarios(classify, n, prices, model, state)
    look = position_at(engine.snapshot, engine.growth, inputs.time_s)
    state, decided = decide(engine.snapshot, inputs.oracle_raw, state, look)
    before = state.asset.copy(), state.scenario["calls"].copy()
    log = no_log(n)
    if events:
        counted = states.copy(state)
        over_scenarios(liquidate, n, prices, model, counted, decided, log)
        log = log_for(counted.scenario["calls"] - before[1])
    over_scenarios(liquidate, n, prices, model, state, decided, log)
    sold, repaid = (state.asset[name] - before[0][name] for name in ("sold_tokens", "repaid_usd"))
    return state, Step(sold, repaid, state.scenario["calls"] - before[1], log)


def pass_time(engine: Engine, state: State, time_s: float) -> None:
    """Let interest accrue on balances already liquidated, and depth refill, up to ``time_s``."""
    since = state.scenario["at_s"]
    if not len(since) or since[0] == time_s:
        return
    if engine.growth is not None:
        supply, debt = engine.growth.factors(
            engine.growth.place(float(since[0])), engine.growth.place(time_s)
        )
        over_scenarios(grow, len(state.status), supply, debt, engine.model, state)
    refill(engine.model, state, time_s)
    since[:] = time_s


def finish(engine: Engine, state: State, inputs: Inputs) -> State:
    """Close the books after the last moment, whose inputs are given once more."""
    model = engine.model_at(inputs.time_s)
    over_scenarios(close, len(state.status), prices_at(engine, inputs), model, state)
    return state


def stuck(engine: Engine, state: State) -> IntArray:
    """Return how many accounts are liquidatable, hold collateral and are called by nobody, (S,)."""
    model = engine.model
    held = np.zeros(len(state.status), dtype=np.int64)
    for s, u in zip(*np.nonzero(state.status & BELOW), strict=True):
        own = slice(int(model.account["c_first"][u]), int(model.account["c_last"][u]))
        amount = state.c_amount[s] if state.flags[s, u] & CALLED else model.c_amount
        held[s] += bool((amount[own][model.collateral["on"][own] != 0] >= 1.0).any())
    return held


def run(
    engine: Engine, state: State, path: Iterable[Inputs], *, events: bool = False
) -> tuple[State, list[EventLog]]:
    """Return the state after a whole path, books closed: the fold of `advance`, then `finish`."""
    logs = []
    last = None
    for last in path:
        state, step = advance(engine, state, last, events=events)
        logs.append(step.log)
    return (state if last is None else finish(engine, state, last)), logs


def prices_at(engine: Engine, inputs: Inputs) -> Prices:
    """Return the inputs as the kernels read them."""
    return prices_of(
        engine.snapshot,
        engine.model,
        inputs.oracle_raw,
        inputs.market_usd,
        inputs.fair_usd,
        float(inputs.time_s),
        float(inputs.hours),
        inputs.gate,
        inputs.curve_usd,
    )
