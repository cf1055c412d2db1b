"""From a traced tree to an `OracleGraph`: the same contracts, with feeds that follow a market.

A feed observes the market price of the asset it is named after and that is priced by it;
what no asset of the market shows (an exchange rate, EUR/USD, WBTC/BTC) is an input that
stands at its answer until a scenario gives it a path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from abis.errors import FeedError
from oracles.caps import RatioCap
from oracles.facts import pair
from oracles.feed import PriceFeed
from oracles.fixed import FixedPrice
from oracles.graph import Node, OracleGraph
from oracles.levels import Level
from oracles.pendle import PendleDiscount
from oracles.sources import FeedSource, PriceSource
from oracles.stable_caps import EurCap, StableCap
from oracles.svr import Svr
from oracles.synchronicity import BaseToPeg, PegToBase
from oracles.traced import (
    DiscountSettings,
    EurCapSettings,
    FeedSettings,
    Kind,
    RatioCapSettings,
    Role,
    StableCapSettings,
    Trace,
    TracedFeed,
    TracedPrice,
)

_CUTOFF_S = 60  # where the storage of an SVR aggregator was not understood
_LEGS = {
    Kind.RATIO_CAP: (Role.BASE, Role.RATIO),
    Kind.STABLE_CAP: (Role.ASSET,),
    Kind.EUR_CAP: (Role.ASSET, Role.BASE),
    Kind.DISCOUNT: (Role.ASSET,),
    Kind.PEG_TO_BASE: (Role.ASSET, Role.PEG),
    Kind.BASE_TO_PEG: (Role.ASSET, Role.BASE),
}


def graph_of_trace(
    trace: Trace,
    feeds: Mapping[str, PriceFeed],
    *,
    observes: Mapping[str, str] | None = None,
    epoch_s: int = 0,
) -> OracleGraph:
    """Return a graph whose nodes are the traced contracts, named by their addresses.

    Parameters
    ----------
    trace : Trace
        Of a market; its assets, by symbol (by address where that is empty or not the only
        one), are the graph's.
    feeds : mapping of address to PriceFeed
        Settings of every Chainlink feed, as `oracles.trace_settings.settings_of` returns them.
    observes : mapping of feed address to asset, optional
        Which asset's market price a feed observes, where its name does not say.
    epoch_s : int
        As in `OracleGraph`.

    Returns
    -------
    OracleGraph
        Inputs are called ``<address> market`` below feeds that observe no asset, and by the
        address of the adapter, ``<address> ratio``, where a cap reads a ratio.  An SVR feed
        is a standard feed, ``<address> standard``, that is never delivered privately.

    Raises
    ------
    FeedError
        If a source is not recognised, has no answer, or an asset has none; all of them must
        be known, for a price cannot be half propagated.
    """
    names = _names(trace)
    columns = _columns(trace, names, observes or {})
    builder = _Builder(feeds, columns)
    priced_by = []
    for name, price in zip(names, trace.prices, strict=True):
        if price.feed is None:
            raise FeedError(f"{name} has no price source.", remedy="Leave the asset out.")
        priced_by.append(builder.add(price.feed))
    return OracleGraph(names, tuple(builder.nodes.values()), tuple(priced_by), epoch_s)


def _names(trace: Trace) -> tuple[str, ...]:
    symbols = [price.symbol for price in trace.prices]
    return tuple(
        price.symbol if price.symbol and symbols.count(price.symbol) == 1 else price.asset or f"price {k}"
        for k, price in enumerate(trace.prices)
    )


def _columns(trace: Trace, names: tuple[str, ...], observes: Mapping[str, str]) -> dict[str, int]:
    """Return the market column each feed observes, by address; feeds without one are left out."""
    columns: dict[str, int] = {}
    for address, asset in observes.items():
        if address not in trace.sources() or asset not in names:
            raise FeedError(
                f"{address} observes {asset!r}, but the trace has no such feed or asset.",
                remedy=f"Name a traced feed and one of {', '.join(names)}.",
            )
        columns[address] = names.index(asset)
    # Of several candidates the plainest name: WETH before a token that holds it.
    for k in sorted(range(len(names)), key=lambda k: len(names[k])):
        for feed in _own_feeds(trace.prices[k]):
            named = pair(feed.description)
            if named is not None and named[0] in names[k].upper():
                columns.setdefault(feed.address, k)
    return columns


def _own_feeds(price: TracedPrice) -> Iterator[TracedFeed]:
    """Yield the feed whose answer is the asset's price, looked at through caps."""
    feed = price.feed
    while feed is not None and feed.kind in (Kind.STABLE_CAP, Kind.EUR_CAP):
        feed = feed.leg(Role.ASSET)
    if feed is not None and isinstance(feed.settings, FeedSettings):
        yield feed


