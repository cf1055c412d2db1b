"""``manifest.json`` of a folder: every series with its parts, their hashes, and what was found."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from abis.errors import MalformedFile
from risk.market_data.fetch import Fetched
from risk.market_data.parts import MANIFEST, SCHEMA, parts_of


def write_manifest(root: Path, fetched: Sequence[Fetched]) -> dict[str, Any]:
    """Write the manifest, series fetched earlier kept in it, and return it.

    Raises
    ------
    MalformedFile
        If the manifest that is there cannot be read.
    """
    entries = {entry["label"]: entry for entry in earlier(root)}
    entries |= {f.series.label: _entry(root, f) for f in fetched}
    manifest = {"schema": SCHEMA, "series": [entries[label] for label in sorted(entries)]}
    staged = root / f".{MANIFEST}.tmp"
    staged.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(staged, root / MANIFEST)
    return manifest


def earlier(root: Path) -> list[dict[str, Any]]:
    """Return the series that a folder's manifest lists; none without one.

    Raises
    ------
    MalformedFile
        If it cannot be read.
    """
    path = root / MANIFEST
    if not path.exists():
        return []
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["schema"] != SCHEMA:
            raise ValueError(f"its schema is {manifest['schema']!r}")
        return [{**entry, "label": str(entry["label"])} for entry in manifest["series"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MalformedFile(
            f"{MANIFEST} cannot be read: {error}.", remedy="Choose another folder."
        ) from error


def _entry(root: Path, fetched: Fetched) -> dict[str, Any]:
    series = fetched.series
    parts = parts_of(series.folder(root))
    return {
        "label": series.label,
        "venue": series.venue,
        "symbol": series.symbol,
        "kind": series.kind,
        "interval": series.interval,
        "rows": fetched.rows,
        "faulty_rows": fetched.faulty_rows,
        "parts": {p.relative_to(root).as_posix(): _sha256(p) for p in parts},
        "findings": [finding.to_json() for finding in fetched.findings],
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
