"""A rule on past dates, by hand: one collateral, one stable debt."""

from __future__ import annotations

import numpy as np
import pytest

from abis.errors import InputError
from risk.engine.pair_sweep import Calls, pair_book
from risk.solver.regret import Tolerance, best_threshold, implied_tolerance, lagged, replay

BOOK = pair_book([100.0, 100.0, 100.0], [50.0, 65.0, 74.0])
WHOLE = Calls(close_factor=1.0)
ANYTHING = Tolerance(0.5, np.inf, np.inf, np.inf, 1.0)


def test_an_oracle_that_is_late_shows_the_price_of_before() -> None:
    path = np.array([[1.0, 0.9, 0.8, 0.7]])
    assert lagged(path, 1).tolist() == [[1.0, 1.0, 0.9, 0.8]]
    assert lagged(path, 0) is path


def test_a_replay_liquidates_who_falls_below_and_counts_what_is_not_covered() -> None:
    """At 0.7 of the price and LT 0.75, 65 and 74 are above 52.5; with 10 % bonus 63.64 is covered."""
    found = replay(BOOK, np.array([1.0, 0.7]), 0.75, 0.10, WHOLE, lag=0)
    assert found.power_usd == pytest.approx(225)
    assert found.liquidated_usd == pytest.approx(139)
    assert found.bad_debt_usd == pytest.approx(65 - 70 / 1.1 + 74 - 70 / 1.1)
    late = replay(BOOK, np.array([1.0, 0.7]), 0.75, 0.10, WHOLE, lag=1)
    assert late.liquidated_usd == 0


def test_the_rule_takes_the_highest_threshold_it_tolerates() -> None:
    ratio = np.array([[1.0, 1.0, 1.0], [1.0, 0.88, 0.75]])
    choices = np.array([0.70, 0.75, 0.80, 0.85])
    free = best_threshold(BOOK, ratio, choices, 0.10, WHOLE, ANYTHING, now=0.75, lag=0)
    assert free == 0.85
    # At 0.88 LT 0.85 lets 74 pass, at 0.75 it is short of 75 / 1.1 by 5.8; LT 0.80 sells at 0.88.
    wide = Tolerance(0.5, np.inf, 4.0 / 189, np.inf, 1.0)
    assert best_threshold(BOOK, ratio, choices, 0.10, WHOLE, wide, now=0.75, lag=0) == 0.80
    # LT 0.70 would liquidate the account that owes 74 at once.
    strict = Tolerance(0.5, np.inf, np.inf, np.inf, 0.0)
    assert best_threshold(BOOK, ratio, choices[:1], 0.10, WHOLE, strict, now=0.75, lag=0) is None
    with pytest.raises(InputError, match="no threshold"):
        best_threshold(BOOK, ratio, choices[:0], 0.10, WHOLE, ANYTHING, now=0.75, lag=0)


def test_what_is_in_force_is_within_what_it_implies() -> None:
    ratio = np.cumprod(np.random.default_rng(3).normal(1, 0.02, (500, 25)), axis=1)
    ratio /= ratio[:, :1]
    implied = implied_tolerance(BOOK, ratio, 0.77, 0.13, WHOLE, level=0.99, lag=1)
    assert implied.eligible > 0
    found = best_threshold(BOOK, ratio, np.array([0.77]), 0.13, WHOLE, implied, now=0.77, lag=1)
    assert found == 0.77
