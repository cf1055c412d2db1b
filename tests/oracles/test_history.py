from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from abis.errors import MalformedFile
from abis.findings import FindingKind
from oracles.history import read_candles, read_rounds

HOUR = 3_600


def rounds_table(times: list[int], answers: list[Any], **more: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {"time": pd.to_datetime(times, unit="s", utc=True), "answer_raw": answers, "decimals": 8} | more
    )


def candles_table(times: list[int], **changes: Any) -> pd.DataFrame:
    columns = {"open": 100.0, "high": 102.0, "low": 99.0, "close": 101.0} | changes
    return pd.DataFrame({"time": pd.to_datetime(times, unit="s", utc=True)} | columns)


def test_rounds_come_in_order_with_exact_answers() -> None:
    rounds = read_rounds(rounds_table([200, 100], ["9007199254740993", "5"]))
    assert rounds.time_s.tolist() == [100, 200]
    assert rounds.answer_raw.tolist() == [5, 9007199254740993]
    assert rounds.decimals == 8
    assert rounds.findings == ()


def test_rounds_that_are_no_price_become_findings() -> None:
    rounds = read_rounds(rounds_table([1, 2, 3, 4], ["0", "5", "6", str(2**63)]))
    assert rounds.answer_raw.tolist() == [5, 6]
    assert [f.kind for f in rounds.findings] == [FindingKind.OUT_OF_RANGE] * 2


def test_rows_that_cannot_be_read_become_findings_that_name_them() -> None:
    table = rounds_table([1, 2, 3, 4], ["5", "x", "7", None]).astype({"time": object})
    table.loc[2, "time"] = "soon"
    table.loc[4] = ["5", "9", 8]  # Unix seconds as text
    rounds = read_rounds(table)
    assert rounds.time_s.tolist() == [1, 5]
    assert [f.subject for f in rounds.findings] == ["row 2", "row 3", "row 4"]
    assert "'x' is unreadable" in rounds.findings[0].message
    assert "time 'soon'" in rounds.findings[1].message


def test_a_jump_of_the_round_number_is_a_gap() -> None:
    rounds = read_rounds(rounds_table([1, 2, 3, 4], [5, 6, 7, 8], aggregator_round_id=[1, 2, 9, 10]))
    assert list(rounds.segments()) == [slice(0, 2), slice(2, 4)]
    assert rounds.gaps() == [(2, 3)]
    later, waits, moves = rounds.steps()
    assert later.tolist() == [1, 3]
    assert waits.tolist() == [1, 1]
    assert moves.tolist() == [1 / 5, 1 / 7]
    assert [f.kind for f in rounds.findings] == [FindingKind.MISSING]
    assert rounds.between(3, 9).findings == ()  # a gap outside the period is nobody's business


def test_without_round_numbers_a_long_silence_is_a_gap() -> None:
    times = [HOUR * k for k in range(200)]
    times += [times[-1] + 10 * HOUR + HOUR * k for k in range(10)]
    rounds = read_rounds(rounds_table(times, [100] * len(times)))
    assert list(rounds.segments()) == [slice(0, 200), slice(200, 210)]


def test_missing_and_contradicting_candles_become_findings() -> None:
    candles = read_candles(candles_table([0, 300, 600, 1_500, 1_800], high=[102.0, 102, 102, 102, 99.5]))
    assert candles.time_s.tolist() == [0, 300, 600, 1_500]
    assert candles.width_s == 300
    assert candles.gaps() == [(900, 1_500)]
    assert sorted(f.kind for f in candles.findings) == [FindingKind.MISSING, FindingKind.OUT_OF_RANGE]
    assert candles.between(300, 1_500).time_s.tolist() == [300, 600]


@pytest.mark.parametrize(
    ("read", "table", "named"),
    [
        (read_rounds, pd.DataFrame({"time": []}), "answer_raw, decimals"),
        (read_rounds, rounds_table([1, 2], ["5", "x"]), "1 usable rounds"),
        (read_rounds, rounds_table([], []), "0 usable rounds"),
        (read_rounds, rounds_table([1, 2], ["5", "0"]), "1 usable rounds"),
        (read_rounds, rounds_table([1, 2], [5, 6], decimals=[8, 18]), r"decimals \[8, 18\]"),
        (read_candles, candles_table([0, 0]), "two candles open"),
        (read_candles, candles_table([0, 300], low=0.0), "0 usable candles"),
        (read_candles, candles_table([0, 300]).drop(columns="low"), "without low"),
        (read_candles, candles_table([0, 300]).assign(time=[pd.Timestamp(0, tz="UTC"), pd.NaT]), "a time"),
    ],
)
def test_tables_that_cannot_be_read_are_refused(read: Any, table: pd.DataFrame, named: str) -> None:
    with pytest.raises(MalformedFile, match=named):
        read(table)
