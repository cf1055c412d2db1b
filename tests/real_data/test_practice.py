"""Practice, walk-forward and Maker's vaults on real data: what their tables rest on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from examples.practice import forward, maker
from examples.practice.page import put, table
from examples.practice.rivals import published
from risk.solver.walk_forward import window_starts

pytestmark = [pytest.mark.real_data, pytest.mark.verify]


def seconds(day: str) -> int:
    return int(pd.Timestamp(day, tz="UTC").timestamp())


@pytest.fixture(scope="module")
def vaults(data_dir: Path) -> maker.Vaults:
    return maker.read_vaults(data_dir)


def test_fees_accrue_at_the_rates_that_were_set(vaults: maker.Vaults) -> None:
    """From 19 October 2020 at 6 %, from 12 November at 4 %."""
    first, second = (int(t) for t in vaults.rate.time_s[:2])
    assert vaults.rate.fee[:2].tolist() == [0.06, 0.04]
    after = second + 30 * maker.DAY_S
    by_hand = 1.06 ** ((second - first) / maker.YEAR_S) * 1.04 ** (30 / 365)
    assert float(vaults.rate_at(after)) == pytest.approx(by_hand, rel=1e-12)


def test_vaults_with_fees_owe_about_what_the_debt_ceiling_let_them(vaults: maker.Vaults) -> None:
    """The ceiling of 1 January 2021 was 49.1 M; nearly all vaults with debt have ETH."""
    held = vaults.at(seconds("2021-01-01"))
    assert 40e6 < held.debt.sum() < 49.1e6
    assert (held.eth > 0).mean() > 0.95


def test_the_months_with_prices_are_whole(data_dir: Path) -> None:
    panel = maker.eth_panel(data_dir)
    found = maker.decisions(panel)
    assert [str(pd.Timestamp(s, unit="s").date()) for s, _ in found[:2]] == ["2021-01-01", "2021-02-12"]
    assert len(found) == 13
    for start, hours in found:
        at = np.searchsorted(panel.end_s, start)
        assert panel.end_s[at + hours] - start == hours * maker.HOUR_S


def test_the_rule_of_the_first_month_is_what_was_set_and_real_auctions_are_counted(
    vaults: maker.Vaults, data_dir: Path
) -> None:
    """The tolerance comes from 130 % itself; 11.6 M were repaid by auctions from 1 to 22 June 2022."""
    panel = maker.eth_panel(data_dir)
    (first,) = maker.months(vaults, panel.between(-np.inf, seconds("2021-01-20")))
    assert first.ratio == pytest.approx(1.30)
    assert first.was_set == first.rule
    assert maker.repaid_by_auctions(vaults, seconds("2022-06-01"), 22 * 24) == pytest.approx(11.6e6, rel=0.01)
    assert "130 %" in maker.text([first])


def test_2025_has_356_whole_days_and_none_of_the_crash_of_october(data_dir: Path) -> None:
    panel = forward.panel_of_folder(data_dir)
    days = window_starts(panel, forward.SPLIT_S, forward.END_S, forward.DAY_S)
    assert len(days) == 356
    assert seconds("2025-10-10") not in days.tolist()
    assert seconds("2025-02-03") in days.tolist()


def test_published_positions_are_imported(data_dir: Path) -> None:
    snapshot = published(data_dir)
    assert "stETH" in snapshot.asset_names
    assert len(snapshot.book) > 500


def test_a_table_is_put_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- /a -->\nafter\n", encoding="utf-8")
    put("a", table(("x", "y"), [["1", "2"]]), page)
    assert page.read_text(encoding="utf-8") == (
        "before\n<!-- a -->\n\n| x | y |\n|---|---:|\n| 1 | 2 |\n\n<!-- /a -->\nafter\n"
    )
    with pytest.raises(ValueError, match="no marks"):
        put("b", "", page)
