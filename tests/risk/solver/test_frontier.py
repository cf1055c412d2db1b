"""The frontier: its ends, what dominates what, and its files."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType

import pytest

from protocols.snapshot import Snapshot
from risk.cli.solve import frontier_files
from risk.scenarios.build import grid
from risk.solver.frontier import CURVES, NOW, RECOMMENDED, Point, frontier
from risk.solver.frontier_files import data, picture, table
from risk.solver.limits import read_limits
from risk.solver.recommend import Solution, recommend
from tests.risk.report import made

LIMITS = """
[tail]
level = 0.8
[solver]
relever = [0.0, 1.0]
keep = ["USDC", "LINK", "WBTC", "wstETH"]
[box]
threshold_bps = 200
threshold_step_bps = 100
ltv_bps = 200
"""


@pytest.fixture(scope="module")
def market() -> Snapshot:
    return made.market()


@pytest.fixture(scope="module")
def solution(market: Snapshot) -> Solution:
    return recommend(market, read_limits(LIMITS), grid("market=0:-40%:11", market))


@pytest.fixture(scope="module")
def points(solution: Solution) -> tuple[Point, ...]:
    return frontier(solution, 4)


def test_both_marks_and_both_curves_are_there(points: tuple[Point, ...], solution: Solution) -> None:
    assert [p.curve for p in points[:2]] == [NOW, RECOMMENDED]
    assert {p.curve for p in points[2:]} == set(CURVES)
    assert points[0].borrow_power_usd == solution.search.now.gain
    assert solution.search.best is not None
    assert points[1].borrow_power_usd == solution.search.best.gain
    assert points[0].changes == ()


def test_every_point_keeps_the_limit_it_was_found_under(points: tuple[Point, ...]) -> None:
    for point in points:
        name = {CURVES[0]: "avoidable_loss_cvar_usd", CURVES[1]: "bad_debt_cvar_usd"}.get(point.curve)
        if name is not None:
            assert point.limit_usd is not None
            assert getattr(point, name) <= point.limit_usd * (1 + 1e-9)


def test_more_tolerance_never_gives_less_borrowing_power(points: tuple[Point, ...]) -> None:
    for curve in CURVES:
        own = [p for p in points if p.curve == curve]
        for tight, loose in pairwise(own):
            assert tight.limit_usd is not None
            assert loose.limit_usd is not None
            assert tight.limit_usd <= loose.limit_usd
            slack = loose.exact_gap or 0.0
            assert loose.borrow_power_usd * (1 + slack + 2e-4) >= tight.borrow_power_usd


def test_efficient_is_what_no_other_point_beats(points: tuple[Point, ...]) -> None:
    for point in points:
        mine = (-point.borrow_power_usd, point.avoidable_loss_cvar_usd, point.bad_debt_cvar_usd)
        beaten = any(
            all(a <= b for a, b in zip(theirs, mine, strict=True)) and theirs != mine
            for theirs in (
                (-p.borrow_power_usd, p.avoidable_loss_cvar_usd, p.bad_debt_cvar_usd) for p in points
            )
        )
        assert point.efficient is not beaten


def test_files_say_the_same_and_are_the_same_bytes(points: tuple[Point, ...]) -> None:
    rows = list(csv.DictReader(io.StringIO(table(points))))
    said = data(points)
    assert len(rows) == len(said) == len(points)
    for row, other, point in zip(rows, said, points, strict=True):
        assert float(row["borrow_power_usd"]) == other["borrow_power_usd"] == point.borrow_power_usd
        assert row["limit_usd"] == ("" if point.limit_usd is None else repr(point.limit_usd))
    assert picture(points) == picture(points)
    assert picture(points).count("<svg") == 1
    files = frontier_files(points, {"seed": None})
    assert set(files) == {"frontier.csv", "frontier.json", "frontier.svg"}
    assert json.loads(files["frontier.json"])["data"] == json.loads(json.dumps(said))


def test_a_limit_that_nothing_keeps_leaves_its_points_out(solution: Solution) -> None:
    numbers = MappingProxyType({**solution.setting.limits.numbers, "liquidations.cvar_usd": 0.0})
    setting = replace(solution.setting, limits=replace(solution.setting.limits, numbers=numbers))
    got = frontier(replace(solution, setting=setting), 2)
    assert [p.curve for p in got] == [NOW, RECOMMENDED]
    assert all(math.isfinite(p.avoidable_loss_cvar_usd) for p in got)
