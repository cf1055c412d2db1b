"""Feeds read from the chain joined with what is known about them."""

from __future__ import annotations

from dataclasses import replace

from oracles.feed import Origin, PriceFeed, Provenance, fixed_delay
from protocols.snapshot import Feed, Snapshot
from risk.report.feeds import feed_rows
from tests.risk.report.made import BLOCK_TIME_S, GHO, WBTC, WETH, WSTETH


def test_settings_are_labelled_by_their_origin(snapshot: Snapshot) -> None:
    rows = feed_rows(snapshot)
    assert (rows[WETH].deviation_origin, rows[WETH].deviation_bps) == ("configured", 50.0)
    assert rows[WSTETH].deviation_origin == rows[WSTETH].heartbeat_origin == "assumed"


def test_age_is_measured_at_the_block_not_today(snapshot: Snapshot) -> None:
    row = feed_rows(snapshot)[WBTC]
    assert (row.age_s, row.stale) == (5_400, True)


def test_a_source_without_time_is_neither_fresh_nor_stale(snapshot: Snapshot) -> None:
    row = feed_rows(snapshot)[GHO]
    assert (row.updated_at_s, row.age_s, row.stale) == (None, None, None)


def test_known_settings_win(snapshot: Snapshot) -> None:
    fitted = Provenance(Origin.FITTED, "rounds of one month")
    feed = PriceFeed("BTC / USD", 8, 1_000_000, 7_200, fixed_delay(12), fitted, fitted, fitted)
    row = feed_rows(snapshot, {"WBTC": feed})[WBTC]
    assert (row.heartbeat_origin, row.heartbeat_s, row.stale) == ("fitted", 7_200.0, False)


def test_a_blank_description_and_no_feed_at_all_are_assumed(snapshot: Snapshot) -> None:
    blank = replace(snapshot.reserves[0], feed=Feed("0x1", "  \n", 8, 1, BLOCK_TIME_S))
    none = replace(snapshot.reserves[1], feed=None)
    rows = feed_rows(replace(snapshot, reserves=(blank, none, *snapshot.reserves[2:])))
    assert [r.heartbeat_origin for r in rows[:2]] == ["assumed", "assumed"]
    assert rows[1].source == ""
