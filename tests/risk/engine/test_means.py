"""What liquidators can do: speed, capital, withdrawable collateral, a stopped sequencer."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError, ScenarioError
from benchmarks.bench_engine import market_of, shocks_of
from oracles.sequencer import Sentinel
from protocols.snapshot import Snapshot
from risk.engine.liquidators import Liquidators
from risk.engine.liquidity import Liquidity
from risk.engine.outage import Outage
from risk.engine.stress import stress
from risk.outcome import Outcome
from risk.scenarios.scenarios import Scenarios
from tests.property.test_engine_laws import part_of, same, shallow
from tests.risk.engine.markets import FREE, Account, market, moves, reserve

seeds = st.integers(0, 2**32 - 1)
TAKERS = Liquidators(token_discount_bps=100.0, flash_loans=False)


def drained(snapshot: Snapshot, seed: int) -> Snapshot:
    """The market with some of its collateral withdrawable."""
    rng, held = np.random.default_rng(seed), np.zeros(len(snapshot.reserves))
    np.add.at(held, snapshot.book.collateral.reserve, snapshot.book.collateral.amount_raw.astype(float))
    return replace(
        snapshot,
        reserves=tuple(
            replace(r, available_liquidity_raw=int(h * rng.uniform(0, 0.2)))
            for r, h in zip(snapshot.reserves, held, strict=True)
        ),
    )


def calls(got: Outcome) -> pd.DataFrame:
    assert got.events is not None
    return got.events


@given(seeds, st.booleans(), st.sampled_from([0.0, 1e4, 1e6, math.inf]))
def test_nothing_leaves_that_is_not_there(seed: int, takes: bool, capital: float) -> None:
    """MNS-1: at no call more is paid out than can be withdrawn, lent or spent; kept tokens leave nothing."""
    snapshot = drained(market_of(seed, 20), seed)
    who = Liquidators(capital_usd=capital, token_discount_bps=100.0 if takes else None)
    path = shocks_of(snapshot, seed, 2, times=2)
    got = stress(snapshot, path, liquidators=who, liquidity=Liquidity.SNAPSHOT, events=True)
    assert got.kept_usd is not None
    place = {name: k for k, name in enumerate(snapshot.asset_names)}
    for s in range(2):
        left = np.array([float(r.available_liquidity_raw) for r in snapshot.reserves])
        sold, kept_usd, spent = np.zeros(len(left)), 0.0, 0.0
        for row in calls(got)[calls(got).scenario == s].itertuples():
            i, j, paid = place[str(row.collateral)], place[str(row.debt)], row.seized_raw - row.fee_raw
            if row.kept:
                kept_usd, spent = kept_usd + row.proceeds_usd, spent + row.repaid_usd
            else:
                assert paid <= left[i] * (1 + 1e-15)
                assert row.repaid_raw <= left[j] or row.repaid_usd <= (capital - spent) * (1 + 1e-6)
                left[i] = max(left[i] - paid, 0.0)
                sold[i] += paid / snapshot.unit[i] * (i != j)
            left[j] += row.repaid_raw
        assert got.kept_usd[s] == pytest.approx(kept_usd)
        np.testing.assert_allclose(got.sold_tokens[s], sold, rtol=1e-9, atol=1e-9)
        assert takes or kept_usd == 0.0


@given(seeds)
def test_full_use_stops_everything(seed: int) -> None:
    """MNS-2: with nothing to withdraw nobody calls, unless receipt tokens are taken for capital owned."""
    snapshot, path = market_of(seed, 12), shocks_of(market_of(seed, 12), seed, 3)
    stopped = stress(snapshot, path, liquidity=Liquidity.NONE)
    assert stopped.repaid_usd.sum() == 0.0
    broke = replace(TAKERS, capital_usd=0.0)
    assert stress(snapshot, path, liquidators=broke, liquidity=Liquidity.NONE).repaid_usd.sum() == 0.0
    got = stress(snapshot, path, liquidators=TAKERS, liquidity=Liquidity.NONE, events=True)
    assert got.kept_usd is not None
    assert got.sold_tokens.sum() == 0.0 or not calls(got).kept.all()
    assert (calls(got).kept.sum() > 0) == (got.kept_usd.sum() > 0)


@given(seeds, st.sampled_from([1e3, 1e5, 1e7]))
def test_capital_is_spent_once(seed: int, capital: float) -> None:
    """MNS-3: what is spent on kept collateral never exceeds the capital, in any scenario."""
    snapshot, path = market_of(seed, 12), shocks_of(market_of(seed, 12), seed, 3)
    who = replace(TAKERS, capital_usd=capital)
    got = stress(snapshot, path, liquidators=who, liquidity=Liquidity.NONE, events=True)
    kept = calls(got)[calls(got).kept]
    # Profit is proceeds less what was repaid and gas.
    spent = (kept.proceeds_usd - kept.profit_usd - who.gas_usd_per_call).groupby(kept.scenario).sum()
    assert (spent <= capital * (1 + 1e-9)).all()


@given(seeds, st.integers(0, 900))
def test_waiting_comes_first(seed: int, blocks: int) -> None:
    """MNS-4: no account is called sooner than the latency after the time it became liquidatable."""
    snapshot = market_of(seed, 12)
    path = shocks_of(snapshot, seed, 2, times=5)
    slow = replace(FREE, latency_blocks=float(blocks))
    fast, got = (stress(snapshot, path, liquidators=w, events=True) for w in (FREE, slow))
    first = calls(fast).groupby(["scenario", "account"], observed=True).time_s.min()
    then = calls(got).groupby(["scenario", "account"], observed=True).time_s.min()
    late = then - first.reindex(then.index)
    # Until anybody is called, both runs are the same: an account can only be called later than there.
    assert (late.dropna() >= 0).all() or blocks == 0
    assert (got.first_liquidation_s >= fast.first_liquidation_s + blocks * 12.0 - 1e-9).all()


@given(seeds, st.integers(0, 4), st.integers(1, 4), st.integers(0, 7_200))
def test_outages(seed: int, hour: int, hours: int, grace_s: int) -> None:
    """MNS-5: no call while the sequencer is down; in the grace after it only below a health of 0.95."""
    snapshot = market_of(seed, 12)
    path = shocks_of(snapshot, seed, 2, times=7)
    outage = Outage(hour * 3_600.0, (hour + hours) * 3_600.0, Sentinel(grace_s))
    table = calls(stress(snapshot, path, liquidators=FREE, outage=outage, events=True))
    down = (table.time_s >= outage.from_s) & (table.time_s < outage.until_s)
    assert not down.any()
    grace = (table.time_s >= outage.until_s) & (table.time_s <= outage.until_s + grace_s)
    first = table[grace].drop_duplicates(["scenario", "account", "time_s"])
    assert (first.health_before < 0.95).all()


@given(seeds, st.integers(1, 6))
def test_blocks_of_paths_with_means(seed: int, cut: int) -> None:
    """MNS-6: with latency, capital and an outage, too, a batch of paths is its parts, bit for bit."""
    snapshot = drained(market_of(seed, 12), seed)
    whole = shocks_of(snapshot, seed, 7, times=4)
    who = Liquidators(latency_blocks=200, capital_usd=1e5, token_discount_bps=50.0)

    def run(path: Scenarios) -> Outcome:
        outage = Outage(3_600.0, 7_200.0, Sentinel(60))
        depth = shallow(snapshot)
        return stress(
            snapshot, path, depth=depth, liquidators=who, liquidity=Liquidity.SNAPSHOT, outage=outage
        )

    got = run(whole)
    for first, last in ((0, cut), (cut, 7)):
        same(got, run(part_of(whole, first, last)), slice(first, last))


def one(debt: float = 75.0, cash: tuple[float, float] = (1e9, 1e9)) -> Snapshot:
    """1 X worth 100 at threshold .80 and bonus 5 %, owing USD, both with so many tokens to withdraw."""
    listed = [
        replace(reserve(name, price), available_liquidity_raw=int(tokens * 10**18))
        for name, price, tokens in zip(("X", "USD"), (100.0, 1.0), cash, strict=True)
    ]
    return market(listed, [Account({0: 1.0}, {1: debt})], "3.0")


def down(*factors: float) -> Scenarios:
    return moves(one(), [[[f, 1.0] for f in factors]])


def test_a_call_waits_for_the_time_after_its_latency() -> None:
    slow = replace(FREE, latency_blocks=301)  # 3,612 s: an hour is not enough
    got = stress(one(), down(1.0, 0.93, 0.93, 0.93, 0.93), liquidators=slow)
    assert got.first_liquidation_s[0] == 3 * 3_600.0
    healed = stress(one(), down(1.0, 0.93, 1.0, 0.93, 0.93), liquidators=slow)
    assert np.isinf(healed.first_liquidation_s[0])  # it became healthy: the wait began anew
    assert stress(one(), down(0.93), liquidators=slow).liquidated_accounts[0] == 1
    assert healed.unliquidated_accounts is not None
    assert healed.unliquidated_accounts.tolist() == [1]


def test_participation_counts_what_is_left_after_the_treasury() -> None:
    """Bonus 5 %: of 37.5 repaid 1.875 is earned, half of it with a treasury's share of half."""
    taxed = one()
    reserves = (replace(taxed.reserves[0], liquidation_protocol_fee_bps=5_000), taxed.reserves[1])
    taxed = replace(taxed, reserves=reserves)
    for snapshot, enough, too_much in ((one(), 499.0, 501.0), (taxed, 249.0, 251.0)):
        for share, called in ((enough, 1), (too_much, 0)):
            who = replace(FREE, min_profit_bps=share)
            assert stress(snapshot, down(0.93), liquidators=who).liquidated_accounts[0] == called


