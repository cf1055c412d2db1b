"""Each replay against what its figures must be in closed form, and against the record."""

from __future__ import annotations

import numpy as np
import pytest

from examples.incidents import (
    cbeth_2026_02,
    dai_2020_11,
    luna_2022_05,
    steth_2022_06,
    usdc_2023_03,
    usde_2025_10,
    wsteth_2026_03,
)
from examples.incidents.record import Incident
from oracles.update_safety_search import Verdict


def ours(incident: Incident, figure: str) -> float:
    row = next(r for r in incident.rows if r.figure.startswith(figure))
    assert row.ours is not None
    return row.ours


def test_the_anchor_lets_in_what_is_below_a_quarter_above_it() -> None:
    seen = dai_2020_11.replay()
    assert ours(seen, "highest DAI price") == 1.2475  # the last posting of 0.75 cents up to 1.25
    assert seen.rows[0].difference() == "inside"
    assert ours(seen, "postings at 1.30") == 0
    # 1 + 0.3 s / (2700 + s) >= 1.04 from s = 415.4 s on, asked every 15 s.
    assert ours(seen, "time a pool must stay") == 7


def test_a_bound_freezes_a_feed_and_the_difference_is_lost() -> None:
    seen = luna_2022_05.replay()
    assert ours(seen, "frozen answer") == 0.107
    assert ours(seen, "answer of the same feed") == 0.01
    assert ours(seen, "bad debt per LUNA") == pytest.approx(0.55 * 0.107 - 0.01)


@pytest.fixture(scope="module")
def twin() -> usde_2025_10.Twin:
    return usde_2025_10.twin()


def test_one_venue_moves_neither_the_median_nor_the_peg(twin: usde_2025_10.Twin) -> None:
    for harm in (twin.peg, twin.cross):
        assert (harm.liquidated, harm.repaid_usd, harm.loss_usd, harm.bad_debt_usd) == (0, 0, 0, 0)


def test_a_single_venue_feed_liquidates_everybody_it_reaches_wrongly(twin: usde_2025_10.Twin) -> None:
    reached = int((usde_2025_10.HEALTHS * usde_2025_10.PRINT < 1).sum())
    assert twin.single.liquidated == reached > 50
    assert twin.single.over_usd == pytest.approx(twin.single.repaid_usd)
    # At 0.65 a repaid dollar takes 1.02 / 0.65 USDe, worth 0.997 each.
    worst = (1.02 / usde_2025_10.PRINT * usde_2025_10.POOLS - 1) * twin.single.repaid_usd
    assert 0 < twin.single.loss_usd <= worst


def test_a_frozen_price_hides_a_real_fall_and_a_followed_one_does_not(twin: usde_2025_10.Twin) -> None:
    held, debt = usde_2025_10.HELD_USDE, 930_000.0 / usde_2025_10.HEALTHS
    short = np.maximum(debt - held * usde_2025_10.PRINT, 0).sum()
    assert twin.real_peg.liquidated == 0
    assert twin.real_peg.bad_debt_usd == pytest.approx(short)
    assert twin.real_single.bad_debt_usd < short / 100


def test_at_the_break_even_both_cost_the_same(twin: usde_2025_10.Twin) -> None:
    p = twin.break_even
    follows = (1 - p) * (twin.single.loss_usd + twin.single.bad_debt_usd)
    follows += p * (twin.real_single.loss_usd + twin.real_single.bad_debt_usd)
    assert 0 < p < 1
    assert follows == pytest.approx(p * twin.real_peg.bad_debt_usd)


def test_a_missing_leg_takes_all_collateral_for_a_dollar_a_token() -> None:
    seen = cbeth_2026_02.replay()
    assert ours(seen, "price with both legs") == pytest.approx(2_200)
    assert ours(seen, "price without ETH/USD") == 1.12
    assert ours(seen, "collateral seized") == pytest.approx(100)
    assert ours(seen, "repaid per cbETH") == pytest.approx(1.12 / 1.1)
    owed = 1_096.317 * 2_200 * 0.8 * 0.999
    assert ours(seen, "bad debt") == pytest.approx(owed - 1_096.317 * 1.12 / 1.1)
    assert "times the price of WETH" in seen.lesson


def test_the_cap_of_march_2026_is_the_published_one_and_so_is_the_loss() -> None:
    seen = wsteth_2026_03.cap()
    change = seen.report.change
    assert change is not None
    assert change.effective_raw == 1_193_926_346_604_150_218
    assert seen.price_after_raw == 2_000 * 10**8 * change.effective_raw // 10**18
    assert seen.price_before_raw == 2_000 * 10**8 * 1_228_900_000_000_000_000 // 10**18
    assert change.refused
    assert seen.report.found.verdict is Verdict.REFUTED
    below = seen.price_after_raw / seen.price_before_raw
    assert len(seen.named.rows) == seen.harm.liquidated == int((wsteth_2026_03.HEALTHS * below < 1).sum())
    assert seen.harm.bad_debt_usd == 0
    # Each wstETH seized takes 1 / 1.01 of the capped price and gives the fair one.
    fair, capped = 1.2289, change.effective_raw / 1e18
    lost_eth = (fair - capped / 1.01) * 10_938
    assert ours(wsteth_2026_03.replay(), "borrowers' loss") == pytest.approx(lost_eth, rel=1e-6)
    assert lost_eth == pytest.approx(512, rel=1e-3)


@pytest.mark.real_data
@pytest.mark.usefixtures("data_dir")
def test_every_round_of_june_2022_has_a_trigger_and_the_low_is_the_published_one() -> None:
    seen = steth_2022_06.replay()
    assert ours(seen, "lowest stETH/ETH") == pytest.approx(0.93502, abs=1e-5)
    rounds = seen.row("rounds explained by deviation or heartbeat")
    assert rounds.known is not None
    assert ours(seen, "rounds explained") == rounds.known[0] > 0
    assert ours(seen, "health an ETH borrower") == pytest.approx(1 / 0.93502, rel=1e-5)


@pytest.mark.real_data
@pytest.mark.usefixtures("data_dir")
def test_a_cap_lets_the_fall_of_usdc_through() -> None:
    seen = usdc_2023_03.replay()
    low = ours(seen, "lowest USDC answer")
    assert low == pytest.approx(0.90076, abs=1e-5)
    assert seen.rows[1].difference() == "below 0.001 %"
    assert ours(seen, "fall a liquidation") == pytest.approx(152.5)
    assert ours(seen, "bad debt of a 97 % loop") == pytest.approx((1 - low / 0.97) * 100, rel=0.15)


@pytest.mark.real_data
@pytest.mark.usefixtures("data_dir")
def test_a_real_book_is_spared_by_the_change_but_not_by_the_furthest_permitted() -> None:
    seen = wsteth_2026_03.replay()
    assert ours(seen, "accounts that would") == 0  # lowest health 1.0302, needed 1.0293
    assert ours(seen, "the same, by the furthest") > 0
