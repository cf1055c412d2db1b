"""Pictures of adapters: what stands between a feed and the number a market reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from examples.step_curves import STEP_AT_S, Curve, Floats, Ints, Picture, eth_feed, plain, stepped
from oracles.average_sources import LaggingMeanSource, Pair
from oracles.caps import CapParameters, RatioCap
from oracles.fixed import FixedPrice
from oracles.graph import Node
from oracles.lagging_mean import LaggingMean
from oracles.levels import Level
from oracles.morpho import MorphoOracle, Side
from oracles.observers import one_venue_each
from oracles.pendle import PendleDiscount
from oracles.phases import Phases
from oracles.ratios import ShareValue
from oracles.sequencer import DOWN, UP, HeldWhileDown
from oracles.sources import FeedSource
from oracles.stable_caps import EurCap, StableCap
from oracles.svr import Svr
from oracles.synchronicity import BaseToPeg, PegToBase

WAD = 10**18
FEED = Node("feed", FeedSource(eth_feed(60.0), 0))
RATIO = Node("ratio", Level(18, WAD))
DAY_S = 86_400
CAP = CapParameters(WAD, STEP_AT_S - 60 * DAY_S, 1_200)
MATURITY_S = STEP_AT_S + 60 * DAY_S


def ratio_steps(step: float) -> Curve:
    """Return a capped ratio that jumps, over a base that stands still."""
    nodes = (Node("price", RatioCap(8, 18, CAP), ("one", "ratio")), RATIO, Node("one", Level(8, 10**8)))

    def inputs(since_s: Floats) -> Mapping[str, Ints]:
        return {"ratio": stepped(1.0, 18, step)(since_s)}

    return Curve(f"ratio {100 * step:+.0f} %", step, nodes, inputs)


def outage(since_s: Floats) -> Mapping[str, Ints]:
    """Return an uptime that is down from five minutes before the step to half an hour after."""
    return {"down": np.where((since_s >= -300) & (since_s < 1_800), DOWN, UP)}


def euro(since_s: Floats) -> Mapping[str, Ints]:
    """Return a euro that rises by 2 %."""
    return {"eur": stepped(1.0, 8, 0.02)(since_s)}


def donated(since_s: Floats) -> Mapping[str, Ints]:
    """Return total assets that grow by 10 %, in whole shares of nine digits."""
    return {"assets": stepped(1.0, 15, 0.1)(since_s)}


def svr(label: str, delivered_after_s: int | None) -> Curve:
    """Return an SVR proxy with a cut-off of five minutes."""
    return Curve(label, 0.10, (Node("price", Svr(8, 300, delivered_after_s), ("feed",)), FEED))


def print_on_one_venue(label: str, nodes: tuple[int, ...]) -> Curve:
    """Return a fall by 35 % on the first venue alone."""
    source = FeedSource(eth_feed(60.0), 0, observers=one_venue_each(nodes))
    return Curve(label, -0.35, plain(source), venues=(True, False, False))


def changes(deviation_bps: int) -> Node:
    """Return one phase's aggregator."""
    settings = replace(eth_feed(0.0), description=f"{deviation_bps}", deviation_ppb=deviation_bps * 100_000)
    return Node(f"{deviation_bps} bps", FeedSource(settings, 0))


