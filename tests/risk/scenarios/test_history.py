from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abis.errors import MalformedFile, ScenarioError, UnknownAsset
from risk.scenarios.candles import read_candles
from risk.scenarios.history import Window, crash_windows, historical
from risk.scenarios.spec import load_scenarios
from tests.risk.markets import market

SNAPSHOT = market()
START = "2021-05-19T00:00:00Z"
WINDOW = Window.of("day", "2021-05-19T01:00", "2021-05-19T02:00")


def candles(path: Path, prices: dict[str, list[float]], **columns: str) -> Path:
    rows = [
        {"time": t, "symbol": symbol, "close_usdt": p, **columns}
        for symbol, row in prices.items()
        for t, p in zip(pd.date_range(START, periods=len(row), freq="5min"), row, strict=True)
    ]
    frame = pd.DataFrame(rows)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    return path


def ramp(last: float, n: int = 40) -> list[float]:
    return [*np.linspace(100, last, n)]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_window_is_the_relative_path_applied_to_the_prices_of_now(tmp_path: Path, suffix: str) -> None:
    file = candles(tmp_path / f"c{suffix}", {"ETHUSDT": ramp(61)})
    scenarios = historical([file], SNAPSHOT, [WINDOW], step_s=300)
    block = scenarios.produce(0, 1)
    assert scenarios.time_s.tolist() == [300.0 * k for k in range(13)]
    # 01:00 knows the close of the bar that began 00:55, the 12th.
    expected = 2500 * np.array(ramp(61)[11:24]) / ramp(61)[11]
    np.testing.assert_allclose(block.market_price_usd[0, :, 0, 0], expected, rtol=1e-12)
    np.testing.assert_allclose(block.market_price_usd[0, :, 0, 1] / 3000, expected / 2500, rtol=1e-12)
    assert (block.market_price_usd[0, :, 0, 4] == 1).all()
    assert {f.subject for f in scenarios.findings} == {"BTC", "USDC", "LINK", "GHO"}


def test_assets_without_a_series_move_by_beta_if_asked(tmp_path: Path) -> None:
    file = candles(tmp_path / "c.csv", {"ETHUSDT": ramp(61)})
    scenarios = historical([file], SNAPSHOT, [WINDOW], step_s=300, fill="beta", given_betas={"BTC": 0.5})
    block = scenarios.produce(0, 1)
    eth = block.fair_price_usd[0, :, 0] / 2500
    np.testing.assert_allclose(block.fair_price_usd[0, :, 2] / 60000, eth**0.5, rtol=1e-12)
    assert (block.fair_price_usd[0, :, 4] == 1).all()


def test_series_are_mapped_by_name(tmp_path: Path) -> None:
    file = candles(tmp_path / "c.csv", {"XBT": ramp(50)})
    block = historical([file], SNAPSHOT, [WINDOW], step_s=300, assets={"XBT": "BTC"}).produce(0, 1)
    assert block.fair_price_usd[0, -1, 2] == block.fair_price_usd[0, -1, 3] < 60000
    with pytest.raises(ScenarioError, match="no series 'ETH'"):
        historical([file], SNAPSHOT, [WINDOW], step_s=300, assets={"ETH": "WETH"})
    with pytest.raises(UnknownAsset):
        historical([file], SNAPSHOT, [WINDOW], step_s=300, assets={"XBT": "DOGE"})
    with pytest.raises(ScenarioError, match="belongs to an asset"):
        historical([file], SNAPSHOT, [WINDOW], step_s=300)


def test_a_gap_is_refused_unless_allowed(tmp_path: Path) -> None:
    file = candles(tmp_path / "c.csv", {"ETHUSDT": ramp(61)})
    rows = pd.read_csv(file).drop(index=[14, 15])
    rows.to_csv(file, index=False)
    with pytest.raises(ScenarioError, match="no bar for 2021-05-19T01:15"):
        historical([file], SNAPSHOT, [WINDOW], step_s=300)
    block = historical([file], SNAPSHOT, [WINDOW], step_s=300, max_gap_s=600).produce(0, 1)
    path = block.fair_price_usd[0, :, 0]
    assert path[3] == path[4] == path[2]
    with pytest.raises(ScenarioError, match="no bar"):
        historical([file], SNAPSHOT, [WINDOW], step_s=300, max_gap_s=300)


