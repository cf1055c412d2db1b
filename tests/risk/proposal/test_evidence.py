"""The whole evidence of a proposal on a small market."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from protocols.exact import exact_rules
from protocols.snapshot import Completeness, Snapshot
from protocols.store import digest
from risk.depth import Depth
from risk.engine.stress import stress
from risk.proposal.apply import applied
from risk.proposal.capacity import decimal_tokens
from risk.proposal.changes import read_changes
from risk.proposal.effects import Effects, effects
from risk.proposal.evidence import Evidence, completeness_of, evidence_of
from risk.proposal.largest_borrower import largest_borrower_rows
from risk.proposal.provenance import code_sha256
from risk.scenarios.build import from_shocks
from risk.scenarios.scenarios import BLOCK
from risk.sensitivity import VARIANTS
from tests.risk.engine.test_stress import depth_of
from tests.risk.proposal.test_changes import made

TEXTS = ("WETH.liquidation_threshold=78%", "WETH.ltv=70%", "WETH.supply_cap=200")


@pytest.fixture(scope="module")
def market() -> Snapshot:
    return made()


@pytest.fixture(scope="module")
def found(market: Snapshot) -> Evidence:
    scenarios = from_shocks(["WETH=-5%", "WETH=-30%"], market)
    return evidence_of(market, read_changes(TEXTS, market), scenarios, depth=shallow(market))


def shallow(market: Snapshot) -> Depth:
    """Eight WETH can be sold, at 3 % below the oracle's price; the next fetch less."""
    return depth_of(market, [8.0, 40.0], [8.0 * 1_940.0, 8.0 * 1_940.0 + 32.0 * 1_500.0])


def test_inputs_are_named_by_their_hashes(market: Snapshot, found: Evidence) -> None:
    assert found.provenance.snapshot_sha256 == digest(market)
    assert len(found.provenance.scenarios_sha256) == 64
    assert found.provenance.seed is None
    assert len(code_sha256()) == 64


def test_both_sides_of_the_ledger_are_those_of_the_engine(market: Snapshot, found: Evidence) -> None:
    after = applied(market, found.changes)
    scenarios = from_shocks(["WETH=-5%", "WETH=-30%"], market)
    for side, snapshot in (("before", market), ("after", after)):
        outcome = stress(snapshot, scenarios, depth=shallow(market))
        (mean,) = (r for r in found.harm.rows if (r.measure, r.statistic) == ("bad debt", "mean"))
        assert getattr(mean, side) == np.average(outcome.bad_debt_usd.sum(axis=1), weights=outcome.weight)


def test_depth_decides_some_conclusions(found: Evidence) -> None:
    assert found.depth_dependence is not None
    assert [v.variant for v in found.depth_dependence.variants] == list(VARIANTS)
    texts = {c.text: c for c in found.depth_dependence.conclusions}
    assert "the change leaves the largest bad debt as it is" in texts
    assert any(c.reversed_by for c in texts.values())
    assert all(set(c.reversed_by) <= set(VARIANTS) for c in texts.values())
    assert all(c.identified == (not c.reversed_by) for c in texts.values())


def test_without_other_depths_there_is_one_run(market: Snapshot) -> None:
    told: list[tuple[str, int, int]] = []
    quick = evidence_of(
        market,
        read_changes(TEXTS, market),
        from_shocks(["WETH=-5%"], market),
        vary_depth=False,
        progress=lambda *step: told.append(step),
    )
    assert quick.depth_dependence is None
    assert told == [("stress", 1, 2), ("stress", 2, 2)]
    assert quick.infinite_depth


def test_caps_power_and_positions(market: Snapshot, found: Evidence) -> None:
    supply = next(u for u in found.caps if (u.asset, u.side) == ("WETH", "supply"))
    assert (supply.before_tokens, supply.after_tokens, supply.before_share) == (0, 200, None)
    assert supply.after_share == pytest.approx(100 / 200)
    assert supply.used_tokens == "100"
    assert sum(r.after_usd for r in found.borrow_power) == pytest.approx(found.effects.borrow_power_after_usd)
    after, exact = applied(market, found.changes), exact_rules(market.rules)
    assert [p.account for p in found.positions] == ["000002", "000001", "000000"]
    for p in found.positions:
        place = market.book.accounts.index(p.account)
        assert p.health_after_wad == exact.account_data(after.position(place), after.rules).health_factor
    assert [row.what for row in found.concentration] == ["all debt", "WETH supply"]
    assert found.concentration[0].accounts == 3


def test_the_largest_borrower_against_depth(market: Snapshot) -> None:
    (row,) = largest_borrower_rows(market, shallow(market))
    assert row.account == "000002"  # in the category: a bonus of 1 %
    assert row.sale_usd == pytest.approx(18_600 / 1.05 * 1.01)
    assert row.bonus_share == pytest.approx(0.01)
    assert row.clears is False
    assert row.absorbable_usd == 0.0
    (deep,) = largest_borrower_rows(market, depth_of(market, [40.0], [40.0 * 1_990.0]))
    assert deep.clears is True
    assert deep.slippage_share == pytest.approx(0.005)
    (unknown,) = largest_borrower_rows(market, Depth.infinite_for(market))
    assert unknown.clears is unknown.absorbable_usd is None


def test_new_positions_and_cap_fills_are_those_the_changes_touch(found: Evidence) -> None:
    assert {(p.collateral, p.emode) for p in found.new_positions} == {("WETH", "")}
    (pair,) = found.new_positions
    assert pair.before_fall_share == pytest.approx(1 - 0.75 / 0.80)
    assert pair.after_fall_share == pytest.approx(1 - 0.70 / 0.78)
    assert pair.before_share is not None
    assert pair.after_share is not None
    assert pair.after_share < pair.before_share
    weth = next(f for f in found.cap_fills if f.subject == "WETH")
    assert weth.before_headroom_usd is None
    assert weth.after_headroom_usd == pytest.approx(100 * 2_000)


@pytest.mark.parametrize(
    ("missing", "proven", "said"),
    [(None, None, "proves nothing"), (0, True, "unit for unit"), (5, False, "1 of 1")],
)
def test_completeness_is_stated(
    market: Snapshot, missing: int | None, proven: bool | None, said: str
) -> None:
    rows = () if missing is None else (Completeness(0, "supply", 10**20 - missing, 10**20, missing / 1e18),)
    got = completeness_of(replace(market, completeness=rows))
    assert got.proven is proven
    assert said in got.statement


def test_effects_do_not_depend_on_how_scenarios_are_cut(market: Snapshot) -> None:
    after = applied(market, read_changes(TEXTS, market))
    moves = [f"WETH=-{k / 100}%" for k in range(BLOCK + 30)]
    whole = effects(market, after, from_shocks(moves, market))
    assert len(whole.names) == BLOCK + 31
    for place in (1, BLOCK, BLOCK + 1, BLOCK + 30):
        alone = effects(market, after, from_shocks([moves[place - 1]], market))
        assert totals(alone, 1) == totals(whole, place)
        assert moved(alone, 1) == moved(whole, place)


def totals(found: Effects, row: int) -> list[float]:
    return [float(v) for v in found.frame().iloc[row, 1:]]


def moved(found: Effects, row: int) -> list[tuple[int, bool]]:
    here = found.moved_scenario == row
    return list(zip(found.moved_account[here].tolist(), found.moved_in[here].tolist(), strict=True))


def test_tokens_are_exact(market: Snapshot) -> None:
    usdc = market.reserves[1]
    assert [decimal_tokens(raw, usdc) for raw in (0, 1, 10**6, 1_234_500)] == ["0", "0.000001", "1", "1.2345"]
