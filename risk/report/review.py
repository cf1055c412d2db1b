"""`Review`: every figure of the report, computed once; three writers render it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from abis.findings import Finding
from oracles.feed import PriceFeed
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.outcome import Outcome
from risk.report import findings as rules
from risk.report import findings_stress as stressed
from risk.report.book import (
    AccountRow,
    CompletenessFigures,
    DistanceRow,
    SupplierRow,
    account_rows,
    completeness,
    distance_table,
    largest_borrowers,
    largest_suppliers,
    listed_accounts,
)
from risk.report.diagnostics import HaircutFigures, NewPositionRow, haircuts, new_position_rows
from risk.report.feeds import FeedRow, feed_rows
from risk.report.flow import CoverTwoRow, FlowFigures, flow, flow_scenario, two_largest
from risk.report.parameters import ParameterRow, parameter_rows
from risk.report.positions import Positions, positions
from risk.report.reserves import CapFamilyRow, CapRow, ReserveRow, cap_family_rows, cap_rows, reserve_rows
from risk.report.reverse import ReverseRow, reverse_rows
from risk.report.stress import (
    BadDebtRow,
    CurveFamily,
    Named,
    ScenarioRow,
    bad_debt_rows,
    curve_families,
    listed_scenarios,
    moves,
    named,
    reference,
    scenario_rows,
)
from risk.report.thresholds import ThresholdCurve, threshold_curves
from risk.scenarios.scenarios import Scenarios


@dataclass(frozen=True, slots=True)
class Inputs:
    """What determines the review, besides the code: hashes and options, no paths."""

    snapshot_sha256: str
    scenarios_sha256: str
    depth_sha256: str | None
    seed: int | None
    cover_usd: float | None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MarketFigures:
    """Which market, when, and how large."""

    name: str
    protocol: str
    version: str
    chain_id: int
    block_number: int
    block_hash: str
    block_time_s: int
    reserves: int
    accounts: int
    borrowers: int
    supply_usd: float
    collateral_usd: float
    debt_usd: float
    liquidatable_accounts: int
    liquidatable_debt_usd: float
    under_water_accounts: int
    under_water_usd: float


@dataclass(frozen=True, slots=True)
class Review:
    """All figures; sections of the report in reading order."""

    inputs: Inputs
    market: MarketFigures
    infinite_depth: bool
    completeness: CompletenessFigures
    distance: tuple[DistanceRow, ...]
    reference: ScenarioRow
    named: tuple[Named, ...]
    curves: tuple[CurveFamily, ...]
    bad_debt: tuple[BadDebtRow, ...]
    reverse: tuple[ReverseRow, ...]
    borrowers: tuple[AccountRow, ...]
    two_largest: tuple[CoverTwoRow, ...]
    flow: FlowFigures
    reserves: tuple[ReserveRow, ...]
    suppliers: tuple[SupplierRow, ...]
    caps: tuple[CapRow, ...]
    cap_families: tuple[CapFamilyRow, ...]
    feeds: tuple[FeedRow, ...]
    parameters: tuple[ParameterRow, ...]
    thresholds: tuple[ThresholdCurve, ...]
    haircuts: HaircutFigures
    new_positions: tuple[NewPositionRow, ...]
    scenarios: tuple[ScenarioRow, ...]
    scenarios_total: int
    accounts: tuple[AccountRow, ...]
    findings: tuple[Finding, ...] = ()


def build(
    snapshot: Snapshot,
    scenarios: Scenarios,
    outcome: Outcome,
    depth: Depth,
    inputs: Inputs,
    *,
    reverse: Outcome | None = None,
    feeds: Mapping[str, PriceFeed] | None = None,
) -> Review:
    """Return the review of a market.

    Parameters
    ----------
    snapshot, scenarios, outcome
        A market, what it was put through, and what came of it.
    depth : Depth
        `Depth.infinite_for` the snapshot where none was given.
    inputs : Inputs
    reverse : Outcome, optional
        Of `reverse_lines`, where a cover was stated.
    feeds : mapping of asset name to PriceFeed, optional
        Feeds whose settings are known better than the public table.
    """
    at, parameters = positions(snapshot), parameter_rows(snapshot)
    move = moves(snapshot, scenarios)
    rows = scenario_rows(outcome, move)
    headline = reference(rows, [s for s, g in enumerate(outcome.groups) if g == "user"])
    at_flow = flow_scenario(rows, headline)
    buffers, diagnostic = haircuts(snapshot, depth)
    review = Review(
        inputs=inputs,
        market=_market(snapshot, at),
        infinite_depth=outcome.infinite_depth,
        completeness=completeness(snapshot),
        distance=distance_table(snapshot, at),
        reference=headline,
        named=named(rows, headline),
        curves=curve_families(rows),
        bad_debt=bad_debt_rows(snapshot, outcome, headline),
        reverse=reverse_rows(reverse, inputs.cover_usd or 0.0) if reverse is not None else (),
        borrowers=account_rows(snapshot, at, largest_borrowers(at)),
        two_largest=two_largest(snapshot, depth, move, (headline, at_flow)),
        flow=flow(snapshot, outcome, move, at_flow, depth),
        reserves=reserve_rows(snapshot),
        suppliers=largest_suppliers(snapshot, at),
        caps=cap_rows(snapshot),
        cap_families=cap_family_rows(snapshot),
        feeds=feed_rows(snapshot, feeds),
        parameters=parameters,
        thresholds=threshold_curves(snapshot, parameters),
        haircuts=buffers,
        new_positions=new_position_rows(snapshot),
        scenarios=listed_scenarios(rows),
        scenarios_total=len(rows),
        accounts=account_rows(snapshot, at, listed_accounts(at)),
    )
    return _with_findings(
        review, (*snapshot.findings, *scenarios.findings, *depth.findings, *outcome.findings, *diagnostic)
    )


def _market(snapshot: Snapshot, at: Positions) -> MarketFigures:
    gap = np.maximum(at.debt_usd - at.counted_usd, 0.0)
    market, block = snapshot.market, snapshot.block
    return MarketFigures(
        name=market.name,
        protocol=market.protocol,
        version=market.version,
        chain_id=market.chain_id,
        block_number=block.number,
        block_hash=block.hash,
        block_time_s=block.timestamp_s,
        reserves=len(snapshot.reserves),
        accounts=len(snapshot.book),
        borrowers=int((at.debt_usd > 0).sum()),
        supply_usd=float(at.collateral_usd.sum()),
        collateral_usd=float(at.counted_usd.sum()),
        debt_usd=float(at.debt_usd.sum()),
        liquidatable_accounts=int(at.liquidatable.sum()),
        liquidatable_debt_usd=float(at.debt_usd[at.liquidatable].sum()),
        under_water_accounts=int((gap > 0).sum()),
        under_water_usd=float(gap.sum()),
    )


def _with_findings(review: Review, given: tuple[Finding, ...]) -> Review:
    from dataclasses import replace

    checked = review.completeness.supply_share is not None
    found = rules.merged(
        (
            given,
            rules.completeness_findings(review.completeness),
            rules.distance_findings(review.distance),
            rules.under_water_findings(review.market.under_water_accounts, review.market.under_water_usd),
            stressed.deficit_findings(review.bad_debt),
            rules.borrower_findings(review.borrowers),
            rules.parameter_findings(review.parameters),
            rules.with_doubt(rules.reserve_findings(review.reserves), checked),
            rules.with_doubt(rules.cap_findings(review.caps), checked),
            rules.feed_findings(review.feeds),
            stressed.flow_findings(review.flow),
            stressed.reverse_findings(review.reverse, review.inputs.cover_usd or 0.0),
            stressed.stress_findings(_ordinary(review), review.market.debt_usd),
        )
    )
    return replace(review, findings=found)


def _ordinary(review: Review) -> list[ScenarioRow]:
    """Return the named scenarios of ordinary size; extremes are no findings.

    Scenarios that do the same (the market factor, where all hangs on one coin) count once.
    """
    ordinary = [n.row for n in review.named if not n.which.startswith("worst")]
    return list(
        {(r.eligible_debt_usd, r.repaid_usd, r.bad_debt_usd): r for r in reversed(ordinary)}.values()
    )[::-1]
