"""The trees ``breakwater oracle trace`` prints; names from the chain are shown escaped."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.tree import Tree

    from oracles.feed import PriceFeed
    from oracles.headroom import Growth
    from oracles.traced import DiscountSettings, FeedSettings, Role, Trace, TracedFeed, TracedPrice

_MOST_DIGITS = 8  # after the point; raw values are in the JSON
_SMALLEST, _LARGEST = Decimal("1e-8"), 10**15


def print_trace(
    market: str, traced: Trace, growth: Mapping[str, Growth], known: Mapping[str, PriceFeed]
) -> None:
    """Print one tree an asset on stdout; what was shown above is not shown again."""
    from rich.console import Console
    from rich.text import Text

    from risk.report.formats import label, utc

    console = Console()
    # In a file or a pipe every line stays whole, however long.
    whole = not console.is_terminal
    where = f"block {traced.block_number:,}, {utc(traced.block_time_s)}"
    by = f", oracle {traced.oracle}" if traced.oracle else ""
    console.print(Text(f"Prices of {label(market)}{by}"), soft_wrap=whole)
    console.print(Text(f"at {where}\n"), soft_wrap=whole)
    printer = _Printer(traced, growth, known)
    for price in traced.prices:
        console.print(printer.tree(price), soft_wrap=whole)


class _Printer:
    def __init__(self, traced: Trace, growth: Mapping[str, Growth], known: Mapping[str, PriceFeed]) -> None:
        self._traced = traced
        self._growth = growth
        self._known = known
        self._shown: set[TracedFeed] = set()

    def tree(self, price: TracedPrice) -> Tree:
        from rich.text import Text
        from rich.tree import Tree

        from risk.report.formats import label

        feed = price.feed
        name = label(price.symbol) or price.asset or "price"
        decimals = feed.decimals if feed else None
        tree = Tree(Text(f"{name}  {number(price.answer_raw, decimals)}", "bold"))
        if feed is None:
            tree.add(Text("no source", "bold red"))
        else:
            self._add(tree, feed, None)
        return tree

    def _add(self, tree: Tree, feed: TracedFeed, role: Role | None) -> None:
        from rich.text import Text

        from oracles.traced import Kind
        from risk.report.formats import label

        named = f" '{label(feed.description)}'" if feed.description else ""
        before = f"{role.value}: " if role and role.value != feed.kind.value else ""
        node = Text(f"{before}{feed.kind.value}{named} = {number(feed.answer_raw, feed.decimals)}")
        if feed.kind is Kind.OPAQUE:
            node.stylize("bold red")
        if feed in self._shown:
            tree.add(node.append(" (as above)", "dim"))
            return
        self._shown.add(feed)
        for line in self._details(feed):
            node.append(f"\n{line}", "dim")
        branch = tree.add(node)
        for at, leg in feed.legs:
            self._add(branch, leg, at)

    def _details(self, feed: TracedFeed) -> Iterator[str]:
        from oracles import traced as t
        from risk.report.formats import plural

        yield f"{feed.address}, {_decimals(feed.decimals)}"
        if isinstance(feed.settings, t.FeedSettings):
            yield from self._feed(feed, feed.settings)
        if isinstance(feed.settings, t.RatioSettings):
            yield f"asked by {feed.settings.getter}"
        if isinstance(feed.settings, t.DiscountSettings):
            yield _discount(feed.settings, self._traced.block_time_s)
        yield from self._cap(feed)
        if feed.kind in (t.Kind.RATIO, t.Kind.OPAQUE) and feed.inside:
            yield f"reads {plural(len(feed.inside), 'contract')} more"

    def _feed(self, feed: TracedFeed, settings: FeedSettings) -> Iterator[str]:
        from risk.report.formats import bps, seconds

        known = self._known[feed.address]
        age = "never updated"
        if feed.updated_at_s is not None:
            age = f"updated {seconds(self._traced.block_time_s - feed.updated_at_s)} ago"
        yield age
        yield (
            f"deviation {bps(known.deviation_bps)} ({known.deviation_from.origin.value}), "
            f"heartbeat {seconds(known.heartbeat_s)} ({known.heartbeat_from.origin.value})"
        )
        if settings.aggregator != feed.address:
            yield f"aggregator {settings.aggregator}, phase {len(settings.phases)}"
        if settings.min_answer_raw is not None:
            low, high = (number(v, feed.decimals) for v in (settings.min_answer_raw, settings.max_answer_raw))
            yield f"answers from {low} to {high}, freezes outside"
        if settings.cutoff_s is not None:
            yield f"private path lags the public one by at most {seconds(settings.cutoff_s)}"

    def _cap(self, feed: TracedFeed) -> Iterator[str]:
        from oracles.headroom import headroom_of
        from oracles.traced import RatioCapSettings
        from risk.report.formats import seconds, share

        room = headroom_of(feed, self._traced.block_time_s, self._growth.get(feed.address))
        if room is None:
            return
        ratio_cap = feed.settings if isinstance(feed.settings, RatioCapSettings) else None
        decimals = ratio_cap.ratio_decimals if ratio_cap else feed.decimals
        text = f"cap {number(room.cap_raw, decimals)}"
        if room.fraction < 0:
            yield f"{text}, CAPPED: lowers the price by {share(1 - room.cap_raw / room.value_raw, 3)}"
            return
        yield f"{text}, headroom {share(room.fraction, 3)}"
        if ratio_cap is None:
            return
        if room.growth is None:
            yield "time to cap not known: no ratio of a week ago could be read"
            return
        span_s = room.growth.until_s - room.growth.since_s
        pace = f"ratio grew {share(room.growth.per_year, 2)} a year in the last {seconds(span_s)}"
        if room.time_to_cap_s is None:
            yield f"cap not reached within ten years: {pace}"
        else:
            yield f"cap reached in {seconds(room.time_to_cap_s)}: {pace}"


def _decimals(decimals: int | None) -> str:
    return "decimals not known" if decimals is None else f"{decimals} decimals"


def _discount(settings: DiscountSettings, time_s: int) -> str:
    from risk.report.formats import seconds, share

    left_s = settings.maturity_at_s - time_s
    when = f"matures in {seconds(left_s)}" if left_s > 0 else "matured"
    return f"discount {share(settings.rate_wad / 1e18, 2)} a year, {when}"


def number(raw: int | None, decimals: int | None) -> str:
    """Return a raw value with its decimals applied: cut after eight digits, extremes in short."""
    from abis.units import from_raw

    if raw is None:
        return "no answer"
    if decimals is None:
        return f"{raw} raw"
    value = from_raw(raw, decimals)
    if value and not _SMALLEST <= abs(value) < _LARGEST:
        return f"{value:.2e}"
    whole, _, rest = f"{value:,f}".partition(".")
    rest = rest[:_MOST_DIGITS].rstrip("0")
    return f"{whole}.{rest}" if rest else whole
