"""``--depth FILE`` as a TOML or JSON spec: pools, quotes, books and tables by asset, refill and sinks.

The schema is docs/depth.md.  What is no spec, has an unknown key, lacks one or has a value of
the wrong type is refused; an entry whose values no market can have, or whose asset is not
listed, is left out with a finding.  Several entries of one asset are routed over.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from abis.errors import InputError, MalformedFile, UnknownAsset
from abis.findings import Finding, FindingKind, Severity
from protocols.snapshot import Snapshot
from risk.depth_sources import Curve, concentrated, constant_product, order_book, pool_of_ticks, quotes

NUMBER = (int, float)
WHOLE = (int, str)  # integers of any size; TOML's end at 2**63, so text is read, too
TIME = (str, int, datetime)
REMEDY = "See docs/depth.md."

TOP = {"time": TIME, "pool": list, "quotes": list, "book": list, "table": list, "refill": list, "sink": list}
COMMON = {"asset": str, "source": str, "time": TIME, "usd": NUMBER}
KINDS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {  # keys beside the common ones, and those needed
    "constant-product": (
        {"tokens": NUMBER, "money": NUMBER, "fee": NUMBER, "most_tokens": NUMBER},
        ("tokens", "money", "fee"),
    ),
    "ranges": (
        {"sqrt_price": NUMBER, "liquidity": NUMBER, "turns": list, "fee": NUMBER},
        ("sqrt_price", "liquidity", "turns", "fee"),
    ),
    "ticks": (
        {
            "sqrt_price_x96": WHOLE,
            "liquidity": WHOLE,
            "ticks": list,
            "fee": NUMBER,
            "decimals": list,
            "sells": int,
        },
        ("sqrt_price_x96", "liquidity", "ticks", "fee", "decimals", "sells"),
    ),
    "quotes": ({"rows": list}, ("rows",)),
    "book": ({"bids": list, "fee": NUMBER}, ("bids",)),
}
TABLE = {"file": str}
REFILL = {"assets": list, "half_life_s": NUMBER, "lasting_share": NUMBER}
SINK = {"assets": list}
EMPTY_AT = 9.0  # times its reserve of tokens: there a pool x y = k pays a hundredth of its first price


class Entry(NamedTuple):
    """One curve of one asset, as the file has it: ``time`` as written."""

    label: str
    asset: int
    curve: Curve
    time: str | int | datetime
    source: str


class Spec(NamedTuple):
    """What a spec says beside findings: curves, tables, and how depth comes back."""

    entries: list[Entry]
    tables: list[Path]
    half_life_s: dict[int, float]
    lasting_share: dict[int, float]
    sinks: list[list[str]]


def read_spec(path: Path, snapshot: Snapshot, findings: list[Finding]) -> Spec:
    """Return a spec of depth, with what is wrong in single entries added to ``findings``.

    Raises
    ------
    MalformedFile
        If the file is no spec.
    """
    raw = _parsed(path)
    _check(raw, TOP, path.name)
    entries = [
        e
        for label, kind, row in _rows(raw, path.name)
        if (e := _entry(label, kind, row, raw, snapshot, findings))
    ]
    tables = []
    for k, row in enumerate(raw.get("table", [])):
        _check(row, TABLE, f"{path.name} table {k}", ("file",))
        tables.append(path.parent / row["file"])
    half_life_s, lasting_share = _refill(raw, path.name, snapshot, findings)
    return Spec(entries, tables, half_life_s, lasting_share, _sinks(raw, path.name, snapshot, findings))


def _parsed(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        raw = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise MalformedFile(f"{path.name} is no depth file: {reason}.", remedy=REMEDY) from error
    if not isinstance(raw, Mapping):
        raise MalformedFile(f"{path.name} is no table of keys.", remedy=REMEDY)
    return raw


def _check(row: object, allowed: Mapping[str, Any], label: str, needed: Sequence[str] = ()) -> None:
    if not isinstance(row, Mapping):
        raise MalformedFile(f"{label} is no table.", remedy=REMEDY)
    for key, value in row.items():
        if key not in allowed:
            raise MalformedFile(f"{label}: unknown key '{key}'.", remedy=f"Known: {', '.join(allowed)}.")
        if not isinstance(value, allowed[key]) or isinstance(value, bool):
            raise MalformedFile(f"{label}: {key} = {value!r} is of the wrong type.", remedy=REMEDY)
    for key in needed:
        if key not in row:
            raise MalformedFile(f"{label}: '{key}' is missing.", remedy=REMEDY)


def _rows(raw: Mapping[str, Any], name: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield label, kind and row of every curve, checked."""
    for section in ("pool", "quotes", "book"):
        for k, row in enumerate(raw.get(section, [])):
            label = f"{name} {section} {k}"
            kind = section
            if section == "pool":
                if not isinstance(row, Mapping) or row.get("kind") not in (
                    "constant-product",
                    "ranges",
                    "ticks",
                ):
                    raise MalformedFile(
                        f"{label} has no kind.", remedy="Give constant-product, ranges or ticks."
                    )
                kind, row = row["kind"], {key: v for key, v in row.items() if key != "kind"}
            keys, needed = KINDS[kind]
            _check(row, COMMON | keys, label, ("asset", "source", *needed))
            if "time" not in row and "time" not in raw:
                raise MalformedFile(f"{label}: 'time' is missing.", remedy="Give one here, or one for all.")
            yield label, kind, row


