"""What a price is made from: the interface of every kind of source, and the plain feed.

A source is a pure map with state.  Leaves read the market, adapters read the answers of
other sources, some do both; `oracles.graph` wires them.  A kind has one map, ``fold``, over
a stretch of time of any length: splitting the stretch anywhere must change nothing, so a
single moment is just a short one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from abis.errors import FeedError
from abis.findings import Finding
from oracles import chainlink
from oracles.facts import assumptions
from oracles.feed import PriceFeed
from oracles.observers import Observers

Floats = NDArray[np.float64]
Ints = NDArray[Any]  # int64; Python integers (dtype object) from kinds whose answers are wider


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """What a source sees of ``n`` scenarios during ``T`` moments.

    Parameters
    ----------
    time_s : (T,) float64
        Block times: the caller's clock plus the graph's ``epoch_s``.  Checked: finite, never
        decreasing.
    market : (n, T, asset) float64
        Market prices, the upper median of the venues.  A source checks those it reads.
    children : tuple of (n, T) int64
        Raw answers of the sources this one reads, in its order.  Not to be changed.
    venues : (n, T, venue, asset) float64, optional
        Market prices venue by venue, where the caller has them.
    path : (n, T) int64, optional
        The scenario's values for this very node; only `oracles.levels.Level` takes one.
    first_scenario : int
        Number of the first scenario, so that a block draws what the whole would.
    """

    time_s: Floats
    market: Floats
    children: tuple[Ints, ...] = ()
    venues: Floats | None = None
    path: Ints | None = None
    first_scenario: int = 0

    def __len__(self) -> int:
        return len(self.market)


class PriceSource(Protocol):
    """What the graph asks of any kind of source.

    An answer of 0 is a refusal (the contract reverts or says so): lending protocols take no
    price of 0 or less.
    """

    @property
    def decimals(self) -> int:
        """Return the decimals of its answers."""

    @property
    def reads(self) -> tuple[int, ...]:
        """Return the market columns it observes itself."""

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return, for each child in order, the decimals it must have; None for any."""

    def start(self, view: View) -> tuple[Any, Ints]:
        """Return the state settled on a view of one moment, and its (n,) answers."""

    def fold(self, state: Any, view: View) -> tuple[Any, Ints]:
        """Return the state after the view and the (n, T) answers; changes no argument."""

    def settled(self, view: View, last_raw: Ints | None) -> Ints:
        """Return the (n,) answers reached once all stays as in a view of one moment.

        ``last_raw``, (n,), is what the source said before; needed where it freezes.
        """

    def findings(self) -> list[Finding]:
        """Return what a reader must know about it."""


class Memoryless(ABC):
    """Base of kinds whose answer depends on the moment alone."""

    __slots__ = ()

    @property
    def reads(self) -> tuple[int, ...]:
        """Return no market column: such kinds read other sources."""
        return ()

    @abstractmethod
    def answers(self, view: View) -> Ints:
        """Return the (n, T) answers."""

    def start(self, view: View) -> tuple[None, Ints]:
        """Return no state and the (n,) answers."""
        return None, self.answers(view)[:, 0]

    def fold(self, state: None, view: View) -> tuple[None, Ints]:
        """Return no state and the (n, T) answers."""
        return None, self.answers(view)

    def settled(self, view: View, last_raw: Ints | None) -> Ints:
        """Return the (n,) answers."""
        return np.asarray(self.answers(view)[:, 0])

    def findings(self) -> list[Finding]:
        """Return nothing: its parameters are the contract's."""
        return []


@dataclass(frozen=True, slots=True)
class FeedSource:
    """A deviation-and-heartbeat feed.

    Parameters
    ----------
    feed : PriceFeed
    column : int, optional
        Market column it observes: not always the asset's own (USDe may read the USDT feed).
        None: it observes its one child instead, an input such as EUR/USD.
    child_decimals : int
        Decimals of that child.
    observers : Observers, optional
        Which venues its nodes look at.  By default, or where the caller has no venues,
        they all see the market price.

    Raises
    ------
    FeedError
        If there are observers of a child.
    """

    feed: PriceFeed
    column: int | None
    child_decimals: int = 8
    observers: Observers | None = None

    def __post_init__(self) -> None:
        if self.column is None and self.observers is not None:
            raise FeedError(
                f"feed {self.feed.description!r}: observers of an input without venues.",
                remedy="Give the market column they observe, or no observers.",
            )

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
        """Return the one market column, or none."""
        return () if self.column is None else (self.column,)

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of the input, if it observes one."""
        return (self.child_decimals,) if self.column is None else ()

    def start(self, view: View) -> tuple[chainlink.FeedState, Ints]:
        """Return the feed's state settled on the price, and its answers."""
        now = float(view.time_s[0])
        state = chainlink.start(self.feed, now, self._price(view)[:, 0], first_stream=view.first_scenario)
        return state, state.answer_raw

    def fold(self, state: chainlink.FeedState, view: View) -> tuple[chainlink.FeedState, Ints]:
        """Return the last state and (n, T) answers."""
        return chainlink.fold(self.feed, state, view.time_s, self._price(view))

    def settled(self, view: View, last_raw: Ints | None) -> Ints:
        """Return the (n,) answers the feed reaches."""
        return chainlink.settled(self.feed, self._price(view)[:, 0], last_raw=last_raw)

    def findings(self) -> list[Finding]:
        """Return a finding for each setting nobody stated."""
        return assumptions(self.feed)

    def _price(self, view: View) -> Floats:
        if self.column is None:
            return np.asarray(view.children[0].astype(np.float64) / 10.0**self.child_decimals)
        if self.observers is None or view.venues is None:
            return view.market[:, :, self.column]
        return self.observers.median(view.venues[:, :, :, self.column])
