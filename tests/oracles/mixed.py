"""A graph with every kind of adapter in it, for laws that hold of all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oracles.caps import CapParameters, GrowthScale, RatioCap
from oracles.feed import PriceFeed
from oracles.fixed import FixedPrice
from oracles.graph import Node, OracleGraph
from oracles.levels import Level
from oracles.morpho import MorphoOracle, Side
from oracles.observers import one_venue_each
from oracles.pendle import PendleDiscount
from oracles.phases import Phases
from oracles.ratios import ShareValue, TimesRatio
from oracles.sequencer import HeldWhileDown
from oracles.sources import FeedSource
from oracles.stable_caps import EurCap, StableCap
from oracles.svr import Svr
from oracles.synchronicity import BaseToPeg, PegToBase
from risk.testing.price_paths import PricePath

EPOCH_S = 1_700_000_000
RATIO = 1_150_000_000_000_000_000
ASSETS = (
    "WETH",
    "wstETH",
    "old wstETH",
    "stETH",
    "USDC",
    "EURC",
    "PT",
    "DAI/ETH",
    "GHO",
    "vault",
    "L2",
    "new",
)

NODES = (
    ("eth", FeedSource, ()),
    ("steth", Level(18, 999 * 10**15, -50, EPOCH_S), ()),
    ("ratio", Level(18, RATIO, 300, EPOCH_S, 600), ()),
    ("assets", Level(18, 10**25, 500, EPOCH_S), ()),
    ("supply", Level(18, 9 * 10**24), ()),
    ("eur", Level(8, 108_000_000), ()),
    ("down", Level(0, 0), ()),
    ("svr", Svr(8, 300), ("eth",)),
    (
        "wsteth",
        RatioCap(8, 18, CapParameters(RATIO, EPOCH_S - 86_400, 200), GrowthScale.MILLIONTH),
        ("svr", "ratio"),
    ),
    ("old wsteth", TimesRatio(8, 18), ("eth", "ratio")),
    ("steth usd", PegToBase(8, 18, 8), ("steth", "eth")),
    ("usdc", StableCap(8, 2_000 * 10**8), ("eth",)),
    ("eurc", EurCap(8, 3_000 * 10**8, 8), ("eth", "eur")),
    ("pt", PendleDiscount(8, EPOCH_S + 90 * 86_400, 2 * 10**17), ("eth",)),
    ("dai eth", BaseToPeg(18, 8), ("gho", "eth")),
    ("gho", FixedPrice(8, 10**8), ()),
    ("share", ShareValue(18, 10**18, 1, 1), ("assets", "supply")),
    ("vault", MorphoOracle(Side(18, (8,), 10**18), Side(6, (8,))), ("share", "eth", "gho")),
    ("l2", HeldWhileDown(8), ("eth", "down")),
    ("new", Phases(8, (EPOCH_S + 2_000,)), ("eth", "svr")),
)
PRICE_OF = (
    *("svr", "wsteth", "old wsteth", "steth usd", "usdc", "eurc", "pt", "dai eth", "gho", "vault", "l2"),
    "new",
)


def mixed_graph(feed: PriceFeed) -> OracleGraph:
    """Return a graph of `ASSETS` in which all but constants hang on one feed of column 0."""
    observed = FeedSource(replace(feed, description="ETH / USD"), 0, observers=one_venue_each((2, 1, 2)))
    nodes = (
        Node(name, observed if source is FeedSource else source, children)  # type: ignore[arg-type]
        for name, source, children in NODES
    )
    return OracleGraph(ASSETS, tuple(nodes), PRICE_OF, epoch_s=EPOCH_S)


def mixed_market(path: PricePath) -> NDArray[np.float64]:
    """Return the path as the market of every asset; only the first is looked at."""
    return np.repeat(path.price[:, :, None], len(ASSETS), axis=2)


def equal(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Return whether two arrays hold the same integers, narrow or wide."""
    return a.shape == b.shape and bool((a.astype(object) == b.astype(object)).all())
