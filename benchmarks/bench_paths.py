"""A market along many paths without feedback, against valuing every account at every step.

The baseline is what one writes first: for each path and account, keep its balances, value it at
every step in float64, and where it is below health 1 make the engine's own call until it is not.
Paths run on all cores.  Both must liquidate the same accounts, first at the same time, for the
same amounts.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np

from benchmarks.bench_engine import FREE, market_of
from benchmarks.timing import row
from risk.engine.advance import Engine, engine_of, start
from risk.engine.arrays import FloatArray, IntArray, Records
from risk.engine.decide import nothing_decided
from risk.engine.events import EventLog, no_log
from risk.engine.health import LEG
from risk.engine.jit import kernel, over_scenarios
from risk.engine.liquidate import MAX_CALLS, Decided, try_call
from risk.engine.model import OPEN, Model, Moment
from risk.engine.paths import follow, price_rows
from risk.engine.prices import Along
from risk.engine.state import BELOW, State, block_size
from risk.engine.view import balances

SEED = 20_260_312
SIZES = ((20_000, 32, 720), (100_000, 256, 1_440))  # accounts, paths, steps
SAMPLE = 2  # paths the baseline runs, one a core; its time is scaled
DAILY_VOLATILITY = 0.04
COUNTED, SUMMED = ("liquidated_accounts", "calls", "first_liquidation_s"), ("repaid_usd", "seized_usd")


class Plain(NamedTuple):
    """The book as plain arrays, debt at ``d_ptr[u]`` and on.

    A balance times its ``*_weight`` and the price of its ``*_quote`` is its value, times the threshold.
    """

    c_ptr: IntArray
    d_ptr: IntArray
    c_weight: FloatArray
    d_weight: FloatArray
    c_quote: IntArray
    d_quote: IntArray


def plain_of(model: Model) -> Plain:
    """Return the book of a model."""
    unit, c, d = model.reserve["unit"], model.collateral, model.debt
    return Plain(
        np.append(model.account["c_first"], len(c)),
        np.append(model.account["d_first"], len(d)),
        np.where(c["on"] != 0, c["threshold_bps"] / 1e4, 0.0) / unit[c["asset"]],
        1.0 / unit[d["asset"]],
        c["quote"].copy(),
        d["quote"].copy(),
    )


@kernel
def step_by_step(
    first: int,
    last: int,
    rows: Records,
    oracle: FloatArray,
    time_s: FloatArray,
    hours: float,
    plain: Plain,
    model: Model,
    state: State,
    decided: Decided,
    log: EventLog,
) -> None:
    """Take every account of paths ``first`` .. ``last - 1`` through every step; ``rows`` (S, T, Q)."""
    legs = np.zeros(model.most_legs, dtype=LEG)
    for s in range(first, last):
        price = oracle[s]
        for u in range(len(model.account)):
            c_first, c_last = plain.c_ptr[u], plain.c_ptr[u + 1]
            d_first, d_last = plain.d_ptr[u], plain.d_ptr[u + 1]
            if d_first == d_last:
                continue
            c_amount, d_amount = balances(u, s, model, state)
            for t in range(len(price)):
                weighted = debt = 0.0
                for k in range(c_first, c_last):
                    weighted += c_amount[k] * plain.c_weight[k] * price[t, plain.c_quote[k]]
                for k in range(d_first, d_last):
                    debt += d_amount[k] * plain.d_weight[k] * price[t, plain.d_quote[k]]
                if weighted >= debt * (1.0 + 1e-9) + 10.0:  # unrounded: room for a unit a leg
                    continue
                moment = Moment(rows[s, t], time_s[t], hours, OPEN)
                state.status[s, u] = BELOW
                for _ in range(MAX_CALLS):
                    if not try_call(u, s, moment, model, state, decided, log, 0, legs):
                        break
                c_amount, d_amount = balances(u, s, model, state)


def paths_of(engine: Engine, paths: int, steps: int, seed: int) -> Along:
    """Return a day of random walks, one a reserve, ``steps`` steps."""
    snapshot, rng = engine.snapshot, np.random.default_rng(seed)
    shape = (paths, steps, len(snapshot.reserves))
    walk = np.cumsum(rng.normal(0.0, DAILY_VOLATILITY / np.sqrt(steps), shape), axis=1)
    usd = snapshot.price_usd * np.exp(walk)
    now = np.array([float(r.price_raw) for r in snapshot.reserves])
    raw = np.rint(now * np.exp(walk)).astype(np.int64)
    each_s = 86_400.0 / steps
    hours, gates = np.full(steps, each_s / 3_600), np.full(steps, OPEN)
    return Along(raw, usd, usd, np.arange(steps) * each_s, hours, gates)


def baseline(engine: Engine, path: Along, sample: int) -> State:
    """Return the state after the first ``sample`` paths, books not closed."""
    some = path._replace(
        oracle_raw=path.oracle_raw[:sample],
        market_usd=path.market_usd[:sample],
        fair_usd=path.fair_usd[:sample],
    )
    state = start(engine, sample)
    over_scenarios(
        step_by_step,
        sample,
        price_rows(engine, some),
        some.oracle_raw.astype(np.float64),
        some.time_s,
        float(some.hours[0]),
        plain_of(engine.model),
        engine.model,
        state,
        nothing_decided(sample),
        no_log(sample),
    )
    return state


def same(got: State, expected: State) -> bool:
    """Return whether counts and first times are the same, and amounts to 1e-9."""
    n = len(expected.scenario)
    counts = all(np.array_equal(got.scenario[k][:n], expected.scenario[k]) for k in COUNTED)
    return counts and all(np.allclose(got.asset[k][:n], expected.asset[k], rtol=1e-9) for k in SUMMED)


def compare(accounts: int, paths: int, steps: int, sample: int = SAMPLE) -> dict[str, Any]:
    """Return the row of one size."""
    engine = engine_of(market_of(SEED, accounts), FREE)
    small = engine_of(market_of(SEED, 50), FREE)
    warm = paths_of(small, 2, 3, SEED)
    follow(small, warm), baseline(small, warm, 2)  # compile
    block = block_size(engine.model, paths, steps)
    seconds, first = 0.0, None
    for a in range(0, paths, block):
        path = paths_of(engine, min(block, paths - a), steps, SEED + a)
        began = time.perf_counter()
        state, _ = follow(engine, path)
        seconds += time.perf_counter() - began
        first = first or (path, state)
    assert first is not None
    began = time.perf_counter()
    expected = baseline(engine, first[0], sample)
    slow = (time.perf_counter() - began) * paths / sample
    return row(
        "paths without feedback",
        f"{accounts} accounts x {paths} paths x {steps} steps",
        seconds,
        f"numba loop over every step, all cores, {sample} paths, scaled",
        slow,
        same(first[1], expected),
    )


def rows() -> list[dict[str, Any]]:
    """Return the comparison."""
    return [compare(*size) for size in SIZES]
