"""Kept machine code goes when a source changes, and scenarios are split without loss."""

from __future__ import annotations

from pathlib import Path

import numba
import numpy as np
import pytest

from risk.engine.jit import drop_stale, over_scenarios


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "kernel.py").write_text("x = 1\n")
    (tmp_path / "__pycache__").mkdir()
    drop_stale(tmp_path)
    (tmp_path / "__pycache__" / "kernel.nbi").write_text("")
    (tmp_path / "__pycache__" / "kernel.1.nbc").write_text("")
    return tmp_path


def kept(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "__pycache__").glob("*.nb?"))


def test_machine_code_is_kept_while_no_source_changes(folder: Path) -> None:
    drop_stale(folder)
    assert kept(folder) == ["kernel.1.nbc", "kernel.nbi"]


def test_machine_code_goes_with_any_change(folder: Path) -> None:
    (folder / "another.py").write_text("y = 2\n")
    drop_stale(folder)
    assert kept(folder) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_every_scenario_is_visited_once(threads: int) -> None:
    before = numba.get_num_threads()
    numba.set_num_threads(min(threads, before))
    try:
        seen = np.zeros(37, dtype=np.int64)

        def visit(first: int, last: int, out: np.ndarray) -> None:  # type: ignore[type-arg]
            out[first:last] += 1

        over_scenarios(visit, 37, seen)
    finally:
        numba.set_num_threads(before)
    assert (seen == 1).all()
