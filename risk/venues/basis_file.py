"""Reads a basis-trade stablecoin from a TOML file in which every number stands beside its source.

As a venue's file (`profile`): a number that neither ``[sources]`` nor ``[assumed]`` names is refused.
``[range]`` gives numbers that nothing identifies the ends between which they may lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from abis.errors import InputError, MalformedFile
from abis.findings import Finding, FindingKind, Severity
from risk.venues.basis import Issuer
from risk.venues.profile import check_sourced, parse_table, read_text, texts

SCHEMA = "breakwater.basis/1"
_PARTS = {
    "backing": (
        "supply_usd",
        "staked_share",
        "basis",
        "spot_yield",
        "rest_yield",
        "kept_share",
        "plain_earns",
    ),
    "redemption": ("cooldown_s", "usd_per_day", "fee"),
    "sale": ("within", "size_usd"),
    "leaving": ("gone_at", "horizon_s"),
}


@dataclass(frozen=True)
class Basis:
    """An issuer and where its numbers are from.

    Parameters
    ----------
    issuer : Issuer
    ranges : mapping of path to (float, float)
        Ends between which a number that is not identified may lie.
    sources, assumed : mapping of path to text
    """

    issuer: Issuer
    ranges: Mapping[str, tuple[float, float]]
    sources: Mapping[str, str]
    assumed: Mapping[str, str]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding an assumption; those of ranges are told with the ranges."""
        return tuple(
            Finding(FindingKind.UNVERIFIED, Severity.INFO, f"{self.issuer.name}: {path}", f"assumed: {why}")
            for path, why in self.assumed.items()
            if not path.startswith("range.")
        )

    def ends(self) -> list[tuple[str, float, Issuer]]:
        """Return path, value and issuer with one number at an end of its range, for each end."""
        return [
            (path, value, _changed(self.issuer, path, value))
            for path, both in self.ranges.items()
            for value in both
        ]


def _changed(issuer: Issuer, path: str, value: float) -> Issuer:
    key = path.split(".")[-1]
    if key != "basis":
        change: dict[str, Any] = {key: value}
        return replace(issuer, **change)
    scale = value / sum(issuer.basis.values())
    return replace(issuer, basis={c: share * scale for c, share in issuer.basis.items()})


@cache
def usde() -> Basis:
    """Return USDe as it ships."""
    text = files("risk.venues").joinpath("data", "usde.toml").read_text(encoding="utf-8")
    return parse_basis(text, "usde.toml")


def read_basis(path: Path) -> Basis:
    """Return the issuer of a TOML file; `MalformedFile` if it cannot be read, or as `parse_basis`."""
    return parse_basis(read_text(path), path.name)


def parse_basis(text: str, name: str) -> Basis:
    """Return the issuer a text describes, every number beside its source (`risk.venues.profile`).

    Parameters
    ----------
    text : str
        TOML.
    name : str
        Of the file, for messages.

    Raises
    ------
    MalformedFile
        If it is no TOML, of another schema, lacks a key or has an unknown one, holds a value of the wrong
        type or out of range, or a number without source.
    """
    table = parse_table(text, name, SCHEMA)
    sources, assumed = (texts(table.get(k, {}), k, name) for k in ("sources", "assumed"))
    ranges = table.pop("range", {})
    quoted = {f"range.{k}": v for k, v in ranges.items()}
    check_sourced(table | quoted, sources | assumed, name)
    try:
        issuer = Issuer(**_values(table, name))
    except InputError as error:
        raise MalformedFile(f"{name}: {error.message}", remedy=error.remedy) from error
    return Basis(issuer, {k: _range(k, v, name) for k, v in ranges.items()}, sources, assumed)


def _values(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    out: dict[str, Any] = {"name": str(table.get("name", name))}
    for key in ("plain", "staked"):
        symbols = table.get(key, [])
        if not (isinstance(symbols, list) and all(isinstance(s, str) for s in symbols)):
            raise MalformedFile(f"{name}: {key} is {symbols!r}.", remedy="Give a list of symbols.")
        out[key] = tuple(symbols)
    strange = set(table) - {"schema", "name", "plain", "staked", "sources", "assumed", *_PARTS}
    for part, keys in _PARTS.items():
        rows = table.get(part)
        if not isinstance(rows, dict):
            raise MalformedFile(f"{name} has no table '{part}'.", remedy=f"It holds {', '.join(keys)}.")
        strange |= {f"{part}.{k}" for k in rows if k not in keys}
        missing = next((k for k in keys if k not in rows), None)
        if missing is not None:
            raise MalformedFile(f"{name} has no '{part}.{missing}'.")
        for key in keys:
            value = rows[key]
            out[key] = (
                {c: _number(v, f"{part}.{key}.{c}", name) for c, v in value.items()}
                if isinstance(value, dict)
                else _number(value, f"{part}.{key}", name)
            )
    if strange:
        raise MalformedFile(f"{name} has an unknown key '{sorted(strange)[0]}'.")
    return out


def _number(value: Any, path: str, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise MalformedFile(f"{name}: {path} is {value!r}, no number.")
    return float(value)


def _range(path: str, value: Any, name: str) -> tuple[float, float]:
    part, _, key = path.partition(".")
    if key not in _PARTS.get(part, ()) or key == "spot_yield":
        raise MalformedFile(f"{name} has a range of '{path}', which is no number of it.")
    if not (isinstance(value, list) and len(value) == 2):
        raise MalformedFile(f"{name}: the range of {path} is {value!r}.", remedy="Give [low, high].")
    low, high = (_number(v, f"range.{path}", name) for v in value)
    if not low <= high:
        raise MalformedFile(f"{name}: the range of {path} falls from {low} to {high}.")
    return low, high
