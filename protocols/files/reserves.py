"""Reserves and efficiency-mode categories from rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from abis.errors import MalformedFile
from abis.findings import Finding, FindingKind, Severity
from abis.units import BPS, MAX_UINT256, RAY
from protocols.files.cells import MAX_INT64, BadCell, flag, given, name_of, text, units, whole
from protocols.files.sheets import Kind, Row, Sheet, row_finding
from protocols.snapshot import EMode, Reserve

MAX_RESERVE_DECIMALS = 77
MAX_BONUS_BPS = 2**16 - 1
MAX_EMODE = 255

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing:
    """A market's tables: reserves in order, which of their totals were given, categories, findings."""

    reserves: tuple[Reserve, ...]
    given_totals: tuple[frozenset[str], ...]
    emodes: tuple[EMode, ...]
    findings: tuple[Finding, ...]


class Names:
    """Finds a reserve's index by address or symbol, whatever the case where that is unique."""

    def __init__(self, reserves: Sequence[Reserve]) -> None:
        self._address = {r.asset.lower(): i for i, r in enumerate(reserves)}
        self._symbol: dict[str, list[int]] = {}
        self._folded: dict[str, list[int]] = {}
        for i, reserve in enumerate(reserves):
            self._symbol.setdefault(reserve.symbol, []).append(i)
            self._folded.setdefault(reserve.symbol.lower(), []).append(i)

    def index(self, name: str, column: str) -> int:
        """Return the reserve index, or raise `BadCell`."""
        if name.lower() in self._address:
            return self._address[name.lower()]
        hits = self._symbol.get(name) or self._folded.get(name.lower()) or []
        if len(hits) == 1:
            return hits[0]
        if hits:
            what = f"{column} {name[:80]!r} names {len(hits)} reserves, expected an address"
            raise BadCell(FindingKind.INCONSISTENT, what, column)
        raise BadCell(FindingKind.MISSING, f"{column} {name[:80]!r} is in no file of reserves", column)


def parse_rows(
    sheets: Sequence[Sheet], kind: Kind, parse: Callable[[Row], T]
) -> tuple[list[tuple[Row, T]], list[Finding]]:
    """Return every row of ``kind`` with what it parses to, and a finding for each that does not.

    Raises
    ------
    MalformedFile
        If a file has several rows and no row's cells have the right type.
    """
    parsed: list[tuple[Row, T]] = []
    findings: list[Finding] = []
    for sheet in sheets:
        if sheet.kind is not kind:
            continue
        bad: list[BadCell] = []
        for row in sheet.rows:
            try:
                parsed.append((row, parse(row)))
            except BadCell as error:
                bad.append(error)
                findings.append(row_finding(error.kind, row.where, str(error)))
        if len(bad) == len(sheet.rows) > 1 and all(b.unreadable for b in bad):
            raise MalformedFile(
                f"'{sheet.name}' has no row that can be read: {bad[0]}.",
                remedy=f"Check column '{bad[0].column}'.",
            )
    return parsed, findings


def listing_from(sheets: Sequence[Sheet], price_unit_raw: int, emodes_list_members: bool) -> Listing:
    """Return reserves (sorted by id, then asset) and categories.

    Parameters
    ----------
    sheets : sequence of Sheet
        All files.
    price_unit_raw : int
        Base-currency units of one whole base currency.
    emodes_list_members : bool
        Whether categories list their reserves (Aave v3.2 on) or reserves name their category.

    Raises
    ------
    MalformedFile
        If a reserve or category is listed twice with different values.
    """
    rows, findings = parse_rows(sheets, Kind.RESERVES, lambda row: _reserve(row, price_unit_raw))
    unique = _unique([(row, reserve.asset.lower(), (reserve, totals)) for row, (reserve, totals) in rows])
    ordered = sorted(unique, key=lambda item: (item[0].id, item[0].asset))
    reserves = tuple(reserve for reserve, _ in ordered)
    names = Names(reserves)
    categories, more = parse_rows(sheets, Kind.EMODES, lambda row: _emode(row, names, price_unit_raw))
    emodes = sorted(_unique([(row, str(e.id), e) for row, e in categories]), key=lambda e: e.id)
    prices = [_own_price(e, emodes_list_members) for e in emodes if e.price_raw]
    if emodes_list_members:
        emodes = [replace(e, price_raw=0) for e in emodes]
    else:
        emodes = [_with_members(e, reserves) for e in emodes]
    return Listing(
        reserves,
        tuple(totals for _, totals in ordered),
        tuple(emodes),
        (*findings, *more, *prices, *_doubts(reserves, emodes)),
    )


def _unique(rows: Sequence[tuple[Row, str, T]]) -> list[T]:
    """Return the value of each key; rows may repeat it word by word."""
    found: dict[str, tuple[Row, T]] = {}
    for row, key, value in rows:
        if key in found and found[key][1] != value:
            raise MalformedFile(
                f"{found[key][0].where} and {row.where} list '{key[:80]}' with different values.",
                remedy="Keep the right one.",
            )
        found.setdefault(key, (row, value))
    return [value for _, value in found.values()]


