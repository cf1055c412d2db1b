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
    assert found.together is not None
    assert solve(given_way(program, found.together)).option is not None


def given_way(program: Program, to: dict[str, float]) -> Program:
    """The program with some limits at other values."""
    return replace(
        program,
        tails=tuple(replace(t, limit_usd=to.get(t.name, t.limit_usd)) for t in program.tails),
        budgets=tuple(replace(b, limit=to.get(b.name, b.limit)) for b in program.budgets),
        chances=tuple(c.limited(to.get(c.name, c.limit)) for c in program.chances),
    )


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


def test_limits_in_the_way_beside_a_conflict_give_way_too() -> None:
    """Two tails that no option keeps: each is a conflict of its own, and both must rise."""
    tails = [TailLimit(n, np.full((1, 2), at), np.ones(2), 0.5, 10.0) for n, at in (("a", 30.0), ("b", 20.0))]
    found = conflict(Program(np.array([0]), np.ones(1), tuple(tails)))
    assert found is not None
    assert len(found.names) == 1
    assert found.together == pytest.approx({"a": 30.0, "b": 20.0}, rel=2e-3)
