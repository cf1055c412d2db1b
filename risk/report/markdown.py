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
        parts += _section(section, page.infinite_depth)
    parts += ["## How the figures are computed", _methods(page.methods)]
    parts += ["## Assumptions", "\n".join(f"- {prose(a)}" for a in page.assumptions)]
    parts += ["## Inputs", "\n".join(f"- {prose(k)}: `{_code(v)}`" for k, v in page.inputs)]
    return "\n\n".join(p for p in parts if p) + "\n"


def cell(text: str) -> str:
    """Return untrusted text as one table cell: itself if plain, else a code span."""
    shown = formats.sentence(text)
    if _PLAIN.fullmatch(shown) and "://" not in shown and "__" not in shown and not shown.startswith(" "):
        return shown.replace("_", r"\_")
    return f"`{_code(shown)}`"


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


def _code(text: str) -> str:
    return formats.sentence(text).replace("`", "'").replace("|", r"\|")


def _section(section: Section, infinite_depth: bool) -> list[str]:
    note = " (diagnostic, no proposal)" if section.diagnostic else ""
    shown = [t for t in section.tables if t.markdown_rows]
    if not shown and section.tables:
        return []
    parts = [f"## {prose(section.title)}{note}", *[prose(s) for s in section.lead]]
    for t in shown:
        parts += _table(t, infinite_depth, titled=len(shown) > 1)
    return parts


def _table(t: Table, infinite_depth: bool, *, titled: bool) -> list[str]:
    parts = [f"### {prose(t.title)}"] if titled else []
    if not t.rows:
        return [*parts, prose(t.empty)]
    rows = [[_shown(c, row) for c in t.columns] for row in t.rows[: t.markdown_rows]]
    parts.append(table(t.columns, rows, infinite_depth))
    if infinite_depth and t.depth:
        parts.append(f"{DAGGER} {formats.INFINITE_DEPTH}.")
    if len(t.rows) > t.markdown_rows:
        parts.append(f"The first {t.markdown_rows} of {len(t.rows)} rows.")
    if t.note:
        parts.append(prose(t.note))
    return parts


def _shown(column: Column, row: Mapping[str, Any]) -> str:
    return prose(column.show(row)) if column.numeric else cell(column.show(row))


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


def _methods(methods: Sequence[tuple[str, str, str]]) -> str:
    columns = (Column("f", "Figure"), Column("u", "Unit"), Column("h", "How"))
    return table(columns, [[prose(part) for part in row] for row in methods])
