"""Checks the rows of a TOML spec: known keys, their types, and values from a closed list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abis.errors import MalformedFile

NUMBER = (int, float)
FAIR = ("redemption", "market")
FILL = ("hold", "beta")


def check_row(row: object, allowed: Mapping[str, Any], label: str, needed: tuple[str, ...] = ()) -> None:
    """Check one table of a spec.

    Parameters
    ----------
    row : object
        What TOML gave.
    allowed : mapping of str to type, tuple of types or tuple of str
        Type of each known key, or the words it may be; of lists only that they are lists.
    label : str
        Named in errors.
    needed : tuple of str
        Keys that must be there.

    Raises
    ------
    MalformedFile
        If it is no table, has an unknown key or a value of the wrong type, or lacks a key.
    """
    if not isinstance(row, Mapping):
        raise MalformedFile(f"{label} is no table.", remedy="See docs/scenarios.md.")
    for key, value in row.items():
        if key not in allowed:
            raise MalformedFile(f"{label}: unknown key '{key}'.", remedy=f"Known: {', '.join(allowed)}.")
        if not _fits(value, allowed[key]):
            raise MalformedFile(f"{label}: {key} = {value!r}.", remedy="See docs/scenarios.md.")
    for key in needed:
        if key not in row:
            raise MalformedFile(f"{label}: '{key}' is missing.", remedy="See docs/scenarios.md.")


def check_names(row: Mapping[str, Any], key: str, label: str) -> None:
    """Refuse a table, such as ``assets``, that maps a name to anything but a name."""
    strange = next((v for v in row.get(key, {}).values() if not isinstance(v, str)), None)
    if strange is not None:
        raise MalformedFile(
            f"{label}: {key} holds {strange!r}, no name.", remedy='Write { ETHUSDT = "ETH" }.'
        )


def _fits(value: object, allowed: Any) -> bool:
    if isinstance(allowed, tuple) and isinstance(allowed[0], str):
        return value in allowed
    return isinstance(value, allowed) and (allowed is bool or not isinstance(value, bool))
