from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from abis.units import mul_div_down as exact
from oracles.wide import mul_div_down, narrowed

INT64 = st.integers(0, 2**63 - 1)
DIVISORS = st.integers(1, 2**63 - 1) | st.integers(0, 18).map(lambda k: 10**k) | st.integers(2**62, 2**63 - 1)
WIDE = st.integers(0, 2**140)


@given(st.lists(st.tuples(INT64, INT64, DIVISORS), min_size=1, max_size=20))
def test_adp_10_products_of_64_bits_divide_exactly(rows: list[tuple[int, int, int]]) -> None:
    """ADP-10: the arrays' mul_div_down is the integers', whatever the size of product and quotient."""
    a, b, c = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    assert mul_div_down(a, b, c).tolist() == [exact(*row) for row in rows]
    for k, row in enumerate(rows):
        assert int(mul_div_down(a[k : k + 1], b[k], int(c[k]))[0]) == exact(*row)


@given(st.lists(st.tuples(INT64, DIVISORS, st.integers(-2, 2)), min_size=1, max_size=20))
def test_adp_10_at_the_edges_of_the_quotient(rows: list[tuple[int, int, int]]) -> None:
    """ADP-10: also where the quotient is one off a whole number, and at 2**63."""
    for quotient, divisor, off in rows:
        a = max(quotient + off, 0)
        if a < 2**63:
            assert int(mul_div_down([a], [divisor], [divisor])[0]) == a
            assert int(mul_div_down([max(a - 1, 0)], [divisor], [max(divisor - 1, 1)])[0]) == exact(
                max(a - 1, 0), divisor, max(divisor - 1, 1)
            )


@given(st.lists(st.tuples(WIDE, WIDE, WIDE.map(lambda x: x + 1)), min_size=1, max_size=8))
def test_adp_10_wider_numbers_stay_exact(rows: list[tuple[int, int, int]]) -> None:
    """ADP-10: beyond 64 bits too."""
    a, b, c = (np.array(column, dtype=object) for column in zip(*rows, strict=True))
    assert mul_div_down(a, b, c).tolist() == [exact(*row) for row in rows]


def test_shapes_broadcast_and_results_narrow_where_they_can() -> None:
    grid = mul_div_down([[1], [2]], [10, 20, 30], 10)
    assert grid.dtype == np.int64
    assert grid.tolist() == [[1, 2, 3], [2, 4, 6]]
    assert mul_div_down(2**62, 4, 1).dtype == object
    assert mul_div_down(np.broadcast_to(np.int64(7), (1, 3)), 3, 2).tolist() == [[10, 10, 10]]


@pytest.mark.parametrize("bad", [(-1, 1, 1), (1, -1, 1), (1, 1, 0), (1, 1, -5)])
def test_negative_factors_and_no_divisor_are_refused(bad: tuple[int, int, int]) -> None:
    with pytest.raises(FeedError, match="Give factors of at least 0"):
        mul_div_down(*bad)


@pytest.mark.parametrize("bad", [[1.5], [np.nan], ["1"], [None]])
def test_what_is_no_whole_number_is_refused(bad: list[object]) -> None:
    with pytest.raises(FeedError, match="whole numbers"):
        narrowed(np.asarray(bad))
