"""The harm ledger's formulas at worked examples."""

from __future__ import annotations

import numpy as np
import pytest

from risk.engine import ledger, ledger_arrays
from risk.engine.ledger import (
    avoidable_loss,
    borrower_loss,
    is_toxic,
    lam,
    leaves_bad_debt,
    lossless_fall,
    over_liquidated,
    price_adjusted,
    r_star,
    toxic_band,
    two_step_gain,
    under_liquidated,
)

LT, BONUS = 0.83, 0.05


def collateral(health: float, threshold: float = LT, debt: float = 1.0) -> float:
    """Value of the single collateral at which ``debt`` has this health factor."""
    return health * debt / threshold


def minimal(health: float, bonus: float = BONUS, target: float = 1.0, threshold: float = LT) -> float:
    return r_star(1.0, collateral(health, threshold), health, threshold, bonus, target)


@pytest.mark.parametrize(
    ("health", "to_one", "to_1_05"),
    [(0.99, 0.0778, 0.3361), (0.97, 0.2335, 0.4482), (0.95, 0.3891, 0.5602), (0.90, 0.7782, 0.8403)],
)
def test_minimal_repayment_at_five_percent_bonus(health: float, to_one: float, to_1_05: float) -> None:
    assert minimal(health) == pytest.approx(to_one, abs=5e-5)
    assert minimal(health, target=1.05) == pytest.approx(to_1_05, abs=5e-5)


@pytest.mark.parametrize(
    ("health", "repaid", "waste"), [(0.99, 0.5, 0.844), (0.97, 0.5, 0.533), (0.95, 1.0, 0.611)]
)
def test_share_of_a_close_factor_call_that_was_not_needed(health: float, repaid: float, waste: float) -> None:
    assert over_liquidated(repaid, minimal(health)) / repaid == pytest.approx(waste, abs=5e-4)


def test_a_larger_bonus_hides_over_liquidation_but_not_the_loss() -> None:
    """Half of the debt repaid at HF .97: the over-liquidated debt vanishes as the bonus grows.

    That is why limits are set on the avoidable loss and never on the over-liquidated debt.
    """
    repaid, health = 0.5, 0.97
    assert over_liquidated(repaid, minimal(health, 0.05)) * 1e4 == pytest.approx(2_665, abs=0.5)
    assert borrower_loss(repaid, 0.05, 1.0, 1.0) * 1e4 == pytest.approx(250)
    assert lam(LT, 0.1445) == pytest.approx(0.9499, abs=5e-5)
    assert over_liquidated(repaid, minimal(health, 0.1445)) == 0
    assert borrower_loss(repaid, 0.1445, 1.0, 1.0) * 1e4 == pytest.approx(722, abs=0.6)
    cost = 0.01
    needed = ledger.r_reference(1.0, collateral(health), health, LT, cost)
    small, large = (avoidable_loss(borrower_loss(repaid, b, 1.0, 1.0), cost, needed) for b in (0.05, 0.1445))
    assert small < large


def test_the_price_basis_moves_the_minimal_repayment() -> None:
    """The cap on wstETH of 10 March 2026: oracle 1.1939 ETH where the token was worth 1.2289."""
    fair_to_oracle = 1.2289 / 1.1939
    assert 1 - 1 / fair_to_oracle == pytest.approx(0.0285, abs=5e-5)
    assert minimal(0.99, 0.01, threshold=0.95) == pytest.approx(0.247, abs=5e-4)
    executed = price_adjusted(0.01, fair_to_oracle, 1.0)
    assert lam(0.95, executed) == pytest.approx(0.95 * 1.01 * fair_to_oracle)
    assert minimal(0.99, executed, threshold=0.95) == pytest.approx(0.808, abs=5e-4)


