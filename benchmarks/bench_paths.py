"""A market along many paths without feedback, against valuing every account at every step.

The baseline is what one writes first: for each path and account, keep its balances, value it at
every step in float64, and where it is below health 1 make the engine's own call until it is not.
Paths run on all cores.  Both must liquidate the same accounts, first at the same time, for the
same amounts.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.bench_engine import FREE, market_of
from benchmarks.timing import row
from risk.engine.advance import Engine, Inputs, engine_of, prices_at, run, start
from risk.engine.arrays import FloatArray, Records
from risk.engine.decide import nothing_decided
from risk.engine.events import EventLog, no_log
from risk.engine.health import LEG
from risk.engine.jit import jit, kernel, over_scenarios
from risk.engine.liquidate import MAX_CALLS, Decided, try_call
from risk.engine.model import Model, Moment
from risk.engine.prune import pruned
from risk.engine.state import BELOW, State
from risk.engine.view import balances

SEED = 20_260_312
ACCOUNTS, PATHS, STEPS = 100_000, 256, 1_440
BLOCK = 64
SAMPLE = 2  # paths the baseline runs; its time is scaled
DAILY_VOLATILITY = 0.04
COUNTED, SUMMED = ("liquidated_accounts", "calls", "first_liquidation_s"), ("repaid_usd", "seized_usd")


@jit
def ratio_below(u: int, s: int, price: Records, model: Model, state: State) -> bool:
    """Return whether an account may be below health 1, unrounded and with room for rounding."""
    account = model.account[u]
    c_amount, d_amount = balances(u, s, model, state)
    weighted = debt = 0.0
    for k in range(account.c_first, account.c_last):
        entry = model.collateral[k]
        if entry.on:
            value = c_amount[k] * price[entry.quote].oracle / model.reserve[entry.asset].unit
            weighted += value * entry.threshold_bps
    for k in range(account.d_first, account.d_last):
        owed = model.debt[k]
        debt += d_amount[k] * price[owed.quote].oracle / model.reserve[owed.asset].unit
    return bool(weighted < 10_000.0 * debt * (1.0 + 1e-9) + 1e5)


@kernel
def step_by_step(
    first: int,
    last: int,
    rows: Records,
    time_s: FloatArray,
    hours: float,
    gate: int,
    model: Model,
    state: State,
    decided: Decided,
    log: EventLog,
) -> None:
    """Take every account of paths ``first`` .. ``last - 1`` through every step; ``rows`` (T, S, Q)."""
    legs = np.zeros(model.most_legs, dtype=LEG)
    for s in range(first, last):
        for u in range(len(model.account)):
            if model.account[u].d_first == model.account[u].d_last:
                continue
            for t in range(len(rows)):
                if not ratio_below(u, s, rows[t, s], model, state):
                    continue
                moment = Moment(rows[t, s], time_s[t], hours, gate)
                state.status[s, u] = BELOW
                for _ in range(MAX_CALLS):
                    if not try_call(u, s, moment, model, state, decided, log, 0, legs):
                        break


def paths_of(engine: Engine, paths: int, steps: int, seed: int) -> list[Inputs]:
    """Return a day of random walks, one a reserve, ``steps`` steps."""
    snapshot, rng = engine.snapshot, np.random.default_rng(seed)
    shape = (paths, steps, len(snapshot.reserves))
    walk = np.cumsum(rng.normal(0.0, DAILY_VOLATILITY / np.sqrt(steps), shape), axis=1)
    usd = snapshot.price_usd * np.exp(walk)
    now = np.array([float(r.price_raw) for r in snapshot.reserves])
    raw = np.rint(now * np.exp(walk)).astype(np.int64)
    each_s = 86_400.0 / steps
    return [Inputs(raw[:, t], usd[:, t], usd[:, t], t * each_s, each_s / 3_600) for t in range(steps)]


def ours(engine: Engine, path: list[Inputs]) -> State:
    """Return the state after a block of paths."""
    less = pruned(engine, path)
    return run(less, start(less, len(path[0].market_usd)), path)[0]


def baseline(engine: Engine, path: list[Inputs], sample: int) -> State:
    """Return the state after the first ``sample`` paths, books not closed."""
    some = [
        i._replace(
            oracle_raw=i.oracle_raw[:sample], market_usd=i.market_usd[:sample], fair_usd=i.fair_usd[:sample]
        )
        for i in path
    ]
    prices = [prices_at(engine, i) for i in some]
    rows = np.stack([p.rows for p in prices])
    times = np.array([p.time_s for p in prices])
    state = start(engine, sample)
    over_scenarios(
        step_by_step,
        sample,
        rows,
        times,
        prices[0].hours,
        prices[0].gate,
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


def compare(accounts: int, paths: int, steps: int, block: int) -> dict[str, Any]:
    """Return the row of one size."""
    engine = engine_of(market_of(SEED, accounts), FREE)
    small = engine_of(market_of(SEED, 50), FREE)
    warm = paths_of(small, 2, 3, SEED)
    ours(small, warm), baseline(small, warm, 2)  # compile
    seconds, first = 0.0, None
    for a in range(0, paths, block):
        path = paths_of(engine, min(block, paths - a), steps, SEED + a)
        began = time.perf_counter()
        state = ours(engine, path)
        seconds += time.perf_counter() - began
        first = first or (path, state)
    assert first is not None
    began = time.perf_counter()
    expected = baseline(engine, first[0], SAMPLE)
    slow = (time.perf_counter() - began) * paths / SAMPLE
    return row(
        "paths without feedback",
        f"{accounts} accounts x {paths} paths x {steps} steps",
        seconds,
        f"numba loop over every step, all cores, {SAMPLE} paths, scaled",
        slow,
        same(first[1], expected),
    )


def rows() -> list[dict[str, Any]]:
    """Return the comparison."""
    return [compare(ACCOUNTS, PATHS, STEPS, BLOCK)]
