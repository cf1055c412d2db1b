"""December 2025: targets met where fitted, the note kept, the day left out predicted and not fitted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from abis.errors import BreakwaterError, ScenarioError
from risk.cli.main import app
from risk.cli.scenario_tables import show
from risk.scenarios.scenarios import Scenarios
from risk.scenarios.storage import write_scenarios
from risk.venues.december import Fit, Free, Wave, diverges, fitted, free_ranges, prices, results
from risk.venues.december_candles import CandlePath, candle_path
from risk.venues.december_report import W2_RUN, December, radius_before, summary
from risk.venues.december_table import Beside, Target, table, targets
from risk.venues.december_w2 import predicted_w2, share_needed
from risk.venues.scenario import of_coins


@pytest.fixture(scope="module")
def wave() -> tuple[Fit, Wave]:
    return fitted()


def test_every_figure_has_a_source_and_the_note_stays() -> None:
    assert all(t.source for t in targets().values())
    assert {t.set for t in targets().values()} == {"W1", "W2", "W3"}
    assert "374" in table()["note"]["inconsistency"]
    shares = [v for k, v in table()["venues"].items() if k != "source"]
    assert sum(shares) == pytest.approx(1.0)
    assert Free.used().hyperliquid_share == table()["venues"]["Hyperliquid"]
    assert all(low <= used <= high for used, low, high in free_ranges().values())


def test_tolerances() -> None:
    total = Target("a", "W1", "total", 100.0, "USD", "", "")
    share = Target("b", "W1", "share", 0.98, "share", "", "")
    span = Target("c", "W3", "range", 5.0, "USD", "", "", 4.0, 6.0)
    assert total.bounds() == pytest.approx((85.0, 115.0))
    assert share.bounds() == pytest.approx((0.93, 1.0))
    assert [span.met(x) for x in (3.9, 4.0, 6.1)] == [False, True, False]


def test_the_fit_meets_the_first_and_third_set(wave: tuple[Fit, Wave]) -> None:
    got = results(wave[1])
    assert {t.id for t in targets().values() if t.set != "W2"} == set(got)
    assert all(targets()[name].met(value) for name, value in got.items()), got
    assert not diverges(wave[1])


def test_what_hyperliquid_liquidates_follows_its_share(wave: tuple[Fit, Wave]) -> None:
    day = predicted_w2(wave[0])
    assert not day.runs_away
    more = predicted_w2(wave[0], replace(Free.used(), hyperliquid_share=0.5))
    ratio = more.figures["w2_hyperliquid"] / day.figures["w2_hyperliquid"]
    assert ratio == pytest.approx(0.5 / 0.225, rel=0.05)
    assert more.figures["w2_total_24h"] == pytest.approx(day.figures["w2_total_24h"], rel=0.02)


def test_the_branching_is_of_the_measured_order(wave: tuple[Fit, Wave]) -> None:
    assert 0.05 < radius_before(wave[1]) < 0.35
    assert 0.0 < wave[1].cascade_share() < 0.35
    assert summary("one", wave[1])["liquidated_usd"] == pytest.approx(420e6, rel=0.15)


def test_the_wave_is_a_scenario(wave: tuple[Fit, Wave], tmp_path: Path) -> None:
    market, record = wave[1].market, wave[1].record
    made = of_coins({"wave": record.price_usd[0]}, wave[1].time_s, market.names(), market.assets)
    assert isinstance(made, Scenarios)
    block = made.produce(0, 1)
    low, high = block.market_price_usd.min(axis=2), block.market_price_usd.max(axis=2)
    assert (low <= block.fair_price_usd + 1e-9).all()
    assert (block.fair_price_usd <= high + 1e-9).all()
    write_scenarios(made, tmp_path / "wave")
    stored = pd.read_parquet(tmp_path / "wave" / "market.parquet")
    assert len(stored) == len(made.time_s) * len(market.venues)


def test_candles_that_do_not_cover_the_day_are_refused(tmp_path: Path) -> None:
    times = pd.date_range("2025-12-07", periods=10, freq="5min", tz="UTC")
    rows = pd.DataFrame({"time": times, "symbol": "BTCUSDT", "close_usdt": 9e4})
    rows.to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(ScenarioError, match="BTC cover the day"):
        candle_path(tmp_path, "W1", prices())


def test_a_gap_in_the_day_is_named(tmp_path: Path) -> None:
    times = pd.date_range("2025-12-06T15:55Z", "2025-12-07T16:00Z", freq="5min").delete(100)
    rows = pd.DataFrame({"time": times, "symbol": "BTCUSDT", "close_usdt": 9e4})
    rows.to_csv(tmp_path / "gap.csv", index=False)
    with pytest.raises(ScenarioError, match="BTCUSDT has no bar for 2025-12-07T00:"):
        candle_path(tmp_path, "W1", prices())


def test_candles_may_be_parts_of_a_fetch(tmp_path: Path) -> None:
    times = pd.date_range("2025-12-05", "2025-12-09", freq="5min", inclusive="left", tz="UTC")
    for k, symbol in enumerate(("BTC/USDT", "ETH/USDT")):
        folder = tmp_path / "binance" / symbol.replace("/", "-") / "candles-5m"
        folder.mkdir(parents=True)
        close = 90_000.0 / (1 + k) + np.arange(len(times))
        rows = pd.DataFrame({"time": times, "symbol": symbol, "close": close})
        early = rows["time"] < "2025-12-07"
        rows[early].to_parquet(folder / "20251205T000000Z.parquet")
        rows[~early].to_parquet(folder / "20251207T000000Z.parquet")
        (folder / "faulty").mkdir()
        rows.head(2).assign(close=-1.0).to_parquet(folder / "faulty" / "20251205T000000Z.parquet")
    path = candle_path(tmp_path, "W1", prices())
    first = int(np.flatnonzero(times == pd.Timestamp("2025-12-06T15:55", tz="UTC"))[0])
    assert (path.price_usd["BTC"], path.price_usd["ETH"]) == (90_000.0 + first, 45_000.0 + first)
    assert path.log_price["BTC"][-1] == np.log((90_000.0 + first + 288) / (90_000.0 + first))


def test_what_selling_explains_is_taken_out_of_candles(tmp_path: Path, wave: tuple[Fit, Wave]) -> None:
    times = pd.date_range("2025-12-06T15:55Z", "2025-12-07T15:55Z", freq="5min")
    level = np.linspace(0.0, -0.02, len(times))
    parts = [
        pd.DataFrame({"time": times, "symbol": symbol, "close_usdt": start * np.exp(beta * level)})
        for symbol, start, beta in (("BTCUSDT", 9e4, 1.0), ("ETHUSDT", 3_050.0, 1.5))
    ]
    pd.concat(parts).to_csv(tmp_path / "candles.csv", index=False)
    path = candle_path(tmp_path, "W1", prices())
    assert {f.subject for f in path.findings} == {"SOL", "XRP", "MEME"}
    before = path(wave[0], wave[1].market, np.array([86_400.0]))[0]
    assert before[0] == pytest.approx(-0.02, abs=2e-4)
    path.learn(wave[1])
    after = path(wave[0], wave[1].market, np.array([84_600.0]))[0, 0]
    assert after > np.interp(84_600.0, path.time_s, path.log_price["BTC"])


def test_a_day_the_market_would_run_away_on_is_counted_at_its_own_prices(wave: tuple[Fit, Wave]) -> None:
    dense = wave[0]._replace(btc=8 * wave[0].btc, others=8 * wave[0].others)
    level = np.linspace(0.0, -0.06, 289)
    path = CandlePath(300.0 * np.arange(289), {"BTC": level, "ETH": 1.4 * level}, prices())
    day = predicted_w2(dense, price_usd=prices(), outside=path, learn=path.learn)
    assert day.runs_away
    assert day.wave.low_usd("BTC") == pytest.approx(prices()["BTC"] * np.exp(-0.06), rel=1e-4)
    assert day.figures["w2_long_share"] == 1.0
    assert not diverges(day.wave)


@pytest.mark.verify
def test_the_share_needed_gives_the_figure(wave: tuple[Fit, Wave]) -> None:
    share = share_needed(wave[0], Free.used())
    assert share is not None
    assert 0.554 < share < 0.95  # beyond what prints of any day gave it
    free = replace(Free.used(), hyperliquid_share=share)
    fit, day = fitted(free, first=wave[0])
    assert all(targets()[name].met(value) for name, value in results(day).items())
    assert predicted_w2(fit, free).figures["w2_hyperliquid"] == pytest.approx(374e6, rel=5e-3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["january-1900"], "december-2025"),
        (["december-2025", "--next-shock=5"], "--next-shock=-5%"),
        (["december-2025", "--next-shock=0%"], "moves nothing"),
        (["december-2025", "--snapshot", "here"], "without -o"),
        (["december-2025", "--snapshot", "nowhere", "-o", "new"], "'nowhere' is no snapshot"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_work(
    options: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("risk.venues.december_report.december", lambda *_: pytest.fail("has begun"))
    result = CliRunner().invoke(app, ["scenario", "build", *options])
    assert isinstance(result.exception, BreakwaterError)
    assert said in f"{result.exception.message} {result.exception.remedy}"


def test_tables_fit_eighty_columns_and_keep_the_note(
    wave: tuple[Fit, Wave], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    day = predicted_w2(wave[0])
    got = {**results(wave[1]), **day.figures}
    beside = tuple(Beside(t, got[n], n in results(wave[1])) for n, t in targets().items())
    others = dict.fromkeys(("three venues halted", "leverage capped at 10"), wave[1])
    show(
        December(wave[0], Free.used(), wave[1], day.wave, False, beside, others, {}, ()),
        [],
        None,
        (),
        None,
        "",
    )
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("three venues halted ") and "%" in line for line in lines)
    assert all(any(line.startswith(t.what) for line in lines) for t in targets().values()), lines
    assert "".join(table()["note"]["inconsistency"].split()) in "".join("".join(lines).split())


@pytest.mark.verify
def test_the_command_writes_scenarios_and_a_table(tmp_path: Path) -> None:
    out = tmp_path / "wave"
    result = CliRunner().invoke(app, ["scenario", "build", "december-2025", "-o", str(out), "--json"])
    assert result.exit_code == 0, result.output
    body = json.loads(result.stdout)
    rows = {t["id"]: t for t in body["data"]["targets"]}
    assert all(t["met"] for t in rows.values() if t["fitted"])
    assert not any(t["fitted"] for t in rows.values() if t["set"] == "W2")
    assert any("contradicts itself" in f["message"] for f in body["findings"])
    runs = {r["run"]: r for r in body["data"]["runs"]}
    kept = {name for name, run in runs.items() if not run["diverges"]}
    assert set(pd.read_parquet(out / "scenarios.parquet")["name"]) == kept | {W2_RUN}
    assert runs["depth cut by 86 %"]["diverges"]
    assert runs["depth cut by 86 %"]["btc_low_usd"] is None  # beyond published depth it is no figure
    assert runs["leverage capped at 10"]["liquidated_usd"] < runs["december 2025"]["liquidated_usd"]


@pytest.mark.verify
@pytest.mark.real_data
def test_real_candles_are_fitted(data_dir: Path) -> None:
    path = candle_path(data_dir / "prices", "W1", prices())
    _, found = fitted(Free.used(), price_usd=path.price_usd, outside=path, learn=path.learn, fixed_path=True)
    assert all(targets()[name].met(value) for name, value in results(found).items())
    assert max(path.error_bps(found, a) for a in ("BTC", "ETH")) < 5.0
