"""Averages, delays and choices as nodes of an oracle graph.

Pools and signed prices observe the market; the security module and the anchored price read
other nodes.  What each does is in its own module; here it only gets the graph's face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abis.errors import FeedError
from abis.findings import Finding
from oracles import anchored, curve_ema, lagging_mean, osm, pyth, twap
from oracles.feed import MAX_DECIMALS
from oracles.sources import Ints, View

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Which market prices a pool or a signed price is about.

    Parameters
    ----------
    base : int
        Market column of what is priced.
    quote : int, optional
        Market column of what it is priced in; None for the market's own currency.
    """

    base: int
    quote: int | None = None

    @property
    def columns(self) -> tuple[int, ...]:
        """Return the market columns."""
        return (self.base,) if self.quote is None else (self.base, self.quote)

    def price(self, name: str, view: View) -> Floats:
        """Return the (n, T) prices of the base in the quote.

        Raises
        ------
        FeedError
            If the quote's price is not positive and finite; maps check the base's.
        """
        base = view.market[:, :, self.base]
        if self.quote is None:
            return base
        quote = view.market[:, :, self.quote]
        bad = ~((quote > 0) & (quote < np.inf))
        if bad.any():
            raise FeedError(
                f"{name}: quote price {float(quote[bad][0])!r} in column {self.quote} is impossible.",
                remedy="Give positive finite prices; fill or cut gaps before.",
            )
        return np.asarray(base / quote)


def _check_decimals(name: str, decimals: int) -> None:
    if not 0 <= decimals <= MAX_DECIMALS:
        raise FeedError(f"{name}: {decimals!r} decimals.", remedy=f"Give 0 .. {MAX_DECIMALS}.")


class _OfPair:
    """What every source that observes a pair shares."""

    __slots__ = ()

    pair: Pair

    @property
    def reads(self) -> tuple[int, ...]:
        """Return the columns of base and quote."""
        return self.pair.columns

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return nothing: it reads no other node."""
        return ()

    def findings(self) -> list[Finding]:
        """Return nothing: window, tokens, cap and how it is read are the contract's or its reader's."""
        return []


@dataclass(frozen=True, slots=True)
class TwapSource(_OfPair):
    """A Uniswap v3 mean price, `oracles.twap`; the pool follows the market."""

    pool: twap.TwapPool
    pair: Pair

    @property
    def decimals(self) -> int:
        """Return the decimals of its answers."""
        return self.pool.decimals

    def start(self, view: View) -> tuple[twap.TwapState, Ints]:
        """Return a pool that has stood at the price for a whole window, and its answers."""
        price = self.pair.price(self.pool.name, view)[:, 0]
        return twap.start(self.pool, float(view.time_s[0]), price), twap.settled(self.pool, price)

    def fold(self, state: twap.TwapState, view: View) -> tuple[twap.TwapState, Ints]:
        """Return the last state and (n, T) answers."""
        return twap.fold(self.pool, state, view.time_s, self.pair.price(self.pool.name, view))

    def settled(self, view: View, last_raw: Ints | None) -> Ints:
        """Return the answers after a window at the price."""
        return twap.settled(self.pool, self.pair.price(self.pool.name, view)[:, 0])


@dataclass(frozen=True, slots=True)
class LaggingMeanSource(_OfPair):
    """A Uniswap v2 mean price over Compound's window, `oracles.lagging_mean`."""

    mean: lagging_mean.LaggingMean
    pair: Pair

    @property
    def decimals(self) -> int:
        """Return the decimals of its answers."""
        return self.mean.decimals

    def start(self, view: View) -> tuple[lagging_mean.LaggingState, Ints]:
        """Return a window that has just rolled over a pool at the price, and its answers."""
        price = self.pair.price(self.mean.name, view)[:, 0]
        state = lagging_mean.start(self.mean, float(view.time_s[0]), price)
        return state, lagging_mean.settled(self.mean, price)

    def fold(self, state: lagging_mean.LaggingState, view: View) -> tuple[lagging_mean.LaggingState, Ints]:
        """Return the last state and (n, T) answers."""
        return lagging_mean.fold(self.mean, state, view.time_s, self.pair.price(self.mean.name, view))

    def settled(self, view: View, last_raw: Ints | None) -> Ints:
        """Return the answers after two periods at the price."""
        return lagging_mean.settled(self.mean, self.pair.price(self.mean.name, view)[:, 0])


