"""Dates as options give them."""

from __future__ import annotations

import pytest

from abis.errors import InputError
from risk.cli.oracle_series import day


def test_a_time_without_zone_is_utc_and_one_with_keeps_it() -> None:
    assert day("2023-06-01") == 1_685_577_600
    assert day("2023-06-01T00:00:00+02:00") == 1_685_577_600 - 7_200
    assert day("2023-06-01T00:00Z") == 1_685_577_600


def test_no_date() -> None:
    with pytest.raises(InputError, match="'yesterday' is no date"):
        day("yesterday")
