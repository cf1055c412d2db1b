"""A crash replayed on the local chain, block by block, with the rounds the feeds are predicted to land.

Market paths go into an `OracleGraph` made from a trace; every round it predicts is pushed to
the real aggregator in the block it lands in; and at every block three prices of every asset
are compared: what ``AaveOracle.getAssetPrice`` answers, what the graph foretold, and what the
traced tree makes of its leaves' answers at that block.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abis.calls import Call, decode, encode
from abis.chain import Chain
from examples.localchain.adapters import OracleWorld
from examples.localchain.feeds import latest_round, queue_answer
from examples.localchain.market_parts import ADMIN
from examples.localchain.node import BLOCK_TIME_S
from oracles import chainlink
from oracles.feed import Delay, PriceFeed, ppb_from_bps
from oracles.graph import OracleGraph
from oracles.trace import Asset, trace_market
from oracles.trace_check import follows
from oracles.trace_graph import graph_of_trace
from oracles.trace_inside import own_call
from oracles.trace_settings import settings_of
from oracles.traced import Trace, TracedFeed

Floats = NDArray[np.float64]
WAD = 10**18
VAULT_GROWTH = 2_000_000_000  # of the sUSDe vault, a second
# Longer than a block, so that reports are under way while the market turns.
_DELAY_S = (9.0, 14.0, 21.0, 38.0, 61.0)
_TIGHT = {"USDC / USD", "USDT / USD", "EURC / USD", "EUR / USD"}


@dataclass(frozen=True)
class Crash:
    """What happens, at every block from the first on.

    ``market`` holds prices by asset, ``legs`` those of feeds that no asset shows, by
    description; ``reports`` the ratio of a provider from a block on, by its part's name.
    """

    market: Mapping[str, Floats]
    legs: Mapping[str, Floats]
    reports: Mapping[str, Mapping[int, int]]

    def __len__(self) -> int:
        return len(next(iter(self.market.values())))


@dataclass(frozen=True)
class Record:
    """What was seen: blocks, rounds pushed, prices compared, and every difference."""

    blocks: int
    rounds: int
    prices: NDArray[Any]  # (block, asset), the contract's
    not_foretold: list[tuple[int, str, int, int]]  # block, asset, contract, graph
    not_followed: list[tuple[int, str, int, int | None]]  # block, asset, contract, traced tree
    end: Trace


def settings(description: str, decimals: int, seed: int) -> PriceFeed:
    tight = description in _TIGHT
    return PriceFeed(
        description,
        decimals,
        ppb_from_bps(25 if tight else 50),
        7_200.0 if tight else 3_600.0,
        Delay(_DELAY_S, observation_s=6.0, seed=seed),
    )


def trace(world: OracleWorld) -> Trace:
    chain = Chain(world.chain.node.url)
    assets = [Asset(r.underlying.address, symbol) for symbol, r in world.market.reserves.items()]
    return trace_market(chain, chain.block("latest"), world.market.oracle.address, assets)


def replay(world: OracleWorld, crash: Crash) -> Record:
    """Play the crash on the chain and compare every price at every block."""
    return _Replay(world, crash).run()


class _Replay:
    def __init__(self, world: OracleWorld, crash: Crash) -> None:
        self.world = world
        self.crash = crash
        self.stated = {
            name.lower(): settings(name, 18 if "Exchange Rate" in name else 8, seed)
            for seed, name in enumerate(sorted({*world.feeds, "LINK / USD"}))
        }
        self.start_s = world.chain.head().timestamp + BLOCK_TIME_S
        self.time_s = self.start_s + BLOCK_TIME_S * np.arange(len(crash), dtype=np.float64)
        self.rounds_of: dict[str, int] = {}
        self.symbols = list(world.market.reserves)

    def run(self) -> Record:
        self._begin()
        traced = trace(self.world)
        assert traced.findings == ()
        assert traced.block_time_s == self.start_s
        feeds = settings_of(traced, self.stated)
        graph = graph_of_trace(traced, feeds)
        market, inputs = self._paths(graph, traced)
        foretold = graph.propagate(self.time_s, market[None], inputs=inputs)[0]
        landing = deque(self._landing(graph, market, inputs))
        pushed, prices, seen = len(landing), [self._prices()], [_evaluated(self.world, traced)]
        for k in range(1, len(self.crash)):
            at = int(self.time_s[k])
            while landing and landing[0][0] <= at:
                _, address, answer = landing.popleft()
                self._push(address, answer)
            self._report(k)
            self.world.chain.mine(at)
            prices.append(self._prices())
            seen.append(_evaluated(self.world, traced, at))
        table = np.array(prices, dtype=object)
        off = [
            (int(k), self.symbols[a], int(table[k, a]), int(foretold[k, a]))
            for k, a in np.argwhere(table != foretold.astype(object))
        ]
        astray = [
            (k, symbol, int(table[k, a]), row[a])
            for k, row in enumerate(seen)
            for a, symbol in enumerate(self.symbols)
            if row[a] != table[k, a]
        ]
        return Record(len(self.crash), pushed - len(landing), table, off, astray, trace(self.world))

    def _begin(self) -> None:
        """Mine the first block: every feed answers the first market price."""
        for name, feed in self.world.feeds.items():
            self.rounds_of[feed.proxy.address] = latest_round(self.world.chain, feed)
            path = self._observed(name)
            if path is not None:
                [answer] = chainlink.settled(self.stated[name.lower()], path[:1])
                self._push(feed.proxy.address, int(answer))
        [answer] = chainlink.settled(self.stated["link / usd"], self.crash.market["LINK"][:1])
        dual = self.world.parts["LINK dual aggregator"]
        self.world.chain.send(ADMIN, dual, "transmit", int(answer), True)
        self._report(0)
        self.world.chain.mine(self.start_s)

    def _observed(self, name: str) -> Floats | None:
        """Return what a feed of the world observes, None where nothing of it is read."""
        shown = {"ETH / USD": "WETH", "BTC / USD": "cbBTC"} | {
            f"{s} / USD": s for s in ("USDC", "USDT", "EURC")
        }
        return self.crash.market[shown[name]] if name in shown else self.crash.legs.get(name)

    def _paths(self, graph: OracleGraph, traced: Trace) -> tuple[Floats, dict[str, NDArray[Any]]]:
        """Return the market, (T, asset), and the paths of the graph's inputs."""
        market = np.ones((len(self.crash), len(self.symbols)))
        for asset, path in self.crash.market.items():
            market[:, self.symbols.index(asset)] = path
        inputs: dict[str, NDArray[Any]] = {}
        for name, path in self.crash.legs.items():
            decimals = self.stated[name.lower()].decimals
            inputs[f"{self.world.feeds[name].proxy.address} market"] = np.round(path * 10**decimals).astype(
                np.int64
            )
        for symbol, part in (("wstETH", "stETH shares"), ("rETH", "rETH rate")):
            inputs[f"{self.world.sources[symbol].address} ratio"] = self._steps(self.crash.reports[part])
        vault = f"{self.world.sources['sUSDe'].address} ratio"
        first = next(node.source for node in graph.nodes if node.name == vault)
        inputs[vault] = first.level_raw + VAULT_GROWTH * (self.time_s - self.start_s).astype(np.int64)
        return market, inputs

    def _steps(self, reports: Mapping[int, int]) -> NDArray[np.int64]:
        path = np.empty(len(self.crash), dtype=np.int64)
        for k in sorted(reports):
            path[k:] = reports[k]
        return path

    def _landing(
        self, graph: OracleGraph, market: Floats, inputs: Mapping[str, NDArray[Any]]
    ) -> Iterator[tuple[float, str, int]]:
        """Yield time, feed and answer of every round the graph's feeds land, by time."""
        found: list[tuple[float, str, int]] = []
        for node in graph.nodes:
            known = getattr(node.source, "feed", None)
            if known is None:
                continue
            column = node.source.column
            path = market[:, column] if column is not None else None
            if path is None:
                path = inputs[node.children[0]] / 10.0**known.decimals
            state = chainlink.start(known, self.time_s[0], path[:1])
            log = chainlink.rounds(known, self.time_s, path[None], state)
            address = node.name.removesuffix(" standard")
            found += [(float(t), address, int(a)) for t, a in zip(log.time_s, log.answer_raw, strict=True)]
        yield from sorted(found, key=lambda each: each[0])

    def _push(self, address: str, answer: int) -> None:
        chain = self.world.chain
        if address == self.world.sources["LINK"].address:
            chain.send(ADMIN, self.world.parts["LINK dual aggregator"], "transmit", answer, False)
            return
        [feed] = [f for f in self.world.feeds.values() if f.proxy.address == address]
        self.rounds_of[address] += 1
        queue_answer(chain, feed, self.rounds_of[address], answer)

    def _report(self, k: int) -> None:
        for part, reports in self.crash.reports.items():
            if k in reports:
                provider = self.world.parts[part]
                if part == "stETH shares":
                    self.world.chain.send(ADMIN, provider, "report", reports[k], WAD)
                else:
                    self.world.chain.send(ADMIN, provider, "setRate", reports[k])

    def _prices(self) -> list[int]:
        assets = [r.underlying.address for r in self.world.market.reserves.values()]
        return list(self.world.chain.read(self.world.market.oracle, "getAssetsPrices", assets))


def _evaluated(world: OracleWorld, traced: Trace, at_s: int | None = None) -> list[int | None]:
    """Return every asset's price by the tree's rules from its leaves' answers at the latest block."""
    trees = [price.feed for price in traced.prices if price.feed is not None]
    leaves = {own_call(each): each for tree in trees for each in tree.walk() if not each.legs}
    asked = [[{"to": c.target, "data": "0x" + encode(c).hex()}, "latest"] for c in leaves]
    got = world.chain.node.rpc.batch("eth_call", asked)
    answers = {c: int(decode(c, bytes.fromhex(x[2:]))) for c, x in zip(leaves, got, strict=True)}
    when = traced.block_time_s if at_s is None else at_s
    return [_again(tree, answers, when).answer_raw for tree in trees]


def _again(feed: TracedFeed, answers: Mapping[Call, int], at_s: int) -> TracedFeed:
    if not feed.legs:
        return replace(feed, answer_raw=answers[own_call(feed)])
    feed = replace(feed, legs=tuple((role, _again(leg, answers, at_s)) for role, leg in feed.legs))
    return replace(feed, answer_raw=follows(feed, at_s))
