"""The solver's stages on a market of any size, in a process of its own: time and largest memory of each.

``python -m benchmarks.solver_size ACCOUNTS SCENARIOS`` prints them as JSON.  Days are drawn before and kept
as prices, float32 to save memory, so that no stage has the generator in its time; every stage reads the
same.  The limits are what doing nothing comes to.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.footprint import peak_mib
from benchmarks.solver_market import days, market_of
from risk.scenarios.scenarios import BLOCK, ScenarioBlock, Scenarios

ROOT = Path(__file__).resolve().parent.parent
SEED, STEPS = 20_260_313, 24
LIMITS = """
[tail]
level = 0.99
[bad_debt]
cvar_usd = {bad_debt}
[avoidable_loss]
cvar_usd = {avoidable}
[box]
threshold_bps = 300
threshold_step_bps = 50
ltv_bps = 300
[calls]
delay_s = 3600
[solver]
relever = [0]
"""
T = TypeVar("T")


def measured(accounts: int, scenarios: int) -> dict[str, Any]:
    """Return what a process of its own measures."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.solver_size", str(accounts), str(scenarios)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class Stages:
    """Times one stage after the other."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def run(self, name: str, work: Callable[[], T]) -> T:
        """Return what the stage returns."""
        wall, cpu = time.perf_counter(), time.process_time()
        got = work()
        self.rows.append(
            {
                "stage": name,
                "seconds": time.perf_counter() - wall,
                "cpu_seconds": time.process_time() - cpu,
                "peak_mib": peak_mib(),
            }
        )
        print(f"  {json.dumps(self.rows[-1])}", file=sys.stderr, flush=True)
        return got


def drawn(scenarios: Scenarios) -> Scenarios:
    """Return the same with all prices made before, kept as float32 and so rounded."""
    shape = (len(scenarios), len(scenarios.time_s), len(scenarios.assets))
    market, fair = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
    for first in range(0, len(scenarios), BLOCK):
        last = min(first + BLOCK, len(scenarios))
        block = scenarios.produce(first, last)
        market[first:last], fair[first:last] = block.market_price_usd[:, :, 0], block.fair_price_usd

    def produce(first: int, last: int) -> ScenarioBlock:
        own = market[first:last].astype(np.float64), fair[first:last].astype(np.float64)
        return ScenarioBlock(first, own[0][:, :, None], own[1])

    return replace(scenarios, produce=produce)


def measure(accounts: int, scenarios: int) -> dict[str, Any]:
    """Run all stages here."""
    from risk.measures import expected_shortfall
    from risk.solver.additive import program_of
    from risk.solver.certificate import certify
    from risk.solver.evaluate import Setting, broken, judged
    from risk.solver.limits import read_limits
    from risk.solver.menu import menu_of
    from risk.solver.program import solve
    from risk.solver.relaxation import all_losses, single_row_losses

    stages = Stages()
    snapshot = stages.run("market", lambda: market_of(SEED, accounts))
    design = stages.run("draw", lambda: drawn(days(snapshot, SEED, scenarios, STEPS)))
    open_ = read_limits(LIMITS.format(bad_debt=1e15, avoidable=1e15))
    menu = stages.run("menu", lambda: menu_of(snapshot, open_))
    first = Setting(snapshot, menu, replace(design, **_few(design, 64)), open_)
    judged(first, menu.current, realised=False)  # compiled before
    setting = Setting(snapshot, menu, design, open_)
    single = stages.run("sweep, accounts under one row", lambda: single_row_losses(setting))
    losses = stages.run("sweep, all others", lambda: all_losses(setting, single))
    now, level = losses[0].swept.now, open_["tail.level"]
    bounds = {
        "bad_debt": expected_shortfall(now.bad_debt_usd, level, design.weight),
        "avoidable": expected_shortfall(now.avoidable_usd, level, design.weight),
    }
    setting = replace(setting, limits=read_limits(LIMITS.format(**bounds)))
    program = stages.run("program", lambda: program_of(setting, losses))
    choice = stages.run("solve", lambda: solve(program))
    assert choice.option is not None, "doing nothing keeps the limits"
    chosen = choice.option[: len(menu.rows)]
    after = stages.run("judge choice", lambda: judged(setting, chosen, realised=False))
    fresh = stages.run("draw again", lambda: drawn(days(snapshot, SEED + 1, scenarios, STEPS)))
    proof = stages.run("certify", lambda: certify(setting, chosen, fresh))
    return {
        "accounts": accounts,
        "scenarios": scenarios,
        "options": len(menu.options),
        "stages": stages.rows,
        "gap": choice.gap,
        "kept": choice.kept,
        "broken": [a.name for a in broken(after.amounts)],
        "bounds": {b.name: [b.cvar_usd, b.cvar_bound_usd, b.limit] for b in proof.bounds},
    }


def _few(scenarios: Scenarios, count: int) -> dict[str, Any]:
    return {
        "names": scenarios.names[:count],
        "groups": scenarios.groups[:count],
        "weight": scenarios.weight[:count],
    }


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.solver_size", description=__doc__)
    for name in ("accounts", "scenarios"):
        parser.add_argument(name, type=int)
    given = parser.parse_args()
    print(json.dumps(measure(given.accounts, given.scenarios)))


if __name__ == "__main__":
    main()
