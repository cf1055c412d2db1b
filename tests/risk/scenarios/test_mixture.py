from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import ScenarioError
from risk.scenarios.bootstrap import bootstrap
from risk.scenarios.build import from_shocks
from risk.scenarios.mixture import Component, aligned, mixture
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from tests.risk.markets import market
from tests.risk.scenarios.made_panel import made_panel

SNAPSHOT = market()
HOURLY = bootstrap(made_panel(300), SNAPSHOT, scenarios=7, horizon_s=4 * 3_600, seed=1)
LONGER = bootstrap(made_panel(300), SNAPSHOT, scenarios=3, horizon_s=6 * 3_600, seed=2)


def cascade() -> Scenarios:
    """Two paths of an hour by the minute on two venues, the second of which falls further."""
    time_s = np.arange(0, 3_601, 60.0)
    path = 1 - 0.1 * np.exp(-(((time_s - 1_800) / 300) ** 2))  # down and up between two full hours
    fair = np.stack([path, path**2])[:, :, None] * SNAPSHOT.price_usd
    venues = np.stack([fair, fair * 0.97], axis=2)
    return replace(
        from_shocks(["WETH=0%", "WETH=0%"], SNAPSHOT),
        venues=("perp", "spot"),
        time_s=time_s,
        produce=lambda a, b: ScenarioBlock(a, venues[a:b], fair[a:b]),
    )


@given(st.floats(0.25, 0.9), st.integers(1, 12))
def test_shares_are_weights_and_paths_stay_what_they_are(share: float, cut: int) -> None:
    """GEN-6: a component has its share of the weight, and at its own times its own prices on every venue."""
    shocked = replace(cascade(), weight=np.array([1.0, 3.0]))
    parts = [Component(HOURLY, 1 - share), Component(shocked, share, stressed=True)]
    mixed = mixture(parts)
    assert mixed.weight.sum() == pytest.approx(1)
    assert mixed.weight[7:].tolist() == pytest.approx([share / 4, 3 * share / 4])
    assert mixed.venues == ("perp", "spot")
    every = np.concatenate([b.market_price_usd for b in mixed.blocks(cut)])
    for part, rows in ((HOURLY, slice(0, 7)), (shocked, slice(7, 9))):
        own = part.produce(0, len(part))
        at = np.searchsorted(mixed.time_s, part.time_s)
        for v in range(2):
            expected = own.market_price_usd[:, :, min(v, len(part.venues) - 1)]
            assert (every[rows][:, at, v] == expected).all()


def test_nothing_between_the_points_of_another_grid_is_lost() -> None:
    mixed = mixture([Component(HOURLY, 0.5), Component(cascade(), 0.5, stressed=True)])
    assert len(mixed.time_s) == 61 + 3
    block = mixed.produce(7, 9)
    assert block.fair_price_usd[0, :, 0].min() == pytest.approx(2_500 * 0.9)
    assert block.fair_price_usd[0, -1, 0] == pytest.approx(2_500, rel=1e-3)  # held after its end


def test_a_quarter_of_the_weight_is_stressed_or_the_mixture_is_refused() -> None:
    with pytest.raises(ScenarioError, match="20% of the weight is stressed, less than 25%"):
        mixture([Component(HOURLY, 0.8), Component(LONGER, 0.2, stressed=True)])
    with pytest.raises(ScenarioError, match="0% of the weight is stressed"):
        mixture([Component(HOURLY, 1.0)])
    assert len(mixture([Component(HOURLY, 0.75), Component(LONGER, 0.25, stressed=True)])) == 10
    for shares in ([0.5, 0.6], [1.2, -0.2], [float("nan"), 0.5], []):
        with pytest.raises(ScenarioError, match="do not add up to 1"):
            mixture([Component(HOURLY, share, stressed=True) for share in shares])


def test_sources_on_different_venues_are_refused() -> None:
    other = replace(cascade(), venues=("a", "b"))
    with pytest.raises(ScenarioError, match="different venues"):
        aligned([cascade(), other])
    assert aligned([HOURLY, HOURLY])[0] is HOURLY
