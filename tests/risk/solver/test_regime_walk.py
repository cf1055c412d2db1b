"""Rules walked over the past, and the regime of a moment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from risk.scenarios.fhs import shipped_fhs
from risk.scenarios.panel import Panel
from risk.scenarios.past import past_of
from risk.solver.procyclicality import Tempering
from risk.solver.regime_draws import REGIMES, Regime, Regimes, regimes_of
from risk.solver.regime_now import UNASKED, read_now, regime_now
from risk.solver.regime_walk import Walk, haircuts, held, measured, stays, walk
from risk.solver.returns import DAY_S

HOUR_S = 3_600
START_S = 1_700_006_400 - 1_700_006_400 % DAY_S


@pytest.fixture(scope="module")
def regimes() -> Regimes:
    model = shipped_fhs()
    return regimes_of(model, past_of(model))


def made(raw: list[int], fell: list[float]) -> Walk:
    """Return a walk of one coin whose haircuts are 10, 20 and 40 % by regime, 15 % from the look-back."""
    n = len(raw)
    return Walk(
        coins=("ETH",),
        day_s=START_S + DAY_S * np.arange(n),
        stretch=np.zeros(n, dtype=np.int64),
        raw=np.array(raw),
        of_day=np.linspace(0.1, 0.4, n)[:, None],
        of_regime=np.broadcast_to(np.array([0.1, 0.2, 0.4])[None, :, None], (n, 3, 1)),
        floor=np.full((n, 1), 0.15),
        fell=np.array(fell)[:, None],
        horizon_days=1,
        probability=0.05,
    )


@given(st.lists(st.integers(0, 2), min_size=1, max_size=60), st.integers(1, 10))
def test_regimes_do_not_flap(raw: list[int], hold: int) -> None:
    """APC-7: a stricter regime is in force at once; two exits from it lie further apart than it is held."""
    found = held(np.array(raw), START_S + DAY_S * np.arange(len(raw)), hold)
    assert (found >= np.array(raw)).all()
    for rank in (1, 2):
        inside = found >= rank
        exits = np.flatnonzero(inside[:-1] & ~inside[1:]) + 1
        assert (np.diff(exits) > hold).all()
        for day in exits.tolist():
            assert max(raw[max(0, day - hold + 1) : day + 1]) < rank


def test_a_rule_by_regime_by_hand() -> None:
    found = made([0, 2, 0, 0, 0], [0.0, 0.2, 0.0, 0.0, 0.3])
    ranks = held(found.raw, found.day_s, 3)
    np.testing.assert_allclose(haircuts(found, 0, ranks, Tempering()), [0.1, 0.4, 0.4, 0.4, 0.1])
    # A quarter of the way to stress, the floor, and a quarter on top where the need is that of calm.
    tempered = Tempering(0.25, 365, 0.25)
    np.testing.assert_allclose(haircuts(found, 0, ranks, tempered), [0.21875, 0.4, 0.4, 0.4, 0.21875])
    assert stays(found, 3) == {Regime.CALM: (1, 1), Regime.OUT: (), Regime.STRESSED: (3,)}


def test_exceedances_are_counted_on_what_is_published() -> None:
    found = made([0, 2, 0, 0, 0], [0.05, 0.2, 0.0, 0.0, 0.3])
    rules = {m.rule: m for m in measured(found, Tempering(), hold_days=3)}
    assert rules["by regime"].came.beyond == 1  # the last day, calm again
    assert rules["by regime"].moved.highest == pytest.approx(0.4)
    # 50 bps in three days cannot follow: 30 points in a day become half a point.
    assert rules["by regime"].stepped.largest_move == pytest.approx(0.005)
    assert rules["by regime"].stepped_came.beyond == 2
    # A share nobody asked for is measured as the European rules have it.
    assert "25% stressed" in rules
    asked = measured(found, Tempering(stressed_weight=0.5), hold_days=3)
    assert "50% stressed" in {m.rule for m in asked}


def test_the_past_is_walked_with_what_was_known(regimes: Regimes) -> None:
    """Hours after a day change nothing that was said of it."""
    model, past = regimes.model, regimes.past
    hours = np.arange(len(model.end_s)) < 24 * 420
    short = replace(
        model,
        end_s=model.end_s[hours],
        residual=model.residual[hours],
        states={name: state[hours] for name, state in model.states.items()},
    )
    kept = replace(past, log_return=past.log_return[hours], variance=past.variance[hours])
    first = walk(
        Regimes(short, kept, regimes.stressed_from, regimes.width), probability=0.05, horizon_days=1, paths=40
    )
    again = 24 * 340
    cut = Regimes(
        replace(
            short,
            end_s=short.end_s[:again],
            residual=short.residual[:again],
            states={name: state[:again] for name, state in short.states.items()},
        ),
        replace(kept, log_return=kept.log_return[:again], variance=kept.variance[:again]),
        regimes.stressed_from,
        regimes.width,
    )
    second = walk(cut, probability=0.05, horizon_days=1, paths=40)
    n = len(second.day_s)
    assert 60 < n < len(first.day_s)
    for name in ("day_s", "of_day", "of_regime", "floor", "raw"):
        np.testing.assert_array_equal(getattr(first, name)[:n], getattr(second, name))
    calm, _, stressed = (first.of_regime[:, k, 0] for k in range(len(REGIMES)))
    assert (stressed > calm).all()


def test_too_short_a_past_is_refused(regimes: Regimes) -> None:
    model = replace(regimes.model, end_s=regimes.model.end_s[:200])
    with pytest.raises(InputError, match="too few to walk"):
        walk(replace(regimes, model=model), probability=0.05, horizon_days=1)


def hours(days: int, daily: float = 0.3, shock: float = 0.0) -> Panel:
    """Return hours of ETH that go up and down by as much as ``daily`` a year, and move once at the end."""
    n = 24 * days
    steps = np.where(np.arange(n) % 2, 1.0, -1.0) * daily / np.sqrt(8_760)
    steps[-2] += shock
    prices = np.log(3_000.0) + steps.cumsum()
    return Panel(("ETH",), HOUR_S, START_S + HOUR_S * (np.arange(n) + 1), steps[:, None], prices[:, None])


@pytest.mark.parametrize(
    ("shock", "regime"), [(0.0, Regime.CALM), (-0.02, Regime.OUT), (-0.15, Regime.STRESSED)]
)
def test_now_is_told_from_candles(regimes: Regimes, shock: float, regime: Regime) -> None:
    panel = hours(40, shock=shock)
    found = regime_now(panel, regimes, int(panel.end_s[-1]), hold_days=7)
    assert found.regime is regime, found.why


def test_now_is_out_of_range_below_a_stated_support(regimes: Regimes) -> None:
    panel = hours(40)
    now_s = int(panel.end_s[-1])
    assert regime_now(panel, regimes, now_s, hold_days=7, support_usd=3_100).regime is Regime.OUT
    assert regime_now(panel, regimes, now_s, hold_days=7, support_usd=2_000).regime is Regime.CALM


def test_now_is_not_known_without_the_hours_that_tell(regimes: Regimes) -> None:
    panel = hours(40)
    now_s = int(panel.end_s[-1])
    assert read_now([], regimes, now_s, hold_days=7) == UNASKED
    late = regime_now(panel, regimes, now_s + DAY_S, hold_days=7)
    assert late.regime is None
    assert "the candles end" in late.why
    early = regime_now(panel, regimes, START_S - 1, hold_days=7)
    assert early.regime is None
    assert "begin after" in early.why
    short = regime_now(hours(36), regimes, START_S + 36 * DAY_S, hold_days=7)
    assert short.regime is None
    assert "37 days" in short.why
    other = replace(panel, coins=("SOL",))
    assert "no ETH" in regime_now(other, regimes, now_s, hold_days=7).why
