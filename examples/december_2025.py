"""The wave of December 2025 carried through the oracles to a lending market.

``python -m examples.december_2025 [SNAPSHOT]`` fits the wave, prints target beside result, carries the day
and its what-ifs through Chainlink feeds to the market of SNAPSHOT (the demo market by default: ``make demo``
first) and prints how much is liquidated there, how much of it harmfully, and how much of the chain's selling
comes back to the exchanges.  ``--pictures DIR`` draws prices, liquidations and dispersion.  ``--candles DIR``
fits real candles.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from oracles.facts import feed_for
from oracles.graph import FeedSource, Node, OracleGraph
from protocols.snapshot import Snapshot
from protocols.store import load
from risk.cli.progress import reporting
from risk.cli.scenario_tables import targets
from risk.depth import Depth
from risk.engine.prices import PERFECT
from risk.engine.stress import stress
from risk.outcome import Outcome
from risk.scenarios.families import chain
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.venues.chain_loop import Settled, settle
from risk.venues.december import Wave
from risk.venues.december_report import BASE, W2_RUN, December, december
from risk.venues.market import Market
from risk.venues.positions import FloatArray
from risk.venues.scenario import for_market

DEMO = Path("out/demo/snapshot")
DEPTH = Path(__file__).resolve().parent / "depth" / "assumed_demo_depth.csv"
PRINT = "HTX"  # the venue of the largest order
SEEN = {
    "fair": "Repaid at fair prices",
    "feeds": "through Chainlink feeds",
    "print": f"if {PRINT}'s print were the oracle",
}


def feeds(snapshot: Snapshot) -> OracleGraph:
    """Return one feed an asset, with the settings of the coin it follows where they are known."""
    nodes, decimals = [], len(str(snapshot.base.unit_raw)) - 1
    for k, (name, reserve) in enumerate(zip(snapshot.asset_names, snapshot.reserves, strict=True)):
        coin = chain(name, reserve.symbol)[-1]
        feed = feed_for(f"{coin} / USD", decimals)
        nodes.append(Node(name, FeedSource(feed, k)))
    names = snapshot.asset_names
    return OracleGraph(names, tuple(nodes), names, snapshot.block.timestamp_s)


def seen_on(scenarios: Scenarios, venue: str) -> Scenarios:
    """Return the scenarios with one venue's prices as all that oracles see; fair prices stay."""
    v = scenarios.venues.index(venue)

    def produce(start: int, stop: int) -> ScenarioBlock:
        block = scenarios.produce(start, stop)
        return replace(block, market_price_usd=block.market_price_usd[:, :, v : v + 1])

    return replace(scenarios, venues=(venue,), sha256=f"{scenarios.sha256}:{venue}", produce=produce)


def carried(found: December, snapshot: Snapshot, depth: Depth) -> dict[str, Outcome]:
    """Return what the wave does to a market by what its oracles see."""
    scenarios, graph = for_market(found.scenarios(), snapshot), feeds(snapshot)
    return {
        "fair": stress(snapshot, scenarios, oracles=PERFECT, depth=depth),
        "feeds": stress(snapshot, scenarios, oracles=graph, depth=depth),
        "print": stress(snapshot, seen_on(scenarios, PRINT), depth=depth),
    }


def comes_back(found: December, snapshot: Snapshot, depth: Depth) -> dict[str, Settled]:
    """Return the loop of exchanges and market for the days, and for deeper falls that are fast or slow."""
    market, graph = found.wave.market, feeds(snapshot)
    paths = {
        BASE: (market, found.wave.moments_s, found.wave.outside),
        W2_RUN: (found.w2.market, found.w2.moments_s, found.w2.outside),
        "BTC -6 % within 1 h": (market, *straight(market, -0.06, 3_600.0)),
        "BTC -8 % within 6 h": (market, *straight(market, -0.08, 6 * 3_600.0)),
    }
    if found.w2_runs_away:  # its books are those of a day at given prices, which nothing moves
        del paths[W2_RUN]
    return {
        name: settle(one, moments, outside, snapshot, oracles=graph, depth=depth)
        for name, (one, moments, outside) in paths.items()
    }


def straight(market: Market, change: float, over_s: float) -> tuple[FloatArray, FloatArray]:
    """Return a steady fall of BTC with an hour after it, the others by beta: moments and log moves."""
    moments = np.arange(5.0, over_s + 3_601.0, 5.0)
    return moments, np.log1p(change) * np.minimum(moments / over_s, 1.0)[:, None] * market.beta


