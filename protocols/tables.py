"""The Parquet parts of a snapshot: Arrow tables from a `Snapshot` and back.

Rows keep the snapshot's order; ``account_index`` and ``reserve_index`` are row numbers of
``accounts`` and ``reserves``.  Integers that may exceed 64 bits (names ending in ``_raw``
or ``_ray``) are decimal strings, all others int64.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa

from abis.errors import InconsistentSnapshot
from protocols.book import Book, CollateralBlock, DebtBlock, IntArray, frozen, indptr_of, raw_array
from protocols.snapshot import Completeness, EMode, Feed, RateModel, Reserve, Snapshot

PARTS = ("reserves", "emodes", "accounts", "collateral", "debt", "completeness")

Columns = dict[str, list[Any]]

_SCALARS = {"str": pa.string(), "bool": pa.bool_(), "int": pa.int64(), "float": pa.float64()}
_NESTED: dict[str, type] = {"rate_model": RateModel, "feed": Feed}
_MEMBERS = pa.list_(pa.int64())


def text_out(text: str) -> str:
    r"""Return ``text`` as valid Unicode: lone surrogates become ``\udddd``, backslashes are doubled.

    Symbols are untrusted and may hold code points that no file can carry; all text
    without backslashes or lone surrogates is returned as it is.
    """
    doubled = text.replace("\\", "\\\\")
    return "".join(f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in doubled)


def text_in(text: str) -> str:
    """Return the text `text_out` was given."""
    return re.sub(r"\\(?:\\|u([0-9a-f]{4}))", lambda m: chr(int(m[1], 16)) if m[1] else "\\", text)


def tables_of(snapshot: Snapshot) -> dict[str, pa.Table]:
    """Return the six parts of a snapshot, in the order of `PARTS`.

    Raises
    ------
    InconsistentSnapshot
        If an integer column does not fit 64 bits.
    """
    book = snapshot.book
    columns: dict[str, Columns] = {
        "reserves": _records(
            snapshot.reserves, _record_schema(Reserve), reserve_index=range(len(snapshot.reserves))
        ),
        "emodes": _records(snapshot.emodes, _EMODES),
        "accounts": {
            "account_index": list(range(len(book))),
            "account": [text_out(a) for a in book.accounts],
            "emode": book.emode.tolist(),
        },
        "collateral": _block_columns(book.collateral, _COLLATERAL),
        "debt": _block_columns(book.debt, _DEBT),
        "completeness": _records(snapshot.completeness, _COMPLETENESS),
    }
    return {name: _table(name, columns[name]) for name in PARTS}


def reserves_from(table: pa.Table) -> tuple[Reserve, ...]:
    """Return the reserves of part ``reserves``."""
    return tuple(Reserve(**_record(row, Reserve)) for row in _rows("reserves", table))


def emodes_from(table: pa.Table) -> tuple[EMode, ...]:
    """Return the categories of part ``emodes``."""
    return tuple(EMode(**_record(row, EMode)) for row in _rows("emodes", table))


def completeness_from(table: pa.Table) -> tuple[Completeness, ...]:
    """Return the rows of part ``completeness``."""
    return tuple(Completeness(**_record(row, Completeness)) for row in _rows("completeness", table))


def book_from(accounts: pa.Table, collateral: pa.Table, debt: pa.Table) -> Book:
    """Return the book of parts ``accounts``, ``collateral`` and ``debt``.

    Raises
    ------
    InconsistentSnapshot
        If entries are not grouped by ascending account or name an account that is not there.
    """
    rows = _columns("accounts", accounts)
    names = tuple(text_in(a) for a in rows["account"])
    return Book(
        accounts=names,
        emode=frozen(rows["emode"], np.int64),
        collateral=CollateralBlock(**_block("collateral", collateral, len(names))),
        debt=DebtBlock(**_block("debt", debt, len(names))),
    )


def _wide(name: str) -> bool:
    return name.endswith(("_raw", "_ray"))


def _record_schema(cls: type) -> dict[str, pa.DataType]:
    """Return column name -> type of a record; nested records are flattened with a prefix."""
    schema: dict[str, pa.DataType] = {}
    for f in fields(cls):
        if f.name in _NESTED:
            nested = _record_schema(_NESTED[f.name])
            schema.update({f"{f.name}_{key}": dtype for key, dtype in nested.items()})
        elif str(f.type).startswith("tuple"):
            schema[f.name] = _MEMBERS
        else:
            schema[f.name] = pa.string() if _wide(f.name) else _SCALARS[str(f.type)]
    return schema


_INDEX = {"account_index": pa.int64(), "reserve_index": pa.int64()}
_ENTRY = {**_INDEX, "amount_raw": pa.string(), "scaled_raw": pa.string()}
_DEBT = {**_ENTRY, "price_emode": pa.int64(), "call_price_emode": pa.int64(), "stable_raw": pa.string()}
_COLLATERAL = {
    **_ENTRY,
    "threshold_bps": pa.int64(),
    "ltv_bps": pa.int64(),
    "bonus_bps": pa.int64(),
    "counted": pa.bool_(),
    "price_emode": pa.int64(),
}
_EMODES = _record_schema(EMode)
_COMPLETENESS = _record_schema(Completeness)
SCHEMAS: Mapping[str, Mapping[str, pa.DataType]] = {
    "reserves": {"reserve_index": pa.int64(), **_record_schema(Reserve)},
    "emodes": _EMODES,
    "accounts": {"account_index": pa.int64(), "account": pa.string(), "emode": pa.int64()},
    "collateral": _COLLATERAL,
    "debt": _DEBT,
    "completeness": _COMPLETENESS,
}


def _records(records: Sequence[Any], schema: Iterable[str], **extra: Iterable[Any]) -> Columns:
    columns: Columns = {key: list(values) for key, values in extra.items()}
    for name in schema:
        columns[name] = [_cell(name, _value(record, name)) for record in records]
    return columns


def _value(record: Any, column: str) -> Any:
    for prefix in _NESTED:
        if column.startswith(f"{prefix}_"):
            nested = getattr(record, prefix)
            return None if nested is None else getattr(nested, column.removeprefix(f"{prefix}_"))
    return getattr(record, column)


def _cell(column: str, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, str):
        return text_out(value)
    return str(value) if _wide(column) else value


def _block_columns(block: CollateralBlock | DebtBlock, schema: Iterable[str]) -> Columns:
    columns: Columns = {
        "account_index": block.account.tolist(),
        "reserve_index": block.reserve.tolist(),
    }
    for name in schema:
        if name not in columns:
            values = getattr(block, name).tolist()
            columns[name] = [str(v) for v in values] if _wide(name) else values
    return columns


def _table(part: str, columns: Columns) -> pa.Table:
    arrays = {}
    for name, dtype in SCHEMAS[part].items():
        try:
            arrays[name] = pa.array(columns[name], type=dtype)
        except (pa.ArrowException, OverflowError) as error:
            raise InconsistentSnapshot(
                f"{part}.{name} holds a value that is no {dtype}: {error}.",
                remedy="Correct the value at its source.",
            ) from None
    return pa.table(arrays)


def _columns(part: str, table: pa.Table) -> Columns:
    """Return the columns this schema knows; `KeyError` or `TypeError` if one is not as written."""
    columns: Columns = {}
    for name, dtype in SCHEMAS[part].items():
        column = table.column(name)
        if not column.type.equals(dtype):
            raise TypeError(f"column '{name}' is {column.type}, expected {dtype}")
        columns[name] = column.to_pylist()
    return columns


def _rows(part: str, table: pa.Table) -> list[dict[str, Any]]:
    columns = _columns(part, table)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _record(row: Mapping[str, Any], cls: type) -> dict[str, Any]:
    """Return the constructor arguments of ``cls``; nested records with no column set are None."""
    values: dict[str, Any] = {}
    for f in fields(cls):
        nested = _NESTED.get(f.name)
        if nested is None:
            values[f.name] = _parsed(f.name, str(f.type), row[f.name])
            continue
        inner = {k.removeprefix(f"{f.name}_"): v for k, v in row.items() if k.startswith(f"{f.name}_")}
        empty = all(v is None for v in inner.values())
        values[f.name] = None if empty else nested(**_record(inner, nested))
    return values


def _parsed(name: str, kind: str, value: Any) -> Any:
    if value is None:
        raise ValueError(f"column '{name}' has an empty cell")
    if kind == "str":
        return text_in(value)
    if isinstance(value, list):
        return tuple(value)
    return int(value) if _wide(name) else value


def _block(part: str, table: pa.Table, n_accounts: int) -> dict[str, Any]:
    columns = _columns(part, table)
    account: IntArray = frozen(columns.pop("account_index"), np.int64)
    outside = (account < 0) | (account >= n_accounts)
    if outside.any() or (np.diff(account) < 0).any():
        raise InconsistentSnapshot(
            f"{part}.account_index is not ascending within 0..{n_accounts - 1}.",
            remedy="Take the snapshot or import the file again.",
        )
    convert: dict[str, Callable[[list[Any]], Any]] = {
        name: raw_array if _wide(name) else _as_int64 for name in columns
    }
    arrays = {name: convert[name](values) for name, values in columns.items() if name != "counted"}
    if "counted" in columns:
        arrays["counted"] = frozen(columns["counted"], np.bool_)
    arrays["reserve"] = arrays.pop("reserve_index")
    return {"indptr": frozen(indptr_of(account, n_accounts), np.int64), **arrays}


def _as_int64(values: list[Any]) -> IntArray:
    out: IntArray = frozen(values, np.int64)
    return out
