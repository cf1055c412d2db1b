"""Rules that turn figures into ranked findings: what is wrong, the evidence, what to do.

Thresholds stand at the top.  A rule that needs a limit the team must set (a cover, a
budget) does not invent one: it compares two figures of the same market.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from abis.findings import Finding, FindingKind, Severity, ranked
from risk.report import formats
from risk.report.book import AccountRow, CompletenessFigures, DistanceRow
from risk.report.feeds import FeedRow
from risk.report.parameters import ParameterRow
from risk.report.reserves import CapRow, ReserveRow

MATERIAL_USD = 10_000.0  # smaller amounts are mentioned as information only
NEAR_SHARE = 0.03  # "close to liquidation"
CONCENTRATED_SHARE = 0.10  # of all debt with one borrower
UTILISATION_HIGH, UTILISATION_FULL = 0.95, 0.99
SUPPLIER_SHARE = 0.50  # of one reserve with one supplier
LOSS_SHARE = 0.01  # of all debt left as bad debt by one ordinary scenario
THIN_BUFFER_BPS = 100  # protocol buffer below 1 % of collateral value


def completeness_findings(figures: CompletenessFigures) -> Iterator[Finding]:
    """Yield what of the book was not found, or not checked."""
    if figures.supply_share is None and figures.debt_share is None:
        yield Finding(
            FindingKind.UNVERIFIED,
            Severity.MEDIUM,
            "book",
            "completeness was not checked: no token totals are in the snapshot.",
            remedy="Take the snapshot from the chain, or import a file with token totals.",
        )
    for side, share, missing in (
        ("supply", figures.supply_share, figures.missing_supply_usd),
        ("debt", figures.debt_share, figures.missing_debt_usd),
    ):
        if share is not None and share < 1.0 and missing > 0:
            severity = Severity.HIGH if share < 0.99 else Severity.MEDIUM if share < 0.999 else Severity.LOW
            yield Finding(
                FindingKind.MISSING,
                severity,
                f"{side} side",
                f"{formats.share(share)} of the {side} was found; owners of {formats.usd(missing)} are "
                "unknown.",
                missing,
                "Scan from the market's first block.",
            )


def distance_findings(rows: Iterable[DistanceRow]) -> Iterator[Finding]:
    """Yield accounts that can be liquidated at the snapshot's own prices."""
    for row in rows:
        if row.to_share is None and row.accounts:
            yield Finding(
                FindingKind.BUFFER,
                Severity.HIGH if row.debt_usd >= MATERIAL_USD else Severity.LOW,
                "book",
                f"{formats.usd(row.debt_usd)} of debt can be liquidated at the snapshot's prices, in "
                f"{formats.plural(row.accounts, 'account')}.",
                row.debt_usd,
                "Check whether liquidators are active and profitable for these positions.",
            )


def under_water_findings(accounts: int, amount_usd: float) -> Iterator[Finding]:
    """Yield debt that exceeds its account's collateral already."""
    if accounts:
        yield Finding(
            FindingKind.BUFFER,
            Severity.CRITICAL if amount_usd >= MATERIAL_USD else Severity.MEDIUM,
            "book",
            f"{formats.usd(amount_usd)} of debt exceeds its collateral at the snapshot's prices, in "
            f"{formats.plural(accounts, 'account')}.",
            amount_usd,
            "Book or cover the shortfall; no liquidation will mend it.",
        )


def borrower_findings(rows: Iterable[AccountRow]) -> Iterator[Finding]:
    """Yield borrowers so large that one account decides the market's loss."""
    for row in rows:
        if row.debt_share >= CONCENTRATED_SHARE:
            near = row.distance_share is not None and row.distance_share <= NEAR_SHARE
            where = (
                f", {formats.share(max(row.distance_share, 0.0))} from liquidation"
                if row.distance_share is not None
                else ""
            )
            yield Finding(
                FindingKind.EXPOSURE,
                Severity.HIGH if near else Severity.MEDIUM,
                row.account,
                f"one borrower owes {formats.share(row.debt_share)} of all debt "
                f"({formats.usd(row.debt_usd)}){where}.",
                row.debt_usd,
                "Size depth and caps for this position; talk to its owner.",
            )


def parameter_findings(rows: Iterable[ParameterRow]) -> Iterator[Finding]:
    """Yield parameters under which a liquidation can worsen what it should mend."""
    for row in rows:
        if row.toxic_to_health is not None and row.toxic_from_health is not None:
            yield Finding(
                FindingKind.TOXIC,
                Severity.HIGH if row.collateral_usd >= MATERIAL_USD and not row.emode else Severity.MEDIUM,
                row.subject,
                f"liquidation threshold times (1 + bonus) is {row.lambda_share:.4f}: partial calls lower "
                f"the health factor of accounts between {row.toxic_from_health:.2f} and "
                f"{row.toxic_to_health:.4f}.",
                row.collateral_usd,
                "Lower the threshold or the bonus until their product is below "
                f"{max(row.toxic_from_health, 0.95):.2f}.",
            )
        elif row.protocol_buffer_bps < THIN_BUFFER_BPS:
            yield Finding(
                FindingKind.BUFFER,
                Severity.MEDIUM,
                row.subject,
                f"the protocol buffer 1/(1 + bonus) − threshold is {formats.bps(row.protocol_buffer_bps)}: "
                "a gap of that size during a liquidation leaves bad debt.",
                row.collateral_usd,
                "Lower the threshold or the bonus.",
            )


