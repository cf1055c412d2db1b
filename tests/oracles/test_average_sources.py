"""Averages, delays and choices as nodes: the graph runs the same maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from abis.errors import FeedError
from oracles import chainlink, osm, pyth
from oracles.anchored import Anchor
from oracles.average_sources import AnchoredSource, CurveSource, OsmSource, Pair, PythSource, TwapSource
from oracles.curve_ema import CurvePool
from oracles.graph import Node, OracleGraph
from oracles.levels import Level
from oracles.osm import Osm
from oracles.pyth import Choice, PythFeed
from oracles.sources import FeedSource
from oracles.twap import TwapPool
from risk.testing.price_paths import PricePath, price_paths
from tests.oracles.test_feed import feed

ASSETS = ("WETH", "USDC", "DAI", "USDe", "BTC")
POOL = TwapPool("WETH / USDC", base_decimals=18, quote_decimals=6, decimals=8)
MODULE = Osm("ETH / USD", hop_s=600)
FEED = feed(decimals=8)
SIGNED = PythFeed("BTC / USD", max_age_s=600, confidence_multiple=-1, choice=Choice.LOWEST)

GRAPH = OracleGraph(
    ASSETS,
    (
        Node("delayed", OsmSource(MODULE, 8), ("eth",)),
        Node("eth", FeedSource(FEED, 0)),
        Node("usdc", FeedSource(feed(decimals=8), 1)),
        Node("anchored", AnchoredSource(Anchor("ETH"), 8), ("eth", "mean")),
        Node("mean", TwapSource(POOL, Pair(0, 1))),
        Node("average", CurveSource(CurvePool("USDe / USDC"), Pair(3, 1))),
        Node("signed", PythSource(SIGNED, Pair(4), confidence_decimals=8), ("confidence",)),
        Node("confidence", Level(8, 10**6)),
    ),
    ("delayed", "usdc", "anchored", "average", "signed"),
)


def market(path: PricePath) -> Any:
    return np.stack(
        [path.price, np.ones_like(path.price), path.price, path.price / 1e4, path.price * 2], axis=-1
    )


@given(price_paths())
def test_avg_02_nodes_are_folds_of_their_moments(path: PricePath) -> None:
    prices = market(path)
    state = GRAPH.start(path.time_s[0], prices[:, 0])
    whole = GRAPH.propagate(path.time_s, prices, state)
    for t, now in enumerate(path.time_s):
        state, raw = GRAPH.advance(state, float(now), prices[:, t])
        assert np.array_equal(raw, whole[:, t])


@given(price_paths())
def test_a_node_says_what_its_map_says(path: PricePath) -> None:
    raw = GRAPH.propagate(path.time_s, market(path))
    eth = chainlink.propagate(FEED, path.time_s, path.price)
    start = osm.start(MODULE, path.time_s[0], eth[:, 0])
    assert np.array_equal(raw[..., 0], osm.fold(MODULE, start, path.time_s, eth)[1])
    conf = np.full_like(path.price, 0.01)
    first = pyth.start(SIGNED, path.time_s[0], path.price[:, 0] * 2, conf[:, 0])
    assert np.array_equal(raw[..., 4], pyth.fold(SIGNED, first, path.time_s, path.price * 2, conf)[1])


def test_where_all_of_them_settle() -> None:
    prices = np.array([[2_000.0, 1.0, 1.0, 0.99, 60_000.0]])
    raw = GRAPH.settled(prices)[0]
    assert raw.tolist() == [2_000 * 10**8, 10**8, 2_000 * 10**8, 99 * 10**16, 60_000 * 10**8 - 10**6]


def test_a_quote_that_is_none_is_refused() -> None:
    with pytest.raises(FeedError, match=r"quote price 0\.0 in column 1"):
        OracleGraph(("A", "B"), (Node("m", TwapSource(POOL, Pair(0, 1))),), ("m", "m")).settled([[1.0, 0.0]])


def test_impossible_decimals_are_refused() -> None:
    for source in (OsmSource, AnchoredSource):
        settings: Any = MODULE if source is OsmSource else Anchor("ETH")
        with pytest.raises(FeedError, match="19 decimals"):
            source(settings, 19)
