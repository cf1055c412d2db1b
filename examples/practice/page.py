"""Puts a table between its marks in docs/practice.md, and what docs/solver.md shows of it there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "practice.md"
SHORT = PAGE.with_name("solver.md")
# Which rows of a table the page of the solver shows; a table that is not here is not there.
SHOWN: dict[str, Callable[[str], bool]] = {
    "demo": lambda row: True,
    "forward": lambda row: ", M, a day" in row and "| median |" in row,
    "maker": lambda row: row.startswith("| all "),
}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, first column to the left, the others to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def excerpt(name: str, text: str) -> str:
    """Return the head of a table and the rows that are `SHOWN`."""
    head, rule, *rows = text.splitlines()
    return "\n".join([head, rule, *(row for row in rows if SHOWN[name](row))])


def put_everywhere(name: str, text: str) -> None:
    """Put a table into the page of practice, and what is shown of it into that of the solver."""
    put(name, text)
    if name in SHOWN:
        put(name, excerpt(name, text), SHORT)


def put(name: str, text: str, page: Path = PAGE) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- /name -->``.

    Raises
    ------
    ValueError
        If the page has no such marks.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before = page.read_text(encoding="utf-8")
    head, found, rest = before.partition(begin)
    tail = rest.partition(end)[2]
    if not found or end not in rest:
        raise ValueError(f"{page.name} has no marks {begin} and {end}.")
    page.write_text(f"{head}{begin}\n\n{text}\n\n{end}{tail}", encoding="utf-8")
