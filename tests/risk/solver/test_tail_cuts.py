"""Cuts on a CVaR against the CVaR of every choice."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from risk.solver.program import Program, TailLimit, solve
from risk.solver.tail_cuts import tail_cut
from tests.risk.solver.test_program import exhaustive, programs


@given(program=programs(), data=st.data())
def test_a_cut_holds_for_all_choices(program: Program, data: st.DataObject) -> None:
    """SOL-10: a cut on a CVaR is no greater than the CVaR of any choice, and equals it where it was made."""
    assume(program.tails)
    places = [np.flatnonzero(program.row == r).tolist() for r in range(program.rows)]
    tail, choices = program.tails[0], [np.array(c) for c in product(*places)]
    at = data.draw(st.sampled_from(choices))
    amount, cut = tail_cut(tail, np.isin(np.arange(len(program.row)), at).astype(float))
    assert amount == pytest.approx(tail.value(at), abs=1e-9)
    for other in choices:
        assert cut.cost[other].sum() - cut.constant <= tail.value(other) + 1e-9


def test_what_is_learned_serves_other_limits_only_of_the_same_losses() -> None:
    """Solving again under another limit, then with other losses, finds the best both times."""
    loss = np.array([[0.0, 10.0], [0.0, 40.0], [0.0, 0.0], [5.0, 30.0]])
    row, gain = np.array([0, 0, 1, 1]), np.array([0.0, 5.0, 0.0, 3.0])
    first = Program(row, gain, (TailLimit("t", loss, np.ones(2), 0.5, 45.0),))
    assert solve(first).gain == exhaustive(first) == 5.0
    assert first.tails[0].cuts.cuts
    wider = replace(first, tails=(replace(first.tails[0], limit_usd=75.0),))
    assert wider.tails[0].cuts is first.tails[0].cuts
    assert solve(wider).gain == exhaustive(wider) == 8.0
    tighter = replace(first, tails=(replace(first.tails[0], limit_usd=39.0),))
    assert solve(tighter).gain == exhaustive(tighter) == 0.0
    less = replace(first, tails=(replace(first.tails[0], loss_usd=loss / 2),))
    assert solve(less).gain == exhaustive(less) == 8.0


def test_a_program_of_thousands_of_scenarios() -> None:
    """Three rows of six options: the tail of 4,000 scenarios needs few of them in cuts."""
    rng = np.random.default_rng(3)
    row = np.repeat(np.arange(3), 6)
    loss = rng.pareto(2.5, (18, 4_000)) * (1 + np.tile(np.arange(6), 3))[:, None]
    gain = np.tile(np.arange(6.0), 3) + rng.random(18)
    tails = tuple(TailLimit(str(level), loss, np.ones(4_000), level, 60.0) for level in (0.9, 0.99))
    program = Program(row, gain, tails)
    got = solve(program, gap=0.0)
    assert got.gain == pytest.approx(exhaustive(program))
    assert 0 < got.kept["0.99"] < 1_000
