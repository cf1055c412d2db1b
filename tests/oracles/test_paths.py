"""What every map refuses, and what a past forgets."""

from __future__ import annotations

import numpy as np
import pytest

from abis.errors import FeedError
from oracles import paths
from oracles.paths import Past


@pytest.mark.parametrize("times", [[3.0, 2.0], [0.5], [np.nan], [np.inf], [1.0, np.nan, 2.0], [], [[1.0]]])
def test_times_that_are_no_path_are_refused(times: list[float]) -> None:
    with pytest.raises(FeedError, match=r"Sort the path|one row of times"):
        paths.check_times("x", 1.0, times)


@pytest.mark.parametrize("price", [0.0, -1.0, np.nan, np.inf])
def test_prices_that_are_none_are_refused(price: float) -> None:
    with pytest.raises(FeedError, match="impossible"):
        paths.raw_prices("x", 8, [1.0, price])


def test_prices_are_rounded_once_and_must_fit() -> None:
    assert paths.raw_prices("x", 8, [0.29]).tolist() == [29_000_000]
    with pytest.raises(FeedError, match="64-bit"):
        paths.raw_prices("x", 18, [10.0])


def test_a_past_keeps_what_still_held() -> None:
    past = Past(np.array([0, 10, 10, 20]), np.array([[1, 2, 3, 4]]))
    assert past.since(15).at_s.tolist() == [10, 10, 20]
    assert past.since(20).value.tolist() == [[4]]
    assert past.since(-5).at_s.tolist() == [0, 10, 10, 20]


def test_a_start_is_one_value_a_scenario() -> None:
    with pytest.raises(FeedError, match="one value a scenario"):
        paths.check_row("x", [[1.0]])
