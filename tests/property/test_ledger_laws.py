"""Laws of the harm ledger's formulas."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from risk.engine import ledger, ledger_arrays

fractions = st.floats(0.0, 1.0)
healths = st.floats(0.3, 0.9999)
thresholds = st.floats(0.05, 0.97)
bonuses = st.floats(0.0, 0.2)


@given(healths, thresholds, bonuses, st.floats(1.0, 1.3), st.floats(1e-6, 1e9))
def test_minimal_repayment_restores(
    health: float, threshold: float, bonus: float, target: float, debt: float
) -> None:
    """LED-2: the minimal repayment brings the health factor to its target, where any repayment can."""
    slope = ledger.lam(threshold, bonus)
    assume(health > slope + 1e-6)
    needed = ledger.r_star(debt, health * debt / threshold, health, threshold, bonus, target)
    assert 0 < needed <= debt
    assume(debt - needed > 1e-6 * debt)
    after = (health * debt - slope * needed) / (debt - needed)
    assert after == pytest.approx(target, rel=1e-6)


@given(healths, thresholds, bonuses)
def test_no_avoidable_loss_when_all_is_as_it_should_be(health: float, threshold: float, bonus: float) -> None:
    """LED-3: no avoidable loss if oracle is fair, repayment minimal and the bonus is the reference cost."""
    collateral = health / threshold
    repaid = ledger.r_star(1.0, collateral, health, threshold, bonus)
    loss = ledger.borrower_loss(repaid, bonus, 1.0, 1.0)
    needed = ledger.r_reference(1.0, collateral, health, threshold, bonus)
    assert ledger.avoidable_loss(loss, bonus, needed) == pytest.approx(0.0, abs=1e-12)


@given(st.floats(0.3, 1.2), thresholds, bonuses, bonuses, fractions, st.floats(0.0, 0.05))
def test_a_larger_bonus_never_helps_the_borrower(
    health: float, threshold: float, one: float, two: float, repaid: float, cost: float
) -> None:
    """LED-4: for the same repayment and reference cost a larger bonus never lowers the avoidable loss."""
    small, large = sorted((one, two))
    needed = ledger.r_reference(1.0, health / threshold, health, threshold, cost)
    losses = [ledger.borrower_loss(repaid, b, 1.0, 1.0) for b in (small, large)]
    assert ledger.avoidable_loss(losses[0], cost, needed) <= ledger.avoidable_loss(losses[1], cost, needed)


@given(healths, thresholds, bonuses, st.floats(0.001, 0.5))
def test_toxic_means_worse_off(health: float, threshold: float, bonus: float, repaid: float) -> None:
    """LED-6: a call is toxic exactly if it lowers the health factor."""
    slope = ledger.lam(threshold, bonus)
    assume(abs(health - slope) > 1e-9)
    after = (health - slope * repaid) / (1 - repaid)
    assert ledger.is_toxic(health, threshold, bonus) == (after < health)


@given(
    st.floats(-10.0, 100.0),
    st.floats(0.0, 100.0),
    st.floats(0.5, 1.5),
    st.floats(0.0, 0.1),
    st.floats(0.0, 100.0),
)
def test_parts_of_a_loss(loss: float, repaid: float, health: float, cost: float, needed: float) -> None:
    """LED-7: the parts of a loss are non-negative and add up to the avoidable loss; arrays agree."""
    parts = ledger.loss_parts(loss, repaid, health, cost, needed)
    total = ledger.avoidable_loss(loss, cost, needed)
    assert min(parts) >= 0
    assert sum(parts) == pytest.approx(total, rel=1e-15)
    assert (parts[0] == total) == (health >= 1 or total == 0)
    arrays = ledger_arrays.loss_parts([loss], repaid, health, cost, needed)
    assert tuple(a.item() for a in arrays) == parts
