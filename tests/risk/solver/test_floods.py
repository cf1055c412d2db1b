"""Whom a cap protects: what a flood takes, of whom, and what a step adds to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from protocols.snapshot import Snapshot
from risk.scenarios.build import grid
from risk.solver.cap_fill import cap_fill, taken_usd
from risk.solver.evaluate import Setting, amounts
from risk.solver.explain import explain
from risk.solver.explain_text import explained_json, explained_lines, sentence
from risk.solver.floods import flooded
from risk.solver.limits import Objective, read_limits
from risk.solver.menu import menu_of
from risk.solver.one_step import beside, further, step
from risk.solver.realised import ENGINE
from tests.risk.report import made

MARKET = made.market()
CAPS = """
[tail]
level = 0.8
[cap_fill]
usd = {}
[box]
threshold_bps = 0
ltv_bps = 0
supply_cap_pct = 50
borrow_cap_pct = 50
[solver]
relever = [0.0]
objective = "borrow_power_with_headroom"
"""


def setting(usd: str = "inf", market: Snapshot = MARKET) -> Setting:
    """Caps alone may move."""
    limits = read_limits(CAPS.format(usd))
    return Setting(market, menu_of(market, limits), grid("market=0:-40%:5", market), limits)


def test_what_is_taken_adds_up_to_the_loss() -> None:
    taken = taken_usd(MARKET)
    for fill in cap_fill(MARKET):
        i = MARKET.asset_index(fill.subject)
        assert sum(usd for (k, _), usd in taken.items() if k == i) == pytest.approx(fill.loss_usd)
        assert taken.get((i, i), 0.0) == 0.0


@pytest.mark.parametrize("name", ["WBTC.supply_cap", "WETH.borrow_cap"])
def test_a_step_of_a_cap_is_paid_by_who_lends(name: str) -> None:
    """What floods take more by a step is what their lenders pay; here WETH's borrow cap stops its lending."""
    reserves = list(MARKET.reserves)
    reserves[made.WETH] = replace(reserves[made.WETH], borrow_cap_tokens=15_000)
    own = setting(market=replace(MARKET, reserves=tuple(reserves)))
    menu = own.menu
    (r,) = [k for k, row in enumerate(menu.rows) if row.name == name]
    field = menu.rows[r].kind.value
    by = menu.rows[r].values(menu.rows[r].current)[field] // 10
    to = further(own, menu.current, r, field, by)
    assert to is not None
    found = flooded(own, menu.current, beside(own, menu.current, r, to), by)
    assert found.floods
    lent, taken = (sum(s.cost_usd for s in part) for part in (found.lenders, found.floods))
    if field == "supply_cap":
        assert [s.name for s in found.floods] == ["WBTC"]
        assert lent == pytest.approx(taken)
    else:  # where a flood finds more WETH it takes less of others, whose share is not shown
        assert [s.name for s in found.lenders] == ["WETH"]
        assert lent > taken
    down = further(own, menu.current, r, field, -by)
    assert down is not None
    assert flooded(own, menu.current, beside(own, menu.current, r, down), -by).floods == ()


def test_caps_are_explained() -> None:
    """At the largest loss of today a cap binds: the step that breaks the limit, who pays, and a sentence."""
    worst = cap_fill(MARKET)[0]
    own = setting(f"{worst.loss_usd + 1000:.0f}")
    told = explain(own, own.menu.current)
    names = {e.parameter.name: e for e in told.parameters}
    assert names
    assert {n.rpartition(".")[2] for n in names} <= {"supply_cap", "borrow_cap"}
    for one in names.values():
        assert "cap_fill.usd" in one.binding
        assert one.floods
        assert one.protects == ()
        assert "tokens more would break cap_fill.usd" in sentence(one, Objective.BORROW_POWER)
    body = explained_json(told, Objective.BORROW_POWER)["parameters"]
    assert {p["unit"] for p in body} == {"tokens"}
    assert all(p["floods"][0]["lenders"] for p in body)
    lines = "\n".join(explained_lines(told, Objective.BORROW_POWER))
    assert "Its lenders are the suppliers of" in lines


def test_no_cap_falls_below_what_is_in_use() -> None:
    own = setting()
    (r,) = [k for k, row in enumerate(own.menu.rows) if row.name == "WETH.supply_cap"]
    here = amounts(own, own.menu.current, realised=False)
    used = -(-made.market().reserves[made.WETH].total_supply_raw // 10**18)
    now = made.market().reserves[made.WETH].supply_cap_tokens
    assert step(own, own.menu.current, r, "supply_cap", used - now - 1, here, 0.0) is None
    assert step(own, own.menu.current, r, "supply_cap", used - now, here, 0.0) is not None


def test_the_engine_knows_neither_caps_nor_ltvs() -> None:
    """So its amounts may be taken over for steps of these: they are the same to the bit."""
    limits = read_limits("[tail]\nlevel = 0.8\n[box]\nsupply_cap_pct = 50\nborrow_cap_pct = 50\n")
    own = Setting(MARKET, menu_of(MARKET, limits), grid("market=0:-40%:5", MARKET), limits)
    chosen = own.menu.current

    def engine(of: Setting, option: object) -> list[tuple[str, float]]:
        assert isinstance(option, np.ndarray)
        return [(a.name, a.value) for a in amounts(of, option) if a.model == ENGINE]

    here = engine(own, chosen)
    assert here
    seen = set()
    for r, row in enumerate(own.menu.rows):
        for field, by in (("ltv", -400), ("ltv", 50), ("supply_cap", 7), ("borrow_cap", 7)):
            if field in row.values(row.current):
                to = further(own, chosen, r, field, by)
                if to is not None:
                    assert engine(*beside(own, chosen, r, to)) == here
                    seen.add(field)
    assert seen == {"ltv", "supply_cap", "borrow_cap"}
