"""A category that values its members at a price of its own, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import risk
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.exact import exact_rules
from protocols.snapshot import EMode, Snapshot
from tests.risk.engine.markets import FREE, market, moves, reserve

ETH, STETH, USD = 0, 1, 2
TEN = 10 * 10**18
# Members' own prices are 2000 and 2200; inside the category both count 2100.
ETHER = EMode(1, "ether", 9_000, 9_300, 10_100, collateral=(0, 1), borrowable=(0, 1), price_raw=2_100 * 10**8)
LISTED = [
    reserve("ETH", 2_000.0, 0.80, 0.05),
    reserve("stETH", 2_200.0, 0.80, 0.05),
    reserve("USD", 1.0, 0.80, 0.05),
]


def snapshot_of(emode: EMode = ETHER) -> Snapshot:
    """``in`` owes ether against staked ether inside the category, ``out`` the same outside."""
    inside = (emode.liquidation_threshold_bps, emode.ltv_bps, emode.liquidation_bonus_bps)
    empty = market(LISTED, [], "3.0", emodes=(emode,))
    owed = 9 * 10**18
    return replace(
        empty,
        book=book_of(
            {"in": 1, "out": 0},
            [
                CollateralEntry("in", STETH, TEN, TEN, *inside, True, price_emode=1),
                CollateralEntry("out", STETH, TEN, TEN, 8_000, 7_500, 10_500, True),
            ],
            [DebtEntry("in", ETH, owed, owed, 1, 1), DebtEntry("out", ETH, owed, owed)],
        ),
    )


def test_members_are_valued_at_the_categorys_price_for_accounts_inside_only() -> None:
    snapshot = snapshot_of()
    np.testing.assert_allclose(snapshot.collateral_usd, [21_000, 22_000])
    np.testing.assert_allclose(snapshot.debt_usd, [18_900, 18_000])
    inside, outside = (
        exact_rules(snapshot.rules).account_data(snapshot.position(u), snapshot.rules) for u in (0, 1)
    )
    assert (inside.total_collateral_base, inside.total_debt_base) == (21_000 * 10**8, 18_900 * 10**8)
    assert inside.health_factor == 21_000 * 93 * 10**16 // 18_900
    assert (outside.total_collateral_base, outside.total_debt_base) == (22_000 * 10**8, 18_000 * 10**8)


def test_one_price_for_both_sides_hides_a_depeg_from_accounts_inside() -> None:
    """Staked ether loses a quarter; a category that values it as ether sees nothing."""
    snapshot = snapshot_of(replace(ETHER, price_raw=2_000 * 10**8, price_reserve=ETH))
    got = risk.stress(snapshot, moves(snapshot, [[1.0, 0.75, 1.0]]), liquidators=FREE, events=True)
    assert got.events is not None
    assert set(got.events["account"]) == {"out"}
    # What the liquidators do not take is lost all the same: 18,000 owed against 16,500.
    assert got.bad_debt_usd[0, ETH] >= 1_500


def test_a_feed_of_its_own_moves_by_the_median_of_its_members() -> None:
    snapshot = snapshot_of()
    # Both members move alike against the dollar: nothing changes inside.
    alike = [int(r.price_raw * 0.5) for r in snapshot.reserves[:2]] + [10**8]
    assert [leg.price_raw for leg in snapshot.position(0, alike).collateral] == [1_050 * 10**8]
    # One falls by half, the other stands: half-way.
    apart = [2_000 * 10**8, 1_100 * 10**8, 10**8]
    assert [leg.price_raw for leg in snapshot.position(0, apart).debt] == [1_575 * 10**8]


@pytest.mark.parametrize("price_usd", [1_700, 2_000, 2_100, 2_450])
def test_a_call_seizes_at_the_categorys_price(price_usd: int) -> None:
    """Against the exact rules; the bonus is on top of one price for both sides, whatever it is."""
    snapshot = snapshot_of(replace(ETHER, price_raw=price_usd * 10**8, liquidation_threshold_bps=8_900))
    assert snapshot.book.collateral.threshold_bps[0] == 8_900
    got = risk.stress(snapshot, moves(snapshot, np.ones((1, 3))), liquidators=FREE, events=True)
    assert got.events is not None
    first = got.events[got.events["account"] == "in"].iloc[0]
    exact = exact_rules(snapshot.rules).liquidate(snapshot.position(0), 0, 0, 2**256 - 1, snapshot.rules)
    assert exact.refusal is None
    assert first["repaid_raw"] == pytest.approx(exact.debt_repaid_raw, rel=1e-12)
    assert first["seized_raw"] == pytest.approx(exact.collateral_seized_raw, rel=1e-12)
    assert first["seized_usd"] == pytest.approx(first["repaid_usd"] * 1.01, rel=1e-9)


def test_a_debt_that_left_the_category_is_repaid_at_the_categorys_price() -> None:
    snapshot = snapshot_of()
    debt = replace(snapshot.book.debt, price_emode=np.zeros(2, dtype=np.int64))
    snapshot = replace(snapshot, book=replace(snapshot.book, debt=debt))
    position = snapshot.position(0)
    (leg,) = position.debt
    assert (leg.price_raw, leg.price_in_call_raw) == (2_000 * 10**8, 2_100 * 10**8)
    np.testing.assert_allclose(snapshot.debt_usd[0], 18_000)
    # 9 ether at 2000 against 10 staked ether at 2100: above one at .93, so lower the threshold.
    low = replace(snapshot.book.collateral, threshold_bps=np.array([8_000, 8_000]))
    snapshot = replace(snapshot, book=replace(snapshot.book, collateral=low))
    exact = exact_rules(snapshot.rules).liquidate(snapshot.position(0), 0, 0, 10**18, snapshot.rules)
    assert exact.collateral_seized_raw == 101 * 10**16  # one for one, plus 1 %
    got = risk.stress(snapshot, moves(snapshot, np.ones((1, 3))), liquidators=FREE, events=True)
    assert got.events is not None
    first = got.events[got.events["account"] == "in"].iloc[0]
    assert first["seized_raw"] / first["repaid_raw"] == pytest.approx(1.01, rel=1e-12)
