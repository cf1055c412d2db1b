"""A series on disk: Parquet parts that appear whole or not at all.

::

    <folder>/<venue>/<symbol>/<kind>-<interval>/20251201T000000Z.parquet
                                                faulty/20251201T000000Z.parquet
    <folder>/manifest.json

A part holds the rows of one stretch of time and, in its metadata, what it was asked for and
what was found in the answer.  So the parts are their own journal: a fetch that was cut off
goes on at the first stretch without a part, and a part asked for too early is fetched again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from abis.errors import MalformedFile
from abis.findings import Finding

SCHEMA = "breakwater.market-data/1"
MANIFEST = "manifest.json"
_UNSAFE = re.compile(r"[^A-Za-z0-9.]+")


@dataclass(frozen=True, slots=True)
class Series:
    """One series of one venue: ``interval`` is empty where the venue sets the times."""

    venue: str
    symbol: str
    kind: str
    interval: str

    @property
    def label(self) -> str:
        """``binance BTC/USDT candles 5m``."""
        return " ".join(filter(None, (self.venue, self.symbol, self.kind, self.interval)))

    def folder(self, root: Path) -> Path:
        """Return where its parts are; symbols keep letters, digits and dots."""
        name = "-".join(filter(None, (self.kind, self.interval)))
        return root / self.venue / _UNSAFE.sub("-", self.symbol) / name


def part_name(start_s: int) -> str:
    """Return the file name of the part that starts at a unix time."""
    return f"{datetime.fromtimestamp(start_s, UTC):%Y%m%dT%H%M%SZ}.parquet"


def write_part(
    path: Path,
    rows: pd.DataFrame,
    series: Series,
    covers_ms: tuple[int, int],
    findings: Sequence[Finding] = (),
) -> None:
    """Write rows, what they cover and what was found, flushed to disk before the file appears."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "schema": SCHEMA,
        "series": [series.venue, series.symbol, series.kind, series.interval],
        "covers_ms": list(covers_ms),
        "findings": [finding.to_json() for finding in findings],
    }
    table = pa.Table.from_pandas(rows, preserve_index=False)
    table = table.replace_schema_metadata({SCHEMA: json.dumps(told, sort_keys=True)})
    staged = path.with_name(f".{path.name}.tmp")
    try:
        pq.write_table(table, staged, compression="zstd")
        with staged.open("rb") as file:
            os.fsync(file.fileno())
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)


def covered(path: Path, series: Series) -> tuple[int, int] | None:
    """Return what a part covers, unix milliseconds; None if it is not there or was cut.

    Raises
    ------
    MalformedFile
        If it belongs to another series.
    """
    import pyarrow as pa

    try:
        told = _told(path)
        start, end = (int(t) for t in told["covers_ms"])
    except (OSError, pa.ArrowInvalid, KeyError, ValueError, TypeError):
        return None
    if told.get("series") != [series.venue, series.symbol, series.kind, series.interval]:
        raise MalformedFile(
            f"{path.name} holds {told.get('series')}, not {series.label}.", remedy="Choose another folder."
        )
    return start, end


def _told(path: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    return dict(json.loads((pq.read_schema(path).metadata or {})[SCHEMA.encode()]))


def findings_of(path: Path) -> tuple[Finding, ...]:
    """Return what was found in the answer that a part was made from."""
    return tuple(Finding.from_json(row) for row in _told(path)["findings"])


def parts_of(folder: Path) -> Iterator[Path]:
    """Yield the parts of a series' folder in order of time."""
    yield from sorted(p for p in folder.glob("*.parquet") if not p.name.startswith("."))


def read_series(root: Path, series: Series) -> pd.DataFrame:
    """Return all rows of a series in order of time.

    Raises
    ------
    MalformedFile
        If there is no part, or one cannot be read.
    """
    found = list(parts_of(series.folder(root)))
    if not found:
        raise MalformedFile(f"there is no data of {series.label}.", remedy="Fetch it first.")
    try:
        return pd.concat([pd.read_parquet(path) for path in found], ignore_index=True)
    except (OSError, ValueError) as error:
        raise MalformedFile(f"{series.label} cannot be read: {error}.", remedy="Fetch it again.") from error


def series_in(root: Path) -> tuple[Series, ...]:
    """Return every series with a part below a folder, by venue, symbol and kind.

    Raises
    ------
    MalformedFile
        If a part cannot be read.
    """
    found = set()
    for path in root.glob("*/*/*/*.parquet"):
        if path.name.startswith("."):
            continue
        try:
            found.add(Series(*_told(path)["series"]))
        except (OSError, KeyError, ValueError, TypeError) as error:  # arrow's errors derive from these
            raise MalformedFile(f"{path.name} is no fetched part: {error}.", remedy="Remove it.") from error
    return tuple(sorted(found, key=lambda s: (s.venue, s.symbol, s.kind, s.interval)))
