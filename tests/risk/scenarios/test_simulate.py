from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import ScenarioError
from risk.scenarios.bootstrap import bootstrap, resampler_of
from risk.scenarios.conditions import Events
from risk.scenarios.fhs import Fhs, fit
from risk.scenarios.simulate import Kind, Resampler, Sample
from tests.risk.markets import market
from tests.risk.scenarios.made_panel import made_panel

PANEL = made_panel(600, gaps=(100, 350))
MODEL: Fhs = fit(made_panel(2_500), event_s=[int(made_panel(2_500).end_s[k]) for k in range(0, 2_500, 50)])


@pytest.mark.parametrize("kind", ["stationary", "moving"])
@given(seed=st.integers(0, 2**31), cut=st.integers(1, 11), block=st.integers(1, 40))
def test_a_path_depends_on_its_number_and_seed_alone(kind: Kind, seed: int, cut: int, block: int) -> None:
    """GEN-1: a generated path is the same whatever block it is made in and however many there are."""
    plain = resampler_of(PANEL, kind=kind, block_s=block * 3_600)
    for model in (plain, MODEL.resampler(condition=MODEL.down())):
        whole = model.log_paths(0, 12, 7, seed)
        parts = np.concatenate([model.log_paths(0, cut, 7, seed), model.log_paths(cut, 12, 7, seed)])
        assert (whole == parts).all()
        assert (whole != whole[0]).any()  # two of few blocks may be the same, not all


@pytest.mark.parametrize("kind", ["stationary", "moving"])
@given(seed=st.integers(0, 2**31), block=st.integers(1, 20))
def test_steps_are_rows_of_the_sample_in_their_order(kind: Kind, seed: int, block: int) -> None:
    """GEN-2: every step is one whole row of the wanted state; blocks end at gaps and new states."""
    n = 240
    rng = np.random.default_rng(5)
    value = rng.permutation(n).astype(np.float64)[:, None] * [1.0, 1_000.0]  # every row can be told apart
    state = np.repeat([0, 1], n // 2) if kind == "moving" else (np.arange(n) // 40) % 2
    follows = np.ones(n, dtype=bool)
    follows[[0, 70, 200]] = False
    model = Resampler(Sample(value, follows, state), kind, block, Events(frozenset({3, 4, 5})))
    steps = np.diff(model.log_paths(0, 6, 10, seed), axis=1)
    assert np.allclose(steps[..., 1], steps[..., 0] * 1_000)
    row_of = {v: i for i, v in enumerate(value[:, 0])}
    rows = np.array([[row_of[float(np.round(v))] for v in path] for path in steps[..., 0]])
    wanted = np.array([int(t in (3, 4, 5)) for t in range(10)])
    assert (state[rows] == wanted).all()
    jumps = (np.diff(rows, axis=1) != 1).sum(axis=1)
    if block == 20 and kind == "moving":
        assert (jumps >= 2).all()  # each change of state begins a block
        assert (jumps <= 4).all()  # and so do ends of stretches, but nothing else


def test_the_mean_length_of_blocks_is_what_was_asked_for() -> None:
    n = 20_000
    value = np.arange(n, dtype=np.float64)[:, None]
    sample = Sample(value, np.arange(n) > 0, np.zeros(n, dtype=np.int64))
    steps = np.diff(Resampler(sample, "stationary", 8).log_paths(0, 400, 200, 3)[..., 0], axis=1)
    share_new = (np.abs(np.diff(steps, axis=1) - 1) > 1e-6).mean()
    assert share_new == pytest.approx(1 / 8, rel=0.03)


def test_moving_blocks_have_one_length() -> None:
    n = 500
    sample = Sample(np.arange(n, dtype=np.float64)[:, None], np.arange(n) > 0, np.zeros(n, dtype=np.int64))
    steps = np.diff(Resampler(sample, "moving", 6).log_paths(0, 50, 24, 3)[..., 0], axis=1)
    new = np.abs(np.diff(steps, axis=1) - 1) > 1e-6
    assert set(np.flatnonzero(new.any(axis=0))) <= {5, 11, 17}
    assert new[:, 5].mean() > 0.9


def test_samples_and_blocks_that_cannot_be_drawn_from_are_refused() -> None:
    ones = np.ones((100, 1))
    sample = Sample(ones, np.arange(100) > 0, np.zeros(100, dtype=np.int64))
    with pytest.raises(ScenarioError, match="state 1 has 0 rows"):
        Resampler(sample, "stationary", 4, Events(frozenset()))
    with pytest.raises(ScenarioError, match="block of 0 steps"):
        Resampler(sample, "stationary", 0)
    with pytest.raises(ScenarioError, match="not finite"):
        Sample(ones * np.nan, np.arange(100) > 0, np.zeros(100, dtype=np.int64))
    with pytest.raises(ScenarioError, match="has 0 rows"):
        resampler_of(PANEL, kind="moving", block_s=400 * 3_600)


def test_bootstrap_scenarios_multiply_the_markets_prices() -> None:
    snapshot = market()
    scenarios = bootstrap(PANEL, snapshot, scenarios=5, horizon_s=7_200, seed=3, fill="beta")
    block = scenarios.produce(0, 5)
    factor = block.fair_price_usd / snapshot.price_usd
    assert (factor[:, 0] == 1).all()
    np.testing.assert_allclose(factor[..., 0], factor[..., 1])  # wstETH follows ETH
    np.testing.assert_allclose(factor[..., 2], factor[..., 3])  # cbBTC and WBTC follow BTC
    assert not np.allclose(factor[:, -1, 0], factor[:, -1, 2])
    assert (factor[..., 4] == 1).all()  # a stable has no beta
    assert not np.allclose(factor[:, -1, 5], 1)  # LINK moves by its beta
    assert scenarios.time_s.tolist() == [0, 3_600, 7_200]
    again = bootstrap(PANEL, snapshot, scenarios=5, horizon_s=7_200, seed=3, fill="beta")
    other = bootstrap(PANEL, snapshot, scenarios=5, horizon_s=7_200, seed=4, fill="beta")
    assert scenarios.sha256 == again.sha256 != other.sha256
    held = bootstrap(PANEL, snapshot, scenarios=5, horizon_s=7_200, seed=3)
    assert {f.subject for f in held.findings} == {"USDC", "LINK", "GHO"}
    with pytest.raises(ScenarioError, match="no multiple of the step"):
        bootstrap(PANEL, snapshot, scenarios=5, horizon_s=5_000, seed=3)
    with pytest.raises(ScenarioError, match="0 scenarios"):
        bootstrap(PANEL, snapshot, scenarios=0, horizon_s=3_600, seed=3)
    with pytest.raises(ScenarioError, match="none of DOGE"):
        bootstrap(made_panel(100, ("DOGE",)), snapshot, scenarios=1, horizon_s=3_600, seed=3)
    with pytest.raises(ScenarioError, match="needs ETH"):
        bootstrap(made_panel(100, ("BTC",)), snapshot, scenarios=1, horizon_s=3_600, seed=3, fill="beta")
