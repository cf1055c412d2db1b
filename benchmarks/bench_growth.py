"""How time grows with accounts, paths and steps: each doubled three times, against half as much.

A ratio near 0.5 is linear growth.  Results are compared through what doubling must not change:
two halves of a book add up, the first half of the paths ends as before, and a step held for two
liquidates what it did.  Every number of paths runs in a process of its own, whose largest resident
memory stands beside it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.bench_engine import FREE, market_of, shocks_of
from benchmarks.footprint import footprint
from benchmarks.timing import row
from protocols.snapshot import Snapshot
from risk.engine.prune import of_accounts
from risk.engine.stress import stress
from risk.outcome import Outcome
from risk.scenarios.scenarios import ScenarioBlock, Scenarios

SEED = 20_260_313
ACCOUNTS, PATHS, STEPS = 1_000, 128, 16
DOUBLINGS = 3


def timed(snapshot: Snapshot, scenarios: Scenarios) -> tuple[float, Outcome]:
    """Return the time of a run and its outcome."""
    began = time.perf_counter()
    outcome = stress(snapshot, scenarios, liquidators=FREE)
    return time.perf_counter() - began, outcome


def held(scenarios: Scenarios) -> Scenarios:
    """Return paths whose every step lasts for two."""

    def produce(a: int, b: int) -> ScenarioBlock:
        block = scenarios.produce(a, b)
        doubled = (np.repeat(p, 2, axis=1) for p in (block.market_price_usd, block.fair_price_usd))
        return ScenarioBlock(a, *doubled)

    return replace(scenarios, time_s=np.arange(2 * len(scenarios.time_s)) * 1_800.0, produce=produce)


def by_accounts() -> list[dict[str, Any]]:
    """Return the rows of doubled books."""
    whole = market_of(SEED, ACCOUNTS * 2**DOUBLINGS)
    scenarios, out = shocks_of(whole, SEED, PATHS, STEPS), []
    sizes = [ACCOUNTS * 2**k for k in range(DOUBLINGS + 1)]
    runs = [timed(of_accounts(whole, np.arange(n)), scenarios) for n in sizes]
    for n, (before, half), (seconds, all_) in zip(sizes[1:], runs[:-1], runs[1:], strict=True):
        rest = timed(of_accounts(whole, np.arange(n // 2, n)), scenarios)[1]
        equal = np.array_equal(all_.liquidated_accounts, half.liquidated_accounts + rest.liquidated_accounts)
        size = f"{n} accounts x {PATHS} paths x {STEPS} steps"
        out.append(row("growth in accounts", size, seconds, "half the accounts", before, equal))
    return out


def by_paths() -> list[dict[str, Any]]:
    """Return the rows of doubled numbers of paths."""
    sizes = [PATHS * 2 ** (k + 2) for k in range(DOUBLINGS + 1)]
    out = []
    for half, all_ in pairwise([(n, footprint(ACCOUNTS, n, STEPS)) for n in sizes]):
        (_, before), (n, run) = half, all_
        size = f"{ACCOUNTS} accounts x {n} paths x {STEPS} steps, at most {run['peak_mib']:.0f} MiB"
        equal = run["half"] == before["all"]
        out.append(row("growth in paths", size, run["seconds"], "half the paths", before["seconds"], equal))
    return out


def by_steps() -> list[dict[str, Any]]:
    """Return the rows of doubled numbers of steps."""
    snapshot = market_of(SEED, ACCOUNTS)
    scenarios, out = shocks_of(snapshot, SEED, PATHS, STEPS), []
    before, half = timed(snapshot, scenarios)
    for _ in range(DOUBLINGS):
        scenarios = held(scenarios)
        seconds, all_ = timed(snapshot, scenarios)
        equal = np.array_equal(all_.liquidated_accounts, half.liquidated_accounts)
        size = f"{ACCOUNTS} accounts x {PATHS} paths x {len(scenarios.time_s)} steps"
        out.append(row("growth in steps", size, seconds, "half the steps", before, equal))
        before, half = seconds, all_
    return out


def rows() -> list[dict[str, Any]]:
    """Return all of them."""
    small = market_of(SEED, 10)
    stress(small, shocks_of(small, SEED, 2, 2), liquidators=FREE)  # compile
    return [*by_accounts(), *by_paths(), *by_steps()]
