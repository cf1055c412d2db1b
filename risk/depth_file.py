"""Reads ``--depth FILE`` and holds each curve to its laws.

A table of points (CSV, Parquet) or a spec of pools, quotes, books and tables (TOML, JSON:
`risk.depth_spec`).  A file that is neither is refused; a row that breaks a law becomes a finding and is
left out, so that what remains is increasing, concave and never above the oracle price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import MalformedFile, UnknownAsset
from abis.findings import Finding, FindingKind, Severity
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.depth_sources import Curve, routed
from risk.depth_spec import Entry, read_spec

FloatArray = NDArray[np.float64]

COLUMNS = ("asset", "size_tokens", "proceeds_usd", "time", "source")
DAY_S = 86_400
TOLERANCE = 1e-9  # relative: rounding of exported tables is no broken law


@dataclass(frozen=True, slots=True)
class _Row:
    """One checked row; ``line`` counts from 0 as in the file's table."""

    line: int
    asset: int
    size_tokens: float
    proceeds_usd: float
    time_s: int
    source: str


class _Part(NamedTuple):
    """A lawful curve of one reserve, when it was taken and where."""

    curve: Curve
    time_s: int
    source: str


def load_depth(path: Path, snapshot: Snapshot) -> Depth:
    """Return the depth of a table (CSV, Parquet) or a spec (TOML, JSON).

    Parameters
    ----------
    path : Path
        A table has the columns `COLUMNS`, ``asset`` a symbol or address of the market; a spec is as
        `risk.depth_spec` reads it.
    snapshot : Snapshot
        Gives reserves, prices, and the time curves should be near.

    Returns
    -------
    Depth
        Of several curves of one asset in a table, the newest not after the snapshot is taken, else the
        oldest after it; the curves of one asset that a spec names are routed over.

    Raises
    ------
    MalformedFile
        If the file cannot be read, lacks a column, or is no spec.
    """
    findings: list[Finding] = []
    if path.suffix not in (".toml", ".json"):
        parts = {a: [part] for a, part in _tabled(path, snapshot, findings).items()}
        return _depth(parts, snapshot, findings)
    spec = read_spec(path, snapshot, findings)
    parts = {}
    for entry in spec.entries:
        parts.setdefault(entry.asset, []).append(_of_entry(entry, snapshot, findings))
    for table in spec.tables:
        for asset, part in _tabled(table, snapshot, findings).items():
            parts.setdefault(asset, []).append(part)
    n = len(snapshot.reserves)
    depth = _depth(parts, snapshot, findings).sharing(spec.sinks)
    return replace(
        depth,
        half_life_s=np.array([spec.half_life_s.get(a, np.inf) for a in range(n)]),
        lasting_share=np.array([spec.lasting_share.get(a, 0.0) for a in range(n)]),
    )


def _tabled(path: Path, snapshot: Snapshot, findings: list[Finding]) -> dict[int, _Part]:
    """Return the curves of a table by reserve."""
    table = _read(path)
    rows = [
        r for line, row in enumerate(table.to_dict("records")) if (r := _row(line, row, snapshot, findings))
    ]
    parts = {}
    for asset in sorted({r.asset for r in rows}):
        own = _current([r for r in rows if r.asset == asset], snapshot, findings)
        curve = Curve(*_curve(own, snapshot, findings))
        if len(curve.size_tokens) > 1:
            parts[asset] = _Part(curve, own[0].time_s, own[0].source)
    return parts


def _of_entry(entry: Entry, snapshot: Snapshot, findings: list[Finding]) -> _Part:
    """Return a spec's curve held to the oracle price."""
    try:
        time_s = _unix(entry.time)
    except (TypeError, ValueError):
        raise MalformedFile(
            f"{entry.label}: '{entry.time}' is no time.", remedy="Give ISO 8601 or unix seconds."
        ) from None
    name, price = snapshot.asset_names[entry.asset], float(snapshot.price_usd[entry.asset])
    _check_age(name, time_s, snapshot, findings)
    size, got = entry.curve
    return _Part(Curve(size, _at_most_price(name, price, size, got, findings)), time_s, entry.source)


def _depth(parts: Mapping[int, list[_Part]], snapshot: Snapshot, findings: list[Finding]) -> Depth:
    """Return the depth of the curves of each reserve; the oldest of several gives the time."""
    n = len(snapshot.reserves)
    curves = [Curve(np.zeros(0), np.zeros(0))] * n
    time_s, source = np.zeros(n, dtype=np.int64), [""] * n
    for asset, own in parts.items():
        curves[asset] = own[0].curve if len(own) == 1 else routed([part.curve for part in own])
        time_s[asset] = min(part.time_s for part in own)
        source[asset] = "; ".join(dict.fromkeys(part.source for part in own))
    size, proceeds = _padded([c[0] for c in curves]), _padded([c[1] for c in curves])
    count = np.array([len(c[0]) for c in curves], dtype=np.int64)
    names, prices = snapshot.asset_names, snapshot.price_usd
    return Depth(names, count, size, proceeds, prices, time_s, tuple(source), tuple(findings))