ADAPTER_PICTURES = (
    Picture(
        "observers",
        "One venue prints -35 %: it enters if more than half of the nodes read it",
        10,
        (print_on_one_venue("7 of 15 nodes", (7, 4, 4)), print_on_one_venue("8 of 15 nodes", (8, 4, 3))),
    ),
    Picture(
        "phases",
        "A proxy's aggregator changes after 20 minutes, from 2 % to 0.5 %",
        40,
        tuple(
            Curve(
                f"{100 * step:+.0f} %",
                step,
                (
                    Node("price", Phases(8, (STEP_AT_S + 1_200,)), ("200 bps", "50 bps")),
                    changes(200),
                    changes(50),
                ),
            )
            for step in (0.01, 0.10)
        ),
    ),
    Picture(
        "svr",
        "SVR, cut-off 300 s, over a feed with 60 s delay",
        10,
        (
            svr("delivered at once", 0),
            svr("delivered after 60 s", 60),
            svr("not delivered", None),
        ),
    ),
    Picture(
        "ratio_cap",
        "A ratio capped at 12 % a year, 2 % below its cap when it jumps",
        240,
        (ratio_steps(0.01), ratio_steps(0.05), ratio_steps(-0.05)),
        "days",
        3_600,
    ),
    Picture(
        "stable_cap",
        "Caps at +4 %: what falls passes; a euro's cap rises with the euro",
        10,
        (
            Curve("+10 %", 0.10, (Node("price", StableCap(8, 104_000_000), ("feed",)), FEED)),
            Curve("-10 %", -0.10, (Node("price", StableCap(8, 104_000_000), ("feed",)), FEED)),
            Curve(
                "+10 %, EUR +2 %",
                0.10,
                (
                    Node("price", EurCap(8, 104_000_000, 8), ("feed", "eur")),
                    FEED,
                    Node("eur", Level(8, 10**8)),
                ),
                euro,
            ),
        ),
    ),
    Picture(
        "pendle",
        "A principal token, 20 % a year, 60 days to maturity",
        90,
        (
            Curve("+10 %", 0.10, (Node("price", PendleDiscount(8, MATURITY_S, WAD // 5), ("feed",)), FEED)),
            Curve("-10 %", -0.10, (Node("price", PendleDiscount(8, MATURITY_S, WAD // 5), ("feed",)), FEED)),
        ),
        "days",
        3_600,
    ),
    Picture(
        "synchronicity",
        "Two feeds made into one price: the moving one above or below the line",
        10,
        (
            Curve("product", 0.10, (Node("price", PegToBase(8, 18, 8), ("ratio", "feed")), RATIO, FEED)),
            Curve(
                "quotient",
                0.10,
                (Node("price", BaseToPeg(18, 8), ("one", "feed")), Node("one", Level(8, 10**8)), FEED),
            ),
        ),
    ),
    Picture(
        "fixed_and_shares",
        "A constant; a vault's share price when somebody gives it 10 %",
        10,
        (
            Curve("fixed price, market -10 %", -0.10, plain(FixedPrice(8, 10**8))),
            Curve(
                "share price, assets +10 %",
                0.10,
                (
                    Node("price", ShareValue(15, 10**15, 1, 1), ("assets", "supply")),
                    Node("assets", Level(15, 10**15)),
                    Node("supply", Level(15, 10**15)),
                ),
                donated,
            ),
        ),
    ),
    Picture(
        "morpho",
        "Morpho: a vault's share, one feed above and one below the line",
        10,
        (
            Curve(
                "base feed",
                0.10,
                (
                    Node("price", MorphoOracle(Side(18, (8,), WAD), Side(6, (8,))), ("ratio", "feed", "one")),
                    RATIO,
                    FEED,
                    Node("one", Level(8, 10**8)),
                ),
            ),
            Curve(
                "quote feed",
                0.10,
                (
                    Node("price", MorphoOracle(Side(18, (8,), WAD), Side(6, (8,))), ("ratio", "one", "feed")),
                    RATIO,
                    FEED,
                    Node("one", Level(8, 10**8)),
                ),
            ),
        ),
    ),
    Picture(
        "sequencer",
        "A sequencer down from 5 minutes before the step to 30 after",
        45,
        (
            Curve(
                "+10 %",
                0.10,
                (Node("price", HeldWhileDown(8), ("feed", "down")), FEED, Node("down", Level(0, UP))),
                outage,
            ),
        ),
    ),
    Picture(
        "lagging_mean",
        "Uniswap v2 mean over Compound's window of 30 to 60 minutes",
        90,
        (Curve("+10 %", 0.10, plain(LaggingMeanSource(LaggingMean("DAI / ETH"), Pair(0, 1)))),),
    ),
)
