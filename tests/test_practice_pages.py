"""What docs/solver.md shows of the comparison with practice is what docs/practice.md says."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.practice.page import PAGE, SHORT, SHOWN, excerpt


def between_marks(page: Path, name: str) -> str:
    return (
        page.read_text(encoding="utf-8")
        .partition(f"<!-- {name} -->")[2]
        .partition(f"<!-- /{name} -->")[0]
        .strip()
    )


@pytest.mark.parametrize("name", SHOWN)
def test_excerpts_are_of_the_page(name: str) -> None:
    whole = between_marks(PAGE, name)
    shown = between_marks(SHORT, name)
    assert len(shown.splitlines()) > 2
    assert shown == excerpt(name, whole)