@pytest.mark.parametrize(("order", "fault"), [([0, 2, 1, 3], "out of order"), ([0, 1, 1, 2], "double")])
def test_unsorted_and_double_bars_are_refused(tmp_path: Path, order: list[int], fault: str) -> None:
    file = candles(tmp_path / "c.csv", {"ETHUSDT": ramp(61, 4)})
    pd.read_csv(file).iloc[order].to_csv(file, index=False)
    with pytest.raises(MalformedFile, match=fault):
        read_candles([file])


@pytest.mark.parametrize("price", ["0", "-1", "nan", "many", "inf"])
def test_impossible_prices_are_refused(tmp_path: Path, price: str) -> None:
    file = tmp_path / "c.csv"
    file.write_text(f"time,symbol,close\n{START},ETHUSDT,100\n2021-05-19T00:05Z,ETHUSDT,{price}\n")
    with pytest.raises(MalformedFile, match="row 1"):
        read_candles([file])


@pytest.mark.parametrize("unit", ["", "000", "000000", "000000000"])
def test_unix_times_are_understood(tmp_path: Path, unit: str) -> None:
    file = tmp_path / "c.csv"
    file.write_text(f"time,symbol,close\n1621382400{unit},ETHUSDT,100\n1621382700{unit},ETHUSDT,90\n")
    assert read_candles([file])["ETHUSDT"].end_s.tolist() == [1621382700, 1621383000]


def test_a_time_is_no_price(tmp_path: Path) -> None:
    file = tmp_path / "c.csv"
    head = "time,close_time,symbol,close_usdt"
    file.write_text(f"{head}\n{START},1621382699,ETHUSDT,100\n2021-05-19T00:05Z,1621382999,ETHUSDT,90\n")
    assert read_candles([file])["ETHUSDT"].price.tolist() == [100.0, 90.0]


def test_one_series_of_a_symbol_is_chosen(tmp_path: Path) -> None:
    a = candles(tmp_path / "a.csv", {"ETHUSDT": ramp(61)}, interval="5m", market="spot")
    b = candles(tmp_path / "b.csv", {"ETHUSDT": ramp(50)}, interval="5m", market="futures")
    c = candles(tmp_path / "c.csv", {"ETHUSDT": ramp(50)}, interval="1m", market="spot")
    assert read_candles([a, b])["ETHUSDT"].price[-1] == 61
    assert read_candles([a, b], market="futures")["ETHUSDT"].price[-1] == 50
    with pytest.raises(ScenarioError, match="bars of 1m, 5m"):
        read_candles([a, c])
    assert read_candles([a, c], interval="1m")["ETHUSDT"].price[-1] == 50


def test_missing_files_and_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedFile, match="nothing"):
        read_candles([tmp_path / "nothing.csv"])
    (tmp_path / "c.csv").write_text("time,close\n1,2\n")
    with pytest.raises(MalformedFile, match="'symbol'"):
        read_candles([tmp_path / "c.csv"])
    (tmp_path / "d.csv").write_text("time,symbol,open\n1,E,2\n")
    with pytest.raises(MalformedFile, match="'close'"):
        read_candles([tmp_path / "d.csv"])


def test_windows_must_have_one_length_that_the_step_fits(tmp_path: Path) -> None:
    file = candles(tmp_path / "c.csv", {"ETHUSDT": ramp(61)})
    other = Window("other", WINDOW.start_s, WINDOW.end_s + 300)
    with pytest.raises(ScenarioError, match="lengths"):
        historical([file], SNAPSHOT, [WINDOW, other], step_s=300)
    with pytest.raises(ScenarioError, match="step"):
        historical([file], SNAPSHOT, [WINDOW], step_s=7200)
    with pytest.raises(ScenarioError, match="ends"):
        Window.of("back", "2021-05-20", "2021-05-19")
    with pytest.raises(ScenarioError, match="window 'odd'"):
        Window.of("odd", "yesterday-ish", "2021-05-19")


