"""The replays as a table: for the terminal, for docs/incidents.md, and as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from abis.errors import InputError
from examples.incidents import (
    cbeth_2026_02,
    dai_2020_11,
    luna_2022_05,
    steth_2022_06,
    usdc_2023_03,
    usde_2025_10,
    wsteth_2026_03,
)
from examples.incidents.record import ROOT, Incident, Row

REPLAYS: MappingProxyType[str, Callable[[], Incident]] = MappingProxyType(
    {
        "dai-2020": dai_2020_11.replay,
        "luna-2022": luna_2022_05.replay,
        "steth-2022": steth_2022_06.replay,
        "usdc-2023": usdc_2023_03.replay,
        "usde-2025": usde_2025_10.replay,
        "cbeth-2026": cbeth_2026_02.replay,
        "wsteth-2026": wsteth_2026_03.replay,
    }
)
REAL_DATA = (steth_2022_06.ROUNDS, usdc_2023_03.BARS, *wsteth_2026_03.BOOK)
DOCUMENT = ROOT / "docs" / "incidents.md"
BEGIN, END = "<!-- replays: python -m examples.incidents --write -->", "<!-- end of replays -->"


def number(value: float | None) -> str:
    """Return a number with five significant digits, integers in full; a dash for None."""
    if value is None:
        return "–"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.5g}"


def known(row: Row) -> str:
    """Return what the record says."""
    if row.known is None:
        return "–"
    low, high = row.known
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def markdown(incidents: Sequence[Incident]) -> str:
    """Return one table of all figures, then a section an incident."""
    lines = ["| incident | figure | known | ours | unit | difference |", "|---|---|---:|---:|---|---:|"]
    for incident in incidents:
        for k, row in enumerate(incident.rows):
            name = f"**{incident.date}** {incident.title}" if k == 0 else ""
            cells = (name, row.figure, known(row), number(row.ours), row.unit, row.difference())
            lines.append("| " + " | ".join(cells) + " |")
    for incident in incidents:
        lines += ["", f"### {incident.date}: {incident.title}", "", incident.lesson, ""]
        lines += [f"- {row.figure}: {row.note}." for row in incident.rows if row.note]
        lines += ["", f"Assumed: {incident.assumed}", "", f"Record: {incident.source}."]
    return "\n".join(lines) + "\n"


def data(incidents: Sequence[Incident]) -> list[dict[str, Any]]:
    """Return incidents, JSON-ready, with the difference of each row."""
    return [
        {**asdict(incident), "rows": [{**asdict(r), "difference": r.difference()} for r in incident.rows]}
        for incident in incidents
    ]


def written(text: str, incidents: Sequence[Incident]) -> str:
    """Return a document with what stands between the markers replaced.

    Raises
    ------
    InputError
        If a marker is missing, or a figure of ours: a table without its data is not worth writing.
    """
    head, found, rest = text.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not found or not ended:
        raise InputError(f"'{DOCUMENT.name}' lacks a marker.", remedy=f"It needs '{BEGIN}' and '{END}'.")
    empty = [r.figure for i in incidents for r in i.rows if r.ours is None]
    if empty:
        raise InputError(f"nothing was computed for '{empty[0]}'.", remedy="Set BREAKWATER_TEST_DATA.")
    return f"{head}{BEGIN}\n\n{markdown(incidents)}\n{END}{tail}"


def write(incidents: Sequence[Incident], document: Path = DOCUMENT) -> None:
    """Write the table into the document."""
    text = written(document.read_text(encoding="utf-8"), incidents)
    partial = document.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(document)
