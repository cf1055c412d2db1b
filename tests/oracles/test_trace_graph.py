"""Graphs made of traces: what each feed observes, what is an input, and what is refused.

That they answer as the contracts do is held in ``tests/differential/test_oracle_crash.py``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from abis.errors import FeedError
from oracles.levels import Level
from oracles.sources import FeedSource
from oracles.svr import Svr
from oracles.trace_graph import graph_of_trace
from oracles.trace_settings import settings_of
from oracles.traced import (
    FeedSettings,
    Kind,
    RatioCapSettings,
    RatioSettings,
    Role,
    StableCapSettings,
    Trace,
    TracedFeed,
    TracedPrice,
)

NOW_S = 1_750_000_000
USD = 10**8
WAD = 10**18


def address(k: int) -> str:
    return f"0x{k:040x}"


def chainlink(k: int, name: str, answer_raw: int, decimals: int = 8, kind: Kind = Kind.FEED) -> TracedFeed:
    aggregator = address(100 + k)
    settings = FeedSettings(aggregator, (aggregator,), 1, 10**30, cutoff_s=45)
    return TracedFeed(address(k), kind, name, decimals, answer_raw, NOW_S, settings)


def ratio_cap(k: int, base: TracedFeed, ratio: TracedFeed) -> TracedFeed:
    settings = RatioCapSettings(18, 2 * WAD, NOW_S - 86_400, 1_000, True, None, None)
    legs = ((Role.RATIO, ratio), (Role.BASE, base))
    return TracedFeed(address(k), Kind.RATIO_CAP, "cap", 8, 1, settings=settings, legs=legs)


def stable_cap(k: int, asset: TracedFeed) -> TracedFeed:
    settings = StableCapSettings(104_000_000)
    return TracedFeed(
        address(k), Kind.STABLE_CAP, "cap", 8, 1, settings=settings, legs=((Role.ASSET, asset),)
    )


def provider(k: int, answer_raw: int) -> TracedFeed:
    return TracedFeed(address(k), Kind.RATIO, "", 18, answer_raw, settings=RatioSettings("getExchangeRate()"))


def trace(**sources: TracedFeed | None) -> Trace:
    prices = tuple(
        TracedPrice("", symbol, feed and feed.answer_raw, feed) for symbol, feed in sources.items()
    )
    return Trace(1, 7, "0x07", NOW_S, "", prices)


def node(graph: object, name: str) -> object:
    [found] = [n.source for n in graph.nodes if n.name == name]
    return found


ETH = chainlink(1, "ETH / USD", 2_500 * USD)
USDT = chainlink(2, "USDT / USD", USD)
RATE = chainlink(3, "weETH / eETH Exchange Rate", 1_069 * 10**15, 18)


def test_feeds_observe_the_asset_they_are_named_after() -> None:
    # The longer name comes first and does not count; USDe reads the feed of another asset.
    whole = trace(ezETH=ETH, WETH=ETH, USDe=stable_cap(5, USDT), USDT=stable_cap(5, USDT))
    graph = graph_of_trace(whole, settings_of(whole, {}), epoch_s=NOW_S)
    assert graph.assets == ("ezETH", "WETH", "USDe", "USDT")
    assert graph.price_of == (address(1), address(1), address(5), address(5))
    assert {n.source.reads for n in graph.nodes if isinstance(n.source, FeedSource)} == {(1,), (3,)}
    # A jump of WETH moves both its readers; ezETH's and USDe's own markets are read by nobody.
    after = [100, 2_000, 0.5, 1.5]
    market = np.array([[[2_500, 2_500, 1, 1], after, after]], dtype=float)
    got = graph.propagate([0, 600, 1_200], market)[0, -1]
    assert got.tolist() == [2_000 * USD, 2_000 * USD, 104_000_000, 104_000_000]


def test_what_no_asset_shows_is_an_input_at_its_answer() -> None:
    only = trace(USDe=stable_cap(5, USDT))
    graph = graph_of_trace(only, settings_of(only, {}))
    assert node(graph, f"{address(2)} market") == Level(8, USD)
    assert graph.propagate([NOW_S, NOW_S + 600], [[[1.0], [0.2]]])[0].tolist() == [[USD], [USD]]
    path = {f"{address(2)} market": [USD, 90_000_000, 90_000_000]}
    moved = graph.propagate([NOW_S, NOW_S + 600, NOW_S + 1_200], np.ones((1, 3, 1)), inputs=path)
    assert moved[0, -1].tolist() == [90_000_000]
    told = graph_of_trace(only, settings_of(only, {}), observes={address(2): "USDe"})
    assert node(told, address(2)).reads == (0,)


def test_a_provider_of_two_caps_is_an_input_of_each() -> None:
    both = trace(
        A=ratio_cap(10, ETH, provider(9, 2 * WAD)), B=ratio_cap(11, ETH, provider(9, 3 * WAD)), WETH=ETH
    )
    graph = graph_of_trace(both, settings_of(both, {}))
    assert node(graph, f"{address(10)} ratio") == Level(18, 2 * WAD)
    at = [NOW_S]
    prices = graph.propagate(at, [[[1.0, 1.0, 1_000.0]]])[0, 0].tolist()
    capped = 2 * WAD + (2 * WAD * 1_000 * 10**6 // 10_000 // 31_536_000) * 86_400 // 10**6
    assert prices == [2_000 * USD, 1_000 * USD * capped // WAD, 1_000 * USD]


def test_an_exchange_rate_feed_is_read_as_a_feed() -> None:
    whole = trace(weETH=ratio_cap(10, ETH, RATE), WETH=ETH)
    graph = graph_of_trace(whole, settings_of(whole, {}))
    assert node(graph, address(3)).takes == (18,)
    assert graph.propagate([NOW_S], [[[1.0, 1_000.0]]])[0, 0].tolist() == [1_069 * USD, 1_000 * USD]


def test_an_svr_feed_is_a_standard_feed_seen_after_its_cutoff() -> None:
    link = chainlink(4, "LINK / USD", 14 * USD, kind=Kind.SVR_FEED)
    whole = trace(LINK=link)
    graph = graph_of_trace(whole, settings_of(whole, {}))
    assert node(graph, address(4)) == Svr(8, 45, None, True)
    assert isinstance(node(graph, f"{address(4)} standard"), FeedSource)
    unknown = replace(link, settings=replace(link.settings, cutoff_s=None))
    graph = graph_of_trace(trace(LINK=unknown), settings_of(trace(LINK=unknown), {}))
    assert "cut-off of 60 s is assumed" in " ".join(f.message for f in graph.findings())


def test_assets_of_one_symbol_are_told_apart_by_address() -> None:
    prices = [
        TracedPrice(address(k), symbol, 1, ETH) for k, symbol in ((20, "ETH"), (21, "ETH"), (22, "WETH"))
    ]
    whole = replace(trace(), prices=tuple(prices))
    graph = graph_of_trace(whole, settings_of(whole, {}))
    assert graph.assets == (address(20), address(21), "WETH")
    assert node(graph, address(1)).reads == (2,)


@pytest.mark.parametrize(
    ("source", "observes", "says"),
    [
        (TracedFeed(address(8), Kind.OPAQUE, "", 8, 5), {}, "makes its price is not known"),
        (stable_cap(5, TracedFeed(address(8), Kind.OPAQUE, "", 8, 5)), {}, "makes its price is not known"),
        (TracedFeed(address(8), Kind.CONSTANT, "", None, 5), {}, "does not say its decimals"),
        (TracedFeed(address(8), Kind.FIXED, "", 8, None), {}, "answers None"),
        (None, {}, "X has no price source"),
        (ETH, {address(1): "Y"}, "observes 'Y', but the trace has no such feed or asset"),
        (ETH, {address(2): "X"}, "the trace has no such feed or asset"),
    ],
)
def test_what_cannot_follow_a_market_is_refused(
    source: TracedFeed | None, observes: dict[str, str], says: str
) -> None:
    with pytest.raises(FeedError, match=says):
        graph_of_trace(trace(X=source), settings_of(trace(X=source), {}), observes=observes)