@pytest.mark.real_data
def test_the_crash_of_may_2021_reaches_its_known_low(data_dir: Path) -> None:
    file = data_dir / "prices" / "binance_spot_5m_2021_05_crash.parquet"
    window = Window.of("2021-05-19", "2021-05-19T00:00", "2021-05-19T18:00")
    scenarios = historical([file], SNAPSHOT, [window], step_s=300, price="low")
    path = scenarios.produce(0, 1).market_price_usd[0, :, 0]
    lows = pd.read_parquet(file).query("symbol == 'ETHUSDT'").set_index("time")["low_usdt"]
    day = lows["2021-05-18 23:55":"2021-05-19 17:55"]
    assert path[:, 0].min() / 2500 == pytest.approx(day.min() / day.iloc[0], rel=1e-12)
    assert path[:, 0].min() / 2500 < 0.65
    assert {f.subject for f in scenarios.findings} == {"USDC", "GHO"}


def test_crashes_that_the_files_cover_are_taken_and_the_others_told(tmp_path: Path) -> None:
    times = pd.date_range("2021-05-18T20:00Z", periods=400, freq="5min")
    pd.DataFrame({"time": times, "symbol": "ETHUSDT", "close": ramp(61, 400)}).to_csv(tmp_path / "c.csv")
    text = "[[history]]\nfiles = ['c.csv']\nstep_s = 3600\nwindows = 'crashes'\n"
    (tmp_path / "spec.toml").write_text(text)
    scenarios = load_scenarios(tmp_path / "spec.toml", SNAPSHOT)
    assert scenarios.names == ("19 May 2021",)
    assert len(scenarios.time_s) == 25
    told = [f.subject for f in scenarios.findings if "left out" in f.message]
    assert told == [w.name for w in crash_windows() if w.name != "19 May 2021"]
    assert len({w.end_s - w.start_s for w in crash_windows()}) == 1
    other = candles(tmp_path / "d.csv", {"ETHUSDT": ramp(61, 40)})
    with pytest.raises(ScenarioError, match="none of the windows"):
        historical([other], SNAPSHOT, crash_windows(), step_s=3_600, leave_out=True)
    (tmp_path / "spec.toml").write_text(text.replace("crashes", "all"))
    with pytest.raises(MalformedFile, match="windows = 'all'"):
        load_scenarios(tmp_path / "spec.toml", SNAPSHOT)


@pytest.mark.real_data
def test_each_crash_on_record_fell_within_its_day(data_dir: Path) -> None:
    files = [
        data_dir / "prices" / f"binance_spot_5m_{name}.parquet"
        for name in ("2020_03_black_thursday", "ethusdt_2020_12_to_2021_07", "ethusdt_2022_08_to_2023_09")
    ] + [data_dir / "prices" / "binance_spot_5m_ethusdt_2025_01_to_2026_01.parquet"]
    scenarios = historical(
        files,
        SNAPSHOT,
        crash_windows(),
        step_s=300,
        assets={"ETHUSDT": "ETH"},
        max_gap_s=10_000,
        leave_out=True,
    )
    assert len(scenarios) == 10
    lows = np.concatenate([b.fair_price_usd[:, :, 0].min(axis=1) for b in scenarios.blocks()]) / 2_500
    coin_stayed = {"CRV on Aave v2 2022", "USDC depeg 2023"}  # other coins fell
    fell = np.array([name not in coin_stayed for name in scenarios.names])
    assert (lows[fell] < 0.97).all()
    assert lows.min() < 0.6  # 12 and 13 March 2020


def test_the_interval_says_how_long_a_bar_is(tmp_path: Path) -> None:
    file = candles(tmp_path / "c.csv", {"ETHUSDT": ramp(61, 4)}, interval="5m")
    pd.read_csv(file).head(1).to_csv(file, index=False)  # such as the last part of a fetch
    one = read_candles([file])["ETHUSDT"]
    assert (one.step_s, len(one.price)) == (300, 1)
    wrong = candles(tmp_path / "d.csv", {"ETHUSDT": ramp(61, 4)}, interval="1h")
    with pytest.raises(MalformedFile, match="begins within a bar of 3600 s"):
        read_candles([wrong])
