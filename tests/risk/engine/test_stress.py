"""`risk.stress` on markets small enough to work out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import risk
from abis.errors import InputError, ScenarioError
from abis.findings import FindingKind
from oracles.graph import graph_of
from protocols.snapshot import EMode, Snapshot
from risk.depth import Depth
from risk.engine import paths
from risk.engine.liquidators import Liquidators
from risk.outcome import Outcome
from risk.scenarios.scenarios import Scenarios
from tests.risk.engine.markets import FREE, NOW_S, Account, market, moves, reserve

STABLE = reserve("USD", threshold=0.0, bonus=-1.0, decimals=6)


def one_account(
    price_usd: float, debt: float, *, tokens: float = 1.0, version: str = "3.0", **parameters: Any
) -> Snapshot:
    """One account: ``tokens`` of X against ``debt`` dollars."""
    return market([reserve("X", price_usd, **parameters), STABLE], [Account({0: tokens}, {1: debt})], version)


def falls(snapshot: Snapshot, *path: float) -> Scenarios:
    """One scenario: the price of X along ``path``, as a multiple of the snapshot's."""
    return moves(snapshot, [[[x, *(1.0 for _ in snapshot.reserves[1:])] for x in path]])


def run(snapshot: Snapshot, scenarios: Scenarios, **more: Any) -> Outcome:
    outcome = risk.stress(snapshot, scenarios, **{"liquidators": FREE, **more})
    assert isinstance(outcome, Outcome)
    return outcome


@pytest.mark.parametrize(("threshold", "repaid"), [(0.80, 50.0), (0.82, 100.0)])
def test_a_higher_threshold_can_raise_what_is_liquidated_later(threshold: float, repaid: float) -> None:
    """A path against the close factor: the account saved at .98 is closed in full at .86."""
    snapshot = one_account(1.0, 100.0, tokens=127.0, threshold=threshold)
    got = run(snapshot, falls(snapshot, 1.0, 0.98, 0.86))
    assert got.repaid_usd.sum() == pytest.approx(repaid)


@pytest.mark.parametrize(("threshold", "repaid"), [(0.80, 37.5), (0.82, 75.0)])
def test_a_higher_threshold_can_raise_what_is_liquidated_later_again(threshold: float, repaid: float) -> None:
    snapshot = one_account(100.0, 75.0, threshold=threshold)
    got = run(snapshot, falls(snapshot, 1.0, 0.93, 0.82))
    assert got.repaid_usd.sum() == pytest.approx(repaid)


def test_one_call_from_end_to_end() -> None:
    """1 X at 93, debt 75, threshold .80: HF .992, so half is repaid and 5 % more taken."""
    snapshot = one_account(100.0, 75.0, liquidation_protocol_fee_bps=1_000)
    got = run(snapshot, falls(snapshot, 0.93), events=True)
    assert got.eligible_accounts.tolist() == got.liquidated_accounts.tolist() == [1]
    assert got.eligible_debt_usd.tolist() == [[0.0, 75.0]]
    assert got.eligible_collateral_usd[0] == pytest.approx([93.0, 0.0])
    assert got.repaid_usd[0] == pytest.approx([0.0, 37.5])
    assert got.seized_usd[0] == pytest.approx([39.375, 0.0])
    assert got.liquidator_profit_usd[0] == pytest.approx(1.875 * 0.9)
    assert got.sold_tokens[0, 0] * 93 == pytest.approx(37.5 + 1.875 * 0.9)
    assert got.first_liquidation_s[0] == 0.0
    # r = D (1 - HF) / (1 - LT) without a reference cost; the rest of the repayment is excess.
    needed = 75 * (1 - 0.992) / (1 - 0.80)
    assert got.loss_excess_usd[0] == pytest.approx(1.875 * (37.5 - needed) / 37.5)
    assert got.loss_bonus_usd[0] == pytest.approx(1.875 * needed / 37.5)
    assert got.avoidable_loss_usd[0] == pytest.approx([1.875, 0.0])
    minimal = 75 * (1 - 0.992) / (1 - 0.84)
    assert got.over_liquidated_usd[0] == pytest.approx(37.5 - minimal)
    assert got.bad_debt_usd.sum() == got.toxic_usd.sum() == got.unprofitable_debt_usd[0] == 0
    assert got.events is not None
    call = got.events.iloc[0]
    assert (call.account, call.collateral, call.debt) == ("000000", "X", "USD")
    assert call.health_before == pytest.approx(0.992)
    assert call.health_after == pytest.approx(0.8 * (93 - 39.375) / 37.5)


