"""The made market on the menu that practice is compared on."""

from __future__ import annotations

from risk.engine.arrays import IntArray
from risk.scenarios.build import grid
from risk.solver.evaluate import Setting
from risk.solver.limits import read_limits
from risk.solver.menu import menu_of
from risk.solver.practice import same_buffers
from tests.risk.report import made

BOX = "[solver]\nrelever = [0.0]\n[tail]\nlevel = 0.8\n[box]\nthreshold_bps = 200\nthreshold_step_bps = 100\n"


def setting_of() -> Setting:
    """Return the made market, every LTV as far below its threshold as today."""
    market, limits = made.market(), read_limits(BOX)
    falls = grid("market=0:-40%:21", market)
    return Setting(market, same_buffers(menu_of(market, limits)), falls, limits)


def row_of(setting: Setting, subject: str) -> int:
    return [r.subject for r in setting.menu.rows].index(subject)


def moved(setting: Setting, chosen: IntArray) -> list[int]:
    menu = setting.menu
    at = [o.parameters.threshold_bps for o in menu.options]
    return [at[k] - at[now] for k, now in zip(chosen.tolist(), menu.current.tolist(), strict=True)]
