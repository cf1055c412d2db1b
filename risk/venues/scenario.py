"""Runs of a cascade as `Scenarios`: one a run, prices by venue, fair price the trimmed median of venues."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from abis.errors import ScenarioError
from abis.findings import Finding, FindingKind, Severity
from protocols.snapshot import Snapshot
from risk.scenarios.build import digest
from risk.scenarios.families import is_stable, tree_of
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.venues.positions import FloatArray

TRIMMED = 0.25  # of venues at each end, where there are at least four
LEAST_VENUES = 3


def fair_price(price_usd: FloatArray) -> FloatArray:
    """Return the trimmed median over venues, (..., K) from (..., V, K); NaN where a venue does not trade.

    The mean of the middle half of the venues, the plain median below four.

    Raises
    ------
    ScenarioError
        If an asset has fewer than three venues.
    """
    ordered = np.sort(np.moveaxis(np.asarray(price_usd, dtype=np.float64), -2, -1), axis=-1)
    count = np.isfinite(ordered).sum(axis=-1)
    if (count < LEAST_VENUES).any():
        raise ScenarioError(
            f"a fair price from {int(count.min())} venues.", remedy=f"Give at least {LEAST_VENUES}."
        )
    rank = np.arange(ordered.shape[-1])
    cut = np.where(count >= 4, np.floor(count * TRIMMED), (count - 1) // 2)[..., None]
    inside = (rank >= cut) & (rank < count[..., None] - cut)
    return np.asarray(np.where(inside, ordered, 0.0).sum(axis=-1) / inside.sum(axis=-1))


def of_coins(
    runs: Mapping[str, FloatArray],
    time_s: FloatArray,
    venues: tuple[str, ...],
    coins: tuple[str, ...],
    findings: tuple[Finding, ...] = (),
) -> Scenarios:
    """Return runs as scenarios of coins.

    Parameters
    ----------
    runs : mapping of name to (T, V, K) float64
        Prices, US dollars.
    time_s : (T,) float64
    venues, coins : tuple of str
    findings : tuple of Finding
    """
    market = np.stack(list(runs.values()))
    fair = fair_price(market)
    market = np.where(np.isfinite(market), market, fair[:, :, None])
    parts = {"kind": "cascade", "names": list(runs), "venues": list(venues), "assets": list(coins)}
    return Scenarios(
        names=tuple(runs),
        groups=("cascade",) * len(runs),
        assets=coins,
        venues=venues,
        time_s=time_s,
        weight=np.ones(len(runs)),
        seed=None,
        sha256=digest(parts, time_s, market),
        produce=lambda a, b: ScenarioBlock(a, market[a:b].copy(), fair[a:b].copy()),
        findings=findings,
    )


def for_market(scenarios: Scenarios, snapshot: Snapshot) -> Scenarios:
    """Return scenarios of coins as scenarios of a market: each asset follows its coin from its price now.

    Parameters
    ----------
    scenarios : Scenarios
        Of coins (`of_coins`), their first time the start.
    snapshot : Snapshot

    Raises
    ------
    ScenarioError
        If no asset of the market follows one of the coins.
    """
    tree = tree_of(snapshot)
    place = [
        next((scenarios.assets.index(n) for n in names if n in scenarios.assets), -1) for names in tree.chains
    ]
    if max(place, default=-1) < 0:
        raise ScenarioError(
            "no asset of this market follows a coin of the scenario.",
            remedy=f"Coins: {', '.join(scenarios.assets)}.",
        )
    held = tuple(
        Finding(FindingKind.MISSING, Severity.INFO if is_stable(names[-1]) else Severity.LOW, names[-1],
                "no coin of the scenario: it keeps its price.")
        for names, k in zip(tree.chains, place, strict=True)
        if k < 0
    )  # fmt: skip

    def produce(start: int, stop: int) -> ScenarioBlock:
        block = scenarios.produce(start, stop)
        first = block.fair_price_usd[:, :1]
        market = _following(block.market_price_usd / first[:, :, None], place) * snapshot.price_usd
        return ScenarioBlock(
            start, market, _following(block.fair_price_usd / first, place) * snapshot.price_usd
        )

    return Scenarios(
        names=scenarios.names,
        groups=scenarios.groups,
        assets=snapshot.asset_names,
        venues=scenarios.venues,
        time_s=scenarios.time_s,
        weight=scenarios.weight,
        seed=scenarios.seed,
        sha256=digest({"of": scenarios.sha256, "assets": snapshot.asset_names}, snapshot.price_usd),
        produce=produce,
        findings=scenarios.findings + tuple(dict.fromkeys(held)),
    )


def _following(factor: FloatArray, place: list[int]) -> FloatArray:
    columns = [factor[..., k] if k >= 0 else np.ones(factor.shape[:-1]) for k in place]
    return np.stack(columns, axis=-1)
