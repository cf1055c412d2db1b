"""Bounds: published figures, and how often they hold."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from abis.errors import InputError
from risk.confidence import (
    LARGE,
    NORMAL,
    ORDER,
    RESAMPLED,
    bootstrap_interval,
    effective_samples,
    is_sample,
    mean_interval,
    most_failures,
    probability_bound,
    quantile_bounds,
    quantile_interval,
    scenarios_needed,
    scenarios_needed_finite,
    shortfall_bound,
    shortfall_bound_betting,
    shortfall_interval,
)
from risk.measures import expected_shortfall, value_at_risk
from risk.scenarios.build import from_shocks
from tests.risk.markets import market

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


def test_betting_without_a_loss_is_the_closed_form() -> None:
    """Wealth of who never loses is (1 + stake m)^n: the whole stake, with half the weight, decides."""
    bound = shortfall_bound_betting(np.zeros(1_000), 0.0, 1.0, 0.99, 1e-3)
    assert bound == pytest.approx(((0.5 * 1e-3) ** (-1 / 1_000) - 1) / 0.999 / 0.01, rel=0.01)
    assert bound < shortfall_bound(np.zeros(1_000), 0.0, 1.0, 0.99, 1e-3) / 2


@pytest.mark.parametrize("shape", [1.5, 2.5, 8.0])
def test_betting_is_tighter_and_holds(shape: float) -> None:
    """Capped Pareto losses, whose tail mean is known: the bound is above it and below Bernstein's."""
    rng = np.random.default_rng(11)
    level, cap = 0.99, 1.0
    # F(x) = 1 - (1 + x / s)^-a; the tail mean of what is capped, by integrating the survival function.
    scale, quantile = 0.01, 0.01 * (0.01 ** (-1 / shape) - 1)
    survived = [(1 + x / scale) ** (1 - shape) * scale / (shape - 1) for x in (quantile, cap)]
    truth = quantile + (survived[0] - survived[1]) / (1 - level)
    for _ in range(50):
        losses = np.minimum(scale * rng.pareto(shape, 10_000), cap)
        bet = shortfall_bound_betting(losses, quantile, cap, level, 0.01)
        assert truth <= bet < shortfall_bound(losses, quantile, cap, level, 0.01)


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


def importance(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw an exponential of mean 1 through one of mean 2: losses and weights."""
    losses = rng.exponential(2.0, n)
    return losses, np.exp(-losses) / (0.5 * np.exp(-losses / 2.0))


@pytest.mark.parametrize("n", [400, LARGE])
@pytest.mark.parametrize("weighted", [False, True])
def test_intervals_hold_about_as_often_as_they_say(n: int, weighted: bool) -> None:
    """Mean 1, 90 % quantile ln 10 and tail mean ln 10 + 1 of an exponential, also by importance."""
    truths = (1.0, math.log(10), math.log(10) + 1)
    held = np.zeros(3)
    runs = 30
    for k in range(runs):
        rng = np.random.default_rng(1_000 + k)
        losses, weight = importance(rng, n) if weighted else (rng.exponential(size=n), None)
        found = (
            mean_interval(losses, weight, risk=0.1, seed=k),
            quantile_interval(losses, 0.9, weight, risk=0.1),
            shortfall_interval(losses, 0.9, weight, risk=0.1, seed=k),
        )
        held += [low <= truth <= high for truth, (low, high, _) in zip(truths, found, strict=True)]
        assert all(low < high for low, high, _ in found)
        assert found[0].method == (NORMAL if n >= LARGE else RESAMPLED)
        assert found[1].method == (NORMAL if weighted else ORDER)
    # 27 of 30 are expected to hold; fewer than 20 would be four standard errors away.
    assert (held >= 20).all()


def test_a_tail_of_few_samples_is_open_above() -> None:
    losses = np.random.default_rng(1).exponential(size=90)
    assert shortfall_interval(losses, 0.95).high == math.inf
    assert shortfall_interval(losses, 0.90).high < math.inf
    weight = np.where(np.arange(90) < 2, 1.0, 1e-9)  # as much as two samples
    assert shortfall_interval(losses, 0.90, weight).high == math.inf


def test_samples_that_are_all_alike_bound_nothing_but_how_often() -> None:
    none = np.zeros(400)
    for interval in (mean_interval(none), shortfall_interval(none, 0.9)):
        assert interval[:2] == (-math.inf, math.inf)
    assert quantile_interval(none, 0.9)[:2] == (0.0, 0.0)  # 400 draws do bound the 90 % quantile
    assert quantile_interval(none, 0.999).high == math.inf


@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_intervals_shift_and_scale_with_losses(shift: float) -> None:
    losses, weight = importance(np.random.default_rng(2), 300)
    for interval in (
        mean_interval,
        lambda x, w: quantile_interval(x, 0.9, w),
        lambda x, w: shortfall_interval(x, 0.9, w),
    ):
        one, other = interval(losses, weight), interval(3.0 * losses + shift, 7.0 * weight)
        assert other[:2] == pytest.approx([3.0 * end + shift for end in one[:2]])


def test_only_draws_are_a_sample() -> None:
    snapshot = market()
    shock = from_shocks(["WETH=-10%"], snapshot)
    assert not is_sample(shock)
    assert not is_sample(replace(shock, seed=3))
    assert is_sample(replace(shock, seed=3, groups=("paths",)))
    assert not is_sample(replace(shock, seed=None, groups=("paths",)))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: probability_bound(3, 2, 0.05), "3 failures"),
        (lambda: probability_bound(0, 0, 0.05), "too few samples"),
        (lambda: most_failures(10, 0.1, 0.0), "risk 0.0"),
        (lambda: scenarios_needed(1.5, 0.05), "probability 1.5"),
        (lambda: quantile_bounds(np.array([np.nan]), 0.5, 0.1), "NaN"),
        (lambda: shortfall_bound(np.array([1.0, 3.0]), 0.0, 2.0, 0.9, 0.1), "largest 2.0"),
        (lambda: shortfall_bound_betting(np.array([1.0]), 0.0, 2.0, 1.0, 0.1), "probability 1.0"),
        (lambda: shortfall_bound_betting(np.array([3.0]), 0.0, 2.0, 0.9, 0.1), "largest 2.0"),
    ],
)
def test_bad_input(call: object, named: str) -> None:
    with pytest.raises(InputError, match=named):
        call()  # type: ignore[operator]