def _entry(
    label: str,
    kind: str,
    row: Mapping[str, Any],
    raw: Mapping[str, Any],
    snapshot: Snapshot,
    findings: list[Finding],
) -> Entry | None:
    """Return the entry of a row, or None with a finding why not."""
    try:
        asset = snapshot.asset_index(row["asset"])
        curve = _MAKE[kind](row, label)
    except (UnknownAsset, InputError) as error:
        if isinstance(error, MalformedFile):
            raise
        findings.append(_bad(label, row["asset"], error.message))
        return None
    return Entry(label, asset, curve, row.get("time", raw.get("time", 0)), row["source"])


def _constant_product(row: Mapping[str, Any], label: str) -> Curve:
    tokens = float(row["tokens"])
    most = float(row.get("most_tokens", EMPTY_AT * tokens))
    return constant_product(tokens, float(row["money"]), float(row["fee"]), most, _usd(row))


def _ranges(row: Mapping[str, Any], label: str) -> Curve:
    turns = [(a, b) for a, b in _pairs(row["turns"], f"{label} turns")]
    return concentrated(
        float(row["sqrt_price"]), float(row["liquidity"]), turns, float(row["fee"]), _usd(row)
    )


def _ticks(row: Mapping[str, Any], label: str) -> Curve:
    decimals, sells = row["decimals"], row["sells"]
    if (
        len(decimals) != 2
        or not all(isinstance(d, int) and 0 <= d <= 77 for d in decimals)
        or sells not in (0, 1)
    ):
        raise MalformedFile(f"{label}: decimals {decimals!r}, sells {sells!r}.", remedy=REMEDY)
    ticks = []
    for pair in row["ticks"]:
        if not isinstance(pair, list) or len(pair) != 2:
            raise MalformedFile(f"{label}: {pair!r} is no tick and its liquidityNet.", remedy=REMEDY)
        ticks.append((_whole(pair[0], label), _whole(pair[1], label)))
    return pool_of_ticks(
        _whole(row["sqrt_price_x96"], label),
        _whole(row["liquidity"], label),
        ticks,
        float(row["fee"]),
        (decimals[0], decimals[1]),
        sells,
        _usd(row),
    )


def _quotes(row: Mapping[str, Any], label: str) -> Curve:
    pairs = _pairs(row["rows"], f"{label} rows")
    return quotes([p[0] for p in pairs], [p[1] * _usd(row) for p in pairs])


def _book(row: Mapping[str, Any], label: str) -> Curve:
    pairs = _pairs(row["bids"], f"{label} bids")
    return order_book([p[0] * _usd(row) for p in pairs], [p[1] for p in pairs], float(row.get("fee", 0.0)))


