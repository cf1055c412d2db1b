from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles import chainlink
from oracles.feed import PriceFeed, fixed_delay
from oracles.graph import Node, OracleGraph, graph_of
from oracles.sources import FeedSource
from risk.testing.price_paths import PricePath, price_feeds, price_paths
from tests.oracles.mixed import mixed_graph
from tests.oracles.test_feed import feed

ASSETS = ("WETH", "USDT", "USDe")


def shared(f: PriceFeed) -> OracleGraph:
    """WETH on its own feed; USDe reads the USDT feed."""
    usdt = replace(f, description="USDT / USD")
    nodes = (Node("weth", FeedSource(f, 0)), Node("usdt", FeedSource(usdt, 1)))
    return OracleGraph(ASSETS, nodes, ("weth", "usdt", "usdt"))


def market(path: PricePath) -> Any:
    return np.stack([path.price, path.price / 2, path.price * 3], axis=-1)


@given(price_feeds(bounded=False), price_paths())
def test_orc_13_assets_that_share_a_feed_move_at_the_same_update(f: PriceFeed, path: PricePath) -> None:
    graph = shared(f)
    raw = graph.propagate(path.time_s, market(path))
    assert raw.shape == (*path.raw.shape, 3)
    assert np.array_equal(raw[..., 1], raw[..., 2])
    assert np.array_equal(raw[..., 0], chainlink.propagate(f, path.time_s, path.price))
    assert np.array_equal(raw[..., 1], chainlink.propagate(f, path.time_s, path.price / 2))


@given(price_feeds(bounded=False), price_paths())
def test_orc_02_the_graph_too_is_the_fold_of_its_moments(f: PriceFeed, path: PricePath) -> None:
    graph, prices = shared(f), market(path)
    state = graph.start(path.time_s[0], prices[:, 0])
    whole = graph.propagate(path.time_s, prices, state)
    for t, now in enumerate(path.time_s):
        state, raw = graph.advance(state, float(now), prices[:, t])
        assert np.array_equal(raw, whole[:, t])


