"""Laws of the search (SOL): every choice of small markets is judged, and none beats what is found."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.engine.arrays import IntArray
from risk.solver.attempt import Attempt, attempt
from risk.solver.evaluate import Setting
from risk.solver.limits import read_limits
from risk.solver.program import GAP
from risk.solver.search import SLACK, Effort
from tests.risk.solver.small_markets import (
    COLLATERALS,
    Case,
    case_of,
    factors,
    made,
    positions,
    scenarios_of,
)

NAMES = ("WETH", "wstETH", "WBTC", "cbBTC", "USDC", "LINK", "GHO")
TEXT = """
[solver]
relever = {relever}
keep = {keep}
objective = {objective}
[objective]
tolerance = {tolerance}
[tail]
level = {level}
[box]
threshold_bps = 100
threshold_step_bps = 100
ltv_bps = {ltv_bps}
bonus_bps = {bonus_bps}
bonus_step_bps = 100
supply_cap_pct = {cap_pct}
supply_cap_step_pct = 40
[new_position]
probability = {new_position}
"""
KINDS = (
    "bad_debt.cvar_usd",
    "avoidable_loss.cvar_usd",
    "avoidable_loss.per_collateral.WETH.cvar_usd",
    "bad_debt.per_reserve.USDC.cvar_usd",
    "liquidations.cvar_usd",
    "liquidations.quantile_usd",
    "bad_debt.probability",
    "enactment.usd",
    "cap_fill.usd",
)
OBJECTIVES = (
    ("borrow_power",),
    ("borrow_power_with_headroom",),
    ("penalised_harm",),
    ("least_change",),
    ("borrow_power", "penalised_harm"),
    ("penalised_harm", "least_change"),
)
ROUNDING = 1e-9


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a market and limits on what a choice of its menu comes to, some below it and some above."""
    wide = draw(st.booleans()) and draw(st.booleans())  # one row with bonuses and a cap, instead of several
    moving = COLLATERALS[: 1 if wide else draw(st.sampled_from([2, 2, 3, 3, 3, 4]))]
    snapshot = made(draw(positions(moving)))
    text = TEXT.format(
        relever=draw(st.sampled_from([[0.0], [0.0, 1.0], [0.0, 0.5, 1.0]])),
        keep=[n for i, n in enumerate(NAMES) if i not in (*moving, 6)] + ["emode:1"],
        objective=list(draw(st.sampled_from(OBJECTIVES))),
        tolerance=draw(st.sampled_from([0.0, 0.002, 0.02])),
        level=draw(st.sampled_from([0.0, 0.5, 0.8])),
        ltv_bps=draw(st.sampled_from([0, 100, 300])),
        bonus_bps=100 if wide else 0,
        cap_pct=40 if wide else 0,
        new_position=draw(st.sampled_from([1.0, 1.0, 0.3, 0.1])),
    )
    scenarios = scenarios_of(snapshot, *draw(factors()))
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3, unique=True))
    size = draw(st.sampled_from([1e3, 1e5, 1e6]))
    sized = (
        f"[bad_debt]\nsize_usd = {size}\nprobability = 0.999999\n" if "bad_debt.probability" in kinds else ""
    )
    named = "".join(f"[{k.removesuffix('.cvar_usd')}]\ncvar_usd = 1e15\n" for k in kinds if ".per_" in k)
    free = case_of(snapshot, scenarios, read_limits(text + sized + named))
    return _limited(draw, free, kinds)


def _limited(draw: st.DrawFn, free: Case, kinds: list[str]) -> Case:
    """Return the case with limits a share of what a drawn choice comes to, so that some choices keep them."""
    menu = free.setting.menu
    seed = draw(st.integers(0, 2**32 - 1))
    chosen = _random(free.setting, np.random.default_rng(seed))
    found = attempt(free.setting, chosen, realised=False)
    numbers = dict(free.setting.limits.numbers)
    for kind in kinds:
        value = max((a.value for a in found.amounts if a.name == kind), default=numbers.get(kind, math.inf))
        share = draw(st.sampled_from([0.0, 0.7, 0.9, 0.98, 1.001, 1.05, 1.3]))
        numbers[kind] = min(share * value, 1.0) if kind.endswith("probability") else share * value
    limits = replace(free.setting.limits, numbers=MappingProxyType(numbers))
    assert menu is free.setting.menu  # no limit drawn here changes the menu
    return Case(replace(free.setting, limits=limits), free.losses, free.single)


