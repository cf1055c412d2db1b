"""The opened market is the planned market, block by block the same."""

from __future__ import annotations

import pytest

from examples.demo.archetypes import TARGET_UTILISATION
from examples.demo.parameters import read_as_of
from examples.demo.world import DemoWorld, open_demo_market
from examples.localchain.contracts import named_address
from examples.localchain.feeds import push_price
from tests.chain_fixtures import ACCOUNTS, SEED

pytestmark = pytest.mark.chain
WAD = 10**18
SIZEABLE_USD = 1_000
MAX_UINT = 2**256 - 1


def account_data(world: DemoWorld) -> list[tuple[int, ...]]:
    addresses = [[plan.address] for plan in world.plans]
    return world.chain.read_many(world.market.pool, "getUserAccountData", addresses)


def check_health_factors(world: DemoWorld) -> None:
    for plan, data in zip(world.plans, account_data(world), strict=True):
        debt_usd, health = data[1] / 10**8, data[5]
        if plan.target_health is None:
            assert (debt_usd, health) == (0, MAX_UINT)
        else:
            # A day of interest and the truncation to whole basis points; dust has few units.
            tolerance = 1e-3 if debt_usd > SIZEABLE_USD else 0.05
            assert health / WAD == pytest.approx(plan.target_health, rel=tolerance)
            assert health > WAD


def test_accounts_are_as_planned(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    assert len(demo_chain.plans) == ACCOUNTS
    check_health_factors(demo_chain)
    for plan in demo_chain.plans:
        assert chain.read(market.pool, "getUserEMode", plan.address) == plan.emode
        for leg in plan.collateral:
            reserve = market.reserves[leg.symbol]
            assert chain.read(reserve.a_token, "scaledBalanceOf", plan.address) == leg.amount_raw
            data = chain.read(
                market.data_provider, "getUserReserveData", reserve.underlying.address, plan.address
            )
            threshold = market.spec.reserve(leg.symbol).liquidation_threshold_bps
            assert data[8] == (threshold > 0 and leg.symbol not in plan.switched_off)
        for leg in plan.debt:
            owed = chain.read(market.reserves[leg.symbol].variable_debt_token, "balanceOf", plan.address)
            assert leg.amount_raw <= owed <= leg.amount_raw * 1.001 + 2


def test_received_collateral_came_by_a_transfer(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    [plan] = [plan for plan in demo_chain.plans if plan.by_transfer]
    a_token = market.reserves[plan.collateral[0].symbol].a_token
    transfer = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    receiver = "0x" + plan.address[2:].lower().rjust(64, "0")
    query = {"fromBlock": "0x0", "address": a_token.address, "topics": [transfer, None, receiver]}
    [log] = chain.node.rpc("eth_getLogs", query)
    assert int(log["topics"][1], 16) != 0


def test_the_snapshot_block_has_the_table_s_time_and_prices(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    assert chain.head().timestamp == read_as_of()
    for symbol, reserve in market.reserves.items():
        price = chain.read(market.oracle, "getAssetPrice", reserve.underlying.address)
        assert price == market.spec.reserve(symbol).feed.price_raw


def test_utilisation_is_that_of_a_busy_market(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market

    def utilisation(symbol: str) -> float:
        reserve = market.reserves[symbol]
        data = chain.read(market.data_provider, "getReserveData", reserve.underlying.address)
        return float(data[4] / data[2])

    assert utilisation("WETH") == pytest.approx(0.88, abs=0.01)
    assert utilisation("USDT") == pytest.approx(0.80, abs=0.01)
    assert all(utilisation(symbol) < most + 0.001 for symbol, most in TARGET_UTILISATION.items())


def test_the_same_seed_gives_the_same_chain(demo_chain: DemoWorld) -> None:
    with open_demo_market(seed=SEED, accounts=ACCOUNTS) as again:
        assert again.chain.head() == demo_chain.chain.head()
        assert account_data(again) == account_data(demo_chain)


def test_a_fall_makes_accounts_liquidatable_and_the_pool_liquidates_them(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    for symbol, reserve in market.reserves.items():
        if market.spec.reserve(symbol).feed.heartbeat_s == 3_600:
            push_price(chain, reserve.feed, market.spec.reserve(symbol).feed.price_raw * 3 // 5)
    victim, data = max(
        (
            (plan, data)
            for plan, data in zip(demo_chain.plans, account_data(demo_chain), strict=True)
            if data[1] and data[5] < WAD and plan.emode == 0
        ),
        key=lambda pair: pair[1][1],
    )
    reserve = market.reserves[victim.collateral[0].symbol]
    liquidator, debt = named_address("liquidator"), market.reserves[victim.debt[0].symbol]
    chain.send(market.admin, debt.underlying, "mint", liquidator, victim.debt[0].amount_raw * 2)
    chain.mine()
    chain.send(liquidator, debt.underlying, "approve", market.pool.address, MAX_UINT)
    pair = (reserve.underlying.address, debt.underlying.address)
    chain.send(liquidator, market.pool, "liquidationCall", *pair, victim.address, MAX_UINT, False)
    chain.mine()
    assert chain.read(reserve.underlying, "balanceOf", liquidator) > 0
    after = chain.read(market.pool, "getUserAccountData", victim.address)
    assert after[0] < data[0]
    assert after[1] < data[1]


@pytest.mark.verify
def test_the_full_demo_opens_as_planned(local_chain_installed: None) -> None:
    with open_demo_market(seed=SEED) as world:
        assert len(world.plans) == 320
        check_health_factors(world)
        total_usd = sum(data[1] for data in account_data(world)) / 10**8
        assert total_usd == pytest.approx(2e9, rel=0.01)
