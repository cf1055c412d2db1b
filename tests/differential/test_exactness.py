"""The table of docs/exactness.md is the command's: every release, no difference, nothing claimed unrun."""

from __future__ import annotations

from collections import Counter

import pytest

from protocols.aave_v3.versions import RELEASES
from tests.differential import exactness
from tests.differential.exactness import (
    COMPARED_WITH,
    DOC,
    NOT_RUN,
    SPARK,
    parsed,
    rows,
    table,
    title,
    written,
)


@pytest.fixture
def document() -> str:
    return DOC.read_text(encoding="utf-8")


def test_every_release_stands_in_the_table_as_it_was_compared(document: str) -> None:
    found = parsed(document)
    run = [(title(row.release), row.compared_with, row.name) for row in rows()]
    assert [(r["release"], r["compared with"], r["trial"]) for r in found][: len(run)] == run
    assert {r["release"] for r in found} == {title(v) for v in (*RELEASES, SPARK)}
    without = {r["release"] for r in found if r["compared with"] == NOT_RUN}
    assert without == {title(v) for v in RELEASES if v not in COMPARED_WITH}


def test_what_was_run_has_figures_and_no_differences_and_the_rest_has_none(document: str) -> None:
    for row in parsed(document):
        figures = [row[name] for name in exactness.HEADER[3:]]
        if row["compared with"] == NOT_RUN:
            assert not any(figures)
            continue
        assert row["differences"] == "0"
        assert int(row["fields compared"].replace(",", "")) > 0
        if row["trial"] == "random accounts":
            liquidations = int(row["liquidations compared"].replace(",", ""))
            assert liquidations >= (1_000 if row["release"] != SPARK else 400)


def test_a_difference_is_counted_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    def differs(_: int) -> Counter[str]:
        raise AssertionError("one unit")

    cells = exactness.measured(exactness.Row("3.0", "a contract", "a trial", differs), 1)
    assert cells == ("Aave v3.0", "a contract", "a trial", "", "", "", "", "1")
    assert "one unit" in capsys.readouterr().err


def test_writing_the_table_keeps_the_prose_and_can_be_read_back(document: str) -> None:
    cells = [("Aave v3.0", "a contract", "a trial", "1", "2", "", "3", "0")]
    again = written(document, cells)
    assert [tuple(row.values()) for row in parsed(again)] == cells
    assert again.split(exactness.BEGIN)[0] == document.split(exactness.BEGIN)[0]
    assert again.split(exactness.END)[1] == document.split(exactness.END)[1]
    assert table(cells) in again
