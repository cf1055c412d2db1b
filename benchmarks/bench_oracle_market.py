"""Forty assets' oracle paths for a day of minutes, streamed in blocks, against a plain event loop.

The market has the kinds a large lending market has: plain feeds, seven staking tokens whose
capped ratios multiply one SVR feed, a product of feeds, capped stablecoins, principal tokens, a
euro cap and a constant.  The paths are made outside the clock.  The loop is the same market in
plain Python integers, over the first and last scenarios; both must agree to the unit.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import row
from oracles.caps import CapParameters, GrowthScale, RatioCap, capped_price, max_ratio
from oracles.feed import PPB, PriceFeed, fixed_delay
from oracles.fixed import FixedPrice
from oracles.graph import Node, OracleGraph
from oracles.levels import Level, level_at
from oracles.pendle import PendleDiscount, discount_wad, discounted_price
from oracles.sources import FeedSource, PriceSource
from oracles.stable_caps import EurCap, StableCap, eur_price, stable_price
from oracles.svr import Svr
from oracles.synchronicity import PegToBase, peg_to_base

SCENARIOS, TIMES, STEP_S = 10_000, 1_440, 60
SAMPLE = 4  # scenarios of the first and of the last block that the plain loop runs too
BLOCK_BYTES = 512 * 2**20
SEED, EPOCH_S = 20_251_010, 1_760_054_400
PLAIN_FEEDS, STAKED, STABLES, PRINCIPALS = 20, 7, 6, 3
RATIO, CUTOFF_S, MATURITY_S = 1_150_000_000_000_000_000, 120, EPOCH_S + 90 * 86_400

Floats = NDArray[np.float64]
Ints = NDArray[Any]


def feed(name: str, deviation_bps: int, heartbeat_s: int, decimals: int = 8) -> PriceFeed:
    """Return a feed with a delay that is no multiple of the step."""
    return PriceFeed(name, decimals, deviation_bps * 100_000, float(heartbeat_s), fixed_delay(90.0))


def cap_of(k: int) -> CapParameters:
    """Return the cap of staking token k; every second one binds within the day or has before."""
    return CapParameters(RATIO if k % 2 else RATIO - 10**15, EPOCH_S - 14 * 86_400, 300)


def market() -> OracleGraph:
    """Return the graph of forty assets."""
    sources: list[tuple[str, PriceSource, tuple[str, ...]]] = [
        ("eth", FeedSource(feed("ETH / USD", 50, 3_600), 0), ()),
        ("svr", Svr(8, CUTOFF_S), ("eth",)),
        ("ratio", Level(18, RATIO, 280, EPOCH_S, 3_600), ()),
    ]
    prices, columns = ["svr"], 1
    sources += [(f"staked {k}", RatioCap(8, 18, cap_of(k)), ("svr", "ratio")) for k in range(STAKED)]
    prices += [f"staked {k}" for k in range(STAKED)]
    columns += STAKED
    sources += [
        ("steth/eth", FeedSource(feed("stETH / ETH", 50, 86_400, 18), columns), ()),
        ("steth", PegToBase(8, 18, 8), ("steth/eth", "eth")),
    ]
    prices, columns = [*prices, "steth"], columns + 1
    for k in range(STABLES):
        sources.append((f"peg {k}", FeedSource(feed(f"S{k} / USD", 25, 86_400), columns + k), ()))
        sources.append((f"stable {k}", StableCap(8, 104_000_000), (f"peg {k}",)))
    prices, columns = [*prices, *(f"stable {k}" for k in range(STABLES))], columns + STABLES
    for k in range(PRINCIPALS):
        sources.append((f"pt {k}", PendleDiscount(8, MATURITY_S, (k + 1) * 5 * 10**16), (f"stable {k}",)))
    prices, columns = [*prices, *(f"pt {k}" for k in range(PRINCIPALS))], columns + PRINCIPALS
    sources += [
        ("eurc feed", FeedSource(feed("EURC / USD", 30, 86_400), columns), ()),
        ("eur", Level(8, 99_000_000), ()),
        ("eurc", EurCap(8, 104_000_000, 8), ("eurc feed", "eur")),
        ("gho", FixedPrice(8, 10**8), ()),
    ]
    prices, columns = [*prices, "eurc", "gho"], columns + 2
    for k in range(PLAIN_FEEDS):
        sources.append((f"plain {k}", FeedSource(feed(f"T{k} / USD", 50, 3_600), columns + k), ()))
    prices += [f"plain {k}" for k in range(PLAIN_FEEDS)]
    nodes = tuple(Node(name, source, children) for name, source, children in sources)
    return OracleGraph(tuple(f"asset {k}" for k in range(len(prices))), nodes, tuple(prices), EPOCH_S)


def blocks(size: int) -> Iterator[Floats]:
    """Yield market paths, (n, T, asset), a block of scenarios at a time."""
    assets = len(market().assets)
    volatility = np.full(assets, 1e-3)
    volatility[1 + STAKED : 1 + STAKED + 1 + STABLES] = 2e-4
    for first in range(0, SCENARIOS, size):
        n = min(size, SCENARIOS - first)
        moves = np.random.default_rng((SEED, first)).standard_normal((n, TIMES, assets), np.float32)
        paths = np.cumsum(moves * volatility, axis=1, dtype=np.float64)
        del moves
        yield np.exp(paths, out=paths)


def stream() -> dict[str, Any]:
    """Return seconds, peak memory, and the sample's market and answers; run in a process of its own."""
    graph, times = market(), np.arange(TIMES) * float(STEP_S)
    size = graph.scenarios_within(BLOCK_BYTES, TIMES)
    graph.propagate(times[:3], np.ones((2, 3, len(graph.assets))))  # compile or load outside the clock
    ends: list[Floats] = []
    making = 0.0

    def clocked() -> Iterator[Floats]:
        nonlocal making
        made = blocks(size)
        for first in range(0, SCENARIOS, size):
            began = time.perf_counter()
            block = next(made)
            making += time.perf_counter() - began
            if first == 0:
                ends.append(block[:SAMPLE].copy())
            if first + size >= SCENARIOS:
                ends.append(block[-SAMPLE:].copy())
            yield block

    began = time.perf_counter()
    answers: list[Ints] = []
    for raw in graph.propagate_blocks(times, clocked()):
        answers = [*(answers or [raw[:SAMPLE].copy()])[:1], raw[-SAMPLE:].copy()]
    seconds = time.perf_counter() - began - making
    return {
        "seconds": seconds,
        "peak_mib": peak_mib(),
        "block": size,
        "market": np.concatenate(ends),
        "answers": np.concatenate(answers),
    }


