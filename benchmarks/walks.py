"""Random walks of every price, made when asked for: any number of paths takes the memory of one block."""

from __future__ import annotations

import numpy as np

from protocols.snapshot import Snapshot
from risk.scenarios.scenarios import ScenarioBlock, Scenarios

DAILY_VOLATILITY = 0.04


def walks(snapshot: Snapshot, seed: int, paths: int, steps: int) -> Scenarios:
    """Return a day of random walks; a path depends on its number only."""
    each = DAILY_VOLATILITY / np.sqrt(steps)
    price = snapshot.price_usd

    def one(k: int) -> np.ndarray:  # type: ignore[type-arg]
        return np.random.default_rng((seed, k)).normal(0.0, each, (steps, len(price)))

    def produce(first: int, last: int) -> ScenarioBlock:
        usd = price * np.exp(np.cumsum(np.stack([one(k) for k in range(first, last)]), axis=1))
        return ScenarioBlock(first, usd[:, :, None], usd)

    return Scenarios(
        names=tuple(f"walk {k}" for k in range(paths)),
        groups=("generated",) * paths,
        assets=snapshot.asset_names,
        venues=("market",),
        time_s=np.arange(steps) * (86_400.0 / steps),
        weight=np.ones(paths),
        seed=seed,
        sha256="",
        produce=produce,
    )
