"""The deployed market is the table's market, and the same every time."""

from __future__ import annotations

import pytest
from eth_abi.abi import decode, encode

from examples.demo.parameters import read_parameters
from examples.demo.world import DemoWorld
from examples.localchain.aave_v30 import deploy_market
from examples.localchain.chain import LocalChain
from examples.localchain.errors import TransactionReverted
from examples.localchain.node import running_node
from tests.localchain.words import expected_word

pytestmark = pytest.mark.chain

GENESIS_AT = 1_750_000_000


def test_configuration_words_equal_the_table(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    assert len(market.reserves) == len(market.spec.reserves) >= 11
    for reserve in market.spec.reserves:
        asset = market.reserves[reserve.symbol].underlying.address
        assert chain.read(market.pool, "getConfiguration", asset) == (expected_word(reserve, "3.0"),)


def test_rate_curves_equal_the_table(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    for reserve in market.spec.reserves:
        strategy, rate = market.reserves[reserve.symbol].rate_strategy, reserve.rate
        assert chain.read(strategy, "OPTIMAL_USAGE_RATIO") == rate.optimal_usage_bps * 10**23
        assert chain.read(strategy, "getBaseVariableBorrowRate") == rate.base_bps * 10**23
        assert chain.read(strategy, "getVariableRateSlope1") == rate.slope1_bps * 10**23
        assert chain.read(strategy, "getVariableRateSlope2") == rate.slope2_bps * 10**23


def test_emodes_equal_the_table_and_stand_above_their_members(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    assert len(market.spec.emodes) >= 2
    for emode in market.spec.emodes:
        data = chain.read(market.pool, "getEModeCategoryData", emode.id)
        figures = (emode.ltv_bps, emode.liquidation_threshold_bps, emode.liquidation_bonus_bps)
        assert data == (*figures, "0x" + "00" * 20, emode.label)
        members = [reserve for reserve in market.spec.reserves if reserve.emode == emode.id]
        assert len(members) >= 3
        assert all(each.liquidation_threshold_bps < emode.liquidation_threshold_bps for each in members)


def test_tokens_carry_the_table_s_names(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    for symbol, reserve in market.reserves.items():
        assert chain.read(reserve.underlying, "symbol") == symbol
        assert chain.read(reserve.underlying, "decimals") == market.spec.reserve(symbol).decimals
        assert chain.read(reserve.a_token, "UNDERLYING_ASSET_ADDRESS") == reserve.underlying.address.lower()
        assert chain.read(reserve.variable_debt_token, "symbol") == f"variableDebtDemo{symbol}"


def test_multicall3_reads_the_oracle_at_its_usual_address(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    assert market.multicall == "0xcA11bde05977b3631167028862bE2a173976CA11"
    assets = [reserve.underlying.address for reserve in market.reserves.values()]
    calls = [
        (market.oracle.address, False, bytes.fromhex(market.oracle.encode("getAssetPrice", a)[2:]))
        for a in assets
    ]
    data = "0x82ad56cb" + encode(["(address,bool,bytes)[]"], [calls]).hex()
    answer = chain.node.rpc("eth_call", {"to": market.multicall, "data": data}, "latest")
    [results] = decode(["(bool,bytes)[]"], bytes.fromhex(answer[2:]))
    prices = [int.from_bytes(value, "big") for _, value in results]
    assert prices == list(chain.read(market.oracle, "getAssetsPrices", assets))


def test_deployment_is_deterministic(local_chain_installed: None) -> None:
    def deploy() -> tuple[str, str, list[str]]:
        with running_node(GENESIS_AT) as node:
            chain = LocalChain(node)
            market = deploy_market(chain, read_parameters())
            tokens = [reserve.a_token.address for reserve in market.reserves.values()]
            return chain.head().hash, market.provider.address, tokens

    assert deploy() == deploy()


def test_a_revert_names_the_transaction_and_its_reason(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    saver = next(plan for plan in demo_chain.plans if plan.archetype == "supply_only")
    asset = market.reserves["USDC"].underlying.address
    chain.send(saver.address, market.pool, "borrow", asset, 10**15, 2, 0, saver.address)
    # 36 is COLLATERAL_CANNOT_COVER_NEW_BORROW in Aave's Errors.sol.
    with pytest.raises(TransactionReverted, match=r'Pool\.borrow.*reverted with "36"'):
        chain.mine()


def test_after_a_revert_of_the_chain_the_next_transaction_still_goes(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    token = market.reserves["DAI"].underlying
    before = chain.head()
    for _ in range(2):
        mark = chain.snapshot()
        chain.send(market.admin, token, "mint", market.treasury, 5)
        chain.mine()
        assert chain.read(token, "balanceOf", market.treasury) == 5
        chain.revert(mark)
        assert chain.head() == before