@dataclass(slots=True)
class _Builder:
    feeds: Mapping[str, PriceFeed]
    columns: Mapping[str, int]
    nodes: dict[str, Node] = field(default_factory=dict)

    def add(self, feed: TracedFeed) -> str:
        """Add a source and what it reads, each once, and return its node's name."""
        if feed.address in self.nodes:
            return feed.address
        if isinstance(feed.settings, FeedSettings):
            return self._add_feed(feed, feed.settings)
        roles = _LEGS.get(feed.kind, ())
        children = tuple(self._add_leg(feed, role) for role in roles)
        return self._put(feed.address, _source(feed), children)

    def _add_leg(self, cap: TracedFeed, role: Role) -> str:
        leg = cap.leg(role)
        if leg.kind is not Kind.RATIO:
            return self.add(leg)
        # One provider can give several caps different ratios.
        return self._put(f"{cap.address} ratio", Level(_decimals(leg), _answer(leg)))

    def _add_feed(self, feed: TracedFeed, settings: FeedSettings) -> str:
        known = self.feeds[feed.address]
        is_svr = feed.kind is Kind.SVR_FEED
        name = f"{feed.address} standard" if is_svr else feed.address
        column = self.columns.get(feed.address)
        if column is None:
            market = self._put(f"{feed.address} market", Level(_decimals(feed), _answer(feed)))
            self._put(name, FeedSource(known, None, child_decimals=_decimals(feed)), (market,))
        else:
            self._put(name, FeedSource(known, column))
        if not is_svr:
            return name
        cutoff_s = settings.cutoff_s
        svr = Svr(known.decimals, _CUTOFF_S if cutoff_s is None else cutoff_s, None, cutoff_s is not None)
        return self._put(feed.address, svr, (name,))

    def _put(self, name: str, source: PriceSource, children: tuple[str, ...] = ()) -> str:
        self.nodes[name] = Node(name, source, children)
        return name


def _source(feed: TracedFeed) -> PriceSource:
    decimals = _decimals(feed)
    match feed.settings:
        case RatioCapSettings() as cap:
            return RatioCap(decimals, cap.ratio_decimals, cap.cap, cap.scale)
        case StableCapSettings(cap_raw):
            return StableCap(decimals, cap_raw)
        case EurCapSettings(cap_ratio_raw, ratio_decimals):
            return EurCap(decimals, cap_ratio_raw, ratio_decimals)
        case DiscountSettings(maturity_at_s, rate_wad):
            return PendleDiscount(decimals, maturity_at_s, rate_wad)
    match feed.kind:
        case Kind.PEG_TO_BASE:
            return PegToBase(decimals, _decimals(feed.leg(Role.ASSET)), _decimals(feed.leg(Role.PEG)))
        case Kind.BASE_TO_PEG:
            return BaseToPeg(decimals, _decimals(feed.leg(Role.ASSET)))
        case Kind.FIXED | Kind.CONSTANT | Kind.BASE_CURRENCY:
            return FixedPrice(decimals, _answer(feed))
    raise FeedError(
        f"how {feed.address} makes its price is not known; it cannot follow a market.",
        remedy="Leave the asset out, or build its graph by hand.",
    )


def _decimals(feed: TracedFeed) -> int:
    if feed.decimals is None:
        raise FeedError(
            f"{feed.address} does not say its decimals.", remedy="Leave the assets that read it out."
        )
    return feed.decimals


def _answer(feed: TracedFeed) -> int:
    if feed.answer_raw is None or feed.answer_raw < 0:
        raise FeedError(
            f"{feed.address} answers {feed.answer_raw}.", remedy="Leave the assets that read it out."
        )
    return feed.answer_raw
