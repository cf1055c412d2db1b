"""Draw how every kind of feed passes on a step of the market.

``python -m examples.step_responses [FOLDER]`` writes one SVG a kind, by default into
``docs/pictures``; the same versions of the libraries write the same bytes.  Each picture runs
an oracle graph over a market that jumps once, and shows which share of the jump is in the
answer.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from examples.step_adapters import ADAPTER_PICTURES
from examples.step_curves import Curve, Picture, eth_feed, plain, response
from oracles.anchored import Anchor
from oracles.average_sources import AnchoredSource, CurveSource, OsmSource, Pair, PythSource, TwapSource
from oracles.curve_ema import CurvePool
from oracles.graph import Node
from oracles.osm import Osm
from oracles.pyth import Choice, PythFeed
from oracles.redstone import push_feed
from oracles.sources import FeedSource
from oracles.twap import TwapPool

PAIR = Pair(0, 1)
POOL = TwapPool("ETH / USDC", base_decimals=18, quote_decimals=6, decimals=8)
SIGNED = PythFeed("ETH / USD", post_every_s=None, choice=Choice.HIGHEST)

PICTURES = (
    Picture(
        "chainlink",
        "Chainlink, 0.5 % and 1 h, 60 s delay: one update, or none until the heartbeat",
        80,
        (
            Curve("+10 %", 0.10, plain(FeedSource(eth_feed(60.0), 0))),
            Curve("+0.4 %", 0.004, plain(FeedSource(eth_feed(60.0), 0))),
        ),
    ),
    Picture(
        "redstone_push",
        "RedStone push, weETH/USD, 1 % and 6 h",
        400,
        (
            Curve("+10 %", 0.10, plain(FeedSource(push_feed("weETH / USD"), 0))),
            Curve("+0.9 %", 0.009, plain(FeedSource(push_feed("weETH / USD"), 0))),
        ),
    ),
    Picture(
        "twap",
        "Uniswap v3 TWAP, 30 min: the logarithm rises evenly",
        45,
        (
            Curve("+10 %", 0.10, plain(TwapSource(POOL, PAIR))),
            Curve("-50 %", -0.50, plain(TwapSource(POOL, PAIR))),
        ),
    ),
    Picture(
        "curve_ema",
        "Curve EMA, 866 s: half of it in ten minutes; a spot above 2 counts as 2",
        60,
        (
            Curve("+10 %", 0.10, plain(CurveSource(CurvePool("USDe / USDC"), PAIR))),
            Curve("+150 %", 1.50, plain(CurveSource(CurvePool("USDe / USDC"), PAIR))),
        ),
    ),
    Picture(
        "osm",
        "Maker OSM: what the feed said at the hour before the last",
        150,
        (
            Curve(
                "+10 %",
                0.10,
                (
                    Node("price", OsmSource(Osm("ETH / USD"), 8), ("feed",)),
                    Node("feed", FeedSource(eth_feed(0.0), 0)),
                ),
            ),
        ),
    ),
    Picture(
        "pyth",
        "Pyth, 60 s of choice: the new price at once, or the old one for a minute",
        4,
        (
            Curve("the highest", 0.10, plain(PythSource(SIGNED, PAIR))),
            Curve(
                "the lowest",
                0.10,
                plain(PythSource(replace(SIGNED, choice=Choice.LOWEST), PAIR)),
            ),
        ),
    ),
    Picture(
        "anchored",
        "Anchored price, 20 %: a print of +30 % waits until the anchor has risen by 4 %",
        45,
        tuple(
            Curve(
                label,
                step,
                (
                    Node("price", AnchoredSource(Anchor("ETH / USD"), 8), ("reporter", "anchor")),
                    Node("reporter", FeedSource(eth_feed(0.0), 0)),
                    Node("anchor", TwapSource(POOL, PAIR)),
                ),
            )
            for label, step in (("+20 %", 0.20), ("+30 %", 0.30), ("+100 %", 1.00))
        ),
    ),
    *ADAPTER_PICTURES,
)


def draw(picture: Picture, folder: Path) -> Path:
    """Write one picture and return its path."""
    with mpl.rc_context({"svg.hashsalt": "breakwater", "svg.fonttype": "none", "font.size": 9.0}):
        figure = Figure(figsize=(6.0, 2.6), layout="constrained")
        axes = figure.add_subplot()
        for curve in picture.curves:
            since, passed = response(curve, picture)
            axes.step(since, 100.0 * passed, where="post", label=curve.label)
        axes.axvline(0.0, color="0.7", linewidth=0.8)
        axes.set_title(picture.title, fontsize=9.0)
        axes.set_xlabel(f"{picture.unit} since the step")
        axes.set_ylabel("% of the step passed on")
        axes.set_xlim(-picture.length / 20, picture.length)
        axes.legend(loc="best", frameon=False)
        path = folder / f"step_{picture.name}.svg"
        figure.savefig(path, metadata={"Date": None, "Creator": None})
    return path


def main(folder: Path) -> None:
    """Write all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        sys.stdout.write(f"{draw(picture, folder)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/pictures"))
