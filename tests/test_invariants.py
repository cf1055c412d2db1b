"""docs/invariants.md lists every law, and every law it lists is tested."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IN_DOCSTRING = re.compile(r'"""([A-Z]{2,5})-(\d+):')
IN_NAME = re.compile(r"def test_([a-z]{2,4})_(\d+)_")
ROW = re.compile(r"^\| ([A-Z]{2,4}-\d+) \|", re.MULTILINE)


def _tested() -> set[str]:
    texts = [p.read_text(encoding="utf-8") for p in sorted((ROOT / "tests").rglob("test_*.py"))]
    return {
        f"{family.upper()}-{number}"
        for text in texts
        for pattern in (IN_DOCSTRING, IN_NAME)
        for family, number in pattern.findall(text)
    }


def test_the_list_and_the_tests_name_the_same_laws() -> None:
    listed = ROW.findall((ROOT / "docs" / "invariants.md").read_text(encoding="utf-8"))
    assert len(listed) == len(set(listed)), "an id is listed twice"
    assert set(listed) == _tested()
