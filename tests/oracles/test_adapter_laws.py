"""Laws of composition, held by a graph with every kind of adapter in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from oracles.feed import PriceFeed, fixed_delay
from oracles.graph import Node, OracleGraph
from oracles.sources import FeedSource, Ints, View
from risk.testing.price_paths import PricePath, price_feeds, price_paths
from tests.oracles.mixed import ASSETS, equal, mixed_graph, mixed_market

FEEDS = price_feeds(bounded=False)


def downs(path: PricePath, data: st.DataObject) -> dict[str, Any]:
    n, length = path.raw.shape
    row = st.lists(st.integers(0, 1), min_size=length, max_size=length)
    return {"down": np.array([data.draw(row) for _ in range(n)])}


@given(FEEDS, price_paths(), st.data())
def test_adp_01_a_graph_of_all_kinds_is_the_fold_of_its_moments(
    f: PriceFeed, path: PricePath, data: st.DataObject
) -> None:
    """ADP-01: with every kind of source in it, a path is the fold of its moments, however split."""
    graph, market, inputs = mixed_graph(f), mixed_market(path), downs(path, data)
    whole = graph.propagate(path.time_s, market, inputs=inputs)
    first = {name: values[:, 0] for name, values in inputs.items()}
    state = graph.start(path.time_s[0], market[:, 0], inputs=first)
    cut = data.draw(st.integers(0, len(path.time_s) - 1))
    if cut:
        head = {name: values[:, :cut] for name, values in inputs.items()}
        state, raw = graph.fold(state, path.time_s[:cut], market[:, :cut], inputs=head)
        assert equal(raw, whole[:, :cut])
    for t in range(cut, len(path.time_s)):
        now = {name: values[:, t] for name, values in inputs.items()}
        state, raw = graph.advance(state, path.time_s[t], market[:, t], inputs=now)
        assert equal(raw, whole[:, t])


@given(FEEDS, price_paths(), st.data())
def test_adp_02_no_kind_knows_the_future(f: PriceFeed, path: PricePath, data: st.DataObject) -> None:
    """ADP-02: whatever follows, the answers up to a time stay the same."""
    graph, market, inputs = mixed_graph(f), mixed_market(path), downs(path, data)
    whole = graph.propagate(path.time_s, market, inputs=inputs)
    k = data.draw(st.integers(1, len(path.time_s)))
    changed, other = market.copy(), {"down": inputs["down"].copy()}
    changed[:, k:] *= data.draw(st.sampled_from([0.5, 1.01, 3.0]))
    other["down"][:, k:] = 1 - other["down"][:, k:]
    assert equal(graph.propagate(path.time_s, changed, inputs=other)[:, :k], whole[:, :k])


@given(FEEDS, price_paths(max_times=8), st.randoms())
def test_adp_03_the_order_of_the_nodes_changes_nothing(f: PriceFeed, path: PricePath, random: Any) -> None:
    """ADP-03: nodes may be listed in any order."""
    graph, market = mixed_graph(f), mixed_market(path)
    nodes = list(graph.nodes)
    random.shuffle(nodes)
    shuffled = replace(graph, nodes=tuple(nodes))
    assert equal(shuffled.propagate(path.time_s, market), graph.propagate(path.time_s, market))


@given(FEEDS, price_paths())
def test_adp_04_a_cap_never_raises_a_price(f: PriceFeed, path: PricePath) -> None:
    """ADP-04: capped and discounted prices are at most the price without cap or discount."""
    graph = mixed_graph(replace(f, delay=fixed_delay(0)))
    raw = graph.propagate(path.time_s, mixed_market(path))
    by_name = {asset: raw[..., k].astype(object) for k, asset in enumerate(ASSETS)}
    # The L2 copy is the bare feed while its sequencer is up.
    for capped in ("USDC", "EURC", "PT"):
        assert (by_name[capped] <= by_name["L2"]).all()
    uncapped = by_name["WETH"] * graph_ratio(graph, path) // 10**18
    assert (by_name["wstETH"] <= uncapped).all()


def graph_ratio(graph: OracleGraph, path: PricePath) -> Ints:
    ratio = next(node.source for node in graph.nodes if node.name == "ratio")
    times = path.time_s + graph.epoch_s
    _, values = ratio.fold(None, View(times, np.ones((len(path.raw), len(times), 1))))
    return values.astype(object)


@given(FEEDS, price_paths(max_times=10), st.data())
def test_adp_05_while_the_sequencer_is_down_nothing_moves(
    f: PriceFeed, path: PricePath, data: st.DataObject
) -> None:
    """ADP-05: a feed behind a sequencer keeps its answer while that is down, and is the feed while up."""
    graph, inputs = mixed_graph(f), downs(path, data)
    raw = graph.propagate(path.time_s, mixed_market(path), inputs=inputs)
    free = graph.propagate(path.time_s, mixed_market(path))
    held, feed = raw[..., ASSETS.index("L2")], free[..., ASSETS.index("L2")]
    down = inputs["down"] == 1
    assert (held == feed)[~down].all()
    assert (held[:, 1:] == held[:, :-1])[down[:, 1:]].all()


@given(FEEDS, price_paths(max_scenarios=5), st.data())
def test_adp_06_blocks_are_the_whole(f: PriceFeed, path: PricePath, data: st.DataObject) -> None:
    """ADP-06: blocks of scenarios, one after another, give what all at once give."""
    graph, market, inputs = mixed_graph(f), mixed_market(path), downs(path, data)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(len(market) - 1, 1)), max_size=3)))
    blocks = [b for b in np.split(market, cuts) if len(b)]
    parts = list(graph.propagate_blocks(path.time_s, blocks, inputs=inputs))
    assert equal(np.concatenate(parts), graph.propagate(path.time_s, market, inputs=inputs))


@given(st.integers(1, 10**12), st.integers(0, 10**6))
def test_adp_07_adapters_keep_order(price: int, more: int) -> None:
    """ADP-07: adapters answer a higher price with no lower one (a deviation feed need not)."""
    low, high = (settled_at(raw) for raw in (price, price + more))
    for asset, below, above in zip(ASSETS, low, high, strict=True):
        if asset == "DAI/ETH":  # a price in ETH falls when ETH rises
            assert below >= above
        else:
            assert below <= above


@given(st.integers(1, 10**9), st.integers(1, 1_000))
def test_adp_08_a_price_k_times_as_high(price: int, k: int) -> None:
    """ADP-08: k times the price gives k times the answer and at most k - 1 more, where no cap binds."""
    once, often = settled_at(price), settled_at(price * k)
    for asset in ("WETH", "old wstETH", "stETH", "PT"):
        low, high = once[ASSETS.index(asset)], often[ASSETS.index(asset)]
        assert k * low <= high <= k * low + k - 1


def settled_at(raw: int) -> list[int]:
    feed = PriceFeed("ETH / USD", 8, 5_000_000, 3_600.0, fixed_delay(0))
    market = np.full((1, len(ASSETS)), raw / 10.0**8)
    return [int(x) for x in mixed_graph(feed).settled(market)[0]]


def test_adp_09_a_node_is_evaluated_once_however_many_read_it() -> None:
    """ADP-09: what several sources read is computed once a stretch of time."""

    class Counting(FeedSource):
        calls = 0

        def fold(self, state: Any, view: View) -> Any:
            Counting.calls += 1
            return super().fold(state, view)

    graph = mixed_graph(PriceFeed("ETH / USD", 8, 5_000_000, 3_600.0, fixed_delay(12)))
    nodes = [
        Node(n.name, Counting(n.source.feed, 0), n.children) if isinstance(n.source, FeedSource) else n
        for n in graph.nodes
    ]
    market = np.full((2, 3, len(ASSETS)), 2_000.0)
    raw = replace(graph, nodes=tuple(nodes)).propagate([0, 60, 120], market)
    assert Counting.calls == 1
    assert equal(raw, graph.propagate([0, 60, 120], market))