def _random(setting: Setting, rng: np.random.Generator) -> IntArray:
    first = setting.menu.first
    return np.array([rng.integers(a, b) for a, b in pairwise(first)])


def least(value: float, gap: float = GAP) -> float:
    """Return what is as good as a value up to the gap of the search."""
    return value - gap * (1 + GAP) * abs(value) - 1e-6


def check_best(case: Case) -> None:
    found = case.search()
    assert not found.stopped
    if not case.kept:
        assert found.best is None
        return
    assert found.best is not None
    assert found.best.kept
    here = next(a for a in case.choices if (a.chosen == found.best.chosen).all())
    assert here.values == pytest.approx(found.best.values, rel=ROUNDING)
    tolerance = max(case.setting.limits["objective.tolerance"], SLACK)
    allowed: list[Attempt] = case.kept
    for place in range(len(case.setting.limits.objectives)):
        best = max(a.values[place] for a in allowed)
        given_up = 0.0 if place == len(case.setting.limits.objectives) - 1 else tolerance
        assert found.best.values[place] >= least(best - given_up * abs(best))
        allowed = [a for a in allowed if a.values[place] >= best - tolerance * abs(best)]


def check_bounds(case: Case, attempts: int) -> None:
    found = case.search(Effort(attempts=attempts, realised=False))
    best = max((a.gain for a in case.kept), default=-math.inf)
    assert found.exact_bound >= best - ROUNDING * abs(best) - 1e-6
    if found.best is not None:
        assert found.best.kept


def check_never_worse(case: Case, attempts: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    starts = [_random(case.setting, rng) for _ in range(2)]
    alternatives = [case.setting.menu.current, *starts]
    single = replace(case.setting.limits, objectives=case.setting.limits.objectives[:1])
    case = Case(replace(case.setting, limits=single), case.losses, case.single)
    effort = Effort(attempts=attempts, realised=False)
    judged = {a.chosen.tobytes(): a for a in case.choices}
    patient = case.search()
    for found, those in (
        (case.search(effort, starts), alternatives),
        (patient, [*_single_changes(case.setting), _greedy(case, judged)]),
    ):
        kept = [a for a in (judged[c.tobytes()] for c in those) if a.kept]
        if kept:
            assert found.best is not None
            assert found.best.gain >= least(max(a.gain for a in kept), 0 if found is not patient else GAP)


def _single_changes(setting: Setting) -> list[IntArray]:
    out = []
    for k, row in enumerate(setting.menu.row.tolist()):
        chosen = setting.menu.current.copy()
        chosen[row] = k
        out.append(chosen)
    return out


def _greedy(case: Case, judged: dict[bytes, Attempt]) -> IntArray:
    """Return what one row after the other finds, each with all before it moved."""
    here = case.setting.menu.current.copy()
    for row in range(len(case.setting.menu.rows)):
        best = judged[here.tobytes()]
        for k in range(case.setting.menu.first[row], case.setting.menu.first[row + 1]):
            trial = here.copy()
            trial[row] = k
            other = judged[trial.tobytes()]
            if other.kept and (not best.kept or other.gain > best.gain):
                best = other
        here = best.chosen
    return here


FEW = settings(max_examples=3)
ATTEMPTS, SEEDS = st.integers(0, 6), st.integers(0, 2**32 - 1)


@FEW
@given(case=cases())
def test_nothing_better_is_found_by_trying_everything(case: Case) -> None:
    """SOL-13: a finished search finds the best choice within all limits, or that there is none."""
    check_best(case)


@FEW
@given(case=cases(), attempts=ATTEMPTS)
def test_no_choice_beats_the_bound(case: Case, attempts: int) -> None:
    """SOL-14: however early a search is stopped, no choice within the limits beats its exact bound."""
    check_bounds(case, attempts)


@FEW
@given(case=cases(), attempts=ATTEMPTS, seed=SEEDS)
def test_never_worse_than_a_start_or_one_change(case: Case, attempts: int, seed: int) -> None:
    """SOL-15: a search never ends worse than a start, a finished one than one change or greed."""
    check_never_worse(case, attempts, seed)


@pytest.mark.verify
@settings(max_examples=40)
@given(case=cases(), attempts=ATTEMPTS, seed=SEEDS)
def test_all_of_it_on_many_markets(case: Case, attempts: int, seed: int) -> None:
    check_best(case)
    check_bounds(case, attempts)
    check_never_worse(case, attempts, seed)
