"""The benchmark of the solver at size runs, small."""

from __future__ import annotations

import pytest

from benchmarks.bench_solver_size import GAP, STAGES, seconds_of
from benchmarks.solver_size import measured


@pytest.mark.verify
def test_every_stage_is_measured() -> None:
    """A process of its own solves a made market and tells the time and memory of each stage."""
    found = measured(400, 2_000)
    assert 0 <= found["gap"] <= GAP
    assert all(seconds_of(found, stages) > 0 for stages in STAGES.values())
    assert found["stages"][-1]["peak_mib"] >= found["stages"][0]["peak_mib"] > 0
    assert found["kept"]["bad_debt.cvar_usd (follow 0%)"] <= found["scenarios"]
