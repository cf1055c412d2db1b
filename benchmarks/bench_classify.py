"""Exact health classification against what floats cost at best, and against what people write.

Every way gets its arrays ready made and returns, per scenario, how many accounts are
liquidatable and what they owe.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.bench_engine import market_of
from benchmarks.timing import best_of, row
from risk.engine.arrays import FloatArray, IntArray
from risk.engine.jit import kernel, over_scenarios
from risk.engine.liquidatable import LANES, Borrowers, borrowers_of, liquidatable

SEED = 20_260_311
ASSETS = 30
SMALL, LARGE = (10_000, 100), (100_000, 1_000)
PYTHON_SCENARIOS = 4  # the integer loop runs; the fastest is scaled
GATHER_SCENARIOS = 100
DENSE_SCENARIOS = 250  # a block of the dense product: 100,000 accounts x 250 are 200 MB
ROUNDS = 15  # of the small size; a hundredth of a second each

Answer = tuple[IntArray, FloatArray]


@dataclass(frozen=True)
class Csr:
    """The book as plain arrays: collateral up to ``mid``, then debt, per account."""

    ptr: IntArray
    mid: IntArray
    factor: FloatArray
    asset: IntArray


def csr_of(book: Borrowers) -> Csr:
    """Return the book as the float baselines read it."""
    ptr = np.append(book.account["c_first"], len(book.entry))
    return Csr(ptr, book.account["d_first"].copy(), book.factor, book.quote)


@kernel
def fuse(
    first: int,
    last: int,
    ptr: IntArray,
    mid: IntArray,
    factor: FloatArray,
    asset: IntArray,
    price: FloatArray,
    count: IntArray,
    debt: FloatArray,
) -> None:
    """Add up scenarios ``first`` .. ``last - 1`` in float64, without a thought for rounding."""
    for a in range(first, last, LANES):
        p = price[:, a : min(a + LANES, last)].copy()
        n = p.shape[1]
        w, d, some, owed = np.empty(n), np.empty(n), np.zeros(n, dtype=np.int64), np.zeros(n)
        for u in range(len(mid)):
            for j in range(n):
                w[j] = 0.0
            for j in range(n):
                d[j] = 0.0
            for k in range(ptr[u], mid[u]):
                x, q = factor[k], asset[k]
                for j in range(n):
                    w[j] += x * p[q, j]
            for k in range(mid[u], ptr[u + 1]):
                x, q = factor[k], asset[k]
                for j in range(n):
                    d[j] += x * p[q, j]
            for j in range(n):
                some[j] += np.int64(w[j] < d[j])
                owed[j] += d[j] if w[j] < d[j] else 0.0
        count[a : a + n] = some
        debt[a : a + n] = owed


def fused(csr: Csr, price: FloatArray) -> Answer:
    """Return the answer by one pass in float64 on all cores; ``price`` (A, S)."""
    count, debt = np.zeros(price.shape[1], dtype=np.int64), np.zeros(price.shape[1])
    columns = (csr.ptr, csr.mid, csr.factor, csr.asset)
    over_scenarios(fuse, price.shape[1], *columns, price, count, debt, ranges_a_thread=1)
    return count, debt / 1e4


def gather(csr: Csr, price: FloatArray) -> Answer:
    """Return the answer scenario by scenario, with NumPy over the entries; ``price`` (S, A)."""
    edges = np.column_stack([csr.ptr[:-1], csr.mid]).ravel()  # both sides of every borrower hold something
    count, debt = np.zeros(len(price), dtype=np.int64), np.zeros(len(price))
    for s, row_ in enumerate(price):
        sides = np.add.reduceat(csr.factor * row_[csr.asset], edges)
        below = sides[0::2] < sides[1::2]
        count[s], debt[s] = below.sum(), sides[1::2][below].sum() / 1e4
    return count, debt


def dense(weighted: FloatArray, owed: FloatArray, price: FloatArray) -> Answer:
    """Return the answer by two matrix products; matrices (N, A), ``price`` (A, S)."""
    count, debt = np.zeros(price.shape[1], dtype=np.int64), np.zeros(price.shape[1])
    for a in range(0, price.shape[1], DENSE_SCENARIOS):
        some = slice(a, a + DENSE_SCENARIOS)
        d = owed @ price[:, some]
        below = weighted @ price[:, some] < d
        count[some] = below.sum(axis=0)
        debt[some] = np.einsum("us,us->s", d, below, optimize=False) / 1e4
    return count, debt


def matrices(csr: Csr, assets: int) -> tuple[FloatArray, FloatArray]:
    """Return weighted collateral and debt per account and asset, (N, A) each."""
    owner = np.repeat(np.arange(len(csr.mid)), np.diff(csr.ptr))
    is_debt = np.arange(len(csr.asset)) >= csr.mid[owner]
    out = np.zeros((2, len(csr.mid), assets))
    np.add.at(out, (is_debt.astype(int), owner, csr.asset), csr.factor)
    return out[0], out[1]


Legs = list[list[tuple[int, int, int]]]


def legs_of(block: Any, bps: Any) -> Legs:
    """Return (amount, asset, bps) of every entry, account by account."""
    ptr = block.indptr.tolist()
    legs = list(zip(map(int, block.amount_raw), block.reserve.tolist(), bps.tolist(), strict=True))
    return [legs[i:j] for i, j in itertools.pairwise(ptr)]


def python_integers(sides: tuple[Legs, Legs], units: list[int], prices: list[list[int]]) -> Answer:
    """Return the answer by a loop over Python integers, v3.5 rules."""
    count, debt = [], []
    for price in prices:
        below, owed_by_them = 0, 0
        for own, owed in zip(*sides, strict=True):
            weighted = total = 0
            for amount, i, bps in own:
                weighted += amount * price[i] // units[i] * bps
            for amount, i, _ in owed:
                total -= -amount * price[i] // units[i]
            if weighted < 10_000 * total:
                below += 1
                owed_by_them += total
        count.append(below)
        debt.append(float(owed_by_them))
    return np.array(count), np.array(debt)


def same(ours: Any, other: Answer) -> bool:
    """Return whether counts are the same and debts agree to 1e-9 (sums of rounded values)."""
    n = len(other[0])
    return bool(np.array_equal(ours.accounts[:n], other[0])) and np.allclose(
        ours.debt_base[:n], other[1], rtol=1e-9
    )


def compare(accounts: int, scenarios: int) -> list[dict[str, Any]]:
    """Return the rows of one size."""
    snapshot = market_of(SEED, accounts, ASSETS)
    rng = np.random.default_rng(SEED)
    now = np.array([float(r.price_raw) for r in snapshot.reserves])
    raw = np.rint(now * np.exp(rng.uniform(-0.6, 0.14, (scenarios, ASSETS)))).astype(np.int64)
    book = borrowers_of(snapshot)
    csr, price = csr_of(book), raw.astype(np.float64)
    by_asset, both = np.ascontiguousarray(price.T), matrices(csr, ASSETS)
    some = min(GATHER_SCENARIOS, scenarios)
    times, answers = best_of(
        ROUNDS if accounts * scenarios <= 10**7 else 1,
        [
            lambda: liquidatable(snapshot, raw, borrowers=book),
            lambda: fused(csr, by_asset),
            lambda: gather(csr, price[:some]),
            lambda: dense(*both, by_asset),
        ],
    )
    own, owed = snapshot.book.collateral, snapshot.book.debt
    sides = legs_of(own, own.threshold_bps), legs_of(owed, owed.reserve)
    units = [10**r.decimals for r in snapshot.reserves]
    loop, integers = [], []
    for one in raw[:PYTHON_SCENARIOS].tolist():
        began = time.perf_counter()
        integers.append(python_integers(sides, units, [one]))
        loop.append(time.perf_counter() - began)
    by_integers = np.concatenate([a for a, _ in integers]), np.concatenate([d for _, d in integers])
    ours, size = times[0], f"{accounts} accounts x {scenarios} scenarios, {ASSETS} assets"
    baselines = [
        ("fused float64 CSR kernel (numba, all cores)", times[1], answers[1]),
        (
            f"Python integers, fastest of {PYTHON_SCENARIOS} scenarios, scaled",
            min(loop) * scenarios,
            by_integers,
        ),
        (f"NumPy CSR gather, {some} scenarios, scaled", times[2] * scenarios / some, answers[2]),
        ("dense BLAS float64", times[3], answers[3]),
    ]
    return [row("classify exactly", size, ours, *b[:2], same(answers[0], b[2])) for b in baselines]


def rows() -> list[dict[str, Any]]:
    """Return the comparison at both sizes."""
    return [r for accounts, scenarios in (SMALL, LARGE) for r in compare(accounts, scenarios)]
