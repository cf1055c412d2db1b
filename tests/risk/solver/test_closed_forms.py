from __future__ import annotations

import math

import numpy as np
import pytest

from abis.errors import InputError
from risk.solver.closed_forms import (
    DAY_YEARS,
    HOUR_YEARS,
    gbm_delay_loss,
    gbm_hit,
    gbm_hit_monitored,
    gbm_minimum_quantile,
    gbm_terminal_quantile,
    smart_ltv,
)

SIGMA = 0.8


@pytest.mark.parametrize(
    ("hours", "probability", "terminal", "minimum"),
    [(1, 1e-3, 0.8997, 0.8982), (6, 1e-3, 0.8657, 0.8621), (24, 0.01, 0.8373, 0.8287)],
)
def test_thresholds_under_gbm_have_their_known_values(
    hours: int, probability: float, terminal: float, minimum: float
) -> None:
    years = hours * HOUR_YEARS
    assert gbm_terminal_quantile(probability, SIGMA, years) * 0.97 / 1.05 == pytest.approx(terminal, abs=5e-5)
    assert gbm_minimum_quantile(probability, SIGMA, years) * 0.97 / 1.05 == pytest.approx(minimum, abs=5e-5)


def test_the_ltv_that_is_hit_within_a_week_with_five_percent() -> None:
    assert 0.83 * gbm_minimum_quantile(0.05, SIGMA, 7 * DAY_YEARS) == pytest.approx(0.6646, abs=5e-5)


def test_barrier_hits_continuous_and_hourly() -> None:
    level, years = 0.70 / 0.83, 30 * DAY_YEARS
    assert gbm_hit(level, SIGMA, years) == pytest.approx(0.49693, abs=5e-6)
    assert gbm_hit_monitored(level, SIGMA, years, HOUR_YEARS) == pytest.approx(0.48394, abs=5e-6)


def test_the_hourly_hit_agrees_with_simulation() -> None:
    rng = np.random.default_rng(11)
    steps = 30 * 24
    level, s = math.log(0.70 / 0.83), SIGMA * math.sqrt(HOUR_YEARS)
    hits, paths = 0, 20_000
    for _ in range(20):
        walk = np.cumsum(rng.normal(-(s**2) / 2, s, (paths // 20, steps)), axis=1)
        hits += int((walk.min(axis=1) <= level).sum())
    error = math.sqrt(0.484 * 0.516 / paths)
    assert abs(hits / paths - 0.48394) < 4 * error


def test_loss_of_a_delayed_call() -> None:
    probability, mean = gbm_delay_loss(0.83, 0.05, 0.05, SIGMA, DAY_YEARS)
    assert probability == pytest.approx(0.020739, abs=5e-7)
    assert mean == pytest.approx(3.1585e-4, abs=5e-9)
    probability, mean = gbm_delay_loss(0.83, 0.05, 0.05, SIGMA, DAY_YEARS / 4)
    assert probability == pytest.approx(1.988e-5, abs=5e-9)
    assert mean == pytest.approx(9.14e-8, abs=5e-10)


def test_smart_ltv_has_its_published_vectors() -> None:
    assert smart_ltv(3, 0.10, 200_000, 1_000_000, 0.05) == pytest.approx(0.82444657, abs=5e-9)
    assert smart_ltv(4.9, 9.99, 1e6, 1e6, 0.05) == 0


def test_a_new_account_at_todays_parameters_is_likely_liquidated_within_a_week() -> None:
    assert gbm_hit(0.805 / 0.83, SIGMA, 7 * DAY_YEARS) == pytest.approx(0.79, abs=5e-3)
    assert gbm_hit(1.0, SIGMA, 7 * DAY_YEARS) == 1


def test_low_volatility_does_not_overflow() -> None:
    assert gbm_hit(0.9, 0.01, DAY_YEARS, drift=0.5) == 0
    assert gbm_hit(0.5, 1e-3, 1.0, drift=-5.0) == pytest.approx(1.0)


@pytest.mark.parametrize("bad", [(0, 1, 1), (0.5, 0, 1), (0.5, 1, 0)])
def test_impossible_arguments_are_refused(bad: tuple[float, float, float]) -> None:
    with pytest.raises(InputError):
        gbm_hit(*bad)
