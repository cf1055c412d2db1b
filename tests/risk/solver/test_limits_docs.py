"""docs/solver.md has every key of limits.toml, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from risk.solver.limits import EXAMPLE, KEYS, NAMED, Objective, template

PAGE = Path(__file__).parents[3] / "docs" / "solver.md"
SOLVER = ("objective", "relever", "keep", "migration")


def documented() -> Iterator[str]:
    """The keys in the first column of the tables under *Limits*; ``.key`` is of the table named before it."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## Limits\n")[2].partition("\n## ")[0]
    for line in section.splitlines():
        before = ""
        for name in re.findall(r"`([^`]+)`", line.split("|")[1]) if line.startswith("| `") else ():
            before = before.rpartition(".")[0] + name if name.startswith(".") else name
            yield before


def known() -> Iterator[str]:
    yield from (f"{section}.{name}" for section, keys in KEYS.items() for name in keys)
    yield from (f"{section}.{EXAMPLE[section]}.{name}" for section, keys in NAMED.items() for name in keys)
    yield from (f"solver.{name}" for name in SOLVER)
    yield "[pin]"


def test_every_key_has_a_row() -> None:
    assert set(documented()) == set(known())


def test_every_objective_has_a_row() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("\n## Objectives\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(map(str, Objective))


def test_the_template_has_every_key() -> None:
    written = template()
    for name in known():
        leaf = name.rpartition(".")[2]
        assert re.search(rf"^# ?{re.escape(leaf)} = |^\[pin\]$", written, re.MULTILINE), name
