"""Finds out whether any permitted change of a ratio cap prices the asset too far below the market.

A cap never falls when its ratio or its growth is larger, and never rises when its snapshot is
later: the first two enter as factors, the last as a shorter time to grow, and floors keep order.
So over a `Box` of values the cap is lowest, at every second, in one corner: smallest ratio,
smallest growth, latest snapshot.  If that corner passes, everything does; if it may be set and
fails, it is the worst there is.  One look decides.

Only a setter that looks at ``isCapped()`` afterwards cuts the corner off.  Then boxes are split:
one whose *highest* corner would still be capped holds nothing that may be set; of any other, what
may be set starts at today's ratio or above and grows at least as fast as the lowest corner does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from abis.errors import FeedError
from abis.units import BPS
from oracles.update_safety_line import CapLine, Held, MarketLine, holds
from oracles.update_safety_rules import DAY_S, Adapter, Box, CapValues, Setter, growth_a_second, permitted

MAX_BOXES = 20_000
LONGEST_S = 3_650 * DAY_S


class Verdict(StrEnum):
    """What the search found."""

    PROVEN = "proven"  # no permitted change does
    REFUTED = "refuted"  # here is one that does
    UNDECIDED = "undecided"  # neither within the work allowed


@dataclass(frozen=True, slots=True)
class Market:
    """The asset's ratio today and how it may go on.

    Parameters
    ----------
    now_s : int
    ratio_raw : int
        What the ratio provider says, smallest units.
    market_raw : int
        What the market pays, in the same unit; the ratio itself where redemption works.
    growth_bps : int
        Most that both grow in a year, linear.

    Raises
    ------
    FeedError
        If a number is impossible.
    """

    now_s: int
    ratio_raw: int
    market_raw: int
    growth_bps: int = 0

    def __post_init__(self) -> None:
        for name, value in (("ratio", self.ratio_raw), ("market ratio", self.market_raw)):
            if value <= 0:
                raise FeedError(f"{name} {value}.", remedy="Give a positive integer in the ratio's unit.")
        if self.growth_bps < 0:
            raise FeedError(f"market growth of {self.growth_bps} bps.", remedy="Give 0 or more.")
        if not 0 < self.now_s < 2**48:
            raise FeedError(f"time {self.now_s}.", remedy="Give unix seconds.")


@dataclass(frozen=True, slots=True)
class Limit:
    """No price below market by more than ``below_bps``, now and for ``for_s`` seconds.

    Raises
    ------
    FeedError
        If a number is impossible.
    """

    below_bps: int
    for_s: int

    def __post_init__(self) -> None:
        if not 0 <= self.below_bps < BPS:
            raise FeedError(f"limit of {self.below_bps} bps.", remedy="Give 0 to 9999.")
        if not 0 <= self.for_s <= LONGEST_S:
            raise FeedError(f"a look {self.for_s} s ahead.", remedy=f"Give 0 to {LONGEST_S // DAY_S} days.")


@dataclass(frozen=True, slots=True)
class Found:
    """Outcome of the search.

    Parameters
    ----------
    verdict : Verdict
    box : Box or None
        What may be set, before any look at ``isCapped()``; None if nothing.
    witness : CapValues or None
        A permitted change that breaks the limit.
    witness_at_s : int or None
        When it does.
    boxes : int
        Boxes looked at.
    """

    verdict: Verdict
    box: Box | None
    witness: CapValues | None
    witness_at_s: int | None
    boxes: int


def search(adapter: Adapter, setter: Setter, market: Market, limit: Limit) -> Found:
    """Prove or refute that no permitted change breaks the limit.

    Parameters
    ----------
    adapter : Adapter
        Its stored values decide what is permitted.
    setter : Setter
    market : Market
    limit : Limit

    Returns
    -------
    Found
        `Verdict.PROVEN` also where nothing may be set.

    Raises
    ------
    FeedError
        If the ratio itself is already below the limit: then no cap is to blame.
    """
    check_uncapped(market, limit)
    root = permitted(adapter, setter, market.ratio_raw, market.now_s)
    if root is None:
        return Found(Verdict.PROVEN, None, None, None, 0)
    return search_box(root, adapter.scale, market, limit, refuses_capped=setter.refuses_capped)


def search_box(box: Box, scale: int, market: Market, limit: Limit, *, refuses_capped: bool) -> Found:
    """Return what `search` does, for the values of a box.

    Parameters
    ----------
    box : Box
        No snapshot in it is later than now.
    scale : int
        How the adapter stores its growth.
    market : Market
    limit : Limit
    refuses_capped : bool
        Whether a change after which ``isCapped()`` is true cannot be made.
    """
    last_s = market.now_s + limit.for_s
    return _Search(scale, refuses_capped, market, least_of(market, limit), last_s).run(box)


def check_uncapped(market: Market, limit: Limit) -> None:
    """Refuse a ratio that breaks the limit by itself.

    Raises
    ------
    FeedError
        If it is below the market by more than the limit: no cap is to blame then.
    """
    if market.ratio_raw * BPS < market.market_raw * (BPS - limit.below_bps):
        raise FeedError(
            f"the ratio {market.ratio_raw} is below the market's {market.market_raw} by more than "
            f"{limit.below_bps} bps without any cap.",
            remedy="Check the market ratio, or look for a wrong feed instead of a cap.",
        )


def least_of(market: Market, limit: Limit) -> MarketLine:
    """Return the least the ratio may be over time."""
    return MarketLine(market.market_raw, market.growth_bps, limit.below_bps, market.now_s)


@dataclass(frozen=True, slots=True)
class _Search:
    scale: int
    refuses_capped: bool
    market: Market
    line: MarketLine
    last_s: int

    def run(self, root: Box) -> Found:
        stack, looked, open_boxes = [root], 0, False
        while stack:
            if looked == MAX_BOXES:
                return Found(Verdict.UNDECIDED, root, None, None, looked)
            box = stack.pop()
            looked += 1
            lowest = CapValues(box.ratio[0], box.at_s[1], box.growth[0])
            if self.refuses_capped and self._capped(CapValues(box.ratio[1], box.at_s[0], box.growth[1])):
                continue
            held, when = self._holds(lowest)
            may_be_set = not (self.refuses_capped and self._capped(lowest))
            if held is Held.NO and may_be_set:
                return Found(Verdict.REFUTED, root, lowest, when, looked)
            if held is Held.YES or (not may_be_set and self._grows_enough(lowest)):
                continue
            if may_be_set or all(low == high for low, high in box):
                open_boxes = True
                continue
            stack += self._halves(box)
        return Found(Verdict.UNDECIDED if open_boxes else Verdict.PROVEN, root, None, None, looked)

    def _capped(self, values: CapValues) -> bool:
        """Return what ``isCapped()`` says right after the change."""
        return self.market.ratio_raw > line_of(values, self.scale).at(self.market.now_s)

    def _holds(self, values: CapValues) -> tuple[Held, int | None]:
        return holds(line_of(values, self.scale), self.line, self.market.now_s, self.last_s)

    def _grows_enough(self, lowest: CapValues) -> bool:
        """Return whether a cap that starts at today's ratio and grows like ``lowest`` holds."""
        now_s = self.market.now_s
        start = CapLine(self.market.ratio_raw, growth_a_second(lowest, self.scale), self.scale, now_s)
        return holds(start, self.line, now_s, self.last_s)[0] is Held.YES

    def _halves(self, box: Box) -> list[Box]:
        """Return the box cut in two across the number that moves the cap most, lower caps last."""
        age = self.market.now_s - box.at_s[1]
        fastest = growth_a_second(CapValues(box.ratio[1], 1, box.growth[1]), self.scale)
        one_bps = growth_a_second(CapValues(box.ratio[1], 1, 1), self.scale)
        effect = (
            (box.ratio[1] - box.ratio[0]) * self.scale,
            (box.at_s[1] - box.at_s[0]) * fastest,
            (box.growth[1] - box.growth[0]) * one_bps * max(age, 1),
        )
        widths = [high - low for low, high in box]
        k = max(range(3), key=lambda i: (widths[i] > 0, effect[i], widths[i]))
        low, high = box[k]
        middle = (low + high) // 2
        halves = [_with(box, k, (low, middle)), _with(box, k, (middle + 1, high))]
        return halves if k == 1 else halves[::-1]


def _with(box: Box, place: int, span: tuple[int, int]) -> Box:
    parts = [*box]
    parts[place] = span
    return Box(*parts)


def line_of(values: CapValues, scale: int) -> CapLine:
    """Return the cap over time."""
    return CapLine(values.ratio_raw, growth_a_second(values, scale), scale, values.at_s)


def below_market_bps(values: CapValues, scale: int, market: Market, time_s: int) -> float:
    """Return how far the capped ratio is below the market then, basis points; negative if above.

    The ratio is taken to have grown as the market.
    """
    line = MarketLine(market.market_raw, market.growth_bps, 0, market.now_s)
    expected = line.numerator_at(time_s) / line.denominator
    uncapped = expected * market.ratio_raw / market.market_raw
    return (1 - min(line_of(values, scale).at(time_s), uncapped) / expected) * BPS
