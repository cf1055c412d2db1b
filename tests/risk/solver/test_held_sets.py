"""Older parameters that accounts hold: told, left alone by changes, and judged by their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from abis.findings import FindingKind
from protocols.snapshot import Snapshot
from risk.proposal.apply import applied
from risk.scenarios.build import grid
from risk.solver.evaluate import Setting, amounts
from risk.solver.held_sets import holds_older, older_findings
from risk.solver.limits import read_limits
from risk.solver.menu import Menu, Option, Row, menu_of
from risk.solver.parameters import Parameters
from risk.solver.plan import stages
from risk.solver.recommend import recommend
from risk.solver.solution_json import text
from tests.risk.report import made

WETH_NOW = Parameters(8050, 8300, 10500)
LIMITS = "[tail]\nlevel = 0.5\n[box]\nthreshold_bps = 100\nthreshold_step_bps = 100\nltv_bps = 100\n"


def weth(market: Snapshot) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The entries that back a debt with WETH outside categories."""
    block = market.book.collateral
    outside = market.book.emode[block.account] == 0
    owes = np.diff(market.book.debt.indptr)[block.account] > 0
    return np.flatnonzero((block.reserve == made.WETH) & block.counted & outside & owes)


def holding(market: Snapshot, entry: int, threshold_bps: int) -> Snapshot:
    """The market with one entry under an older key."""
    block = market.book.collateral
    changed = block.threshold_bps.copy()
    changed[entry] = threshold_bps
    return replace(market, book=replace(market.book, collateral=replace(block, threshold_bps=changed)))


@pytest.fixture(scope="module")
def market() -> Snapshot:
    return made.market()


def test_a_market_without_keys_has_none(market: Snapshot) -> None:
    assert not holds_older(market).any()
    assert older_findings(market) == ()


def test_who_holds_older_parameters_is_told(market: Snapshot) -> None:
    entry = int(weth(market)[0])
    old = holding(market, entry, 8200)
    assert np.flatnonzero(holds_older(old)).tolist() == [entry]
    (found,) = older_findings(old)
    assert found.kind is FindingKind.UNSUPPORTED
    assert found.subject == "WETH"
    assert found.value_usd == pytest.approx(float(market.collateral_usd[entry]))
    limits = read_limits(LIMITS)
    solution = recommend(old, limits, grid("market=0:-30%:4", old))
    assert found in solution.findings
    assert "until they refresh" in text(solution)


def test_a_change_leaves_them_alone(market: Snapshot) -> None:
    """A new set reaches who holds the one in force, and nobody who holds an older one."""
    mine, *others = weth(market).tolist()
    assert others
    old = holding(market, mine, 8200)
    rows = menu_of(old, read_limits(LIMITS)).rows
    (row,) = [r for r in rows if r.name == "WETH"]
    lowered = next(k for k, o in enumerate(row.options) if o.parameters.threshold_bps == 8200)
    raised = next(k for k, o in enumerate(row.options) if o.parameters.threshold_bps == 8400)
    for option, threshold_bps in ((lowered, 8200), (raised, 8400)):
        after = applied(old, row.changes(option)).book.collateral.threshold_bps
        assert after[mine] == 8200
        assert set(after[others].tolist()) == {threshold_bps}


def test_the_plan_counts_by_their_own_key_who_a_stage_liquidates(market: Snapshot) -> None:
    """Lowering WETH's threshold far liquidates its borrowers, but not the one under an older key."""
    options = (Option(WETH_NOW, frozenset()), Option(Parameters(5000, 5000, 10500), frozenset()))
    menu = Menu((Row("WETH", made.WETH, False, (made.WETH,), options, 0),))
    limits = read_limits("[tail]\nlevel = 0.5\n[enactment]\ndust_usd = 0\n")

    def enacted(snapshot: Snapshot) -> tuple[float, float]:
        setting = Setting(snapshot, menu, grid("market=0:-10%:2", snapshot), limits)
        found = {a.name: a.value for a in amounts(setting, np.array([1]), realised=False)}
        last = {a.name: a.value for a in stages(setting, np.array([1]))[-1].amounts}
        return found["enactment.usd"], last["enactment.usd"]

    debt = market.debt_usd
    block = market.book.collateral
    everybody, at_the_end = enacted(market)
    assert everybody == at_the_end > 0
    spared = 0
    for entry in weth(market).tolist():
        account = int(block.account[entry])
        lo, hi = market.book.debt.indptr[account : account + 2]
        # An older key whose threshold differs from the one in force by a basis point.
        own, staged = enacted(holding(market, entry, 8299))
        assert own == staged
        assert everybody - own in (pytest.approx(0.0), pytest.approx(float(debt[lo:hi].sum())))
        spared += everybody - own > 1
    assert spared
