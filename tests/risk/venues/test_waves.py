"""What followed past waves: windows counted once, empty where no candle is, the shipped table measured."""

from __future__ import annotations

import csv
import json
import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from examples.past_waves import SHIPPED, series_of, usual_table, waves_table
from risk.cli.main import app
from risk.scenarios.candles import Candles
from risk.venues.waves import (
    DAY_S,
    PastWave,
    computed,
    episodes,
    midnight_after_s,
    past_waves,
    price_of,
    what_followed,
)

FIRST = date(2021, 1, 1)


def candles(days: int, rate: float) -> Candles:
    """Return hourly candles from the first day on, growing by ``rate`` a day."""
    end_s = midnight_after_s(FIRST) - DAY_S + 3_600 * np.arange(days * 24 + 1)
    return Candles("X", end_s, 100.0 * (1.0 + rate) ** (np.arange(len(end_s)) / 24.0), 3_600)


@given(days=st.lists(st.dates(date(2020, 1, 1), date(2022, 1, 1)), min_size=1, max_size=12),
       apart=st.integers(1, 60))  # fmt: skip
def test_episodes(days: list[date], apart: int) -> None:
    """VEN-13: episodes are as many dates as can be chosen with no two closer than the horizon."""
    most, ordered = 0, sorted(days)
    best: list[int] = []  # most dates in a choice that ends with each
    for k, day in enumerate(ordered):
        best.append(1 + max((best[j] for j in range(k) if (day - ordered[j]).days >= apart), default=0))
        most = max(most, best[-1])
    assert episodes(days, apart) == most


def test_returns_run_from_midnight_after_the_wave() -> None:
    prices = {coin: price_of([candles(10, rate)]) for coin, rate in (("BTC", 0.1), ("ETH", -0.05))}
    found = computed(date(2021, 1, 2), prices)
    assert found["btc_end_usd"] == pytest.approx(121.0)
    assert found["btc_day"] == pytest.approx(0.1)
    assert found["eth_7d"] == pytest.approx(0.95**7 - 1.0)
    assert found["btc_30d"] is None  # the candles end before


def test_a_gap_is_no_price() -> None:
    series = candles(3, 0.0)
    assert price_of([series])(int(series.end_s[-1]) + 1_800) == 100.0
    assert price_of([series])(int(series.end_s[-1]) + 1_801) is None
    assert price_of([series])(int(series.end_s[0]) - 1) is None


def test_a_sample_of_none_says_so() -> None:
    wave = PastWave(FIRST, "chain", 1.0, 24.0, "", "", {}, {}, {("BTC", 1): 0.02})
    rows = {(f.coin, f.days): f for f in what_followed([wave])}
    assert (rows["BTC", 1].waves, rows["BTC", 1].median, rows["BTC", 1].rose) == (1, 0.02, 1)
    assert rows["ETH", 30].waves == rows["ETH", 30].episodes == 0
    assert math.isnan(rows["ETH", 30].median)
    assert "too few" in rows["ETH", 30].statement


def test_the_table_has_sources_and_order() -> None:
    held = past_waves()
    assert [w.date for w in held] == sorted({w.date for w in held})
    assert all(w.source and w.liquidated_usd > 0.0 and w.where in ("chain", "exchanges") for w in held)


@pytest.mark.real_data
def test_the_shipped_table_is_what_candles_give(data_dir: Path) -> None:
    series = series_of(data_dir / "prices")
    shipped = (SHIPPED / "past_waves.csv").read_text(encoding="utf-8")
    assert waves_table(list(csv.DictReader(shipped.splitlines())), series) == shipped
    assert usual_table(series) == (SHIPPED / "past_waves_usual.csv").read_text(encoding="utf-8")


def test_the_command() -> None:
    runner = CliRunner()
    plain, as_json = (runner.invoke(app, ["scenario", "waves", *more]) for more in ([], ["--json"]))
    assert plain.exit_code == as_json.exit_code == 0
    assert "too few" in plain.stdout
    data = json.loads(as_json.stdout)["data"]
    assert len(data["waves"]) == len(past_waves())
    assert {(r["coin"], r["days"], r["waves"]) for r in data["followed"]} == {
        (f.coin, f.days, f.waves) for f in what_followed()
    }
