"""The search on a made market: gaps closed against trying everything, objectives, what settling promises."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from types import MappingProxyType

import numpy as np
import pytest

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.scenarios.build import grid
from risk.scenarios.scenarios import Scenarios
from risk.solver.additive import program_of
from risk.solver.attempt import Attempt, attempt
from risk.solver.cuts import alone
from risk.solver.evaluate import Setting
from risk.solver.limits import Limits, Objective, read_limits
from risk.solver.losses import Losses, losses_of
from risk.solver.menu import menu_of
from risk.solver.objectives import debt_behind, gains, value
from risk.solver.program import solve
from risk.solver.recommend import recommend
from risk.solver.relaxation import single_row_losses
from risk.solver.search import Effort, Search, search
from risk.solver.settle import numbers_of, undone
from tests.risk.report import made

BASE = """
[tail]
level = 0.8
[box]
threshold_bps = 100
threshold_step_bps = 100
ltv_bps = 100
"""
SWEEP = Effort(attempts=100, realised=False)
KEEP = "keep = ['USDC', 'LINK', 'WBTC', 'wstETH']\n"


@pytest.fixture(scope="module")
def market() -> Snapshot:
    return made.market()


@pytest.fixture(scope="module")
def falls(market: Snapshot) -> Scenarios:
    return grid("market=0:-40%:21", market)


class Case:
    """A setting with its losses, and every choice on the menu judged."""

    def __init__(self, market: Snapshot, falls: Scenarios, text: str) -> None:
        tolerated = read_limits(BASE + text)
        self.setting = Setting(market, menu_of(market, tolerated), falls, tolerated)
        self.losses = losses_of(market, self.setting.menu, falls, tolerated)
        self.single = single_row_losses(self.setting)

    def under(self, **numbers: float) -> Case:
        """The same with other numbers as limits; ``bad_debt__cvar_usd`` names ``bad_debt.cvar_usd``."""
        other = object.__new__(Case)
        named = {k.replace("__", "."): v for k, v in numbers.items()}
        limits: Limits = self.setting.limits
        limits = replace(limits, numbers=MappingProxyType({**limits.numbers, **named}))
        other.setting = replace(self.setting, limits=limits)
        other.losses, other.single = self.losses, self.single
        return other

    def search(self, effort: Effort = SWEEP) -> Search:
        return search(self.setting, self.losses, effort=effort, single=self.single)

    def all(self) -> list[Attempt]:
        menu = self.setting.menu
        ranges = [range(menu.first[r], menu.first[r + 1]) for r in range(len(menu.rows))]
        return [attempt(self.setting, np.array(c), realised=False) for c in product(*ranges)]


@pytest.fixture(scope="module")
def case(market: Snapshot, falls: Scenarios) -> Case:
    return Case(market, falls, "[solver]\n" + KEEP)


def amount(found: Attempt, name: str) -> float:
    return max(a.value for a in found.amounts if a.name == name)


@pytest.mark.parametrize(
    "share",
    [0.97, *(pytest.param(s, marks=pytest.mark.verify) for s in (0.9, 0.99, 1.0, 1.02, 1.05))],
)
@pytest.mark.parametrize("name", ["avoidable_loss.cvar_usd", "bad_debt.cvar_usd", "liquidations.cvar_usd"])
def test_both_gaps_close_on_the_best_of_all_choices(case: Case, name: str, share: float) -> None:
    now = amount(attempt(case.setting, case.setting.menu.current, realised=False), name)
    tight = case.under(**{name.replace(".", "__"): share * now})
    best = max((a.gain for a in tight.all() if a.kept), default=-np.inf)
    found = tight.search()
    assert not found.stopped
    assert found.exact_bound >= best - 1e-6
    if found.best is None:
        assert best == -np.inf
        return
    assert found.best.kept
    assert found.best.gain == pytest.approx(best, rel=2e-4)
    assert found.exact_bound <= found.best.gain * (1 + 1.1e-4)


def test_running_out_is_said_and_the_bound_still_holds(case: Case) -> None:
    now = attempt(case.setting, case.setting.menu.current, realised=False)
    tight = case.under(avoidable_loss__cvar_usd=0.97 * amount(now, "avoidable_loss.cvar_usd"))
    best = max((a.gain for a in tight.all() if a.kept), default=-np.inf)
    found = tight.search(Effort(attempts=1, realised=False))
    assert len(found.attempts) == 1
    assert found.exact_bound >= best - 1e-6
    none = tight.search(Effort(attempts=5, seconds=0.0, realised=False))
    assert none.stopped
    assert none.attempts == ()


def test_a_choice_is_cut_off_alone(case: Case) -> None:
    """The set of one choice holds the row of the losses as things are: the next solution is another."""
    program = program_of(case.setting, case.losses)
    first = solve(program).option
    assert first is not None
    chosen = first[: len(case.setting.menu.rows)]
    second = solve(replace(program, cuts=(alone(program, chosen),))).option
    assert second is not None
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    "share", [pytest.param(0.97, marks=pytest.mark.verify), 1.0, pytest.param(1.1, marks=pytest.mark.verify)]
)
def test_undoing_any_change_breaks_a_limit_or_costs(case: Case, share: float) -> None:
    now = attempt(case.setting, case.setting.menu.current, realised=False)
    tight = case.under(avoidable_loss__cvar_usd=share * amount(now, "avoidable_loss.cvar_usd"))
    found = tight.search().best
    if found is None:
        return
    menu = tight.setting.menu
    for row in range(len(menu.rows)):
        for option in undone(menu, numbers_of(menu), row, int(found.chosen[row])):
            trial = found.chosen.copy()
            trial[row] = option
            other = attempt(tight.setting, trial, realised=False)
            assert not other.kept or other.gain < found.gain


def test_the_second_objective_chooses_among_the_best_of_the_first(market: Snapshot, falls: Scenarios) -> None:
    text = f"[solver]\n{KEEP}objective = ['borrow_power', 'penalised_harm']\n[objective]\ntolerance = 0.002\n"
    case = Case(market, falls, text)
    found = case.search(Effort(attempts=200, realised=False))
    assert found.best is not None
    everything = [a for a in case.all() if a.kept]
    first = max(a.values[0] for a in everything)
    second = max(a.values[1] for a in everything if a.values[0] >= first * (1 - 0.002) - 1e-6)
    assert found.best.values[0] >= first * (1 - 0.002) * (1 - 2e-4)
    assert found.best.values[1] >= second - 3e-4 * abs(second)
    assert [o.objective for o in found.optima] == [Objective.BORROW_POWER, Objective.PENALISED_HARM]


def test_penalised_harm_is_borrowing_power_less_expected_losses(case: Case) -> None:
    heavy = case.under(objective__avoidable_weight=3.0, objective__bad_debt_weight=2.0)
    setting, chosen = heavy.setting, heavy.setting.menu.current
    worth = value(setting, Objective.PENALISED_HARM, chosen)
    losses: tuple[Losses, ...] = heavy.losses
    weight = setting.scenarios.weight / setting.scenarios.weight.sum()
    mean = [
        3 * part.swept.now.avoidable_usd @ weight + 2 * part.swept.now.bad_debt_usd @ weight
        for part in losses
    ]
    assert worth == pytest.approx(value(setting, Objective.BORROW_POWER, chosen) - np.mean(mean))
    # As things are, the additive model is exact.
    option = np.append(chosen, len(setting.menu.options))
    assert gains(setting, Objective.PENALISED_HARM, losses)[option].sum() == pytest.approx(worth)


def test_revenue_follows_debt_behind_the_row(market: Snapshot, falls: Scenarios) -> None:
    """5 % a year, a tenth for the treasury: today's revenue is 0.5 % of the debt behind the rows."""
    earning = tuple(replace(r, variable_borrow_rate_ray=5 * 10**25) for r in market.reserves)
    case = Case(replace(market, reserves=earning), falls, "[solver]\nobjective = 'revenue'\n" + KEEP)
    setting, menu = case.setting, case.setting.menu
    behind = debt_behind(setting).sum(axis=1)
    assert behind.sum() <= setting.total_debt_usd * (1 + 1e-12)
    gain = gains(setting, Objective.REVENUE)
    assert gain[menu.current] == pytest.approx(0.005 * behind)
    for k, option in enumerate(menu.options):
        now = menu.options[menu.current[menu.row[k]]]
        rise = option.parameters.ltv_bps / now.parameters.ltv_bps if now.parameters.ltv_bps else 1.0
        assert gain[k] == pytest.approx(0.005 * behind[menu.row[k]] * rise)
    assert case.search().best is not None


def test_no_revenue_is_no_objective(market: Snapshot, falls: Scenarios) -> None:
    still = tuple(replace(r, variable_borrow_rate_ray=0) for r in market.reserves)
    tolerated = read_limits(BASE + "[solver]\nobjective = 'revenue'\n")
    begun: list[str] = []
    with pytest.raises(InputError, match="pays interest"):
        recommend(
            replace(market, reserves=still), tolerated, falls, progress=lambda phase, *_: begun.append(phase)
        )
    assert not begun


def test_findings_of_the_engine_are_carried_once(market: Snapshot, falls: Scenarios) -> None:
    solution = recommend(market, read_limits(BASE), falls)
    assert len(set(solution.findings)) == len(solution.findings)
    for found in (solution.search.now, solution.search.best):
        assert found is not None
        assert set(found.findings) <= set(solution.findings)
