"""All price sources of one market: from market prices to the row of raw oracle prices.

The graph is a set of named nodes (`oracles.wiring.Node`) that read the market, each other,
or inputs of their own (`oracles.levels.Level`).  A node is evaluated once a moment, however
many read it: assets on the same feed move at the same update.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from abis.findings import Finding
from oracles import views
from oracles.facts import feed_for
from oracles.levels import Level
from oracles.sources import FeedSource, Ints, PriceSource, View
from oracles.wide import narrowed
from oracles.wiring import Node, check_fit, check_read, evaluation_order

__all__ = ["GraphState", "Node", "OracleGraph", "graph_of"]

Floats = NDArray[np.float64]
Inputs = views.Inputs

_WORKING_COLUMNS = 8  # (n, T) arrays a source needs for a moment besides its answers


@dataclass(frozen=True, eq=False, slots=True)
class GraphState:
    """Where all sources of a graph stand.

    Parameters
    ----------
    time_s : float
        Time up to which the path has been seen, on the caller's clock.
    nodes : tuple
        The state of each node, in the order of the graph's ``nodes``.
    """

    time_s: float
    nodes: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class OracleGraph:
    """Every asset's price source.

    Parameters
    ----------
    assets : tuple of str
        Names, in the order of the market's reserves and of the price columns.
    nodes : tuple of Node
        Each source once, in any order.
    price_of : tuple of str
        For each asset the name of the node that is its price.
    epoch_s : int
        Unix time at which the caller's clock says 0.  Growing caps, discounts and requested
        rounds depend on it.

    Raises
    ------
    FeedError
        If the graph is empty, a name is unknown or given twice, nodes form a loop or do not
        fit each other, or a node is read by nobody.
    """

    assets: tuple[str, ...]
    nodes: tuple[Node, ...]
    price_of: tuple[str, ...]
    epoch_s: int = 0
    order: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.assets or len(self.price_of) != len(self.assets):
            raise FeedError(
                f"{len(self.assets)} assets and {len(self.price_of)} price sources.",
                remedy="Give the name of one node an asset.",
            )
        object.__setattr__(self, "order", evaluation_order(self.nodes))
        check_fit(self.nodes, len(self.assets))
        check_read(self.nodes, self.assets, self.price_of)

    @property
    def sources(self) -> tuple[PriceSource, ...]:
        """Return the nodes' sources."""
        return tuple(node.source for node in self.nodes)

    @property
    def decimals(self) -> tuple[int, ...]:
        """Return the decimals of each asset's raw price."""
        each = {node.name: node.source.decimals for node in self.nodes}
        return tuple(each[name] for name in self.price_of)

    def findings(self) -> list[Finding]:
        """Return what a reader must know about the sources, in their order."""
        return [finding for source in self.sources for finding in source.findings()]

    def start(
        self, time_s: float, prices: ArrayLike, *, first_scenario: int = 0, inputs: Inputs | None = None
    ) -> GraphState:
        """Return the state of all sources settled on ``prices``, (n, [venue,] asset).

        Parameters, and errors, are those of `advance` and `propagate`.
        """
        view, paths = self._view(
            [time_s], views.moment(prices, self.assets), views.moments(inputs), first_scenario
        )
        return self._start(view, paths)

    def advance(
        self, state: GraphState, time_s: float, prices: ArrayLike, *, inputs: Inputs | None = None
    ) -> tuple[GraphState, Ints]:
        """Let one moment pass for every source.

        Parameters
        ----------
        state : GraphState
        time_s : float
        prices : (n, asset) or (n, venue, asset) array_like of float
            As in `propagate`.
        inputs : mapping of node name to scalar or (n,) array_like of int, optional
            As in `propagate`.

        Returns
        -------
        GraphState
        (n, asset) int64
            Raw oracle prices.
        """
        after, answers = self.fold(
            state, [time_s], views.moment(prices, self.assets), inputs=views.moments(inputs)
        )
        return after, answers[:, 0]

    def fold(
        self,
        state: GraphState | None,
        time_s: ArrayLike,
        market_price: ArrayLike,
        *,
        first_scenario: int = 0,
        inputs: Inputs | None = None,
    ) -> tuple[GraphState, Ints]:
        """Return the state at the end of market paths and the oracle paths; see `propagate`."""
        view, paths = self._view(time_s, market_price, inputs, first_scenario)
        since = float(view.time_s[0]) if state is None else state.time_s + self.epoch_s
        views.check_times(view.time_s, since)
        if state is None:
            first = views.first_of(view)
            state = self._start(first, {k: path[:, :1] for k, path in paths.items()})
        before = state.nodes
        after: list[Any] = [None] * len(self.nodes)

        def step(k: int, seen: View) -> Ints:
            after[k], answers = self.nodes[k].source.fold(before[k], seen)
            return answers

        answers = self._evaluated(step, view, paths)
        end = GraphState(float(view.time_s[-1]) - self.epoch_s, tuple(after))
        return end, np.stack([answers[name] for name in self.price_of], axis=-1)

    def propagate(
        self,
        time_s: ArrayLike,
        market_price: ArrayLike,
        state: GraphState | None = None,
        *,
        first_scenario: int = 0,
        inputs: Inputs | None = None,
    ) -> Ints:
        """Return the oracle paths of market paths; the fold of `advance`.

        Parameters
        ----------
        time_s : (T,) array_like of float
            Never decreasing.
        market_price : (n, T, asset) or (n, T, venue, asset) array_like of float
            Per whole token in the market's base currency: USD, or ETH where the market
            counts in ETH.  Venues are reduced to their upper median, one venue's print
            moves nothing until more than half agree, except where a feed states its
            `Observers`.
        state : GraphState, optional
            Without one every source starts settled on the first prices.
        first_scenario : int
            Number of the first scenario, so that a block draws the delays the whole would.
        inputs : mapping of node name to (T,) or (n, T) array_like of int, optional
            Paths of `Level` nodes, raw; without one a level follows its own rule.

        Returns
        -------
        (n, T, asset) int64
            Raw oracle prices, `decimals` each; Python integers where 64 bits are too few.

        Raises
        ------
        FeedError
            If a price, time or input is impossible or shapes disagree.
        """
        return self.fold(state, time_s, market_price, first_scenario=first_scenario, inputs=inputs)[1]

    def propagate_blocks(
        self, time_s: ArrayLike, blocks: Iterable[ArrayLike], *, inputs: Inputs | None = None
    ) -> Iterator[Ints]:
        """Yield the oracle paths of one block of scenarios after another.

        Memory holds one block at a time, and the result is that of the whole.

        Parameters
        ----------
        time_s : (T,) array_like of float
        blocks : iterable of (n, T, [venue,] asset) array_like of float
            Consecutive scenarios.
        inputs : mapping of node name to (T,) or (all scenarios, T) array_like of int, optional

        Yields
        ------
        (n, T, asset) int64
        """
        first = 0
        for block in blocks:
            market = np.asarray(block, dtype=np.float64)
            here = {
                name: path if np.ndim(path) < 2 else np.asarray(path)[first : first + len(market)]
                for name, path in (inputs or {}).items()
            }
            yield self.propagate(time_s, market, first_scenario=first, inputs=here)
            first += len(market)

    def scenarios_within(self, memory_bytes: int, times: int) -> int:
        """Return how many scenarios of so many moments a block of `propagate_blocks` may have.

        Counts the block itself, the answers of every node and of every asset, and what one
        node needs while it is evaluated; not the interpreter, nor answers of Python integers.

        Parameters
        ----------
        memory_bytes : int
            What a block may take.
        times : int
            Moments of the paths.

        Raises
        ------
        FeedError
            If not even one scenario fits.
        """
        columns = 2 * len(self.assets) + len(self.nodes) + _WORKING_COLUMNS
        size = memory_bytes // (8 * times * columns) if times > 0 else 0
        if size < 1:
            raise FeedError(
                f"{memory_bytes} bytes hold no scenario of {times} moments and {len(self.assets)} assets.",
                remedy="Give more memory, or propagate shorter stretches with `fold`.",
            )
        return size

    def settled(
        self,
        prices: ArrayLike,
        *,
        last_raw: ArrayLike | None = None,
        time_s: float = 0.0,
        inputs: Inputs | None = None,
    ) -> Ints:
        """Return the raw prices reached when the market stays at ``prices``.

        Parameters
        ----------
        prices : (n, asset) or (n, venue, asset) array_like of float
            As in `propagate`.
        last_raw : (asset,) or (n, asset) array_like of int, optional
            Raw prices before; needed where a source freezes.
        time_s : float
            When it is, on the caller's clock, for what depends on the date.
        inputs : mapping of node name to scalar or (n,) array_like of int, optional

        Returns
        -------
        (n, asset) int64
        """
        view, paths = self._view([time_s], views.moment(prices, self.assets), views.moments(inputs), 0)
        before: dict[str, Ints] = {}
        if last_raw is not None:
            last = narrowed(np.asarray(last_raw))
            last = np.broadcast_to(last, (len(view), len(self.assets)))
            before = {name: last[:, self.price_of.index(name)] for name in self.price_of}

        def step(k: int, seen: View) -> Ints:
            return self.nodes[k].source.settled(seen, before.get(self.nodes[k].name))[:, None]

        answers = self._evaluated(step, view, paths)
        return np.stack([answers[name][:, 0] for name in self.price_of], axis=-1)

    def _view(
        self, time_s: ArrayLike, market_price: ArrayLike, inputs: Inputs | None, first_scenario: int
    ) -> tuple[View, dict[str, Ints]]:
        """Return what all nodes see, and the paths of the inputs, (n, T)."""
        view = views.view_of(self.assets, self.epoch_s, time_s, market_price, first_scenario)
        levels = [node.name for node in self.nodes if isinstance(node.source, Level)]
        shape = (len(view), len(view.time_s))
        return view, {
            name: views.input_path(name, path, levels, shape) for name, path in (inputs or {}).items()
        }

    def _start(self, view: View, paths: Mapping[str, Ints]) -> GraphState:
        views.check_times(view.time_s, float(view.time_s[0]))
        states: list[Any] = [None] * len(self.nodes)

        def step(k: int, seen: View) -> Ints:
            states[k], answers = self.nodes[k].source.start(seen)
            return answers[:, None]

        self._evaluated(step, view, paths)
        return GraphState(float(view.time_s[0]) - self.epoch_s, tuple(states))

    def _evaluated(
        self, step: Callable[[int, View], Ints], view: View, paths: Mapping[str, Ints]
    ) -> dict[str, Ints]:
        """Return every node's answers, children first."""
        answers: dict[str, Ints] = {}
        for k in self.order:
            node = self.nodes[k]
            children = tuple(answers[name] for name in node.children)
            answers[node.name] = step(k, replace(view, children=children, path=paths.get(node.name)))
        return answers


