"""Participation under concurrent flow, and shared sinks, on numbers worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from risk.depth import Depth
from risk.scenarios.build import grid
from risk.solver.evaluate import Setting, amounts
from risk.solver.limits import Limits, read_limits
from risk.solver.menu import menu_of
from risk.solver.participation import CAP, FLOW, Sold, participation, sold
from risk.solver.parts import Part, PartKind
from tests.risk.report import made

MARKET = made.market()
ASSETS = len(MARKET.reserves)
TEXT = "[participation]\nflow_level = 0.5\ncap_level = 0.5\ncost_bps = 10\ngas_usd = 0\n"


def depth() -> Depth:
    """WETH and wstETH sell 1 M USD at their price, and the next 1 M at nine tenths of it."""
    price = MARKET.price_usd
    size, got = np.zeros((ASSETS, 3)), np.zeros((ASSETS, 3))
    count = np.zeros(ASSETS, dtype=np.int64)
    for i in (made.WETH, made.WSTETH):
        size[i] = np.array([0.0, 1e6, 2e6]) / price[i]
        got[i] = [0.0, 1e6, 1.9e6]
        count[i] = 3
    return Depth(MARKET.asset_names, count, size, got, price, count * 0, ("made",) * ASSETS)


def judged(
    flow_usd: dict[int, float], curves: Depth, limits: Limits | None = None
) -> dict[str, tuple[float, float]]:
    limits = read_limits(TEXT) if limits is None else limits
    menu = menu_of(MARKET, limits)
    flow = np.zeros((ASSETS, 1))
    for i, usd in flow_usd.items():
        flow[i] = usd
    found = participation(MARKET, menu, menu.current, limits, curves, Sold(flow, np.ones(1)))
    return {a.name: (a.value, a.limit) for a in found}


def test_own_flow() -> None:
    """2 M USD of WETH fetch 1.9 M: 500 bps and 10 of costs, against 5 % less a tenth, 450 bps."""
    assert judged({made.WETH: 2e6}, depth())[f"{FLOW}.WETH"] == pytest.approx((510, 450))
    assert judged({made.WETH: 1e6}, depth())[f"{FLOW}.WETH"] == pytest.approx((10, 450))
    # 1.5 M fetch 1.45 M: 3.33 %
    assert judged({made.WETH: 1.5e6}, depth())[f"{FLOW}.WETH"] == pytest.approx((1e4 / 30 + 10, 450))


def test_a_shared_sink_adds_flows_up() -> None:
    """1 M of each is nothing apart, and 500 bps for both where the same buyers take them."""
    apart = judged({made.WETH: 1e6, made.WSTETH: 1e6}, depth())
    shared = judged({made.WETH: 1e6, made.WSTETH: 1e6}, depth().sharing([["WETH", "wstETH"]]))
    for name in ("WETH", "wstETH", "emode:1"):
        assert apart[f"{FLOW}.{name}"][0] == pytest.approx(10)
        assert shared[f"{FLOW}.{name}"][0] == pytest.approx(510)
    assert shared[f"{FLOW}.WBTC"][0] == pytest.approx(10)  # no curve: nothing but costs


def test_the_sink_at_the_caps() -> None:
    """Flows grow with supplies to their caps; the sink buys what the worst-paid row can bear."""
    grown = 60_000 * 10**18 / MARKET.reserves[made.WETH].total_supply_raw
    assert grown > 1
    found = judged({made.WETH: 1e5}, depth())
    value, bought = found[f"{CAP}.WETH"]
    assert value == pytest.approx(grown * 1e5)
    # The category pays 1 % less a tenth: 90 - 10 bps; 1 + 0.9 (x - 1) = 0.992 x at x = 0.1 / 0.092.
    assert bought == pytest.approx(1e6 * 0.1 / 0.092)
    together = judged({made.WETH: 1e5, made.WSTETH: 0.0}, depth().sharing([["WETH", "wstETH"]]))
    assert f"{CAP}.WETH+wstETH" in together
    assert f"{CAP}.WETH" not in together


def test_flows_are_debts_and_the_bonus_on_them() -> None:
    limits = read_limits(TEXT)
    menu = menu_of(MARKET, limits)
    eligible = {Part(PartKind.COLLATERAL, "LINK"): np.array([100.0, 0.0])}
    flows = sold(MARKET, menu, menu.current, eligible, np.ones(2), 0.5)
    assert flows.flow_usd[made.LINK] == pytest.approx([0.5 * 1.07 * 100, 0])
    assert flows.flow_usd.sum() == pytest.approx(53.5)


def test_judged_with_depth_only() -> None:
    """More flow never makes a call pay better; without depth there is nothing to judge by."""
    limits = read_limits(TEXT + "[tail]\nlevel = 0.8\n")
    falls = grid("market=0:-40%:21", MARKET)
    setting = Setting(MARKET, menu_of(MARKET, limits), falls, limits, depth=depth())
    here = {a.name: a.value for a in amounts(setting, setting.menu.current, realised=False)}
    higher = replace(limits, numbers=dict(limits.numbers) | {FLOW: 0.95})
    there = amounts(replace(setting, limits=higher), setting.menu.current, realised=False)
    assert max(a.value for a in there if a.name == f"{FLOW}.WETH") > 10
    for a in there:
        if a.name.startswith(FLOW):
            assert a.value >= here[a.name]
    bare = amounts(replace(setting, depth=None), setting.menu.current, realised=False)
    assert not [a for a in bare if a.name.startswith((FLOW, CAP))]
