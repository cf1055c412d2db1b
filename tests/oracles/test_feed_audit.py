"""Every check of a price, at what it must find, what is fine and what nobody knows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abis.findings import Severity
from oracles.feed_audit import (
    Check,
    Leg,
    Making,
    PriceRecord,
    RatioCap,
    Result,
    StableCap,
    bounds,
    sources,
    stale,
)
from oracles.feed_audit_caps import binding, cap_below_market, capped, fixed_peg, hidden_upside
from oracles.feed_audit_composition import base_asset, composition, sequencer
from oracles.update_safety_rules import DAY_S, Adapter, CapValues

NOW_S = 1_773_143_160
LEG = Leg("ETH / USD", 8, 2_000 * 10**8, NOW_S - 600, 3_600.0, 50.0, "configured", 1, 2**95, 9)
RECORD = PriceRecord("WETH", NOW_S, 2_000.0, 8, (LEG,), Making.FEED, 2_001.0)
UNKNOWN = PriceRecord("WETH", NOW_S, 2_000.0, 8)
RATIO = 1228900000000000000
CAP = RatioCap(Adapter(CapValues(1157209899495068171, 1708004591, 968)), RATIO, 300)
STAKED = replace(RECORD, asset="wstETH", making=Making.RATIO_CAP, ratio_cap=CAP)
MARKET = {"WETH": 1_964.0, "USDC": 1.0, "WBTC": 67_000.0}


def found(check: Check, severity: Severity, text: str) -> None:
    assert (check.result, check.severity) == (Result.FOUND, severity)
    assert text in check.evidence
    assert check.remedy


def leg(**change: object) -> PriceRecord:
    return replace(RECORD, legs=(replace(LEG, **change),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "check", [stale, bounds, sources, capped, cap_below_market, hidden_upside, fixed_peg]
)
def test_an_ordinary_feed_is_fine_and_an_unknown_one_not_known(check: object) -> None:
    assert check(RECORD).result is Result.FINE  # type: ignore[operator]
    assert check(UNKNOWN).result is Result.NOT_KNOWN  # type: ignore[operator]


def test_age_is_held_against_the_heartbeat_of_each_leg() -> None:
    found(stale(leg(updated_at_s=NOW_S - 3_601)), Severity.HIGH, "age 3601 s")
    found(stale(leg(updated_at_s=NOW_S - 3_601, settings_from="assumed")), Severity.MEDIUM, "assumed")
    found(stale(leg(updated_at_s=NOW_S + 1)), Severity.HIGH, "future")
    second = replace(RECORD, legs=(LEG, replace(LEG, updated_at_s=None)))
    assert stale(second).result is Result.NOT_KNOWN
    assert stale(replace(UNKNOWN, making=Making.FIXED)).result is Result.FINE


def test_a_bound_that_can_be_reached_freezes_the_feed() -> None:
    luna = leg(answer_raw=10_700_000, min_answer_raw=10_000_000)
    found(bounds(luna), Severity.HIGH, "10700000")
    found(bounds(leg(answer_raw=10_000_000, min_answer_raw=10_000_000)), Severity.CRITICAL, "10000000")
    found(bounds(leg(max_answer_raw=3_000 * 10**8)), Severity.MEDIUM, "300000000000")
    assert bounds(leg(min_answer_raw=None)).result is Result.NOT_KNOWN


def test_few_sources() -> None:
    found(sources(leg(sources=1)), Severity.HIGH, "one wrong print")
    found(sources(leg(sources=2)), Severity.MEDIUM, "two")
    assert sources(leg(sources=None)).result is Result.NOT_KNOWN


def test_a_cap_that_binds_and_one_that_soon_will() -> None:
    pushed = replace(CAP, adapter=Adapter(CapValues(1191926196479920216, NOW_S - 7 * DAY_S, 875)))
    found(capped(replace(STAKED, ratio_cap=pushed)), Severity.HIGH, "1193926346604150218")
    close = replace(CAP, adapter=Adapter(CapValues(RATIO + 10**15, NOW_S, 200)), ratio_growth_bps=1_200)
    soon = capped(replace(STAKED, ratio_cap=close))
    # 1e15 of room, shrinking by a tenth of the ratio a year: 2.97 days.
    found(soon, Severity.MEDIUM, "binds in 3.0 days")
    assert capped(STAKED).result is Result.FINE
    assert capped(replace(STAKED, ratio_cap=replace(CAP, ratio_growth_bps=None))).result is Result.NOT_KNOWN
    assert capped(replace(STAKED, ratio_cap=None)).result is Result.NOT_KNOWN


def test_a_cap_below_the_market_is_critical() -> None:
    pushed = replace(CAP, adapter=Adapter(CapValues(1191926196479920216, NOW_S - 7 * DAY_S, 875)))
    low = replace(STAKED, ratio_cap=pushed, price_usd=2_387.85, market_usd=2_457.8)
    found(cap_below_market(low), Severity.CRITICAL, "-284.6 bps")
    assert cap_below_market(replace(low, price_usd=2_457.0)).result is Result.FINE
    assert cap_below_market(replace(low, market_usd=None)).result is Result.NOT_KNOWN
    assert binding(replace(STAKED, ratio_cap=None)) is None


def test_a_stable_cap_that_hides_the_upside() -> None:
    dai = replace(RECORD, making=Making.STABLE_CAP, stable_cap=StableCap(104_000_000, 130_000_000))
    found(hidden_upside(dai), Severity.HIGH, "+2500.0 bps")
    slightly = replace(dai, stable_cap=StableCap(104_000_000, 104_500_000))
    assert hidden_upside(slightly).severity is Severity.MEDIUM
    assert hidden_upside(replace(dai, stable_cap=StableCap(104_000_000, 99_000_000))).result is Result.FINE
    assert hidden_upside(replace(dai, stable_cap=None)).result is Result.NOT_KNOWN


def test_a_constant_is_a_finding_and_a_wrong_one_critical() -> None:
    fixed = replace(RECORD, making=Making.FIXED, price_usd=1.0, market_usd=0.92)
    found(fixed_peg(fixed), Severity.CRITICAL, "0.92")
    found(fixed_peg(replace(fixed, market_usd=None)), Severity.MEDIUM, "no market price")
    assert fixed_peg(replace(fixed, market_usd=1.001)).severity is Severity.MEDIUM


def test_a_missing_leg_is_told_from_wrong_decimals_and_from_a_move() -> None:
    cbeth = replace(RECORD, asset="cbETH", price_usd=1.12, market_usd=2_200.0)
    found(composition(cbeth, MARKET, None), Severity.CRITICAL, "a leg is missing: times the price of WETH")
    doubled = replace(cbeth, price_usd=2_200.0 * 1_964)
    found(
        composition(doubled, MARKET, None), Severity.CRITICAL, "a leg too many: divided by the price of WETH"
    )
    found(composition(replace(cbeth, price_usd=22.0), {}, None), Severity.CRITICAL, "1e-2: wrong decimals")
    found(composition(replace(cbeth, price_usd=1_700.0), MARKET, None), Severity.HIGH, "no leg or decimal")
    assert composition(RECORD, MARKET, None).result is Result.FINE
    assert composition(replace(RECORD, price_usd=0.0), MARKET, None).severity is Severity.HIGH


def test_what_it_follows_stands_in_for_a_market_price_but_only_roughly() -> None:
    cbeth = replace(RECORD, asset="cbETH", price_usd=1.12, market_usd=None)
    found(composition(cbeth, MARKET, ("WETH", 1_964.0)), Severity.CRITICAL, "times the price of WETH")
    assert composition(replace(cbeth, price_usd=2_400.0), MARKET, ("WETH", 1_964.0)).result is Result.FINE
    assert composition(cbeth, MARKET, None).result is Result.NOT_KNOWN


def test_decimals_other_than_those_read_are_a_finding_where_no_price_can_tell() -> None:
    record = replace(leg(decimals=18), market_usd=None)
    check = composition(record, MARKET, ("WETH", 2_000.0))
    assert (check.result, check.severity) == (Result.FOUND, Severity.MEDIUM)


@pytest.mark.parametrize(
    ("asset", "description", "chain", "kinds", "result", "severity"),
    [
        ("WETH", "ETH / USD", ("WETH", "ETH"), ("native",), Result.FINE, Severity.INFO),
        ("WBTC", "BTC / USD", ("WBTC", "BTC"), ("wrapped",), Result.FOUND, Severity.MEDIUM),
        ("USDe", "USDT / USD", ("USDe",), (), Result.FOUND, Severity.HIGH),
        ("wstETH", "Capped wstETH / stETH(ETH) / USD", ("wstETH", "WETH", "ETH"), ("staked", "native"),
         Result.FINE, Severity.INFO),
        ("cbETH", "ETH / USD", ("cbETH", "WETH", "ETH"), ("staked", "native"), Result.FOUND, Severity.HIGH),
        ("X", "some adapter", ("X",), (), Result.NOT_KNOWN, Severity.INFO),
        ("X", "", ("X",), (), Result.NOT_KNOWN, Severity.INFO),
    ],
)  # fmt: skip
def test_what_a_description_prices(
    asset: str,
    description: str,
    chain: tuple[str, ...],
    kinds: tuple[str, ...],
    result: Result,
    severity: Severity,
) -> None:
    check = base_asset(replace(leg(description=description), asset=asset), chain, kinds)
    assert (check.result, check.severity) == (result, severity)


def test_a_ratio_over_a_base_feed_hides_only_a_discount() -> None:
    chain, kinds = ("wstETH", "WETH", "ETH"), ("staked", "native")
    assert base_asset(STAKED, chain, kinds).severity is Severity.LOW
    assert base_asset(replace(STAKED, ratio_cap=None, making=None), chain, kinds).result is Result.NOT_KNOWN


def test_sequencers() -> None:
    assert sequencer(1, None).result is Result.FINE
    assert sequencer(8453, None).result is Result.NOT_KNOWN
    assert sequencer(8453, True).result is Result.FINE
    found(sequencer(8453, False), Severity.HIGH, "Base")
    assert sequencer(999_999, None).result is Result.NOT_KNOWN


def test_several_legs_add_their_deviations_and_share_the_longest_heartbeat() -> None:
    two = replace(RECORD, legs=(LEG, replace(LEG, deviation_bps=200.0, heartbeat_s=86_400.0)))
    assert (two.deviation_bps, two.heartbeat_s) == (250.0, 86_400.0)
    assert replace(two, legs=(LEG, replace(LEG, deviation_bps=None))).deviation_bps is None
    assert UNKNOWN.deviation_bps is None
