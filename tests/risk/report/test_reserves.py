"""Utilisation, suppliers, caps and parameters of each reserve."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.snapshot import Snapshot
from risk.report.parameters import parameter_rows
from risk.report.reserves import cap_rows, reserve_rows
from tests.risk.report.made import GHO, LINK, USDC, WETH, WSTETH


def _with(snapshot: Snapshot, i: int, **changes: object) -> Snapshot:
    rows = list(snapshot.reserves)
    rows[i] = replace(rows[i], **changes)  # type: ignore[arg-type]
    return replace(snapshot, reserves=tuple(rows))


def test_utilisation_and_who_can_leave(snapshot: Snapshot) -> None:
    rows = reserve_rows(snapshot)
    assert rows[USDC].utilisation_share == pytest.approx(13_976_707.77 / 30_000_004)
    assert rows[USDC].largest_can_leave is False
    assert rows[WSTETH].largest_can_leave is True
    assert rows[WETH].suppliers == 21
    assert rows[WETH].top3_supplier_share == pytest.approx((20_000 + 1_000 + 950) / 30_500)


def test_a_minted_asset_has_no_utilisation(snapshot: Snapshot) -> None:
    row = reserve_rows(snapshot)[GHO]
    assert row.utilisation_share is None
    assert row.largest_supplier_share is None


def test_cap_fill_takes_the_largest_ltv_of_any_category(snapshot: Snapshot) -> None:
    rows = cap_rows(snapshot)
    assert rows[WSTETH].fill_power_usd == pytest.approx(10_000 * 2440 * 0.935)  # not the reserve's .785
    assert rows[LINK].fill_loss_usd == pytest.approx(889_000 * 14.5 * 0.66)
    assert rows[GHO].fill_loss_usd == 0.0


def test_cap_fill_reaches_no_further_than_what_can_be_borrowed(snapshot: Snapshot) -> None:
    row = cap_rows(snapshot)[WETH]
    assert row.fill_loss_usd == row.lendable_usd < row.fill_power_usd


def test_no_cap_reaches_everything(snapshot: Snapshot) -> None:
    row = cap_rows(_with(snapshot, LINK, supply_cap_tokens=0))[LINK]
    assert (row.headroom_usd, row.fill_power_usd, row.supply_cap_tokens) == (None, None, None)
    assert row.fill_loss_usd == row.lendable_usd > 0


@pytest.mark.parametrize("flag", [{"frozen": True}, {"paused": True}, {"active": False}])
@pytest.mark.parametrize("cap", [0, 10**9])
def test_a_closed_reserve_cannot_be_filled(snapshot: Snapshot, flag: dict[str, bool], cap: int) -> None:
    row = cap_rows(_with(snapshot, LINK, supply_cap_tokens=cap, **flag))[LINK]
    assert (row.headroom_usd, row.fill_loss_usd) == (0.0, 0.0)


def test_supply_beyond_the_cap_leaves_no_headroom(snapshot: Snapshot) -> None:
    assert cap_rows(_with(snapshot, LINK, supply_cap_tokens=5))[LINK].headroom_usd == 0.0


def test_buffers_cut_the_value_into_four_slices(snapshot: Snapshot) -> None:
    for row in parameter_rows(snapshot):
        wedge = 10_000 - 1e8 / (10_000 + row.bonus_bps)
        assert row.ltv_bps + row.user_buffer_bps + row.protocol_buffer_bps + wedge == pytest.approx(10_000)


def test_toxic_band_of_the_loop_category(snapshot: Snapshot) -> None:
    (mode,) = [r for r in parameter_rows(snapshot) if r.emode]
    assert (mode.toxic_from_health, mode.toxic_to_health) == (0.95, pytest.approx(0.955 * 1.01))
    assert mode.collateral_usd == pytest.approx(24_400_000)
    weth = parameter_rows(snapshot)[0]
    assert (weth.toxic_from_health, weth.toxic_to_health) == (None, None)
