"""The unit of every field of a review, by its name.

Names carry units (`_usd`, `_bps`, `_share` ...), so the table is short; a field without a
unit is a mistake and raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TEXT, COUNT, FLAG = "text", "count", "true or false"

# The longest suffix that matches decides.
_SUFFIXES: Mapping[str, str] = {
    "_usd": "USD",
    "_usd_hours": "USD * hours",
    "_share": "fraction, 1 = 100 %",
    "_bps": "basis points, 10000 = 100 %",
    "_s": "seconds",
    "_at_s": "unix time, seconds",
    "_time_s": "unix time, seconds",
    "_tokens": "whole tokens",
    "_raw": "smallest unit of the token, decimal string",
    "_health": "ratio",
    "_sha256": "sha256, hex",
    "_accounts": COUNT,
    "_probability": "probability",
    "_origin": "configured, fitted or assumed",
    "_source": TEXT,
}
_NAMES: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "account",
            "asset",
            "collateral",
            "debt",
            "block_hash",
            "description",
            "direction",
            "emode",
            "family",
            "group",
            "infinite",
            "label",
            "largest_supplier",
            "main_asset",
            "main_collateral",
            "main_debt",
            "members",
            "name",
            "prices",
            "protocol",
            "reserve",
            "scenario",
            "side",
            "source",
            "subject",
            "two_accounts",
            "version",
            "which",
            "worst_debt",
            "worst_scenario",
        ),
        TEXT,
    ),
    **dict.fromkeys(
        (
            "accounts",
            "borrowers",
            "reserves",
            "suppliers",
            "scenarios_total",
            "chain_id",
            "block_number",
            "index",
            "place",
        ),
        COUNT,
    ),
    **dict.fromkeys(
        (
            "absorbs_all",
            "frozen",
            "infinite_depth",
            "largest_can_leave",
            "open",
            "own_returns",
            "paused",
            "stale",
            "stays",
            "withdrawable_covers",
        ),
        FLAG,
    ),
    "health_factor": "ratio",
    "leverage": "ratio, collateral / (collateral - debt)",
    "share_of_reserve": "fraction, 1 = 100 %",
}


def unit_of(field: str) -> str:
    """Return the unit of a field.

    Raises
    ------
    KeyError
        If neither its name nor a suffix is known.
    """
    if field in _NAMES:
        return _NAMES[field]
    hits = [suffix for suffix in _SUFFIXES if field.endswith(suffix)]
    if not hits:
        raise KeyError(f"field '{field}' has no unit")
    return _SUFFIXES[max(hits, key=len)]


def units_of(data: Any, path: str = "") -> dict[str, str]:
    """Return the unit of every leaf of JSON-ready ``data``, by path (``caps[].headroom_usd``)."""
    found: dict[str, str] = {}
    if isinstance(data, Mapping):
        for key, value in data.items():
            found |= units_of(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, Sequence) and not isinstance(data, str):
        for item in data:
            found |= units_of(item, f"{path}[]")
    else:
        found[path] = unit_of(path.rpartition(".")[2].removesuffix("[]"))
    return found