def reserve_findings(rows: Iterable[ReserveRow]) -> Iterator[Finding]:
    """Yield reserves that are lent out, hang on one supplier, or have no readable price."""
    for row in rows:
        if row.price_usd <= 0:
            yield Finding(
                FindingKind.MISSING,
                Severity.HIGH,
                row.asset,
                "its oracle price is unreadable; positions in it count as zero everywhere in this report.",
                remedy="Read the market's oracle at this block.",
            )
        if row.utilisation_share is not None and row.utilisation_share > UTILISATION_HIGH:
            full = row.utilisation_share >= UTILISATION_FULL
            yield Finding(
                FindingKind.LIQUIDITY,
                Severity.HIGH if full and row.supply_usd >= MATERIAL_USD else Severity.MEDIUM,
                row.asset,
                f"{formats.share(row.utilisation_share)} is lent out; {formats.usd(row.available_usd)} can "
                "be withdrawn. Suppliers cannot leave and liquidators cannot take this collateral out.",
                row.supply_usd,
                "Raise the slope above the optimal utilisation, or lower the borrow cap.",
            )
        crowded = (row.largest_supplier_share or 0.0) >= SUPPLIER_SHARE
        if crowded and row.largest_can_leave and row.debt_usd >= MATERIAL_USD:
            yield Finding(
                FindingKind.LIQUIDITY,
                Severity.MEDIUM,
                row.asset,
                f"one supplier holds {formats.share(row.largest_supplier_share)} of the supply and can "
                "withdraw it at once; utilisation would jump.",
                row.largest_supplier_usd,
                "Watch the account; keep the borrow cap below the rest of the supply.",
            )


def cap_findings(rows: Iterable[CapRow]) -> Iterator[Finding]:
    """Yield headroom that worthless collateral at oracle par could turn into a loss."""
    material = [r for r in rows if r.fill_loss_usd >= MATERIAL_USD]
    uncapped = [r for r in material if r.headroom_usd is None]
    if uncapped:
        most = max(r.fill_loss_usd for r in uncapped)
        yield Finding(
            FindingKind.CAP,
            Severity.HIGH,
            formats.some([r.asset for r in uncapped]),
            f"collateral without a supply cap: worthless supply at oracle par could borrow up to "
            f"{formats.usd(most)}.",
            most,
            "Set supply caps.",
        )
    capped = [r for r in material if r.headroom_usd is not None]
    everything = [r for r in capped if r.fill_loss_usd >= r.lendable_usd]
    if everything:
        most = max(r.fill_loss_usd for r in everything)
        yield Finding(
            FindingKind.CAP,
            Severity.MEDIUM,
            formats.some([r.asset for r in everything]),
            "the room under the supply cap is worth all that can be borrowed: filled with worthless "
            f"collateral at oracle par it could take out up to {formats.usd(most)}.",
            most,
            "Lower the caps towards current use.",
        )
    for row in capped:
        if row not in everything:
            yield Finding(
                FindingKind.CAP,
                Severity.LOW,
                row.asset,
                "filling its supply cap with worthless collateral at oracle par could take out "
                f"{formats.usd(row.fill_loss_usd)}.",
                row.fill_loss_usd,
                "Lower the cap towards current use.",
            )


def with_doubt(findings: Iterable[Finding], checked: bool) -> Iterator[Finding]:
    """Yield findings that rest on token totals, lowered where those were not checked."""
    for f in findings:
        if checked:
            yield f
        else:
            message = f"{f.message} Token totals were not checked: the book may be a part of the market."
            yield replace(f, severity=min(f.severity, Severity.LOW), message=message)


def feed_findings(rows: Sequence[FeedRow]) -> Iterator[Finding]:
    """Yield prices that are older than their heartbeat, or whose settings nobody stated."""
    for row in rows:
        if row.stale and row.age_s is not None:
            sure = row.heartbeat_origin != "assumed"
            yield Finding(
                FindingKind.STALE,
                Severity.HIGH if sure else Severity.MEDIUM,
                row.asset,
                f"its price was updated {formats.seconds(row.age_s)} before the block; the "
                f"{row.heartbeat_origin} heartbeat is {formats.seconds(row.heartbeat_s)}.",
                remedy="Check the feed's nodes before relying on this price.",
            )
    assumed = [r.asset for r in rows if "assumed" in (r.deviation_origin, r.heartbeat_origin)]
    if assumed:
        yield Finding(
            FindingKind.UNVERIFIED,
            Severity.LOW,
            formats.some(assumed),
            f"deviation or heartbeat assumed for {formats.plural(len(assumed), 'feed')}, not read or fitted.",
            remedy="Give the feeds' settings, or fit them to their rounds.",
        )


def merged(groups: Iterable[Iterable[Finding]]) -> tuple[Finding, ...]:
    """Return all findings once each, worst first."""
    return tuple(ranked(dict.fromkeys(f for group in groups for f in group)))
