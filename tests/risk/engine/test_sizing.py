"""The size of one call, at the published worked examples."""

from __future__ import annotations

import numpy as np
import pytest

from protocols.releases import rules_of
from risk.engine.arrays import RuleNumbers, rule_numbers
from risk.engine.sizing import Pair, leaves_dust, most_repayable, most_without_dust, seizure_of

ETHER, USDC = 10.0**18, 10.0**6
C_PRICE, D_PRICE = 234567891234 / ETHER, 99987654 / USDC
C_AMOUNT, D_AMOUNT = 10123456789012345678.0, 27005984624.0
POSITION_DEBT = float(
    -(-27005984624 * 99987654 // 10**6) + -(-10005 * 10**17 * 100010000 // 10**18)
)  # debts 1 and 2, v3.5 rounding


def rules(version: str) -> RuleNumbers:
    return rule_numbers(rules_of("aave", version))


def pair(c_amount: float = C_AMOUNT, d_amount: float = D_AMOUNT) -> Pair:
    return Pair(
        c_amount,
        d_amount,
        float(np.floor(c_amount * C_PRICE)),
        float(np.floor(d_amount * D_PRICE)),
        C_PRICE,
        D_PRICE,
        10_500.0,
        1_000.0,
    )


@pytest.mark.parametrize(
    ("version", "repaid", "seized", "fee"),
    [
        ("2.0", 13502992312, 6043619789400565568, 0),
        ("3.0", 13502992312, 6043619789400565569, 28779141854288408),
        ("3.5", 14003354111, 6267569888787726363, 29845570898989173),
        ("3.7", 14003354111, 6267569888787726362, 29845570898989174),
    ],
)
def test_a_call_near_health_one(version: str, repaid: int, seized: int, fee: int) -> None:
    most = most_repayable(pair(), POSITION_DEBT, True, rules(version))
    call = seizure_of(pair(), most, rules(version))
    assert call.repaid == repaid
    assert call.seized == pytest.approx(seized, rel=1e-15)
    assert call.fee == pytest.approx(fee, rel=1e-14)


@pytest.mark.parametrize(
    ("version", "repaid", "fee"),
    [
        ("3.0", 11353349332, 24197573651227195),
        ("3.5", 11353349333, 24197573651227195),
        ("3.7", 11353349333, 24197573651227196),
    ],
)
def test_a_call_that_takes_all_collateral(version: str, repaid: int, fee: int) -> None:
    held = 5081490466757711023.0
    call = seizure_of(pair(c_amount=held), D_AMOUNT, rules(version))
    assert (call.repaid, call.seized) == (repaid, held)
    assert call.fee == pytest.approx(fee, rel=1e-14)


def test_far_below_health_one_everything_may_be_closed() -> None:
    assert most_repayable(pair(), POSITION_DEBT, False, rules("3.5")) == D_AMOUNT
    assert most_repayable(pair(), POSITION_DEBT, False, rules("3.0")) == D_AMOUNT
    assert most_repayable(pair(), POSITION_DEBT, False, rules("2.0")) == D_AMOUNT / 2


def test_small_sides_may_be_closed_in_full() -> None:
    small = pair(d_amount=1_999 * USDC)
    assert most_repayable(small, POSITION_DEBT, True, rules("3.5")) == small.d_amount


def test_dust_is_refused_on_both_sides_and_the_reduced_call_is_not() -> None:
    whole = pair(d_amount=8_000 * USDC, c_amount=9_000 / 2345.67891234 * ETHER)
    for repaid_usd, refused in ((6_999, False), (7_001, True), (7_600, True), (8_000, False)):
        call = seizure_of(whole, repaid_usd / 0.99987654 * USDC, rules("3.5"))
        assert leaves_dust(whole, call, rules("3.5")) == (refused and call.repaid < whole.d_amount)
    less = most_without_dust(whole, rules("3.5"))
    call = seizure_of(whole, less, rules("3.5"))
    assert not leaves_dust(whole, call, rules("3.5"))
    assert leaves_dust(whole, seizure_of(whole, less + 10 * USDC, rules("3.5")), rules("3.5"))
    assert not leaves_dust(whole, call, rules("3.0"))
    assert most_without_dust(pair(d_amount=900 * USDC), rules("3.5")) < 1
