"""The generators a choice can be certified under, by name.

All but files are variants of the shipped model, so that a clone without any data has them.  Each makes
independent draws of equal weight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.scenarios.fhs import Fhs, filtered, shipped_fhs
from risk.scenarios.mixture import Component, mixture
from risk.scenarios.paths import from_log_paths, time_grid
from risk.scenarios.scenarios import Scenarios
from risk.scenarios.simulate import Resampler, Sample
from risk.scenarios.spec import load_scenarios
from risk.solver.returns import DAY_S

Generator = Callable[[Fhs, Snapshot, int, int], Scenarios]  # model, market, count, seed
APART = 2**32  # between the seeds of the parts of a mixture: far beyond any number of tries


def _stressed(model: Fhs, snapshot: Snapshot, count: int, seed: int) -> Scenarios:
    return filtered(model, snapshot, scenarios=count, horizon_s=DAY_S, seed=seed, start="stressed")


def _median(model: Fhs, snapshot: Snapshot, count: int, seed: int) -> Scenarios:
    return filtered(model, snapshot, scenarios=count, horizon_s=DAY_S, seed=seed, start="median")


def _falling(model: Fhs, snapshot: Snapshot, count: int, seed: int) -> Scenarios:
    return filtered(
        model,
        snapshot,
        scenarios=count,
        horizon_s=DAY_S,
        seed=seed,
        start="stressed",
        condition=model.down(),
    )


def _bootstrap(model: Fhs, snapshot: Snapshot, count: int, seed: int) -> Scenarios:
    """Return blocks of past hours at a volatility that stays where stress has it, and no fitted tail."""
    value = model.residual * np.sqrt(model.variance_at("stressed"))
    sample = Sample(value, model.follows, np.zeros(len(value), dtype=np.int64))
    drawn = Resampler(sample, "stationary", max(1, DAY_S // 2 // model.step_s))
    time_s = time_grid(DAY_S, model.step_s)
    return from_log_paths(
        snapshot,
        model.coins,
        lambda start, stop: drawn.log_paths(start, stop, len(time_s) - 1, seed),
        scenarios=count,
        time_s=time_s,
        seed=seed,
        group="bootstrap",
        identity={"model": model.sha256, "variance": "stressed, constant"},
    )


def _mixture(model: Fhs, snapshot: Snapshot, count: int, seed: int) -> Scenarios:
    """Return as many draws from the median start as from the stressed one, with streams of their own."""
    half = max(1, count // 2)
    both = mixture(
        [
            Component(_median(model, snapshot, half, seed), 0.5),
            Component(_stressed(model, snapshot, half, seed + APART), 0.5, stressed=True),
        ]
    )
    return replace(both, seed=seed)


GENERATORS: Mapping[str, tuple[str, Generator]] = MappingProxyType(
    {
        "stressed": ("filtered history, volatility starts at its 97.5 % quantile", _stressed),
        "median": ("filtered history, volatility starts at its median", _median),
        "falling": ("as stressed, and hours of falling markets follow falls", _falling),
        "bootstrap": ("past hours in blocks, volatility stays stressed, no fitted tail", _bootstrap),
        "mixture": ("half median, half stressed", _mixture),
    }
)


def known_generator(name: str) -> str:
    """Return the name of a generator, or of a file, as it is.

    Raises
    ------
    InputError
        If it is neither.
    """
    if name not in GENERATORS and not Path(name).exists():
        raise InputError(
            f"'{name}' is no generator and no file.",
            remedy=f"Give one of {', '.join(GENERATORS)}, or a TOML spec of scenarios.",
        )
    return name


def sample_of(
    name: str,
    snapshot: Snapshot,
    count: int,
    seed: int,
    *,
    file: Path | None = None,
    model: Fhs | None = None,
) -> Scenarios:
    """Return independent draws of a generator.

    Parameters
    ----------
    name : str
        Of `GENERATORS`; anything else is a file.
    snapshot : Snapshot
    count, seed : int
        Ignored for a file, which states its own.
    file : Path, optional
        A TOML spec or Parquet directory; ``name`` by default.
    model : Fhs, optional
        The shipped one by default.
    """
    if name not in GENERATORS:
        return load_scenarios(Path(name) if file is None else file, snapshot)
    return GENERATORS[name][1](shipped_fhs() if model is None else model, snapshot, count, seed)
