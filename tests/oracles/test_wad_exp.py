"""The pool's exponential against the exact one."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from abis.units import WAD
from oracles.wad_exp import TOO_LARGE_WAD, ZERO_AT_WAD, exp_wad


@given(st.integers(ZERO_AT_WAD, 0))
def test_decays_are_the_floor_of_the_exact_value_or_one_beside(x: int) -> None:
    with localcontext(prec=60):
        exact = ((Decimal(x) / WAD).exp() * WAD).to_integral_value(ROUND_FLOOR)
    assert abs(exp_wad(x) - int(exact)) <= 1


@pytest.mark.parametrize(
    ("x", "value"),
    [
        (0, WAD),
        (WAD, 2718281828459045235),
        (-WAD, 367879441171442321),
        (ZERO_AT_WAD, 0),
        (ZERO_AT_WAD * 2, 0),
    ],
)
def test_known_values(x: int, value: int) -> None:
    assert exp_wad(x) == value


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(FeedError, match=str(TOO_LARGE_WAD)):
        exp_wad(TOO_LARGE_WAD)
