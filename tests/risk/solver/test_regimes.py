"""Haircuts by price regime: how they are drawn, solved, tempered and got to."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from abis.errors import InputError
from protocols.change_rules import ChangeRule, ChangeRules, StepKind
from protocols.snapshot import Snapshot
from risk.scenarios.fhs import shipped_fhs
from risk.scenarios.past import past_of
from risk.solver.generators import sample_of
from risk.solver.limits import Limits, read_limits
from risk.solver.menu import menu_of, safe_ltv_bps
from risk.solver.procyclicality import Tempering
from risk.solver.recommend import Solution, recommend
from risk.solver.regime_draws import (
    REGIMES,
    Regime,
    Regimes,
    Source,
    counts,
    log_paths_of,
    regimes_of,
    scenarios_of,
    table_of,
    weighted,
)
from risk.solver.regime_now import UNASKED
from risk.solver.regime_rule import RegimeRule, Steps, steps_of
from risk.solver.regime_text import text, to_json
from risk.solver.regimes import RegimeChoice, RowLtv, by_regime, tempered, transitions
from risk.solver.returns import DAY_S
from risk.solver.search import Effort
from tests.risk.report import made
from tests.risk.solver.small import LIMITS

LTV = st.integers(1, 9_500)
SWEPT = Effort(attempts=5, realised=False)
WIDE = LIMITS.replace("ltv_bps = 100", "ltv_bps = 3000")
NEW = "[new_position]\nprobability = 0.05\nhorizon_days = 1\n"


@pytest.fixture(scope="module")
def regimes() -> Regimes:
    model = shipped_fhs()
    return regimes_of(model, past_of(model))


@pytest.fixture(scope="module")
def market() -> Snapshot:
    return made.market()


def solved(market: Snapshot, limits: Limits) -> Solution:
    return recommend(market, limits, sample_of("stressed", market, 40, 1), effort=SWEPT)


def chosen(market: Snapshot, regimes: Regimes, text: str = "") -> tuple[RegimeChoice, ...]:
    solution = solved(market, read_limits(WIDE + NEW + text))
    return by_regime(solution, regimes, draws=40, seed=1, effort=SWEPT, paths=300)


@pytest.fixture(scope="module")
def plain(market: Snapshot, regimes: Regimes) -> tuple[RegimeChoice, ...]:
    return chosen(market, regimes)


def test_stress_lends_less_and_thresholds_are_the_same(
    market: Snapshot, plain: tuple[RegimeChoice, ...]
) -> None:
    calm, _, stressed = plain
    assert [c.regime for c in plain] == list(REGIMES)
    assert all(c.kept for c in plain)
    moved = [r.subject for r, s in zip(calm.ltvs, stressed.ltvs, strict=True) if r.published > s.published]
    assert "WETH" in moved
    recommended = {c.name: c.after for c in solved(market, read_limits(WIDE + NEW)).changes}
    for choice in plain:
        for row in choice.ltvs:
            assert row.published == row.solved <= row.threshold_bps
        thresholds = {c.name: c.after for c in choice.changes if c.field.name == "liquidation_threshold"}
        assert thresholds == {k: v for k, v in recommended.items() if k.endswith("liquidation_threshold")}
    # From one regime to another nothing but LTVs moves.
    fields = {c.field.name for t in transitions(market, plain) for c in t.changes}
    assert fields == {"ltv"}


def test_a_weight_of_one_leaves_one_regime(market: Snapshot, regimes: Regimes) -> None:
    """Every regime is stress then: the same draws by hash, the same LTVs."""
    calm, out, stressed = chosen(market, regimes, "[procyclicality]\nstressed_weight = 1\n")
    assert calm.scenarios.sha256 == out.scenarios.sha256 == stressed.scenarios.sha256
    assert calm.ltvs == out.ltvs == stressed.ltvs


@pytest.mark.verify
def test_floor_and_buffer_make_calm_stricter_and_never_stricter_than_stress(
    market: Snapshot, regimes: Regimes, plain: tuple[RegimeChoice, ...]
) -> None:
    text = "[procyclicality]\nfloor_lookback_days = 365\nrelease_buffer = 0.25\n"
    held = chosen(market, regimes, text)
    for before, after in zip(plain, held, strict=True):
        for one, other in zip(before.ltvs, after.ltvs, strict=True):
            assert other.floor is not None
            assert other.published <= min(one.published, other.floor)
    calm, _, stressed = held
    assert any(a.published < b.published for a, b in zip(calm.ltvs, plain[0].ltvs, strict=True))
    for one, other in zip(calm.ltvs, stressed.ltvs, strict=True):
        assert one.published >= other.published


@pytest.mark.verify
def test_thresholds_move_only_where_the_limits_say_so(
    market: Snapshot, regimes: Regimes, plain: tuple[RegimeChoice, ...]
) -> None:
    """Then each regime has the menu of the limits to itself; else all stand on the recommended thresholds."""
    free = chosen(market, regimes, "[procyclicality]\nthresholds_move = 1\n")
    held = {r.subject: r.threshold_bps for r in plain[0].ltvs}
    for one, other in zip(plain, free, strict=True):
        assert other.kept
        assert {r.subject: r.threshold_bps for r in one.ltvs} == held
        for row in other.ltvs:
            assert row.published <= row.threshold_bps
            assert abs(row.threshold_bps - held[row.subject]) <= 200
    assert any(r.threshold_bps != held[r.subject] for c in free for r in c.ltvs)


@pytest.mark.verify
def test_certificates_are_of_fresh_draws_of_each_regime(market: Snapshot, regimes: Regimes) -> None:
    solution = solved(market, read_limits(WIDE))
    found = by_regime(solution, regimes, draws=40, seed=1, certified=60, tries=2, effort=SWEPT, paths=300)
    hashes = [c.certificate.sha256 for c in found if c.certificate is not None]
    assert len(set(hashes)) == len(REGIMES)
    for choice in found:
        assert choice.certificate is not None
        assert choice.certificate.design_sha256 == choice.scenarios.sha256
        assert (choice.certificate.seed, choice.certificate.tries) == (3, 2)


@pytest.mark.verify
def test_limits_that_cannot_be_kept_are_named(market: Snapshot, regimes: Regimes) -> None:
    solution = solved(market, read_limits(WIDE))
    tight = dict(solution.setting.limits.numbers) | {"liquidations.cvar_usd": 0.0}
    limits = replace(solution.setting.limits, numbers=tight)
    refused = replace(solution, setting=replace(solution.setting, limits=limits))
    found = by_regime(refused, regimes, draws=40, seed=1, effort=SWEPT, paths=300)
    assert not any(c.found for c in found)
    assert all(c.conflict == ("liquidations.cvar_usd (follow 0%)",) for c in found)
    assert all(math.isnan(t.days) for t in transitions(market, found))


def test_nothing_is_built_on_no_choice(market: Snapshot, regimes: Regimes) -> None:
    solution = solved(market, read_limits(WIDE))
    none = replace(solution, search=replace(solution.search, best=None))
    with pytest.raises(InputError, match="no choice"):
        by_regime(none, regimes, draws=40, seed=1)


def test_a_longer_look_back_than_history_is_refused(regimes: Regimes) -> None:
    with pytest.raises(InputError, match="history holds 1,052 days"):
        regimes.lookback(3_650)


def test_regimes_of_the_past(regimes: Regimes) -> None:
    """A tenth of all hours is stressed, by definition; starts are ordered as the names say."""
    rank = regimes.rank()
    assert (rank == 2).mean() == pytest.approx(0.1, abs=0.001)
    calm = regimes.sources(Regime.CALM)[0][0]
    (below, half), (above, other) = regimes.sources(Regime.OUT)
    stressed = regimes.sources(Regime.STRESSED)[0][0]
    assert half + other == 1
    for outside in (below, above):
        assert (calm.start < outside.start).all()
        assert (outside.start < stressed.start).all()
        assert outside.condition is not None
    # Where a path begins is what the regime says.
    path = np.zeros((1, 2, 2))
    assert [int(s.condition.state(0, path)[0]) for s in (calm, below, above) if s.condition] == [0, 2, 3]


def test_draws_of_a_source_do_not_depend_on_what_stands_beside_it(market: Snapshot, regimes: Regimes) -> None:
    below = regimes.sources(Regime.OUT)[0][0]
    stressed = regimes.sources(Regime.STRESSED)[0][0]
    alone = log_paths_of(regimes.model, ((below, 1.0),), DAY_S, 6, 5)
    mixed = weighted(((below, 1.0),), stressed, 0.25)
    both = log_paths_of(regimes.model, mixed, DAY_S, 8, 5)
    np.testing.assert_array_equal(both[2:], alone)
    assert len(scenarios_of(regimes.model, mixed, market, 8, 5)) == 8
    np.testing.assert_array_equal(scenarios_of(regimes.model, mixed, market, 8, 5).weight, np.ones(8))


@given(st.integers(1, 3), st.integers(1, 500), st.floats(0.25, 1))
def test_at_least_the_stated_share_is_stressed(parts: int, total: int, weight: float) -> None:
    """APC-4: of any number of draws at least the stated share is stressed, and all are drawn."""
    start = np.ones(2)
    named = tuple((Source(name, start), 1 / parts) for name in ("calm", "below", "above")[:parts])
    mixed = weighted(named, Source("stressed", start), weight)
    found = counts([share for _, share in mixed], total)
    assert sum(found) == total
    assert min(found) >= 0
    assert mixed[0][0].name == "stressed"
    assert found[0] >= weight * total - 1e-6


@given(
    arrays(np.float64, (40, 3, 2), elements=st.floats(-0.3, 0.3)),
    arrays(np.float64, (40, 3, 2), elements=st.floats(0, 0.3)),
)
def test_a_regime_that_falls_further_lends_less(paths: np.ndarray, further: np.ndarray) -> None:
    """APC-5: where a price falls at least as far on every path, the LTV against dollars is no higher."""
    market, limits = made.market(), read_limits(NEW.replace("0.05", "0.1"))
    paths[:, 0] = further[:, 0] = 0.0
    # Against the dollar alone: where both fall further, one may fall less against the other.
    row = next(r for r in menu_of(market, limits).rows if r.subject == "LINK")
    lent = []
    for logs in (paths, paths - further.cumsum(axis=1).max(axis=2, keepdims=True)):
        table = table_of(("LINK", "BTC"), logs, DAY_S, "made up")
        own = {k: v for k, v in table.items() if k[1] == "USD"}
        lent.append(safe_ltv_bps(market, limits, row, 8_000, table=own))
    assert lent[1] <= lent[0] <= 8_000


@given(LTV, LTV, LTV, st.none() | LTV, st.floats(0, 1))
def test_what_tempers_keeps_the_order_of_regimes(
    a: int, b: int, c: int, floor: int | None, buffer: float
) -> None:
    """APC-6: floor and buffer only lower an LTV, to the floor at least, and keep the order of regimes."""
    stressed, out, calm = sorted((a, b, c))
    least = stressed if floor is None else min(stressed, floor)
    found = [tempered(ltv, floor, calm, stressed, buffer) for ltv in (calm, out, stressed)]
    assert found == sorted(found, reverse=True)
    assert found[2] == least  # stress has no buffer
    for ltv, published in zip((calm, out, stressed), found, strict=True):
        assert least <= published <= (ltv if floor is None else min(ltv, floor))


def test_the_text_says_what_is_missing(market: Snapshot) -> None:
    """No choice, no certificate and no known regime are said, not left out; names of tokens are escaped."""
    drawn = sample_of("stressed", market, 4, 1)
    none = tuple(RegimeChoice(r, drawn, conflict=("bad_debt.cvar_usd",)) for r in REGIMES)
    rule = RegimeRule(
        choices=none,
        transitions=transitions(market, none),
        now=UNASKED,
        options=Tempering(),
        hold_days=7,
        seed=1,
        certificate_seed=2,
        stressed_volatility=1.2,
        factor="ETH",
        measured=(),
        stays=dict.fromkeys(REGIMES, ()),
        probability=0.01,
        horizon_days=1,
        days=0,
        steps=Steps(50, 3),
    )
    said = text(rule)
    assert "not known: no candles were given" in said
    assert said.count("**no choice keeps**") == len(REGIMES)
    assert "Nothing moves between regimes" in said
    body = json.loads(json.dumps(to_json(rule), allow_nan=False))
    assert body["now"]["regime"] is None
    assert all(t["days"] is None for t in body["transitions"])
    row = RowLtv("a|b<script>", 8_000, 7_000, 6_000, 6_000, None)
    hostile = replace(rule, choices=(RegimeChoice(Regime.CALM, drawn, ltvs=(row,)),))
    assert "| `a\\|b<script>` |" in text(hostile)  # code, and one cell
    assert "missing (`--certify`)" in text(hostile)


def test_steps_are_those_of_the_market(market: Snapshot) -> None:
    rule = ChangeRule("ltv_bps", "*", 1, StepKind.ABSOLUTE, 50, 3 * DAY_S, None, "a contract")
    assert steps_of(replace(market, change_rules=ChangeRules((rule,)))) == Steps(50, 3)
    assert steps_of(replace(market, change_rules=ChangeRules())) == Steps(10_000, 1)
