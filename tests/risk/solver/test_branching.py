"""Interval bounds of the sweep over boxes of choices, and branch and bound over them."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise, product
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.engine.arrays import IntArray
from risk.solver.additive import program_of, static_rules, tails_of
from risk.solver.branching import Boxes
from risk.solver.evaluate import Setting, grown, sweep_of
from risk.solver.intervals import Box, least_losses
from risk.solver.limits import read_limits
from risk.solver.losses import MEASURES, calls_of
from risk.solver.objectives import gains
from risk.solver.program import GAP
from risk.solver.search import Effort
from tests.risk.solver.small_markets import COLLATERALS, Case, case_of, factors, made, positions, scenarios_of

NAMES = ("WETH", "wstETH", "WBTC", "cbBTC", "USDC", "LINK", "GHO")
TEXT = """
[solver]
relever = {relever}
keep = {keep}
[tail]
level = 0.5
[box]
threshold_bps = {box}
threshold_step_bps = {step}
ltv_bps = {box}
bonus_bps = {bonus}
bonus_step_bps = 100
[calls]
delay_s = {delay_s}
reference_cost_bps = {cost_bps}
[new_position]
probability = 1.0
[avoidable_loss]
cvar_usd = {avoidable}
[bad_debt]
cvar_usd = {bad_debt}
"""
KINDS = ("avoidable_loss.cvar_usd", "bad_debt.cvar_usd")
ROUNDING = 1e-9
MOVING = COLLATERALS[:3]
ALL = 1_000  # boxes: more than a drawn market has


@st.composite
def free_cases(draw: st.DrawFn, box: int = 400, step: int = 200) -> Case:
    """Draw a market whose accounts are mostly under several rows, limits far off."""
    text = TEXT.format(
        relever=draw(st.sampled_from([[0.0], [1.0], [0.0, 0.5]])),
        keep=[n for i, n in enumerate(NAMES) if i not in (*MOVING, 6)] + ["emode:1"],
        box=box,
        step=step,
        bonus=draw(st.sampled_from([0, 100])) if box > step else 0,
        delay_s=draw(st.sampled_from([0, 3_600])),
        cost_bps=draw(st.sampled_from([0, 30, 300])),
        avoidable=1e15,
        bad_debt=1e15,
    )
    snapshot = made(draw(positions(MOVING)))
    return case_of(snapshot, scenarios_of(snapshot, *draw(factors())), read_limits(text))


def check_bounds(case: Case, seed: int, share: float) -> None:
    """No choice of a drawn box loses less than its bound; alone in a box it loses just that."""
    setting, rng = case.setting, np.random.default_rng(seed)
    chosen = _random(setting, rng)
    inside = rng.random(len(setting.menu.options)) < share
    inside[chosen] = True
    alone = np.zeros_like(inside)
    alone[chosen] = True
    for relever in setting.limits.relever:
        swept = sweep_of(setting, chosen, [grown(setting, chosen, relever)])[0]
        for box in (inside, alone):
            for measure, least in _least(setting, chosen, relever, Box(box)).items():
                exact = getattr(swept, measure)
                room = ROUNDING * max(1.0, float(exact.max()))
                assert (least <= exact + room).all(), measure
                if box is alone:
                    assert least == pytest.approx(exact, rel=ROUNDING, abs=room), measure


def _least(setting: Setting, chosen: IntArray, relever: float, box: Box) -> dict[str, np.ndarray]:
    boxes = Boxes(setting, (), GAP)
    calls, options = calls_of(setting.limits, setting.scenarios), setting.menu.row_options(relever)
    found = [least_losses(setting.accounts, o, f, options, calls, box) for o, f in boxes.paths]
    assert not any(getattr(one, m)[~box.inside].any() for one in found for m in MEASURES)
    return {m: np.concatenate([getattr(b, m)[chosen].sum(axis=0) for b in found]) for m in MEASURES}


def _random(setting: Setting, rng: np.random.Generator) -> IntArray:
    return np.array([rng.integers(a, b) for a, b in pairwise(setting.menu.first)])


@st.composite
def limited_cases(draw: st.DrawFn) -> Case:
    """Draw a market with limits that part of the choices of its menu keep, all but a few or only a few."""
    free = draw(free_cases(300, 300))
    numbers = dict(free.setting.limits.numbers)
    for kind in draw(st.sampled_from([KINDS[:1], KINDS[1:], KINDS])):
        worst = [max(a.value for a in one.amounts if a.name == kind) for one in free.choices]
        at = draw(st.sampled_from([0.2, 0.4, 0.6, 0.8]))
        numbers[kind] = float(np.quantile(worst, at, method="lower")) * 1.000_01 + 1.0
    limits = replace(free.setting.limits, numbers=MappingProxyType(numbers))
    return Case(replace(free.setting, limits=limits), free.losses, free.single)


def check_branching(case: Case, boxes: int) -> None:
    """No choice that keeps the limits gains more than is left, and all boxes leave just the best."""
    setting, best = case.setting, max((a.gain for a in case.kept), default=-math.inf)
    relaxed = replace(
        program_of(setting, case.losses),
        gain=gains(setting, setting.limits.objective, case.single),
        tails=tails_of(setting, case.single),
        budgets=static_rules(setting),
    )
    bound = Boxes(setting, case.single, GAP).bound(relaxed, lambda gain: gain > -math.inf, boxes)
    assert bound >= best - ROUNDING * abs(best)
    if boxes == ALL:
        assert bound <= best + 2 * GAP * abs(best)
    found = case.search(Effort(attempts=1, realised=False))
    assert found.exact_bound >= best - ROUNDING * abs(best)


CASES, SEEDS = free_cases(), st.integers(0, 2**32 - 1)
SHARES, BOXES = st.sampled_from([0.2, 0.5, 1.0]), st.sampled_from([1, 2, 3, 5, 9, ALL, ALL])


@settings(max_examples=10)
@given(case=CASES, seed=SEEDS, share=SHARES)
def test_no_choice_of_a_box_loses_less_than_its_bound(case: Case, seed: int, share: float) -> None:
    """SOL-25: no choice of a box loses less than its bound; in a box of one choice they are equal."""
    check_bounds(case, seed, share)


@settings(max_examples=5)
@given(case=limited_cases(), boxes=BOXES)
def test_no_box_that_holds_a_better_choice_is_thrown_away(case: Case, boxes: int) -> None:
    """SOL-26: what boxes promise is no less than the best choice within the limits, and at last just that."""
    check_branching(case, boxes)


@pytest.mark.verify
@settings(max_examples=80)
@given(case=CASES, seed=SEEDS, share=SHARES)
def test_bounds_on_many_markets(case: Case, seed: int, share: float) -> None:
    check_bounds(case, seed, share)


@pytest.mark.verify
@settings(max_examples=15)
@given(case=limited_cases(), boxes=BOXES)
def test_branching_on_many_markets(case: Case, boxes: int) -> None:
    check_branching(case, boxes)


def test_every_choice_of_a_small_box() -> None:
    """By trying everything: an account of three collaterals, whose avoidable loss is not monotone."""
    book = [("0x" + "1" * 40, 0, {0: 100.0, 1: 100.0, 2: 3.0}, {4: 700_000.0})]
    snapshot = made(book)
    rng = np.random.default_rng(4)
    fair = np.ones((40, 3, 7))
    fair[:, :, :3] = rng.uniform(0.6, 1.0, (40, 3, 1)) * rng.uniform(0.9, 1.1, (40, 3, 3))
    names = [n for i, n in enumerate(NAMES) if i not in (*MOVING, 6)] + ["emode:1"]
    free = {"avoidable": 1e15, "bad_debt": 1e15}
    text = TEXT.format(relever=[0.0], keep=names, box=400, step=200, bonus=0, delay_s=0, cost_bps=30, **free)
    case = case_of(snapshot, scenarios_of(snapshot, 0.97 * fair, fair, np.ones(40)), read_limits(text))
    setting, menu = case.setting, case.setting.menu
    box = Box(np.ones(len(menu.options), dtype=np.bool_))
    tight = 0
    for chosen in product(*(range(a, b) for a, b in pairwise(menu.first))):
        picked = np.array(chosen)
        swept = sweep_of(setting, picked, [setting.accounts])[0]
        for measure, least in _least(setting, picked, 0.0, box).items():
            exact = getattr(swept, measure)
            assert (least <= exact * (1 + ROUNDING) + 1e-6).all()
            tight += int(((least > 0) & (least >= 0.9 * exact)).sum())
    assert tight  # the bounds say something
