"""The deployed v2 market is the table's market, in ether."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from examples.localchain.aave_v2 import deploy_market
from examples.localchain.chain import LocalChain
from examples.localchain.market import Market
from examples.localchain.node import running_node
from examples.localchain.random_market import random_market
from tests.localchain.words import expected_word

pytestmark = pytest.mark.chain

GENESIS_AT = 1_750_000_000
Deployed = tuple[LocalChain, Market]


@pytest.fixture(scope="module")
def deployed(local_chain_installed: None) -> Iterator[Deployed]:
    with running_node(GENESIS_AT) as node:
        chain = LocalChain(node)
        yield chain, deploy_market(chain, random_market("2.0"))


def test_configuration_words_equal_the_table(deployed: Deployed) -> None:
    chain, market = deployed
    for reserve in market.spec.reserves:
        asset = market.reserves[reserve.symbol].underlying.address
        assert chain.read(market.pool, "getConfiguration", asset) == (expected_word(reserve, "2.0"),)


def test_prices_are_in_ether(deployed: Deployed) -> None:
    chain, market = deployed
    assert market.spec.reserves[0].symbol == "WETH"
    for reserve in market.spec.reserves:
        price_raw = chain.read(
            market.oracle, "getAssetPrice", market.reserves[reserve.symbol].underlying.address
        )
        assert price_raw == reserve.feed.price_raw
    assert market.spec.reserve("WETH").feed.price_raw == 10**18


def test_curves_and_tokens_equal_the_table(deployed: Deployed) -> None:
    chain, market = deployed
    for reserve in market.spec.reserves:
        listed, rate = market.reserves[reserve.symbol], reserve.rate
        assert listed.stable_debt_token is not None
        for token, kind in (
            (listed.a_token, "a"),
            (listed.variable_debt_token, "variableDebt"),
            (listed.stable_debt_token, "stableDebt"),
        ):
            assert chain.read(token, "symbol") == f"{kind}Demo{reserve.symbol}"
            assert chain.read(token, "UNDERLYING_ASSET_ADDRESS") == listed.underlying.address.lower()
        strategy = listed.rate_strategy
        assert chain.read(strategy, "OPTIMAL_UTILIZATION_RATE") == rate.optimal_usage_bps * 10**23
        assert chain.read(strategy, "variableRateSlope2") == rate.slope2_bps * 10**23


def test_deployment_is_deterministic(deployed: Deployed) -> None:
    with running_node(GENESIS_AT) as node:
        chain = LocalChain(node)
        market = deploy_market(chain, random_market("2.0"))
        assert (chain.head().hash, market.pool.address) == (
            deployed[0].head().hash,
            deployed[1].pool.address,
        )
