"""Writes ``report.md``: what one pastes into a governance forum (GitHub and Discourse).

All text from the chain is untrusted.  Plain names pass; anything else becomes a code span,
in which nothing is a link, a mention, a picture or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from abis.findings import Finding
from risk.report import formats
from risk.report.page import Column, Kind, Page, Section, Table, Tile

MAX_FINDINGS = 15
DAGGER = "†"

_PLAIN = re.compile(r"[\w₮ %/+,−–()…:-]*(\.[a-z])?", re.UNICODE)
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#&$!])")
_LINKED = re.compile(r"(?<=\w)\.(?=[A-Za-z])|:(?=//)")


PICTURES = "pictures"  # folder beside the text


def to_markdown(page: Page) -> str:
    """Return the report as Markdown."""
    parts = [
        f"# {prose(page.title)}",
        f"*{prose(page.subtitle)}*",
        "## Summary",
        *[prose(s) for s in page.headline],
        _tiles(page.tiles, page.infinite_depth),
        "## Findings",
        _findings(page.findings),
    ]
    for section in (*page.sections, *page.details):
        parts += section_parts(section, page.infinite_depth)
    parts += ["## How the figures are computed", methods(page.methods)]
    parts += ["## Assumptions", "\n".join(f"- {prose(a)}" for a in page.assumptions)]
    parts += ["## Inputs", "\n".join(f"- {prose(k)}: `{code(v)}`" for k, v in page.inputs)]
    return "\n\n".join(p for p in parts if p) + "\n"


def cell(text: str) -> str:
    """Return untrusted text as one table cell: itself if plain, else a code span."""
    shown = formats.sentence(text)
    if _PLAIN.fullmatch(shown) and "://" not in shown and "__" not in shown and not shown.startswith(" "):
        return shown.replace("_", r"\_")
    return f"`{code(shown)}`"


def prose(text: str) -> str:
    """Return a sentence that may hold untrusted names, so that it renders as it reads."""
    escaped = _SPECIAL.sub(r"\\\1", formats.sentence(text)).replace("@", "＠")
    return _LINKED.sub(lambda m: f"\\{m[0]}", escaped)


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], marked: bool = False) -> str:
    """Return a pipe table; ``marked`` puts a dagger on columns that depend on depth."""
    heads = [prose(c.header) + (f" {DAGGER}" if marked and c.depth else "") for c in columns]
    rules = ["---:" if c.numeric else "---" for c in columns]
    lines = [heads, rules, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: str) -> str:
    """Return untrusted text for inside a code span of a table."""
    return formats.sentence(text).replace("`", "'").replace("|", r"\|")


def section_parts(
    section: Section, infinite_depth: bool, *, level: int = 2, pictures: bool = False
) -> list[str]:
    """Return a section's paragraphs, with ``pictures`` also a link to the picture of each chart.

    Sections all of whose tables are for the page only are left out.
    """
    note = " (diagnostic, no proposal)" if section.diagnostic else ""
    shown = [t for t in section.tables if t.markdown_rows]
    if not shown and section.tables:
        return []
    parts = [f"{'#' * level} {prose(section.title)}{note}", *[prose(s) for s in section.lead]]
    if pictures:
        for chart in section.charts:
            mark = f" {formats.INFINITE_DEPTH}." if infinite_depth and chart.depth else ""
            parts += [f"![{prose(chart.title)}]({PICTURES}/{chart.id}.svg)", f"*{prose(chart.alt)}{mark}*"]
    for t in shown:
        parts += _table(t, infinite_depth, level + 1 if len(shown) > 1 else 0)
    return parts


def _table(t: Table, infinite_depth: bool, level: int) -> list[str]:
    parts = [f"{'#' * level} {prose(t.title)}"] if level else []
    if not t.rows:
        return [*parts, prose(t.empty)]
    rows = [[_shown(c, row) for c in t.columns] for row in t.in_markdown]
    parts.append(table(t.columns, rows, infinite_depth))
    if infinite_depth and t.depth:
        parts.append(f"{DAGGER} {formats.INFINITE_DEPTH}.")
    if len(t.rows) > t.markdown_rows:
        which = f"{len(rows)} of {len(t.rows):,} rows, evenly chosen" if t.even else _first(t)
        parts.append(f"{which}.")
    if t.note:
        parts.append(prose(t.note))
    return parts


def _first(t: Table) -> str:
    return f"The first {t.markdown_rows} of {len(t.rows):,} rows"


def _shown(column: Column, row: Mapping[str, Any]) -> str:
    return prose(column.show(row)) if column.running else cell(column.show(row))


def _tiles(tiles: Sequence[Tile], infinite_depth: bool) -> str:
    columns = (Column("name", "Key figure"), Column("value", "Value", Kind.COUNT), Column("detail", ""))
    rows = []
    for tile in tiles:
        note = [formats.INFINITE_DEPTH] if infinite_depth and tile.depth else []
        detail = "; ".join([*([tile.detail] if tile.detail else []), *note])
        rows.append([prose(tile.name), prose(tile.value), prose(detail)])
    return table(columns, rows)


def _findings(findings: Sequence[Finding]) -> str:
    if not findings:
        return "None."
    columns = tuple(Column(h, h) for h in ("Severity", "About", "Finding", "Remedy"))
    rows = [
        [f.severity.name.lower(), cell(formats.account(f.subject)), prose(f.message), prose(f.remedy)]
        for f in findings[:MAX_FINDINGS]
    ]
    text = table(columns, rows)
    rest = len(findings) - MAX_FINDINGS
    return f"{text}\n\n{rest} more of lower rank are in the HTML and JSON reports." if rest > 0 else text


def methods(rows: Sequence[tuple[str, str, str]]) -> str:
    """Return the appendix: figure, unit, how it is computed."""
    columns = (Column("f", "Figure"), Column("u", "Unit"), Column("h", "How"))
    return table(columns, [[prose(part) for part in row] for row in rows])
