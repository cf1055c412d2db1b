from __future__ import annotations

import pytest

from risk.scenarios.build import grid
from risk.solver.evaluate import Setting, together
from risk.solver.largest import largest_two
from risk.solver.limits import read_limits
from risk.solver.menu import menu_of
from risk.solver.twins_text import largest_lines
from tests.risk.solver.small import LIMITS
from tests.risk.solver.small_markets import GHO, WETH, Position, made

BOOK: list[Position] = [
    ("0x1", 0, {WETH: 50.0}, {GHO: 80_000.0}),
    ("0x2", 0, {WETH: 10.0}, {}),  # owes nothing
    ("0x3", 0, {WETH: 100.0}, {GHO: 190_000.0}),
    ("0x4", 0, {WETH: 60.0}, {GHO: 100_000.0}),
]


def setting_of(book: list[Position]) -> Setting:
    snapshot, limits = made(book), read_limits(LIMITS)
    return Setting(snapshot, menu_of(snapshot, limits), grid("market=0:-60%:4", snapshot), limits)


def test_the_two_with_most_debt_are_taken_alone() -> None:
    setting = setting_of(BOOK)
    found = largest_two(setting, setting.menu.current)
    assert found.accounts == ("0x3", "0x4")
    assert found.debt_usd == pytest.approx(290_000)
    alone = setting_of([BOOK[2], BOOK[3]])
    lost = together(alone, alone.menu.current, 0.0).bad_debt_usd
    assert found.worst_usd == pytest.approx(lost.max())
    # -60 % of 250,000 and 150,000 USD, at the first call's price less a bonus of 5 %
    assert found.worst_usd == pytest.approx(190_000 - 100_000 / 1.05 + 100_000 - 60_000 / 1.05)
    assert found.cvar_usd == pytest.approx(lost.max())  # the worst of four is the tail of 20 %


def test_fewer_borrowers_than_two() -> None:
    setting = setting_of(BOOK[:2])
    found = largest_two(setting, setting.menu.current)
    assert found.accounts == ("0x1",)
    assert "0x1 owe" in "\n".join(largest_lines(found, found))
