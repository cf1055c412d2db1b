"""Published rules and warnings: each passes, fails and stays not known where it should."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from abis.findings import Finding, FindingKind, Severity
from oracles.feed_audit import Check as FeedCheck
from oracles.feed_audit import Result
from protocols.snapshot import Feed, Snapshot
from risk.depth import Depth
from risk.proposal.apply import applied
from risk.proposal.changes import read_changes
from risk.proposal.check import Check, Verdict
from risk.proposal.evidence import Evidence, evidence_of
from risk.proposal.largest_borrower import largest_borrower_rows
from risk.proposal.lint import PEG_S, Facts, lint, longest_deviation_s
from risk.scenarios.build import from_shocks
from risk.scenarios.candles import Candles
from tests.risk.engine.test_stress import depth_of
from tests.risk.proposal.test_changes import made

DEPTH, PEG = (
    "depth clears the largest borrower within the bonus",
    "no deviation of 1 % from the peg for 2 days",
)
CUT = "a threshold is cut by at most 3 points a proposal"
HALF = "threshold times (1 + bonus) at most 95 %: half a repayment never worsens health"
CAP, CAPPED = (
    "a supply cap is at most twice what sells within the bonus",
    "the price is not capped, nor soon will be",
)


def rules(
    *texts: str,
    depth: Depth | None = None,
    feeds: Sequence[FeedCheck] = (),
    history: Mapping[str, Candles] | None = None,
) -> dict[tuple[str, str], Check]:
    before = made()
    changes = read_changes(texts, before)
    after, curves = applied(before, changes), depth or Depth.infinite_for(before)
    touched = sorted({c.place for c in changes if not c.is_emode} | {0})
    largest = largest_borrower_rows(after, curves)
    found = lint(Facts(after, changes, touched, curves, largest, feeds, history))
    assert all(c.source and c.by == "field" and c.detail for c in found)
    return {(c.rule, c.subject): c for c in found}


def test_depth_against_the_largest_borrower() -> None:
    for depth, expected in (
        (None, Verdict.NOT_KNOWN),
        (depth_of(made(), [40.0], [40.0 * 1_990.0]), Verdict.PASS),
        (depth_of(made(), [8.0, 40.0], [8.0 * 1_940.0, 8.0 * 1_940.0 + 32.0 * 1_500.0]), Verdict.FAIL),
    ):
        assert rules("WETH.ltv=70%", depth=depth)[DEPTH, "WETH"].verdict is expected


@pytest.mark.parametrize(
    ("change", "expected"), [("77%", Verdict.PASS), ("76.99%", Verdict.FAIL), ("81%", None)]
)
def test_the_largest_cut_of_a_proposal(change: str, expected: Verdict | None) -> None:
    found = rules(f"WETH.liquidation_threshold={change}").get((CUT, "WETH.liquidation_threshold"))
    assert (found.verdict if found else None) is expected


def test_partial_calls_and_the_close_factor() -> None:
    assert (
        rules("WETH.liquidation_bonus=18.75%")[HALF, "WETH"].verdict is Verdict.PASS
    )  # 80 % x 118.75 % = 95 %
    assert rules("WETH.liquidation_bonus=18.77%")[HALF, "WETH"].verdict is Verdict.FAIL
    assert (HALF, "WETH") not in rules("WETH.supply_cap=5")


def test_caps_against_depth() -> None:
    deep = depth_of(made(), [40.0], [40.0 * 1_990.0])
    sells = deep.size_within(0, 0.05 / 1.05)
    for cap, depth, expected in (
        (int(2 * sells), deep, Verdict.PASS),
        (int(2 * sells) + 1, deep, Verdict.FAIL),
        (5, None, Verdict.NOT_KNOWN),
    ):
        assert rules(f"WETH.supply_cap={cap}", depth=depth)[CAP, "WETH.supply_cap"].verdict is expected


@pytest.mark.parametrize(
    ("result", "expected"),
    [(Result.FINE, Verdict.PASS), (Result.FOUND, Verdict.FAIL), (Result.NOT_KNOWN, Verdict.NOT_KNOWN)],
)
def test_predicates_of_caps_come_from_the_audit(result: Result, expected: Verdict) -> None:
    checks = [FeedCheck("capped", "WETH", result, "why"), FeedCheck("fixed price", "WETH", Result.FINE, "no")]
    assert rules("WETH.ltv=70%", feeds=checks)[CAPPED, "WETH"].verdict is expected
    if result is Result.NOT_KNOWN:  # where nothing is known one row says so
        found = rules("WETH.ltv=70%", feeds=checks[:1])
        assert (CAPPED, "WETH") not in found
        assert found["no cap or constant misprices it", "WETH"].verdict is Verdict.NOT_KNOWN


def series(symbol: str, prices: Sequence[float], step_s: int = 3_600) -> Candles:
    ends = step_s * np.arange(1, len(prices) + 1, dtype=np.int64)
    return Candles(symbol, ends, np.array(prices, dtype=np.float64), step_s)


def test_pegs_are_held_against_market_prices() -> None:
    steady = [1.0] * 24
    for off_hours, expected in ((0, Verdict.PASS), (47, Verdict.PASS), (48, Verdict.FAIL)):
        history = {"USDC": series("USDC", [*steady, *[0.99] * off_hours, *steady])}
        found = rules("USDC.ltv=69%", history=history)
        assert found[PEG, "USDC"].verdict is expected
    assert rules("USDC.ltv=69%")[PEG, "USDC"].verdict is Verdict.NOT_KNOWN
    assert (PEG, "WETH") not in rules("WETH.ltv=70%")  # nothing it is worth one of


def test_deviations_are_of_the_pair_and_interruptions_count() -> None:
    coin = series("BTC", [100.0, 50.0, 50.0, 50.0])
    token = series("WBTC", [100.0, 49.0, 50.0, 49.5])
    assert longest_deviation_s("WBTC", "BTC", {"WBTC": token, "BTC": coin}) == 3_600
    assert longest_deviation_s("WBTC", "BTC", {"WBTC": token}) is None
    assert longest_deviation_s("X", "", {"X": series("X", [1.02] * 50)}) == 50 * 3_600 > PEG_S


def warned(*texts: str, market: Snapshot | None = None) -> dict[FindingKind, list[Finding]]:
    before = market or made()
    evidence: Evidence = evidence_of(
        before, read_changes(texts, before), from_shocks(["WETH=-1%"], before), vary_depth=False
    )
    assert [w.severity for w in evidence.warnings] == sorted(
        (w.severity for w in evidence.warnings), reverse=True
    )
    out: dict[FindingKind, list[Finding]] = {}
    for warning in evidence.warnings:
        out.setdefault(warning.kind, []).append(warning)
    return out


def test_execution_that_liquidates_is_warned_of() -> None:
    (found,) = warned("WETH.liquidation_threshold=78%")[FindingKind.EXPOSURE]
    assert found.severity is Severity.HIGH
    assert "1 account liquidatable at once" in found.message
    assert found.value_usd == pytest.approx(16_000 / 1.02)
    assert FindingKind.EXPOSURE not in warned("WETH.liquidation_threshold=79.9%")


def test_a_raised_ltv_on_a_capped_feed_is_warned_of() -> None:
    plain = made()
    capped = replace(plain.reserves[0], feed=Feed("0x1", "Capped wstETH / stETH(ETH) / USD", 8, 1, 0))
    market = replace(plain, reserves=(capped, plain.reserves[1]))
    for texts, expected in ((["WETH.ltv=76%"], 1), (["emode:1.ltv=91%"], 1), (["WETH.ltv=74%"], 0)):
        assert len(warned(*texts, market=market).get(FindingKind.ORACLE, [])) == expected
    assert FindingKind.ORACLE not in warned("WETH.ltv=76%")


def test_a_toxic_bonus_and_a_thin_buffer_are_warned_of() -> None:
    (toxic,) = warned("WETH.liquidation_bonus=22.5%")[FindingKind.TOXIC]
    assert "98.00 % (before: 84.00 %)" in toxic.message
    assert FindingKind.TOXIC not in warned("WETH.liquidation_bonus=22.4%")
    (thin,) = warned("WETH.ltv=79.5%")[FindingKind.BUFFER]
    assert "would not last a week" in thin.message
    assert thin.severity is Severity.HIGH
    assert FindingKind.BUFFER not in warned("WETH.ltv=60%")


def test_a_cap_that_can_take_more_is_warned_of() -> None:
    plain = made()
    liquid = replace(plain.reserves[1], available_liquidity_raw=10**12)
    held = replace(plain.reserves[0], supply_cap_tokens=101)
    market = replace(plain, reserves=(held, liquid))
    (found,) = warned("WETH.supply_cap=150", market=market)[FindingKind.CAP]
    assert found.value_usd == pytest.approx(50 * 2_000 * 0.90)  # the category lends most
    assert FindingKind.CAP not in warned("WETH.supply_cap=100", market=market)
