"""The deployed v3.6 market is the table's market, and the same every time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from examples.demo.parameters import read_parameters
from examples.localchain.aave_v36 import deploy_market
from examples.localchain.chain import LocalChain
from examples.localchain.errors import TransactionReverted
from examples.localchain.market import Market
from examples.localchain.node import running_node
from examples.localchain.random_market import random_market
from tests.localchain.words import expected_word

pytestmark = pytest.mark.chain

GENESIS_AT = 1_750_000_000
Deployed = tuple[LocalChain, Market]


@pytest.fixture(scope="module")
def deployed(v36_compiled: None) -> Iterator[Deployed]:
    """The market whose reserves are in several categories."""
    with running_node(GENESIS_AT) as node:
        chain = LocalChain(node)
        yield chain, deploy_market(chain, random_market("3.6"))


def test_it_is_revision_ten(deployed: Deployed) -> None:
    chain, market = deployed
    assert market.version == "3.6"
    assert chain.read(market.pool, "POOL_REVISION") == 10


def test_configuration_words_equal_the_table(deployed: Deployed) -> None:
    chain, market = deployed
    for reserve in market.spec.reserves:
        asset = market.reserves[reserve.symbol].underlying.address
        assert chain.read(market.pool, "getConfiguration", asset) == (expected_word(reserve, "3.6"),)


def test_one_strategy_holds_every_curve(deployed: Deployed) -> None:
    chain, market = deployed
    assert len({reserve.rate_strategy.address for reserve in market.reserves.values()}) == 1
    for reserve in market.spec.reserves:
        listed, rate = market.reserves[reserve.symbol], reserve.rate
        curve = chain.read(listed.rate_strategy, "getInterestRateDataBps", listed.underlying.address)
        assert curve == (rate.optimal_usage_bps, rate.base_bps, rate.slope1_bps, rate.slope2_bps)


def test_emodes_equal_the_table_and_share_reserves(deployed: Deployed) -> None:
    chain, market = deployed
    symbols = [reserve.symbol for reserve in market.spec.reserves]

    def members(side: str, emode: int) -> set[str]:
        bitmap = chain.read(market.pool, f"getEModeCategory{side}Bitmap", emode)
        return {symbol for i, symbol in enumerate(symbols) if bitmap >> i & 1}

    for emode in market.spec.emodes:
        figures = (emode.ltv_bps, emode.liquidation_threshold_bps, emode.liquidation_bonus_bps)
        assert chain.read(market.pool, "getEModeCategoryCollateralConfig", emode.id) == figures
        assert chain.read(market.pool, "getEModeCategoryLabel", emode.id) == emode.label
        own = {reserve.symbol for reserve in market.spec.reserves if reserve.emode == emode.id}
        assert members("Collateral", emode.id) == own | set(emode.collateral)
        assert members("Borrowable", emode.id) == own | set(emode.borrowable)
        assert not members("Ltvzero", emode.id)
    assert members("Collateral", 1) & members("Collateral", 3) == {"WETH", "wstETH"}


def test_its_own_data_provider_for_interfaces_answers(deployed: Deployed) -> None:
    chain, market = deployed
    assert market.ui_data_provider is not None
    listed = chain.read(market.ui_data_provider, "getReservesList", market.provider.address)
    assert list(listed) == [each.underlying.address.lower() for each in market.reserves.values()]


def test_deployment_is_deterministic(v36_compiled: None) -> None:
    def deploy() -> tuple[str, str]:
        with running_node(GENESIS_AT) as node:
            chain = LocalChain(node)
            market = deploy_market(chain, read_parameters())
            return chain.head().hash, market.provider.address

    assert deploy() == deploy()


def test_a_refused_parameter_names_the_call(v36_compiled: None) -> None:
    market = random_market("3.6")
    coarse = replace(market, reserves=(replace(market.reserves[0], decimals=5),))
    with running_node(GENESIS_AT) as node, pytest.raises(TransactionReverted, match="initReserves"):
        deploy_market(LocalChain(node), coarse)
