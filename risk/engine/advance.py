"""The engine in time: one moment, and whole paths as its fold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from numpy.typing import NDArray

from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine import state as states
from risk.engine.arrays import FloatArray, IntArray
from risk.engine.classify import classify
from risk.engine.closing import close
from risk.engine.decide import decide
from risk.engine.events import EventLog, log_for, no_log
from risk.engine.jit import over_scenarios
from risk.engine.liquidate import liquidate
from risk.engine.liquidators import Liquidators
from risk.engine.model import Model, Prices, model_of, prices_of
from risk.engine.state import State


class Step(NamedTuple):
    """What one moment did: ``sold_tokens`` and ``repaid_usd`` (S, A), ``calls`` (S,), the log."""

    sold_tokens: FloatArray
    repaid_usd: FloatArray
    calls: IntArray
    log: EventLog


class Engine(NamedTuple):
    """A market ready to be stressed: the snapshot (for exact decisions) and its model."""

    snapshot: Snapshot
    model: Model


class Inputs(NamedTuple):
    """Prices of a block at one moment.

    ``oracle_raw`` (S, A) integers in base-currency units; ``market_usd`` and ``fair_usd``
    (S, A) float64, USD per whole token; ``time_s`` from the snapshot; ``hours`` it lasts.
    """

    oracle_raw: NDArray[Any]
    market_usd: FloatArray
    fair_usd: FloatArray
    time_s: float
    hours: float


def engine_of(
    snapshot: Snapshot, liquidators: Liquidators | None = None, depth: Depth | None = None
) -> Engine:
    """Return the engine of a market; defaults: `Liquidators` as documented, infinite depth."""
    return Engine(
        snapshot, model_of(snapshot, depth or Depth.infinite_for(snapshot), liquidators or Liquidators())
    )


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
    prices, n = prices_at(engine, inputs), len(state.status)
    over_scenarios(classify, n, prices, engine.model, state)
    state, decided = decide(engine.snapshot, inputs.oracle_raw, state)
    before = state.asset.copy(), state.scenario["calls"].copy()
    log = no_log(n)
    if events:
        counted = states.copy(state)
        over_scenarios(liquidate, n, prices, engine.model, counted, decided, log)
        log = log_for(counted.scenario["calls"] - before[1])
    over_scenarios(liquidate, n, prices, engine.model, state, decided, log)
    sold, repaid = (state.asset[name] - before[0][name] for name in ("sold_tokens", "repaid_usd"))
    return state, Step(sold, repaid, state.scenario["calls"] - before[1], log)


def finish(engine: Engine, state: State, inputs: Inputs) -> State:
    """Close the books after the last moment, whose inputs are given once more."""
    over_scenarios(close, len(state.status), prices_at(engine, inputs), engine.model, state)
    return state


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
    )
