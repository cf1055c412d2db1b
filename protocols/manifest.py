"""The manifest of a saved snapshot: everything that is no table, and the hashes of the tables.

It ends with its own sha256, taken over the manifest without that entry, and is written in
one canonical form, so that any changed byte shows.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from decimal import Decimal
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from abis.errors import InconsistentSnapshot, MalformedFile, SnapshotChanged, UnknownSchema
from abis.findings import Finding
from abis.strict_json import loads
from protocols.change_rules import ChangeRules
from protocols.liquidation_rules import LiquidationRules
from protocols.snapshot import BaseCurrency, Block, Market, Snapshot
from protocols.tables import book_from, completeness_from, emodes_from, reserves_from, text_in, text_out

SCHEMA = "breakwater.snapshot"
SCHEMA_VERSION = 2
_SELF = "manifest_sha256"

Manifest = dict[str, Any]
Tables = dict[str, pa.Table]
Migration = Callable[[Manifest, Tables], tuple[Manifest, Tables]]


def _without_emode_prices(manifest: Manifest, tables: Tables) -> tuple[Manifest, Tables]:
    """From 1 to 2: categories got prices of their own; until then every entry had its reserve's."""
    own, none = pa.scalar(0, pa.int64()), pa.scalar(-1, pa.int64())
    added: dict[str, dict[str, pa.Scalar]] = {
        "emodes": {"price_raw": pa.scalar("0"), "price_reserve": none},
        "collateral": {"price_emode": own},
        "debt": {"price_emode": own, "call_price_emode": own, "stable_raw": pa.scalar("0")},
    }
    widened = dict(tables)
    for part, columns in added.items():
        for name, value in columns.items():
            table = widened[part]
            widened[part] = table.append_column(name, pa.repeat(value, table.num_rows))
    return {**manifest, "schema_version": 2}, widened


# Schema number -> the step that rewrites a manifest and its tables to the next number.
MIGRATIONS: Mapping[int, Migration] = MappingProxyType({1: _without_emode_prices})


