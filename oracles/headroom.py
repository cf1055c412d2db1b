"""How far a capped source is from its cap, and when it gets there.

The arithmetic is that of `oracles.caps`; here it is applied to traced sources, with the
growth of a ratio read from its adapter a week earlier.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from abis.calls import Call
from abis.chain import Chain, Header
from abis.errors import BlockUnavailable, RpcFailed
from abis.units import YEAR_S
from oracles.caps import headroom, is_capped, max_ratio, seconds_to_cap
from oracles.traced import EurCapSettings, Kind, RatioCapSettings, Role, StableCapSettings, TracedFeed

_HORIZON_S = 10 * YEAR_S
_SPAN_S = 7 * 86_400
_SHORTEST_SPAN_S = 3_600
_TOLERANCE_S = 3_600
_FIRST_STEP = 1_000  # blocks


@dataclass(frozen=True, slots=True)
class Growth:
    """How fast a ratio grew; ``per_year`` is the yearly rate of continuous compounding."""

    per_year: float
    since_s: int
    until_s: int


@dataclass(frozen=True, slots=True)
class Headroom:
    """A cap and how far it is.

    Parameters
    ----------
    cap_raw : int
        The highest ratio or price that passes now.
    value_raw : int
        The ratio or price that is capped.
    fraction : float
        ``cap / value - 1``; negative while the cap binds.
    time_to_cap_s : float or None
        Until the cap binds; 0 if it does, None where that is not known or no sooner than in
        ten years.
    growth : Growth or None
        What the time rests on; None for caps that do not depend on time, and where no
        earlier block could be read.
    """

    cap_raw: int
    value_raw: int
    fraction: float
    time_to_cap_s: float | None
    growth: Growth | None


def headroom_of(feed: TracedFeed, time_s: int, growth: Growth | None = None) -> Headroom | None:
    """Return how far a source is from its cap, or None if it has none or is without an answer.

    Parameters
    ----------
    feed : TracedFeed
    time_s : int
        Block time.
    growth : Growth, optional
        Of a ratio cap's ratio.
    """
    match feed.settings:
        case RatioCapSettings() as ratio_cap:
            cap_raw: int | None = max_ratio(ratio_cap.cap, time_s, ratio_cap.scale)
            value_raw = feed.leg(Role.RATIO).answer_raw
        case StableCapSettings(cap_raw):
            value_raw = feed.leg(Role.ASSET).answer_raw
        case EurCapSettings(ratio_raw, decimals):
            base = feed.leg(Role.BASE).answer_raw
            cap_raw = None if base is None else base * ratio_raw // int(10**decimals)
            value_raw = feed.leg(Role.ASSET).answer_raw
        case _:
            return None
    if cap_raw is None or value_raw is None or min(cap_raw, value_raw) <= 0:
        return None
    left_s = 0.0 if is_capped(value_raw, cap_raw) else None
    if left_s is None and growth is not None and isinstance(feed.settings, RatioCapSettings):
        own = feed.settings
        found_s = seconds_to_cap(own.cap, value_raw, time_s, growth.per_year, own.scale)
        left_s = found_s if found_s <= _HORIZON_S else None
    return Headroom(cap_raw, value_raw, float(headroom(value_raw, cap_raw)), left_s, growth)


def read_growth(chain: Chain, block: Header, feeds: Iterable[TracedFeed]) -> Mapping[str, Growth]:
    """Return how fast ratios grew in the week before ``block``, by the address of their cap.

    Caps whose adapter did not answer then are left out; so is everything if the node has no
    state of a week ago, or the chain is younger than an hour.
    """
    caps = list({f.address: f for f in feeds if f.kind is Kind.RATIO_CAP}.values())
    try:
        earlier = _week_before(chain, block) if caps else None
        if earlier is None:
            return {}
        calls = [Call(cap.address, "getRatio()(int256)", optional=True) for cap in caps]
        answers = chain.read(calls, earlier)
    except (BlockUnavailable, RpcFailed):
        return {}  # no archive node: growth is not known, and the caller says so
    span_s = block.timestamp_s - earlier.timestamp_s
    found = {}
    for cap, then_raw in zip(caps, answers, strict=True):
        now_raw = cap.leg(Role.RATIO).answer_raw
        if then_raw and now_raw and then_raw > 0 and now_raw > 0:
            per_year = math.log(now_raw / then_raw) * YEAR_S / span_s
            found[cap.address] = Growth(per_year, earlier.timestamp_s, block.timestamp_s)
    return found


def _week_before(chain: Chain, block: Header) -> Header | None:
    """Return a block from a week to a week and an hour earlier, or the first if the chain is younger."""
    late_s = block.timestamp_s - _SPAN_S
    high, step = block, _FIRST_STEP
    low = chain.block(max(high.number - step, 0))
    while low.timestamp_s > late_s and low.number > 0:
        high, step = low, 2 * step
        low = chain.block(max(high.number - step, 0))
    while late_s - low.timestamp_s > _TOLERANCE_S and high.number - low.number > 1:
        middle = chain.block((low.number + high.number) // 2)
        low, high = (middle, high) if middle.timestamp_s <= late_s else (low, middle)
    return low if block.timestamp_s - low.timestamp_s >= _SHORTEST_SPAN_S else None
