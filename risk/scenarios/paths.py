"""From joint paths of a few coins to `Scenarios` of a market's assets.

An asset follows the nearest name of its chain (`families`) that is among the coins.  What
follows none keeps its price, or moves by its beta with `FACTOR` if asked to; a finding says
which.  Beta alone gives such an asset no movement of its own, so its tail is understated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError
from protocols.snapshot import Snapshot
from risk.scenarios.build import VENUE, digest
from risk.scenarios.families import Tree, tree_of
from risk.scenarios.history import Fill, without_series
from risk.scenarios.market_factor import FACTOR, betas
from risk.scenarios.scenarios import ScenarioBlock, Scenarios

FloatArray = NDArray[np.float64]
LogPaths = Callable[[int, int], FloatArray]  # (start, stop) -> (S, T + 1, K)

MAX_SCENARIOS = 10_000_000
FURTHEST = 50.0  # log price moves beyond this are no forecast


def loadings(tree: Tree, coins: Sequence[str], fill: Fill, table: Mapping[str, float]) -> FloatArray:
    """Return how much of each coin's log move each asset makes, (K, A).

    Raises
    ------
    ScenarioError
        If no coin belongs to the market, or ``fill`` is ``beta`` and `FACTOR` is not among them.
    """
    if not set(coins) & set(tree.up):
        raise ScenarioError(
            f"none of {', '.join(coins)} belongs to an asset of the market.", remedy="Map series with assets."
        )
    if fill == "beta" and FACTOR not in coins:
        raise ScenarioError(f"fill='beta' needs {FACTOR} among the coins.", remedy="Use fill='hold'.")
    out = np.zeros((len(coins), len(tree.chains)))
    for a, names in enumerate(tree.chains):
        node = next((name for name in names if name in coins), None)
        if node is not None:
            out[coins.index(node), a] = 1.0
        elif fill == "beta":
            out[coins.index(FACTOR), a] = table[names[-1]]
    return out


def from_log_paths(
    snapshot: Snapshot,
    coins: Sequence[str],
    log_paths: LogPaths,
    *,
    scenarios: int,
    time_s: FloatArray,
    seed: int,
    group: str,
    identity: Mapping[str, object],
    fill: Fill = "hold",
    given_betas: Mapping[str, float] | None = None,
) -> Scenarios:
    """Return scenarios whose prices are the snapshot's times the coins' paths.

    Parameters
    ----------
    snapshot : Snapshot
    coins : sequence of str, length K
    log_paths : callable (start, stop) -> (S, T + 1, K)
        Log factors, 0 at the first time; pure.
    scenarios : int
    time_s : (T + 1,) float64
    seed : int
        Of the paths.
    group : str
        Also the stem of the names: ``fhs 17``.
    identity : mapping
        All that determines ``log_paths``, JSON-ready.
    fill : {"hold", "beta"}
        What assets that follow none of the coins do.
    given_betas : mapping of str to float, optional

    Raises
    ------
    ScenarioError
        If the number of scenarios or the seed is impossible, or as `loadings`.
    """
    if not 1 <= scenarios <= MAX_SCENARIOS:
        raise ScenarioError(f"{scenarios} scenarios are impossible.", remedy=f"Give 1 to {MAX_SCENARIOS}.")
    check_seed(seed)
    tree = tree_of(snapshot)
    load = loadings(tree, coins, fill, betas(tree, given_betas))
    price = snapshot.price_usd

    def produce(start: int, stop: int) -> ScenarioBlock:
        moves = log_paths(start, stop) @ load
        if not (np.abs(moves) < FURTHEST).all():
            raise ScenarioError(
                f"the volatility of a path of {group} {start} to {stop - 1} ran away.",
                remedy="Give a shorter horizon, a calmer start or another seed.",
            )
        prices = np.exp(moves) * price
        return ScenarioBlock(start, prices[:, :, None, :].copy(), prices)

    parts = {"kind": group, "scenarios": scenarios, "seed": seed, "assets": snapshot.asset_names, **identity}
    return Scenarios(
        names=tuple(f"{group} {k}" for k in range(scenarios)),
        groups=(group,) * scenarios,
        assets=snapshot.asset_names,
        venues=(VENUE,),
        time_s=time_s,
        weight=np.ones(scenarios),
        seed=seed,
        sha256=digest(parts, time_s, load, price),
        produce=produce,
        findings=without_series(tree, coins, fill),
    )


def check_seed(seed: int) -> None:
    """Refuse a seed below 0, which no generator takes."""
    if seed < 0:
        raise ScenarioError(f"a seed of {seed} is impossible.", remedy="Give a whole number from 0.")


def time_grid(horizon_s: int, step_s: int) -> FloatArray:
    """Return 0, ``step_s``, ... up to ``horizon_s``, (T + 1,).

    Raises
    ------
    ScenarioError
        If the horizon is no positive multiple of the step.
    """
    if horizon_s < step_s or horizon_s % step_s:
        raise ScenarioError(
            f"a horizon of {horizon_s} s is no multiple of the step of {step_s} s.",
            remedy=f"Give {max(1, round(horizon_s / step_s)) * step_s}.",
        )
    return np.arange(0, horizon_s + 1, step_s, dtype=np.float64)
