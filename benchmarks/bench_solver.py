"""The solver's parts: its sweeps against following every account, and the joint program."""

from __future__ import annotations

import time
from typing import Any

import numba
import numpy as np

from benchmarks.solver_market import days, market_of
from benchmarks.solver_size import LIMITS
from benchmarks.timing import row
from risk.engine.arrays import FloatArray
from risk.engine.book_sweep import book_sweep
from risk.engine.pair_sweep import Calls, Options, PairBook, pair_book, pair_sweep
from risk.solver.limits import read_limits
from risk.solver.losses import MEASURES, multiples
from risk.solver.menu import accounts_of, menu_of
from risk.solver.program import Program, TailLimit, solve
from risk.solver.sweep.book import sweep, sweepable

SEED = 20251207
PAIRS, ACCOUNTS = 100, 1_400  # of each pair
SCENARIOS, STEPS, OPTIONS = 20_000, 24, 13
SAMPLE = 40  # scenarios every account is followed in; the time is scaled to all
TAILS = (5_000, 100_000)
BOOK_ACCOUNTS, BOOK_SCENARIOS = 20_000, 256
CALLS = Calls(delay_steps=1, close_factor=0.5, reference_cost=0.005)


@numba.njit(parallel=True)
def follow(
    collateral: FloatArray,
    debt: FloatArray,
    oracle: FloatArray,
    fair: FloatArray,
    threshold: FloatArray,
    bonus: FloatArray,
    delay: int,
) -> FloatArray:
    """Return eligible and potential bad debt, (2, K, S), account by account and step by step."""
    scenarios, steps = oracle.shape
    out = np.zeros((2, len(threshold), scenarios))
    for s in numba.prange(scenarios):
        for k in range(len(threshold)):
            eligible = bad = 0.0
            for u in range(len(debt)):
                end, worst, fired = steps - 1, 0.0, False
                for t in range(steps):
                    if t > end:
                        break
                    if not fired and threshold[k] * collateral[u] * oracle[s, t] < debt[u]:
                        fired, end = True, min(t + delay, steps - 1)
                    least = min(oracle[s, t], fair[s, t])
                    worst = max(worst, debt[u] - collateral[u] * least / (1.0 + bonus[k]))
                eligible += debt[u] if fired else 0.0
                bad += worst
            out[0, k, s], out[1, k, s] = eligible, bad
    return out