_MAKE: dict[str, Callable[[Mapping[str, Any], str], Curve]] = {
    "constant-product": _constant_product,
    "ranges": _ranges,
    "ticks": _ticks,
    "quotes": _quotes,
    "book": _book,
}


def _usd(row: Mapping[str, Any]) -> float:
    """Return dollars a unit of the money a source pays in."""
    usd = float(row.get("usd", 1.0))
    if not (np.isfinite(usd) and usd > 0):
        raise InputError(f"usd is {usd}.", remedy="Give a finite number above 0.")
    return usd


def _pairs(rows: Sequence[Any], label: str) -> list[tuple[float, float]]:
    for pair in rows:
        if not (
            isinstance(pair, list)
            and len(pair) == 2
            and all(isinstance(x, NUMBER) and not isinstance(x, bool) for x in pair)
        ):
            raise MalformedFile(f"{label}: {pair!r} is no pair of numbers.", remedy=REMEDY)
    if not rows:
        raise InputError("there are no rows.", remedy="Give at least one, or leave the entry out.")
    return [(float(a), float(b)) for a, b in rows]


def _whole(value: Any, label: str) -> int:
    try:
        if isinstance(value, bool) or not isinstance(value, WHOLE):
            raise ValueError
        return int(value)
    except ValueError:
        raise MalformedFile(f"{label}: {value!r} is no integer.", remedy=REMEDY) from None


def _refill(
    raw: Mapping[str, Any], name: str, snapshot: Snapshot, findings: list[Finding]
) -> tuple[dict[int, float], dict[int, float]]:
    """Return half-life and lasting share by reserve; a row without assets is for all others."""
    lives: dict[int, float] = {}
    shares: dict[int, float] = {}
    rows = sorted(
        enumerate(raw.get("refill", [])), key=lambda r: isinstance(r[1], Mapping) and "assets" in r[1]
    )
    for k, row in rows:
        label = f"{name} refill {k}"
        _check(row, REFILL, label, ("half_life_s",))
        life, share = float(row["half_life_s"]), float(row.get("lasting_share", 0.0))
        if not (life >= 0 and 0 <= share <= 1):
            what = f"half_life_s {life} or lasting_share {share} is impossible."
            findings.append(_bad(label, ", ".join(map(str, row.get("assets", ["all"]))), what))
            continue
        assets = row.get("assets", list(snapshot.asset_names))
        for asset in _listed(assets, label, snapshot, findings):
            lives[asset], shares[asset] = life, share
    return lives, shares


def _sinks(raw: Mapping[str, Any], name: str, snapshot: Snapshot, findings: list[Finding]) -> list[list[str]]:
    """Return the groups of assets sold to the same buyers; an asset is in the first that names it."""
    groups, seen = [], set[int]()
    for k, row in enumerate(raw.get("sink", [])):
        label = f"{name} sink {k}"
        _check(row, SINK, label, ("assets",))
        group = []
        for asset in _listed(row["assets"], label, snapshot, findings):
            if asset in seen:
                findings.append(_bad(label, snapshot.asset_names[asset], "it is in a sink already."))
                continue
            seen.add(asset)
            group.append(snapshot.asset_names[asset])
        if group:
            groups.append(group)
    return groups


def _listed(names: Sequence[Any], label: str, snapshot: Snapshot, findings: list[Finding]) -> list[int]:
    found = []
    for name in names:
        if not isinstance(name, str):
            raise MalformedFile(f"{label}: {name!r} is no asset.", remedy=REMEDY)
        try:
            found.append(snapshot.asset_index(name))
        except UnknownAsset as error:
            findings.append(_bad(label, name, error.message))
    return found


def _bad(label: str, subject: str, what: str) -> Finding:
    message = f"{label} left out: {what}"
    return Finding(FindingKind.OUT_OF_RANGE, Severity.MEDIUM, subject, message, remedy="Correct the file.")
