"""Compares what the files report about accounts with what the exact rules give."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from abis.findings import Finding, FindingKind, Severity
from abis.units import MAX_UINT256, from_raw
from protocols.exact import exact_rules
from protocols.files.positions import Account
from protocols.position import AccountData
from protocols.snapshot import Snapshot

SUBJECT = "reconciliation"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One reported value beside the computed one; ``difference`` is relative to the reported."""

    account: str
    measure: str
    reported: Decimal
    computed: Decimal

    @property
    def difference(self) -> Decimal:
        """|computed - reported| / reported; 0 if equal, infinite if only one is 0 or infinite."""
        if self.computed == self.reported:
            return Decimal(0)
        if not self.reported or self.reported.is_infinite() or self.computed.is_infinite():
            return Decimal("Infinity")
        return abs(self.computed - self.reported) / self.reported


def reconcile(snapshot: Snapshot, reported: Iterable[Account], tolerance: Decimal) -> list[Finding]:
    """Return one summary a measure, then one finding a deviating account.

    Parameters
    ----------
    snapshot : Snapshot
        The positions as imported.
    reported : iterable of Account
        What the files say.
    tolerance : Decimal
        Largest relative difference that is no deviation.
    """
    by_measure: dict[str, list[Comparison]] = {}
    by_account: dict[str, list[Comparison]] = {}
    for comparison in compare(snapshot, reported):
        by_measure.setdefault(comparison.measure, []).append(comparison)
        if comparison.difference > tolerance:
            by_account.setdefault(comparison.account, []).append(comparison)
    summaries = [_summary(measure, same, tolerance) for measure, same in by_measure.items()]
    return summaries + [_deviation(account, off, tolerance) for account, off in by_account.items()]


def compare(snapshot: Snapshot, reported: Iterable[Account]) -> list[Comparison]:
    """Return every reported value of an account that has legs, with its computed twin."""
    rules = exact_rules(snapshot.rules)
    row_of = {account: i for i, account in enumerate(snapshot.book.accounts)}
    comparisons: list[Comparison] = []
    for account in reported:
        position = snapshot.position(row_of[account.account])
        states = (account.health_factor, account.total_collateral, account.total_debt)
        if states == (None, None, None) or not (position.collateral or position.debt):
            continue
        data = rules.account_data(position, snapshot.rules)
        comparisons += _of(account, data, snapshot.base.unit_raw)
    return comparisons


def _of(account: Account, data: AccountData, unit_raw: int) -> list[Comparison]:
    health = Decimal("Infinity") if data.health_factor == MAX_UINT256 else from_raw(data.health_factor, 18)
    pairs = {
        "health factor": (account.health_factor, health),
        "total collateral": (account.total_collateral, Decimal(data.total_collateral_base) / unit_raw),
        "total debt": (account.total_debt, Decimal(data.total_debt_base) / unit_raw),
    }
    return [
        Comparison(account.account, measure, reported, computed)
        for measure, (reported, computed) in pairs.items()
        if reported is not None
    ]


def _summary(measure: str, compared: list[Comparison], tolerance: Decimal) -> Finding:
    differences = [c.difference for c in compared]
    off = sum(d > tolerance for d in differences)
    message = (
        f"{measure} of {len(compared)} accounts recomputed: largest relative difference to the reported "
        f"{max(differences):.1e}, median {median(differences):.1e}, {off} above {tolerance:.0e}."
    )
    return Finding(FindingKind.INCONSISTENT, Severity.INFO, SUBJECT, message)


def _deviation(account: str, off: list[Comparison], tolerance: Decimal) -> Finding:
    parts = [
        f"{c.measure} {float(c.computed):.6g} computed, {float(c.reported):.6g} reported "
        f"({c.difference:.1e} relative)"
        for c in off
    ]
    return Finding(
        FindingKind.INCONSISTENT,
        Severity.MEDIUM,
        account,
        f"{'; '.join(parts)}; tolerance {tolerance:.0e}.",
        remedy="Check that legs, prices and thresholds are complete and of the same block.",
    )
