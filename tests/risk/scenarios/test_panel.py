from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import MalformedFile, ScenarioError
from risk.scenarios.candles import Candles
from risk.scenarios.panel import coin_of, panel_of, read_panel


def series(prices: dict[int, float], step_s: int = 300) -> Candles:
    times = sorted(prices)
    return Candles("X", np.array(times), np.array([prices[t] for t in times]), step_s)


@given(
    st.lists(st.booleans(), min_size=12, max_size=60),
    st.lists(st.booleans(), min_size=12, max_size=60),
    st.integers(0, 1_000),
)
def test_no_return_is_taken_across_a_gap(eth: list[bool], btc: list[bool], seed: int) -> None:
    """PAN-1: rows are exactly the steps at both ends of which every coin has a close."""
    rng = np.random.default_rng(seed)
    held = {
        coin: {300 * i: float(rng.uniform(1, 9)) for i, there in enumerate(flags) if there or i < 2}
        for coin, flags in (("ETH", eth), ("BTC", btc))
    }
    panel = panel_of({coin: [series(prices)] for coin, prices in held.items()}, 300)
    both = set(held["ETH"]) & set(held["BTC"])
    expected = [t for t in sorted(both) if t - 300 in both]
    assert panel.end_s.tolist() == expected
    for k, coin in enumerate(panel.coins):
        steps = [np.log(held[coin][t]) - np.log(held[coin][t - 300]) for t in expected]
        np.testing.assert_allclose(panel.log_return[:, k], steps, rtol=0, atol=1e-12)
    assert panel.follows.tolist() == [t - 300 in expected for t in expected]


def test_overlapping_files_are_joined_and_contradicting_ones_refused(tmp_path: Path) -> None:
    def file(name: str, start: str, prices: list[float]) -> Path:
        times = pd.date_range(start, periods=len(prices), freq="1h", tz="UTC")
        rows = pd.DataFrame({"time": times, "symbol": "ETHUSDT", "close": prices})
        rows.to_parquet(tmp_path / name)
        return tmp_path / name

    first = file("a.parquet", "2021-05-19T00:00", [100.0, 101, 102])
    second = file("b.parquet", "2021-05-19T02:00", [102.0, 103, 104])
    panel = read_panel([first, second], step_s=3_600)
    assert panel.coins == ("ETH",)
    np.testing.assert_allclose(np.exp(panel.log_price[:, 0]), [101, 102, 103, 104])
    bad = file("c.parquet", "2021-05-19T02:00", [105.0, 106])
    with pytest.raises(ScenarioError, match="different closes at 2021-05-19T03:00"):
        read_panel([first, bad], step_s=3_600)
    with pytest.raises(ScenarioError, match="no series 'BTCUSDT'"):
        read_panel([first], step_s=3_600, assets={"BTCUSDT": "BTC"})
    with pytest.raises(ScenarioError, match="no multiple of ETH's bars of 3600 s"):
        read_panel([first], step_s=5_400)
    with pytest.raises(ScenarioError, match="no series was given"):
        read_panel([], step_s=3_600)
    with pytest.raises(MalformedFile, match="does not exist"):
        read_panel([tmp_path / "none.parquet"], step_s=3_600)


def test_coins_without_common_hours_are_refused() -> None:
    with pytest.raises(ScenarioError, match="no two closes in common"):
        panel_of(
            {"ETH": [series({0: 1, 300: 1, 600: 1})], "BTC": [series({0: 1, 600: 1, 1_200: 1}, 300)]}, 300
        )


def test_a_period_is_cut_out() -> None:
    panel = panel_of({"ETH": [series({300 * i: 1.0 + i for i in range(9)})]}, 300)
    assert panel.between(600, 1_200).end_s.tolist() == [600, 900]
    with pytest.raises(ScenarioError, match="no return lies"):
        panel.between(9_000, 9_900)


@pytest.mark.parametrize(
    ("symbol", "coin"), [("ETHUSDT", "ETH"), ("ETH/USDT:USDT", "ETH"), ("BTC-USD", "BTC"), ("USDT", "USDT")]
)
def test_a_symbol_without_its_quote_is_the_coin(symbol: str, coin: str) -> None:
    assert coin_of(symbol) == coin


def test_two_symbols_of_one_coin_are_not_chosen_by_chance(tmp_path: Path) -> None:
    times = pd.date_range("2025-12-07", periods=4, freq="1h", tz="UTC")
    rows = [pd.DataFrame({"time": times, "symbol": s, "close": 9.0}) for s in ("ETHUSDC", "ETHUSDT")]
    file = tmp_path / "c.parquet"
    pd.concat(rows).to_parquet(file)
    with pytest.raises(ScenarioError, match="ETHUSDC and ETHUSDT are both ETH"):
        read_panel([file], step_s=3_600)
    assert read_panel([file], step_s=3_600, assets={"ETHUSDT": "ETH"}).coins == ("ETH",)


def test_a_market_that_no_bar_is_of_is_named(tmp_path: Path) -> None:
    times = pd.date_range("2025-12-07", periods=4, freq="1h", tz="UTC")
    rows = pd.DataFrame({"time": times, "symbol": "ETHUSDT", "market": "futures", "close": 9.0})
    rows.to_parquet(tmp_path / "c.parquet")
    with pytest.raises(ScenarioError, match="no bars of market 'spot' and interval '1h'"):
        read_panel([tmp_path / "c.parquet"], step_s=3_600, interval="1h")
    assert len(read_panel([tmp_path / "c.parquet"], step_s=3_600, market="futures")) == 3