def _read(path: Path) -> pd.DataFrame:
    try:
        # As text: a bad cell must become a finding, not a guess of the parser.
        table = (
            pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
            if path.suffix == ".csv"
            else pd.read_parquet(path)
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise MalformedFile(
            f"{path.name} is no depth table: {reason}.", remedy="See docs/depth.md."
        ) from error
    for name in COLUMNS:
        if name not in table.columns:
            raise MalformedFile(f"{path.name} has no column '{name}'.", remedy="See docs/depth.md.")
    return table


def _row(line: int, row: Mapping[Any, Any], snapshot: Snapshot, findings: list[Finding]) -> _Row | None:
    """Return the row in numbers, or None with a finding why not."""
    try:
        asset = snapshot.asset_index(str(row["asset"]))
    except UnknownAsset as error:
        findings.append(_bad(line, str(row["asset"]), error.message))
        return None
    try:
        size, got = float(row["size_tokens"]), float(row["proceeds_usd"])
        time_s = _unix(row["time"])
    except (TypeError, ValueError):
        cells = f"{row['size_tokens']}, {row['proceeds_usd']}, {row['time']}"
        findings.append(_bad(line, snapshot.asset_names[asset], f"'{cells}' are no size, proceeds and time."))
        return None
    if not (np.isfinite([size, got]).all() and size >= 0 and got >= 0):
        findings.append(
            _bad(line, snapshot.asset_names[asset], f"size {size} or proceeds {got} is impossible.")
        )
        return None
    return _Row(line, asset, size, got, time_s, str(row["source"]))


def _unix(time: Any) -> int:
    """Return unix seconds of a timestamp, ISO text, or unix seconds themselves."""
    if isinstance(time, int | np.integer) or str(time).isdigit():
        return int(time)
    return int(pd.to_datetime(time, utc=True).timestamp())


def _current(rows: list[_Row], snapshot: Snapshot, findings: list[Finding]) -> list[_Row]:
    """Return the rows of the curve that was in force at the snapshot, in order of size."""
    now = snapshot.block.timestamp_s
    times = sorted({r.time_s for r in rows})
    before = [t for t in times if t <= now]
    chosen = before[-1] if before else times[0]
    _check_age(snapshot.asset_names[rows[0].asset], chosen, snapshot, findings)
    return sorted((r for r in rows if r.time_s == chosen), key=lambda r: (r.size_tokens, r.line))


def _check_age(name: str, time_s: int, snapshot: Snapshot, findings: list[Finding]) -> None:
    """Add a finding if a curve was taken more than a day from the snapshot."""
    now = snapshot.block.timestamp_s
    if abs(now - time_s) > DAY_S:
        days, when = abs(now - time_s) / DAY_S, "older" if time_s < now else "younger"
        findings.append(
            Finding(
                FindingKind.STALE,
                Severity.LOW,
                name,
                f"depth is {days:.1f} days {when} than the snapshot.",
                remedy="Take depth at the time of the snapshot.",
            )
        )


def _curve(rows: list[_Row], snapshot: Snapshot, findings: list[Finding]) -> tuple[FloatArray, FloatArray]:
    """Return the lawful points from the origin on, (n,) size and (n,) proceeds."""
    name = snapshot.asset_names[rows[0].asset]
    price = float(snapshot.price_usd[rows[0].asset])
    size, got = [0.0], [0.0]
    slope = np.inf
    for row in rows:
        if row.size_tokens == 0 and row.proceeds_usd == 0:
            continue
        step, gain = row.size_tokens - size[-1], row.proceeds_usd - got[-1]
        fault = _fault(step, gain, slope)
        if fault:
            findings.append(_bad(row.line, name, fault))
            continue
        slope = gain / step
        size.append(row.size_tokens)
        got.append(row.proceeds_usd)
    sizes, proceeds = np.array(size), np.array(got)
    return sizes, _at_most_price(name, price, sizes, proceeds, findings)


def _fault(step: float, gain: float, slope: float) -> str:
    if step <= 0:
        return "the size does not grow."
    if gain < 0:
        return "proceeds fall as the size grows."
    if gain / step > slope * (1 + TOLERANCE):
        return "the marginal price rises with the size: the curve is not concave."
    return ""


def _at_most_price(
    name: str, price: float, sizes: FloatArray, proceeds: FloatArray, findings: list[Finding]
) -> FloatArray:
    """Return the proceeds held at ``size * price``: the lower of two concave curves is concave."""
    ceiling = sizes * price
    above = proceeds > ceiling * (1 + TOLERANCE)
    if above.any():
        k = int(np.argmax(above))
        findings.append(
            Finding(
                FindingKind.INCONSISTENT,
                Severity.LOW,
                name,
                f"depth pays {proceeds[k] / sizes[k]:.6g} USD a token at size {sizes[k]:g}, above "
                f"the oracle's {price:.6g}: the oracle price is used there.",
                remedy="Take depth and snapshot at the same time.",
            )
        )
    return np.minimum(proceeds, ceiling)


def _bad(line: int, subject: str, what: str) -> Finding:
    message = f"depth row {line} left out: {what}"
    return Finding(FindingKind.OUT_OF_RANGE, Severity.MEDIUM, subject, message, remedy="Correct the file.")


def _padded(rows: list[FloatArray]) -> FloatArray:
    """Return (A, K) with each row's last value repeated; all zero where it is empty."""
    width = max((len(r) for r in rows), default=1) or 1
    out = np.zeros((len(rows), width))
    for i, row in enumerate(rows):
        if len(row):
            out[i, : len(row)] = row
            out[i, len(row) :] = row[-1]
    return out
