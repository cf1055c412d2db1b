"""Paths, prices and graphs that cannot be: one clear error each, for every kind alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, settings

from abis.errors import FeedError
from oracles.caps import CapParameters, RatioCap
from oracles.feed import PriceFeed, fixed_delay
from oracles.graph import Node, OracleGraph, graph_of
from oracles.levels import Level
from oracles.redstone import push_feed
from oracles.sources import FeedSource
from oracles.stable_caps import StableCap
from oracles.twap import TwapPool
from risk.testing.price_paths import PricePath
from tests.oracles.every_kind import KINDS, Case, EveryKind, case_of, graph_of_kind
from tests.oracles.test_feed import feed

PATH = PricePath(np.array([0.0, 60.0, 120.0]), np.array([[2, 3, 4], [4, 3, 2]]) * 10**8)
ALL = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())


def case(kind: EveryKind) -> Case:
    """Return the simplest example of a kind."""
    return case_of(graph_of_kind(*first_of(kind)), PATH)


def first_of(kind: EveryKind) -> Any:
    quick = settings(
        max_examples=10, phases=[Phase.generate], derandomize=True, suppress_health_check=list(HealthCheck)
    )
    return find(kind.sources, lambda _: True, settings=quick)


@ALL
@pytest.mark.parametrize(
    ("time_s", "named"),
    [
        ([0.0, 60.0, 59.0], "59.0 at index 2 goes backwards"),
        ([0.0, np.nan, 120.0], "nan at index 1"),
        ([0.0, 60.0, np.inf], "inf at index 2"),
    ],
)
def test_times_that_go_backwards_are_refused(kind: EveryKind, time_s: list[float], named: str) -> None:
    bad = case(kind)
    with pytest.raises(FeedError, match=named.replace("59.0", r"[\d.]*")):
        replace(bad, time_s=np.array(time_s)).answers()
    state = bad.graph.start(60.0, bad.market[:, 0])
    with pytest.raises(FeedError, match="goes backwards"):
        bad.graph.advance(state, 59.0, bad.market[:, 0])


@ALL
@pytest.mark.parametrize("price", [0.0, -1.0, np.nan, np.inf])
def test_impossible_prices_are_refused_wherever_they_are_read(kind: EveryKind, price: float) -> None:
    bad = case(kind)
    market = bad.market[:, :, 1].copy()
    market[1, 2] = price
    if bad.source.reads:
        with pytest.raises(FeedError, match=r"impossible"):
            bad.graph.propagate(bad.time_s, market, inputs=bad.inputs)
    else:
        # It looks at no market: nothing it says may change.
        raw = bad.graph.propagate(bad.time_s, market, inputs=bad.inputs)
        assert (raw[..., 0].astype(object) == bad.answers()).all()


@ALL
def test_negative_and_broken_inputs_are_refused(kind: EveryKind) -> None:
    bad = case(kind)
    for name in bad.inputs:
        for values, named in (
            (-PATH.raw, f"{name!r} falls below 0"),
            (PATH.raw[:, :2], f"{name!r} of shape"),
            (PATH.price, "whole numbers"),
        ):
            with pytest.raises(FeedError, match=named):
                replace(bad, inputs=bad.inputs | {name: values}).answers()
    with pytest.raises(FeedError, match="'nobody' is no input"):
        replace(bad, inputs=bad.inputs | {"nobody": PATH.raw}).answers()


def capped(name: str, reads: str) -> Node:
    return Node(name, StableCap(8, 10**8), (reads,))


LEAF = Node("leaf", Level(8, 10**8))
ETH = Node("eth", FeedSource(feed(), 0))


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: graph(capped("a", "b"), capped("b", "c"), capped("c", "a"), LEAF), "loop: (a|b|c) -> "),
        (lambda: graph(capped("a", "a")), "loop: a -> a"),
        (lambda: graph(capped("a", "ghost")), "'a' reads 'ghost'"),
        (lambda: graph(LEAF, LEAF), "two sources are called 'leaf'"),
        (lambda: graph(ETH, price="DOGE / USD"), "'WETH' is priced by 'DOGE / USD'"),
        (lambda: graph(ETH, LEAF), "'leaf' is read by nobody"),
        (lambda: graph(Node("eth", FeedSource(feed(), 4))), r"reads columns \(4,\)"),
        (lambda: graph(Node("a", StableCap(6, 1), ("eth",)), ETH), "takes 6 decimals where 'eth' has 8"),
        (lambda: graph(Node("a", StableCap(8, 1)), ETH), "reads 0 sources and takes 1"),
        (lambda: graph_of(["WETH"], ["ETH / USD"], reads={"ETH / USD": "DOGE"}), "observes 'DOGE'"),
    ],
)
def test_impossible_graphs_are_refused(make: Any, named: str) -> None:
    with pytest.raises(FeedError, match=named):
        make()


def graph(*nodes: Node, price: str | None = None) -> OracleGraph:
    return OracleGraph(("WETH",), nodes, (price or nodes[0].name,))


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: PriceFeed("", 8, 1, 1.0, fixed_delay(0)), "without a description"),
        (lambda: feed(deviation_ppb=0), "deviation of 0"),
        (lambda: feed(heartbeat_s=float("nan")), "heartbeat of nan"),
        (lambda: fixed_delay(float("nan")), "delay nan"),
        (lambda: push_feed("DOGE / USD"), "no published deviation"),
        (lambda: TwapPool("A / B", 18, 6, 8, window_s=0), "window of 0"),
        (lambda: Level(18, 10**18, 300), "no stated time"),
        (lambda: CapParameters(1, -1, 0), "snapshot time"),
    ],
)
def test_missing_and_impossible_settings_are_refused(make: Any, named: str) -> None:
    with pytest.raises(FeedError, match=named):
        make()


def test_a_graph_without_its_epoch_is_told_what_is_missing() -> None:
    """A cap read on a clock that starts at 0 lies before its own snapshot."""
    cap = RatioCap(8, 18, CapParameters(10**18, 1_700_000_000, 300))
    nodes = (Node("a", cap, ("leaf", "ratio")), LEAF, Node("ratio", Level(18, 10**18)))
    with pytest.raises(FeedError, match="epoch_s"):
        graph(*nodes).propagate([0.0], np.ones((1, 1, 1)))


def test_errors_carry_the_remedy() -> None:
    with pytest.raises(FeedError) as caught:
        graph(capped("a", "ghost"), LEAF)
    assert "name one of a, leaf" in str(caught.value)
