"""A tree's answers by rule, and what is said where a contract does not follow its rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abis.findings import Finding, FindingKind
from oracles.trace_check import check_oracle, follows, hold_against_rules
from oracles.traced import (
    DiscountSettings,
    EurCapSettings,
    Kind,
    RatioCapSettings,
    Role,
    Settings,
    StableCapSettings,
    TracedFeed,
)

NOW_S = 1_773_143_160
DAY_S = 86_400
YEAR_S = 365 * DAY_S


def leaf(answer_raw: int | None, decimals: int = 8) -> TracedFeed:
    return TracedFeed("0x" + "01" * 20, Kind.FEED, "leaf", decimals, answer_raw)


def node(kind: Kind, settings: Settings | None, answer_raw: int | None = 0, **legs: TracedFeed) -> TracedFeed:
    named = tuple((Role(role), leg) for role, leg in legs.items())
    return TracedFeed("0x" + "02" * 20, kind, "node", 8, answer_raw, settings=settings, legs=named)


def ratio_cap(snapshot_raw: int, growth_bps: int, *, is_scaled: bool = True) -> RatioCapSettings:
    return RatioCapSettings(18, snapshot_raw, NOW_S - 7 * DAY_S, growth_bps, is_scaled, None, None)


@pytest.mark.parametrize(
    ("feed", "answer_raw"),
    [
        # The update of 2026-03-10 (aave-capo): 1.1939 where the market said 1.2289.
        (
            node(
                Kind.RATIO_CAP,
                ratio_cap(1191926196479920216, 875),
                ratio=leaf(1228900000000000000, 18),
                base=leaf(2_000 * 10**8),
            ),
            2_000 * 10**8 * 1193926346604150218 // 10**18,
        ),
        (
            node(
                Kind.RATIO_CAP,
                ratio_cap(1191926196479920216, 968),
                ratio=leaf(1190000000000000000, 18),
                base=leaf(2_000 * 10**8),
            ),
            2_380 * 10**8,
        ),
        (
            node(
                Kind.RATIO_CAP,
                # 3.17 units a second: old adapters lose the fraction.
                ratio_cap(10**12, 10_000, is_scaled=False),
                ratio=leaf(2 * 10**12, 18),
                base=leaf(10**18),
            ),
            10**12 + 10**12 // YEAR_S * 7 * DAY_S,
        ),
        (node(Kind.STABLE_CAP, StableCapSettings(104_000_000), asset=leaf(107_000_000)), 104_000_000),
        (node(Kind.STABLE_CAP, StableCapSettings(104_000_000), asset=leaf(-5)), 0),
        (
            node(Kind.EUR_CAP, EurCapSettings(104, 2), asset=leaf(120_000_000), base=leaf(115_000_001)),
            119_600_001,
        ),
        (
            node(Kind.DISCOUNT, DiscountSettings(NOW_S + YEAR_S // 2, 10**17, 10**18), asset=leaf(10**8)),
            95_000_000,
        ),
        (node(Kind.DISCOUNT, DiscountSettings(NOW_S, 10**17, 10**18), asset=leaf(10**8)), 10**8),
        (
            node(Kind.PEG_TO_BASE, None, asset=leaf(999_999_999_999_999_999, 18), peg=leaf(250_000_000_001)),
            250_000_000_000,
        ),
        (node(Kind.BASE_TO_PEG, None, asset=leaf(10**8), base=leaf(3 * 10**8)), 33_333_333),
        (node(Kind.STABLE_CAP, StableCapSettings(104_000_000), asset=leaf(None)), None),
        (leaf(5), None),
    ],
)
def test_the_answer_by_rule(feed: TracedFeed, answer_raw: int | None) -> None:
    assert follows(feed, NOW_S) == answer_raw


def test_a_source_one_unit_off_is_opaque_and_so_is_nothing_above_it() -> None:
    good = node(Kind.STABLE_CAP, StableCapSettings(104_000_000), 100_000_000, asset=leaf(100_000_000))
    findings: list[Finding] = []
    assert hold_against_rules(good, NOW_S, findings) == good
    assert findings == []

    off = replace(good, answer_raw=100_000_001)
    above = node(Kind.DISCOUNT, DiscountSettings(NOW_S, 1, 2), 100_000_001, asset=off)
    noted: list[Finding] = []
    held = hold_against_rules(above, NOW_S, noted)
    assert (held.kind, held.leg(Role.ASSET).kind) == (Kind.DISCOUNT, Kind.OPAQUE)
    assert held.leg(Role.ASSET).legs == ()
    assert len(noted) == 1


@pytest.mark.parametrize(
    ("oracle_raw", "source_raw", "fine"),
    [(7, 7, True), (7, 8, False), (7, 0, False), (None, 7, False), (0, 0, False), (None, None, False)],
)
def test_an_oracle_passes_its_source_on(oracle_raw: int | None, source_raw: int | None, fine: bool) -> None:
    found = check_oracle("WETH", oracle_raw, leaf(source_raw))
    assert [f.kind for f in found] == ([] if fine else [FindingKind.INCONSISTENT])
