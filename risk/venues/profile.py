"""Reads a venue from a TOML file in which every number stands beside its source.

::

    schema = "breakwater.venue/1"
    name = "Hyperliquid"
    fund_usd = 380e6
    [mark]      kind, index_weight, band, average_s
    [engine]    partial_share, partial_above_usd, cooldown_s, lag, fee, backstop_share, ...
    [funding]   interval_s, interest, clamp, cap
    [book.BTC]  depth_usd, exponent, permanent_share, refill_half_life_s, ...
    [margin.BTC]
    tiers = [[0, 0.0125], [150e6, 0.025]]   from USD, maintenance rate
    [sources]   "engine.cooldown_s" = "Hyperliquid docs, Liquidations"
    [assumed]   "book" = "depth of CoinDesk Research's average venue, no figure for this one"

A key of ``sources`` and ``assumed`` is a value's path or the beginning of one; the longest that fits counts.
A value that neither names is refused: what is assumed has to say so.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from abis.errors import InputError, MalformedFile
from abis.findings import Finding, FindingKind, Severity
from risk.venues.book import Book
from risk.venues.margin import Tiers
from risk.venues.venue import Funding, LiquidationEngine, MarkKind, MarkRule, Venue

SCHEMA = "breakwater.venue/1"
SHIPPED = ("hyperliquid", "large", "middle", "thin", "spot")
_ABOUT = ("schema", "name", "sources", "assumed")


@dataclass(frozen=True)
class Profile:
    """A venue and where its numbers are from.

    Parameters
    ----------
    venue : Venue
    sources, assumed : mapping of path to text
    """

    venue: Venue
    sources: Mapping[str, str]
    assumed: Mapping[str, str]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding a group of assumed numbers."""
        return tuple(
            Finding(FindingKind.UNVERIFIED, Severity.INFO, f"{self.venue.name}: {path}", f"assumed: {why}")
            for path, why in self.assumed.items()
        )


def read_text(path: Path) -> str:
    """Return what a file says; `MalformedFile` if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedFile(f"{path.name} cannot be read: {error}.", remedy="Give a TOML file.") from error


def parse_table(text: str, name: str, schema: str) -> dict[str, Any]:
    """Return what a TOML text holds; `MalformedFile` if it is none, or of another schema."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MalformedFile(f"{name} is no TOML: {error}.") from error
    if table.get("schema") != schema:
        raise MalformedFile(f"{name} has schema {table.get('schema')!r}.", remedy=f"Known: {schema}.")
    return table