def show_back(loops: dict[str, Settled], console: Console) -> None:
    """Print what of the chain's sales comes back."""
    columns = ("Path", "Sold, no feedback", "Sold in the end", "Rounds", "ETH low moves", "Longs closed more")
    table = Table(*columns, title="What comes back from the chain, USD, by Chainlink feeds")
    for name, loop in loops.items():
        more = float((loop.record.liquidated_usd - loop.first.liquidated_usd)[..., 0].sum())
        end = "runs away" if loop.runs_away else f"{loop.sold_usd[-1]:,.0f}"
        low = f"{np.expm1(loop.deeper(1)):.4%}"
        table.add_row(name, f"{loop.sold_usd[0]:,.0f}", end, str(len(loop.sold_usd)), low, f"{more:,.0f}")
    console.print(table)


def show(found: December, outcomes: dict[str, Outcome], console: Console) -> None:
    """Print target beside result, and the market's day by what its oracles see."""
    console.print(targets(found))
    console.print()
    table = Table("Run", *SEEN.values(), "Wrongly", "Bad debt", title="On the lending market, USD")
    frames = {name: outcome.frame() for name, outcome in outcomes.items()}
    for k, run in enumerate(frames["fair"]["scenario"]):
        repaid = {name: float(frame["repaid_usd"].iloc[k]) for name, frame in frames.items()}
        debt = float(frames["print"]["bad_debt_usd"].iloc[k])
        wrongly = repaid["print"] - repaid["fair"]
        table.add_row(str(run), *(f"{repaid[n]:,.0f}" for n in SEEN), f"{wrongly:,.0f}", f"{debt:,.0f}")
    console.print(table)
    if found.ran_away:
        console.print(f"Left out, they run away beyond published depth: {', '.join(found.ran_away)}.")


def draw(wave: Wave, folder: Path) -> list[Path]:
    """Draw prices by venue, liquidations by venue and dispersion; return the files."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "december-2025"
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    hours, names = wave.time_s / 3600.0, wave.market.names()
    fig, axes = plt.subplots(3, 1, figsize=(8, 9), sharex=True, constrained_layout=True)
    for v, name in enumerate(names):
        axes[0].plot(hours, wave.record.price_usd[0, :, v, 0], label=name, linewidth=0.9)
    axes[0].set_ylabel("BTC, USD")
    closed = wave.record.liquidated_usd[0].sum(axis=(2, 3)) / 1e6
    bins = np.arange(0.0, 24.0 + 1e-9, 0.25)
    place = np.digitize(hours, bins) - 1
    sums = np.stack([np.bincount(place, closed[:, v], len(bins)) for v in range(len(names))])
    bottom = np.zeros(len(bins))
    for v, name in enumerate(names):
        if sums[v].any():  # spot books liquidate nothing
            axes[1].bar(bins, sums[v], width=0.25, align="edge", bottom=bottom, label=name)
        bottom += sums[v]
    axes[1].set_ylim(0.0, 1.08 * bottom.max())
    axes[1].set_ylabel("liquidated in 15 min, M USD")
    axes[1].legend(fontsize=7, ncols=2)
    spread = np.ptp(np.log(wave.record.price_usd[0, :, :, 0]), axis=1) * 1e4
    axes[2].plot(hours, spread, color="black", linewidth=0.9)
    axes[2].set_ylabel("dispersion of BTC, bps")
    axes[2].set_xlabel("hours")
    fig.align_ylabels(axes)
    path = folder / "december_2025.svg"
    fig.savefig(path, metadata={"Date": None})
    plt.close(fig)
    return [path]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example; 2 if there is no snapshot."""
    parser = argparse.ArgumentParser(prog="python -m examples.december_2025", description=__doc__)
    parser.add_argument("snapshot", nargs="?", type=Path, default=DEMO)
    parser.add_argument("--candles", type=Path)
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args(arguments)
    if not options.snapshot.is_dir():
        print(f"no snapshot at {options.snapshot}: run `make demo` first, or name one.", file=sys.stderr)
        return 2
    with reporting({"fit": "Runs of the fit", "what-ifs": "What-ifs"}) as report:
        found = december(options.candles, report)
    snapshot = load(options.snapshot)
    depth, console = Depth.load(DEPTH, snapshot), Console(width=110)
    show(found, carried(found, snapshot, depth), console)
    show_back(comes_back(found, snapshot, depth), console)
    if options.pictures is not None:
        for path in draw(found.wave, options.pictures):
            print(f"Drawn: {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
