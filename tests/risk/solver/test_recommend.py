"""The solver on small made markets, against trying everything."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import risk
from abis.errors import InputError
from protocols.entries import CollateralEntry, book_of
from protocols.snapshot import Snapshot
from risk.scenarios.build import grid
from risk.scenarios.fhs import filtered, shipped_fhs
from risk.scenarios.scenarios import Scenarios
from risk.solver.certificate import certify
from risk.solver.evaluate import Setting, amounts, broken, together
from risk.solver.limits import Limits, Objective, read_limits
from risk.solver.menu import accounts_of, menu_of, untested
from risk.solver.objectives import gains
from risk.solver.plan import stages
from risk.solver.recommend import recommend
from risk.solver.search import Effort
from risk.solver.solution_json import as_set, text, to_json
from tests.risk.report import made

SMALL = "[box]\nthreshold_bps = 100\nthreshold_step_bps = 100\nltv_bps = 100\n"


@pytest.fixture(scope="module")
def market() -> Snapshot:
    return made.market()


@pytest.fixture(scope="module")
def falls(market: Snapshot) -> Scenarios:
    return grid("market=0:-40%:21", market)


def limits(text: str = "") -> Limits:
    return read_limits(f"[tail]\nlevel = 0.8\n{text}{SMALL}")


def test_exhaustive_search_finds_nothing_better(market: Snapshot, falls: Scenarios) -> None:
    """On a small market no choice on the menu that keeps every limit gains more; the bounds hold."""
    tolerated = limits("[new_position]\nprobability = 0.9\n[solver]\nkeep = ['USDC', 'LINK', 'WBTC']\n")
    setting = Setting(market, menu_of(market, tolerated), falls, tolerated)
    now = {a.name: a.value for a in amounts(setting, setting.menu.current)}
    tight = replace(
        tolerated,
        numbers=dict(tolerated.numbers) | {"avoidable_loss.cvar_usd": 0.98 * now["avoidable_loss.cvar_usd"]},
    )
    solution = recommend(market, tight, falls)
    setting, gain = solution.setting, gains(solution.setting, Objective.BORROW_POWER)
    menu = setting.menu
    best = -np.inf
    ranges = [range(menu.first[r], menu.first[r + 1]) for r in range(len(menu.rows))]
    for chosen in product(*ranges):
        option = np.array(chosen)
        if gain[option].sum() > best and not broken(amounts(setting, option)):
            best = gain[option].sum()
    if solution.chosen is None:
        assert best == -np.inf
        return
    assert solution.search.exact_bound >= best - 1e-6
    found = solution.search.best
    assert found is not None
    assert found.kept
    assert found.gain <= best + 1e-6
    # The additive model may cut a better choice off; what it lost is within the stated gap.
    assert best - found.gain <= solution.search.exact_bound - found.gain + 1e-6


def test_nothing_is_changed_where_nothing_is_asked(market: Snapshot, falls: Scenarios) -> None:
    least = read_limits('[solver]\nobjective = "least_change"\n' + SMALL)
    solution = recommend(market, least, falls)
    assert solution.changes == ()
    assert solution.plan == ()
    assert "no choice on the menu is better" in text(solution)


def test_nothing_found_in_time_is_no_proof_that_there_is_nothing(market: Snapshot, falls: Scenarios) -> None:
    solution = recommend(market, limits(), falls, effort=Effort(seconds=0))
    assert solution.changes == ()
    assert solution.search.exact_bound > solution.search.now.gain
    assert "no choice on the menu is better" not in text(solution)
    assert "others may be (see gaps)" in text(solution)


def test_conflicts_are_named(market: Snapshot, falls: Scenarios) -> None:
    solution = recommend(market, limits("[liquidations]\ncvar_usd = 1\n"), falls)
    assert solution.chosen is None
    assert solution.conflict is not None
    assert any(name.startswith("liquidations.cvar_usd") for name in solution.conflict.names)
    assert min(solution.conflict.relaxed.values()) > 1
    assert "**None: no choice on the menu keeps all limits.**" in text(solution)
    assert "cannot be kept" in text(solution)
    assert to_json(solution)["recommended"] is None


def test_a_probability_that_must_give_way_is_not_rounded_to_nothing(
    market: Snapshot, falls: Scenarios
) -> None:
    solution = recommend(
        market,
        limits("[liquidations]\nquantile_usd = 1e12\n[avoidable_loss]\nsize_usd = 3e4\nprobability = 0\n"),
        falls,
    )
    assert solution.conflict is not None
    (least,) = solution.conflict.relaxed.values()
    assert 0 < least < 1
    assert f": {least:.4g}" in text(solution)


def test_limits_of_the_engine_alone_are_named_where_nothing_keeps_them(
    market: Snapshot, falls: Scenarios
) -> None:
    """The additive model knows nothing of them: what was judged tells."""
    solution = recommend(market, limits("[toxicity]\ncvar_usd = 0\n"), falls, effort=Effort(attempts=2))
    assert solution.chosen is None
    assert solution.conflict is None
    written = text(solution)
    assert "**None was found in 3 choices judged.**" in written
    least = min(
        a.value
        for one in (solution.search.now, *solution.search.attempts)
        for a in one.amounts
        if a.name == "toxicity.cvar_usd"
    )
    assert f"| toxicity\\.cvar\\_usd | {least:,.0f} | 0 | engine |" in written


def test_rows_that_break_a_rule_whatever_is_chosen_are_named(market: Snapshot, falls: Scenarios) -> None:
    solution = recommend(market, limits("[participation]\ncost_bps = 490\n"), falls)
    assert "rows against participation: 4 (WETH, WBTC, USDC, emode:1)" in text(solution)


@pytest.mark.parametrize("name", ["liquidations", "bad_debt.per_reserve.USDC"])
def test_a_limit_of_nothing_is_named_as_a_conflict(market: Snapshot, falls: Scenarios, name: str) -> None:
    """A limit of 0 cannot be scaled, and one of a part has a name of its own."""
    solution = recommend(market, limits(f"[{name}]\ncvar_usd = 0\n"), falls)
    if solution.chosen is None:
        assert solution.conflict is not None
        assert any(found.startswith(f"{name}.cvar_usd") for found in solution.conflict.names)
    else:
        assert solution.search.best is not None
        assert all(a.value == 0 for a in solution.search.best.amounts if a.name == f"{name}.cvar_usd")


def test_the_plan_obeys_the_market(market: Snapshot, falls: Scenarios) -> None:
    """Every stage moves within the rules' steps, and the last one is the choice."""
    solution = recommend(market, limits(), falls)
    assert solution.changes
    reached = {c.name: c.before for c in solution.changes}
    for stage in solution.plan:
        for change in stage.changes:
            assert change.before == reached[change.name]
            reached[change.name] = change.after
    assert reached == {c.name: c.after for c in solution.changes}
    assert solution.chosen is not None
    assert len(stages(solution.setting, solution.chosen)) == len(solution.plan)
    names = [line.partition("=")[0] for line in as_set(solution.changes)]
    assert names == [c.name for c in solution.changes]