@dataclass(frozen=True, slots=True)
class CurveSource(_OfPair):
    """A Curve pool's moving average, `oracles.curve_ema`; the pool follows the market."""

    pool: curve_ema.CurvePool
    pair: Pair

    @property
    def decimals(self) -> int:
        """Return 18."""
        return curve_ema.DECIMALS

    def start(self, view: View) -> tuple[curve_ema.CurveState, Ints]:
        """Return a pool that has long stood at the price, and its answers."""
        price = self.pair.price(self.pool.name, view)[:, 0]
        state = curve_ema.start(self.pool, float(view.time_s[0]), price)
        return state, state.ema_raw

    def fold(self, state: curve_ema.CurveState, view: View) -> tuple[curve_ema.CurveState, Ints]:
        """Return the last state and (n, T) answers."""
        return curve_ema.fold(self.pool, state, view.time_s, self.pair.price(self.pool.name, view))

    def settled(self, view: View, last_raw: Ints | None) -> Ints:
        """Return the answers long after: the price, capped."""
        return curve_ema.settled(self.pool, self.pair.price(self.pool.name, view)[:, 0])


@dataclass(frozen=True, slots=True)
class PythSource(_OfPair):
    """A signed price, `oracles.pyth`.

    Parameters
    ----------
    feed : PythFeed
    pair : Pair
    confidence_decimals : int, optional
        Decimals of its one child, the confidence in the price's unit; None for no child and
        no confidence.
    """

    feed: pyth.PythFeed
    pair: Pair
    confidence_decimals: int | None = None

    @property
    def decimals(self) -> int:
        """Return the decimals of its answers."""
        return self.feed.decimals

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of the confidence, if it reads one."""
        return () if self.confidence_decimals is None else (self.confidence_decimals,)

    def start(self, view: View) -> tuple[pyth.PythState, Ints]:
        """Return the state after a post of the market as it is, and its answers."""
        price, conf = self._inputs(view)
        first = None if conf is None else conf[:, 0]
        state = pyth.start(self.feed, float(view.time_s[0]), price[:, 0], first)
        return state, state.posted_raw

    def fold(self, state: pyth.PythState, view: View) -> tuple[pyth.PythState, Ints]:
        """Return the last state and (n, T) answers, 0 where the contract refuses."""
        return pyth.fold(self.feed, state, view.time_s, *self._inputs(view))

    def settled(self, view: View, last_raw: Ints | None) -> Ints:
        """Return the answers once the market has been posted."""
        price, conf = self._inputs(view)
        return pyth.settled(self.feed, price[:, 0], None if conf is None else conf[:, 0])

    def _inputs(self, view: View) -> tuple[Floats, Floats | None]:
        price = self.pair.price(self.feed.name, view)
        if self.confidence_decimals is None:
            return price, None
        return price, view.children[0].astype(np.float64) / 10.0**self.confidence_decimals


@dataclass(frozen=True, slots=True)
class OsmSource:
    """Maker's security module over its one child, `oracles.osm`, with the child's decimals."""

    module: osm.Osm
    decimals: int

    def __post_init__(self) -> None:
        _check_decimals(self.module.name, self.decimals)

    @property
    def reads(self) -> tuple[int, ...]:
        """Return no market column."""
        return ()

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of the source it delays."""
        return (self.decimals,)

    def start(self, view: View) -> tuple[osm.OsmState, Ints]:
        """Return a module whose source has not moved for two hops, and its answers."""
        state = osm.start(self.module, float(view.time_s[0]), view.children[0][:, 0])
        return state, state.current_raw

    def fold(self, state: osm.OsmState, view: View) -> tuple[osm.OsmState, Ints]:
        """Return the last state and (n, T) answers."""
        return osm.fold(self.module, state, view.time_s, view.children[0])

    def settled(self, view: View, last_raw: Ints | None) -> Ints:
        """Return the source's answers: two hops later they are the module's."""
        return osm.settled(view.children[0][:, 0])

    def findings(self) -> list[Finding]:
        """Return nothing: the hop is the contract's."""
        return []


@dataclass(frozen=True, slots=True)
class AnchoredSource:
    """A reporter, its first child, believed near an anchor, its second: `oracles.anchored`."""

    anchor: anchored.Anchor
    decimals: int

    def __post_init__(self) -> None:
        _check_decimals(self.anchor.name, self.decimals)

    @property
    def reads(self) -> tuple[int, ...]:
        """Return no market column."""
        return ()

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of reporter and anchor, which must be one."""
        return (self.decimals, self.decimals)

    def start(self, view: View) -> tuple[anchored.AnchoredState, Ints]:
        """Return the state after a first posting, and its answers."""
        reporter, mean = (child[:, 0] for child in view.children)
        state = anchored.start(self.anchor, float(view.time_s[0]), reporter, mean)
        return state, state.price_raw

    def fold(self, state: anchored.AnchoredState, view: View) -> tuple[anchored.AnchoredState, Ints]:
        """Return the last state and (n, T) answers."""
        return anchored.fold(self.anchor, state, view.time_s, *view.children)

    def settled(self, view: View, last_raw: Ints | None) -> Ints:
        """Return the reporter's answers where accepted, else what was said before, or 0."""
        reporter, mean = (child[:, 0] for child in view.children)
        last = np.zeros_like(reporter) if last_raw is None else last_raw
        return anchored.settled(self.anchor, reporter, mean, last)

    def findings(self) -> list[Finding]:
        """Return nothing: the tolerance is the contract's."""
        return []