def peak_mib() -> int:
    """Return the largest resident memory this process ever had, MiB (Linux)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0


def plain_feed(at: PriceFeed, times: list[int], prices: list[float]) -> list[int]:
    """Return the answers along one path: the feed's equations with Python integers and a queue."""
    scale = 10.0**at.decimals
    answer, updated_at = round(prices[0] * scale), float(times[0])
    flying: deque[tuple[float, int]] = deque()
    delay_s, heartbeat_s, ppb = at.delay.samples_s[0], at.heartbeat_s, at.deviation_ppb
    answers = []
    for now, price in zip(times, prices, strict=True):
        value = round(price * scale)
        while flying and flying[0][0] <= now:
            updated_at, answer = flying.popleft()
        if abs(value - answer) * PPB >= ppb * answer or now - updated_at > heartbeat_s:
            last = flying[-1][1] if flying else None
            if last is None or abs(value - last) * PPB >= ppb * last:
                flying.append((now + delay_s, value))
        answers.append(answer)
    return answers


def plain_svr(times: list[int], feed_raw: list[int]) -> list[int]:
    """Return the standard answers once they are older than the cut-off."""
    served, answers = 0, []
    for now in times:
        while served + 1 < len(times) and times[served + 1] + CUTOFF_S < now:
            served += 1
        answers.append(feed_raw[served])
    return answers


def plain_market(graph: OracleGraph, prices: Floats) -> list[list[int]]:
    """Return one scenario's answers, a row an asset, node by node and moment by moment."""
    times = [EPOCH_S + t * STEP_S for t in range(TIMES)]
    said: dict[str, list[int]] = {}
    for k in graph.order:
        node = graph.nodes[k]
        source, children = node.source, [said[name] for name in node.children]
        match source:
            case FeedSource(column=int(column)):
                said[node.name] = plain_feed(source.feed, times, prices[:, column].tolist())
            case Svr():
                said[node.name] = plain_svr(times, children[0])
            case Level():
                growth = source.growth_bps_per_year, source.since_s or 0
                said[node.name] = [level_at(source.level_raw, *growth, t, source.every_s) for t in times]
            case RatioCap(cap=cap):
                said[node.name] = [
                    capped_price(base, ratio, max_ratio(cap, t, GrowthScale.MILLIONTH), 18)
                    for t, base, ratio in zip(times, *children, strict=True)
                ]
            case PegToBase():
                said[node.name] = [peg_to_base(a, b, 8, 26) for a, b in zip(*children, strict=True)]
            case StableCap(cap_raw=cap_raw):
                said[node.name] = [stable_price(price, cap_raw) for price in children[0]]
            case PendleDiscount(rate_wad=rate):
                said[node.name] = [
                    discounted_price(price, discount_wad(MATURITY_S, t, rate))
                    for t, price in zip(times, children[0], strict=True)
                ]
            case EurCap(cap_ratio_raw=ratio):
                said[node.name] = [eur_price(a, b, ratio, 8) for a, b in zip(*children, strict=True)]
            case FixedPrice(price_raw=price_raw):
                said[node.name] = [price_raw] * TIMES
            case _:
                raise TypeError(f"the plain loop does not know {source!r}")
    return [said[name] for name in graph.price_of]


def rows() -> list[dict[str, Any]]:
    """Return one row: the stream, and the plain loop scaled up from the sample."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(stream)
    graph = market()
    began = time.perf_counter()
    plain = [plain_market(graph, scenario) for scenario in found["market"]]
    plain_s = (time.perf_counter() - began) * SCENARIOS / len(plain)
    equal = np.array_equal(found["answers"], np.swapaxes(np.array(plain), 1, 2))
    points = SCENARIOS * TIMES * len(graph.assets)
    pace = found["seconds"] * 1e6 / points
    line = row(
        "oracle: a market streamed",
        f"{SCENARIOS:,} scenarios x {TIMES:,} minutes x {len(graph.assets)} assets in blocks of "
        f"{found['block']}; peak {found['peak_mib']} MiB; {pace:.3f} s a million points",
        found["seconds"],
        f"plain Python event loop; {len(plain)} scenarios, scaled",
        plain_s,
        equal,
    )
    return [line | {"cores": 1}]