def graph_of(
    assets: Sequence[str],
    descriptions: Sequence[str],
    decimals: Sequence[int] | int = 8,
    *,
    chain_id: int = 1,
    reads: Mapping[str, str] | None = None,
) -> OracleGraph:
    """Return a graph with one feed per description, settings from `oracles.facts`.

    Parameters
    ----------
    assets : sequence of str
        In the order of the price columns.
    descriptions : sequence of str
        Description of the feed each asset reads; assets naming the same one share it.  An
        empty one means that nothing is known: the asset gets a feed of its own with
        assumed settings.
    decimals : int or sequence of int
        Decimals of the raw price, one for all or one an asset.
    chain_id : int
    reads : mapping of description to asset, optional
        Which asset's market price a shared feed observes; by default the first that reads it.

    Raises
    ------
    FeedError
        If lengths disagree, assets sharing a feed disagree on decimals, or ``reads``
        names an unknown asset or feed.
    """
    n = len(assets)
    each = [decimals] * n if isinstance(decimals, int) else list(decimals)
    if not n == len(descriptions) == len(each):
        raise FeedError(
            f"{n} assets, {len(descriptions)} descriptions and {len(each)} decimals.",
            remedy="Give one of each an asset.",
        )
    names = [d if d.strip() else f"unknown feed of {a}" for a, d in zip(assets, descriptions, strict=True)]
    order = list(dict.fromkeys(names))
    columns = {name: names.index(name) for name in order} | _columns(assets, order, reads or {})
    for name, digits in zip(names, each, strict=True):
        if digits != each[names.index(name)]:
            raise FeedError(
                f"feed {name!r} is read with {digits} and {each[names.index(name)]} decimals.",
                remedy="Give assets that share a feed the same decimals.",
            )
    nodes = (
        Node(name, FeedSource(feed_for(name, each[names.index(name)], chain_id=chain_id), columns[name]))
        for name in order
    )
    return OracleGraph(tuple(assets), tuple(nodes), tuple(names))


def _columns(assets: Sequence[str], feeds: Sequence[str], reads: Mapping[str, str]) -> dict[str, int]:
    for feed, asset in reads.items():
        if feed not in feeds or asset not in assets:
            raise FeedError(
                f"reads: {feed!r} observes {asset!r}, but the graph has no such feed or asset.",
                remedy="Name a feed by its description and an asset of the market.",
            )
    return {feed: list(assets).index(asset) for feed, asset in reads.items()}
