"""Reads a CSV or Parquet file into rows of text and recognises what it lists by its columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from abis.errors import MalformedFile
from abis.findings import Finding, FindingKind, Severity


class Kind(StrEnum):
    """What a file lists."""

    RESERVES = "reserves"
    EMODES = "emodes"
    ACCOUNTS = "accounts"
    LEGS = "legs"


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one kind of file; ``required`` groups name alternatives."""

    required: tuple[tuple[str, ...], ...]
    optional: tuple[str, ...]

    @property
    def known(self) -> frozenset[str]:
        """Every column that is read."""
        return frozenset(self.optional) | {name for group in self.required for name in group}


LAYOUTS: Mapping[Kind, Layout] = MappingProxyType(
    {
        Kind.RESERVES: Layout(
            required=(("symbol", "asset"), ("decimals",), ("price", "price_raw")),
            optional=(
                *("ltv_bps", "liquidation_threshold_bps", "liquidation_bonus_bps"),
                *("liquidation_protocol_fee_bps", "reserve_factor_bps"),
                *("supply_cap_tokens", "borrow_cap_tokens", "debt_ceiling_usd_cents", "emode_category"),
                *("active", "frozen", "paused", "borrowing_enabled", "siloed_borrowing"),
                *("borrowable_in_isolation", "flash_loan_enabled"),
                *("liquidity_index_ray", "variable_borrow_index_ray"),
                *("liquidity_rate_ray", "variable_borrow_rate_ray", "last_update_s"),
                *("total_supply", "total_supply_raw", "total_debt", "total_debt_raw"),
                *("available_liquidity", "available_liquidity_raw"),
                *("a_token", "debt_token", "id"),
            ),
        ),
        Kind.EMODES: Layout(
            required=(("emode",), ("ltv_bps",), ("liquidation_threshold_bps",), ("liquidation_bonus_bps",)),
            optional=("label", "collateral", "borrowable", "ltvzero", "isolated", "price", "price_raw"),
        ),
        Kind.ACCOUNTS: Layout(
            required=(("account",),),
            optional=("emode", "health_factor", "total_collateral", "total_debt"),
        ),
        Kind.LEGS: Layout(
            required=(("account",), ("side",), ("asset",), ("amount", "amount_raw")),
            optional=(
                *("liquidation_threshold_bps", "ltv_bps", "liquidation_bonus_bps"),
                *("enabled", "scaled_raw"),
            ),
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: column -> text ("" if empty), and ``where`` it stands (``legs.csv:12``)."""

    cells: Mapping[str, str]
    where: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file's rows, and what was wrong with those that are left out."""

    name: str
    kind: Kind
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]


def read_sheet(path: Path) -> Sheet:
    """Return the rows of a ``.csv`` or ``.parquet`` file.

    A row with more or fewer cells than the header becomes a finding; so do columns that
    are not read.  Empty lines are skipped.

    Raises
    ------
    MalformedFile
        If the file cannot be read, its columns are not those of any kind, or one is missing.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        columns, records = _read_csv(path)
    elif suffix in (".parquet", ".pq"):
        columns, records = _read_parquet(path)
    else:
        raise MalformedFile(f"'{path.name}' is no .csv or .parquet file.", remedy="Convert it first.")
    kind = _recognised(path.name, columns)
    rows, findings = [], list(_unread(path.name, kind, columns))
    for number, cells in records:
        where = f"{path.name}:{number}"
        if len(cells) == len(columns):
            rows.append(Row(dict(zip(columns, cells, strict=True)), where))
        else:
            findings.append(
                row_finding(
                    FindingKind.INCONSISTENT, where, f"has {len(cells)} cells, expected {len(columns)}"
                )
            )
    return Sheet(path.name, kind, tuple(rows), tuple(findings))


def row_finding(kind: FindingKind, where: str, what: str) -> Finding:
    """Return the finding of a row that is left out because of ``what``."""
    return Finding(
        kind, Severity.HIGH, where, f"left out: {what}.", remedy="Correct the row and import again."
    )


def _recognised(name: str, columns: Sequence[str]) -> Kind:
    have = set(columns)
    if "account" in have:
        kind = Kind.LEGS if have & {"side", "asset", "amount", "amount_raw"} else Kind.ACCOUNTS
    elif "emode" in have:
        kind = Kind.EMODES
    elif have & {"symbol", "decimals", "price", "price_raw"}:
        kind = Kind.RESERVES
    else:
        shown = "; ".join(f"{k}: {_needed(layout)}" for k, layout in LAYOUTS.items())
        raise MalformedFile(
            f"'{name}' has columns {', '.join(columns)[:200]}, which are those of no known file.",
            remedy=f"Columns needed are {shown}.",
        )
    missing = [group for group in LAYOUTS[kind].required if not have & set(group)]
    if missing:
        raise MalformedFile(
            f"'{name}' lists {kind} but lacks column {' and '.join(' or '.join(g) for g in missing)}.",
            remedy=f"Columns needed are {_needed(LAYOUTS[kind])}.",
        )
    return kind


def _needed(layout: Layout) -> str:
    return ", ".join(" or ".join(group) for group in layout.required)


def _unread(name: str, kind: Kind, columns: Sequence[str]) -> Iterator[Finding]:
    unread = [c for c in columns if c not in LAYOUTS[kind].known]
    if unread:
        message = f"columns not read in a file of {kind}: {', '.join(unread)}."
        yield Finding(FindingKind.UNSUPPORTED, Severity.LOW, name, message)


def _header(name: str, cells: Sequence[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
    twice = sorted({c for c in columns if columns.count(c) > 1})
    if twice:
        raise MalformedFile(f"'{name}' has column '{twice[0]}' twice.", remedy="Rename or remove one.")
    return columns


def _read_csv(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.reader(handle, strict=True)
            columns = _header(path.name, next(reader, []))
            records = [(reader.line_num, [c.strip() for c in row]) for row in reader if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, error) from error
    return columns, records


def _read_parquet(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        table = pq.read_table(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    columns = _header(path.name, table.column_names)
    for name, dtype in zip(columns, table.schema.types, strict=True):
        if name.endswith(("_raw", "_ray")) and pa.types.is_floating(dtype):
            raise MalformedFile(
                f"'{path.name}' has column '{name}' as {dtype}, which cannot hold its integers exactly.",
                remedy="Write it as text or as an integer type.",
            )
    cells = [[_text(value) for value in column.to_pylist()] for column in table.columns]
    return columns, [(i, list(row)) for i, row in enumerate(zip(*cells, strict=True), start=1)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, datetime) else str(value).strip()


def _unreadable(path: Path, error: Exception) -> MalformedFile:
    what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return MalformedFile(
        f"cannot read '{path.name}': {what}.", remedy="Check the path, and that it is UTF-8 CSV or Parquet."
    )
