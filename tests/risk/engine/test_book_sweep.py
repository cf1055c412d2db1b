"""The book sweep against the pair sweep, and against moving one row by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from risk.engine.book_sweep import UNGOVERNED, Accounts, RowOptions, book_sweep
from risk.engine.pair_sweep import Calls, Options, Swept, pair_book, pair_sweep

ratio = st.floats(0.05, 2.0)
usd = st.floats(1.0, 1e6)
THRESHOLD = np.array([0.78, 0.8, 0.83])
BONUS = np.array([0.05, 0.05, 0.06])
MEASURES = ("eligible_usd", "bad_debt_usd", "avoidable_usd")


def paths(draw: st.DrawFn, scenarios: int, steps: int, assets: int) -> np.ndarray:  # type: ignore[type-arg]
    size = scenarios * steps * assets
    return np.array(draw(st.lists(ratio, min_size=size, max_size=size))).reshape(scenarios, steps, assets)


def one_row(threshold: np.ndarray, bonus: np.ndarray, current: int) -> RowOptions:  # type: ignore[type-arg]
    return RowOptions(
        np.array([0, len(threshold)]), threshold, bonus, np.array([current]), np.ones(len(threshold))
    )


@given(data=st.data())
def test_pairs_are_swept_alike(data: st.DataObject) -> None:
    """SOL-4: on accounts of one collateral and one stable debt the book sweep is the pair sweep."""
    draw = data.draw
    accounts = draw(st.integers(1, 5))
    collateral = np.array(draw(st.lists(usd, min_size=accounts, max_size=accounts)))
    owed = np.array(draw(st.lists(st.floats(0.3, 0.99), min_size=accounts, max_size=accounts)))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 5)), 1)
    oracle, fair = (paths(draw, *shape) for _ in range(2))
    calls = Calls(draw(st.integers(0, 2)), 0.5, draw(st.sampled_from([0.0, 0.02])))
    pairs = pair_sweep(
        pair_book(collateral, collateral * owed),
        oracle[:, :, 0],
        fair[:, :, 0],
        Options(THRESHOLD, BONUS),
        calls,
    )
    stable = np.ones((*shape[:2], 1))
    each = np.arange(accounts + 1)
    book = Accounts(
        each,
        np.zeros(accounts, dtype=np.int64),
        collateral,
        np.zeros(accounts, dtype=np.int64),
        each,
        np.ones(accounts, dtype=np.int64),
        collateral * owed,
    )
    got = book_sweep(
        book,
        np.concatenate([oracle, stable], axis=2),
        np.concatenate([fair, stable], axis=2),
        one_row(THRESHOLD, BONUS, 1),
        calls,
    )
    for name in MEASURES:
        want = getattr(pairs, name)
        slack = 1e-9 * collateral.sum()
        assert getattr(got.now, name) + getattr(got.change, name) == pytest.approx(want, rel=1e-9, abs=slack)


def of(market: tuple[Accounts, np.ndarray, np.ndarray], thresholds: list[float]) -> Swept:  # type: ignore[type-arg]
    """The losses where two rows have these thresholds."""
    accounts, oracle, fair = market
    options = RowOptions(np.arange(3), np.array(thresholds), np.array([0.05, 0.06]), np.arange(2), np.ones(2))
    return book_sweep(accounts, oracle, fair, options, Calls(1, 0.5, 0.01)).now


@given(data=st.data())
def test_one_row_at_a_time_is_exact(data: st.DataObject) -> None:
    """SOL-5: what an option changes is what changing that row alone changes, for accounts of any kind."""
    draw = data.draw
    rows = np.array(draw(st.lists(st.sampled_from([0, 1, UNGOVERNED]), min_size=6, max_size=6)))
    amounts = np.array(draw(st.lists(usd, min_size=9, max_size=9)))
    assets = np.array(draw(st.lists(st.integers(0, 2), min_size=9, max_size=9)))
    accounts = Accounts(
        np.array([0, 2, 3, 6]),
        assets[:6],
        amounts[:6],
        rows,
        np.array([0, 1, 2, 3]),
        assets[6:],
        0.3 * amounts[6:],
    )
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 4)), 3)
    market = (accounts, paths(draw, *shape), paths(draw, *shape))
    options = RowOptions(
        np.array([0, 2, 4]),
        np.array([0.8, 0.85, 0.7, 0.65]),
        np.array([0.05, 0.05, 0.06, 0.06]),
        np.array([0, 2]),
        np.ones(4),
    )
    got = book_sweep(*market, options, Calls(1, 0.5, 0.01))
    base = of(market, [0.8, 0.7])
    for option, thresholds in ((1, [0.85, 0.7]), (3, [0.8, 0.65])):
        moved = of(market, thresholds)
        for name in MEASURES:
            want = getattr(moved, name) - getattr(base, name)
            slack = 1e-9 * amounts.sum()
            assert getattr(got.change, name)[option] == pytest.approx(want, rel=1e-9, abs=slack)
    for name in MEASURES:
        assert (getattr(got.change, name)[[0, 2]] == 0).all()


def owing(debt_usd: float) -> Accounts:
    """One account with 100 USD of collateral."""
    zero, one = np.zeros(1, dtype=np.int64), np.array([0, 1])
    return Accounts(one, zero, np.array([100.0]), zero, one, zero + 1, np.array([debt_usd]))


def test_debts_that_follow_the_ltv() -> None:
    """An option under which debts grow by a tenth is the option without, on a book that owes a tenth more."""
    path = np.array([[[0.95, 1.0]]])
    numbers = (np.array([0, 2]), np.array([0.8, 0.8]), np.array([0.05, 0.05]), np.array([0]))
    grown = book_sweep(owing(70), path, path, RowOptions(*numbers, np.array([1.0, 1.1])), Calls())
    plain = book_sweep(owing(77), path, path, RowOptions(*numbers, np.ones(2)), Calls())
    assert grown.now.eligible_usd[0] == 0
    assert plain.now.eligible_usd[0] == 77
    for name in MEASURES:
        got = getattr(grown.now, name)[0] + getattr(grown.change, name)[1, 0]
        assert got == pytest.approx(getattr(plain.now, name)[0])


def test_bad_input() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    empty = Accounts(np.array([0]), nothing, np.zeros(0), nothing, np.array([0]), nothing, np.zeros(0))
    good = one_row(THRESHOLD, BONUS, 0)
    with pytest.raises(InputError, match="nan"):
        book_sweep(empty, np.full((1, 1, 1), np.nan), np.ones((1, 1, 1)), good, Calls())
    with pytest.raises(InputError, match="row 0"):
        book_sweep(empty, np.ones((1, 1, 1)), np.ones((1, 1, 1)), one_row(THRESHOLD, BONUS, 7), Calls())
