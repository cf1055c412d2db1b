"""Every kind of source as a small graph, so that a law is written once for all of them.

What adapters read is an input named ``feed``, so that a law speaks of the adapter and not of the
feed below it; what observes the market sees the same path in column 0, on three venues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from abis.units import YEAR_S
from oracles.anchored import Anchor
from oracles.average_sources import (
    AnchoredSource,
    CurveSource,
    LaggingMeanSource,
    OsmSource,
    Pair,
    PythSource,
    TwapSource,
)
from oracles.caps import CapParameters, GrowthScale, RatioCap
from oracles.curve_ema import CurvePool
from oracles.fixed import FixedPrice
from oracles.graph import Node, OracleGraph
from oracles.lagging_mean import LaggingMean
from oracles.levels import Level
from oracles.morpho import MorphoOracle, Side
from oracles.observers import one_venue_each
from oracles.osm import Osm
from oracles.pendle import PendleDiscount
from oracles.phases import Phases
from oracles.pyth import Choice, PythFeed
from oracles.ratios import ShareValue, TimesRatio
from oracles.redstone import push_feed
from oracles.sequencer import HeldWhileDown
from oracles.sources import FeedSource, PriceSource
from oracles.stable_caps import EurCap, StableCap
from oracles.svr import Svr
from oracles.synchronicity import BaseToPeg, PegToBase
from oracles.twap import TwapPool
from risk.testing.price_paths import MAX_RAW, MIN_RAW, PricePath, delays, price_feeds

EPOCH_S = 1_700_000_000
VENUES = np.array([0.99, 1.0, 1.001])  # the upper median is the path itself
QUOTE = 1.0
DIM = 1 / 500_000  # for the pool whose answers have 18 decimals
WAD = 10**18

Ints = NDArray[Any]


@dataclass(frozen=True)
class EveryKind:
    """A kind and what may be asked of it.

    ``memory_s`` is how far back an answer may come from, None without a limit; ``deviation``
    how far it may be from all of that.  ``degree`` says what k times the prices do: 1 for k
    times the answer, -1 for a k-th, 0 for nothing.  ``inexact`` is the relative slack of floats
    and ticks.
    """

    sources: st.SearchStrategy[tuple[PriceSource, tuple[str, ...]]]
    ordered: bool = True
    degree: int = 1
    memory_s: Callable[[Any], float | None] = lambda source: 0.0
    inexact: float = 0.0


def just(source: PriceSource, *children: str) -> st.SearchStrategy[tuple[PriceSource, tuple[str, ...]]]:
    return st.just((source, children))


def built(kind: Any, *children: str, **settings: Any) -> st.SearchStrategy[Any]:
    return st.builds(kind, **settings).map(lambda source: (source, children))


def observed(feeds: st.SearchStrategy[Any], **settings: Any) -> st.SearchStrategy[Any]:
    return feeds.map(lambda feed: (FeedSource(feed, 0, **settings), ()))


def of_pair(kind: Any, settings: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return settings.map(lambda each: (kind(each, Pair(0, 1)), ()))


def two_delays(source: FeedSource) -> float:
    return 2 * source.feed.delay.longest_s


PUSHED = st.builds(
    push_feed,
    st.just("weETH / USD"),
    deviation_bps=st.integers(5, 200),
    interval_s=st.integers(60, 7_200),
    delay=delays(),
)
CAPS = st.builds(CapParameters, st.integers(WAD, 2 * WAD), st.integers(0, EPOCH_S), st.integers(0, 5_000))
HOPS = st.integers(1, 4_000)

KINDS: dict[str, EveryKind] = {
    "chainlink": EveryKind(observed(price_feeds(bounded=False)), False, memory_s=two_delays),
    "chainlink by venue": EveryKind(
        observed(price_feeds(bounded=False), observers=one_venue_each((1, 3, 1))), False, memory_s=two_delays
    ),
    "redstone push": EveryKind(observed(PUSHED), False, memory_s=two_delays),
    "svr": EveryKind(
        built(
            Svr,
            "feed",
            decimals=st.just(8),
            cutoff_s=st.integers(0, 2_000),
            delivered_after_s=st.none() | st.integers(0, 2_000),
        ),
        memory_s=lambda source: source.cutoff_s + 1,
    ),
    "phases": EveryKind(
        built(Phases, "feed", "other", decimals=st.just(8), changes_at_s=st.just((EPOCH_S + 500_000,)))
    ),
    "sequencer": EveryKind(just(HeldWhileDown(8), "feed", "down")),
    "ratio cap": EveryKind(
        built(
            RatioCap,
            "feed",
            "ratio",
            decimals=st.just(8),
            ratio_decimals=st.just(18),
            cap=CAPS,
            scale=st.sampled_from(GrowthScale),
        )
    ),
    "times ratio": EveryKind(just(TimesRatio(8, 18), "feed", "ratio")),
    "stable cap": EveryKind(
        built(StableCap, "feed", decimals=st.just(8), cap_raw=st.integers(MIN_RAW, MAX_RAW))
    ),
    "euro cap": EveryKind(
        built(
            EurCap,
            "feed",
            "other",
            decimals=st.just(8),
            cap_ratio_raw=st.integers(10**6, 10**9),
            ratio_decimals=st.just(8),
        )
    ),
    "pendle": EveryKind(
        built(
            PendleDiscount,
            "feed",
            decimals=st.just(8),
            maturity_s=st.integers(EPOCH_S, EPOCH_S + YEAR_S),
            rate_wad=st.integers(0, WAD),
        )
    ),
    "peg to base": EveryKind(just(PegToBase(8, 18, 8), "ratio", "feed")),
    "base to peg": EveryKind(just(BaseToPeg(18, 8), "other", "feed"), degree=-1),
    "morpho": EveryKind(just(MorphoOracle(Side(18, (8,), WAD), Side(6, (8,))), "ratio", "feed", "one")),
    "fixed": EveryKind(just(FixedPrice(8, 10**8)), degree=0),
    "level": EveryKind(just(Level(18, WAD, 300, EPOCH_S, 600)), degree=0),
    "shares": EveryKind(just(ShareValue(18, WAD, 1, 1), "ratio", "supply"), degree=0),
    "twap": EveryKind(
        of_pair(
            TwapSource,
            st.builds(TwapPool, st.just("A / B"), *map(st.just, (18, 6, 8)), st.integers(1, 3_600)),
        ),
        memory_s=lambda source: source.pool.window_s + 1,
        inexact=2e-3,
    ),
    "lagging mean": EveryKind(
        of_pair(LaggingMeanSource, st.builds(LaggingMean, st.just("A / B"), period_s=st.integers(1, 3_600))),
        memory_s=lambda source: 2 * (source.mean.period_s + 900),
        inexact=1e-3,
    ),
    "curve": EveryKind(
        st.builds(CurvePool, st.just("A / B"), st.integers(1, 5_000), st.none()).map(
            lambda pool: (CurveSource(pool, Pair(2, 1)), ())
        ),
        memory_s=lambda source: None,
        inexact=1e-9,
    ),
    "osm": EveryKind(
        HOPS.flatmap(lambda hop: st.builds(Osm, st.just("A"), st.just(hop), st.integers(0, hop - 1))).map(
            lambda module: (OsmSource(module, 8), ("feed",))
        ),
        memory_s=lambda source: 2 * source.module.hop_s + source.module.poke_delay_s + 1,
    ),
    "pyth": EveryKind(
        of_pair(
            PythSource,
            st.builds(
                PythFeed,
                st.just("A / B"),
                max_age_s=st.integers(0, 2_000),
                post_every_s=st.none() | st.integers(0, 3_000),
                choice=st.sampled_from([Choice.LOWEST, Choice.HIGHEST]),
            ),
        ),
        memory_s=lambda source: source.feed.max_age_s + 1,
    ),
    "anchored": EveryKind(
        built(
            AnchoredSource,
            "feed",
            "other",
            anchor=st.builds(Anchor, st.just("A"), st.integers(10**12, 3 * 10**17)),
            decimals=st.just(8),
        ),
        False,
        memory_s=lambda source: None,
    ),
}

LEVELS: dict[str, Level] = {
    "feed": Level(8, 10**8),
    "other": Level(8, 10**8),
    "one": Level(8, 10**8),
    "ratio": Level(18, 115 * 10**16, 300, EPOCH_S),
    "supply": Level(18, WAD),
    "down": Level(0, 0),
}


@dataclass(frozen=True, eq=False)
class Case:
    """A graph of one kind over a market."""

    graph: OracleGraph
    time_s: NDArray[np.float64]
    market: NDArray[np.float64]
    inputs: dict[str, Ints]

    @property
    def source(self) -> Any:
        return next(node.source for node in self.graph.nodes if node.name == "price")

    def answers(self) -> Ints:
        raw = self.graph.propagate(self.time_s, self.market, inputs=self.inputs)
        return np.asarray(raw[..., 0].astype(object))

    def part(self, begin: int, end: int) -> Case:
        cut = {name: path[:, begin:end] for name, path in self.inputs.items()}
        return replace(self, time_s=self.time_s[begin:end], market=self.market[:, begin:end], inputs=cut)


def graph_of_kind(source: PriceSource, children: tuple[str, ...]) -> OracleGraph:
    """Return a graph of one asset and two columns more that pools read."""
    nodes = [Node("price", source, children)]
    nodes += [Node(name, LEVELS[name]) for name in dict.fromkeys(children)]
    return OracleGraph(("A", "quote", "dim A"), tuple(nodes), ("price",) * 3, EPOCH_S)


def case_of(graph: OracleGraph, path: PricePath, other: Ints | None = None) -> Case:
    """Return the graph over a path, and for a second input over another."""
    columns = np.stack([path.price, np.full_like(path.price, QUOTE), path.price * DIM], axis=-1)
    market = columns[:, :, None] * np.stack([VENUES, np.ones(3), VENUES], axis=-1)
    given = {"feed": path.raw, "other": path.raw[:, ::-1] if other is None else other}
    names = {node.name for node in graph.nodes}
    return Case(graph, path.time_s, market, {k: v for k, v in given.items() if k in names})
