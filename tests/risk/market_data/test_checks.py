from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.findings import FindingKind, Severity
from risk.market_data.checks import gap_findings, outlier_findings, sort_rows

STEP = 300_000


def bars(times: list[int], close: float = 100.0) -> pd.DataFrame:
    rows = [(t, close, close + 1, close - 1, close, 2.0) for t in times]
    return pd.DataFrame(rows, columns=["time_ms", "open", "high", "low", "close", "volume_base"])


@given(
    st.lists(
        st.tuples(
            st.integers(0, 12).map(lambda k: k * STEP // 2),
            st.sampled_from([-1.0, 0.0, 100.0, 101.0, float("nan"), float("inf")]),
        ),
        max_size=20,
    )
)
def test_every_row_is_kept_once_on_one_side(rows: list[tuple[int, float]]) -> None:
    """MKT-1: every row is kept, in order of time, or set apart; only exact repeats are gone."""
    frame = pd.concat([bars([t], c) for t, c in rows]) if rows else bars([0]).head(0)
    found = sort_rows(frame, STEP, "x")
    values = [tuple(map(repr, row)) for row in frame.itertuples(index=False)]
    kept = [tuple(map(repr, row)) for row in found.good.itertuples(index=False)]
    apart = [tuple(map(repr, row)) for row in found.faulty.drop(columns="fault").itertuples(index=False)]
    assert sorted(kept + apart) == sorted(set(values))
    times = found.good["time_ms"].to_numpy()
    assert (np.diff(times) > 0).all()
    assert (times % STEP == 0).all()
    assert (found.good["close"] > 0).all()
    assert np.isfinite(found.good["close"]).all()
    assert bool(len(found.faulty)) == any(f.severity > Severity.INFO for f in found.findings)


def test_faults_are_named() -> None:
    good = bars([0, STEP])
    crossed = bars([2 * STEP])
    crossed["low"] = 101.0
    rows = pd.concat(
        [good, good.iloc[:1], crossed, bars([3 * STEP], -5.0), bars([4 * STEP + 1]), bars([STEP], 99.0)]
    )
    found = sort_rows(rows, STEP, "x")
    assert found.good["time_ms"].tolist() == [0]
    assert dict(found.faulty.groupby("fault")["time_ms"].apply(list)) == {
        "impossible close": [3 * STEP],
        "low or high inside the bar": [2 * STEP],
        "off the time grid": [4 * STEP + 1],
        "two rows for one time": [STEP, STEP],
    }
    assert any("1 rows were given twice" in f.message for f in found.findings)
    assert any("1970-01-01T00:05:00" in f.message for f in found.findings)


def test_gaps_are_counted_and_dated() -> None:
    times = np.array([0, STEP, 4 * STEP, 5 * STEP, 7 * STEP])
    (found,) = gap_findings(times, STEP, 0, 8 * STEP, "x")
    assert found.kind is FindingKind.MISSING
    assert found.message.startswith("3 of 8 bars are missing")
    assert "1970-01-01T00:10:00+00:00 (2), 1970-01-01T00:30:00+00:00 (1)" in found.message
    assert gap_findings(np.arange(8) * STEP, STEP, 0, 8 * STEP, "x") == ()
    (late,) = gap_findings(times[:0], STEP, 1, 2 * STEP, "x")
    assert "1 of 1 bars" in late.message


@pytest.mark.parametrize(("after", "severity"), [(100.0, Severity.MEDIUM), (61.0, Severity.LOW)])
def test_an_outlier_that_reverts_is_worse_than_one_that_stays(after: float, severity: Severity) -> None:
    close = [100.0, 100.1, 100.0, 60.0, after, after, after * 1.001, after]
    rows = pd.DataFrame({"time_ms": np.arange(8) * STEP, "close": close})
    (found,) = outlier_findings(rows, "x")  # the way back of a print is not told a second time
    assert found.severity == severity
    assert "1970-01-01T00:15:00" in found.message
    assert "-40.0%" in found.message
    assert outlier_findings(rows.head(3), "x") == ()
