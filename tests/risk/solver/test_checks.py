"""What is refused before any long work, and what pins do to the menu."""

from __future__ import annotations

import pytest

from abis.errors import InputError
from risk.scenarios.build import grid
from risk.scenarios.fhs import filtered, shipped_fhs
from risk.solver.checks import check_limits
from risk.solver.limits import read_limits
from risk.solver.menu import Rule, menu_of
from risk.solver.recommend import recommend
from risk.solver.search import Effort
from tests.risk.report import made

MARKET = made.market()
FALLS = grid("market=0:-40%:21", MARKET)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[bad_debt.per_reserve.USDX]\ncvar_usd = 1", "USDX"),
        ("[avoidable_loss.per_collateral.NOPE]\ncvar_usd = 1", "NOPE"),
        ("[avoidable_loss.per_emode.7]\ncvar_usd = 1", "e-mode '7'"),
        ("[participation]\nflow_level = 0.9", "no depth"),
        ("[participation]\ncap_level = 0.9", "no depth"),
        ("[pin]\n'NOPE.ltv' = 8000", "NOPE"),
        ("[pin]\n'emode:7.ltv' = 8000", "'7' is no e-mode"),
        ("[pin]\n'WETH.reserve_factor' = 800", "not chosen here"),
        ("[pin]\n'WETH.liquidation_threshold' = 9000", "outside the box"),
        ("[pin]\n'WETH.liquidation_threshold' = 8350\n[solver]\nkeep = ['WETH']", "leaves WETH as it is"),
        ("[pin]\n'WETH.ltv' = 8500\n'WETH.liquidation_threshold' = 8350", "no setting the configurator"),
        ("[pin]\n'GHO.ltv' = 0", "nothing that may be chosen"),
        ("[pin]\n'WETH.ltv' = 8100\n'weth.ltv' = 8100", "pinned twice"),
    ],
)
def test_refused_at_once(text: str, named: str) -> None:
    with pytest.raises(InputError, match=named):
        recommend(MARKET, read_limits(text), FALLS)


def test_too_few_draws() -> None:
    """A draw in the tail is the least; shocks that were chosen may be as few as they are."""
    drawn = filtered(shipped_fhs(), MARKET, scenarios=50, horizon_s=86_400, seed=3)
    with pytest.raises(InputError, match=r"too few for tail\.level = 0\.99") as caught:
        check_limits(MARKET, read_limits(""), drawn)
    assert "100" in (caught.value.remedy or "")
    rare = read_limits("[tail]\nlevel = 0.9\n[bad_debt]\nsize_usd = 1\nprobability = 0.001")
    with pytest.raises(InputError, match=r"bad_debt\.probability") as caught:
        check_limits(MARKET, rare, drawn)
    assert "1,000" in (caught.value.remedy or "")
    check_limits(MARKET, read_limits(""), FALLS)


def test_what_only_the_engine_judges_needs_it() -> None:
    with pytest.raises(InputError, match=r"only the engine judges toxicity\.cvar_usd"):
        recommend(MARKET, read_limits("[toxicity]\ncvar_usd = 1"), FALLS, effort=Effort(realised=False))


def test_a_pin_is_the_only_value() -> None:
    """All options but what is in force have it, off the grid too; what is in force breaks a rule."""
    pinned = read_limits("[pin]\n'WETH.liquidation_threshold' = 8333\n'emode:1.liquidation_bonus' = 100\n")
    menu = menu_of(MARKET, pinned)
    weth = next(r for r in menu.rows if r.subject == "WETH")
    found = {(o.parameters.threshold_bps, Rule.PIN in o.broken) for o in weth.options}
    assert found == {(8300, True), (8333, False)}
    mode = next(r for r in menu.rows if r.subject == "emode:1")
    assert {o.parameters.bonus_bps for o in mode.options} == {10_100}
    assert not any(Rule.PIN in o.broken for o in mode.options)


def test_a_pin_is_recommended() -> None:
    """Where nothing else may move, what was pinned is the choice; doing nothing breaks a rule."""
    text = "[box]\nthreshold_bps = 50\nltv_bps = 0\n[solver]\nobjective = 'least_change'\n"
    solution = recommend(MARKET, read_limits(text + "[pin]\n'WETH.liquidation_threshold' = 8350\n"), FALLS)
    assert [(c.name, c.after) for c in solution.changes] == [("WETH.liquidation_threshold", 8350)]
    assert not solution.search.now.kept