def test_no_event_no_first_time() -> None:
    snapshot = one_account(100.0, 75.0)
    got = run(snapshot, falls(snapshot, 1.0), events=True)
    assert np.isinf(got.first_liquidation_s[0])
    assert got.events is not None
    assert len(got.events) == 0
    assert got.frame().drop(columns=["scenario", "group"]).to_numpy().sum() == 0


def test_debt_beyond_the_collateral_stays_before_and_is_burned_since_v3_3() -> None:
    """1 X at 50 against 75: the collateral pays 50 / 1.05, the rest is bad debt either way."""
    for version, deficit in (("3.0", 0.0), ("3.3", 75 - 50 / 1.05)):
        snapshot = one_account(100.0, 75.0, version=version)
        got = run(snapshot, falls(snapshot, 0.5))
        assert got.repaid_usd[0, 1] == pytest.approx(50 / 1.05, rel=1e-6)
        assert got.bad_debt_usd[0] == pytest.approx([0.0, 75 - 50 / 1.05], rel=1e-6)
        assert got.deficit_usd[0, 1] == pytest.approx(deficit, rel=1e-6)
        assert got.toxic_usd[0] == pytest.approx([50 / 1.05, 0.0], rel=1e-6)


def test_a_call_that_would_leave_dust_is_made_smaller() -> None:
    """v3.3: half of the position is 1,500, but 1,000 of the 2,200 must stay, so 1,200 are repaid."""
    listed = [reserve("X", 1.0, threshold=0.5), STABLE, replace(STABLE, symbol="EUR", asset="eur")]
    snapshot = market(listed, [Account({0: 5_760.0}, {1: 2_200.0, 2: 800.0})], "3.3")
    got = run(snapshot, moves(snapshot, [[1.0, 1.0, 1.0]]), events=True)
    assert got.events is not None
    first = got.events.iloc[0]
    assert first.debt == "USD"
    assert first.repaid_usd == pytest.approx(1_200, abs=1e-5)
    assert np.isfinite(first.offer_raw)


def test_a_debt_below_2000_may_be_closed_in_full() -> None:
    listed = [reserve("X", 1.0, threshold=0.5), STABLE, replace(STABLE, symbol="EUR", asset="eur")]
    snapshot = market(listed, [Account({0: 5_760.0}, {1: 1_600.0, 2: 1_400.0})], "3.3")
    got = run(snapshot, moves(snapshot, [[1.0, 1.0, 1.0]]), events=True)
    assert got.events is not None
    assert got.events.repaid_usd.tolist() == pytest.approx([1_600.0])


def test_liquidators_want_their_costs_and_their_profit() -> None:
    snapshot = one_account(100.0, 75.0)
    path = falls(snapshot, 0.93)
    assert run(snapshot, path, liquidators=Liquidators(1.80, 0.0, 0.0)).liquidated_accounts[0] == 1
    for stingy in (Liquidators(1.88, 0.0, 0.0), Liquidators(0.0, 477.0, 0.0), Liquidators(0.0, 0.0, 1.88)):
        got = run(snapshot, path, liquidators=stingy)
        assert got.liquidated_accounts[0] == 0
        assert got.eligible_accounts[0] == 1
        assert got.unprofitable_debt_usd[0] == pytest.approx(75)
        assert got.bad_debt_usd.sum() == 0


def depth_of(snapshot: Snapshot, sizes: list[float], proceeds: list[float]) -> Depth:
    """One curve for the first reserve, none for the others."""
    infinite = Depth.infinite_for(snapshot)
    table = np.zeros((len(snapshot.reserves), len(sizes) + 1))
    size, usd = table.copy(), table.copy()
    size[0, 1:], usd[0, 1:] = sizes, proceeds
    count = np.zeros(len(snapshot.reserves), dtype=np.int64)
    count[0] = len(sizes) + 1
    return replace(infinite, count=count, size_tokens=size, proceeds_usd=usd)


