"""The pair sweep against the definition, account by account."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from risk.engine.ledger import r_reference
from risk.engine.pair_sweep import Calls, Options, pair_book, pair_sweep

usd = st.floats(1.0, 1e6)
ratio = st.floats(0.05, 2.0)
THRESHOLD = np.array([0.5, 0.78, 0.8, 0.83, 0.95])
BONUS = np.array([0.1, 0.05, 0.05, 0.05, 0.01])


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[float], list[float], np.ndarray, np.ndarray, Calls]:  # type: ignore[type-arg]
    accounts = draw(st.integers(1, 6))
    collateral = draw(st.lists(usd, min_size=accounts, max_size=accounts))
    owed = draw(st.lists(st.floats(0.3, 0.99), min_size=accounts, max_size=accounts))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 6)))
    oracle, fair = (
        np.array(draw(st.lists(ratio, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))).reshape(
            shape
        )
        for _ in range(2)
    )
    calls = Calls(
        draw(st.integers(0, 3)), draw(st.sampled_from([0.5, 1.0])), draw(st.sampled_from([0, 0.02]))
    )
    return collateral, [c * x for c, x in zip(collateral, owed, strict=True)], oracle, fair, calls


def one(c: float, d: float, path: np.ndarray, fair: np.ndarray, lt: float, b: float, calls: Calls):  # type: ignore[no-untyped-def,type-arg]
    """One account by definition: eligible debt, potential bad debt, avoidable loss."""
    fired = [t for t in range(len(path)) if d / c > lt * path[t]]
    end = min(fired[0] + calls.delay_steps, len(path) - 1) if fired else len(path) - 1
    bad = max(max(d - c * min(path[t], fair[t]) / (1 + b), 0.0) for t in range(end + 1))
    if not fired:
        return 0.0, bad, 0.0
    t = fired[0]
    share = 1.0 if lt * (c * path[t]) / d < 0.95 else calls.close_factor
    repaid = min(share * d, c * path[t] / (1 + b))
    lost = repaid * ((1 + b) * fair[t] / path[t] - 1)
    needed = r_reference(d, c * fair[t], lt * c * fair[t] / d, lt, calls.reference_cost)
    return d, bad, max(0.0, lost - calls.reference_cost * needed)


@given(case=cases())
def test_sweep_is_the_sum_over_accounts(case) -> None:  # type: ignore[no-untyped-def]
    """SOL-1: the pair sweep equals the sum over accounts by definition, for every option at once."""
    collateral, debt, oracle, fair, calls = case
    got = pair_sweep(pair_book(collateral, debt), oracle, fair, Options(THRESHOLD, BONUS), calls)
    for k, (lt, b) in enumerate(zip(THRESHOLD, BONUS, strict=True)):
        for s in range(len(oracle)):
            parts = [
                one(c, d, oracle[s], fair[s], lt, b, calls) for c, d in zip(collateral, debt, strict=True)
            ]
            want = np.sum(parts, axis=0)
            ours = (got.eligible_usd[k, s], got.bad_debt_usd[k, s], got.avoidable_usd[k, s])
            # Sums of differences of running sums: rounding is of the size of the whole book.
            assert ours == pytest.approx(want, rel=1e-9, abs=1e-9 * sum(collateral))


@given(case=cases())
def test_sweep_is_monotone_in_the_threshold(case) -> None:  # type: ignore[no-untyped-def]
    """SOL-2: a higher threshold never raises eligible debt nor lowers potential bad debt, on any path."""
    collateral, debt, oracle, fair, calls = case
    options = Options(THRESHOLD, np.full(len(THRESHOLD), 0.05))
    got = pair_sweep(pair_book(collateral, debt), oracle, fair, options, calls)
    slack = 1e-9 * sum(collateral)
    assert (np.diff(got.eligible_usd, axis=0) <= slack).all()
    assert (np.diff(got.bad_debt_usd, axis=0) >= -slack).all()


def test_realised_bad_debt_is_not_monotone() -> None:
    """Counter-example 100, 69, 100 with a debt of 68: below .9855 the fall is sold, above it is not."""
    options = Options(np.array([0.98, 0.986]), np.array([0.05, 0.05]))
    path = np.array([[1.0, 0.69, 1.0]])
    got = pair_sweep(pair_book([100.0], [68.0]), path, path, options, Calls())
    assert got.eligible_usd[:, 0].tolist() == [68.0, 0.0]
    assert got.bad_debt_usd[0, 0] == pytest.approx(68 - 69 / 1.05)


@pytest.mark.parametrize(
    ("collateral", "debt", "named"),
    [([1.0], [1.0, 2.0], "1 collaterals"), ([1.0], [0.0], "debt"), ([float("nan")], [1.0], "nan")],
)
def test_bad_books(collateral: list[float], debt: list[float], named: str) -> None:
    with pytest.raises(InputError, match=named):
        pair_book(collateral, debt)


@pytest.mark.parametrize(
    ("oracle", "threshold", "named"),
    [([[0.0]], [0.8], "scenario 0"), ([[1.0]], [1.2], "1.2"), ([[float("inf")]], [0.8], "inf")],
)
def test_bad_paths_and_options(oracle: list[list[float]], threshold: list[float], named: str) -> None:
    options = Options(np.array(threshold), np.array([0.05]))
    with pytest.raises(InputError, match=named):
        pair_sweep(pair_book([1.0], [0.5]), np.array(oracle), np.array(oracle), options, Calls())
