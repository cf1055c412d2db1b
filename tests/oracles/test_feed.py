from __future__ import annotations

import math
from typing import Any

import pytest

from abis.errors import FeedError
from oracles.feed import (
    Delay,
    Origin,
    PriceFeed,
    Provenance,
    RequestSchedule,
    fixed_delay,
    lognormal_delay,
    ppb_from_bps,
)


def feed(**changes: Any) -> PriceFeed:
    settings: dict[str, Any] = {
        "description": "ETH / USD",
        "decimals": 8,
        "deviation_ppb": 5_000_000,
        "heartbeat_s": 3_600,
        "delay": fixed_delay(24),
    }
    return PriceFeed(**(settings | changes))


def test_settings_are_assumed_unless_said_otherwise() -> None:
    plain = feed()
    assert {plain.deviation_from.origin, plain.heartbeat_from.origin, plain.delay_from.origin} == {
        Origin.ASSUMED
    }
    stated = feed(deviation_from=Provenance(Origin.CONFIGURED, "docs"))
    assert stated.deviation_from.origin is Origin.CONFIGURED
    assert stated.deviation_bps == 50


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"description": "  "}, "description"),
        ({"decimals": 19}, "19 decimals"),
        ({"decimals": -1}, "-1 decimals"),
        ({"deviation_ppb": 0}, "deviation of 0"),
        ({"deviation_ppb": 1_000_000_001}, "1000000001"),
        ({"heartbeat_s": 0}, "heartbeat of 0"),
        ({"heartbeat_s": math.nan}, "heartbeat of nan"),
        ({"heartbeat_s": math.inf}, "heartbeat of inf"),
        ({"min_answer_raw": 11, "max_answer_raw": 10}, "11 above largest 10"),
        ({"min_answer_raw": -5, "max_answer_raw": 0}, "no positive price"),
        ({"address": "0x12"}, "'0x12' is no address"),
    ],
)
def test_impossible_settings_are_named_and_come_with_a_remedy(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(FeedError, match=named) as caught:
        feed(**changes)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "make",
    [
        lambda: Delay(()),
        lambda: fixed_delay(-1),
        lambda: fixed_delay(math.inf),
        lambda: Delay((10.0, 5.0), observation_s=6.0),
        lambda: Delay((1.0,), seed=-1),
        lambda: Delay((1.0,), seed=2**63),
        lambda: lognormal_delay(0, 1, seed=1),
        lambda: lognormal_delay(12, math.nan, seed=1),
        lambda: RequestSchedule(0, 0),
        lambda: RequestSchedule(60, 60),
        lambda: RequestSchedule(60, -1),
        lambda: ppb_from_bps(math.nan),
    ],
)
def test_impossible_delays_and_schedules_are_refused(make: Any) -> None:
    with pytest.raises(FeedError):
        make()


def test_lognormal_delays_have_the_stated_median_and_spread() -> None:
    delay = lognormal_delay(24, 0.5, seed=7, size=999)
    ordered = sorted(delay.samples_s)
    assert ordered[499] == pytest.approx(24)
    logs = [math.log(s / 24) for s in ordered]
    assert math.sqrt(sum(v * v for v in logs) / len(logs)) == pytest.approx(0.5, rel=0.01)
    assert delay.longest_s == ordered[-1]


def test_basis_points_become_parts_per_billion() -> None:
    assert ppb_from_bps(50) == 5_000_000
    assert ppb_from_bps(0.5) == 50_000