def _reserve(row: Row, price_unit_raw: int) -> tuple[Reserve, frozenset[str]]:
    decimals = whole(row, "decimals", MAX_RESERVE_DECIMALS)
    unit: int = 10**decimals
    key = "asset" if given(row, "asset") else "symbol"
    bonus_bps = whole(row, "liquidation_bonus_bps", MAX_BONUS_BPS, default=0)
    if 0 < bonus_bps < BPS:
        what = f"liquidation_bonus_bps is {bonus_bps}, expected 0 or at least {BPS} (10500 = 5 %)"
        raise BadCell(FindingKind.OUT_OF_RANGE, what, "liquidation_bonus_bps")
    optional: dict[str, Any] = {
        **{name: whole(row, name, BPS, default=0) for name in _BPS},
        **{name: whole(row, name, MAX_INT64, default=0) for name in _WHOLE},
        **{name: whole(row, name, MAX_UINT256, low=1, default=RAY) for name in _INDEXES},
        **{name: whole(row, name, MAX_UINT256, default=0) for name in _RATES},
        **{f"{name}_raw": units(row, name, unit, default=0) for name in _TOTALS},
        **{name: flag(row, name, usual) for name, usual in _FLAGS.items()},
        **{name: name_of(row, name) for name in ("a_token", "debt_token") if given(row, name)},
    }
    reserve = Reserve(
        asset=name_of(row, key),
        symbol=text(row, "symbol" if given(row, "symbol") else "asset"),
        decimals=decimals,
        price_raw=units(row, "price", price_unit_raw, default=0),
        liquidation_bonus_bps=bonus_bps,
        emode_category=whole(row, "emode_category", MAX_EMODE, default=0),
        id=whole(row, "id", MAX_INT64, low=-1, default=-1),
        **optional,
    )
    return reserve, frozenset(t for t in _TOTALS if given(row, t) or given(row, f"{t}_raw"))


_BPS = ("ltv_bps", "liquidation_threshold_bps", "liquidation_protocol_fee_bps", "reserve_factor_bps")
_WHOLE = ("supply_cap_tokens", "borrow_cap_tokens", "debt_ceiling_usd_cents", "last_update_s")
_INDEXES = ("liquidity_index_ray", "variable_borrow_index_ray")
_RATES = ("liquidity_rate_ray", "variable_borrow_rate_ray")
_TOTALS = ("total_supply", "total_debt", "available_liquidity")
_FLAGS = {
    "active": True,
    "frozen": False,
    "paused": False,
    "borrowing_enabled": True,
    "siloed_borrowing": False,
    "borrowable_in_isolation": False,
    "flash_loan_enabled": True,
}


def _emode(row: Row, names: Names, price_unit_raw: int) -> EMode:
    def members(column: str) -> tuple[int, ...]:
        listed = row.cells.get(column, "").replace(";", " ").split()
        return tuple(sorted({names.index(name, column) for name in listed}))

    return EMode(
        id=whole(row, "emode", MAX_EMODE, low=1),
        label=row.cells.get("label", ""),
        ltv_bps=whole(row, "ltv_bps", BPS),
        liquidation_threshold_bps=whole(row, "liquidation_threshold_bps", BPS),
        liquidation_bonus_bps=whole(row, "liquidation_bonus_bps", MAX_BONUS_BPS, low=BPS),
        collateral=members("collateral"),
        borrowable=members("borrowable"),
        ltvzero=members("ltvzero"),
        isolated=flag(row, "isolated", False),
        price_raw=units(row, "price", price_unit_raw, default=0),
    )


def _own_price(emode: EMode, unknown: bool) -> Finding:
    """Return what is to be said of a category's price, which releases from 3.2 on do not know."""
    subject = f"e-mode {emode.id}"
    if unknown:
        message = "its price is not used: categories have prices of their own until release 3.1 only."
        return Finding(FindingKind.UNSUPPORTED, Severity.MEDIUM, subject, message)
    message = "it values its members at a price of its own; scenarios move it by their median move."
    return Finding(FindingKind.UNVERIFIED, Severity.LOW, subject, message)


def _with_members(emode: EMode, reserves: Sequence[Reserve]) -> EMode:
    members = tuple(i for i, r in enumerate(reserves) if r.emode_category == emode.id)
    return replace(emode, collateral=members, borrowable=members)


def _doubts(reserves: Sequence[Reserve], emodes: Sequence[EMode]) -> list[Finding]:
    """Return what is doubtful in the tables as they are kept."""
    findings = [
        Finding(
            FindingKind.MISSING,
            Severity.HIGH,
            r.symbol,
            "the price is missing or 0: its positions count nothing.",
            remedy="Give the price in the market's base currency.",
        )
        for r in reserves
        if r.price_raw == 0
    ]
    named: list[tuple[str, Reserve | EMode]] = [(r.symbol, r) for r in reserves]
    named += [(f"e-mode {e.id}", e) for e in emodes]
    for name, table in named:
        if table.ltv_bps > table.liquidation_threshold_bps:
            message = f"LTV {table.ltv_bps} bps exceeds threshold {table.liquidation_threshold_bps} bps."
            findings.append(Finding(FindingKind.INCONSISTENT, Severity.MEDIUM, name, message))
        if table.liquidation_threshold_bps and table.liquidation_bonus_bps <= BPS:
            message = "it is collateral without a liquidation bonus: nobody gains by liquidating it."
            findings.append(Finding(FindingKind.MISSING, Severity.MEDIUM, name, message))
    for symbol, count in sorted(Counter(r.symbol for r in reserves).items()):
        if count > 1:
            message = f"{count} reserves have this symbol; name them by address."
            findings.append(Finding(FindingKind.INCONSISTENT, Severity.LOW, symbol, message))
    return findings
