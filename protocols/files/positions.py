"""Accounts and their legs from rows, with the parameters in force for each account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from abis.findings import Finding, FindingKind, Severity
from abis.units import BPS, MAX_UINT256, RAY, ray_div_half_up
from protocols.aave_v3.emode import EffectiveParameters, backs_debt, call_price_emode, effective, price_emode
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.files.cells import BadCell, decimal, flag, given, name_of, text, units, whole
from protocols.files.reserves import MAX_BONUS_BPS, MAX_EMODE, Listing, Names, parse_rows
from protocols.files.sheets import Kind, Row, Sheet, row_finding
from protocols.snapshot import Book, EMode, Reserve

_SIDES = ("collateral", "debt")


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg as a file states it; None where the file leaves a parameter to the reserve."""

    account: str
    side: str
    reserve: int
    amount_raw: int
    scaled_raw: int | None
    threshold_bps: int | None
    ltv_bps: int | None
    bonus_bps: int | None
    enabled: bool


@dataclass(frozen=True, slots=True)
class Account:
    """One account as a file states it; totals in whole base currency, health as a plain ratio.

    ``health_factor`` is None where none is reported and infinite for an account without debt.
    """

    account: str
    emode: int
    health_factor: Decimal | None
    total_collateral: Decimal | None
    total_debt: Decimal | None


@dataclass(frozen=True, slots=True)
class Positions:
    """The book, what the files report about its accounts, and the findings."""

    book: Book
    reported: tuple[Account, ...]
    findings: tuple[Finding, ...]


def positions_from(sheets: Sequence[Sheet], listing: Listing, version: str) -> Positions:
    """Return the positions in ``sheets`` under the rules of release ``version``."""
    names = Names(listing.reserves)
    emodes = {e.id: e for e in listing.emodes}
    rows, findings = parse_rows(sheets, Kind.ACCOUNTS, lambda row: _account(row, emodes))
    accounts, more = _unique_accounts(rows)
    findings += more
    legs, more = parse_rows(sheets, Kind.LEGS, lambda row: _leg(row, names, listing.reserves))
    findings += more
    merged, more = _merged(legs, listing.reserves)
    findings += more
    emode_of = {leg.account: 0 for _, leg in legs} | {a.account: a.emode for a in accounts}
    book = book_of(
        emode_of,
        [
            _collateral(leg, listing.reserves, emodes.get(emode_of[leg.account]), version)
            for leg in merged
            if leg.side == "collateral"
        ],
        [
            _debt(leg, listing.reserves[leg.reserve], emodes.get(emode_of[leg.account]), version)
            for leg in merged
            if leg.side == "debt"
        ],
    )
    return Positions(book, tuple(accounts), (*findings, *_without_legs(accounts, merged)))


def _account(row: Row, emodes: Mapping[int, EMode]) -> Account:
    emode = whole(row, "emode", MAX_EMODE, default=0)
    if emode and emode not in emodes:
        raise BadCell(FindingKind.MISSING, f"emode {emode} is in no file of e-modes", "emode")
    return Account(
        name_of(row, "account"),
        emode,
        _health(row),
        *(decimal(row, c) if given(row, c) else None for c in ("total_collateral", "total_debt")),
    )


def _health(row: Row) -> Decimal | None:
    """Return the reported health factor; ``inf`` and 2**256-1 (in any unit) mean no debt."""
    if not given(row, "health_factor"):
        return None
    if row.cells["health_factor"].lower() in ("inf", "infinity"):
        return Decimal("Infinity")
    value = decimal(row, "health_factor")
    if value < 0:
        what = f"health_factor is {value}, expected >= 0, inf or nothing"
        raise BadCell(FindingKind.OUT_OF_RANGE, what, "health_factor")
    return Decimal("Infinity") if value > Decimal("1e50") else value


def _leg(row: Row, names: Names, reserves: Sequence[Reserve]) -> Leg:
    side = text(row, "side").lower()
    if side not in _SIDES:
        what = f"side is {side[:40]!r}, expected collateral or debt"
        raise BadCell(FindingKind.INCONSISTENT, what, "side", unreadable=True)
    reserve = names.index(text(row, "asset"), "asset")

    def optional(column: str, high: int) -> int | None:
        return whole(row, column, high) if given(row, column) else None

    bonus_bps = optional("liquidation_bonus_bps", MAX_BONUS_BPS)
    if bonus_bps is not None and 0 < bonus_bps < BPS:
        what = f"liquidation_bonus_bps is {bonus_bps}, expected 0 or at least {BPS} (10500 = 5 %)"
        raise BadCell(FindingKind.OUT_OF_RANGE, what, "liquidation_bonus_bps")
    return Leg(
        account=name_of(row, "account"),
        side=side,
        reserve=reserve,
        amount_raw=units(row, "amount", 10 ** reserves[reserve].decimals),
        scaled_raw=optional("scaled_raw", MAX_UINT256),
        threshold_bps=optional("liquidation_threshold_bps", BPS),
        ltv_bps=optional("ltv_bps", BPS),
        bonus_bps=bonus_bps,
        enabled=flag(row, "enabled", True),
    )


