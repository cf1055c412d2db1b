from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from risk.market_data.fair_price import closes_by_venue, fair_findings, fair_price

PRICE = st.floats(0.5, 2.0)
ROW = st.lists(PRICE, min_size=3, max_size=7)


@given(ROW, st.floats(1e-6, 1e6), st.randoms())
def test_scale_and_order_of_venues_do_not_matter(row: list[float], scale: float, random: object) -> None:
    """FAIR-1: the fair price scales with the prices, and is the same in any order of venues."""
    fair = fair_price(np.array([row]), trim=0.1)
    shuffled = list(row)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(fair_price(np.array([shuffled]), trim=0.1).price, fair.price)
    power = 2.0 ** round(np.log2(scale))  # exact, so that no price crosses the trim by rounding
    np.testing.assert_array_equal(fair_price(np.array([row]) * power, trim=0.1).price, fair.price * power)


@given(st.lists(st.floats(0.995, 1.005), min_size=2, max_size=6), st.floats(1e-6, 1e6))
def test_one_venue_however_wrong_stays_inside_the_others(honest: list[float], wrong: float) -> None:
    """FAIR-2: where the others agree, no price of one venue moves the fair price out of their range."""
    fair = fair_price(np.array([[*honest, wrong]]))
    if np.isfinite(fair.price[0]):
        assert min(honest) <= fair.price[0] <= max(honest)
    else:
        assert fair.venues[0] - fair.trimmed[0] < 2


def test_venues_out_of_line_are_trimmed_and_too_few_make_no_price() -> None:
    nan = np.nan
    rows = np.array(
        [
            [100.0, 101, 100.5, 65.0],  # USDe on one venue in October 2025 was such a print
            [100.0, 101, nan, nan],
            [100.0, 101, 100.4, nan],
            [50.0, 100.0, 200.0, nan],
        ]
    )
    fair = fair_price(rows)
    assert fair.price[0] == 100.5
    assert np.isnan(fair.price[[1, 3]]).all()
    assert fair.price[2] == 100.4
    assert fair.venues.tolist() == [4, 2, 3, 3]
    assert fair.trimmed.tolist() == [1, 0, 0, 2]
    assert fair.dispersion[0] == pytest.approx(36 / 100.25)
    found = fair_findings(fair, np.array([0, 300, 600, 900]), ["a", "b", "c", "d"], "BTC/USDT")
    assert "no fair price at 2 of 4 times, first at 1970-01-01T00:05" in found[0].message
    assert "left out at 2 of 4 times" in found[1].message
    assert fair_findings(fair_price(rows[2:3]), np.array([0]), ["a"], "x") == ()


def test_prices_and_venues_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InputError, match="price is -1"):
        fair_price(np.array([[1.0, -1.0, 1.0]]))
    with pytest.raises(InputError, match="of 2 venues"):
        fair_price(np.ones((1, 3)), at_least=2)
    with pytest.raises(InputError, match="trimmed at 0"):
        fair_price(np.ones((1, 3)), trim=0.0)
    rows = pd.DataFrame({"time": pd.date_range("2025-12-01", periods=2, tz="UTC"), "close": [1.0, 2.0]})
    with pytest.raises(InputError, match="2 venues \\(a, b\\) make no fair price"):
        closes_by_venue({"a": rows, "b": rows})
    side = closes_by_venue({"b": rows, "a": rows, "c": rows.tail(1)})
    assert list(side.columns) == ["a", "b", "c"]
    assert side["c"].isna().tolist() == [True, False]


def test_two_closes_of_one_venue_for_a_time_are_refused() -> None:
    rows = pd.DataFrame({"time": pd.to_datetime([300, 600], unit="s", utc=True), "close": [1.0, 1.1]})
    twice = pd.concat([rows, rows.tail(1)])
    with pytest.raises(InputError, match="b has two closes at 1970-01-01T00:10"):
        closes_by_venue({"a": rows, "b": twice, "c": rows})
