"""Potential bad debt against plain Python, and its laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.bench_engine import market_of, shocks_of
from protocols.snapshot import Snapshot
from risk.engine.liquidators import Liquidators
from risk.engine.potential import potential_bad_debt
from risk.engine.prices import market_price_usd, oracle_raw
from risk.engine.stress import stress
from risk.scenarios.scenarios import Scenarios
from tests.risk.engine.markets import FREE, Account, market, moves, reserve

seeds = st.integers(0, 2**32 - 1)


def by_hand(snapshot: Snapshot, scenarios: Scenarios, latency_s: float) -> list[float]:
    """Account by account and moment by moment; health in floating point."""
    (block,) = list(scenarios.blocks())
    prices = market_price_usd(block)
    raw = oracle_raw(snapshot, prices, scenarios.time_s, None)
    book, unit = snapshot.book, snapshot.unit
    totals = []
    for s in range(len(block)):
        total = 0.0
        for u in range(len(book)):
            worst, end = 0.0, np.inf
            for t, time_s in enumerate(scenarios.time_s):
                weighted = paid = owed = owed_oracle = 0.0
                for k in range(book.collateral.indptr[u], book.collateral.indptr[u + 1]):
                    i = book.collateral.reserve[k]
                    if book.collateral.counted[k]:
                        tokens = float(book.collateral.amount_raw[k]) / unit[i]
                        weighted += tokens * float(raw[s, t, i]) * book.collateral.threshold_bps[k] / 1e4
                        paid += tokens * prices[s, t, i] / (book.collateral.bonus_bps[k] / 1e4)
                for k in range(book.debt.indptr[u], book.debt.indptr[u + 1]):
                    j = book.debt.reserve[k]
                    tokens = float(book.debt.amount_raw[k]) / unit[j]
                    owed_oracle += tokens * float(raw[s, t, j])
                    owed += tokens * prices[s, t, j]
                if owed_oracle > 0 and weighted < owed_oracle and end == np.inf:
                    end = time_s + latency_s
                if time_s <= end:
                    worst = max(worst, owed - paid)
            total += worst
        totals.append(total)
    return totals


@given(seeds, st.sampled_from([0.0, 5_000.0]))
def test_it_is_the_worst_moment_in_reach(seed: int, latency_s: float) -> None:
    """POT-1: account by account, it is what is lacking at the worst moment up to the first trigger."""
    snapshot = market_of(seed, 12, version="3.5")
    scenarios = shocks_of(snapshot, seed, 3, times=4)
    who = Liquidators(latency_blocks=latency_s / 12.0)
    got = potential_bad_debt(snapshot, scenarios, liquidators=who)
    np.testing.assert_allclose(got, by_hand(snapshot, scenarios, latency_s), rtol=1e-9, atol=1e-6)


def with_threshold(snapshot: Snapshot, bps: int) -> Snapshot:
    block = snapshot.book.collateral
    thresholds = np.full_like(block.threshold_bps, bps)
    return replace(snapshot, book=replace(snapshot.book, collateral=replace(block, threshold_bps=thresholds)))


@given(seeds, st.integers(3_000, 9_000), st.integers(0, 500), st.integers(0, 300))
def test_it_rises_with_thresholds_on_every_path(seed: int, low: int, more: int, blocks: int) -> None:
    """POT-2: on any path, at prices no sale moves, potential bad debt never falls when thresholds rise."""
    snapshot = market_of(seed, 12, version="3.5")
    scenarios = shocks_of(snapshot, seed, 2, times=5)
    who = Liquidators(latency_blocks=float(blocks))
    first, second = (
        potential_bad_debt(with_threshold(snapshot, bps), scenarios, liquidators=who)
        for bps in (low, low + more)
    )
    assert (first <= second * (1 + 1e-12)).all()


@given(seeds, st.integers(3_000, 9_000), st.integers(0, 500))
def test_eligible_debt_falls_with_thresholds(seed: int, low: int, more: int) -> None:
    """ELG-1: for one shock from one state at fixed prices, eligible debt never rises with thresholds."""
    snapshot = market_of(seed, 12, version="3.5")
    scenarios = shocks_of(snapshot, seed, 3)
    first, second = (
        stress(with_threshold(snapshot, bps), scenarios).eligible_debt_usd.sum(axis=1)
        for bps in (low, low + more)
    )
    assert (first >= second * (1 - 1e-12)).all()


PAIR = [reserve("X", 100.0, bonus=0.05), reserve("USDC", decimals=6)]


def one(threshold_bps: int, debt: float, tokens: float = 1.0) -> Snapshot:
    return with_threshold(market(PAIR, [Account({0: tokens}, {1: debt})]), threshold_bps)


def test_realised_bad_debt_may_fall_with_the_threshold_and_potential_may_not() -> None:
    """A path 100, 69, 100 and a debt of 68: who is called at 69 loses money, who waits does not."""
    fall = moves(one(9_000, 68.0), [[0.69, 1.0], [1.0, 1.0]])
    path = replace(
        fall,
        names=("path",),
        groups=("user",),
        weight=np.ones(1),
        time_s=np.array([0.0, 3_600.0]),
        produce=lambda a, b: replace(
            fall.produce(0, 2),
            market_price_usd=fall.produce(0, 2).market_price_usd[:, 0][None],
            fair_price_usd=fall.produce(0, 2).fair_price_usd[:, 0][None],
        ),
    )
    realised = [stress(one(bps, 68.0), path, liquidators=FREE).bad_debt_usd.sum() for bps in (9_000, 9_900)]
    assert realised[0] == pytest.approx(68 - 69 / 1.05, abs=0.01)
    assert realised[1] == 0.0
    potential = [potential_bad_debt(one(bps, 68.0), path)[0] for bps in (9_000, 9_900)]
    assert potential == pytest.approx([68 - 69 / 1.05] * 2)


def test_on_a_path_repaid_debt_may_rise_with_the_threshold() -> None:
    """Why ELG-1 speaks of one shock: 127 held against 100, prices 1, 0.98, 0.86 repays 50, then 100."""
    fall = moves(one(8_000, 100e3, 1_270.0), [[1.0, 1.0], [0.98, 1.0], [0.86, 1.0]])
    block = fall.produce(0, 3)
    path = replace(
        fall,
        names=("path",),
        groups=("user",),
        weight=np.ones(1),
        time_s=np.arange(3) * 3_600.0,
        produce=lambda a, b: replace(
            block,
            market_price_usd=block.market_price_usd[:, 0][None],
            fair_price_usd=block.fair_price_usd[:, 0][None],
        ),
    )
    repaid = [
        stress(one(bps, 100e3, 1_270.0), path, liquidators=FREE).repaid_usd.sum() for bps in (8_000, 8_200)
    ]
    assert repaid == pytest.approx([50e3, 100e3])


def test_a_healthy_book_has_none() -> None:
    snapshot = one(8_000, 50.0)
    assert potential_bad_debt(snapshot, moves(snapshot, [[1.0, 1.0]])).tolist() == [0.0]
