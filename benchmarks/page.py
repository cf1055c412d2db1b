"""Rewrites the table of docs/benchmarks.md from out/bench.json.

``python -m benchmarks.page`` replaces the rows of what was run last and keeps the others.  Rows whose
results were not equal are refused.
"""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE, RESULTS = ROOT / "docs" / "benchmarks.md", ROOT / "out" / "bench.json"
HEADINGS = ("name", "size", "seconds", "baseline", "baseline, s", "ratio", "cores", "measured")
RULE = ("---", "---", "--:", "---", "--:", "--:", "--:", "---")
FIRST = "| " + " | ".join(HEADINGS) + " |"


def cells_of(row: dict[str, Any], day: str) -> tuple[str, ...]:
    """Return a row as the page shows it."""
    size, baseline = (_spelled(str(row[k])) for k in ("size", "baseline"))
    times = (_short(row["seconds"]), baseline, _short(row["baseline_seconds"]), f"{_short(row['ratio'])}×")
    return (str(row["name"]), size, *times, str(row["cores"]), day)


def _spelled(text: str) -> str:
    return re.sub(r"\d{4,}", lambda digits: f"{int(digits[0]):,}", text.replace(" x ", " × "))


def _short(number: float) -> str:
    """Return two digits, or all before the point."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def rewritten(page: str, rows: list[dict[str, Any]], day: str) -> str:
    """Return the page with the rows of every name that was run replaced, in their old place.

    Raises
    ------
    ValueError
        If the page has no table, or results of a row were not equal.
    """
    wrong = sorted({str(r["name"]) for r in rows if not r["results_equal"]})
    if wrong:
        raise ValueError(f"results differ from the baseline's: {', '.join(wrong)}. Mend them first.")
    before, found, rest = page.partition(FIRST + "\n")
    if not found:
        raise ValueError(f"the page has no table headed '{FIRST}'.")
    lines = rest.split("\n")
    end = next((k for k, line in enumerate(lines) if not line.startswith("|")), len(lines))
    kept = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[1:end]]
    names = list(dict.fromkeys([cells[0] for cells in kept] + [str(r["name"]) for r in rows]))
    new = {name: [cells_of(r, day) for r in rows if r["name"] == name] for name in names}
    old = {name: [cells for cells in kept if cells[0] == name] for name in names}
    table = [RULE, *(cells for name in names for cells in new[name] or old[name])]
    return before + found + "\n".join(["| " + " | ".join(cells) + " |" for cells in table] + lines[end:])


def main() -> int:
    """Rewrite the page."""
    if not RESULTS.exists():
        print("out/bench.json is missing: run `make bench` first.", file=sys.stderr)
        return 2
    day = datetime.fromtimestamp(RESULTS.stat().st_mtime, UTC).date().isoformat()
    try:
        page = rewritten(PAGE.read_text(encoding="utf-8"), json.loads(RESULTS.read_text("utf-8")), day)
    except ValueError as error:
        print(f"docs/benchmarks.md stays as it is: {error}", file=sys.stderr)
        return 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
