"""Reads single cells: exact integers, decimals, flags; a cell that is none raises `BadCell`."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import lru_cache

from eth_utils.address import is_hex_address, to_checksum_address

from abis.findings import FindingKind
from abis.units import MAX_UINT256
from protocols.files.sheets import Row

MAX_INT64 = 2**63 - 1
_MAX_MAGNITUDE = 100  # of decimal exponents: beyond every uint256 at 77 decimals
_MAX_LENGTH = 200
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class BadCell(ValueError):
    """A cell its row cannot be used with.

    ``unreadable`` tells a cell of the wrong type from one with a wrong value.
    """

    def __init__(self, kind: FindingKind, message: str, column: str, unreadable: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.column = column
        self.unreadable = unreadable


def given(row: Row, column: str) -> bool:
    """Return whether the row has something in ``column``."""
    return bool(row.cells.get(column))


def text(row: Row, column: str) -> str:
    """Return a required text."""
    if not given(row, column):
        raise BadCell(FindingKind.MISSING, f"{column} is empty", column)
    return row.cells[column]


def name_of(row: Row, column: str) -> str:
    """Return a required name; an address comes back checksummed, whatever its case."""
    return _checksummed(text(row, column))


def whole(row: Row, column: str, high: int, low: int = 0, default: int | None = None) -> int:
    """Return an integer within ``low`` .. ``high``; ``default`` for an empty cell.

    ``8700.0`` and ``1e18`` are integers too.
    """
    if default is not None and not given(row, column):
        return default
    value = decimal(row, column)
    if value != value.to_integral_value():
        raise BadCell(FindingKind.OUT_OF_RANGE, f"{column} is {value}, expected a whole number", column)
    if not low <= value <= high:
        raise BadCell(FindingKind.OUT_OF_RANGE, f"{column} is {value}, expected {low} to {high}", column)
    return int(value)


def units(row: Row, column: str, unit_raw: int, default: int | None = None) -> int:
    """Return ``column`` times ``unit_raw``, rounded half up, or ``column_raw`` as it is if given."""
    if given(row, f"{column}_raw"):
        return whole(row, f"{column}_raw", MAX_UINT256)
    if default is not None and not given(row, column):
        return default
    value = decimal(row, column)
    if value < 0:
        raise BadCell(FindingKind.OUT_OF_RANGE, f"{column} is {value}, expected >= 0", column)
    numerator, denominator = value.as_integer_ratio()
    raw = (2 * numerator * unit_raw + denominator) // (2 * denominator)
    if raw > MAX_UINT256:
        raise BadCell(FindingKind.OUT_OF_RANGE, f"{column} is {value}, more than 256 bits hold", column)
    return raw


def flag(row: Row, column: str, default: bool) -> bool:
    """Return a truth value (true/false, 1/0, yes/no); ``default`` for an empty cell."""
    if not given(row, column):
        return default
    cell = row.cells[column].lower()
    if cell not in _FLAGS:
        raise _unreadable(row, column, "true or false")
    return _FLAGS[cell]


def decimal(row: Row, column: str) -> Decimal:
    """Return a finite decimal of sane magnitude."""
    cell = text(row, column)
    if len(cell) > _MAX_LENGTH:
        raise _unreadable(row, column, "a number")
    try:
        value = Decimal(cell)
    except InvalidOperation:
        raise _unreadable(row, column, "a number") from None
    if not value.is_finite() or (value and abs(value.adjusted()) > _MAX_MAGNITUDE):
        raise BadCell(FindingKind.OUT_OF_RANGE, f"{column} is {cell}, expected a finite number", column)
    return value


@lru_cache(maxsize=2**16)  # a hash each, and an account's rows mostly stand together
def _checksummed(name: str) -> str:
    return to_checksum_address(name) if is_hex_address(name) and name[:2] == "0x" else name


def _unreadable(row: Row, column: str, expected: str) -> BadCell:
    shown = row.cells[column][:40]
    return BadCell(FindingKind.INCONSISTENT, f"{column} is {shown!r}, expected {expected}", column, True)
