"""Feeds behave as Chainlink's do: the aggregator emits, the protocol reads the proxy."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from examples.demo.world import DemoWorld
from examples.localchain.feeds import latest_round, push_price

pytestmark = pytest.mark.chain

ANSWER_UPDATED = "0x" + keccak(text="AnswerUpdated(int256,uint256,uint256)").hex()


def answer_logs(world: DemoWorld, address: str, since: int) -> list[dict[str, Any]]:
    query = {"fromBlock": hex(since), "address": address, "topics": [ANSWER_UPDATED]}
    logs: list[dict[str, Any]] = world.chain.node.rpc("eth_getLogs", query)
    return logs


@pytest.mark.parametrize("symbol", ["WETH", "GHO"])
def test_a_push_changes_the_protocol_s_price_and_is_emitted_by_the_aggregator(
    demo_chain: DemoWorld, symbol: str
) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    reserve = market.reserves[symbol]
    price = market.spec.reserve(symbol).feed.price_raw * 9 // 10
    before = latest_round(chain, reserve.feed)
    head = push_price(chain, reserve.feed, price)

    assert chain.read(market.oracle, "getAssetPrice", reserve.underlying.address) == price
    assert chain.read(reserve.feed.proxy, "latestAnswer") == price
    [log] = answer_logs(demo_chain, reserve.feed.aggregator.address, head.number)
    assert int(log["topics"][1], 16) == price
    assert int(log["topics"][2], 16) == latest_round(chain, reserve.feed) == before + 1
    assert int(log["data"], 16) == head.timestamp
    assert answer_logs(demo_chain, reserve.feed.proxy.address, 0) == []


def test_a_push_can_be_placed_in_time(demo_chain: DemoWorld) -> None:
    chain, feed = demo_chain.chain, demo_chain.market.reserves["LINK"].feed
    at = chain.head().timestamp + 3_600
    assert push_price(chain, feed, 10**9, at=at).timestamp == at
    assert chain.read(feed.proxy, "latestTimestamp") == at


def test_the_oracle_reads_each_reserve_s_proxy(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    for symbol, reserve in market.reserves.items():
        source = chain.read(market.oracle, "getSourceOfAsset", reserve.underlying.address)
        assert source == reserve.feed.proxy.address.lower()
        assert chain.read(reserve.feed.proxy, "aggregator") == reserve.feed.aggregator.address.lower()
        assert chain.read(reserve.feed.proxy, "description") == market.spec.reserve(symbol).feed.description
        assert chain.read(reserve.feed.proxy, "phaseId") == 1


def test_every_feed_has_a_history_that_ends_at_the_table_s_price(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    head = chain.head()
    for symbol, reserve in market.reserves.items():
        spec = market.spec.reserve(symbol).feed
        logs = answer_logs(demo_chain, reserve.feed.aggregator.address, 0)
        assert len(logs) == latest_round(chain, reserve.feed) >= 3
        assert int(logs[-1]["topics"][1], 16) == spec.price_raw
        age_s = head.timestamp - int(logs[-1]["data"], 16)
        assert 0 <= age_s <= spec.heartbeat_s
        if spec.heartbeat_s == 3_600:
            assert len(logs) >= 72


def test_only_contracts_with_access_read_the_aggregator(demo_chain: DemoWorld) -> None:
    chain, feed = demo_chain.chain, demo_chain.market.reserves["WETH"].feed
    assert chain.read(feed.aggregator, "hasAccess", feed.proxy.address, b"")
    assert not chain.read(feed.aggregator, "hasAccess", demo_chain.market.oracle.address, b"")
