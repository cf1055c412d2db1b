from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import ScenarioError, UnknownAsset
from risk.scenarios.bootstrap import bootstrap
from risk.scenarios.build import from_shocks
from risk.scenarios.candles import Candles
from risk.scenarios.ratio_jumps import (
    RatioJump,
    Severity,
    episodes,
    fit_ratio_jumps,
    published_severity,
    with_ratio_jumps,
)
from tests.risk.markets import market
from tests.risk.scenarios.made_panel import made_panel

SNAPSHOT = market()
BASE = bootstrap(made_panel(400), SNAPSHOT, scenarios=60, horizon_s=86_400, seed=1)
FALL = Severity(0.1, 0.05)


@given(st.integers(0, 2**31), st.booleans(), st.floats(1e3, 1e7))
def test_only_the_token_and_its_followers_fall_and_fair_only_if_real(
    seed: int, real: bool, half_life_s: float
) -> None:
    """GEN-5: a depeg lifts no price, moves its tokens alone, and fair prices only where it is real."""
    jump = RatioJump({"wstETH": 1.0, "USDC": 0.5}, FALL, half_life_s, certain=True, real=real)
    scenarios = with_ratio_jumps(BASE, [jump], SNAPSHOT, seed=seed)
    before, after = BASE.produce(0, 60), scenarios.produce(0, 60)
    market_ratio = after.market_price_usd[:, :, 0] / before.market_price_usd[:, :, 0]
    fair_ratio = after.fair_price_usd / before.fair_price_usd
    touched = [SNAPSHOT.asset_names.index(name) for name in ("wstETH", "USDC")]
    others = [i for i in range(len(SNAPSHOT.reserves)) if i not in touched]
    assert (market_ratio[..., others] == 1).all()
    assert (market_ratio <= 1 + 1e-12).all()
    assert (market_ratio[..., touched].min(axis=1) < 1).all()  # certain: each path has its jump
    np.testing.assert_allclose(
        np.log(market_ratio[..., touched[1]]), 0.5 * np.log(market_ratio[..., touched[0]]), atol=1e-9
    )
    np.testing.assert_allclose(fair_ratio, market_ratio if real else np.ones_like(fair_ratio), rtol=1e-12)
    assert (scenarios.produce(20, 30).fair_price_usd == after.fair_price_usd[20:30]).all()


@pytest.mark.parametrize("tokens", [{"WETH": 1.0, "wstETH": 0.5}, {"wstETH": 0.5, "WETH": 1.0}])
def test_a_share_of_its_own_wins_over_that_of_what_a_token_follows(tokens: dict[str, float]) -> None:
    jump = RatioJump(tokens, FALL, float("inf"), certain=True)
    after = with_ratio_jumps(BASE, [jump], SNAPSHOT, seed=1).produce(0, 60).market_price_usd[:, -1, 0]
    fall = np.log(after / BASE.produce(0, 60).market_price_usd[:, -1, 0])
    weth, wsteth = (SNAPSHOT.asset_names.index(name) for name in ("WETH", "wstETH"))
    assert (fall[:, weth] < 0).any()
    np.testing.assert_allclose(fall[:, wsteth], 0.5 * fall[:, weth], atol=1e-12)


def test_the_ratio_comes_back_with_its_half_life_or_never() -> None:
    rng = np.random.default_rng(3)
    time_s = np.arange(0, 10 * 3_600 + 1, 3_600.0)
    gone = RatioJump({"USDC": 1.0}, FALL, float("inf"), certain=True).log_ratio(time_s, rng)
    assert len(set(np.round(gone[gone < 0], 12))) == 1
    back = RatioJump({"USDC": 1.0}, FALL, 3_600.0, certain=True).log_ratio(time_s, rng)
    down = back[back < 0]
    np.testing.assert_allclose(down[1:] / down[:-1], 0.5, rtol=1e-9)


def test_jumps_arrive_at_their_rate_and_with_their_severity() -> None:
    rng = np.random.default_rng(5)
    time_s = np.linspace(0, 365.25 * 86_400, 400)
    jump = RatioJump({"USDC": 1.0}, FALL, float("inf"), per_year=2.0)
    ends = np.array([jump.log_ratio(time_s, rng)[-1] for _ in range(2_000)])
    assert (ends == 0).mean() == pytest.approx(np.exp(-2), abs=0.02)
    draws = FALL.draw(np.random.default_rng(1).random(20_000))
    assert (draws.mean(), draws.std()) == (pytest.approx(0.1, abs=0.002), pytest.approx(0.05, abs=0.002))
    # A fall of log(1 - x) once or more often a year: its mean is the rate times the mean of one.
    assert ends.mean() == pytest.approx(2 * np.log1p(-draws).mean(), rel=0.07)


def ratio_series(values: list[float]) -> Candles:
    return Candles("stETH/ETH", np.arange(1, len(values) + 1) * 3_600, np.array(values), 3_600)


def test_episodes_are_found_with_depth_and_recovery() -> None:
    series = ratio_series([1, 0.999, 0.99, 0.94, 0.96, 0.972, 0.999, 1, 0.993, 0.992, 0.9985, 1, 0.98])
    first, second, cut = episodes(series)
    assert (first.start_s, first.fall, first.half_life_s) == (10_800, pytest.approx(0.06), 7_200)
    assert (second.fall, second.half_life_s) == (pytest.approx(0.008), 3_600)
    assert (cut.fall, cut.half_life_s) == (pytest.approx(0.02), float("inf"))
    jump = fit_ratio_jumps("wstETH", series)
    assert jump.severity.mean == pytest.approx(np.mean([0.06, 0.008, 0.02]))
    assert jump.per_year == pytest.approx(3 / (12 * 3_600 / (365.25 * 86_400)))
    assert jump.half_life_s == 7_200
    with pytest.raises(ScenarioError, match=r"0 episodes beyond 0\.5%: too few"):
        fit_ratio_jumps("wstETH", ratio_series([1.0, 1.0, 0.999]))


def test_depegs_that_cannot_be_are_refused() -> None:
    for bad in ({"per_year": 0.0}, {"per_year": 1.0, "certain": True}, {"per_year": -1.0}):
        with pytest.raises(ScenarioError, match="either a rate per year or is certain"):
            RatioJump({"USDC": 1.0}, FALL, 3_600.0, **bad)  # type: ignore[arg-type]
    with pytest.raises(ScenarioError, match="shares above 0"):
        RatioJump({"USDC": 1.5}, FALL, 3_600.0, certain=True)
    with pytest.raises(ScenarioError, match="half life of 0"):
        RatioJump({"USDC": 1.0}, FALL, 0.0, certain=True)
    with pytest.raises(ScenarioError, match=r"no fall has mean 0\.5"):
        Severity(0.5, 0.6)
    jump = RatioJump({"DOGE": 1.0}, FALL, 3_600.0, certain=True)
    with pytest.raises(UnknownAsset):
        with_ratio_jumps(BASE, [jump], SNAPSHOT, seed=1)
    with pytest.raises(ScenarioError, match="instantaneous"):
        with_ratio_jumps(from_shocks(["WETH=-3%"], SNAPSHOT), [jump], SNAPSHOT, seed=1)


def test_published_depegs_give_a_severity_by_kind() -> None:
    assert published_severity("staked").mean == pytest.approx((0.065 + 0.017) / 2)
    assert published_severity("stable").mean > 0.2
    with pytest.raises(ScenarioError, match="no published depegs of 'gold'"):
        published_severity("gold")
