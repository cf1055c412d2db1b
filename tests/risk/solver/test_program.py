"""The joint choice against trying everything."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from risk.engine.arrays import FloatArray
from risk.solver.program import Budget, ChanceLimit, Program, TailLimit, solve, value

amount = st.integers(0, 50).map(float)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    row = np.repeat(np.arange(len(sizes)), sizes)
    options, scenarios = len(row), draw(st.integers(1, 8))

    def numbers(count: int) -> FloatArray:
        return np.array(draw(st.lists(amount, min_size=count, max_size=count)))

    tails = tuple(
        TailLimit(
            f"tail {k}",
            numbers(options * scenarios).reshape(options, scenarios),
            1 + numbers(scenarios),
            draw(st.sampled_from([0.0, 0.5, 0.9, 0.99])),
            draw(st.integers(0, 150)) + 0.5,  # no choice lies on the limit
            draw(st.sampled_from([0.0, 0.0, 20.0, 300.0])),
        )
        for k in range(draw(st.integers(0, 2)))
    )
    budgets = tuple(
        Budget("budget", numbers(options), draw(st.integers(0, 100)) + 0.5)
        for _ in range(draw(st.integers(0, 1)))
    )
    cuts = tuple(
        np.array(sorted(draw(st.sets(st.integers(0, options - 1), min_size=1))))
        for _ in range(draw(st.integers(0, 2)))
    )
    chances = tuple(
        ChanceLimit(
            "chance",
            numbers(options * scenarios).reshape(options, scenarios),
            1 + numbers(scenarios),
            draw(st.integers(0, 150)) + 0.5,
            draw(st.sampled_from([0.0, 0.1234, 0.5678])),
            draw(st.booleans()),
        )
        for _ in range(draw(st.integers(0, 1)))
    )
    return Program(row, numbers(options), tails, budgets, cuts, chances)


def exhaustive(program: Program) -> float:
    """The best gain of all choices, -inf if none is allowed."""
    places = [np.flatnonzero(program.row == r) for r in range(program.rows)]
    limits = {t.name: t.limit_usd for t in program.tails} | {b.name: b.limit for b in program.budgets}
    limits |= {c.name: c.probability for c in program.chances}
    best = -np.inf
    for chosen in product(*places):
        option = np.array(chosen)
        amounts = value(program, option)
        if any(set(chosen) <= set(cut.tolist()) for cut in program.cuts):
            continue
        if all(amounts[name] <= limit for name, limit in limits.items()):
            best = max(best, float(program.gain[option].sum()))
    return best


@given(program=programs())
def test_no_choice_is_better(program: Program) -> None:
    """SOL-3: exhaustive search finds no better choice within the limits, and the bound holds."""
    got = solve(program, gap=0.0)
    best = exhaustive(program)
    if got.option is None:
        assert best == -np.inf
        return
    assert got.gain == pytest.approx(best)
    assert got.bound >= best - 1e-6
    amounts = value(program, got.option)
    for tail in program.tails:
        assert amounts[tail.name] <= tail.limit_usd + 1e-6
        assert got.kept[tail.name] <= got.scenarios[tail.name]
    for chance in program.chances:
        assert amounts[chance.name] <= chance.probability


def test_only_the_tail_is_looked_at() -> None:
    """Of 1,000 scenarios in order of loss, at 99 % only the last ones stand in a cut."""
    loss = np.vstack([np.linspace(0, 100, 1000), np.linspace(0, 101, 1000)])
    program = Program(
        np.array([0, 0]), np.array([1.0, 2.0]), (TailLimit("bad debt", loss, np.ones(1000), 0.99, 100.0),)
    )
    got = solve(program)
    assert 0 < got.kept["bad debt"] < 25
    assert got.gain == 1.0


@pytest.mark.parametrize(
    ("program", "named"),
    [
        (Program(np.array([0, 2]), np.ones(2)), "rows"),
        (Program(np.array([0]), np.array([np.nan])), "gain"),
        (
            Program(np.array([0]), np.ones(1), (TailLimit("t", np.ones((1, 2)), np.ones(2), 1.0, 1.0),)),
            "level 1.0",
        ),
        (Program(np.array([0]), np.ones(1), (), (Budget("b", np.ones(2), 1.0),)), "b has 2"),
    ],
)
def test_bad_programs(program: Program, named: str) -> None:
    with pytest.raises(InputError, match=named):
        solve(program)