def test_depth_stops_liquidators_at_the_last_token_that_pays() -> None:
    """10 tokens sell at 100, the others at 90: below 100 / 1.05 nobody repays debt for them."""
    snapshot = one_account(100.0, 8_000.0, tokens=100.0)
    depth = depth_of(snapshot, [10.0, 50.0], [1_000.0, 4_600.0])
    got = run(snapshot, falls(snapshot, 0.93), depth=depth, events=True)
    assert got.sold_tokens[0, 0] == pytest.approx(10.0)
    assert got.repaid_usd[0, 1] == pytest.approx(930 / 1.05, rel=1e-6)
    assert got.unprofitable_debt_usd[0] == pytest.approx(8_000 - 930 / 1.05, rel=1e-6)
    # 90 tokens are left: the next 40 fetch 3,600 x .93, beyond the curve nothing.
    assert got.bad_debt_usd[0, 1] == pytest.approx(8_000 - 930 / 1.05 - 3_348, rel=1e-6)
    assert got.infinite_depth  # of the other reserve
    assert not run(snapshot, falls(snapshot, 0.93)).bad_debt_usd.any()


def test_depth_is_shared_along_the_path_and_between_accounts() -> None:
    listed = [reserve("X", 100.0), STABLE]
    snapshot = market(listed, [Account({0: 10.0}, {1: 750.0}), Account({0: 10.0}, {1: 751.0})], "3.0")
    depth = depth_of(snapshot, [5.0, 100.0], [500.0, 501.0])
    got = run(snapshot, falls(snapshot, 0.93, 0.93), depth=depth, events=True)
    assert got.sold_tokens[0, 0] == pytest.approx(5.0)
    assert got.events is not None
    assert got.events.account.tolist() == ["000001", "000000"]  # lowest health factor first
    assert got.events.repaid_usd.sum() == pytest.approx(5 * 93 / 1.05, rel=1e-6)


def test_collateral_in_the_debt_asset_needs_no_sale() -> None:
    snapshot = market([reserve("X", 100.0), STABLE], [Account({0: 10.0}, {0: 8.1})], "3.0")
    shallow = depth_of(snapshot, [0.001], [0.01])
    got = run(snapshot, falls(snapshot, 1.0), depth=shallow, liquidators=Liquidators(0.0, 9_000.0, 0.0))
    assert got.liquidated_accounts[0] == 1
    assert got.sold_tokens.sum() == 0


def test_dislocation_is_a_liquidation_fair_prices_do_not_call_for() -> None:
    snapshot = one_account(100.0, 75.0)
    got = run(snapshot, moves(snapshot, [[0.93, 1.0]], fair=[[1.0, 1.0]]))
    loss = 39.375 / 0.93 - 37.5
    assert got.loss_dislocation_usd[0] == pytest.approx(loss)
    assert got.avoidable_loss_usd[0, 0] == pytest.approx(loss)
    assert got.loss_excess_usd[0] == got.loss_bonus_usd[0] == 0
    assert got.over_liquidated_usd[0] == pytest.approx(37.5)
    assert got.under_liquidation_usd_hours[0] == 0


def test_under_liquidation_counts_hours() -> None:
    snapshot = one_account(100.0, 75.0)
    once = run(snapshot, moves(snapshot, [[1.0, 1.0]], fair=[[0.9, 1.0]]))
    assert once.under_liquidation_usd_hours[0] == pytest.approx(75)
    fair = [[[1.0, 1.0], [0.9, 1.0], [0.9, 1.0]]]
    path = moves(snapshot, np.ones((1, 3, 2)), fair=fair)
    assert run(snapshot, path).under_liquidation_usd_hours[0] == pytest.approx(150)


def test_oracle_decides_who_is_liquidated_and_market_what_it_pays() -> None:
    """A feed frozen at its floor still says 90 while the market is at 50: healthy, and bad debt."""
    snapshot = one_account(100.0, 75.0, threshold=0.90)
    graph = graph_of(snapshot.asset_names, ("X / USD", "USD / USD"))
    node = graph.nodes[0]
    floor = replace(node.source.feed, min_answer_raw=90 * 10**8)  # type: ignore[attr-defined]
    source = replace(node.source, feed=floor)  # type: ignore[type-var]
    frozen = replace(graph, nodes=(replace(node, source=source), *graph.nodes[1:]))
    got = run(snapshot, falls(snapshot, 0.5), oracles=frozen)
    assert got.liquidated_accounts[0] == 0
    assert got.under_liquidation_usd_hours[0] == pytest.approx(75)
    assert got.bad_debt_usd[0, 1] == pytest.approx(25)
    moved = run(snapshot, falls(snapshot, 0.5), oracles=graph)
    assert moved.liquidated_accounts[0] == 1


