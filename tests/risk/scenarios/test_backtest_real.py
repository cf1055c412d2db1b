"""The backtest on a small window of real candles; the whole one is `examples.scenario_backtest`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from examples.scenario_backtest import ASSETS, case_of, day_starts, hourly
from risk.scenarios.backtest import coverage
from risk.scenarios.macro_events import calendar
from risk.scenarios.panel import read_panel

SPLIT = pd.Timestamp("2023-06-01T00:00Z").timestamp()


@pytest.mark.real_data
def test_filtered_hours_cover_what_came_and_plain_ones_do_not(data_dir: Path) -> None:
    files = sorted((data_dir / "prices").glob("binance_spot_5m_*usdt_2022_08_to_2023_09.parquet"))
    case = case_of(
        read_panel(files, step_s=3_600, assets={k: ASSETS[k] for k in ("ETHUSDT", "BTCUSDT")}),
        SPLIT,
        calendar(),
    )
    assert 2_800 < len(case.test) < 2_900
    assert len(day_starts(case.test)) > 110
    probabilities = hourly(case)
    for k in range(2):
        filtered = coverage(probabilities["fhs"][:, k], 0.05)
        assert filtered.share == pytest.approx(0.05, abs=0.015)
        assert coverage(probabilities["fhs, stressed start"][:, k], 0.05).share < 0.02
    # The calm summer of 2023: yesterday's average hour is far too wide for it.
    plain = coverage(probabilities["bootstrap, stationary"][:, 0], 0.05)
    assert plain.share < 0.03
    assert plain.kupiec_p < 0.001
    assert np.isfinite(case.variance).all()