def manifest_bytes(snapshot: Snapshot, parts: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the manifest of ``snapshot`` as canonical JSON.

    Parameters
    ----------
    snapshot : Snapshot
        What the manifest describes.
    parts : mapping
        Part name -> ``sha256`` of its file and number of ``rows``.

    Raises
    ------
    InconsistentSnapshot
        If a number is not finite.
    """
    try:
        body = _map_text(_describe(snapshot, parts), text_out)
        return _canonical({**body, _SELF: sha256(_canonical(body))})
    except ValueError as error:
        raise InconsistentSnapshot(
            f"a number is not finite: {error}.", remedy="Correct the value at its source."
        ) from None


def parse_manifest(content: bytes, name: str, steps: Mapping[int, Migration] = MIGRATIONS) -> Manifest:
    """Return the manifest in ``content``, checked against its own sha256.

    Parameters
    ----------
    content : bytes
        The file's content.
    name : str
        Its path, for messages.
    steps : mapping
        The migrations known; a schema none of them leads on from is refused.

    Raises
    ------
    MalformedFile, UnknownSchema, SnapshotChanged
        If it is no manifest, of a schema that cannot be read, or changed.
    """
    try:
        manifest = loads(content)
    except ValueError as error:
        raise malformed(name, str(error)) from error
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise malformed(name, f"its schema is not '{SCHEMA}'")
    number = manifest.get("schema_version")
    if type(number) is not int or not (number == SCHEMA_VERSION or number in steps):
        raise _unknown_schema(number)
    body = {key: value for key, value in manifest.items() if key != _SELF}
    if content != _canonical({**body, _SELF: sha256(_canonical(body))}):
        raise changed(name)
    return manifest


def migrated(
    manifest: Manifest,
    tables: Tables,
    steps: Mapping[int, Migration] = MIGRATIONS,
    newest: int = SCHEMA_VERSION,
) -> tuple[Manifest, Tables]:
    """Return manifest and tables rewritten step by step to schema ``newest``.

    Raises
    ------
    UnknownSchema
        If no step leads on from a schema met on the way.
    """
    while manifest["schema_version"] != newest:
        step = steps.get(manifest["schema_version"])
        if step is None:
            raise _unknown_schema(manifest["schema_version"])
        manifest, tables = step(manifest, tables)
    return manifest, tables


def snapshot_from(manifest: Manifest, tables: Tables) -> Snapshot:
    """Return the snapshot a manifest and its tables describe.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError, ArithmeticError
        If an entry is missing or is not what it should be.
    InconsistentSnapshot
        If the tables contradict each other.
    """
    meta = _map_text(manifest, text_in)
    market = {**meta["market"], "addresses": MappingProxyType(meta["market"]["addresses"])}
    base = meta["base_currency"]
    return Snapshot(
        market=Market(**market),
        block=Block(**meta["block"]),
        base=BaseCurrency(base["symbol"], int(base["unit_raw"]), Decimal(base["usd"])),
        rules=LiquidationRules.from_json(meta["liquidation_rules"]),
        change_rules=ChangeRules.from_json(meta["change_rules"]),
        reserves=reserves_from(tables["reserves"]),
        emodes=emodes_from(tables["emodes"]),
        book=book_from(tables["accounts"], tables["collateral"], tables["debt"]),
        completeness=completeness_from(tables["completeness"]),
        findings=tuple(Finding.from_json(f) for f in meta["findings"]),
    )


def sha256(content: bytes) -> str:
    """Return the hex sha256 of ``content``."""
    return hashlib.sha256(content).hexdigest()


def malformed(name: str, what: str) -> MalformedFile:
    """Return the error of a file that is not what it should be."""
    return MalformedFile(f"cannot read '{name}': {what}.", remedy="Restore the file or make it again.")


def changed(name: str) -> SnapshotChanged:
    """Return the error of a file whose bytes differ from their sha256."""
    return SnapshotChanged(
        f"'{name}' has changed since it was written: its sha256 differs from the manifest's.",
        remedy="Restore the file or make the snapshot again.",
    )


def _unknown_schema(found: object) -> UnknownSchema:
    return UnknownSchema(
        f"the snapshot has schema {found}, this version reads {SCHEMA_VERSION}.",
        remedy="Use the Breakwater version that wrote it, or a newer one.",
    )


def _describe(snapshot: Snapshot, parts: Mapping[str, Mapping[str, Any]]) -> Manifest:
    market, base = snapshot.market, snapshot.base
    gaps = [c for c in snapshot.completeness if c.missing_scaled_raw != 0]
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "breakwater_version": version("breakwater"),
        "market": {
            "name": market.name,
            "protocol": market.protocol,
            "version": market.version,
            "chain_id": market.chain_id,
            "addresses": dict(sorted(market.addresses.items())),
        },
        "block": asdict(snapshot.block),
        "base_currency": {"symbol": base.symbol, "unit_raw": str(base.unit_raw), "usd": str(base.usd)},
        "liquidation_rules": snapshot.rules.to_json(),
        "change_rules": snapshot.change_rules.to_json(),
        "parts": {name: dict(part) for name, part in parts.items()},
        "completeness": {
            "checked": len(snapshot.completeness),
            "incomplete": len(gaps),
            "missing_usd": math.fsum(c.missing_usd for c in gaps),
        },
        "findings": [f.to_json() for f in snapshot.findings],
    }


def _canonical(body: Manifest) -> bytes:
    return (json.dumps(body, indent=2, ensure_ascii=True, allow_nan=False) + "\n").encode()


def _map_text(value: Any, convert: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return convert(str(value))
    if isinstance(value, dict):
        return {convert(key): _map_text(item, convert) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_map_text(item, convert) for item in value]
    return value
