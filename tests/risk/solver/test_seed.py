from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.solver.attempt import attempt
from risk.solver.closed_forms import smart_ltv
from risk.solver.evaluate import Setting
from risk.solver.menu import menu_of
from risk.solver.pairs import pair_debt
from risk.solver.recommend import recommend
from risk.solver.search import Effort
from risk.solver.seed import closed_form_seeds, nearest, smart_thresholds
from tests.risk.solver.practised import moved, row_of, setting_of


@pytest.fixture(scope="module")
def setting() -> Setting:
    return setting_of()


def _depth(market: Snapshot) -> Depth:
    """Return curves on which selling half a million tokens costs 0.1 % and a million half of it all."""
    price, n = market.price_usd, len(market.price_usd)
    size = np.tile(np.array([5e5, 1e6]), (n, 1))
    got = np.stack([5e5 * price * 0.999, 5e5 * price], axis=1)
    return replace(
        Depth.infinite_for(market),
        size_tokens=size,
        proceeds_usd=got,
        count=np.full(n, 2, dtype=np.int64),
    )


def test_smart_ltv_takes_the_debt_that_binds(setting: Setting) -> None:
    market, depth = setting.snapshot, _depth(setting.snapshot)
    found = smart_thresholds(market, setting.menu, depth, confidence=3.0)
    r = row_of(setting, "WETH")
    row = setting.menu.rows[r]
    bonus = row.options[row.current].parameters.bonus
    liquidity = depth.size_within(row.place, bonus) * market.price_usd[row.place]
    pairs = pair_debt(market)
    owed = pairs[(pairs.collateral == row.place) & (pairs.emode == 0)]
    bounds = [smart_ltv(3.0, 0.0, float(x), liquidity, bonus) for x in owed.debt_usd]
    assert found[r] <= min(bounds)  # without volatility only the incentive is taken off
    deeper = smart_thresholds(market, setting.menu, depth.scaled(100), confidence=3.0)
    assert deeper[r] > found[r]
    with pytest.raises(InputError, match="SmartLTV needs a depth"):
        smart_thresholds(market, setting.menu, Depth.infinite_for(market))


def test_the_published_vector_of_smart_ltv() -> None:
    assert smart_ltv(3, 0.10, 200_000, 1_000_000, 0.05) == pytest.approx(0.82444657, abs=1e-8)


def test_a_threshold_between_two_options_is_rounded_down(setting: Setting) -> None:
    menu = setting.menu
    wanted = np.full(len(menu.rows), math.nan)
    r = row_of(setting, "WETH")
    now = menu.options[int(menu.current[r])].parameters.threshold_bps
    wanted[r] = (now + 150) / 10_000
    assert moved(setting, nearest(menu, wanted))[r] == 100
    wanted[r] = 0.01
    assert moved(setting, nearest(menu, wanted))[r] == -200
    assert sum(map(abs, moved(setting, nearest(menu, np.full(len(menu.rows), math.nan))))) == 0


def test_the_search_is_never_worse_than_the_seed(setting: Setting) -> None:
    market, limits, falls = setting.snapshot, setting.limits, setting.scenarios
    depth = _depth(market).scaled(10_000)
    own = Setting(market, menu_of(market, limits), falls, limits, depth=depth)
    (seed,) = closed_form_seeds(own)
    assert any(moved(own, seed))
    found = recommend(market, limits, falls, depth=depth, effort=Effort(attempts=0, realised=False))
    begun = attempt(own, seed, realised=False)
    assert begun.kept
    assert begun.gain > found.search.now.gain
    assert found.search.best is not None  # with no attempt left, what the search began with
    assert found.search.best.gain >= begun.gain


def test_without_known_liquidity_there_is_no_seed(setting: Setting) -> None:
    assert closed_form_seeds(setting) == ()
    deep = replace(setting, depth=Depth.infinite_for(setting.snapshot))
    assert closed_form_seeds(deep) == ()
