from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import MalformedFile, ScenarioError
from risk.scenarios.conditions import ABOVE, BELOW, INSIDE, NEAR_SUPPORT, down_rows, event_rows, range_rows
from risk.scenarios.fhs import filtered, fit, read_fhs, shipped_fhs, write_fhs
from risk.scenarios.garch import Marginal, filter_variance, fit_marginal, next_variance
from risk.scenarios.tails import Tail, Tails, fit_tails, ranks, redraw_tails
from tests.risk.markets import market
from tests.risk.scenarios.made_panel import made_panel

PANEL = made_panel(2_500)
MODEL = fit(PANEL, event_s=[int(PANEL.end_s[k]) for k in range(0, 2_500, 50)], source="made up")
COEFFICIENTS = ("omega", "alpha", "gamma", "beta")
TRUE = Marginal(2e-6, 0.06, 0.08, 0.86, 6.0)


def garch_path(n: int, marginal: Marginal = TRUE, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    z = rng.standard_t(marginal.nu, n) * np.sqrt((marginal.nu - 2) / marginal.nu)
    variance, out = np.array([1e-4]), np.empty(n)
    for t in range(n):
        out[t] = np.sqrt(variance[0]) * z[t]
        variance = next_variance(
            variance,
            out[t : t + 1],
            *(np.array([getattr(marginal, k)]) for k in ("omega", "alpha", "gamma", "beta")),
        )
    return out


def test_the_fit_finds_the_process_that_made_the_series() -> None:
    found = fit_marginal(garch_path(20_000))
    assert found.persistence == pytest.approx(TRUE.persistence, abs=0.02)
    assert found.gamma == pytest.approx(TRUE.gamma, abs=0.03)
    assert found.beta == pytest.approx(TRUE.beta, abs=0.03)
    assert found.nu == pytest.approx(TRUE.nu, rel=0.15)


def test_the_filter_is_that_of_the_package_that_fits() -> None:
    from arch import arch_model

    returns = garch_path(800)
    model = arch_model(returns * 100, mean="Zero", p=1, o=1, q=1, dist="t", rescale=False)
    fixed = model.fix([TRUE.omega * 1e4, TRUE.alpha, TRUE.gamma, TRUE.beta, TRUE.nu])
    ours = filter_variance(returns, np.arange(800) > 0, TRUE)[:-1]
    theirs = (np.asarray(fixed.conditional_volatility) / 100) ** 2
    # They begin at another variance; its weight fades with beta.
    np.testing.assert_allclose(ours[300:], theirs[300:], rtol=1e-9)


def test_a_series_that_does_not_move_or_is_too_short_is_refused() -> None:
    for bad in (np.zeros(1_000), garch_path(499), np.full(1_000, np.nan)):
        with pytest.raises(ScenarioError, match="do not fit a variance"):
            fit_marginal(bad)


@given(st.integers(0, 10_000), st.lists(st.integers(1, 98), max_size=4, unique=True), st.floats(0.0, 0.3))
def test_residuals_in_their_order_give_back_the_returns(seed: int, breaks: list[int], gamma: float) -> None:
    """GEN-3: the returns follow from the residuals and the variance by the recursion that paths use."""
    rng = np.random.default_rng(seed)
    returns = rng.standard_t(4, 100) * 0.01
    follows = np.arange(100) > 0
    follows[breaks] = False
    m = Marginal(1e-6, 0.05, gamma, 0.7, 5.0)
    variance = filter_variance(returns, follows, m)
    residual = returns / np.sqrt(variance[:-1])
    coefficients = [np.array([x]) for x in (m.omega, m.alpha, m.gamma, m.beta)]
    state = variance[:1]
    for t in range(100):
        if not follows[t]:
            state = np.array([np.mean(returns**2)])
        step = np.sqrt(state) * residual[t]
        assert step[0] == pytest.approx(returns[t], rel=1e-9, abs=1e-15)
        state = next_variance(state, step, *coefficients)
    assert state[0] == pytest.approx(variance[-1], rel=1e-9)


@given(st.integers(0, 10_000), st.floats(-0.3, 0.6), st.floats(0.1, 2.0))
def test_what_is_beyond_a_threshold_stays_beyond(seed: int, xi: float, scale: float) -> None:
    """GEN-4: tails redraw exactly what lies beyond them, keep it there, and keep its order."""
    rng = np.random.default_rng(seed)
    z, u = rng.standard_t(3, 300), rng.random(300)
    tails = Tails(Tail(1.5, xi, scale), Tail(2.0, xi, scale))
    place = ranks(z, tails)
    drawn = redraw_tails(z, u, tails, place)
    inside = (z >= -1.5) & (z <= 2.0)
    assert (drawn[inside] == z[inside]).all()
    assert (drawn[z < -1.5] <= -1.5).all()
    assert (drawn[z > 2.0] >= 2.0).all()
    assert (np.diff(drawn[np.argsort(z)]) >= -1e-12).all()
    rows = rng.integers(0, 300, 50)
    assert (redraw_tails(z[rows], u[rows], tails, place, rows) == drawn[rows]).all()


def test_tails_are_those_of_scipy_and_of_the_sample() -> None:
    from scipy.stats import genpareto

    tail = Tail(2.0, 0.2, 0.9)
    u = np.linspace(0, 0.999, 50)
    np.testing.assert_allclose(tail.quantile(u), 2.0 + genpareto.ppf(u, 0.2, scale=0.9), rtol=1e-12)
    np.testing.assert_allclose(Tail(2.0, 0.0, 0.9).quantile(u), 2.0 - 0.9 * np.log1p(-u), rtol=1e-12)
    z = np.random.default_rng(1).standard_t(4, 40_000)
    found = fit_tails(z)
    assert found.lower.xi == pytest.approx(0.25, abs=0.08)  # 1 / degrees of freedom
    far = redraw_tails(z, np.random.default_rng(2).random(len(z)), found, ranks(z, found))
    np.testing.assert_allclose(np.quantile(far, [0.001, 0.999]), np.quantile(z, [0.001, 0.999]), rtol=0.05)
    with pytest.raises(ScenarioError, match="too few for a tail"):
        fit_tails(z[:500])


def test_a_file_gives_back_the_model(tmp_path: Path) -> None:
    path = tmp_path / "model.parquet"
    write_fhs(MODEL, path)
    back = read_fhs(path)
    assert back.sha256 == MODEL.sha256
    for condition in (None, MODEL.down()):
        ours, theirs = (m.resampler(condition=condition).log_paths(0, 3, 5, 1) for m in (MODEL, back))
        assert (ours == theirs).all()
    first = path.read_bytes()
    write_fhs(MODEL, path)
    assert path.read_bytes() == first
    path.write_bytes(first[:-9])
    with pytest.raises(MalformedFile, match="no fitted model"):
        read_fhs(path)
    with pytest.raises(MalformedFile, match="no fitted model"):
        read_fhs(tmp_path / "none.parquet")


def test_a_stressed_start_spreads_paths_and_tails_go_beyond_the_sample() -> None:
    starts = (MODEL.resampler(start=s).log_paths(0, 500, 6, 1)[:, -1, 0] for s in ("median", "stressed"))
    calm, stressed = (day.std() for day in starts)
    assert stressed > 1.5 * calm
    scale = np.sqrt(MODEL.starts["median"][0])
    bare, fat = (
        MODEL.resampler(start="median", tails=tails).log_paths(0, 4_000, 1, 1)[:, -1, 0] / scale
        for tails in (False, True)
    )
    assert bare.min() >= MODEL.residual[:, 0].min() - 1e-9  # never beyond the sample
    low = bare < -MODEL.tails[0].lower.threshold
    assert low.sum() > 50
    assert (fat[low] != bare[low]).all()
    high = bare > MODEL.tails[0].upper.threshold
    assert (fat[~low & ~high] == bare[~low & ~high]).all()
    with pytest.raises(ScenarioError, match="no start"):
        MODEL.resampler(start="worst")  # type: ignore[arg-type]
    with pytest.raises(ScenarioError, match="one positive variance"):
        MODEL.resampler(start=np.array([1e-4]))


def test_conditions_sort_rows_by_what_was_known_before_them() -> None:
    states, threshold = down_rows(PANEL, 0)
    before = PANEL.log_price[:, 0] - PANEL.log_return[:, 0]
    assert (states[:24] == -1).all()
    for row in (24, 500, 1_900):
        assert states[row] == int(before[row] - before[row - 24] < threshold)
    assert (states == 1).mean() == pytest.approx(0.10, abs=0.01)

    at = int(PANEL.end_s[100]) - 1_800  # in the middle of row 100
    hit = np.flatnonzero(event_rows(PANEL, [at]))
    assert hit.tolist() == [100, 101, 102, 103]  # each overlaps the three hours after
    assert event_rows(PANEL, []).sum() == 0

    regimes = range_rows(PANEL, 0)
    assert (regimes[:720] == -1).all()
    assert set(np.unique(regimes)) == {-1, INSIDE, NEAR_SUPPORT, BELOW, ABOVE}
    row = int(np.flatnonzero(regimes == BELOW)[0])
    closes = PANEL.log_price[row - 720 : row, 0]
    assert closes[-1] < closes[:-1].min()


def test_the_states_of_paths_follow_their_prices() -> None:
    condition = MODEL.price_range(2_000, 1_900, 2_200, [1_950])
    path = np.log(np.array([2_000.0, 1_960, 1_899, 2_201, 1_905, 2_100]) / 2_000)[None, :, None] * [1.0, 1.0]
    found = [int(condition.state(t, path)[0]) for t in range(6)]
    assert found == [NEAR_SUPPORT, NEAR_SUPPORT, BELOW, ABOVE, NEAR_SUPPORT, INSIDE]
    down = MODEL.down()
    fall = np.array([0.0, -0.5, -0.5])[None, :, None] * [1.0, 1.0]
    assert [int(down.state(t, fall)[0]) for t in range(3)] == [0, 1, 1]
    for levels in ((1_900, 1_900), (-1, 2_000), (2_300, 2_200)):
        with pytest.raises(ScenarioError):
            MODEL.price_range(2_000, *levels)


def test_no_path_of_a_long_horizon_runs_away_in_the_wildest_state() -> None:
    model = shipped_fhs()
    below = model.price_range(2_000, 2_500, 3_000)  # and it stays there
    paths = model.resampler(start="stressed", condition=below).log_paths(0, 200, 240, 3)
    step = np.abs(np.diff(paths, axis=1)).max()
    bound = np.sqrt(model.starts["highest"].max())
    assert step < bound * 60  # the highest volatility, and a residual no one of a million reaches
    assert np.abs(paths).max() < 20


def test_fitted_tails_leave_the_coins_as_close_as_they_were() -> None:
    together = [
        np.corrcoef(MODEL.resampler(start="median", tails=tails).log_paths(0, 2_000, 24, 1)[:, -1].T)[0, 1]
        for tails in (False, True)
    ]
    assert together[1] == pytest.approx(together[0], abs=0.03)


def test_the_shipped_model_runs_without_any_data() -> None:
    model = shipped_fhs()
    assert model.coins == ("ETH", "BTC")
    assert len(model.residual) > 20_000
    scenarios = filtered(
        model, market(), scenarios=300, horizon_s=86_400, seed=1, start="median", condition=model.down()
    )
    block = scenarios.produce(0, 300)
    day = np.log(block.fair_price_usd[:, -1, [0, 2]] / block.fair_price_usd[:, 0, [0, 2]])
    assert 0.02 < day[:, 0].std() < 0.08
    assert np.corrcoef(day.T)[0, 1] > 0.5


def test_hours_after_releases_and_below_the_range_are_wilder_in_the_shipped_sample() -> None:
    model = shipped_fhs()
    spread = {
        (name, state): model.residual[model.states[name] == state, 0].std()
        for name, state in (("events", 0), ("events", 1), ("range", INSIDE), ("range", BELOW))
    }
    assert spread["events", 1] > 1.5 * spread["events", 0]
    assert spread["range", BELOW] > 1.5 * spread["range", INSIDE]
