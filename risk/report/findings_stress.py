"""Findings that rest on the outcome: bad debt, toxic calls, at-risk flow, exhausted cover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from abis.findings import Finding, FindingKind, Severity
from risk.depth import INFINITE_DEPTH
from risk.report import formats
from risk.report.findings import LOSS_SHARE, MATERIAL_USD
from risk.report.flow import FlowFigures
from risk.report.reverse import ReverseRow
from risk.report.stress import BadDebtRow, ScenarioRow

ORDINARY_MOVE = 0.30  # a fall or rise a risk team expects to survive


def flow_findings(figures: FlowFigures) -> Iterator[Finding]:
    """Yield collateral that a joint fall puts at risk faster than it can be taken out or sold."""
    for row in figures.rows:
        if row.at_risk_usd >= MATERIAL_USD and not row.withdrawable_covers:
            yield Finding(
                FindingKind.LIQUIDITY,
                Severity.HIGH if row.sold_usd > row.withdrawable_usd else Severity.MEDIUM,
                row.asset,
                f"at {figures.scenario}, {formats.usd(row.at_risk_usd)} of it is at risk but "
                f"{formats.usd(row.withdrawable_usd)} can be withdrawn.",
                row.at_risk_usd - row.withdrawable_usd,
                "Lower its borrow cap, or expect liquidators to wait.",
            )
        if row.absorbable_usd is not None and row.at_risk_usd >= MATERIAL_USD and not row.absorbs_all:
            yield Finding(
                FindingKind.LIQUIDITY,
                Severity.MEDIUM,
                row.asset,
                f"at {figures.scenario}, {formats.usd(row.at_risk_usd)} of it is at risk; sales beyond "
                f"{formats.usd(row.absorbable_usd)} cost more than the bonus after fee pays.",
                row.at_risk_usd - row.absorbable_usd,
                "Lower its supply cap to what the depth absorbs.",
            )
    if figures.unprofitable_debt_usd >= MATERIAL_USD:
        yield Finding(
            FindingKind.LIQUIDITY,
            Severity.HIGH,
            figures.scenario,
            f"{formats.usd(figures.unprofitable_debt_usd)} of debt stays unliquidated because no liquidator "
            "profits.",
            figures.unprofitable_debt_usd,
            "Lower the caps of the collateral concerned, or raise its bonus where that is not toxic.",
        )
    if figures.infinite:
        yield Finding(
            FindingKind.LIQUIDITY,
            Severity.MEDIUM,
            "depth",
            f"{INFINITE_DEPTH} for {formats.joined(list(figures.infinite))}: bad debt and losses are lower "
            "bounds.",
            remedy="Give measured depth with --depth FILE.",
        )


def stress_findings(rows: Iterable[ScenarioRow], debt_usd: float) -> Iterator[Finding]:
    """Yield bad debt and toxic liquidations of the scenarios the report speaks about."""
    for row in rows:
        if row.bad_debt_usd >= MATERIAL_USD:
            share = row.bad_debt_usd / debt_usd if debt_usd else 0.0
            yield Finding(
                FindingKind.BUFFER,
                Severity.HIGH if share >= LOSS_SHARE else Severity.MEDIUM,
                row.scenario,
                f"leaves {formats.usd(row.bad_debt_usd)} of bad debt ({formats.share(share)} of all debt).",
                row.bad_debt_usd,
                "Raise the protocol buffer of the collateral concerned, or lower its caps.",
            )
        if row.toxic_usd >= MATERIAL_USD:
            yield Finding(
                FindingKind.TOXIC,
                Severity.MEDIUM,
                row.scenario,
                f"{formats.usd(row.toxic_usd)} is repaid in calls that lower the health factor they should "
                "mend.",
                row.toxic_usd,
                "Lower threshold times (1 + bonus) of the collateral concerned.",
            )


def reverse_findings(rows: Iterable[ReverseRow], cover_usd: float) -> Iterator[Finding]:
    """Yield moves of ordinary size that exhaust the stated cover."""
    for row in rows:
        if row.move_share is not None and abs(row.move_share) <= ORDINARY_MOVE:
            yield Finding(
                FindingKind.BUFFER,
                Severity.HIGH,
                row.subject,
                f"a {row.direction} of {formats.share(abs(row.move_share), 0)} exhausts the cover of "
                f"{formats.usd(cover_usd)}: {formats.usd(row.loss_usd)} of bad debt.",
                row.loss_usd,
                "Raise the cover, or the protocol buffers and caps behind this loss.",
            )


def deficit_findings(rows: Iterable[BadDebtRow]) -> Iterator[Finding]:
    """Yield deficits the protocol has booked and not covered."""
    for row in rows:
        if row.booked_deficit_usd > 0:
            yield Finding(
                FindingKind.BUFFER,
                Severity.MEDIUM if row.booked_deficit_usd >= MATERIAL_USD else Severity.LOW,
                row.asset,
                f"a deficit of {formats.usd(row.booked_deficit_usd)} is booked on chain and not covered.",
                row.booked_deficit_usd,
                "Cover it from the reserve's own backstop.",
            )
