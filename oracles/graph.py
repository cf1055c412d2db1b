"""All price sources of one market: from market prices to the row of raw oracle prices.

Each asset reads one source (`oracles.sources`); assets that read the same source move at
the same update.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from abis.findings import Finding
from oracles.answers import upper_median
from oracles.facts import feed_for
from oracles.sources import FeedSource, PriceSource

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


GraphState = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class OracleGraph:
    """Every asset's price source.

    Parameters
    ----------
    assets : tuple of str
        Names, in the order of the market's reserves and of the price columns.
    sources : tuple of PriceSource
        Each source once.
    source_of : tuple of int
        For each asset the index of its source.

    Raises
    ------
    FeedError
        If the graph is empty, an index is out of range or a source is read by nobody.
    """

    assets: tuple[str, ...]
    sources: tuple[PriceSource, ...]
    source_of: tuple[int, ...]

    def __post_init__(self) -> None:
        n = len(self.assets)
        if n == 0 or len(self.source_of) != n:
            raise FeedError(
                f"{n} assets and {len(self.source_of)} source indices.", remedy="Give one index an asset."
            )
        if set(self.source_of) != set(range(len(self.sources))):
            raise FeedError(
                f"source indices {self.source_of!r} do not name {len(self.sources)} sources.",
                remedy="Name every source at least once, from 0.",
            )
        for source in self.sources:
            if not all(0 <= k < n for k in source.reads):
                raise FeedError(
                    f"source {source.name!r} reads columns {source.reads!r} of {n} assets.",
                    remedy="Give columns from 0 to the number of assets less one.",
                )

    @property
    def decimals(self) -> tuple[int, ...]:
        """Return the decimals of each asset's raw price."""
        return tuple(self.sources[k].decimals for k in self.source_of)

    def findings(self) -> list[Finding]:
        """Return what a reader must know about the sources, in their order."""
        return [finding for source in self.sources for finding in source.findings()]

    def start(self, time_s: float, prices: ArrayLike, *, first_scenario: int = 0) -> GraphState:
        """Return the state of all sources settled on ``prices``, (n, [venue,] asset)."""
        market = self._market(prices, ndim=2)
        return tuple(s.start(time_s, market, first_scenario) for s in self.sources)

    def advance(self, state: GraphState, time_s: float, prices: ArrayLike) -> tuple[GraphState, Ints]:
        """Let one moment pass for every source.

        Parameters
        ----------
        state : GraphState
        time_s : float
        prices : (n, asset) or (n, venue, asset) array_like of float
            As in `propagate`.

        Returns
        -------
        GraphState
        (n, asset) int64
            Raw oracle prices.
        """
        market = self._market(prices, ndim=2)
        stepped = [s.advance(old, time_s, market) for s, old in zip(self.sources, state, strict=True)]
        answers = np.stack([raw for _, raw in stepped], axis=-1)
        return tuple(new for new, _ in stepped), answers[:, list(self.source_of)]

    def propagate(
        self,
        time_s: ArrayLike,
        market_price: ArrayLike,
        state: GraphState | None = None,
        *,
        first_scenario: int = 0,
    ) -> Ints:
        """Return the oracle paths of market paths; the fold of `advance`.

        Parameters
        ----------
        time_s : (T,) array_like of float
            Never decreasing.
        market_price : (n, T, asset) or (n, T, venue, asset) array_like of float
            Per whole token in the market's base currency: USD, or ETH where the market
            counts in ETH.  Venues are reduced to their upper median: one venue's print
            moves nothing until more than half agree.
        state : GraphState, optional
            Without one every source starts settled on the first prices.
        first_scenario : int
            Number of the first scenario, so that a block draws the delays the whole would.

        Returns
        -------
        (n, T, asset) int64
            Raw oracle prices, `decimals` each.

        Raises
        ------
        FeedError
            If a price or time is impossible or shapes disagree.
        """
        market = self._market(market_price, ndim=3)
        times = np.array(time_s, dtype=np.float64, ndmin=1)
        if state is None:
            state = self.start(times[0], market[:, 0], first_scenario=first_scenario)
        answers = [s.fold(old, times, market)[1] for s, old in zip(self.sources, state, strict=True)]
        return np.stack(answers, axis=-1)[:, :, list(self.source_of)]

    def settled(self, prices: ArrayLike, *, last_raw: ArrayLike | None = None) -> Ints:
        """Return the raw prices reached when the market stays at ``prices``.

        Parameters
        ----------
        prices : (n, asset) or (n, venue, asset) array_like of float
            As in `propagate`.
        last_raw : (asset,) or (n, asset) array_like of int, optional
            Raw prices before; needed where a source freezes.

        Returns
        -------
        (n, asset) int64
        """
        market = self._market(prices, ndim=2)
        last: Ints | None = None
        if last_raw is not None:
            last = np.broadcast_to(np.asarray(last_raw, dtype=np.int64), market.shape)
        first_reader = [self.source_of.index(k) for k in range(len(self.sources))]
        answers = [
            s.settled(market, None if last is None else last[:, k])
            for s, k in zip(self.sources, first_reader, strict=True)
        ]
        return np.stack(answers, axis=-1)[:, list(self.source_of)]

    def _market(self, prices: ArrayLike, *, ndim: int) -> Floats:
        """Return prices with the venues reduced to their upper median."""
        values = np.asarray(prices, dtype=np.float64)
        if values.ndim not in (ndim, ndim + 1) or values.shape[-1] != len(self.assets) or 0 in values.shape:
            axes = "(scenario, asset)" if ndim == 2 else "(scenario, time, asset)"
            raise FeedError(
                f"prices of shape {values.shape} for {len(self.assets)} assets.",
                remedy=f"Give {axes}, with the venues before the assets if there are any.",
            )
        if values.ndim == ndim:
            return values
        bad = ~((values > 0) & (values < np.inf))
        if bad.any():
            *_, venue, asset = (int(k) for k in np.argwhere(bad)[0])
            raise FeedError(
                f"{self.assets[asset]!r} has an impossible price on venue {venue}.",
                remedy="Give positive finite prices on every venue.",
            )
        return upper_median(np.moveaxis(values, -2, -1))


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
    sources = tuple(
        FeedSource(feed_for(name, each[names.index(name)], chain_id=chain_id), columns[name])
        for name in order
    )
    return OracleGraph(tuple(assets), sources, tuple(order.index(name) for name in names))


def _columns(assets: Sequence[str], feeds: Sequence[str], reads: Mapping[str, str]) -> dict[str, int]:
    for feed, asset in reads.items():
        if feed not in feeds or asset not in assets:
            raise FeedError(
                f"reads: {feed!r} observes {asset!r}, but the graph has no such feed or asset.",
                remedy="Name a feed by its description and an asset of the market.",
            )
    return {feed: list(assets).index(asset) for feed, asset in reads.items()}
