from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import ScenarioError
from risk.scenarios.backtest import coverage, lower_tail_dependence, mixed, probability_at


@pytest.mark.parametrize(("n", "x", "p"), [(255, 20, 0.05), (1_000, 0, 0.01), (500, 499, 0.2)])
def test_kupiec_is_the_ratio_of_two_binomial_likelihoods(n: int, x: int, p: float) -> None:
    from scipy.stats import binom, chi2

    values = np.ones(n)
    values[:x] = 0.0
    found = coverage(values, p)
    ratio = 2 * (binom.logpmf(x, n, x / n) - binom.logpmf(x, n, p))
    assert found.beyond == x
    assert found.kupiec_p == pytest.approx(chi2.sf(ratio, 1), rel=1e-6)


def test_clusters_fail_independence_and_a_right_share_passes_kupiec() -> None:
    clustered = np.ones(2_000)
    clustered[500:520] = 0.001
    found = coverage(clustered, 0.01)
    assert found.kupiec_p == pytest.approx(1.0)
    assert found.independence_p < 1e-6
    assert found.conditional_p < 1e-5
    none = coverage(np.ones(200), 0.01)
    assert (none.beyond, none.share, none.independence_p) == (0, 0.0, 1.0)
    assert none.kupiec_p == pytest.approx(0.045, abs=0.001)  # 2 * 200 * -log(0.99) = 4.02
    assert coverage(np.zeros(200), 0.01).kupiec_p < 1e-12


@given(st.integers(0, 10_000), st.sampled_from([0.01, 0.05, 0.2]))
def test_p_values_of_a_right_forecast_are_no_surprise(seed: int, level: float) -> None:
    """BKT-1: of forecasts that are right, hardly any fails: p values are in [0, 1] and seldom tiny."""
    found = coverage(np.random.default_rng(seed).random(1_500), level)
    for p in (found.kupiec_p, found.independence_p, found.conditional_p):
        assert 1e-6 < p <= 1


def test_the_tests_reject_a_right_forecast_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    found = [coverage(rng.random(1_000), 0.05) for _ in range(400)]
    assert np.mean([f.kupiec_p < 0.05 for f in found]) == pytest.approx(0.05, abs=0.03)
    assert np.mean([f.independence_p < 0.05 for f in found]) == pytest.approx(0.05, abs=0.04)


def test_probabilities_of_samples_scales_and_mixtures() -> None:
    sample = np.array([3.0, 1.0, 2.0, 4.0])
    assert probability_at(sample, np.array([0.5, 2.0, 9.0])).tolist() == [0.0, 0.5, 1.0]
    assert probability_at(sample, np.array([4.0]), np.array([2.0])).tolist() == [0.5]
    both = {"a": np.array([0.0, 0.5]), "b": np.array([1.0, 0.5])}
    assert mixed(both, {"a": 0.75, "b": 0.25}).tolist() == [0.25, 0.5]


def test_tail_dependence_of_the_same_and_of_the_independent() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((2, 20_000))
    assert lower_tail_dependence(x, x, 0.05) == 1.0
    assert lower_tail_dependence(x, y, 0.05) == pytest.approx(0.05, abs=0.02)
    with pytest.raises(ScenarioError, match="none below"):
        lower_tail_dependence(np.ones(10), np.ones(10), 0.05)
    for bad, level in (
        (np.ones(1), 0.05),
        (np.full(9, np.nan), 0.05),
        (np.ones(9), 1.0),
        (np.full(9, 2.0), 0.1),
    ):
        with pytest.raises(ScenarioError, match="do not test"):
            coverage(bad, level)
