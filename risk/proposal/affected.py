"""Who a proposal touches, for notices: health before and after, and what makes an account safe.

Everything is integers of the contract's rules at the snapshot's block and prices; interest accrued
and prices moved since are not in it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from protocols.exact import exact_rules
from protocols.position import CollateralLeg, DebtLeg, Position
from protocols.snapshot import Snapshot
from risk.proposal.capacity import decimal_tokens
from risk.proposal.effects import NOW, Effects
from risk.report.formats import label

IntArray = NDArray[np.int64]

LARGEST = 2**255  # no balance of a token is larger
LONGEST_NAME = 1_000


@dataclass(frozen=True, slots=True)
class Remedy:
    """The least change that makes one account safe after the proposal; empty if it is safe.

    Parameters
    ----------
    repay_asset, add_asset : str
        Its largest debt, and the collateral that gives it most.  Untrusted text.
    repay_raw, add_raw : int or None
        Smallest units; None where this alone does not do.
    repay_tokens, add_tokens : str
        The same as exact decimals of whole tokens; empty where None.
    """

    repay_asset: str = ""
    repay_raw: int | None = None
    repay_tokens: str = ""
    add_asset: str = ""
    add_raw: int | None = None
    add_tokens: str = ""


@dataclass(frozen=True, slots=True)
class AffectedRow:
    """One account whose health factor, or status in some scenario, changes.

    Parameters
    ----------
    account : str
        Untrusted text.
    status_before, status_after : str
        ``safe`` or ``liquidatable``, now.
    health_before_wad, health_after_wad : int
    collateral_base, debt_base : int
        As the contract counts them after the change, base-currency units.
    remedy : Remedy
    newly_in : tuple of str
        Scenarios in which it is liquidatable after and not before.
    """

    account: str
    status_before: str
    status_after: str
    health_before_wad: int
    health_after_wad: int
    collateral_base: int
    debt_base: int
    remedy: Remedy
    newly_in: tuple[str, ...]


COLUMNS = (
    "account",
    "status_before",
    "status_after",
    "health_before",
    "health_after",
    "collateral_usd",
    "debt_usd",
    "repay_asset",
    "repay_tokens",
    "add_asset",
    "add_tokens",
    "scenarios_newly_liquidatable",
    "first_scenario",
)
STATUS_COLUMNS = ("scenario", "account", "liquidatable_before", "liquidatable_after")


def affected(
    before: Snapshot, after: Snapshot, found: Effects, progress: Callable[[int, int], None] | None = None
) -> tuple[AffectedRow, ...]:
    """Return every account with debt that the proposal touches, lowest health after first.

    Parameters
    ----------
    before, after : Snapshot
        ``after`` as `risk.proposal.apply.applied` makes it.
    found : Effects
        Of the two.
    progress : callable (done, total), optional
    """
    newly: dict[int, list[str]] = {}
    for scenario, account in zip(
        found.moved_scenario[found.moved_in], found.moved_account[found.moved_in], strict=True
    ):
        newly.setdefault(int(account), []).append(found.names[scenario])
    candidates = np.union1d(_governed(before, after), np.unique(found.moved_account))
    rows = []
    for done, account in enumerate(candidates, 1):
        row = _row(before, after, int(account), tuple(newly.get(int(account), ())))
        if row is not None:
            rows.append(row)
        if progress is not None and (done % 1_000 == 0 or done == len(candidates)):
            progress(done, len(candidates))
    return tuple(sorted(rows, key=lambda r: (r.health_after_wad, r.account)))


def _governed(before: Snapshot, after: Snapshot) -> IntArray:
    """Return the accounts with an entry whose threshold differs and that owe something."""
    then, now = before.book.collateral, after.book.collateral
    differs = (then.threshold_bps != now.threshold_bps) & then.counted
    owing = np.unique(before.book.debt.account)
    return np.intersect1d(then.account[differs], owing).astype(np.int64)


def _row(before: Snapshot, after: Snapshot, account: int, newly: tuple[str, ...]) -> AffectedRow | None:
    exact, limit = exact_rules(before.rules), before.rules.liquidatable_below_wad
    then = exact.account_data(before.position(account), before.rules)
    position = after.position(account)
    now = exact.account_data(position, after.rules)
    if then.health_factor == now.health_factor and not newly:
        return None
    was, becomes = ("liquidatable" if data.health_factor < limit else "safe" for data in (then, now))
    remedy = _remedy(after, position) if now.health_factor < limit else Remedy()
    return AffectedRow(
        before.book.accounts[account],
        was,
        becomes,
        then.health_factor,
        now.health_factor,
        now.total_collateral_base,
        now.total_debt_base,
        remedy,
        tuple(name for name in newly if name != NOW),
    )


def _remedy(snapshot: Snapshot, position: Position) -> Remedy:
    """Return the least repayment of the largest debt, and the least addition to a collateral."""
    rules, names = snapshot.rules, snapshot.asset_names
    exact = exact_rules(rules)

    def safe(changed: Position) -> bool:
        return exact.account_data(changed, rules).health_factor >= rules.liquidatable_below_wad

    d = max(range(len(position.debt)), key=lambda k: _value(position.debt[k]))
    owed = position.debt[d]
    repay = least(lambda raw: safe(_repaid(position, d, raw)), owed.balance_raw)
    out = Remedy(repay_asset=names[owed.reserve], repay_raw=repay, repay_tokens=_text(snapshot, owed, repay))
    counted = [k for k, leg in enumerate(position.collateral) if leg.counted and leg.threshold_bps]
    if not counted:
        return out
    c = max(counted, key=lambda k: _value(position.collateral[k]) * position.collateral[k].threshold_bps)
    held = position.collateral[c]
    add = least(lambda raw: safe(_added(position, c, raw)), LARGEST) if held.price_raw else None
    return replace(out, add_asset=names[held.reserve], add_raw=add, add_tokens=_text(snapshot, held, add))


def least(enough: Callable[[int], bool], most: int) -> int | None:
    """Return the least whole number up to ``most`` that is ``enough``, None if ``most`` is not.

    ``enough`` holds from some number on.
    """
    high = 1
    while high < most and not enough(high):
        high *= 2
    high = min(high, most)
    if not enough(high):
        return None
    low = -1 if high <= 1 else high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle
    return high


def _value(leg: CollateralLeg | DebtLeg) -> int:
    return leg.balance_raw * leg.price_raw // leg.unit_raw


def _repaid(position: Position, d: int, raw: int) -> Position:
    legs = list(position.debt)
    legs[d] = replace(legs[d], balance_raw=legs[d].balance_raw - raw)
    return replace(position, debt=tuple(legs))


def _added(position: Position, c: int, raw: int) -> Position:
    legs = list(position.collateral)
    legs[c] = replace(legs[c], balance_raw=legs[c].balance_raw + raw)
    return replace(position, collateral=tuple(legs))


def _text(snapshot: Snapshot, leg: CollateralLeg | DebtLeg, raw: int | None) -> str:
    return "" if raw is None else decimal_tokens(raw, snapshot.reserves[leg.reserve])


def affected_csv(snapshot: Snapshot, rows: Iterable[AffectedRow]) -> str:
    """Return the rows as CSV: amounts as exact decimals, text so that no spreadsheet runs it."""
    return _csv(COLUMNS, (_cells(snapshot, row) for row in rows))


def _cells(snapshot: Snapshot, row: AffectedRow) -> list[object]:
    usd = snapshot.base.usd / snapshot.base.unit_raw
    return [
        label(row.account, LONGEST_NAME),
        row.status_before,
        row.status_after,
        wad_decimal(row.health_before_wad),
        wad_decimal(row.health_after_wad),
        f"{row.collateral_base * usd:.2f}",
        f"{row.debt_base * usd:.2f}",
        label(row.remedy.repay_asset, LONGEST_NAME),
        row.remedy.repay_tokens,
        label(row.remedy.add_asset, LONGEST_NAME),
        row.remedy.add_tokens,
        len(row.newly_in),
        label(row.newly_in[0], LONGEST_NAME) if row.newly_in else "",
    ]


def statuses_csv(snapshot: Snapshot, found: Effects) -> str:
    """Return every change of status, one row an account and scenario, as CSV."""
    rows = zip(found.moved_scenario, found.moved_account, found.moved_in, strict=True)
    names = [label(name, LONGEST_NAME) for name in found.names]
    accounts = snapshot.book.accounts
    return _csv(
        STATUS_COLUMNS,
        (
            [names[s], label(accounts[a], LONGEST_NAME), "no" if into else "yes", "yes" if into else "no"]
            for s, a, into in rows
        ),
    )


def wad_decimal(wad: int) -> str:
    """Return a wad as an exact decimal, trailing zeros cut."""
    whole, part = divmod(wad, 10**18)
    digits = f"{part:018d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def _csv(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()
