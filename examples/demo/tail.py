"""What the demo's solver is judged by: the wave of December 2025 and draws of the shipped generator.

Forty per cent of the weight is stressed: the wave with its what-ifs, and days that start in the
generator's most turbulent state.  The rest are days that start in its median state.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from protocols.store import load
from risk.scenarios.build import digest
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.scenarios.storage import write_scenarios
from risk.venues.december_report import december
from risk.venues.scenario import for_market

HOUR_S = 3_600
DRAWS = {"small_sample": 150, "full_sample": 5_000}  # of each start
SPEC = """# {name}: the wave of December 2025 and {total:,} drawn days, {stressed:.0%} of the weight stressed.

[[paths]]  # the wave and its what-ifs, weights equal
folder = "wave"
share = 0.1
stressed = true

[[fhs]]  # days that start in the most turbulent state of the shipped model
horizon_s = 86400
scenarios = {draws}
seed = 7
start = "stressed"
share = 0.3
stressed = true

[[fhs]]  # and days that start in its median state
horizon_s = 86400
scenarios = {draws}
seed = 8
start = "median"
share = 0.6
"""


def write_tail(snapshot: Path, folder: Path, name: str) -> Path:
    """Write the wave for a market and the mixture around it, and return the mixture's file.

    Parameters
    ----------
    snapshot : Path
    folder : Path
        What an earlier run left there is replaced.
    name : str
        A key of `DRAWS`.
    """
    if folder.exists():
        shutil.rmtree(folder)
    write_scenarios(thinned(for_market(december().scenarios(), load(snapshot))), folder / "wave")
    spec = folder / f"{name}.toml"
    spec.write_text(spec_text(name), encoding="utf-8")
    return spec


def spec_text(name: str) -> str:
    """Return the mixture as a scenario spec; the wave is expected beside it."""
    draws = DRAWS[name]
    return SPEC.format(name=name.replace("_", " ").capitalize(), draws=draws, total=2 * draws, stressed=0.4)


def thinned(scenarios: Scenarios) -> Scenarios:
    """Return paths with every hour, and every moment at which an asset of a path is lowest.

    A day of minutes costs sixty times a day of hours; the lowest prices are what liquidates.
    """
    block = scenarios.produce(0, len(scenarios))
    lowest = [np.median(block.market_price_usd, axis=2).argmin(axis=1), block.fair_price_usd.argmin(axis=1)]
    hours = np.flatnonzero(scenarios.time_s % HOUR_S == 0)
    steps = np.unique(np.concatenate([hours, *(low.ravel() for low in lowest)]))

    def produce(start: int, stop: int) -> ScenarioBlock:
        every = scenarios.produce(start, stop)
        return ScenarioBlock(start, every.market_price_usd[:, steps], every.fair_price_usd[:, steps])

    identity = digest({"kind": "thinned", "of": scenarios.sha256}, steps.astype(np.float64))
    return replace(scenarios, time_s=scenarios.time_s[steps], produce=produce, sha256=identity)
