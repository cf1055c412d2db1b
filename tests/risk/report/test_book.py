"""Completeness, distance to liquidation, borrowers and suppliers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from protocols.snapshot import Completeness, Snapshot
from risk.report.book import (
    account_rows,
    completeness,
    distance_table,
    largest_borrowers,
    largest_suppliers,
    listed_accounts,
)
from risk.report.positions import positions
from risk.testing.snapshots import snapshots
from tests.risk.report.made import LINK


@given(snapshots())
def test_distances_share_out_all_debt_and_every_borrower(snapshot: Snapshot) -> None:
    """RPT-6: distance buckets hold every borrower once and all debt."""
    at = positions(snapshot)
    rows = distance_table(snapshot, at)
    assert sum(r.accounts for r in rows) == int((at.debt_usd > 0).sum())
    assert sum(r.debt_usd for r in rows) == pytest.approx(float(at.debt_usd.sum()))
    assert all(r.debt_emode_usd >= 0 and r.debt_other_usd >= -1e-6 * max(r.debt_usd, 1) for r in rows)
    if at.debt_usd.sum() > 0:
        assert rows[-1].cumulative_debt_share == pytest.approx(1.0)


def test_first_row_is_what_can_be_liquidated_now(snapshot: Snapshot) -> None:
    first = distance_table(snapshot, positions(snapshot))[0]
    assert (first.accounts, first.debt_usd) == (2, 120_000.0)


def test_completeness_is_weighted_by_value(snapshot: Snapshot) -> None:
    figures = completeness(snapshot)
    link_usd = 111_000 * 14.5
    total = float(snapshot.collateral_usd.sum()) + link_usd / 500
    assert figures.missing_supply_usd == pytest.approx(link_usd / 500)
    assert figures.supply_share == pytest.approx(1 - link_usd / 500 / total)
    assert figures.debt_share == 1.0
    (short,) = [r for r in figures.rows if r.found_share is not None and r.found_share < 1]
    assert (short.asset, short.side) == ("LINK", "supply")
    assert int(short.total_scaled_raw) - int(short.found_scaled_raw) == 111_000 * 10**18 // 500


def test_nothing_checked_is_not_complete(snapshot: Snapshot) -> None:
    figures = completeness(replace(snapshot, completeness=()))
    assert (figures.supply_share, figures.debt_share) == (None, None)


def test_too_much_found_is_more_than_all(snapshot: Snapshot) -> None:
    row = Completeness(LINK, "supply", 110, 100, -1.0)
    figures = completeness(replace(snapshot, completeness=(row,)))
    assert figures.rows[0].found_share == pytest.approx(1.1)
    assert figures.supply_share is not None
    assert figures.supply_share > 1


def test_borrowers_come_largest_first_without_the_debt_free(snapshot: Snapshot) -> None:
    at = positions(snapshot)
    rows = account_rows(snapshot, at, largest_borrowers(at, 100))
    assert len(rows) == 27
    debts = [r.debt_usd for r in rows]
    assert debts == sorted(debts, reverse=True)
    assert rows[0].emode == "ETH correlated"
    assert (rows[0].main_collateral, rows[0].main_debt) == ("wstETH", "WETH")
    assert rows[0].leverage == pytest.approx(
        rows[0].collateral_usd / (rows[0].collateral_usd - rows[0].debt_usd)
    )


def test_an_under_water_account_has_no_leverage(snapshot: Snapshot) -> None:
    at = positions(snapshot)
    under = [r for r in account_rows(snapshot, at, largest_borrowers(at, 100)) if r.leverage is None]
    assert [r.debt_usd for r in under] == [16_000.0]


def test_the_list_is_bounded_and_holds_the_closest(snapshot: Snapshot) -> None:
    at = positions(snapshot)
    listed = listed_accounts(at, 2)
    assert len(listed) == 4
    rows = account_rows(snapshot, at, listed)
    assert {r.debt_usd for r in rows} >= {104_000.0, 16_000.0}


def test_suppliers_count_what_is_no_collateral(snapshot: Snapshot) -> None:
    rows = largest_suppliers(snapshot, positions(snapshot), 3)
    assert [(r.main_asset, r.supply_usd) for r in rows[:2]] == [
        ("WETH", 40_000_000.0),
        ("USDC", 30_000_000.0),
    ]
    assert rows[0].share_of_reserve == pytest.approx(20_000 / 30_500)
