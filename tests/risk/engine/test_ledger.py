"""The harm ledger against worked figures of the literature, and its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.engine import ledger, ledger_arrays

FRACTION = st.floats(0.01, 0.95)
MONEY = st.floats(1.0, 1e9)


def test_a_larger_bonus_hides_over_liquidation_but_not_the_loss() -> None:
    """LT .83, HF .97, half the debt repaid: the description falls to 0 while the borrower loses more."""
    for bonus, over_bps, loss_bps in ((0.05, 2_665, 250), (0.1445, 0, 722)):
        needed = ledger.r_star(1.0, 10.0, 0.97, 0.83, bonus)
        assert int(1e4 * ledger.over_liquidated(0.5, needed)) == over_bps
        assert int(1e4 * ledger.borrower_loss(0.5, bonus, 1.0, 1.0)) == loss_bps
    assert ledger.lam(0.83, 0.1445) == pytest.approx(0.9499, abs=5e-5)


def test_the_price_basis_decides_what_was_needed() -> None:
    """E-mode threshold .95, bonus 1 %, ratio 1.1939 for 1.2289: r* at HF .99 goes from .247 to .808."""
    at_oracle = ledger.r_star(1.0, 10.0, 0.99, 0.95, 0.01)
    real_bonus = ledger.price_adjusted(0.01, 1.2289 / 1.1939, 1.0)
    at_executed = ledger.r_star(1.0, 10.0, 0.99, 0.95, real_bonus)
    assert (round(at_oracle, 3), round(at_executed, 3)) == (0.247, 0.808)


@pytest.mark.parametrize(
    ("health", "to_one", "to_target"),
    [(0.99, 0.0778, 0.3361), (0.97, 0.2335, 0.4482), (0.95, 0.3891, 0.5602), (0.90, 0.7782, 0.8403)],
)
def test_minimal_repayment(health: float, to_one: float, to_target: float) -> None:
    """LT .83, bonus 5 %, repaying to HF 1 and to the target 1.05."""
    assert ledger.r_star(1.0, 10.0, health, 0.83, 0.05) == pytest.approx(to_one, abs=5e-5)
    assert ledger.r_star(1.0, 10.0, health, 0.83, 0.05, 1.05) == pytest.approx(to_target, abs=5e-5)


@pytest.mark.parametrize(
    ("health", "repaid", "waste"), [(0.99, 0.5, 84.4), (0.97, 0.5, 53.3), (0.95, 1.0, 61.1)]
)
def test_waste_of_the_half_and_full_close(health: float, repaid: float, waste: float) -> None:
    needed = ledger.r_star(1.0, 10.0, health, 0.83, 0.05)
    assert 100 * ledger.over_liquidated(repaid, needed) / repaid == pytest.approx(waste, abs=0.05)


def test_toxic_band_of_the_live_emode() -> None:
    low, high = ledger.toxic_band(0.95, 0.01, 0.95) or (0.0, 0.0)
    assert (low, high) == (0.95, pytest.approx(0.9595))
    assert ledger.toxic_band(0.83, 0.05, 0.95) is None
    assert ledger.is_toxic(0.955, 0.95, 0.01)
    assert not ledger.is_toxic(0.96, 0.95, 0.01)


def test_gain_of_two_steps_and_lossless_fall() -> None:
    minimal = ledger.r_star(1.0, 10.0, 0.97, 0.83, 0.05)
    assert minimal + 0.5 * (1 - minimal) == pytest.approx(0.6167, abs=1e-4)
    assert ledger.two_step_gain(0.5, 0.97, 0.83, 0.05) == pytest.approx(minimal, rel=1e-12)
    assert ledger.lossless_fall(1.0364, 0.95, 0.01) == pytest.approx(0.0742, abs=5e-5)


@given(MONEY, FRACTION, st.floats(0.0, 0.2), st.floats(0.5, 0.999))
def test_repaying_the_minimum_restores_health(
    debt: float, threshold: float, bonus: float, health: float
) -> None:
    """LED-1: after r* the health factor is the target, wherever repaying helps at all."""
    slope = ledger.lam(threshold, bonus)
    needed = ledger.r_star(debt, 1e12, health, threshold, bonus)
    if health > slope + 1e-3:
        after = (health * debt - slope * needed) / (debt - needed)
        assert after == pytest.approx(1.0, rel=1e-9)


@given(
    MONEY,
    FRACTION,
    st.floats(0.3, 1.3),
    FRACTION,
    st.floats(0.0, 0.15),
    st.floats(0.0, 0.1),
    st.floats(0.8, 1.3),
)
def test_the_causes_add_up(
    debt: float, share: float, health: float, threshold: float, bonus: float, cost: float, dislocation: float
) -> None:
    """LED-2: dislocation, excess and bonus are non-negative and add up to the avoidable loss."""
    repaid = debt * share
    needed = ledger.r_reference(debt, 2 * debt, health, threshold, cost)
    loss = ledger.borrower_loss(repaid, bonus, dislocation, 1.0)
    parts = ledger.loss_parts(loss, repaid, health, cost, needed)
    assert all(p >= 0 for p in parts)
    assert sum(parts) == pytest.approx(ledger.avoidable_loss(loss, cost, needed), rel=1e-12, abs=1e-9)
    if health >= 1:
        assert parts[1:] == (0.0, 0.0)


@given(
    MONEY,
    FRACTION,
    st.floats(0.3, 1.3),
    FRACTION,
    st.floats(0.0, 0.15),
    st.floats(0.0, 0.1),
    st.floats(0.0, 0.1),
)
def test_a_larger_bonus_never_lowers_the_avoidable_loss(
    debt: float, share: float, health: float, threshold: float, bonus: float, cost: float, more: float
) -> None:
    """LED-3: with the reference cost fixed, a larger bonus never makes the loss smaller."""
    needed = ledger.r_reference(debt, 2 * debt, health, threshold, cost)
    losses = [
        ledger.avoidable_loss(ledger.borrower_loss(debt * share, b, 1.0, 1.0), cost, needed)
        for b in (bonus, bonus + more)
    ]
    assert losses[0] <= losses[1]


@given(MONEY, FRACTION, st.floats(0.5, 0.999), st.floats(0.0, 0.05))
def test_nothing_is_avoidable_about_a_minimal_call_at_cost(
    debt: float, threshold: float, health: float, cost: float
) -> None:
    """LED-4: oracle equals fair, repayment minimal, bonus equal to the reference cost: no avoidable loss."""
    needed = ledger.r_reference(debt, 2 * debt, health, threshold, cost)
    loss = ledger.borrower_loss(needed, cost, 1.0, 1.0)
    assert ledger.avoidable_loss(loss, cost, needed) <= 1e-9 * debt


@given(
    st.lists(st.tuples(MONEY, st.floats(0.3, 1.3), FRACTION, st.floats(0.0, 0.15)), min_size=1, max_size=5)
)
def test_arrays_are_the_scalars_element_by_element(rows: list[tuple[float, float, float, float]]) -> None:
    """LED-5: the array versions give the scalars' values bit for bit."""
    debt, health, threshold, bonus = map(np.array, zip(*rows, strict=True))
    got = ledger_arrays.r_star(debt, 2 * debt, health, threshold, bonus)
    assert got.tolist() == [ledger.r_star(d, 2 * d, h, t, b) for d, h, t, b in rows]


def test_under_liquidation_needs_a_sleepy_oracle() -> None:
    assert ledger.under_liquidated(5.0, 0.99, 1.0) == 5.0
    assert ledger.under_liquidated(5.0, 0.99, 0.999) == 0.0
    assert ledger.under_liquidated(5.0, 1.0, 1.2) == 0.0
