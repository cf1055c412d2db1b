"""Exact arithmetic against rationals."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis import units

AMOUNT = st.integers(0, 2**160)
DIVISOR = st.integers(1, 2**128)


@given(AMOUNT, AMOUNT, DIVISOR)
def test_mul_div_rounds_as_named(a: int, b: int, c: int) -> None:
    """UNI-1: down <= exact <= up, at most one apart, equal when the division is exact."""
    exact = Fraction(a * b, c)
    down, up = units.mul_div_down(a, b, c), units.mul_div_up(a, b, c)
    assert down == math.floor(exact)
    assert up == math.ceil(exact)


@given(AMOUNT, AMOUNT, DIVISOR)
def test_half_up_adds_half_of_the_divisor_first(a: int, b: int, c: int) -> None:
    """UNI-2: half up is the nearest integer; for an even divisor ties go up."""
    got = units.mul_div_half_up(a, b, c)
    exact = Fraction(a * b, c)
    assert abs(got - exact) <= Fraction(1, 2)
    if c % 2 == 0 and exact - math.floor(exact) == Fraction(1, 2):
        assert got == math.ceil(exact)


@pytest.mark.parametrize(
    ("name", "scale"),
    [("ray_mul", units.RAY), ("percent_mul", units.BPS)],
)
@given(a=AMOUNT, b=st.integers(0, 2**100))
def test_scaled_products(name: str, scale: int, a: int, b: int) -> None:
    """UNI-3: the named helpers are mul_div by their scale."""
    assert getattr(units, f"{name}_down")(a, b) == a * b // scale
    assert getattr(units, f"{name}_up")(a, b) == -(-a * b // scale)
    assert getattr(units, f"{name}_half_up")(a, b) == (a * b + scale // 2) // scale


@pytest.mark.parametrize(("name", "scale"), [("ray_div", units.RAY), ("percent_div", units.BPS)])
@given(a=AMOUNT, b=DIVISOR)
def test_scaled_quotients(name: str, scale: int, a: int, b: int) -> None:
    """UNI-4: the named helpers are mul_div of their scale."""
    assert getattr(units, f"{name}_down")(a, b) == a * scale // b
    assert getattr(units, f"{name}_up")(a, b) == -(-a * scale // b)
    assert getattr(units, f"{name}_half_up")(a, b) == (a * scale + b // 2) // b


def test_wad_div() -> None:
    assert units.wad_div_half_up(2, 3) == 666_666_666_666_666_667


@given(st.integers(-(2**300), 2**300), st.integers(0, 40))
def test_raw_round_trip(raw: int, decimals: int) -> None:
    """UNI-5: from_raw is exact, to_raw_down its inverse."""
    value = units.from_raw(raw, decimals)
    assert units.to_raw_down(value, decimals) == raw
    assert Fraction(value) == Fraction(raw, 10**decimals)


def test_to_raw_rounds_toward_zero() -> None:
    assert units.to_raw_down(Decimal("1.239"), 2) == 123
    assert units.to_raw_down(Decimal("-1.239"), 2) == -123


def test_to_raw_refuses_what_is_no_number() -> None:
    with pytest.raises(ValueError, match="NaN is not a finite number"):
        units.to_raw_down(Decimal("NaN"), 2)
