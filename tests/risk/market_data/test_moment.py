"""A moment of exchanges: figures by hand, what is missing told, and nothing of the future in it."""

from __future__ import annotations

import dataclasses
import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abis.errors import BreakwaterError, InputError, MalformedFile, UnknownAsset
from abis.findings import Finding
from oracles.candle_path import MarketView
from oracles.facts import feed_for
from risk.market_data.moment_summary import Asked, AssetMoment, moment
from risk.market_data.parts import Series
from risk.venues.profile import shipped
from tests.risk.market_data.made_market import (
    BAR_S,
    START_S,
    book,
    candles,
    funding,
    open_interest,
    put,
    times,
)

HOUR = 12  # bars
FLAT = [100.0] * (26 * HOUR)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three venues, the third above the others in its last bar."""
    for name, last in (("a", 100.0), ("b", 100.2), ("c", 101.0)):
        candles(tmp_path, name, [*FLAT[:-1], last])
    return tmp_path


def one(root: Path, **asked: Any) -> tuple[AssetMoment, list[Finding]]:
    found, findings = moment(root, Asked(**asked))
    assert len(found.assets) == 1
    return found.assets[0], findings


def said(findings: list[Finding]) -> str:
    return " | ".join(f.message for f in findings)


def test_prices_and_who_is_furthest_apart(root: Path) -> None:
    btc, findings = one(root)
    assert (btc.fair_usd, btc.venues, btc.lowest, btc.highest) == (100.2, 3, "a", "c")
    assert btc.dispersion == pytest.approx(1.0 / 100.2)
    earlier, _ = one(root, at_s=START_S + 25 * 3_600)
    assert (earlier.fair_usd, earlier.dispersion) == (100.0, 0.0)
    assert {f.message for f in findings} >= {"no order books.", "no open interest.", "no funding."}
    assert btc.bid_depth_usd is btc.open_interest_usd is btc.funding_year is btc.leverage is None


def test_a_bar_counts_when_it_has_closed(root: Path) -> None:
    closed = START_S + len(FLAT) * BAR_S
    assert one(root, at_s=closed)[0].fair_usd == 100.2
    assert one(root, at_s=closed - 1)[0].fair_usd == 100.0


def test_depth_is_bids_within_one_percent_against_the_books_before(root: Path) -> None:
    for k in range(11):
        size = 5.0 if k < 10 else 2.0  # mid 100: bids from 99 on count
        book(root, START_S + k * 3_600, [(99.9, size), (99.0, 1.0), (98.9, 50.0)], [(100.1, 7.0)])
    btc, findings = one(root)
    usd = 99.9 * 2.0 + 99.0
    assert btc.bid_depth_usd == pytest.approx(usd)
    assert btc.depth_share == pytest.approx(usd / (99.9 * 5.0 + 99.0))
    assert "history" not in said(findings)
    few, findings = one(root, at_s=START_S + 5 * 3_600)
    assert few.depth_share is None
    assert "5 earlier books make no history" in said(findings)


def test_books_that_say_nothing_are_told(root: Path) -> None:
    good = ([(99.9, 1.0)], [(100.1, 1.0)])
    book(root, START_S, *good)
    book(root, START_S + 60, [(100.2, 1.0)], [(100.1, 1.0)])
    book(root, START_S + 120, [(99.9, 1.0)], [])
    book(root, START_S + 180, [(99.9, 1.0), (math.nan, 3.0)], [(100.1, 1.0)])
    btc, findings = one(root, window_s=26 * 3_600)
    assert btc.bid_depth_usd == pytest.approx(99.9)
    assert "2 of 4 books are one-sided or crossed" in said(findings)
    assert "1 levels without a price or size" in said(findings)
    assert "ends within one percent" in said(findings)
    stale, findings = one(root, window_s=3_600)
    assert stale.bid_depth_usd is None
    assert "no book after" in said(findings)


def test_open_interest_and_funding(root: Path) -> None:
    open_interest(root, [10.0] * 20 + [8.0], [math.nan] * 21)
    open_interest(root, [1.0] * 21, [100.0] * 20 + [90.0], venue="b")
    funding(root, [0.0001, 0.0002])
    funding(root, [0.0001] * 8 + [-0.0001], step_s=3_600, venue="b")
    btc, _ = one(root, at_s=START_S + 20 * 3_600, window_s=4 * 3_600)
    coins = 8.0 * 100.0  # at the fair price, where a venue gives no dollars
    assert btc.open_interest_usd == pytest.approx(coins + 90.0)
    assert btc.open_interest_change == pytest.approx((coins + 90.0) / (1_000.0 + 100.0) - 1.0)
    rates = (0.0002 * 365 * 3, -0.0001 * 365 * 24)
    assert btc.funding_year == pytest.approx((rates[0] * coins + rates[1] * 90.0) / (coins + 90.0))


def test_old_rows_are_left_out_and_told(root: Path) -> None:
    open_interest(root, [10.0], [1_000.0])
    funding(root, [0.0001])
    btc, findings = one(root, window_s=3_600)
    assert btc.open_interest_usd is btc.funding_year is None
    assert "open-interest 1h has nothing in the 3,600 s" in said(findings)
    assert "funding has nothing in the 57,600 s" in said(findings)


def test_liquidations_per_hour(root: Path) -> None:
    end = START_S + len(FLAT) * BAR_S
    rows = pd.DataFrame(
        {
            "time_s": [end - 7_200, end - 100, end - 50, end - 40, end - 30, end + 1],
            "asset": ["BTC", "BTC", "ETH", "BTC", "BTC", "BTC"],
            "liquidated_usd": [9.0, 100.0, 7.0, math.nan, 20.0, 50.0],
        }
    )
    btc, findings = one(root, liquidations=rows, window_s=7_200)
    assert btc.liquidated_usd_hour == pytest.approx(60.0)
    assert "1 rows of liquidations without" in said(findings)
    none, findings = one(root, liquidations=rows[rows["asset"] == "ETH"], window_s=7_200)
    assert none.liquidated_usd_hour is None
    assert "no liquidations listed" in said(findings)


def test_a_feed_lags_until_its_deviation_is_passed(tmp_path: Path) -> None:
    closes = [100.0] * 20 + [100.4] * 10 + [101.0] * 2
    for name in "abc":
        candles(tmp_path, name, closes)
    feeds = {"BTC": (feed_for("BTC / USD", 8), MarketView())}
    inside, _ = one(tmp_path, at_s=START_S + 24 * BAR_S, feeds=feeds, window_s=3_600)
    assert inside.predicted_usd == 100.0
    assert inside.predicted_gap == pytest.approx(0.004)
    assert inside.predicted_age_s is not None
    assert 2_900 < inside.predicted_age_s < 3_600  # the heartbeat's round
    after, _ = one(tmp_path, at_s=START_S + 32 * BAR_S, feeds=feeds, window_s=3_600)
    assert (after.predicted_usd, after.predicted_gap) == (101.0, 0.0)
    assert after.widest_gap == pytest.approx(101.0 / 100.4 - 1.0)  # the heartbeat had taken 100.4
    given_one, _ = one(tmp_path, oracle_usd={"BTC": 80.8})
    assert given_one.oracle_gap == pytest.approx(0.25)


def test_leverage_and_the_number_that_warns(root: Path) -> None:
    held = {"venue": "a", "asset": "BTC", "side": "long", "entry_usd": 100.2}
    rows = pd.DataFrame([held | {"leverage": 100.0, "notional_usd": 1e9, "count": 10_000}])
    asked = Asked(positions=rows, venues={"a": shipped("middle").venue})
    found, findings = moment(root, asked)
    assert found.assets[0].leverage == pytest.approx(100.0)
    assert found.spectral_radius is not None
    assert found.spectral_radius > 1.0
    deep = [(100.0 - k / 10, 1e8) for k in range(20)]
    book(root, START_S + 26 * 3_600 - 60, deep, [(100.1, 1.0)])
    assert (moment(root, asked)[0].spectral_radius or 0.0) < 0.1  # the measured book is deep
    dead = pd.concat(
        [rows, pd.DataFrame([held | {"entry_usd": 150.0, "leverage": 10.0, "notional_usd": 5.0}])]
    )
    again, findings = moment(root, dataclasses.replace(asked, positions=dead.fillna({"count": 1})))
    assert again.assets[0].leverage == pytest.approx(100.0)
    assert "1 rows are liquidated at the fair price already" in said(findings)


@pytest.mark.parametrize(
    ("asked", "error", "reason"),
    [
        (Asked(assets=("DOGE",)), UnknownAsset, "no candles of 'DOGE'"),
        (Asked(oracle_usd={"ETH": 1.0}), UnknownAsset, "no candles of 'ETH'"),
        (Asked(interval="1h"), InputError, "no candles of BTC of 1h"),
        (Asked(at_s=START_S), InputError, "no candles of BTC of 5m up to 2025-12-01T00:00"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    root: Path, asked: Asked, error: type[BreakwaterError], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        moment(root, asked)


def test_positions_need_rules_and_prices(root: Path) -> None:
    row = {
        "venue": "x",
        "asset": "BTC",
        "side": "long",
        "entry_usd": 100.0,
        "leverage": 5.0,
        "notional_usd": 1.0,
    }
    with pytest.raises(InputError, match="positions on 'x', a venue without rules"):
        moment(root, Asked(positions=pd.DataFrame([row])))
    rules = {"x": shipped("large").venue}
    with pytest.raises(InputError, match="positions of 'SOL', which has no fair price"):
        moment(root, Asked(positions=pd.DataFrame([row | {"asset": "SOL"}]), venues=rules))


def test_bars_of_unknown_length_are_refused(root: Path) -> None:
    rows = pd.DataFrame({"time": times(START_S, 2, BAR_S), "close": [100.0, 100.0]})
    put(root, Series("d", "BTC/USDT", "candles", "1M"), rows)
    with pytest.raises(MalformedFile, match="'1M' is no length of a bar"):
        moment(root, Asked())


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no fetched data"):
        moment(tmp_path, Asked())


def test_other_currencies_are_not_mixed_in(root: Path) -> None:
    candles(root, "d", [93.0] * len(FLAT), "BTC/EUR")
    candles(root, "d", [100.0] * len(FLAT), "BTC/USDC")
    btc, findings = one(root)
    assert (btc.venues, btc.lowest) == (4, "a")
    assert "quotes USDC, USDT are taken as one currency" in said(findings)


def test_a_venue_with_several_symbols_has_one_voice(tmp_path: Path) -> None:
    candles(tmp_path, "a", [100.0] * 5)
    for symbol in ("BTC/USDT", "BTC/USDC", "BTC/USDT:USDT"):
        candles(tmp_path, "b", [107.0] * 5, symbol)
    candles(tmp_path, "c", [100.2] * 5, "BTC/USDT:USDT")
    btc, findings = one(tmp_path)
    assert btc.venues == 3
    assert btc.fair_usd == pytest.approx(100.1)
    assert "2 venues with a spot market are too few" in said(findings)


@settings(max_examples=10)  # each writes two folders of flushed files
@given(
    closes=st.lists(st.floats(90.0, 110.0), min_size=24, max_size=24),
    cut=st.integers(2, 23),
    seed=st.integers(0, 2**32 - 1),
)
def test_nothing_later_is_in_a_moment(closes: list[float], cut: int, seed: int) -> None:
    """VEN-22: a past moment reads the same whatever is published after it."""
    rng = np.random.default_rng(seed)
    at_s = START_S + cut * BAR_S
    with tempfile.TemporaryDirectory() as folder:
        both = []
        for rows in (closes, [*closes[:cut], *rng.uniform(50.0, 150.0, 24 - cut)]):
            root = Path(folder) / "market"
            for name, factor in (("a", 1.0), ("b", 1.001), ("c", 0.998)):
                candles(root, name, [factor * x for x in rows])
            book(root, at_s, [(99.0, 1.0)], [(101.0, 1.0)])
            later = rng.uniform(1.0, 9.0)
            book(root, at_s + 1, [(99.0, later)], [(101.0, later)])
            hours = cut * BAR_S // 3_600 + 1
            open_interest(root, [5.0] * hours + [later], [math.nan] * (hours + 1))
            both.append(moment(root, Asked(at_s=at_s)))
            shutil.rmtree(root)
    assert both[0] == both[1]
