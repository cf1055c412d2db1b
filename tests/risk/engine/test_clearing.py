"""Clearing by sorting against iterating the map, closed forms, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from abis.errors import InputError
from risk.engine.arrays import FloatArray
from risk.engine.clearing import Impact, clear, constant_product, exponential, ladder, power

SIZES = st.integers(1, 30)
IMPACTS = st.sampled_from([exponential(0.02), exponential(0.0), constant_product(60.0), power(5.0, 0.5)])


@st.composite
def books(draw: st.DrawFn) -> tuple[FloatArray, FloatArray]:
    """Thresholds and volumes on coarse grids, so that ties and empty positions occur."""
    n = draw(SIZES)
    threshold = draw(arrays(np.float64, n, elements=st.integers(0, 40).map(lambda k: k / 40)))
    volume = draw(arrays(np.float64, n, elements=st.integers(0, 8).map(float)))
    return threshold, volume


def iterated(threshold: FloatArray, volume: FloatArray, impact: Impact, shock: float, *, top: bool) -> int:
    """Positions sold, iterating from nobody (``top``) or from everybody."""
    sold = np.zeros(len(threshold), bool) if top else np.ones(len(threshold), bool)
    while True:
        # Added up from the highest threshold down, as the ladder does: the same rounding.
        order = np.argsort(-threshold, kind="stable")
        total = np.concatenate([[0.0], np.cumsum(np.where(sold, volume, 0.0)[order])])[-1]
        after = shock * impact(np.array([total]))[0] < threshold
        if (after == sold).all():
            return int(sold.sum())
        sold = after


@given(books(), IMPACTS, st.integers(1, 200))
def test_sorting_equals_iteration(book: tuple[FloatArray, FloatArray], impact: Impact, step: int) -> None:
    """CLR-1: both fixed points are those iteration reaches from the top and from the bottom."""
    shock = step / 170 + 1e-7  # off the grid of thresholds: no comparison hangs on rounding
    got = clear(ladder(*book, impact), [shock])
    assert got.best_sold[0] == iterated(*book, impact, shock, top=True)
    assert got.worst_sold[0] == iterated(*book, impact, shock, top=False)


@given(books(), IMPACTS)
def test_order_and_bounds(book: tuple[FloatArray, FloatArray], impact: Impact) -> None:
    """CLR-2: a deeper shock sells no less, and the worst end is no better than the best."""
    got = clear(ladder(*book, impact), np.linspace(1.1, 0.0, 57))
    assert (np.diff(got.best_sold) >= 0).all()
    assert (np.diff(got.worst_sold) >= 0).all()
    assert (got.worst_sold >= got.best_sold).all()
    assert (got.self_fulfilling >= 0).all()
    assert (got.worst_price >= 0).all()


@given(books(), st.randoms(use_true_random=False))
def test_order_of_positions(book: tuple[FloatArray, FloatArray], random: object) -> None:
    """CLR-3: the order of positions changes nothing."""
    shuffled = np.random.default_rng(len(book[0])).permutation(len(book[0]))
    shocks = np.linspace(0.0, 1.1, 23) + 1e-7
    one, other = (
        clear(ladder(t, v, exponential(0.02)), shocks) for t, v in (book, [x[shuffled] for x in book])
    )
    np.testing.assert_array_equal(one.best_sold, other.best_sold)
    np.testing.assert_array_equal(one.worst_sold, other.worst_sold)


def test_linear_limit() -> None:
    """CLR-4: with density g of liquidations and depth D1 a fall ends at exo / (1 - g / D1)."""
    density, depth, n = 28.0, 100.0, 400_000  # USD per 1 %
    per_position = 40.0 * density / n  # spread evenly over a fall of 40 %
    threshold = 1.0 - 0.4 * (np.arange(n) + 0.5) / n
    # A move of x % off the price before, whatever the shock: linear impact on the level.
    for fall in (0.02, 0.05, 0.1):
        level = ladder(
            threshold + fall, np.full(n, per_position), lambda q: np.maximum(1 - q / depth / 100, 0.01)
        )
        got = clear(level, [1.0])
        assert 1 - got.best_price[0] + fall == pytest.approx(fall / (1 - density / depth), rel=1e-3)


def test_a_run_that_fulfils_itself() -> None:
    """Nobody has to sell at 0.95; if everybody did, everybody would have to."""
    got = clear(ladder([0.9, 0.9], [5.0, 5.0], exponential(0.02)), [0.95, 0.89, 1.2])
    assert got.best_sold.tolist() == [0, 2, 0]
    assert got.worst_sold.tolist() == [2, 2, 0]
    assert got.worst_price[0] == pytest.approx(0.95 * np.exp(-0.2))


def test_an_empty_book_sells_nothing() -> None:
    got = clear(ladder([], [], exponential(0.1)), [0.5])
    assert (got.best_sold[0], got.worst_price[0]) == (0, 0.5)


@pytest.mark.parametrize(
    ("threshold", "volume", "impact", "named"),
    [
        ([0.5, float("nan")], [1.0, 1.0], exponential(0.1), r"threshold\[1\]"),
        ([0.5], [-1.0], exponential(0.1), r"volume\[0\]"),
        ([0.5], [1.0, 2.0], exponential(0.1), "1 thresholds and 2 volumes"),
        ([0.5], [1.0], lambda q: 1.0 + q, "impact"),
        ([0.5], [1e6], lambda q: 1.0 - q, "impact"),
        ([0.5], [1.0], lambda q: np.ones(1), "impact"),
    ],
)
def test_bad_books_are_named(threshold: list[float], volume: list[float], impact: Impact, named: str) -> None:
    with pytest.raises(InputError, match=named):
        ladder(threshold, volume, impact)


@pytest.mark.parametrize("shock", [-0.1, float("nan"), float("inf")])
def test_bad_shocks_are_named(shock: float) -> None:
    with pytest.raises(InputError, match=r"shock\[1\]"):
        clear(ladder([0.5], [1.0], exponential(0.1)), [1.0, shock])
