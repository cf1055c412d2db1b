"""The sweep at full size against the one that follows every account."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from risk.engine.book_sweep import UNGOVERNED, Accounts, BookSwept, RowOptions, book_sweep
from risk.engine.pair_sweep import Calls
from risk.solver.sweep.book import _kinds, sweep, sweepable

MEASURES = ("eligible_usd", "bad_debt_usd", "avoidable_usd")
ASSETS, ROWS, OPTIONS = 5, 4, 6
Prices = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def book_of(rng: np.random.Generator, accounts: int, most: int) -> Accounts:
    """Accounts with up to ``most`` collaterals and debts; some entries ungoverned, some accounts alike."""
    held, owed = (rng.integers(1, most + 1, accounts) for _ in range(2))
    c_asset = np.concatenate([rng.choice(ASSETS, k, replace=False) for k in held])
    d_asset = np.concatenate([rng.choice(ASSETS, k, replace=False) for k in owed])
    c_row = np.where(rng.random(len(c_asset)) < 0.1, UNGOVERNED, c_asset % ROWS)
    c_usd = rng.lognormal(8, 2, len(c_asset))
    each = np.repeat(np.arange(accounts), owed)
    holds = np.bincount(np.repeat(np.arange(accounts), held), c_usd, minlength=accounts)
    share = rng.random(len(d_asset))
    lent = rng.beta(6, 3, accounts) * 0.95 * holds
    d_usd = share / np.bincount(each, share, minlength=accounts)[each] * lent[each]
    return Accounts(
        np.concatenate([[0], np.cumsum(held)]),
        c_asset,
        c_usd,
        c_row,
        np.concatenate([[0], np.cumsum(owed)]),
        d_asset,
        d_usd,
    )


def paths_of(rng: np.random.Generator, scenarios: int, steps: int, kind: str) -> tuple[Prices, Prices]:
    """Oracle and fair prices, the last asset a stablecoin that holds."""
    fair = np.exp(np.cumsum(rng.standard_t(4, (scenarios, steps, ASSETS)) * 0.03, axis=1))
    fair[:, :, -1] = 1.0
    if kind == "worthless":
        fair[:, steps // 2 :, 0] = 0.0
    oracle = fair.copy()
    if kind == "late":
        oracle[:, 1:] = 0.5 * fair[:, :-1] + 0.5 * fair[:, 1:]
    if kind == "stuck":
        oracle[:] = 1.0
    if kind == "wrong":
        oracle *= np.exp(rng.normal(0.0, 0.02, fair.shape))
    return oracle, fair


def options_of(rng: np.random.Generator, relever: float) -> RowOptions:
    total = ROWS * OPTIONS
    threshold = rng.uniform(0.6, 0.9, total)
    bonus = rng.uniform(0.01, 1 / threshold.max() - 1, total)
    current = np.arange(ROWS) * OPTIONS + rng.integers(0, OPTIONS, ROWS)
    return RowOptions(
        np.arange(ROWS + 1) * OPTIONS, threshold, bonus, current, 1 + relever * rng.uniform(0, 0.1, total)
    )


def assert_alike(got: BookSwept, want: BookSwept, accounts: Accounts) -> None:
    slack = 1e-11 * accounts.d_usd.sum()
    for part in ("now", "change"):
        for name in MEASURES:
            ours, theirs = (getattr(getattr(x, part), name) for x in (got, want))
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=slack, err_msg=f"{part} {name}")


@given(
    seed=st.integers(0, 2**32 - 1),
    accounts=st.integers(1, 60),
    most=st.integers(1, 3),
    kind=st.sampled_from(["as it is", "late", "stuck", "wrong", "worthless"]),
    steps=st.integers(1, 8),
    calls=st.builds(
        Calls, st.integers(0, 3), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.02, 0.5])
    ),
    relever=st.sampled_from([0.0, 1.0]),
)
def test_it_is_the_book_sweep(
    seed: int, accounts: int, most: int, kind: str, steps: int, calls: Calls, relever: float
) -> None:
    """SOL-9: sums over sorted accounts, and following only whom a path can reach, change no loss."""
    rng = np.random.default_rng(seed)
    book = book_of(rng, accounts, most)
    oracle, fair = paths_of(rng, 3, steps, kind)
    options = options_of(rng, relever)
    got = sweep(sweepable(book, options), oracle, fair, calls)
    assert_alike(got, book_sweep(book, oracle, fair, options, calls), book)


def test_a_book_of_thousands() -> None:
    """Groups of hundreds of accounts, so that sums, not single accounts, decide."""
    rng = np.random.default_rng(7)
    book = book_of(rng, 4_000, 2)
    oracle, fair = paths_of(rng, 16, 24, "late")
    options = options_of(rng, 1.0)
    calls = Calls(1, 0.5, 0.005)
    ready = sweepable(book, options)
    assert len(ready.pairs.ratio) > 500
    assert len(ready.mixed.accounts) > 500
    got, want = sweep(ready, oracle, fair, calls), book_sweep(book, oracle, fair, options, calls)
    for name in MEASURES:
        assert (np.abs(getattr(want.change, name)) > 0).any(axis=1).sum() > 10
    assert_alike(got, want, book)


def test_a_block_alone_is_the_block_among_others() -> None:
    rng = np.random.default_rng(11)
    book = book_of(rng, 50, 3)
    oracle, fair = paths_of(rng, 40, 6, "wrong")
    ready = sweepable(book, options_of(rng, 0.0))
    whole = sweep(ready, oracle, fair, Calls(1))
    part = sweep(ready, oracle[8:24], fair[8:24], Calls(1))
    for name in MEASURES:
        assert (getattr(whole.change, name)[:, 8:24] == getattr(part.change, name)).all()
        assert (getattr(whole.now, name)[8:24] == getattr(part.now, name)).all()


def test_nobody_and_nonsense() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    empty = Accounts(np.array([0]), nothing, np.zeros(0), nothing, np.array([0]), nothing, np.zeros(0))
    options = options_of(np.random.default_rng(0), 0.0)
    got = sweep(sweepable(empty, options), np.ones((2, 1, 1)), np.ones((2, 1, 1)), Calls())
    assert got.change.bad_debt_usd.shape == (ROWS * OPTIONS, 2)
    assert not got.change.bad_debt_usd.any()
    with pytest.raises(InputError, match="nan"):
        sweep(sweepable(empty, options), np.full((1, 1, 1), np.nan), np.ones((1, 1, 1)), Calls())


def test_accounts_of_the_same_assets_share_a_number() -> None:
    book = book_of(np.random.default_rng(3), 300, 2)
    kinds = _kinds(book)

    def assets(u: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        c, d = slice(*book.c_indptr[u : u + 2]), slice(*book.d_indptr[u : u + 2])
        governed = np.where(book.c_row[c] == UNGOVERNED, -1, book.c_asset[c])
        filled = (*sorted(governed.tolist()), -1)[:2]  # what is not governed is as good as not there
        return filled, tuple(sorted(book.d_asset[d].tolist()))

    alike = [assets(u) for u in range(300)]
    assert 1 < len(set(alike)) < 300
    assert len(set(zip(kinds.tolist(), alike, strict=True))) == len(set(alike))
    assert set(kinds.tolist()) == set(range(len(set(alike))))
