"""A proposal's calls sent to real Aave configurators: predicted parameters and accounts, and no other."""

from __future__ import annotations

import pytest

from examples.localchain.random_world import RandomWorld
from protocols.exact import exact_rules
from protocols.snapshot import Snapshot
from risk.proposal.apply import applied
from risk.proposal.changes import read_changes
from risk.proposal.check import Verdict, checks
from risk.proposal.effects import effects
from risk.proposal.payload import calls
from risk.scenarios.build import from_shocks
from tests.differential.snapshots import take

pytestmark = pytest.mark.chain

PROPOSED = (
    "WETH.ltv=60%",
    "WETH.liquidation_threshold=62%",
    "WETH.liquidation_bonus=7%",
    "emode:1.ltv=84%",
    "emode:1.liquidation_threshold=85%",
    "WBTC.liquidation_protocol_fee=12%",
    "USDT.reserve_factor=17%",
    "WETH.supply_cap=900M",
    "WETH.borrow_cap=800M",
)
SET = (
    "ltv_bps",
    "liquidation_threshold_bps",
    "liquidation_bonus_bps",
    "liquidation_protocol_fee_bps",
    "reserve_factor_bps",
    "supply_cap_tokens",
    "borrow_cap_tokens",
)


def test_v30_executes_what_is_predicted(v30_random_chain: RandomWorld) -> None:
    execute(v30_random_chain)


def test_v36_executes_what_is_predicted(v36_chain: RandomWorld) -> None:
    execute(v36_chain)


def execute(world: RandomWorld) -> None:
    mark = world.chain.snapshot()
    try:
        before = take(world)
        changes = read_changes(PROPOSED, before)
        after = applied(before, changes)
        verdicts = checks(before, after, changes)
        assert not [c for c in verdicts if c.by == "configurator" and c.verdict is Verdict.FAIL]
        found = effects(before, after, from_shocks(["WETH=-10%"], before))
        market = world.market
        for call in calls(after, changes):
            name = call.signature.partition("(")[0]
            assert call.calldata == market.configurator.encode(name, *call.arguments)
            world.chain.send(market.admin, market.configurator, name, *call.arguments)
        world.chain.mine(before.block.timestamp_s + 1)
        sent = take(world)
    finally:
        world.chain.revert(mark)
    assert [[getattr(r, name) for name in SET] for r in sent.reserves] == [
        [getattr(r, name) for name in SET] for r in after.reserves
    ]
    assert [(m.ltv_bps, m.liquidation_threshold_bps) for m in sent.emodes] == [
        (m.ltv_bps, m.liquidation_threshold_bps) for m in after.emodes
    ]
    was, now = liquidatable(before), liquidatable(sent)
    assert {row.account for row in found.enacted} == now - was
    assert found.enacted  # the change is harsh enough to show something
    assert len(now) == found.accounts_after[0]


def liquidatable(snapshot: Snapshot) -> set[str]:
    """Accounts the exact rules call liquidatable; they equal the contract's answers elsewhere."""
    exact = exact_rules(snapshot.rules)
    data = [exact.account_data(snapshot.position(k), snapshot.rules) for k in range(len(snapshot.book))]
    accounts = zip(snapshot.book.accounts, data, strict=True)
    return {name for name, each in accounts if each.health_factor < snapshot.rules.liquidatable_below_wad}