def paths(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return a pair's oracle and fair ratios: hours of a day with fat tails, the oracle a little late."""
    hourly = rng.standard_t(4, (SCENARIOS, STEPS)) * 0.008
    fair = np.exp(np.cumsum(hourly, axis=1))
    oracle = np.concatenate([np.ones((SCENARIOS, 1)), fair[:, :-1]], axis=1) * 0.2 + fair * 0.8
    return oracle, fair


def sweep_row() -> dict[str, Any]:
    """Return the comparison of the sweep, all pairs, with following accounts in a sample of scenarios."""
    rng = np.random.default_rng(SEED)
    options = Options(0.77 + 0.005 * np.arange(OPTIONS), np.full(OPTIONS, 0.05))
    oracle, fair = paths(rng)
    seconds = loop_seconds = 0.0
    equal = True
    for pair in range(PAIRS):
        collateral = rng.lognormal(9, 2, ACCOUNTS)
        debt = collateral * rng.beta(6, 4, ACCOUNTS) * 0.8
        book: PairBook = pair_book(collateral, debt)
        if pair == 0:  # compile
            pair_sweep(book, oracle[:2], fair[:2], options, CALLS)
            follow(collateral, debt, oracle[:2], fair[:2], options.threshold, options.bonus, 1)
        began = time.perf_counter()
        got = pair_sweep(book, oracle, fair, options, CALLS)
        seconds += time.perf_counter() - began
        began = time.perf_counter()
        want = follow(collateral, debt, oracle[:SAMPLE], fair[:SAMPLE], options.threshold, options.bonus, 1)
        loop_seconds += (time.perf_counter() - began) * SCENARIOS / SAMPLE
        ours = np.stack([got.eligible_usd[:, :SAMPLE], got.bad_debt_usd[:, :SAMPLE]])
        equal &= bool(np.allclose(ours, want, rtol=1e-9, atol=1e-9 * debt.sum()))
    size = f"{PAIRS} pairs x {ACCOUNTS} accounts x {SCENARIOS} scenarios x {STEPS} steps x {OPTIONS} options"
    name = f"numba, all cores, every account and step, {SAMPLE} scenarios, scaled"
    return row("pair sweep", size, seconds, name, loop_seconds, equal)


def book_row() -> dict[str, Any]:
    """Return the sweep the solver makes, accounts of every kind, beside that which follows every account."""
    snapshot = market_of(SEED, BOOK_ACCOUNTS)
    menu = menu_of(snapshot, read_limits(LIMITS.format(bad_debt=1e15, avoidable=1e15)))
    accounts, options = accounts_of(snapshot, menu), menu.row_options()
    drawn = days(snapshot, SEED, BOOK_SCENARIOS, STEPS)
    oracle, fair = multiples(snapshot, drawn, drawn.produce(0, BOOK_SCENARIOS), None)
    ready = sweepable(accounts, options)
    for some in (oracle[:1], oracle):  # compile first
        began = time.perf_counter()
        got = sweep(ready, some, fair[: len(some)], CALLS)
        seconds = time.perf_counter() - began
    for some in (oracle[:1], oracle):
        began = time.perf_counter()
        want = book_sweep(accounts, some, fair[: len(some)], options, CALLS)
        book_seconds = time.perf_counter() - began
    slack = 1e-9 * accounts.d_usd.sum()
    equal = all(
        np.allclose(getattr(got.change, m), getattr(want.change, m), rtol=1e-9, atol=slack) for m in MEASURES
    )
    size = (
        f"{BOOK_ACCOUNTS} accounts x {BOOK_SCENARIOS} scenarios x {STEPS} steps x {len(menu.options)} options"
    )
    return row(
        "solver's sweep", size, seconds, "numba, all cores, every account within reach", book_seconds, equal
    )


def program_row(tail_scenarios: int) -> dict[str, Any]:
    """Return the time of the joint program; ``results_equal``: the gap is at most 1e-4."""
    rng = np.random.default_rng(SEED)
    rows, total = 30, 30 * OPTIONS
    factor = rng.exponential(1.0, tail_scenarios) ** 2
    size_usd = rng.lognormal(13, 1, rows)
    step = np.tile(np.arange(OPTIONS), rows)
    loss = np.repeat(size_usd, OPTIONS)[:, None] * (1 + 0.08 * step)[:, None] * factor
    loss = loss * rng.uniform(0.5, 1.5, (rows, tail_scenarios)).repeat(OPTIONS, axis=0)
    gain = np.repeat(rng.lognormal(17, 1, rows), OPTIONS) * (0.75 + 0.005 * step)
    middle = loss.reshape(rows, OPTIONS, tail_scenarios)[:, OPTIONS // 2].sum(axis=0)
    limit = float(np.sort(middle)[-tail_scenarios // 100 :].mean())
    tail = TailLimit("bad debt", loss, np.ones(tail_scenarios), 0.99, limit)
    program = Program(np.repeat(np.arange(rows), OPTIONS), gain, (tail,))
    began = time.perf_counter()
    got = solve(program)
    seconds = time.perf_counter() - began
    size = (
        f"{rows} rows x {OPTIONS} options x {tail_scenarios} scenarios, {total} binaries, gap {got.gap:.1e}"
    )
    return row(
        "joint program", size, seconds, "itself: no other exact way at this size", seconds, got.gap <= 1e-4
    )


def rows() -> list[dict[str, Any]]:
    """Return all rows."""
    return [sweep_row(), book_row(), *(program_row(count) for count in TAILS)]
