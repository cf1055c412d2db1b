"""Statistics of a loss, worked by hand, and who judges which limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from risk.engine.stress import stress
from risk.scenarios.build import grid
from risk.solver.evaluate import Setting, amounts
from risk.solver.limits import read_limits
from risk.solver.menu import menu_of
from risk.solver.realised import ENGINE_ONLY, realised
from risk.solver.scenario_limits import ScenarioLimit, Statistic, parts_of, scenario_limits
from tests.risk.report import made

LOSS = np.array([0.0, 10.0, 20.0, 100.0])
EVEN = np.ones(4)
EVERYTHING = """
[tail]
level = 0.8
[bad_debt]
cvar_usd = 1e9
size_usd = 2_000
probability = 0.5
[bad_debt.per_reserve.USDC]
cvar_usd = 1e9
cover_usd = 50_000
[avoidable_loss]
cvar_usd = 1e9
size_usd = 1
probability = 0.5
per_account_usd = 1e9
[avoidable_loss.per_collateral.WETH]
cvar_usd = 1e9
[avoidable_loss.per_emode.1]
cvar_usd = 1e9
[under_liquidation]
usd_hours = 1e9
unprofitable_usd = 1e9
[liquidations]
cvar_usd = 1e9
quantile_usd = 1e8
[toxicity]
cvar_usd = 1e9
"""


@pytest.mark.parametrize(
    ("limit", "level", "value"),
    [
        # the worst half: (20 + 100) / 2
        (ScenarioLimit("x", "", Statistic.CVAR, 1.0), 0.5, 60.0),
        # beyond a cover of 30 the losses are 0, 0, 0, 70; not (60 - 30)
        (ScenarioLimit("x", "", Statistic.CVAR, 1.0, cover_usd=30.0), 0.5, 35.0),
        (ScenarioLimit("x", "", Statistic.QUANTILE, 1.0), 0.5, 10.0),
        (ScenarioLimit("x", "", Statistic.QUANTILE, 1.0), 0.75, 20.0),
        (ScenarioLimit("x", "", Statistic.PROBABILITY, 1.0, size_usd=10.0), 0.5, 0.5),
        (ScenarioLimit("x", "", Statistic.PROBABILITY, 1.0, size_usd=9.0), 0.5, 0.75),
    ],
)
def test_statistics(limit: ScenarioLimit, level: float, value: float) -> None:
    assert limit.value(LOSS, level, EVEN) == pytest.approx(value)


def test_weights_count() -> None:
    heavy = np.array([1.0, 1.0, 1.0, 7.0])
    limit = ScenarioLimit("x", "", Statistic.PROBABILITY, 1.0, size_usd=20.0)
    assert limit.value(LOSS, 0.5, heavy) == pytest.approx(0.7)


def test_every_limit_is_judged() -> None:
    """What limits.toml accepts in USD or as a probability comes back as an amount beside that limit."""
    market, limits = made.market(), read_limits(EVERYTHING)
    setting = Setting(market, menu_of(market, limits), grid("market=0:-40%:21", market), limits)
    found = amounts(setting, setting.menu.current)
    judged = {(a.name, a.limit) for a in found}
    no_limit = ("size_usd", "cover_usd")  # part of the limit beside them
    sections = ("bad_debt", "avoidable_loss", "under_liquidation", "liquidations")
    wanted = [n for n in limits.numbers if n.partition(".")[0] in sections and not n.endswith(no_limit)]
    assert len(wanted) == 12
    for name in (*wanted, "toxicity.cvar_usd"):
        assert (name, limits[name]) in judged
    assert {a.model for a in found if a.name in ENGINE_ONLY} == {"engine"}
    by_sweep = {a.name for a in found if a.model.startswith("sweep")}
    assert {one.name for one in scenario_limits(limits)} <= by_sweep


def test_the_engine_by_its_own_columns() -> None:
    market, limits = made.market(), read_limits(EVERYTHING)
    outcome = stress(market, grid("market=0:-40%:21", market))
    found = {a.name: a.value for a in realised(market, outcome, limits)}
    usdc = np.sort(np.maximum(outcome.bad_debt_usd[:, made.USDC] - 50_000, 0))[::-1]
    # the worst 20 % of 21 scenarios of equal weight: 4 whole ones and a fifth of another
    assert found["bad_debt.per_reserve.USDC.cvar_usd"] == pytest.approx(
        (usdc[:4].sum() + 0.2 * usdc[4]) / 4.2
    )
    above = (outcome.bad_debt_usd.sum(axis=1) > 2_000).mean()
    assert found["bad_debt.probability"] == pytest.approx(above)
    assert outcome.largest_account_loss_usd is not None
    worst = np.sort(outcome.largest_account_loss_usd)[::-1]
    assert found["avoidable_loss.per_account_usd"] == pytest.approx((worst[:4].sum() + 0.2 * worst[4]) / 4.2)
    assert found["avoidable_loss.per_account_usd"] <= found["avoidable_loss.cvar_usd"]


def test_parts_are_named_once() -> None:
    limits = read_limits(EVERYTHING)
    assert len(parts_of(limits)) == 3
    silent = replace(limits, numbers={k: v for k, v in limits.numbers.items() if "per_" not in k})
    assert parts_of(silent) == ()
