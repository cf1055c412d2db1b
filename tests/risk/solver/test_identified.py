"""Values that hinge on depth: what moves by more than a step is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from abis.errors import InputError
from risk.depth import Depth
from risk.engine.liquidity import Liquidity
from risk.scenarios.build import grid
from risk.solver.evaluate import Setting
from risk.solver.identified import DEPTHS, FULL, identified, moved, settings_of
from risk.solver.limits import read_limits
from risk.solver.losses import losses_of
from risk.solver.menu import menu_of
from risk.solver.relaxation import single_row_losses
from risk.solver.search import Effort, search
from tests.risk.report import made

LIMITS = """
[tail]
level = 0.8
[solver]
relever = [0.0]
keep = ["USDC", "LINK", "WBTC"]
[box]
threshold_bps = 300
threshold_step_bps = 100
ltv_bps = 300
"""
DEPTH = "asset,size_tokens,proceeds_usd,time,source\nWETH,100,199000,2026-03-10T11:00:00Z,a test\n"


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    market, limits = made.market(), read_limits(LIMITS)
    file = tmp_path_factory.mktemp("depth") / "d.csv"
    Path(file).write_text(DEPTH)
    falls = grid("market=0:-40%:9", market)
    return Setting(market, menu_of(market, limits), falls, limits, None, Depth.load(file, market))


def test_the_variants(setting: Setting) -> None:
    found = settings_of(setting)
    assert set(found) == {*DEPTHS, FULL}
    assert found[FULL].liquidity is Liquidity.NONE
    assert setting.depth is not None
    for name, factor in DEPTHS.items():
        other = found[name].depth
        assert other is not None
        assert other.size_within(0, 0.01) == pytest.approx(factor * setting.depth.size_within(0, 0.01))
    with pytest.raises(InputError, match="without a depth"):
        settings_of(Setting(setting.snapshot, setting.menu, setting.scenarios, setting.limits))


def test_a_value_that_moves_by_more_than_a_step_is_named(setting: Setting) -> None:
    """One step either way says nothing; two do."""
    menu = setting.menu
    r = next(k for k, row in enumerate(menu.rows) if len(row.options) > 4)
    at = sorted(
        range(len(menu.rows[r].options)), key=lambda k: menu.rows[r].options[k].parameters.threshold_bps
    )
    here, one, two = (menu.current.copy() for _ in range(3))
    for chosen, place in ((here, at[0]), (one, at[1]), (two, at[3])):
        chosen[r] = menu.first[r] + place
    assert not [m for m in moved(setting, here, {"x": one}) if m.parameter == "threshold_bps"]
    found = [m for m in moved(setting, here, {"x": one, "y": two}) if m.parameter == "threshold_bps"]
    assert [m.subject for m in found] == [menu.rows[r].subject]
    assert [name for name, _ in found[0].others_bps] == ["y"]


def test_solved_again_under_each(setting: Setting) -> None:
    """Where no limit hinges on depth, nothing moves."""
    s = setting
    losses = losses_of(s.snapshot, s.menu, s.scenarios, s.limits)

    best = search(s, losses, effort=Effort(attempts=3)).best
    assert best is not None
    found = identified(s, best.chosen, losses, single_row_losses(s), attempts=3)
    assert [v.name for v in found.variants] == [*DEPTHS, FULL]
    assert all(v.solved and not v.breaks for v in found.variants)
    assert found.moved == ()