@cache
def shipped(name: str) -> Profile:
    """Return a profile that comes with the package.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in SHIPPED:
        raise InputError(f"no venue '{name}' is shipped.", remedy=f"Choose one of {', '.join(SHIPPED)}.")
    text = files("risk.venues").joinpath("data", f"{name}.toml").read_text(encoding="utf-8")
    return parse_profile(text, f"{name}.toml")


def read_profile(path: Path) -> Profile:
    """Return the profile of a file.

    Raises
    ------
    MalformedFile
        If it cannot be read, or as `parse_profile`.
    """
    return parse_profile(read_text(path), path.name)


def parse_profile(text: str, name: str) -> Profile:
    """Return the profile a text describes.

    Parameters
    ----------
    text : str
        TOML.
    name : str
        Of the file, for messages.

    Raises
    ------
    MalformedFile
        If it is no TOML, of another schema, has an unknown key, a value of the wrong type or out of range,
        or a number without source.
    """
    table = parse_table(text, name, SCHEMA)
    sources, assumed = (texts(table.get(k, {}), k, name) for k in ("sources", "assumed"))
    check_sourced(table, sources | assumed, name)
    try:
        venue = _venue({k: v for k, v in table.items() if k not in ("schema", "sources", "assumed")}, name)
    except MalformedFile:
        raise
    except InputError as error:
        raise MalformedFile(f"{name}: {error.message}", remedy=error.remedy) from error
    return Profile(venue, sources, assumed)


def _venue(table: Mapping[str, Any], name: str) -> Venue:
    parts: dict[str, Any] = {}
    for key, value in table.items():
        if key == "name":
            parts[key] = str(value)
        elif key in ("fund_usd", "index_weight", "arbitrage_per_s"):
            parts[key] = _number(value, key, name)
        elif key in ("mark", "engine", "funding"):
            parts[key] = _record(_PARTS[key], value, key, name)
        elif key == "book":
            books = _table(value, key, name).items()
            parts["books"] = {a: _record(Book, v, f"book.{a}", name) for a, v in books}
        elif key == "margin":
            tiers = _table(value, key, name).items()
            parts["margin"] = {a: _tiers(v, f"margin.{a}", name) for a, v in tiers}
        else:
            known = ", ".join(
                ("name", "fund_usd", "index_weight", "arbitrage_per_s", *_PARTS, "book", "margin")
            )
            raise MalformedFile(f"{name} has an unknown key '{key}'.", remedy=f"Known: {known}.")
    if "name" not in parts or "books" not in parts:
        missing = "name" if "name" not in parts else "book"
        raise MalformedFile(f"{name} has no '{missing}'.", remedy="See docs/venues.md.")
    return Venue(**parts)


_PARTS: Mapping[str, type] = {"mark": MarkRule, "engine": LiquidationEngine, "funding": Funding}


def _record(kind: Any, value: Any, path: str, name: str) -> Any:
    known = {f.name for f in fields(kind)}
    out: dict[str, Any] = {}
    for key, item in _table(value, path, name).items():
        if key not in known:
            raise MalformedFile(
                f"{name} has an unknown key '{path}.{key}'.", remedy=f"Known: {', '.join(sorted(known))}."
            )
        if key == "kind":
            if item not in list(MarkKind):
                raise MalformedFile(f"{name}: {path}.kind is {item!r}.", remedy="Give weighted or median.")
            out[key] = MarkKind(item)
        elif key == "adl":
            if not isinstance(item, bool):
                raise MalformedFile(f"{name}: {path}.adl is {item!r}.", remedy="Give true or false.")
            out[key] = item
        else:
            out[key] = _number(item, f"{path}.{key}", name)
    missing = [f for f in ("depth_usd", "exponent", "permanent_share", "refill_half_life_s") if f not in out]
    if kind is Book and missing:
        raise MalformedFile(f"{name} has no '{path}.{missing[0]}'.", remedy="See docs/venues.md.")
    return kind(**out)


def _tiers(value: Any, path: str, name: str) -> Tiers:
    rows = _table(value, path, name).get("tiers")
    if (
        not isinstance(rows, list)
        or not all(isinstance(r, list) and len(r) == 2 for r in rows)
        or len(value) != 1
    ):
        raise MalformedFile(
            f"{name}: {path} holds no list of tiers.", remedy="Give tiers = [[from_usd, rate], ...]."
        )
    numbers = [[_number(x, f"{path}.tiers", name) for x in row] for row in rows]
    return Tiers(tuple(r[0] for r in numbers), tuple(r[1] for r in numbers))


def _table(value: Any, path: str, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedFile(f"{name}: {path} is {value!r}, no table.", remedy="See docs/venues.md.")
    return value


def _number(value: Any, path: str, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise MalformedFile(f"{name}: {path} is {value!r}, no number.")
    return float(value)


def texts(value: Any, key: str, name: str) -> dict[str, str]:
    """Return a table of texts, such as ``[sources]``; `MalformedFile` if it holds anything else."""
    found = _table(value, key, name)
    if not all(isinstance(t, str) and t for t in found.values()):
        raise MalformedFile(
            f"{name}: {key} holds something that is no text.", remedy='Give "path" = "source".'
        )
    return dict(found)


def check_sourced(table: Mapping[str, Any], said: Mapping[str, str], name: str) -> None:
    """Refuse a file with a number that no source or assumption names, or a source that names none."""
    paths = list(_paths(table))
    for path in paths:
        if not any(_begins(path, key) for key in said):
            raise MalformedFile(
                f"{name}: {path} has no source.",
                remedy="Name it under [sources], or under [assumed] with why.",
            )
    idle = next((key for key in said if not any(_begins(path, key) for path in paths)), None)
    if idle is not None:
        raise MalformedFile(f"{name} gives a source for '{idle}', which it does not hold.", remedy="Drop it.")


def _paths(table: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for key, value in table.items():
        if not before and key in _ABOUT:
            continue
        if isinstance(value, dict):
            yield from _paths(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


def _begins(path: str, key: str) -> bool:
    return path == key or path.startswith(f"{key}.")
