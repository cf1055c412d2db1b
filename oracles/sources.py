"""What an asset's price is read from.

One kind is here, a Chainlink feed.  Adapters that compose or cap feeds are further
kinds: the graph knows of any kind only what `PriceSource` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from abis.findings import Finding
from oracles import chainlink
from oracles.facts import assumptions
from oracles.feed import PriceFeed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class PriceSource(Protocol):
    """What the graph asks of any kind of price source.

    Prices are (n, asset): every source sees the whole market and picks what it reads, so
    a source made of other sources just passes them on.  ``settled`` answers what the
    source says once the market has stayed put, given what it said before.
    """

    @property
    def name(self) -> str:
        """Return what to call the source; untrusted text."""

    @property
    def decimals(self) -> int:
        """Return the decimals of its answers."""

    @property
    def reads(self) -> tuple[int, ...]:
        """Return the market columns it depends on."""

    def start(self, time_s: float, prices: Floats, first_scenario: int) -> Any:
        """Return the state of the source settled on ``prices``."""

    def advance(self, state: Any, time_s: float, prices: Floats) -> tuple[Any, Ints]:
        """Return the next state and its (n,) raw answers."""

    def fold(self, state: Any, time_s: Floats, prices: Floats) -> tuple[Any, Ints]:
        """Return the last state and (n, T) raw answers: `advance` along (n, T, asset)."""

    def settled(self, prices: Floats, last_raw: Ints | None) -> Ints:
        """Return the (n,) raw answers the source reaches."""

    def findings(self) -> list[Finding]:
        """Return what a reader must know about it."""


@dataclass(frozen=True, slots=True)
class FeedSource:
    """An asset's price read straight from one feed.

    Parameters
    ----------
    feed : PriceFeed
    column : int
        Market column the feed observes: not always the asset's own (USDe may read the
        USDT feed).
    """

    feed: PriceFeed
    column: int

    @property
    def name(self) -> str:
        """Return the feed's description."""
        return self.feed.description

    @property
    def decimals(self) -> int:
        """Return the decimals of the feed's answers."""
        return self.feed.decimals

    @property
    def reads(self) -> tuple[int, ...]:
        """Return the one market column."""
        return (self.column,)

    def start(self, time_s: float, prices: Floats, first_scenario: int) -> chainlink.FeedState:
        """Return the feed's state settled on ``prices``."""
        return chainlink.start(self.feed, time_s, prices[:, self.column], first_stream=first_scenario)

    def advance(
        self, state: chainlink.FeedState, time_s: float, prices: Floats
    ) -> tuple[chainlink.FeedState, Ints]:
        """Return the next state and its (n,) answers."""
        return chainlink.advance(self.feed, state, time_s, prices[:, self.column])

    def fold(
        self, state: chainlink.FeedState, time_s: Floats, prices: Floats
    ) -> tuple[chainlink.FeedState, Ints]:
        """Return the last state and (n, T) answers."""
        return chainlink.fold(self.feed, state, time_s, prices[:, :, self.column])

    def settled(self, prices: Floats, last_raw: Ints | None) -> Ints:
        """Return the (n,) answers the feed reaches."""
        return chainlink.settled(self.feed, prices[:, self.column], last_raw=last_raw)

    def findings(self) -> list[Finding]:
        """Return a finding for each setting nobody stated."""
        return assumptions(self.feed)
