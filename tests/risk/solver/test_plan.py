"""The order of moves: legal at every stage, notice given, leverage stopped before thresholds fall."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from abis.units import percent_mul_half_up
from protocols.aave_v3.governance import default_change_rules
from protocols.snapshot import Snapshot
from risk.scenarios.build import grid
from risk.solver.evaluate import Setting
from risk.solver.limits import read_limits
from risk.solver.menu import Menu, Option, Row
from risk.solver.parameters import Parameters
from risk.solver.plan import Stage, stages
from tests.risk.report import made

DAY_S = 86_400


@pytest.fixture(scope="module")
def market() -> Snapshot:
    return replace(made.market(), change_rules=default_change_rules())


def plan(
    market: Snapshot, subject: str, wanted: Parameters, now: Parameters, text: str = ""
) -> tuple[Stage, ...]:
    """The stages of one row that goes from what is in force to what is wanted."""
    is_emode = subject.startswith("emode")
    place = 0 if is_emode else market.asset_index(subject)
    options = (Option(now, frozenset()), Option(wanted, frozenset()))
    members = market.emodes[0].collateral if is_emode else (place,)
    menu = Menu((Row(subject, place, is_emode, members, options, 0),))
    setting = Setting(
        market, menu, grid("market=0:-30%:4", market), read_limits("[tail]\nlevel = 0.5\n" + text)
    )
    return stages(setting, np.array([1]))


def path(plan: tuple[Stage, ...], now: Parameters) -> list[dict[str, int]]:
    """The row after every stage."""
    at = {"ltv": now.ltv_bps, "liquidation_threshold": now.threshold_bps, "liquidation_bonus": now.bonus_bps}
    out = []
    for stage in plan:
        for change in stage.changes:
            assert at[change.field.name] == change.before
            at[change.field.name] = change.after
        out.append(dict(at))
    return out


WETH = Parameters(8050, 8300, 10500)
EMODE = Parameters(9350, 9550, 10100)


def test_an_ltv_never_passes_a_threshold_that_rises_more_slowly(market: Snapshot) -> None:
    """A category's LTV may rise 50 bps a step, its threshold 10: the LTV waits for it."""
    way = path(plan(market, "emode:1", Parameters(9580, 9590, 10100), EMODE), EMODE)
    assert way[-1] == {"ltv": 9580, "liquidation_threshold": 9590, "liquidation_bonus": 10100}
    assert all(at["ltv"] <= at["liquidation_threshold"] for at in way)


def test_threshold_times_bonus_stays_legal_on_the_way(market: Snapshot) -> None:
    """LT 95.5 % rises to 97 % while the bonus falls from 4.7 % to 3 %: the bonus goes ahead."""
    now, wanted = Parameters(9350, 9550, 10470), Parameters(9350, 9700, 10300)
    emodes = (replace(market.emodes[0], liquidation_bonus_bps=10470),)
    way = path(plan(replace(market, emodes=emodes), "emode:1", wanted, now), now)
    assert way[-1]["liquidation_threshold"] == 9700
    products = [percent_mul_half_up(at["liquidation_threshold"], at["liquidation_bonus"]) for at in way]
    assert max(products) <= 10_000


def test_a_threshold_falls_after_its_ltv_has_begun_to(market: Snapshot) -> None:
    got = plan(market, "WETH", Parameters(7950, 8200, 10500), WETH)
    first = {c.field.name: stage.not_before_s for stage in reversed(got) for c in stage.changes}
    assert first["liquidation_threshold"] == first["ltv"] + 3 * DAY_S


def test_notice_is_given_before_a_threshold_falls_and_for_nothing_else(market: Snapshot) -> None:
    text = "[plan]\nnotice_days = 30\n"
    got = plan(market, "WETH", Parameters(7950, 8200, 10500), WETH, text)
    start = market.block.timestamp_s
    first = {c.field.name: stage.not_before_s for stage in reversed(got) for c in stage.changes}
    assert first == {"ltv": start, "liquidation_threshold": start + 30 * DAY_S}
    rises = plan(market, "WETH", Parameters(8100, 8350, 10500), WETH, text)
    assert rises[0].not_before_s == start


def test_each_step_is_the_rules(market: Snapshot) -> None:
    """95.5 % to 95.2 % at 10 bps a step of three days is three stages."""
    got = plan(market, "emode:1", Parameters(9350, 9520, 10100), EMODE)
    assert [s.changes[0].after for s in got] == [9540, 9530, 9520]
    assert np.diff([s.not_before_s for s in got]).tolist() == [3 * DAY_S] * 2


def test_an_ltv_that_runs_ahead_makes_no_position_riskier_than_before_and_after(market: Snapshot) -> None:
    """From 93.5 of 95.5 % to 95 of 96.5 %, 50 and 10 bps a step: all at once would be 95 of 95.8 %."""
    wanted = Parameters(9500, 9650, 10100)
    limited = "[new_position]\nprobability = 0.1\n"
    closest = max(EMODE.ltv_bps / EMODE.threshold_bps, wanted.ltv_bps / wanted.threshold_bps)
    way = path(plan(market, "emode:1", wanted, EMODE, limited), EMODE)
    assert way[-1] == {"ltv": 9500, "liquidation_threshold": 9650, "liquidation_bonus": 10100}
    assert all(at["ltv"] / at["liquidation_threshold"] <= closest for at in way)
    free = path(plan(market, "emode:1", wanted, EMODE), EMODE)
    assert any(at["ltv"] / at["liquidation_threshold"] > closest for at in free)


def test_calls_become_toxic_at_no_stage(market: Snapshot) -> None:
    """LT 97 to 95.5 % at 10 bps a step, bonus 0.5 to 2 % at 50: the bonus waits."""
    now, wanted = Parameters(9350, 9700, 10050), Parameters(9350, 9550, 10200)
    mode = replace(market.emodes[0], liquidation_threshold_bps=9700, liquidation_bonus_bps=10050)
    there = replace(market, emodes=(mode,))
    limited = "[toxicity]\nmax_threshold_times_bonus = 0.975\n"

    def most(text: str) -> int:
        way = path(plan(there, "emode:1", wanted, now, text), now)
        assert way[-1] == {"ltv": 9350, "liquidation_threshold": 9550, "liquidation_bonus": 10200}
        return max(at["liquidation_threshold"] * at["liquidation_bonus"] for at in way)

    assert most(limited) <= 0.975 * 10_000**2 < most("")


def test_a_row_that_waits_holds_up_no_other(market: Snapshot) -> None:
    """The category's LTV waits for its threshold; that of WETH rises at once."""
    weth = market.asset_index("WETH")
    rows = (
        Row(
            "WETH",
            weth,
            False,
            (weth,),
            (Option(WETH, frozenset()), Option(Parameters(8100, 8300, 10500), frozenset())),
            0,
        ),
        Row(
            "emode:1",
            0,
            True,
            market.emodes[0].collateral,
            (Option(EMODE, frozenset()), Option(Parameters(9580, 9590, 10100), frozenset())),
            0,
        ),
    )
    setting = Setting(
        market, Menu(rows), grid("market=0:-30%:4", market), read_limits("[tail]\nlevel = 0.5\n")
    )
    got = stages(setting, np.array([1, 3]))
    assert {c.name for c in got[0].changes} >= {"WETH.ltv", "emode:1.liquidation_threshold"}