def test_losses_of_the_wsteth_cap() -> None:
    """10 March 2026: 10,938 wstETH seized at the capped 1.1939 ETH, fair 1.228, bonus 1 %, fee 10 %.

    Reported: 499 ETH to liquidators and 13 ETH of fees; no bad debt.
    """
    seized, oracle, fair = 10_938.0, 1.1939, 1.228
    repaid = seized * oracle / 1.01
    loss = borrower_loss(repaid, 0.01, fair / oracle, 1.0)
    assert loss == pytest.approx(502, abs=0.5)
    assert seized * 0.01 / 1.01 * 0.10 * oracle == pytest.approx(12.9, abs=0.05)
    assert 1 - oracle / fair == pytest.approx(0.0278, abs=5e-5)
    # Solvent at fair prices: nothing was needed, so all of it is over-liquidation and dislocation.
    needed = r_star(repaid, seized * fair, 1.02, 0.95, price_adjusted(0.01, fair / oracle, 1.0))
    assert over_liquidated(repaid, needed) == repaid
    assert ledger.loss_parts(loss, repaid, 1.02, 0.001, needed) == (loss, 0.0, 0.0)


def test_everything_is_needed_where_repaying_lowers_health() -> None:
    assert r_star(100.0, 104.0, 0.95, 0.95, 0.05) == pytest.approx(104.0 / 1.05)
    assert r_star(100.0, 200.0, 0.95, 0.95, 0.05) == 100.0
    assert r_star(100.0, 200.0, 1.0, 0.95, 0.05) == 0.0


def test_toxic_switch_is_at_lam() -> None:
    threshold, bonus, repaid = 0.95, 0.01, 0.1
    assert lam(threshold, bonus) == pytest.approx(0.9595)
    for health in (0.9595 - 1e-6, 0.9595, 0.9595 + 1e-6):
        after = (health - lam(threshold, bonus) * repaid) / (1 - repaid)
        assert after - health == pytest.approx(
            (health - lam(threshold, bonus)) * repaid / (1 - repaid), abs=1e-15
        )
        assert is_toxic(health, threshold, bonus) == (health < lam(threshold, bonus))
    assert is_toxic(0.97, threshold, bonus, impact=0.02)
    assert leaves_bad_debt(1 / 1.05 + 1e-9, 0.05)
    assert not leaves_bad_debt(1 / 1.05 - 1e-9, 0.05)


def test_toxic_band_of_an_emode_with_threshold_95() -> None:
    band = toxic_band(0.95, 0.01, 0.95)
    assert band is not None
    assert band == pytest.approx((0.95, 0.9595))
    assert toxic_band(0.83, 0.05, 0.95) is None


def test_splitting_a_call_in_two_pays() -> None:
    first = minimal(0.97)
    assert first + 0.5 * (1 - first) == pytest.approx(0.6167, abs=5e-5)
    assert two_step_gain(0.5, 0.97, LT, BONUS) == pytest.approx((first + 0.5 * (1 - first)) / 0.5 - 1)


def test_fall_without_loss_of_a_twelve_times_loop() -> None:
    assert pytest.approx(0.0351, abs=5e-5) == 1 - 1 / 1.0364
    assert lossless_fall(1.0364, 0.95, 0.01) == pytest.approx(0.0742, abs=5e-5)
    assert pytest.approx(12.0, abs=0.05) == 1 / (1 - 0.95 / 1.0364)


def test_under_liquidation_needs_both_prices() -> None:
    assert under_liquidated(7.0, 0.99, 1.0) == 7.0
    assert under_liquidated(7.0, 1.0, 1.0) == 0.0
    assert under_liquidated(7.0, 0.99, 0.99) == 0.0


def test_arrays_broadcast() -> None:
    health = np.array([0.90, 0.97, 1.0])
    got = ledger_arrays.r_star(1.0, health / LT, health, LT, [[0.05], [0.10]])
    assert got.shape == (2, 3)
    assert got[0, 1] == minimal(0.97)
    assert ledger_arrays.borrower_loss([0.5], 0.05, 1.0, 1.0) == pytest.approx(0.025)
