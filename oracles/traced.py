"""How a price is made, as read from the chain: a tree of sources with what each answered.

Leaves are Chainlink feeds, fixed prices, staking ratios and whatever was not recognised;
inner nodes are the adapters that cap, discount or combine them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from abis.findings import Finding
from oracles.caps import CapParameters, GrowthScale


class Kind(StrEnum):
    """What sort of source a contract is."""

    FEED = "chainlink feed"
    SVR_FEED = "chainlink SVR feed"
    FIXED = "fixed price"
    CONSTANT = "constant"
    BASE_CURRENCY = "base currency"
    RATIO = "ratio"
    RATIO_CAP = "ratio cap"
    STABLE_CAP = "stable cap"
    EUR_CAP = "cap relative to a feed"
    DISCOUNT = "linear discount"
    PEG_TO_BASE = "product of two feeds"
    BASE_TO_PEG = "quotient of two feeds"
    OPAQUE = "not recognised"


class Role(StrEnum):
    """What a source is to the adapter that reads it."""

    SOURCE = "source"
    BASE = "base"
    RATIO = "ratio"
    ASSET = "asset"
    PEG = "peg"


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """A Chainlink feed.

    Parameters
    ----------
    aggregator : str
        What stores answers and emits ``AnswerUpdated``; the source itself if there is no proxy.
    phases : tuple of str
        Every aggregator the proxy has had, oldest first; history is per phase.
    min_answer_raw, max_answer_raw : int or None
        Bounds outside which the aggregator refuses a report; None where it does not say.
    type_and_version : str
        What the aggregator calls itself; untrusted text.
    cutoff_s : int or None
        On an SVR feed, how long the private path may lag the public one; None where unknown.
    """

    aggregator: str
    phases: tuple[str, ...]
    min_answer_raw: int | None
    max_answer_raw: int | None
    type_and_version: str = ""
    cutoff_s: int | None = None


@dataclass(frozen=True, slots=True)
class RatioSettings:
    """A provider of a staking or share ratio; ``getter`` is what is asked of it, with its argument."""

    getter: str


@dataclass(frozen=True, slots=True)
class RatioCapSettings:
    """A ratio capped by a line in time.

    Parameters
    ----------
    ratio_decimals : int
    snapshot_ratio_raw, snapshot_at_s : int
        Where the line starts.
    growth_bps : int
        Its yearly growth relative to the snapshot.
    is_scaled : bool
        Whether growth per second keeps six more digits (adapters since late 2025).
    minimum_delay_s, maximum_term_s : int or None
        Bounds on the age of a new snapshot; None where the contract states none.
    """

    ratio_decimals: int
    snapshot_ratio_raw: int
    snapshot_at_s: int
    growth_bps: int
    is_scaled: bool
    minimum_delay_s: int | None
    maximum_term_s: int | None

    @property
    def cap(self) -> CapParameters:
        """Return what ``setCapParameters`` set."""
        return CapParameters(self.snapshot_ratio_raw, self.snapshot_at_s, self.growth_bps)

    @property
    def scale(self) -> GrowthScale:
        """Return how the adapter stores the growth of a second."""
        return GrowthScale.MILLIONTH if self.is_scaled else GrowthScale.WHOLE


@dataclass(frozen=True, slots=True)
class StableCapSettings:
    """An upper bound on a price."""

    cap_raw: int


@dataclass(frozen=True, slots=True)
class EurCapSettings:
    """An upper bound on a price, as a multiple of another feed."""

    cap_ratio_raw: int
    ratio_decimals: int


@dataclass(frozen=True, slots=True)
class DiscountSettings:
    """A yearly discount (1e18 = 100 %) that melts until maturity."""

    maturity_at_s: int
    rate_wad: int
    max_rate_wad: int


Settings = (
    FeedSettings | RatioSettings | RatioCapSettings | StableCapSettings | EurCapSettings | DiscountSettings
)


@dataclass(frozen=True, slots=True)
class TracedFeed:
    """One source and what it is made of.

    Parameters
    ----------
    address : str
    kind : Kind
    description : str
        Its own name; untrusted text, possibly empty.
    decimals : int or None
        Decimals of its answer; None where it does not say.
    answer_raw : int or None
        What it answered; None where it reverts.
    updated_at_s : int or None
        When a feed's round landed; of an adapter, the oldest of its legs; None without rounds.
    settings : Settings or None
        By kind.
    legs : tuple of (Role, TracedFeed)
        What it reads, in the order of its rule.
    inside : tuple of str
        Contracts behind it that belong to it: aggregator, implementation, and all that an
        unrecognised source touches.
    """

    address: str
    kind: Kind
    description: str
    decimals: int | None
    answer_raw: int | None
    updated_at_s: int | None = None
    settings: Settings | None = None
    legs: tuple[tuple[Role, TracedFeed], ...] = ()
    inside: tuple[str, ...] = ()

    def walk(self) -> Iterator[TracedFeed]:
        """Yield the source and everything below it, each as often as it is read."""
        yield self
        for _, leg in self.legs:
            yield from leg.walk()

    def leg(self, role: Role) -> TracedFeed:
        """Return what it reads in a role."""
        return next(feed for at, feed in self.legs if at is role)

    def explained(self) -> set[str]:
        """Return every contract the tree accounts for."""
        return {address for feed in self.walk() for address in (feed.address, *feed.inside)}

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values; raw integers as decimal strings."""
        settings = {} if self.settings is None else asdict(self.settings)
        return {
            "address": self.address,
            "kind": self.kind.value,
            "description": self.description,
            "decimals": self.decimals,
            "answer_raw": _text(self.answer_raw),
            "updated_at_s": self.updated_at_s,
            "settings": {k: _text(v) if k.endswith(("_raw", "_wad")) else v for k, v in settings.items()},
            "inside": list(self.inside),
            "legs": [{"role": role.value, **leg.to_json()} for role, leg in self.legs],
        }


@dataclass(frozen=True, slots=True)
class TracedPrice:
    """An asset's price and where it comes from.

    Parameters
    ----------
    asset : str
        The asset's address; empty where a source was traced by itself.
    symbol : str
        Untrusted text.
    answer_raw : int or None
        What the market's oracle answers, or the source where there is no oracle.
    feed : TracedFeed or None
        None where the oracle has no source for the asset.
    """

    asset: str
    symbol: str
    answer_raw: int | None
    feed: TracedFeed | None


@dataclass(frozen=True, slots=True)
class Trace:
    """Every traced price of one oracle at one block.

    Parameters
    ----------
    chain_id, block_number, block_time_s : int
    block_hash : str
    oracle : str
        Address of the market's oracle; empty where a source was traced by itself.
    prices : tuple of TracedPrice
    checks : tuple of str
        Which cross-checks the node allowed: ``access lists``, ``call traces``.
    findings : tuple of Finding
    """

    chain_id: int
    block_number: int
    block_hash: str
    block_time_s: int
    oracle: str
    prices: tuple[TracedPrice, ...]
    checks: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = field(default=())

    def sources(self) -> dict[str, TracedFeed]:
        """Return every distinct source by address, in the order of the tree."""
        found: dict[str, TracedFeed] = {}
        for price in self.prices:
            for feed in price.feed.walk() if price.feed else ():
                found.setdefault(feed.address, feed)
        return found


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
