"""Limits without scenarios in the program, against the test they stand for."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.snapshot import Snapshot
from risk.engine.arrays import IntArray
from risk.proposal.apply import applied
from risk.scenarios.build import grid
from risk.solver.cap_fill import cap_fill, cap_fill_families
from risk.solver.evaluate import Setting
from risk.solver.limits import read_limits
from risk.solver.menu import menu_of
from risk.solver.program import Budget
from risk.solver.related import related_excess_bps
from risk.solver.static_budgets import cap_fill_budgets, related_budgets
from tests.risk.markets import RESERVES, market

BOX = """
[box]
threshold_bps = 100
threshold_step_bps = 100
ltv_bps = 400
ltv_step_bps = 200
supply_cap_pct = 60
supply_cap_step_pct = 20
borrow_cap_step_pct = 50
"""
RSETH = replace(RESERVES[1], symbol="rsETH", asset="0x" + "9" * 40, id=7, ltv_bps=7000)
CAPPED = [replace(r, borrow_cap_tokens=150_000) for r in (*RESERVES, RSETH)]


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    ladders = [replace(r, available_liquidity_raw=40_000 * 10**r.decimals) for r in CAPPED]
    return market(positions=(), reserves=ladders)


def setting_of(snapshot: Snapshot, name: str, limit: float, borrow_cap_pct: int = 0) -> Setting:
    section, key = name.split(".")
    limits = read_limits(f"{BOX}borrow_cap_pct = {borrow_cap_pct}\n[{section}]\n{key} = {limit}\n")
    return Setting(snapshot, menu_of(snapshot, limits), grid("market=0:-10%:2", snapshot), limits)


def within(budgets: tuple[Budget, ...], chosen: IntArray) -> bool:
    return all(b.cost[chosen].sum() + b.cost[-1] <= b.limit + 1e-6 * (1 + abs(b.limit)) for b in budgets)


def choice(setting: Setting, seed: int) -> IntArray:
    rng, first = np.random.default_rng(seed), setting.menu.first
    return np.array([rng.integers(a, b) for a, b in pairwise(first)])


def worst(snapshot: Snapshot, *, together: bool = False) -> float:
    fills = (cap_fill_families if together else cap_fill)(snapshot)
    return max((f.loss_usd for f in fills), default=0.0)


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.3, 1.5), lent=st.sampled_from([0, 50, 100]))
@example(seed=0, share=1.0, lent=0)
def test_cap_fill_is_exact(snapshot: Snapshot, seed: int, share: float, lent: int) -> None:
    """SOL-7: the program refuses exactly the choices whose worst cap-fill is above the limit."""
    free = setting_of(snapshot, "cap_fill.usd", 1e12, lent)
    chosen = choice(free, seed)
    loss = worst(applied(snapshot, free.menu.changes(chosen)))
    setting = setting_of(snapshot, "cap_fill.usd", max(loss, 1.0) * share, lent)
    assert [o.parameters for o in setting.menu.options] == [o.parameters for o in free.menu.options]
    assert within(cap_fill_budgets(setting), chosen) == (share >= 1 or loss == 0)


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(1, 1.5), lent=st.sampled_from([0, 50, 100]))
def test_tokens_of_one_coin_lose_no_choice(snapshot: Snapshot, seed: int, share: float, lent: int) -> None:
    """SOL-8: no choice within the limit on tokens filled together is refused by the program."""
    free = setting_of(snapshot, "cap_fill.per_issuer_usd", 1e12, lent)
    chosen = choice(free, seed)
    loss = worst(applied(snapshot, free.menu.changes(chosen)), together=True)
    setting = setting_of(snapshot, "cap_fill.per_issuer_usd", max(loss, 1.0) * share, lent)
    assert within(cap_fill_budgets(setting), chosen)


def test_tokens_of_one_coin_are_refused_together(snapshot: Snapshot) -> None:
    setting = setting_of(snapshot, "cap_fill.per_issuer_usd", 1e6)
    assert not within(cap_fill_budgets(setting), setting.menu.current)
    assert worst(snapshot, together=True) > 1e6


@pytest.mark.parametrize("seed", range(40))
def test_related_assets_are_exact(snapshot: Snapshot, seed: int) -> None:
    setting = setting_of(snapshot, "sanity.related_excess_bps", 0)
    chosen = choice(setting, seed)
    excess = related_excess_bps(applied(snapshot, setting.menu.changes(chosen)))
    assert within(related_budgets(setting), chosen) == (excess == 0)


def test_nothing_is_asked_where_nothing_is_limited(snapshot: Snapshot) -> None:
    setting = setting_of(snapshot, "tail.level", 0.9)
    assert cap_fill_budgets(setting) == ()
    assert related_budgets(setting) == ()
