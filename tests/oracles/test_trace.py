"""Prices traced on a local chain: real Chainlink feeds and AaveOracle, adapters of our own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from abis.chain import Chain
from abis.errors import NotAMarket
from abis.findings import FindingKind, Severity
from examples.localchain.adapters import (
    SVR_CUTOFF_S,
    OracleWorld,
    deploy_adapter,
    deploy_ratio_cap,
    set_sources,
)
from examples.localchain.artifacts import aave_v2, aave_v30
from examples.localchain.contracts import Contract
from examples.localchain.feeds import deploy_feed, push_price, queue_answer
from examples.localchain.market_parts import ADMIN
from examples.localchain.rpc import RpcAnswer
from examples.localchain.spec import FeedSpec
from oracles.headroom import headroom_of, read_growth
from oracles.trace import Asset, trace_market, trace_source
from oracles.trace_check import follows
from oracles.traced import FeedSettings, Kind, RatioCapSettings, RatioSettings, Role, Trace, TracedFeed
from tests.abis.scripted_node import NodeError, ScriptedNode, serving

pytestmark = pytest.mark.chain

DAY_S = 86_400
WAD = 10**18
TREES = {
    "WETH": "chainlink feed",
    "wstETH": "ratio cap (ratio, chainlink feed)",
    "rETH": "ratio cap (ratio, chainlink feed)",
    "weETH": "ratio cap (chainlink feed, chainlink feed)",
    "stETH": "product of two feeds (constant, chainlink feed)",
    "WBTC": "product of two feeds (chainlink feed, chainlink feed)",
    "cbBTC": "chainlink feed",
    "USDC": "stable cap (chainlink feed)",
    "USDT": "stable cap (chainlink feed)",
    "USDe": "stable cap (chainlink feed)",
    "sUSDe": "ratio cap (ratio, stable cap (chainlink feed))",
    "PT-sUSDe": "linear discount (stable cap (chainlink feed))",
    "EURC": "cap relative to a feed (chainlink feed, chainlink feed)",
    "GHO": "fixed price",
    "LINK": "chainlink SVR feed",
}


def shape(feed: TracedFeed) -> str:
    legs = ", ".join(shape(leg) for _, leg in feed.legs)
    return f"{feed.kind.value} ({legs})" if legs else feed.kind.value


def assets(world: OracleWorld) -> list[Asset]:
    return [Asset(r.underlying.address, symbol) for symbol, r in world.market.reserves.items()]


def traced(world: OracleWorld, url: str = "") -> Trace:
    chain = Chain(url or world.chain.node.url)
    return trace_market(chain, chain.block("latest"), world.market.oracle.address, assets(world))


def of_source(world: OracleWorld, source: Contract) -> tuple[TracedFeed, Trace]:
    chain = Chain(world.chain.node.url)
    trace = trace_source(chain, chain.block("latest"), source.address)
    feed = trace.prices[0].feed
    assert feed is not None
    return feed, trace


def feed_of(trace: Trace, symbol: str) -> TracedFeed:
    feed = next(p.feed for p in trace.prices if p.symbol == symbol)
    assert feed is not None
    return feed


def answers_of(world: OracleWorld, *refused: str) -> Callable[[str, list[Any]], Any]:
    def answer(method: str, params: list[Any]) -> Any:
        if method in refused:
            return NodeError(-32601, f"the method {method} does not exist")
        try:
            return world.chain.node.rpc(method, *params)
        except RpcAnswer as error:
            return NodeError(error.error["code"], error.error["message"])

    return answer


def roles(world: OracleWorld) -> str:
    assert world.market.acl_manager is not None
    return world.market.acl_manager.address


def test_every_way_of_making_a_price_is_recognised_without_a_finding(oracle_chain: OracleWorld) -> None:
    trace = traced(oracle_chain)
    assert {p.symbol: shape(p.feed) for p in trace.prices if p.feed} == TREES
    assert trace.findings == ()
    assert trace.checks == ("access lists", "call traces")


def test_every_price_is_the_contracts_and_follows_from_its_legs(oracle_chain: OracleWorld) -> None:
    # Later, after moves on both sides of every cap.
    world = oracle_chain
    now = world.chain.head().timestamp
    for step, (feed, answer) in enumerate(
        (
            ("ETH / USD", 1_234_56789012),
            ("USDC / USD", 91_000_007),
            ("USDT / USD", 1_07000001),
            ("EURC / USD", 1_19700000),
            ("WBTC / BTC", 97_654_321),
        )
    ):
        push_price(world.chain, world.feeds[feed], answer, at=now + (step + 1) * DAY_S)
    trace = traced(world)
    assert trace.findings == ()
    for price in trace.prices:
        assert price.answer_raw == world.price_raw(price.symbol) > 0
    adapters = [feed for feed in trace.sources().values() if feed.legs]
    assert len(adapters) == 10
    for feed in adapters:
        assert follows(feed, trace.block_time_s) == feed.answer_raw
    assert feed_of(trace, "USDe").answer_raw == 104_000_000  # capped
    assert feed_of(trace, "EURC").answer_raw == 119_600_000  # capped at 1.04 of EUR/USD
    assert feed_of(trace, "USDC").answer_raw == 91_000_007  # a fall passes


def test_feeds_tell_their_aggregator_bounds_and_last_round(oracle_chain: OracleWorld) -> None:
    world = oracle_chain
    head = push_price(world.chain, world.feeds["ETH / USD"], 2_400 * 10**8)
    feed = feed_of(traced(world), "WETH")
    aggregator = world.feeds["ETH / USD"].aggregator.address
    assert feed.settings == FeedSettings(aggregator, (aggregator,), 1, 10**20)
    assert (feed.description, feed.decimals, feed.updated_at_s) == ("ETH / USD", 8, head.timestamp)


def test_a_proxy_with_a_new_aggregator_tells_both_phases(oracle_chain: OracleWorld) -> None:
    world = oracle_chain
    old = world.feeds["ETH / USD"]
    new = deploy_feed(world.chain, ADMIN, FeedSpec("ETH / USD", 0, 50, 3_600))
    world.chain.send(ADMIN, new.aggregator, "addAccess", old.proxy.address)
    world.chain.mine()
    queue_answer(world.chain, new, 1, 2_600 * 10**8)
    world.chain.mine()
    world.chain.send(ADMIN, old.proxy, "proposeAggregator", new.aggregator.address)
    world.chain.send(ADMIN, old.proxy, "confirmAggregator", new.aggregator.address)
    world.chain.mine()
    feed = feed_of(traced(world), "WETH")
    assert isinstance(feed.settings, FeedSettings)
    assert feed.settings.phases == (old.aggregator.address, new.aggregator.address)
    assert feed.answer_raw == 2_600 * 10**8


def test_the_cutoff_of_an_svr_feed_is_read_from_storage(oracle_chain: OracleWorld) -> None:
    settings = feed_of(traced(oracle_chain), "LINK").settings
    assert isinstance(settings, FeedSettings)
    assert settings.cutoff_s == SVR_CUTOFF_S


def test_ratio_providers_are_told_by_the_getter_that_answers_the_ratio(oracle_chain: OracleWorld) -> None:
    trace = traced(oracle_chain)
    getters = {
        symbol: feed_of(trace, symbol).leg(Role.RATIO).settings for symbol in ("wstETH", "rETH", "sUSDe")
    }
    assert getters == {
        "wstETH": RatioSettings(f"getPooledEthByShares({WAD})"),
        "rETH": RatioSettings("getExchangeRate()"),
        "sUSDe": RatioSettings(f"convertToAssets({WAD})"),
    }


def test_caps_are_held_against_what_the_contract_says(oracle_chain: OracleWorld) -> None:
    world = oracle_chain
    trace = traced(world)
    capped = {}
    for symbol in ("wstETH", "rETH", "weETH", "sUSDe", "USDC", "EURC"):
        room = headroom_of(feed_of(trace, symbol), trace.block_time_s)
        assert room is not None
        capped[symbol] = room.fraction < 0
        assert capped[symbol] == world.chain.read(world.sources[symbol], "isCapped")
    assert capped == dict.fromkeys(capped, False) | {"rETH": True}


def test_a_ratio_that_grows_as_in_the_last_week_is_capped_when_foretold(oracle_chain: OracleWorld) -> None:
    # wstETH is a hair below a cap that grows 9.68 % a year of a lower ratio.
    world = oracle_chain
    for day in range(1, 9):
        ratio_raw = 12_289 * 10**14 + 12_289 * 10**14 * 10 * day // 36_500
        world.chain.send(ADMIN, world.parts["stETH shares"], "report", ratio_raw, WAD)
        world.chain.mine(world.chain.head().timestamp + DAY_S)
    chain = Chain(world.chain.node.url)
    block = chain.block("latest")
    trace = traced(world)
    wsteth = feed_of(trace, "wstETH")
    growth = read_growth(chain, block, [wsteth, feed_of(trace, "weETH")])
    assert growth[wsteth.address].per_year == pytest.approx(0.1, abs=0.001)
    assert growth[feed_of(trace, "weETH").address].per_year == 0
    room = headroom_of(wsteth, trace.block_time_s, growth[wsteth.address])
    assert room is not None
    assert room.time_to_cap_s is not None
    assert isinstance(wsteth.settings, RatioCapSettings)
    assert wsteth.leg(Role.RATIO).answer_raw == ratio_raw

    def is_capped(after_s: float) -> bool:
        grown = ratio_raw * math.exp(growth[wsteth.address].per_year * after_s / (365 * DAY_S))
        mark = world.chain.snapshot()
        world.chain.send(ADMIN, world.parts["stETH shares"], "report", int(grown), WAD)
        world.chain.mine(trace.block_time_s + int(after_s))
        capped = bool(world.chain.read(world.sources["wstETH"], "isCapped"))
        world.chain.revert(mark)
        return capped

    assert room.time_to_cap_s > DAY_S
    assert not is_capped(room.time_to_cap_s - 60)
    assert is_capped(room.time_to_cap_s + 60)


def test_a_chain_without_a_week_or_its_state_tells_no_growth(oracle_chain: OracleWorld) -> None:
    world = oracle_chain
    wsteth = feed_of(traced(world), "wstETH")
    chain = Chain(world.chain.node.url)
    assert read_growth(chain, chain.block("latest"), [wsteth]) == {}
    for _ in range(9):
        world.chain.mine(world.chain.head().timestamp + DAY_S)
    latest = world.chain.head().number
    rpc = answers_of(world)

    def pruned(method: str, params: list[Any]) -> Any:
        if method == "eth_call" and params[1] != hex(latest):
            return NodeError(-32000, "missing trie node 5d5c (path ) state 0x5d is not available")
        return rpc(method, params)

    chain = Chain(world.chain.node.url)
    assert read_growth(chain, chain.block("latest"), [wsteth])[wsteth.address].per_year == 0
    with serving(ScriptedNode(pruned)) as node:
        chain = Chain(node.url)
        assert read_growth(chain, chain.block("latest"), [wsteth]) == {}


# ---- what must not be taken for what it looks like


def test_an_unknown_contract_is_an_opaque_step(oracle_chain: OracleWorld) -> None:
    world = oracle_chain
    proxy = world.feeds["ETH / USD"].proxy.address
    source = deploy_adapter(world.chain, "Unknown", proxy)
    world.chain.mine()
    feed, trace = of_source(world, source)
    assert (feed.kind, feed.legs, feed.decimals) == (Kind.OPAQUE, (), None)
    assert feed.answer_raw == 2_500 * 10**8 * 999 // 1000
    assert proxy in feed.inside
    [finding] = trace.findings
    assert (finding.kind, finding.severity) == (FindingKind.UNSUPPORTED, Severity.MEDIUM)
    assert finding.subject == source.address
    assert "has the getters of no known source" in finding.message


def test_an_answer_that_breaks_the_rule_is_found(oracle_chain: OracleWorld) -> None:
    world = oracle_chain
    source = deploy_adapter(
        world.chain, "LyingStableCap", roles(world), world.feeds["USDC / USD"].proxy.address
    )
    world.chain.mine()
    feed, trace = of_source(world, source)
    assert feed.kind is Kind.OPAQUE
    [finding] = trace.findings
    assert (finding.kind, finding.severity) == (FindingKind.INCONSISTENT, Severity.HIGH)
    assert "answers 90000000, where that rule gives 100000000" in finding.message


def test_an_answer_that_reads_something_else_is_found(oracle_chain: OracleWorld) -> None:
    world = oracle_chain
    usdc, hidden = (world.feeds[name].proxy.address for name in ("USDC / USD", "EUR / USD"))
    source = deploy_adapter(world.chain, "PausableStableCap", roles(world), usdc, hidden)
    world.chain.mine()
    feed, trace = of_source(world, source)
    assert feed.kind is Kind.OPAQUE
    assert {usdc, hidden} <= set(feed.inside)
    [finding] = trace.findings
    assert (finding.kind, finding.severity) == (FindingKind.ORACLE, Severity.HIGH)
    assert hidden in finding.message


def test_a_relative_with_other_arithmetic_is_not_taken_for_a_ratio_cap(oracle_chain: OracleWorld) -> None:
    world = oracle_chain
    now = world.chain.head().timestamp
    eth, provider = world.feeds["ETH / USD"].proxy, world.parts["stETH shares"]
    cap = (1_210 * 10**15, now - 30 * DAY_S, 968)
    source = deploy_ratio_cap(world.chain, world.market, "BoundedRatio", eth, provider, "Bounded", cap)
    world.chain.mine()
    feed, trace = of_source(world, source)
    assert feed.kind is Kind.OPAQUE
    assert "it also has getLowerBound(), which a ratio cap has not" in trace.findings[0].message


def test_a_price_that_depends_on_time_alone_is_no_constant(oracle_chain: OracleWorld) -> None:
    world = oracle_chain
    source = deploy_adapter(world.chain, "Clock")
    world.chain.mine()
    assert of_source(world, source)[0].kind is Kind.OPAQUE
    assert of_source(world, world.parts["stETH / ETH"])[0].kind is Kind.CONSTANT


def test_a_price_made_of_itself_ends(oracle_chain: OracleWorld) -> None:
    world = oracle_chain
    source = deploy_adapter(world.chain, "Loop", roles(world))
    world.chain.mine()
    feed, trace = of_source(world, source)
    assert any("its price is made of itself" in f.message for f in trace.findings)
    assert {each.address for each in feed.walk()} == {source.address}


def test_old_rounding_of_a_cap_is_told_from_new(oracle_chain: OracleWorld) -> None:
    world = oracle_chain
    eth, provider = world.feeds["ETH / USD"].proxy, world.parts["stETH shares"]
    cap = (1_220 * 10**15, world.chain.head().timestamp - 30 * DAY_S, 777)
    kinds = ("UnscaledSharesRatioCap", "SharesRatioCap")
    old, new = (deploy_ratio_cap(world.chain, world.market, k, eth, provider, k, cap) for k in kinds)
    world.chain.mine(world.chain.head().timestamp + 12_345)
    for source, is_scaled in ((old, False), (new, True)):
        feed, trace = of_source(world, source)
        assert isinstance(feed.settings, RatioCapSettings)
        assert (feed.settings.is_scaled, trace.findings) == (is_scaled, ())


def test_a_provider_with_an_unknown_getter_is_an_opaque_leg(oracle_chain: OracleWorld) -> None:
    # The cap asks a vault that has moved on since; nothing it answers is the ratio then.
    world = oracle_chain
    usdt = world.sources["USDT"]
    clock = deploy_adapter(world.chain, "Clock")
    world.chain.mine()
    limits = (10**18, world.chain.head().timestamp - 10 * DAY_S, 5_000)
    setup = (roles(world), usdt.address, clock.address, 0, 7 * DAY_S, "By the clock")
    source = deploy_adapter(world.chain, "FeedRatioCap", setup, limits)
    world.chain.mine()
    feed, trace = of_source(world, source)
    leg = feed.leg(Role.RATIO)
    assert (feed.kind, leg.kind) == (Kind.RATIO_CAP, Kind.OPAQUE)
    assert leg.answer_raw == trace.block_time_s
    assert any("No known getter of this ratio provider" in f.message for f in trace.findings)


# ---- oracles and nodes


def test_an_asset_without_a_source_and_a_fallback_are_found(oracle_chain: OracleWorld) -> None:
    world = oracle_chain
    weth = world.market.reserves["WETH"].underlying.address
    world.chain.send(ADMIN, world.market.oracle, "setAssetSources", [weth], ["0x" + "0" * 40])
    world.chain.mine()
    trace = traced(world)
    assert next(p for p in trace.prices if p.symbol == "WETH").feed is None
    [finding] = trace.findings
    assert (finding.kind, finding.subject, finding.severity) == (
        FindingKind.MISSING,
        "WETH",
        Severity.HIGH,
    )


def test_an_oracle_that_does_not_answer_its_source_is_found(oracle_chain: OracleWorld) -> None:
    # AaveOracle asks its fallback, of which there is none, where the source says 0.
    world = oracle_chain
    gho = world.sources["GHO"]
    world.chain.send(ADMIN, gho, "setPrice", 0)
    world.chain.mine()
    trace = traced(world)
    [finding] = trace.findings
    assert (finding.kind, finding.subject) == (FindingKind.INCONSISTENT, "GHO")
    assert f"the source {gho.address} answers 0" in finding.message


def test_the_token_an_oracle_counts_in_is_worth_one_whatever_its_source(oracle_chain: OracleWorld) -> None:
    """Aave v2 on Ethereum counts in ether; its oracle answers ``WETH`` before it asks a source."""
    world = oracle_chain
    listed = assets(world)[:3]
    sources = [world.sources[asset.symbol].address for asset in listed]
    none = "0x" + "0" * 40
    tokens = [asset.address for asset in listed]
    v2 = world.chain.deploy(ADMIN, aave_v2("AaveOracle"), tokens, sources, none, tokens[0])
    v3 = world.chain.deploy(
        ADMIN, aave_v30("AaveOracle"), world.market.provider.address, tokens, sources, none, tokens[0], 10**8
    )
    world.chain.mine()
    chain = Chain(world.chain.node.url)
    for oracle, decimals in ((v2, 18), (v3, 8)):
        trace = trace_market(chain, chain.block("latest"), oracle.address, listed)
        assert trace.findings == ()
        ether = feed_of(trace, "WETH")
        assert (ether.kind, ether.answer_raw, ether.decimals) == (Kind.BASE_CURRENCY, 10**decimals, decimals)
        assert ether.address == oracle.address
        assert feed_of(trace, "wstETH").kind is Kind.RATIO_CAP


def test_a_node_without_traces_sees_as_much_of_ordinary_sources(oracle_chain: OracleWorld) -> None:
    with serving(ScriptedNode(answers_of(oracle_chain, "debug_traceCall"))) as node:
        plain = traced(oracle_chain, node.url)
    whole = traced(oracle_chain)
    assert plain.checks == ("access lists",)
    assert (plain.prices, plain.findings) == (whole.prices, whole.findings)


def test_one_contract_a_node_refuses_to_look_into_leaves_the_others_checked(
    oracle_chain: OracleWorld,
) -> None:
    world = oracle_chain
    refused = world.sources["WBTC"].address
    usdc, hidden = (world.feeds[name].proxy.address for name in ("USDC / USD", "EUR / USD"))
    hiding = deploy_adapter(world.chain, "PausableStableCap", roles(world), usdc, hidden)
    world.chain.mine()
    set_sources(world.chain, world.market, {"EURC": hiding})
    rpc = answers_of(world)

    def blind(method: str, params: list[Any]) -> Any:
        looks = method in ("eth_createAccessList", "debug_traceCall")
        if looks and params[0]["to"] == refused:
            return NodeError(-32000, "out of gas")
        return rpc(method, params)

    with serving(ScriptedNode(blind)) as node:
        trace = traced(world, node.url)
    assert trace.checks == ("access lists", "call traces")
    assert feed_of(trace, "WBTC").kind is Kind.PEG_TO_BASE
    assert feed_of(trace, "EURC").kind is Kind.OPAQUE
    assert {(f.kind, f.subject) for f in trace.findings} == {
        (FindingKind.ORACLE, hiding.address),
        (FindingKind.UNVERIFIED, refused),
    }


def test_a_node_that_tells_nothing_says_that_it_was_not_checked(oracle_chain: OracleWorld) -> None:
    refused = ("debug_traceCall", "eth_createAccessList")
    with serving(ScriptedNode(answers_of(oracle_chain, *refused))) as node:
        bare = traced(oracle_chain, node.url)
    assert bare.checks == ()
    # Without them nothing shows that the one-for-one contract reads no storage.
    assert feed_of(bare, "stETH").leg(Role.ASSET).kind is Kind.OPAQUE
    assert {f.kind for f in bare.findings} == {FindingKind.UNVERIFIED, FindingKind.UNSUPPORTED}
    assert [p.answer_raw for p in bare.prices] == [p.answer_raw for p in traced(oracle_chain).prices]


def test_what_is_no_oracle_or_source_is_refused(oracle_chain: OracleWorld) -> None:
    world = oracle_chain
    chain = Chain(world.chain.node.url)
    block = chain.block("latest")
    with pytest.raises(NotAMarket, match=r"answers no latestAnswer\(\) at block"):
        trace_source(chain, block, world.market.pool.address)
    with pytest.raises(NotAMarket, match="names no price source for any of 15 assets"):
        trace_market(chain, block, world.market.pool.address, assets(world))


def test_an_earlier_block_is_traced_as_it_was(oracle_chain: OracleWorld) -> None:
    world = oracle_chain
    before = world.chain.head().number
    push_price(world.chain, world.feeds["ETH / USD"], 2_000 * 10**8)
    chain = Chain(world.chain.node.url)
    trace = trace_market(chain, chain.block(before), world.market.oracle.address, assets(world)[:1])
    assert (trace.block_number, trace.prices[0].answer_raw) == (before, 2_500 * 10**8)
