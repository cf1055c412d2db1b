"""A `Venue`: its books, margin tiers, mark price, liquidation engine and funding.

What it holds is open interest (`positions`).  A venue without open interest is a spot market: its book takes
part in price and index.  Files of venues are read by `profile`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from abis.errors import InputError, UnknownAsset
from risk.venues.book import Book
from risk.venues.margin import Tiers


class MarkKind(StrEnum):
    """How a mark price is made."""

    WEIGHTED = "weighted"  # index and own price, weighted, the own within a band of the index
    MEDIAN = "median"  # of index plus average premium, own price, and index


@dataclass(frozen=True, slots=True)
class MarkRule:
    """The price margin is measured at.

    Parameters
    ----------
    kind : MarkKind
    index_weight : float
        Of the index where weighted, in [0, 1].
    band : float
        How far the own price counts at most, relative to the index.
    average_s : float
        Time constant of the average premium over the index.
    """

    kind: MarkKind = MarkKind.WEIGHTED
    index_weight: float = 0.0
    band: float = 1.0
    average_s: float = 150.0

    def __post_init__(self) -> None:
        _require(0.0 <= self.index_weight <= 1.0, f"an index weight of {self.index_weight}", "from 0 to 1")
        _require(0.0 < self.band <= 1.0, f"a band of {self.band} about the index", "above 0, at most 1")
        _require(self.average_s > 0.0, f"an average over {self.average_s} s", "above 0")


@dataclass(frozen=True, slots=True)
class LiquidationEngine:
    """What a venue does with a position below maintenance margin.

    Parameters
    ----------
    partial_share : float
        Of a large position that is closed first, in (0, 1].
    partial_above_usd : float
        What counts as large.
    cooldown_s : float
        Before the rest follows.
    lag : float
        How far beyond the liquidation price this engine acts, relative, if engines are not synchronised.
    fee : float
        Of notional, kept from what is left after a full close.
    backstop_share : float
        Of maintenance margin: with less equity the backstop vault takes the position; 0 for no vault.
    backstop_unwind_s : float
        Time constant in which the vault sells what it took.
    adl : bool
        Whether opposing positions are closed at the bankruptcy price where the fund cannot pay.
    """

    partial_share: float = 1.0
    partial_above_usd: float = np.inf
    cooldown_s: float = 0.0
    lag: float = 0.0
    fee: float = 0.0
    backstop_share: float = 0.0
    backstop_unwind_s: float = 600.0
    adl: bool = True

    def __post_init__(self) -> None:
        _require(
            0.0 < self.partial_share <= 1.0, f"a partial share of {self.partial_share}", "above 0, at most 1"
        )
        _require(self.partial_above_usd > 0.0, f"partial above {self.partial_above_usd} USD", "above 0")
        _require(self.cooldown_s >= 0.0, f"a cooldown of {self.cooldown_s} s", "at least 0")
        _require(0.0 <= self.lag < 1.0, f"a lag of {self.lag}", "from 0, below 1")
        _require(0.0 <= self.fee < 1.0, f"a fee of {self.fee}", "from 0, below 1")
        _require(0.0 <= self.backstop_share < 1.0, f"a backstop at {self.backstop_share}", "from 0, below 1")
        _require(self.backstop_unwind_s > 0.0, f"unwinding in {self.backstop_unwind_s} s", "above 0")


@dataclass(frozen=True, slots=True)
class Funding:
    """What longs pay shorts: ``premium + clamp(interest - premium, +-clamp)`` per eight hours.

    Parameters
    ----------
    interval_s : float
        Between two payments; each is its part of the eight-hour rate.
    interest : float
        Per eight hours.
    clamp : float
    cap : float
        Of one payment, either way.
    """

    interval_s: float = 28_800.0
    interest: float = 0.0001
    clamp: float = 0.0005
    cap: float = 0.04

    def __post_init__(self) -> None:
        _require(self.interval_s > 0.0, f"funding every {self.interval_s} s", "above 0")
        _require(abs(self.interest) < 1.0, f"an interest of {self.interest}", "a fraction")
        _require(self.clamp >= 0.0 and self.cap >= 0.0, f"clamp {self.clamp}, cap {self.cap}", "at least 0")


@dataclass(frozen=True)
class Venue:
    """One venue.

    Parameters
    ----------
    name : str
    books : mapping of asset name to Book
        At least one: a venue without a book has no price.
    margin : mapping of asset name to Tiers
        Of the assets that are traded with leverage.
    mark, engine, funding
    fund_usd : float
        Insurance fund or backstop vault, US dollars.
    index_weight : float
        Of its prices in the index all venues share.
    arbitrage_per_s : float
        Rate at which its price is pulled to the others'; 0 while withdrawals are halted.

    Raises
    ------
    InputError
        If there is no book, a margin without a book, or a number outside its range.
    """

    name: str
    books: Mapping[str, Book]
    margin: Mapping[str, Tiers] = field(default_factory=dict)
    mark: MarkRule = field(default_factory=MarkRule)
    engine: LiquidationEngine = field(default_factory=LiquidationEngine)
    funding: Funding = field(default_factory=Funding)
    fund_usd: float = 0.0
    index_weight: float = 1.0
    arbitrage_per_s: float = 0.0

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("a venue without a name.", remedy="Name it.")
        if not self.books:
            raise InputError(
                f"venue '{self.name}' has no book.", remedy="Give the depth of at least one asset."
            )
        lone = next((a for a in self.margin if a not in self.books), None)
        if lone is not None:
            raise InputError(
                f"venue '{self.name}' has margin tiers for '{lone}' but no book.",
                remedy="Give its depth, or drop its tiers.",
            )
        _require(self.fund_usd >= 0.0, f"a fund of {self.fund_usd} USD", "at least 0")
        _require(self.index_weight >= 0.0, f"an index weight of {self.index_weight}", "at least 0")
        _require(self.arbitrage_per_s >= 0.0, f"arbitrage of {self.arbitrage_per_s} a second", "at least 0")

    def tiers(self, asset: str) -> Tiers:
        """Return the margin tiers of an asset.

        Raises
        ------
        UnknownAsset
            If it is not traded with leverage here.
        """
        if asset not in self.margin:
            raise UnknownAsset(
                f"venue '{self.name}' has no margin tiers for '{asset}'.",
                remedy=f"It has {', '.join(self.margin) or 'none'}.",
            )
        return self.margin[asset]

    def halted(self) -> Venue:
        """Return the venue with withdrawals halted: nobody carries its price to the others'."""
        return replace(self, arbitrage_per_s=0.0)

    def with_depth(self, factor: float) -> Venue:
        """Return the venue with every book ``factor`` times as deep."""
        _require(factor > 0.0, f"a depth factor of {factor}", "above 0")
        books = {a: replace(b, depth_usd=b.depth_usd * factor) for a, b in self.books.items()}
        return replace(self, books=books)


def _require(holds: bool, what: str, wanted: str) -> None:
    if not holds:
        raise InputError(f"{what}.", remedy=f"Give a number {wanted}.")
