"""What history alone supports, and other histories that might have been."""

from __future__ import annotations

import numpy as np
import pytest

from abis.errors import InputError
from risk.scenarios.fhs import shipped_fhs
from risk.solver.evaluate import Setting
from risk.solver.generators import sample_of
from risk.solver.history_bounds import history_bounds, no_failure
from risk.solver.limits import read_limits
from risk.solver.menu import menu_of
from risk.solver.outer import histories, outer_bootstrap
from tests.risk.report import made


def test_no_failure_in_so_many_observations() -> None:
    daily, monthly = no_failure(1_800), no_failure(60)
    assert daily == pytest.approx((0.0017, 0.0076), abs=5e-5)
    assert monthly[0] == pytest.approx(0.049, abs=5e-4)


def test_days_and_months_of_the_shipped_model() -> None:
    model = shipped_fhs()
    found = history_bounds(model)
    assert 27 * found.months < found.days <= 31 * found.months
    # A day of residuals is 24 hours of them.
    assert found.days == pytest.approx(len(model.end_s) * model.step_s / 86_400, rel=0.05)
    assert found.first < found.last
    assert found.daily == no_failure(found.days)


def test_histories_are_months_of_the_model() -> None:
    model = shipped_fhs()
    first, second = histories(model, 2, 4)
    assert first.sha256 == next(histories(model, 1, 4)).sha256
    assert first.sha256 != second.sha256
    assert set(first.end_s.tolist()) < set(model.end_s.tolist())
    place = {int(end): k for k, end in enumerate(model.end_s)}
    rows = [place[int(end)] for end in first.end_s]
    assert np.array_equal(first.residual, model.residual[rows])
    # Where two months do not follow each other no block runs across.
    assert not first.follows[np.flatnonzero(np.diff(first.end_s) != model.step_s) + 1].any()


def test_the_spread_over_histories() -> None:
    market, limits = made.market(), read_limits("[tail]\nlevel = 0.8\n[solver]\nrelever = [0.0]\n")
    setting = Setting(market, menu_of(market, limits), sample_of("stressed", market, 50, 1), limits)
    told: list[tuple[int, int]] = []
    found = outer_bootstrap(
        setting,
        setting.menu.current,
        count=3,
        scenarios=100,
        seed=8,
        progress=lambda done, n: told.append((done, n)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
    liquidated = next(s for s in found.spreads if s.name == "liquidations.cvar_usd")
    assert list(liquidated.cvar_usd) == sorted(liquidated.cvar_usd)
    assert liquidated.cvar_usd[0] < liquidated.cvar_usd[-1]
    assert liquidated.within == 3
    with pytest.raises(InputError, match="no history"):
        outer_bootstrap(setting, setting.menu.current, count=1, scenarios=9, seed=1, generator="x.toml")
