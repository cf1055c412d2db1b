"""A recommendation on draws it was not made on, judged by the engine, and with any single change undone."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from protocols.snapshot import Snapshot
from risk.scenarios.fhs import filtered, shipped_fhs
from risk.scenarios.scenarios import Scenarios
from risk.solver.attempt import attempt
from risk.solver.evaluate import Setting
from risk.solver.limits import Limits, read_limits
from risk.solver.losses import losses_of
from risk.solver.menu import menu_of
from risk.solver.search import Effort, search
from risk.solver.settle import numbers_of, undone
from tests.risk.report import made

DAY_S = 86_400
MARGIN = 0.9  # of each limit is what the choice is held to: tails of different draws are a tenth apart
LIMITS = """
[solver]
relever = [0.0]
[tail]
level = 0.95
[box]
threshold_bps = 300
threshold_step_bps = 100
ltv_bps = 300
"""
LIMITED = ("avoidable_loss.cvar_usd", "liquidations.cvar_usd")


def drawn(snapshot: Snapshot, count: int, seed: int) -> Scenarios:
    return filtered(shipped_fhs(), snapshot, scenarios=count, horizon_s=DAY_S, seed=seed, start="stressed")


def limited(limits: Limits, numbers: dict[str, float], share: float) -> Limits:
    named = {name: share * value for name, value in numbers.items()}
    return replace(limits, numbers=MappingProxyType({**limits.numbers, **named}))


@pytest.mark.verify
def test_limits_hold_on_fresh_draws_and_no_change_is_superfluous() -> None:
    market, free = made.market(), read_limits(LIMITS)
    menu = menu_of(market, free)
    design, fresh = drawn(market, 8_000, 41), drawn(market, 8_000, 42)
    now = attempt(Setting(market, menu, design, free), menu.current)
    tolerated = {n: max(a.value for a in now.amounts if a.name == n) for n in LIMITED}
    held = Setting(market, menu, design, limited(free, tolerated, MARGIN))
    found = search(held, losses_of(market, menu, design, held.limits), effort=Effort(attempts=12)).best
    assert found is not None
    assert (found.chosen != menu.current).any()

    judge = replace(held, scenarios=fresh, limits=limited(free, tolerated, 1.0))
    again = attempt(judge, found.chosen)
    assert {a.model for a in again.amounts if a.name in LIMITED} >= {"engine"}
    assert again.kept

    for row in range(len(menu.rows)):
        for option in undone(menu, numbers_of(menu), row, int(found.chosen[row])):
            trial = found.chosen.copy()
            trial[row] = option
            other = attempt(held, trial)
            assert not other.kept or other.gain < found.gain
