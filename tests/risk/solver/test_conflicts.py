"""Limits that cannot be kept together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from risk.solver.conflicts import conflict
from risk.solver.program import Budget, Program, TailLimit, solve
from tests.risk.solver.test_program import programs


@given(program=programs())
def test_every_part_of_a_conflict_is_feasible(program: Program) -> None:
    """SOL-6: limits named as a conflict cannot be kept together, and can without any one of them."""
    program = replace(program, cuts=())  # cuts are no limits of anyone
    found = conflict(program)
    if found is None:
        assert solve(program).option is not None
        return
    assert found.names

    def keeping(names: set[str]) -> bool:
        tails = tuple(t for t in program.tails if t.name in names)
        budgets = tuple(b for b in program.budgets if b.name in names)
        chances = tuple(c for c in program.chances if c.name in names)
        return solve(replace(program, tails=tails, budgets=budgets, chances=chances)).option is not None

    assert not keeping(set(found.names))
    for name in found.names:
        assert keeping(set(found.names) - {name})
        assert found.relaxed[name] < np.inf


def test_the_nearest_relaxation() -> None:
    """Two options, one dear and one risky: either the budget rises to 3 or the tail to 20."""
    program = Program(
        np.array([0, 0]),
        np.ones(2),
        (TailLimit("tail", np.array([[5.0, 5.0], [20.0, 20.0]]), np.ones(2), 0.5, 10.0),),
        (Budget("budget", np.array([3.0, 1.0]), 2.0),),
    )
    found = conflict(program)
    assert found is not None
    assert set(found.names) == {"tail", "budget"}
    assert found.relaxed["budget"] == pytest.approx(3.0, rel=2e-3)
    assert found.relaxed["tail"] == pytest.approx(20.0, rel=2e-3)