def test_a_path_goes_through_the_oracles_in_time() -> None:
    snapshot = one_account(100.0, 75.0)
    graph = graph_of(snapshot.asset_names, ("X / USD", "USD / USD"))
    path = falls(snapshot, 1.0, 0.999, 0.93, 0.93)
    with_graph, without = run(snapshot, path, oracles=graph), run(snapshot, path)
    assert with_graph.first_liquidation_s[0] >= without.first_liquidation_s[0] == 7_200.0
    assert [f.kind for f in without.findings] == [FindingKind.UNVERIFIED]
    assert not any(f.subject == "oracles" for f in with_graph.findings)


def test_closed_reserves_are_not_touched() -> None:
    for change in ({"paused": True}, {"active": False}):
        snapshot = one_account(100.0, 75.0, **change)
        got = run(snapshot, falls(snapshot, 0.93))
        assert got.liquidated_accounts[0] == 0
        assert got.unprofitable_debt_usd[0] == pytest.approx(75)


def test_grace_period_ends_along_the_path() -> None:
    snapshot = one_account(100.0, 75.0, liquidation_grace_until_s=NOW_S + 3_600)
    got = run(snapshot, falls(snapshot, 0.93, 0.93, 0.93))
    assert got.first_liquidation_s[0] == 7_200.0  # the grace period's last second still protects


def test_losses_are_told_apart_by_emode() -> None:
    category = EMode(7, "correlated", 9_000, 9_300, 10_100, collateral=(0,))
    listed = [reserve("X", 100.0), STABLE]
    accounts = [Account({0: 1.0}, {1: 75.0}), Account({0: 1.0}, {1: 87.0}, emode=7)]
    snapshot = market(listed, accounts, "3.0", emodes=(category,))
    got = run(snapshot, falls(snapshot, 0.93))
    assert got.emodes == ("no e-mode", "correlated")
    assert got.liquidated_accounts[0] == 2
    assert got.avoidable_loss_emode_usd[0] == pytest.approx([1.875, 0.01 * 43.5])
    assert got.avoidable_loss_emode_usd.sum() == pytest.approx(got.avoidable_loss_usd.sum())


def test_scenarios_of_another_market_are_refused() -> None:
    snapshot = one_account(100.0, 75.0)
    with pytest.raises(ScenarioError, match=r"Y, USD.*X, USD"):
        run(snapshot, replace(falls(snapshot, 1.0), assets=("Y", "USD")))
    with pytest.raises(ScenarioError, match=r"market price nan of scenario 0, time 0, asset 0"):
        run(snapshot, falls(snapshot, np.nan))
    with pytest.raises(ScenarioError, match=r"depth curves are for Y, USD"):
        run(snapshot, falls(snapshot, 1.0), depth=replace(Depth.infinite_for(snapshot), assets=("Y", "USD")))
    other = graph_of(("Y", "USD"), ("", ""))
    with pytest.raises(ScenarioError, match=r"for X, USD, in this order"):
        run(snapshot, falls(snapshot, 1.0), oracles=other)
    wei = graph_of(("X", "USD"), ("", ""), 18)
    with pytest.raises(ScenarioError, match=r"\[18\] decimals"):
        run(snapshot, falls(snapshot, 1.0), oracles=wei)


def test_impossible_liquidators_are_refused() -> None:
    for bad in ({"gas_usd_per_call": -1.0}, {"min_profit_usd": float("nan")}, {"swap_fee_bps": 10_000.0}):
        with pytest.raises(InputError, match=next(iter(bad))):
            Liquidators(**bad)


def test_progress_is_told_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = one_account(100.0, 75.0)
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr("risk.engine.stress.block_size", lambda *_: 2)
    run(snapshot, moves(snapshot, np.ones((5, 2))), progress=lambda *at: seen.append(at))
    assert seen == [(2, 5), (4, 5), (5, 5)]


@pytest.mark.parametrize(
    ("counter", "kind", "words"),
    [
        ("unsure", FindingKind.UNVERIFIED, "3 decisions about accounts already liquidated"),
        ("cut_off", FindingKind.INCONSISTENT, "3 accounts were still profitable"),
    ],
)
def test_what_the_engine_could_not_settle_is_told(
    counter: str, kind: FindingKind, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = one_account(100.0, 75.0)

    def counting(*args: Any, **more: Any) -> Any:
        state, logs = paths.follow(*args, **more)
        state.scenario[counter][:] = 3
        return state, logs

    monkeypatch.setattr("risk.engine.stress.follow", counting)
    (finding,) = run(snapshot, falls(snapshot, 1.0)).findings
    assert finding.kind is kind
    assert finding.message.startswith(words)