def test_flash_loans_cost_and_end_with_the_reserve() -> None:
    broke = replace(FREE, capital_usd=0.0)
    got = stress(one(), down(0.93), liquidators=broke, liquidity=Liquidity.SNAPSHOT, events=True)
    assert calls(got).profit_usd.iloc[0] == pytest.approx(1.875 - 37.5 * 5e-4)
    few = one(cash=(1e9, 10.0))
    got = stress(few, down(0.93), liquidators=broke, liquidity=Liquidity.SNAPSHOT, events=True)
    assert calls(got).repaid_usd.iloc[0] == pytest.approx(10.0)
    none = stress(few, down(0.93), liquidators=replace(broke, flash_loans=False))
    assert none.liquidated_accounts[0] == 0
    barred = replace(few, reserves=(few.reserves[0], replace(few.reserves[1], flash_loan_enabled=False)))
    assert stress(barred, down(0.93), liquidators=broke).liquidated_accounts[0] == 0


def test_seized_collateral_is_withdrawn_or_kept() -> None:
    few = one(cash=(0.1, 1e9))
    got = stress(few, down(0.93), liquidators=FREE, liquidity=Liquidity.SNAPSHOT)
    assert got.sold_tokens[0, 0] == pytest.approx(0.1)
    taker = replace(FREE, token_discount_bps=100.0)
    kept = stress(few, down(0.93), liquidators=taker, liquidity=Liquidity.SNAPSHOT, events=True)
    assert kept.kept_usd is not None
    assert kept.kept_usd[0] > 0
    assert calls(kept).kept.any()
    shy = replace(FREE, token_discount_bps=600.0)  # more than the bonus: nobody wants it
    got = stress(few, down(0.93), liquidators=shy, liquidity=Liquidity.SNAPSHOT)
    assert got.kept_usd is not None
    assert got.kept_usd[0] == 0


def test_prices_stand_still_while_the_sequencer_is_down() -> None:
    outage = Outage(3_600.0, 3 * 3_600.0, Sentinel(3_600))
    got = stress(one(), down(1.0, 0.5, 0.93, 0.93, 0.93, 0.93), liquidators=FREE, outage=outage)
    # Up again at 3 h; health is .992, so the grace protects until after 4 h.
    assert got.first_liquidation_s[0] == 5 * 3_600.0
    deep = stress(one(), down(1.0, 0.5, 0.5, 0.87, 0.87, 0.87), liquidators=FREE, outage=outage)
    assert deep.first_liquidation_s[0] == 3 * 3_600.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"capital_usd": -1.0},
        {"latency_blocks": -1.0},
        {"token_discount_bps": 10_000.0},
        {"capital_usd": math.nan},
    ],
)
def test_impossible_means_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Liquidators(**wrong)


def test_impossible_outages_are_refused() -> None:
    for first, last in ((-1.0, 5.0), (5.0, 5.0), (0.0, math.inf)):
        with pytest.raises(ScenarioError, match="outage"):
            Outage(first, last, Sentinel(0))
