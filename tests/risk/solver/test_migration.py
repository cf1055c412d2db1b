"""Worst-case migration on the made market: loopers are in the category, ETH borrowers of USDC cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from protocols.snapshot import Snapshot
from risk.engine.book_sweep import Accounts
from risk.scenarios.build import grid
from risk.solver.evaluate import Setting, amounts
from risk.solver.limits import read_limits
from risk.solver.menu import menu_of
from risk.solver.migration import migrated
from tests.risk.report import made

LIMITS = read_limits("[tail]\nlevel = 0.8\n[bad_debt]\ncvar_usd = 1e9\n[solver]\nmigration = true\n")


def opened(**changes: Any) -> Snapshot:
    """The market with a category changed."""
    market = made.market()
    return replace(market, emodes=(replace(market.emodes[0], **changes),))


def moved(market: Snapshot, relever: float = 0.0) -> tuple[Accounts, Accounts]:
    menu = menu_of(market, LIMITS)
    setting = Setting(market, menu, grid("market=0:-40%:21", market), LIMITS)
    return setting.accounts, migrated(market, menu, setting.accounts, menu.current, relever)


def test_nobody_moves_where_debts_forbid_it() -> None:
    before, after = moved(made.market())
    assert (before.c_row == after.c_row).all()
    assert (before.d_usd == after.d_usd).all()


def test_all_move_where_they_may() -> None:
    """With USDC borrowable in the category every ETH borrower is better off in it."""
    market = opened(borrowable=(made.WETH, made.USDC))
    before, after = moved(market)
    menu = menu_of(market, LIMITS)
    names = [row.name for row in menu.rows]
    weth, mode = names.index("WETH"), names.index("emode:1")
    assert (before.c_row == weth).sum() >= 20
    # Who owes what the category does not lend stays.
    (strange,) = np.flatnonzero(~np.isin(after.d_asset, [made.WETH, made.USDC]))
    owner = int(np.searchsorted(after.d_indptr, strange, side="right")) - 1
    own = slice(after.c_indptr[owner], after.c_indptr[owner + 1])
    assert (after.c_row[own] == before.c_row[own]).all()
    assert (after.c_row == mode).sum() > (before.c_row == mode).sum() + 15
    assert (after.d_usd == before.d_usd).all()


def test_who_follows_borrows_up() -> None:
    """WETH alone lends 80.5 % outside and 93.5 % inside: debts grow by half of 93.5 / 80.5 - 1."""
    before, after = moved(opened(borrowable=(made.WETH, made.USDC)), 0.5)
    growth = np.unique(np.round(after.d_usd / before.d_usd, 9))
    assert growth.max() == pytest.approx(1 + 0.5 * (9350 / 8050 - 1))
    assert growth.min() == 1.0  # the loopers are where they would go


def test_an_isolated_category_takes_other_collateral() -> None:
    """The whale of WBTC and LINK would have no power in it; who holds only ETH moves all the same."""
    _, after = moved(opened(borrowable=(made.WETH, made.USDC), isolated=True))
    other = ~np.isin(after.c_asset, [made.WETH, made.WSTETH])
    names = [row.name for row in menu_of(made.market(), LIMITS).rows]
    assert set(after.c_row[other]) <= {names.index(n) for n in ("WBTC", "LINK", "USDC")}


def test_judged_beside_the_limits() -> None:
    """Who follows owes more there, so more is lost; and only where it is asked for is it judged.

    Debts that stay may lose less there: the category pays a smaller bonus.
    """
    market = opened(borrowable=(made.WETH, made.USDC))
    menu = menu_of(market, LIMITS)
    setting = Setting(market, menu, grid("market=0:-60%:13", market), LIMITS)
    found = amounts(setting, menu.current, realised=False)
    stays = {a.model.rpartition("sweep")[2]: a.value for a in found if a.name == "bad_debt.cvar_usd"}
    after = {
        a.model.rpartition("sweep")[2]: a.value
        for a in found
        if a.name == "bad_debt.cvar_usd (after migration)"
    }
    assert set(after) == set(stays)
    values = list(after.values())
    assert len(values) == len(LIMITS.relever)
    assert values == sorted(values)
    assert values[-1] > values[0]
    silent = replace(setting, limits=replace(LIMITS, migration=False))
    assert not any("migration" in a.name for a in amounts(silent, menu.current, realised=False))
