"""Categories with prices of their own, as on Spark, against real v3.0 bytecode, to the wei."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from abis.chain import Chain
from abis.findings import FindingKind
from abis.units import MAX_UINT256
from examples.localchain.random_accounts import State
from examples.localchain.random_market import DOLLAR_EMODE, ETHER_EMODE
from examples.localchain.random_world import RandomWorld, open_random_market
from protocols.aave_v3.emode import call_price_emode, price_emode
from protocols.position import CollateralLeg, DebtLeg, Position
from protocols.registry import read_market, resolve
from protocols.snapshot import Snapshot
from tests.differential import raw_market
from tests.differential.liquidations import Attempt, execute, expected_code, fund_liquidator, simulate
from tests.differential.price_moves import MONTH_S, push
from tests.differential.priced_categories import (
    LOWERED,
    SOURCE,
    PricedWorld,
    leave_category,
    price_categories,
    set_category,
)
from tests.differential.random_trials import Record
from tests.differential.snapshots import compare
from tests.differential.test_twin import follow, run

pytestmark = pytest.mark.chain

INSIDE = (State.EMODE, State.EMODE_DOLLARS)
CATEGORY = {State.EMODE: ETHER_EMODE, State.EMODE_DOLLARS: DOLLAR_EMODE}


@pytest.fixture
def priced(v30_random_chain: RandomWorld) -> PricedWorld:
    """The v3.0 market of random accounts with prices of their own for both categories."""
    return price_categories(v30_random_chain)


def take(world: RandomWorld) -> Snapshot:
    chain = Chain(world.chain.node.url)
    spec = resolve(f"spark:{world.market.provider.address}")
    return read_market(chain, spec, chain.block("latest"), lambda *_: None)


def check(world: RandomWorld) -> int:
    """Compare a snapshot with the contract, with the words themselves and with the twin."""
    taken = take(world)
    assert taken.market.protocol == "spark"
    assert taken.market.version == "3.0"
    fields = compare(world, taken)
    market = raw_market.read_market(world)
    accounts = raw_market.read_accounts(world, market, taken.book.accounts)
    for u, account in enumerate(accounts):
        whole = raw_market.position_of(market, account, taken.block.timestamp_s)
        assert legs_of(taken.position(u)) == legs_of(whole)
    got = run(taken, [r.price_raw for r in taken.reserves])
    for u in range(len(taken.book)):
        follow(got, u)
    return fields


def legs_of(position: Position) -> tuple[list[CollateralLeg], list[DebtLeg]]:
    """Return the legs with something in them, by reserve, with all that is known of each."""
    collateral = [leg for leg in position.collateral if leg.balance_raw]
    debt = [leg for leg in position.debt if leg.balance_raw]
    return sorted(collateral, key=lambda leg: leg.reserve), sorted(debt, key=lambda leg: leg.reserve)


def test_all_six_values_inside_and_outside_at_several_blocks(
    priced: PricedWorld, record_property: Record
) -> None:
    world = priced.world
    fields = check(world)
    for factor in (0.88, 1.3, 0.4):
        priced.move_feed(factor)
        fields += check(world)
    world.chain.mine(world.chain.head().timestamp + MONTH_S)
    fields += check(world)
    push(world, {"WETH": 0.8, "wstETH": 0.7, "USDC": 1.06, "DAI": 0.97})
    for emode, figures in LOWERED.items():
        set_category(world, emode, figures)
    world.chain.mine()
    fields += check(world)
    # A borrowed asset that left its category is valued at its own price, and repaid at the category's.
    leave_category(world, "DAI")
    leave_category(world, "WETH")
    taken = take(world)
    assert (taken.book.debt.price_emode != taken.book.debt.call_price_emode).any()
    fields += check(world)
    record_property("fields_compared", fields)
    assert fields >= 7 * 6 * len(world.accounts)


def test_prices_of_categories_are_the_oracles_and_said_to_be_assumed_only_where_they_are(
    priced: PricedWorld,
) -> None:
    world = priced.world
    taken = take(world)
    ether, dollars = taken.emodes
    oracle = world.market.oracle
    assert (ether.price_source, ether.price_reserve) == (SOURCE, -1)
    assert ether.price_raw == world.chain.read(oracle, "getAssetPrice", SOURCE)
    assert dollars.price_reserve == taken.asset_index("USDC")
    assert dollars.price_raw == taken.reserves[dollars.price_reserve].price_raw
    about = [f for f in taken.findings if "e-mode" in f.subject]
    assert [(f.kind, f.subject) for f in about] == [(FindingKind.UNVERIFIED, f"e-mode {ETHER_EMODE}")]
    assert (taken.book.collateral.price_emode == ETHER_EMODE).any()
    assert (taken.book.debt.price_emode == DOLLAR_EMODE).any()


def test_a_price_that_cannot_be_read_leaves_members_at_their_own_and_is_reported(priced: PricedWorld) -> None:
    world = priced.world
    token = world.market.reserves["WETH"].underlying.address  # a token is no feed
    world.chain.send(world.market.admin, world.market.oracle, "setAssetSources", [SOURCE], [token])
    world.chain.mine()
    taken = take(world)
    assert taken.emodes[0].price_raw == 0
    assert not (taken.book.collateral.price_emode == ETHER_EMODE).any()
    assert [f.subject for f in taken.findings if f.kind is FindingKind.ORACLE] == [SOURCE]


def test_liquidations_inside_categories_do_what_the_rules_say(
    priced: PricedWorld, record_property: Record
) -> None:
    counts = liquidate_inside(priced, Random(3))
    for what, count in sorted(counts.items()):
        record_property(what, count)
    assert counts["liquidated"] >= 50
    assert counts["debt left the category"] > 0
    assert set(counts) > {"accepted", "liquidated", "45"}


@pytest.mark.verify
@pytest.mark.parametrize("seed", [21, 22])
def test_many_liquidations_inside_categories_of_large_markets(
    seed: int, local_chain_installed: None, record_property: Record
) -> None:
    with open_random_market("3.0", seed=seed, accounts=400) as world:
        priced = price_categories(world)
        record_property("fields_compared", check(world))
        counts = liquidate_inside(priced, Random(seed))
    for what, count in sorted(counts.items()):
        record_property(what, count)
    assert counts["liquidated"] >= 200


def liquidate_inside(priced: PricedWorld, random: Random) -> Counter[str]:
    """Try every pair and several offers on accounts in a category, in three states of the market."""
    world, chain = priced.world, priced.world.chain
    fund_liquidator(world)
    counts: Counter[str] = Counter()
    counts += _try_all(world, random)
    for emode, figures in LOWERED.items():
        set_category(world, emode, figures)
    chain.mine()
    counts += _try_all(world, random)
    priced.move_feed(random.uniform(0.5, 0.9))
    push(world, {"wstETH": 0.9, "USDC": 1.04, "DAI": 0.98}, after_s=MONTH_S)
    counts += _try_all(world, random)
    for symbol in ("DAI", "WETH"):
        leave_category(world, symbol)
    counts += _try_all(world, random)
    return counts


def _try_all(world: RandomWorld, random: Random) -> Counter[str]:
    market = raw_market.read_market(world)
    now_s = world.chain.head().timestamp
    counts: Counter[str] = Counter()
    for plan in world.accounts:
        if plan.state not in INSIDE:
            continue
        account = raw_market.read_account(world, market, plan.address)
        assert account.emode == CATEGORY[plan.state]
        category = market.categories[account.emode]
        for attempt in _attempts(raw_market.position_of(market, account, now_s), account, random):
            code = simulate(world, market, attempt)
            expected = expected_code(world, market, attempt, now_s)
            assert code == expected, f"{plan.state}: {attempt}: '{expected}' against '{code}'"
            counts[code or "accepted"] += 1
            if code:
                counts["refused"] += 1
                continue
            mark = world.chain.snapshot()
            execute(world, market, attempt, now_s + random.choice((1, 12, 600)))
            world.chain.revert(mark)
            owed = market.reserves[attempt.debt].configuration
            left = price_emode(owed, category, "3.0") != call_price_emode(category, "3.0")
            counts.update(("liquidated", "debt left the category") if left else ("liquidated",))
    return counts


def _attempts(position: Position, account: raw_market.RawAccount, random: Random) -> Iterator[Attempt]:
    held = [leg.reserve for leg in position.collateral if leg.counted and leg.balance_raw]
    owed = [leg for leg in position.debt if leg.balance_raw]
    for i in held:
        for leg in owed:
            half_raw = leg.balance_raw // 2
            for offer_raw in (MAX_UINT256, half_raw + 1, random.randint(1, half_raw + 1)):
                yield Attempt(account, i, leg.reserve, offer_raw)
