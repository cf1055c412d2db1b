"""Block bootstrap: past hours as they were, all coins together, in blocks of random order.

Rows are centred, so that the drift of the years in the sample is not a forecast.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from protocols.snapshot import Snapshot
from risk.scenarios.build import digest
from risk.scenarios.conditions import Always, Condition
from risk.scenarios.history import Fill
from risk.scenarios.panel import Panel
from risk.scenarios.paths import from_log_paths, time_grid
from risk.scenarios.scenarios import Scenarios
from risk.scenarios.simulate import Kind, Resampler, Sample, check_block

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BLOCK_S = 12 * 3_600


def resampler_of(
    panel: Panel,
    *,
    kind: Kind = "stationary",
    block_s: int = BLOCK_S,
    condition: Condition | None = None,
    state: IntArray | None = None,
) -> Resampler:
    """Return the block bootstrap of a panel.

    Parameters
    ----------
    panel : Panel
    kind : {"stationary", "moving"}
    block_s : int
        Mean length of a block, or its length; rounded to whole steps, at least one.
    condition : Condition, optional
    state : (n,) int64, optional
        State of each row under the condition; one for all by default.

    Raises
    ------
    ScenarioError
        As `Resampler`.
    """
    check_block(block_s)
    value = panel.log_return - panel.log_return.mean(axis=0)
    states = np.zeros(len(panel), dtype=np.int64) if state is None else state
    sample = Sample(value, panel.follows, states)
    return Resampler(sample, kind, max(1, round(block_s / panel.step_s)), condition or Always())


def bootstrap(
    panel: Panel,
    snapshot: Snapshot,
    *,
    scenarios: int,
    horizon_s: int,
    seed: int,
    kind: Kind = "stationary",
    block_s: int = BLOCK_S,
    fill: Fill = "hold",
    given_betas: Mapping[str, float] | None = None,
    group: str = "bootstrap",
) -> Scenarios:
    """Return scenarios put together from blocks of a panel's rows.

    Parameters
    ----------
    panel : Panel
    snapshot : Snapshot
    scenarios, horizon_s, seed : int
    kind : {"stationary", "moving"}
    block_s : int
    fill, given_betas
        As `paths.from_log_paths`.
    group : str
        Group, and stem of the names.

    Raises
    ------
    ScenarioError
        If the horizon, block or market do not fit.
    """
    time_s = time_grid(horizon_s, panel.step_s)
    model = resampler_of(panel, kind=kind, block_s=block_s)
    steps = len(time_s) - 1
    return from_log_paths(
        snapshot,
        panel.coins,
        lambda start, stop: model.log_paths(start, stop, steps, seed),
        scenarios=scenarios,
        time_s=time_s,
        seed=seed,
        group=group,
        identity={
            "sample": digest({"coins": panel.coins}, model.sample.value, panel.end_s.astype(np.float64)),
            "blocks": [kind, model.block_steps],
        },
        fill=fill,
        given_betas=given_betas,
    )
