"""Bounds: published figures, and how often they hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from abis.errors import InputError
from risk.confidence import (
    bootstrap_interval,
    effective_samples,
    most_failures,
    probability_bound,
    quantile_bounds,
    scenarios_needed,
    scenarios_needed_finite,
    shortfall_bound,
)
from risk.measures import expected_shortfall, value_at_risk

RUNS = 1_000


def test_clopper_pearson() -> None:
    assert probability_bound(0, 100_000, 0.05) == pytest.approx(2.9957e-5, abs=5e-10)
    assert probability_bound(0, 1_800, 0.05) == pytest.approx(0.0017, abs=5e-5)
    assert probability_bound(0, 60, 0.05) == pytest.approx(0.049, abs=5e-4)
    assert probability_bound(7, 7, 0.05) == 1.0


@pytest.mark.parametrize(
    ("probability", "risk", "k"), [(0.01, 0.05, 948), (0.01, 1e-6, 853), (0.001, 0.05, 83), (0.001, 1e-6, 55)]
)
def test_most_failures(probability: float, risk: float, k: int) -> None:
    assert most_failures(100_000, probability, risk) == k


def test_too_few_scenarios_prove_nothing() -> None:
    assert most_failures(50, 0.01, 0.05) is None
    assert most_failures(scenarios_needed(0.01, 0.05), 0.01, 0.05) == 0
    assert most_failures(scenarios_needed(0.01, 0.05) - 1, 0.01, 0.05) is None


@pytest.mark.parametrize(
    ("variables", "probability", "scenarios"),
    [(30, 0.01, 6_338), (60, 0.01, 10_403), (90, 0.01, 14_223), (30, 0.001, 63_531), (90, 0.001, 142_463)],
)
def test_convex_programs(variables: int, probability: float, scenarios: int) -> None:
    assert scenarios_needed(probability, 1e-6, variables=variables) == scenarios


def test_finite_classes() -> None:
    assert scenarios_needed_finite(30 * math.log(13), 0.01, 1e-6) == pytest.approx(9_076, abs=1)
    assert scenarios_needed_finite(30 * math.log(13), 0.001, 1e-6) == pytest.approx(90_763, abs=1)


def test_quantile_bounds_hold_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    truth = math.log(10)  # 90 % of an exponential
    held = 0
    for _ in range(RUNS):
        low, high = quantile_bounds(rng.exponential(size=400), 0.9, 0.1)
        held += low <= truth <= high
    assert held >= 0.9 * RUNS - 3 * math.sqrt(0.09 * RUNS)


def test_quantile_bounds_without_enough_samples_are_open() -> None:
    low, high = quantile_bounds(np.arange(20.0), 0.99, 0.05)
    assert math.isfinite(low)
    assert high == math.inf


def test_the_shortfall_bound_holds_and_is_not_empty() -> None:
    rng = np.random.default_rng(9)
    truth = 0.995  # mean of the worst hundredth of a uniform
    bounds = [shortfall_bound(rng.random(20_000), 0.99, 1.0, 0.99, 0.05) for _ in range(200)]
    assert min(bounds) >= truth  # far more often than 19 in 20: the inequality is not tight
    assert max(bounds) < 1.1


def test_the_bootstrap_is_reproducible_and_covers() -> None:
    rng = np.random.default_rng(3)

    def tail(x: np.ndarray, w: np.ndarray | None) -> float:
        return expected_shortfall(x, 0.9, w)

    sample = rng.exponential(size=500)
    assert bootstrap_interval(tail, sample, seed=1) == bootstrap_interval(tail, sample, seed=1)
    held = 0
    for k in range(200):
        low, high = bootstrap_interval(tail, rng.exponential(size=500), draws=199, seed=k)
        held += low <= math.log(10) + 1 <= high
    assert held >= 0.88 * 200


def test_weights_travel_with_their_losses() -> None:
    losses, weight = np.array([0.0, 1.0]), np.array([1.0, 1e-9])

    def quantile(x: np.ndarray, w: np.ndarray | None) -> float:
        return value_at_risk(x, 0.5, w)

    low, high = bootstrap_interval(quantile, losses, weight, risk=0.6, seed=4)
    assert low == high == 0.0
    assert effective_samples(weight) == pytest.approx(1.0)
    assert effective_samples(np.ones(7)) == pytest.approx(7.0)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: probability_bound(3, 2, 0.05), "3 failures"),
        (lambda: probability_bound(0, 0, 0.05), "too few samples"),
        (lambda: most_failures(10, 0.1, 0.0), "risk 0.0"),
        (lambda: scenarios_needed(1.5, 0.05), "probability 1.5"),
        (lambda: quantile_bounds(np.array([np.nan]), 0.5, 0.1), "NaN"),
        (lambda: shortfall_bound(np.array([1.0, 3.0]), 0.0, 2.0, 0.9, 0.1), "largest 2.0"),
    ],
)
def test_bad_input(call: object, named: str) -> None:
    with pytest.raises(InputError, match=named):
        call()  # type: ignore[operator]
