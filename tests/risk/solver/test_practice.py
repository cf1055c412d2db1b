"""Today's practice as a rival: by hand on small books, and in a duel with the solver."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from risk.engine.book_sweep import BookSwept
from risk.engine.pair_sweep import Swept
from risk.scenarios.build import grid
from risk.solver.evaluate import Setting, together
from risk.solver.losses import Losses, losses_of
from risk.solver.practice import (
    duel,
    judged,
    most_power,
    one_at_a_time,
    power_usd,
)
from risk.solver.seed import nearest
from tests.risk.solver.practised import moved, setting_of


@pytest.fixture(scope="module")
def setting() -> Setting:
    return setting_of()


def test_every_ltv_keeps_its_distance_to_the_threshold(setting: Setting) -> None:
    for row in setting.menu.rows:
        now = row.options[row.current].parameters
        for option in row.options:
            p = option.parameters
            assert p.ltv_bps == (p.threshold_bps - (now.threshold_bps - now.ltv_bps) if now.ltv_bps else 0)


def test_borrowing_power_is_what_is_supplied_times_its_ltv(setting: Setting) -> None:
    by_hand = sum(
        usd * row.options[row.current].parameters.ltv_bps / 10_000
        for row, usd in zip(setting.menu.rows, setting.supplied_usd.tolist(), strict=True)
    )
    assert power_usd(setting, setting.menu.current) == pytest.approx(by_hand, rel=1e-12)


def test_a_loss_beyond_the_quoted_quantile_stops_nobody(setting: Setting) -> None:
    """One asset at a time sees a loss in two scenarios of 21 and not one in one."""
    scenarios = grid("market=0:+1%:21", setting.snapshot)  # the joint check finds nothing to object to
    options, draws = len(setting.menu.options), len(scenarios)
    change = np.zeros((options, draws))
    none = np.zeros((options, draws))
    rises = _rises(setting)
    change[rises, 0] = 1e9  # in one scenario of 21: 4.8 %
    calm = replace(setting, scenarios=scenarios)
    now = together(calm, calm.menu.current, 0.0)
    seen = Losses(0.0, BookSwept(now, Swept(none, change, none)))
    blind = one_at_a_time(calm, seen, level=0.95)
    assert max(moved(calm, blind)) == 200
    change[rises, 1] = 1e9  # in two: 9.5 %
    assert max(moved(calm, one_at_a_time(calm, seen, level=0.95))) == 0


def _rises(setting: Setting) -> np.ndarray:
    at = np.array([o.parameters.threshold_bps for o in setting.menu.options])
    return at > at[setting.menu.current][setting.menu.row]


def test_one_asset_at_a_time_keeps_its_values_at_risk_and_its_box(setting: Setting) -> None:
    losses = losses_of(setting.snapshot, setting.menu, setting.scenarios, setting.limits)
    chosen = one_at_a_time(setting, losses[0], level=0.8, box_bps=100)
    assert max(map(abs, moved(setting, chosen))) <= 100
    before, after = (together(setting, c, 0.0) for c in (setting.menu.current, chosen))
    for measure in ("bad_debt_usd", "eligible_usd"):
        old, new = (np.sort(getattr(x, measure))[16] for x in (before, after))  # 80 % of 21
        assert new <= old + 1e-6


def test_the_solver_beats_a_choice_that_lowers_everything(setting: Setting) -> None:
    """Lower thresholds give less power and liquidate more: more power and less harm are both there."""
    lowered = nearest(setting.menu, np.full(len(setting.menu.rows), 0.01))
    milder = replace(setting, scenarios=grid("market=0:-12%:21", setting.snapshot))
    found = duel(milder, milder.scenarios, lowered, "all down")
    assert found.rival == judged(milder, lowered, "all down")
    assert found.same_harm is not None
    assert found.same_harm.power_usd > found.rival.power_usd
    assert found.same_power is not None
    assert found.same_power.power_usd >= found.rival.power_usd * (1 - 1e-9)
    assert found.share < 1
    for own in (found.same_harm, found.same_power):
        assert own.liquidated_usd <= found.rival.liquidated_usd * (1 + 1e-9)
        assert own.enacted_usd <= found.rival.enacted_usd


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_a_rival_that_keeps_its_own_harm_is_never_lost(setting: Setting, level: float) -> None:
    """What a rival chose keeps the limits made of its own harm, so the solver has no less power."""
    losses = losses_of(setting.snapshot, setting.menu, setting.scenarios, setting.limits)
    for chosen in (setting.menu.current, one_at_a_time(setting, losses[0], level=level)):
        assert power_usd(setting, most_power(setting, chosen)) >= power_usd(setting, chosen)
