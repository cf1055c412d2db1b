"""What a reader of a proposal must not overlook, as findings with the figures that decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from abis.findings import Finding, FindingKind, Severity, ranked
from oracles.feed_audit import Check as FeedCheck
from oracles.feed_audit import Result
from protocols.snapshot import Snapshot
from risk.proposal.changes import Change
from risk.proposal.lint import products
from risk.proposal.maximal import NewPositionRow

if TYPE_CHECKING:
    from risk.proposal.evidence import Evidence

TOXIC_MARGIN_BPS = 200  # threshold times (1 + bonus) this near to 100 % leaves liquidations no room
LIKELY = 0.5  # an account that more past weeks would have liquidated than not does not last a week


def warnings(evidence: Evidence, before: Snapshot, after: Snapshot) -> tuple[Finding, ...]:
    """Return the warnings, worst first.

    Parameters
    ----------
    evidence : Evidence
    before, after : Snapshot
    """
    return tuple(
        ranked(
            [
                *_executed(evidence),
                *_capped(evidence, before),
                *_toxic(evidence.changes, before, after),
                *_short_lived(evidence.new_positions),
                *_fillable(evidence),
            ]
        )
    )


def _executed(evidence: Evidence) -> Iterator[Finding]:
    enacted = evidence.effects.enacted
    if not enacted:
        return
    debt = sum(row.debt_usd for row in enacted)
    accounts = "1 account" if len(enacted) == 1 else f"{len(enacted):,} accounts"
    yield Finding(
        FindingKind.EXPOSURE,
        Severity.HIGH,
        "execution",
        f"executing the change makes {accounts} liquidatable at once, with {debt:,.0f} USD of debt.",
        debt,
        "Take smaller steps, or give users notice and time to repay.",
    )


def _capped(evidence: Evidence, before: Snapshot) -> Iterator[Finding]:
    raised: dict[int, list[str]] = {}
    for change in evidence.changes:
        if change.field.name == "ltv" and change.after > change.before:
            members = before.emodes[change.place].collateral if change.is_emode else (change.place,)
            for place in members:
                raised.setdefault(place, []).append(change.name)
    checks = {c.asset: c for c in evidence.feeds if c.name == "capped"}
    for place, names in raised.items():
        asset = before.asset_names[place]
        reads = _reads_a_cap(before, place, checks.get(asset))
        if reads is not None:
            severity, what = reads
            yield Finding(
                FindingKind.ORACLE,
                severity,
                asset,
                f"{', '.join(names)} is raised on a capped feed: {what}",
                remedy="Check the cap first (breakwater oracle audit): a cap that binds under-prices it.",
            )


def _reads_a_cap(snapshot: Snapshot, place: int, check: FeedCheck | None) -> tuple[Severity, str] | None:
    """Return how bad and why, if the price of a reserve is or may be capped."""
    if check is not None and check.result is Result.FOUND:
        return Severity.HIGH, check.evidence
    if check is not None and check.result is Result.FINE:
        return None if check.evidence == "no ratio cap" else (Severity.MEDIUM, f"{check.evidence}.")
    feed = snapshot.reserves[place].feed
    if feed is not None and "capped" in feed.description.lower():
        return Severity.MEDIUM, "its source calls itself capped, and the cap was not read."
    return None


def _toxic(changes: Sequence[Change], before: Snapshot, after: Snapshot) -> Iterator[Finding]:
    then = dict(products(before, changes))
    for subject, product in products(after, changes):
        if product < 10_000 - TOXIC_MARGIN_BPS:
            continue
        was = f"{then[subject] / 100:.2f} %" if subject in then else "no collateral"
        yield Finding(
            FindingKind.TOXIC,
            Severity.HIGH,
            subject,
            f"threshold times (1 + bonus) is {product / 100:.2f} % (before: {was}): below that health factor "
            "every liquidation lowers it.",
            remedy="Lower the threshold or the bonus.",
        )


def _short_lived(rows: Sequence[NewPositionRow]) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    for row in rows:  # most likely first
        share = row.after_share or 0.0
        if share < LIKELY or (row.collateral, row.emode) in seen:
            continue
        seen.add((row.collateral, row.emode))
        was = f"{row.before_share:.0%}" if row.before_share is not None else "it could not be opened"
        where = f" in {row.emode}" if row.emode else ""
        yield Finding(
            FindingKind.BUFFER,
            Severity.HIGH if share > (row.before_share or 0.0) else Severity.MEDIUM,
            row.collateral,
            f"a new position at maximal LTV{where} against {row.debt} would not last a week: "
            f"{share:.0%} of past 7-day windows liquidate it (before: {was}).",
            remedy="Lower LTV against the threshold.",
        )


def _fillable(evidence: Evidence) -> Iterator[Finding]:
    for row in evidence.cap_fills:
        more = row.after_loss_usd - row.before_loss_usd
        if len(row.members) == 1 and more > 0:
            yield Finding(
                FindingKind.CAP,
                Severity.MEDIUM,
                row.subject,
                f"filling its supply cap with worthless {row.subject} could take "
                f"{row.after_loss_usd:,.0f} USD, {more:,.0f} more than before.",
                row.after_loss_usd,
                "Keep the cap near what is supplied.",
            )
