"""Fetches a stretch of a series into parts, page by page, and says what is missing in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from abis.errors import InputError
from abis.findings import Finding
from risk.market_data.checks import gap_findings, outlier_findings, pause_findings, sort_rows
from risk.market_data.kinds import KINDS, PAGE, Kind
from risk.market_data.parts import (
    Series,
    covered,
    findings_of,
    part_name,
    parts_of,
    read_series,
    write_part,
)
from risk.market_data.venue import Venue

DAY_S = 86_400
STEPPED_OVER = 100  # rows: no venue's page is shorter
Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What to fetch from one venue: ``[since, until)`` in unix seconds."""

    series: Series
    since_s: int
    until_s: int


@dataclass(frozen=True, eq=False)
class Fetched:
    """A series after a fetch: rows on disk, parts made and kept, and what was found."""

    series: Series
    rows: int
    faulty_rows: int
    parts_made: int
    parts_kept: int
    findings: tuple[Finding, ...]


def fetch(venue: Venue, request: Request, root: Path, report: Report = lambda *_: None) -> Fetched:
    """Fetch a series into ``root``, keeping what is there.

    Parameters
    ----------
    venue : Venue
    request : Request
    root : Path
        Holds one folder a venue (`parts`).
    report : callable (phase, done, total)
        Told after each part; the phase is the series' label.

    Returns
    -------
    Fetched
        Findings are about all rows of ``[since, until)`` on disk, as far as it has passed.

    Raises
    ------
    InputError
        If the period is empty, or the venue lacks symbol, kind or interval.
    ExchangeUnreachable
        If the venue does not answer; parts made so far stay.
    """
    kind = KINDS[request.series.kind]
    step_ms = _step_ms(venue, request.series, kind)
    venue.market(request.series.symbol)
    begin_ms, end_ms = _period_ms(request, kind, step_ms, venue.exchange.milliseconds())
    stretches = list(_stretches(begin_ms, end_ms, step_ms))
    made = kept = 0
    for done, (start, begin, end) in enumerate(stretches, 1):
        path = request.series.folder(root) / part_name(start // 1000)
        have = covered(path, request.series)
        if have is not None and have[0] <= begin and end <= have[1]:
            kept += 1
        else:
            # A part that covers something else is fetched again for both.
            begin, end = (min(begin, have[0]), max(end, have[1])) if have else (begin, end)
            _fetch_part(venue, request.series, kind, path, begin, end, step_ms)
            made += 1
        report(request.series.label, done, len(stretches))
    rows = read_series(root, request.series)
    found = _findings(rows, request.series, kind, (begin_ms, end_ms, step_ms), root)
    aside = sum(len(pd.read_parquet(path)) for path in parts_of(request.series.folder(root) / "faulty"))
    return Fetched(request.series, len(rows), aside, made, kept, found)


def _step_ms(venue: Venue, series: Series, kind: Kind) -> int:
    if kind.step_s is not None:
        return kind.step_s * 1000
    known = venue.exchange.timeframes or {}
    if series.interval not in known:
        raise InputError(
            f"{series.venue} has no bars of '{series.interval}'.", remedy=f"It has {', '.join(known)}."
        )
    seconds = int(venue.exchange.parse_timeframe(series.interval))
    if seconds > DAY_S:
        raise InputError(
            f"bars of '{series.interval}' follow no fixed grid of time.", remedy="Give 1d or shorter."
        )
    return seconds * 1000


def _period_ms(request: Request, kind: Kind, step_ms: int, now_ms: int) -> tuple[int, int]:
    """Return begin and end of what has happened; bars still open are left out."""
    closed = now_ms - now_ms % step_ms if kind.on_grid else now_ms
    begin, end = request.since_s * 1000, min(request.until_s * 1000, closed)
    if end <= begin:
        raise InputError(
            "nothing lies between since and until, or it has not happened yet.", remedy="Give a past period."
        )
    return begin, end


def _stretches(begin: int, end: int, step_ms: int) -> Iterator[tuple[int, int, int]]:
    """Yield ``(start of the part, begin, end)`` in milliseconds."""
    days = max(1, round(PAGE * step_ms / (DAY_S * 1000)))
    length = days * DAY_S * 1000
    start = begin - begin % length
    while start < end:
        yield start, max(begin, start), min(end, start + length)
        start += length


def _fetch_part(
    venue: Venue, series: Series, kind: Kind, path: Path, begin: int, end: int, step_ms: int
) -> None:
    """Write one part, and what was faulty in it before it."""
    rows = pd.DataFrame(_pages(venue, series, kind, begin, end, step_ms), columns=list(kind.columns))
    # An empty answer has the types of a full one.
    rows = rows.astype({name: "int64" if name == "time_ms" else "float64" for name in kind.columns})
    inside = rows[(rows["time_ms"] >= begin) & (rows["time_ms"] < end)]
    found = sort_rows(inside, step_ms if kind.on_grid else None, series.label)
    faulty = path.parent / "faulty" / path.name
    if len(found.faulty):
        write_part(faulty, found.faulty, series, (begin, end))
    else:
        faulty.unlink(missing_ok=True)
    write_part(path, _shown(found.good, series), series, (begin, end), found.findings)


def _pages(
    venue: Venue, series: Series, kind: Kind, begin: int, end: int, step_ms: int
) -> Iterator[list[object]]:
    """Yield the rows of every page; an empty page is stepped over, since a gap may be longer."""
    since = begin
    while since < end:
        page = kind.page(venue, series.symbol, series.interval, since)
        yield from page
        reached = max((int(row[0]) for row in page), default=since - 1)
        since = reached + 1 if reached >= since else since + STEPPED_OVER * step_ms


def _shown(rows: pd.DataFrame, series: Series) -> pd.DataFrame:
    """Return rows as candle files have them: UTC times, and who they are."""
    out = rows.drop(columns="time_ms")
    out.insert(0, "time", pd.to_datetime(rows["time_ms"], unit="ms", utc=True).dt.as_unit("us"))
    told = {
        "venue": series.venue,
        "symbol": series.symbol,
        "interval": series.interval,
        "market": "futures" if ":" in series.symbol else "spot",
    }
    for place, (name, value) in enumerate(told.items(), 1):
        out.insert(place, name, pd.Series([value] * len(out), dtype="str"))
    return out


def _findings(
    rows: pd.DataFrame, series: Series, kind: Kind, period_ms: tuple[int, int, int], root: Path
) -> tuple[Finding, ...]:
    """Return what was found in ``[start, end)``; the period's third number is the step."""
    label, (start, end, step_ms) = series.label, period_ms
    time_ms = rows["time"].dt.as_unit("ms").astype("int64")
    inside = rows.assign(time_ms=time_ms)[(time_ms >= start) & (time_ms < end)]
    out: list[Finding] = []
    if kind.on_grid:
        out += gap_findings(inside["time_ms"].to_numpy(dtype="int64"), step_ms, start, end, label)
    else:
        out += pause_findings(inside["time_ms"].to_numpy(dtype="int64"), start, end, label)
    if kind.name == "candles":
        out += outlier_findings(inside, label)
    for path in parts_of(series.folder(root)):
        first, last = covered(path, series) or (start, end)
        if first < end and start < last:
            out += findings_of(path)
    return tuple(out)
