"""Where a traced feed's settings come from: a feed file, the table of facts, or nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from abis.errors import FeedError
from oracles.candle_path import MarketView
from oracles.feed import INT64_MAX, Origin, PriceFeed, Provenance, fixed_delay
from oracles.feed_file import feed_text
from oracles.trace_settings import feed_of, read_stated
from oracles.traced import FeedSettings, Kind, TracedFeed

ADDRESS = "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419"
AGGREGATOR = "0x" + "12" * 20
FITTED = Provenance(Origin.FITTED, "1993 rounds from 2023-04-05 to 2023-05-31")


def traced(description: str = "ETH / USD", low: int | None = 1, high: int | None = 10**20) -> TracedFeed:
    settings = FeedSettings(AGGREGATOR, (AGGREGATOR,), low, high)
    return TracedFeed(ADDRESS, Kind.FEED, description, 8, 2_500 * 10**8, settings=settings)


def write(folder: Path, name: str = "feed.toml", address: str | None = None, decimals: int = 8) -> Path:
    feed = PriceFeed(
        "ETH / USD", decimals, 4_900_000, 3_601.0, fixed_delay(47), *[FITTED] * 3, address=address
    )
    path = folder / name
    path.write_text(feed_text(feed, MarketView()))
    return path


def test_published_settings_are_configured_and_others_assumed() -> None:
    known = feed_of(traced(), 1, {})
    assert (known.deviation_bps, known.heartbeat_s) == (50, 3_600)
    assert known.deviation_from.origin is known.heartbeat_from.origin is Origin.CONFIGURED
    assert "smartcontractkit" in known.deviation_from.source
    assert known.delay_from.origin is Origin.ASSUMED
    elsewhere = feed_of(traced(), 42_161, {})
    assert (elsewhere.deviation_from.origin, elsewhere.heartbeat_from.origin) == (
        Origin.ASSUMED,
        Origin.CONFIGURED,
    )
    assert feed_of(traced("XYZ / USD"), 1, {}).heartbeat_from.origin is Origin.ASSUMED


@pytest.mark.parametrize("address", [None, ADDRESS.lower()])
def test_a_feed_file_goes_first_by_address_or_name(tmp_path: Path, address: str | None) -> None:
    known = feed_of(traced(), 1, read_stated([write(tmp_path, address=address)]))
    assert (known.deviation_bps, known.heartbeat_s, known.delay.longest_s) == (49, 3_601, 47)
    assert known.deviation_from == known.heartbeat_from == known.delay_from == FITTED
    assert (known.min_answer_raw, known.max_answer_raw, known.address) == (1, 10**20, ADDRESS)


def test_a_file_for_another_address_does_not_count(tmp_path: Path) -> None:
    stated = read_stated([write(tmp_path, address=AGGREGATOR)])
    assert feed_of(traced(), 1, stated).deviation_from.origin is Origin.CONFIGURED


def test_other_decimals_and_two_files_of_one_feed_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="states 18 decimals of 'ETH / USD', which has 8 on chain"):
        feed_of(traced(), 1, read_stated([write(tmp_path, decimals=18)]))
    with pytest.raises(FeedError, match=r"'b\.toml' states 'eth / usd' again"):
        read_stated([write(tmp_path, "a.toml"), write(tmp_path, "b.toml")])


def test_a_feed_without_bounds_or_name_is_taken_as_it_is() -> None:
    known = feed_of(traced("  ", None, None), 1, {})
    assert known.description == f"unnamed feed {ADDRESS}"
    assert (known.min_answer_raw, known.max_answer_raw) == (1, INT64_MAX)
