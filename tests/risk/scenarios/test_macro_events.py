from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abis.errors import ScenarioError
from risk.scenarios.macro_events import calendar, unix_times


def test_the_calendar_follows_new_yorks_clock() -> None:
    times = {datetime.fromtimestamp(t, UTC).isoformat() for t in calendar()}
    assert "2025-12-10T19:00:00+00:00" in times  # winter: 14:00 is 19:00 UTC
    assert "2025-09-17T18:00:00+00:00" in times  # summer: 18:00 UTC
    assert "2025-10-24T12:30:00+00:00" in times
    assert list(calendar()) == sorted(set(calendar()))


def test_events_of_ones_own_need_a_zone() -> None:
    assert unix_times(["2026-03-18T19:00+01:00", "2026-03-18T17:00Z"]) == (1_773_853_200, 1_773_856_800)
    with pytest.raises(ScenarioError, match="has no time zone"):
        unix_times(["2026-03-18T18:00"])
    with pytest.raises(ScenarioError, match="is no time"):
        unix_times(["18 March"])


@pytest.mark.real_data
def test_bitcoin_moved_in_the_minutes_after_the_releases_of_the_calendar(data_dir: Path) -> None:
    """A wrong date would show: its five minutes would be like those of any other day."""
    bars = pd.read_parquet(data_dir / "prices" / "binance_spot_5m_btcusdt_2025_01_to_2026_01.parquet")
    spread = pd.Series(np.log(bars["high_usdt"] / bars["low_usdt"]).to_numpy(), index=bars["time"])
    usual = spread.groupby(spread.index.time).median()
    ratios = [
        spread[stamp] / usual[stamp.time()]
        for stamp in (pd.Timestamp(t, unit="s", tz="UTC") for t in calendar())
        if stamp in spread.index
    ]
    assert len(ratios) == 20
    assert min(ratios) > 1.5
