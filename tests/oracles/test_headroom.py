"""Headroom under caps: of ratios, stablecoins and euro stablecoins."""

from __future__ import annotations

import math

import pytest

from oracles.headroom import Growth, headroom_of
from oracles.traced import (
    EurCapSettings,
    Kind,
    RatioCapSettings,
    Role,
    Settings,
    StableCapSettings,
    TracedFeed,
)

NOW_S = 1_773_143_160
YEAR_S = 365 * 86_400
STETH = RatioCapSettings(18, 1157209899495068171, 1708004591, 968, True, None, None)


def capped(kind: Kind, settings: Settings, **legs: int | None) -> TracedFeed:
    leaves = tuple((Role(r), TracedFeed("0x01", Kind.FEED, "", 8, answer)) for r, answer in legs.items())
    return TracedFeed("0x02", kind, "", 8, 1, settings=settings, legs=leaves)


def grown(per_year: float) -> Growth:
    return Growth(per_year, NOW_S - 7 * 86_400, NOW_S)


def test_the_cap_of_wsteth_before_2026_03_10() -> None:
    """Its line stood at 1.38859 and stETH earned about 2.5 % a year."""
    feed = capped(Kind.RATIO_CAP, STETH, ratio=1228900000000000000, base=2_000 * 10**8)
    room = headroom_of(feed, NOW_S, grown(0.025))
    assert room is not None
    assert room.cap_raw / 10**18 == pytest.approx(1.38859, abs=5e-6)
    assert room.fraction == pytest.approx(1.38859 / 1.2289 - 1, abs=1e-5)
    assert room.time_to_cap_s is None  # the line rises faster: not within ten years

    fast = headroom_of(feed, NOW_S, grown(0.20))
    assert fast is not None
    assert fast.time_to_cap_s is not None
    years = fast.time_to_cap_s / YEAR_S
    line = room.cap_raw + 1157209899495068171 * 0.0968 * years
    assert 1.2289 * math.exp(0.20 * years) == pytest.approx(line / 1e18, rel=1e-9)


def test_without_growth_the_time_is_not_known_and_capped_is_now() -> None:
    feed = capped(Kind.RATIO_CAP, STETH, ratio=1228900000000000000, base=1)
    room = headroom_of(feed, NOW_S)
    assert room is not None
    assert (room.time_to_cap_s, room.growth) == (None, None)
    over = capped(Kind.RATIO_CAP, STETH, ratio=14 * 10**17, base=1)
    room = headroom_of(over, NOW_S)
    assert room is not None
    assert room.time_to_cap_s == 0
    assert room.fraction < 0


def test_stable_and_euro_caps() -> None:
    room = headroom_of(capped(Kind.STABLE_CAP, StableCapSettings(104_000_000), asset=100_000_000), NOW_S)
    assert room is not None
    assert (room.cap_raw, room.fraction, room.time_to_cap_s) == (104_000_000, 0.04, None)
    euro = capped(Kind.EUR_CAP, EurCapSettings(104_000_000, 8), asset=120_000_000, base=115_000_000)
    room = headroom_of(euro, NOW_S)
    assert room is not None
    assert (room.cap_raw, room.time_to_cap_s) == (119_600_000, 0)


@pytest.mark.parametrize("answer", [None, 0, -1])
def test_no_answer_has_no_headroom(answer: int | None) -> None:
    assert headroom_of(capped(Kind.STABLE_CAP, StableCapSettings(1), asset=answer), NOW_S) is None
    euro = capped(Kind.EUR_CAP, EurCapSettings(1, 0), asset=1, base=answer)
    assert headroom_of(euro, NOW_S) is None
    assert headroom_of(TracedFeed("0x", Kind.FEED, "", 8, 1), NOW_S) is None