@given(price_feeds(bounded=False), price_paths(), st.integers(1, 7), st.data())
def test_orc_14_a_minority_of_venues_moves_nothing(
    f: PriceFeed, path: PricePath, venues: int, data: st.DataObject
) -> None:
    graph, prices = shared(f), market(path)
    everywhere = np.repeat(prices[:, :, None], venues, axis=2)
    broken = data.draw(st.sets(st.integers(0, venues - 1), max_size=(venues - 1) // 2))
    for venue in broken:
        everywhere[:, :, venue] *= data.draw(st.sampled_from([0.01, 0.9, 1.1, 100.0]))
    assert np.array_equal(graph.propagate(path.time_s, everywhere), graph.propagate(path.time_s, prices))


@given(price_feeds(bounded=False), price_paths(max_scenarios=4), st.data())
def test_orc_09_blocks_of_scenarios_draw_the_delays_of_the_whole(
    f: PriceFeed, path: PricePath, data: st.DataObject
) -> None:
    graph, prices = shared(f), market(path)
    cut = data.draw(st.integers(0, len(prices) - 1))
    block = graph.propagate(path.time_s, prices[cut:], first_scenario=cut)
    assert np.array_equal(block, graph.propagate(path.time_s, prices)[cut:])


def test_settled_rounds_each_asset_to_its_feed_and_freezes_where_it_must() -> None:
    weth = feed(min_answer_raw=10 * 10**8)
    nodes = (Node("weth", FeedSource(weth, 0)), Node("usdt", FeedSource(feed(decimals=6), 1)))
    graph = OracleGraph(("WETH", "USDT"), nodes, ("weth", "usdt"))
    assert graph.decimals == (8, 6)
    assert graph.settled([[2_000.5, 0.97]]).tolist() == [[200_050_000_000, 970_000]]
    assert graph.settled([[5.0, 0.97]], last_raw=[11, 12]).tolist() == [[11, 970_000]]
    with pytest.raises(FeedError, match="freezes"):
        graph.settled([[5.0, 0.97]])
    venues = [[[2_000.0, 1.0], [1_000.0, 1.0], [2_001.0, 1.0]]]
    assert graph.settled(venues).tolist() == [[200_000_000_000, 1_000_000]]


def test_a_graph_is_built_from_descriptions_and_unknown_feeds_are_assumed() -> None:
    graph = graph_of(
        ["USDe", "WETH", "USDT", "DOGE"],
        ["USDT / USD", "ETH / USD", "USDT / USD", " "],
        reads={"USDT / USD": "USDT"},
    )
    assert [n.name for n in graph.nodes] == ["USDT / USD", "ETH / USD", "unknown feed of DOGE"]
    assert graph.price_of == ("USDT / USD", "ETH / USD", "USDT / USD", "unknown feed of DOGE")
    assert [s.reads for s in graph.sources] == [(2,), (1,), (3,)]
    assumed = [f.subject for f in graph.findings()]
    assert assumed.count("unknown feed of DOGE") == 3
    assert assumed.count("ETH / USD") == 1  # its delay
    settled = graph.settled([[0.9, 2_000.0, 1.0, 0.1]])
    assert settled.tolist() == [[10**8, 2_000 * 10**8, 10**8, 10**7]]


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: OracleGraph((), (), ()), "0 assets"),
        (lambda: OracleGraph(("A",), (Node("f", FeedSource(feed(), 0)),), ("f", "f")), "2 price sources"),
        (lambda: OracleGraph(("A",), (Node("f", FeedSource(feed(), 0)),), ("g",)), "priced by 'g'"),
        (lambda: OracleGraph(("A",), (Node("f", FeedSource(feed(), 1)),), ("f",)), "reads columns"),
        (lambda: graph_of(["A", "B"], ["ETH / USD"]), "1 descriptions"),
        (lambda: graph_of(["A", "B"], ["ETH / USD"] * 2, [8, 6]), "8 and 6|6 and 8"),
        (lambda: graph_of(["A"], ["ETH / USD"], reads={"BTC / USD": "A"}), "no such feed"),
    ],
)
def test_impossible_graphs_are_refused(make: Any, named: str) -> None:
    with pytest.raises(FeedError, match=named):
        make()


def test_prices_that_do_not_fit_are_refused() -> None:
    graph = shared(feed(delay=fixed_delay(0)))
    with pytest.raises(FeedError, match=r"shape \(1, 2\) for 3 assets"):
        graph.settled([[1.0, 1.0]])
    bad = np.ones((1, 2, 3, 3))
    bad[0, 1, 2, 1] = np.nan
    with pytest.raises(FeedError, match="'USDT' has an impossible price on venue 2"):
        graph.propagate([0, 1], bad)


def test_a_block_takes_no_more_memory_than_was_asked_for() -> None:
    mixed, times, limit = mixed_graph(feed()), np.arange(720) * 60.0, 16 * 2**20
    wide = {"share", "assets", "supply", "vault"}  # Python integers have no stated size
    nodes = tuple(n for n in mixed.nodes if n.name not in wide)
    assets = tuple(k for k, name in enumerate(mixed.price_of) if name not in wide)
    read = tuple(mixed.price_of[k] for k in assets)
    narrow = OracleGraph(tuple(mixed.assets[k] for k in assets), nodes, read, mixed.epoch_s)
    size = narrow.scenarios_within(limit, len(times))
    assert size > 10
    blocks = (np.full((size, len(times), len(assets)), 2_000.0) for _ in range(3))
    narrow.propagate(times[:2], np.full((1, 2, len(assets)), 2_000.0))  # compile before it counts
    tracemalloc.start()
    try:
        for raw in narrow.propagate_blocks(times, blocks):
            assert raw.shape == (size, len(times), len(assets))
        assert limit / 3 < tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()
    with pytest.raises(FeedError, match="1000 bytes hold no scenario of 720 moments"):
        narrow.scenarios_within(1_000, 720)