def test_pairs_without_returns_are_told(market: Snapshot) -> None:
    """Where nothing is known of a pair the new-position test does not pass in silence."""
    asked = limits("[new_position]\nprobability = 0.5\n")
    everything = untested(market, asked, table={})
    assert "WETH/USDC" in everything
    assert set(untested(market, asked)) < set(everything)
    assert untested(market, limits()) == ()


def test_accounts_are_the_books(market: Snapshot, falls: Scenarios) -> None:
    tolerated = limits()
    setting = Setting(market, menu_of(market, tolerated), falls, tolerated)
    accounts = accounts_of(market, setting.menu)
    assert accounts.d_usd.sum() == pytest.approx(market.debt_usd.sum())
    assert len(accounts) == (np.diff(market.book.debt.indptr) > 0).sum()
    assert (together(setting, setting.menu.current, 1.0).eligible_usd >= 0).all()


def test_caps_alone_may_move(market: Snapshot, falls: Scenarios) -> None:
    """A box of nothing but caps is not empty."""
    caps = "[box]\nthreshold_bps = 0\nltv_bps = 0\nsupply_cap_pct = 50\n[cap_fill]\nusd = 20e6\n"
    solution = recommend(market, read_limits("[tail]\nlevel = 0.8\n" + caps), falls)
    assert solution.changes
    assert {c.field.name for c in solution.changes} == {"supply_cap"}


