"""The table of docs/benchmarks.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import page
from benchmarks.page import FIRST, HEADINGS, PAGE, rewritten

OLD = f"""# Benchmarks

Text before.

{FIRST}
| --- | --- | --: | --- | --: | --: | --: | --- |
| kept | 10 accounts | 1.0 | loop | 2.0 | 2.0× | 2 | 2026-01-01 |
| again | 5 accounts | 9.0 | loop | 9.0 | 1.0× | 2 | 2026-01-01 |
| again | 50 accounts | 9.0 | loop | 9.0 | 1.0× | 2 | 2026-01-01 |
| last | 1 account | 1.0 | loop | 1.0 | 1.0× | 2 | 2026-01-01 |

Text after.
"""


def row(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "size": "7000 accounts x 3 paths",
        "seconds": 0.01234,
        "baseline": "loop, 2 x slower",
        "baseline_seconds": 25.4,
        "ratio": 2058.3,
        "results_equal": True,
        "cores": 4,
        **more,
    }


def test_rows_run_again_are_replaced_and_others_stay() -> None:
    got = rewritten(OLD, [row("again"), row("new", baseline_seconds=0.5)], "2026-02-02").split("\n")
    shown = "7,000 accounts × 3 paths | 0.012 | loop, 2 × slower"
    again = f"| again | {shown} | 25 | 2,058× | 4 | 2026-02-02 |"
    new = f"| new | {shown} | 0.5 | 2,058× | 4 | 2026-02-02 |"
    old = OLD.split("\n")
    assert got == [*old[:7], again, old[9], new, *old[10:]]


def test_without_rows_nothing_changes() -> None:
    assert rewritten(OLD, [], "2026-02-02") == OLD


def test_unequal_results_and_a_page_without_a_table_are_refused() -> None:
    with pytest.raises(ValueError, match="results differ from the baseline's: again"):
        rewritten(OLD, [row("new"), row("again", results_equal=False)], "2026-02-02")
    with pytest.raises(ValueError, match="the page has no table"):
        rewritten("# Benchmarks\n", [row("again")], "2026-02-02")


def test_the_page_is_a_table_of_these_columns() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert rewritten(text, [], "2026-02-02") == text
    rows = [line for line in text.split("\n") if line.startswith("|")]
    assert {line.count("|") for line in rows} == {len(HEADINGS) + 1}


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results, target = tmp_path / "bench.json", tmp_path / "benchmarks.md"
    target.write_text(OLD, encoding="utf-8")
    monkeypatch.setattr(page, "RESULTS", results)
    monkeypatch.setattr(page, "PAGE", target)
    assert page.main() == 2
    assert "make bench" in capsys.readouterr().err
    results.write_text(json.dumps([row("kept", results_equal=False)]), encoding="utf-8")
    assert page.main() == 1
    assert target.read_text(encoding="utf-8") == OLD
    results.write_text(json.dumps([row("kept")]), encoding="utf-8")
    assert page.main() == 0
    assert "| kept | 7,000 accounts × 3 paths |" in target.read_text(encoding="utf-8")