def _unique_accounts(rows: Sequence[tuple[Row, Account]]) -> tuple[list[Account], list[Finding]]:
    """Return accounts by name; where rows contradict each other, none of them is used."""
    by_name: dict[str, list[tuple[Row, Account]]] = defaultdict(list)
    for row, account in rows:
        by_name[account.account].append((row, account))
    findings: list[Finding] = []
    unique: list[Account] = []
    for name in sorted(by_name):
        same = by_name[name]
        if all(account == same[0][1] for _, account in same):
            unique.append(same[0][1])
            continue
        what = f"account {name[:80]} is listed {len(same)} times with different values"
        findings += [row_finding(FindingKind.INCONSISTENT, row.where, what) for row, _ in same]
        unique.append(Account(name, 0, None, None, None))
    return unique, findings


def _merged(rows: Iterable[tuple[Row, Leg]], reserves: Sequence[Reserve]) -> tuple[list[Leg], list[Finding]]:
    """Return one leg an account, side and reserve; amounts of repeated rows are added up.

    The result does not depend on the rows' order: where repeated rows disagree on a
    parameter, the one worse for the borrower counts.  Zero amounts are no position.
    """
    groups: dict[tuple[str, str, int], list[tuple[Row, Leg]]] = defaultdict(list)
    for row, leg in rows:
        groups[leg.account, leg.side, leg.reserve].append((row, leg))
    legs: list[Leg] = []
    findings: list[Finding] = []
    for (account, side, reserve), same in groups.items():
        leg = _sum([leg for _, leg in same]) if len(same) > 1 else same[0][1]
        if leg.amount_raw:
            legs.append(leg)
        if len(same) > 1:
            where = ", ".join(row.where for row, _ in same)
            message = (
                f"{len(same)} rows give {side} {reserves[reserve].symbol[:40]} of {account[:80]}: "
                f"they are added up."
            )
            findings.append(Finding(FindingKind.INCONSISTENT, Severity.MEDIUM, where, message))
    return legs, findings


def _sum(legs: Sequence[Leg]) -> Leg:
    def least(values: Iterable[int | None]) -> int | None:
        known = [v for v in values if v is not None]
        return min(known, default=None)

    bonuses = [leg.bonus_bps for leg in legs if leg.bonus_bps is not None]
    scaled = [leg.scaled_raw for leg in legs if leg.scaled_raw is not None]
    return replace(
        legs[0],
        amount_raw=sum(leg.amount_raw for leg in legs),
        scaled_raw=sum(scaled) if len(scaled) == len(legs) else None,
        threshold_bps=least(leg.threshold_bps for leg in legs),
        ltv_bps=least(leg.ltv_bps for leg in legs),
        bonus_bps=max(bonuses, default=None),
        enabled=all(leg.enabled for leg in legs),
    )


def _collateral(leg: Leg, reserves: Sequence[Reserve], emode: EMode | None, version: str) -> CollateralEntry:
    reserve = reserves[leg.reserve]
    usual = effective(reserve, leg.reserve, emode, version)
    stated = EffectiveParameters(
        usual.ltv_bps if leg.ltv_bps is None else leg.ltv_bps,
        usual.threshold_bps if leg.threshold_bps is None else leg.threshold_bps,
        usual.bonus_bps if leg.bonus_bps is None else leg.bonus_bps,
    )
    # A threshold stated for the leg stands for the reserve's own, which a file may leave out.
    own = (
        reserve
        if leg.threshold_bps is None
        else replace(reserve, liquidation_threshold_bps=leg.threshold_bps)
    )
    return CollateralEntry(
        account=leg.account,
        reserve=leg.reserve,
        amount_raw=leg.amount_raw,
        scaled_raw=_scaled(leg, reserve.liquidity_index_ray),
        threshold_bps=stated.threshold_bps,
        ltv_bps=stated.ltv_bps,
        bonus_bps=stated.bonus_bps,
        counted=backs_debt(own, leg.enabled, version),
        price_emode=price_emode(reserve, emode, version),
    )


def _debt(leg: Leg, reserve: Reserve, emode: EMode | None, version: str) -> DebtEntry:
    return DebtEntry(
        account=leg.account,
        reserve=leg.reserve,
        amount_raw=leg.amount_raw,
        scaled_raw=_scaled(leg, reserve.variable_borrow_index_ray),
        price_emode=price_emode(reserve, emode, version),
        call_price_emode=call_price_emode(emode, version),
    )


def _scaled(leg: Leg, index_ray: int) -> int:
    if leg.scaled_raw is not None:
        return leg.scaled_raw
    return leg.amount_raw if index_ray == RAY else ray_div_half_up(leg.amount_raw, index_ray)


def _without_legs(accounts: Iterable[Account], legs: Iterable[Leg]) -> list[Finding]:
    have = {leg.account for leg in legs}
    return [
        Finding(
            FindingKind.MISSING,
            Severity.MEDIUM,
            a.account,
            f"no legs are given, but a total collateral of {a.total_collateral or 0} "
            f"and debt of {a.total_debt or 0} is reported.",
        )
        for a in accounts
        if a.account not in have and (a.total_collateral or a.total_debt)
    ]