def test_a_frozen_reserve_is_told_of(market: Snapshot) -> None:
    """Its LTV waits: whoever sends the plan must know; the engine's findings are there, feasible or not."""
    reserves = list(market.reserves)
    reserves[made.WETH] = replace(reserves[made.WETH], frozen=True, ltv_bps=0)
    frozen = replace(market, reserves=tuple(reserves))
    drawn = filtered(shipped_fhs(), frozen, scenarios=30, horizon_s=86_400, seed=3)
    keep = "[solver]\nrelever = [0.0]\nkeep = ['USDC', 'LINK', 'WBTC', 'wstETH', 'emode:1']\n"
    pinned = limits("[pin]\n'WETH.liquidation_threshold' = 8350\n" + keep)
    solution = recommend(frozen, pinned, drawn)
    assert [c.after for c in solution.changes if c.subject == "WETH"] == [8350]
    said = [f for f in solution.findings if f.subject == "WETH" and "frozen" in f.message]
    assert len(said) == 1
    assert "getPendingLtv" in said[0].remedy
    engine = {f.subject for f in solution.search.now.findings}
    assert engine
    written = text(solution)
    assert "It is frozen" in written
    none = recommend(frozen, limits("[liquidations]\ncvar_usd = 1\n" + keep), drawn)
    assert none.chosen is None
    for one in (solution, none):
        assert engine <= {f.subject for f in one.findings}
        after = text(one).partition("## Findings")[2]
        assert all(name in after for name in engine)


def test_it_is_offered_where_an_analyst_types(market: Snapshot, tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text("[tail]\nlevel = 0.8\n" + SMALL)
    limited = risk.load_limits(str(tmp_path / "limits.toml"))
    solution = risk.recommend(market, limited, risk.grid("market=0:-40%:3", market))
    assert str(solution) == text(solution)
    assert len(risk.sample_of("stressed", market, 20, seed=1)) == 20


def test_only_draws_certify(market: Snapshot, falls: Scenarios) -> None:
    tolerated = limits("[bad_debt]\ncvar_usd = 1e9\n")
    setting = Setting(market, menu_of(market, tolerated), falls, tolerated)
    chosen = setting.menu.current
    with pytest.raises(InputError, match="chosen, not drawn"):
        certify(setting, chosen, falls)
    few = filtered(shipped_fhs(), market, scenarios=10, horizon_s=86_400, seed=3)
    with pytest.raises(InputError, match="10 scenarios") as caught:
        certify(setting, chosen, few)
    assert "Draw at least" in (caught.value.remedy or "")
    many = filtered(shipped_fhs(), market, scenarios=300, horizon_s=86_400, seed=3)
    proof = certify(setting, chosen, many)
    assert proof.scenarios == 300
    assert {b.relever for b in proof.bounds} == {0.0, 0.5, 1.0}
    assert all(b.cvar_bound_usd >= b.cvar_usd for b in proof.bounds)
    assert all(b.probability_bound > b.failures / 300 for b in proof.bounds)
    with pytest.raises(InputError, match="made on these"):
        certify(replace(setting, scenarios=many), chosen, many)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[solver]\nkeep = ['NOPE']\n", "NOPE"),
        (
            "[box]\nthreshold_bps = 0\nltv_bps = 0\n",
            r"box is empty.*box\.borrow_cap_pct are all 0",
        ),
    ],
)
def test_bad_limits_for_the_market(market: Snapshot, falls: Scenarios, text: str, named: str) -> None:
    with pytest.raises(InputError, match=named):
        recommend(market, read_limits(text), falls)


@pytest.mark.parametrize("supplied", [{}, {"0xa1": 0}])
def test_a_market_in_which_nobody_owes_anything_is_solved(
    market: Snapshot, falls: Scenarios, supplied: dict[str, int]
) -> None:
    """A new market has suppliers or nobody: its parameters are chosen all the same."""
    weth = [CollateralEntry(name, 0, 10**20, 10**20, 8300, 8050, 10500, True) for name in supplied]
    empty = replace(market, book=book_of(supplied, weth, []))
    solution = recommend(empty, limits("[bad_debt]\ncvar_usd = 0\n"), falls)
    assert solution.chosen is not None
    assert not any(a.value for a in solution.search.now.amounts if a.name.endswith("cvar_usd"))
    json.dumps(to_json(solution), allow_nan=False)
