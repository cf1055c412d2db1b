"""Venue files: what ships, and what is refused with the key it is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from abis.errors import InputError, MalformedFile
from risk.venues.profile import SHIPPED, parse_profile, read_profile, shipped

GOOD = """
schema = "breakwater.venue/1"
name = "mine"
[book.BTC]
depth_usd = 1e7
exponent = 0.5
permanent_share = 0.4
refill_half_life_s = 300
[margin.BTC]
tiers = [[0, 0.01]]
[sources]
"book" = "measured"
[assumed]
"margin" = "a guess"
"""


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_says_where_every_number_is_from(name: str) -> None:
    profile = shipped(name)
    assert profile.sources
    assert {"BTC", "ETH", "SOL", "XRP", "MEME"} <= set(profile.venue.books)
    assert len(profile.findings) == len(profile.assumed)
    assert all(f.message.startswith("assumed: ") for f in profile.findings)


def test_hyperliquid_follows_its_documents() -> None:
    venue = shipped("hyperliquid").venue
    assert venue.tiers("BTC").at(1e6) == (0.0125, 0.0)  # half of the initial margin at 40 times
    assert venue.tiers("BTC").at(2e8)[0] == 0.025
    assert (venue.engine.partial_share, venue.engine.partial_above_usd, venue.engine.cooldown_s) == (
        0.2,
        1e5,
        30,
    )
    assert venue.engine.backstop_share == pytest.approx(2 / 3)
    assert (venue.funding.interval_s, venue.funding.cap) == (3600.0, 0.04)


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD, encoding="utf-8")
    profile = read_profile(tmp_path / "mine.toml")
    assert profile.venue.name == "mine"
    assert [f.subject for f in profile.findings] == ["mine: margin"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema =", "scheme =", "schema None"),
        ('name = "mine"', "", "no 'name'"),
        ("exponent", "exponnent", "unknown key 'book.BTC.exponnent'"),
        ("exponent = 0.5\n", "", "no 'book.BTC.exponent'"),
        ("depth_usd = 1e7", "depth_usd = 0", "no book"),
        ("depth_usd = 1e7", "depth_usd = true", "no number"),
        ("depth_usd = 1e7", 'depth_usd = "much"', "no number"),
        ("[[0, 0.01]]", "[0, 0.01]", "no list of tiers"),
        ("[[0, 0.01]]", "[[5, 0.01]]", "begin at 0"),
        ("[margin.BTC]", "[margin.DOGE]", "'DOGE' but no book"),
        ('"margin" = "a guess"', "", "margin.BTC.tiers has no source"),
        ('"margin" = "a guess"', '"margin" = "a guess"\n"funding" = "nowhere"', "source for 'funding'"),
        ("[sources]", "[colour]\nred = 1\n[sources]", "colour.red has no source"),
        ('name = "mine"', 'name = "mine"\nfund_usd = -1', "has no source"),
        ("GOOD", "", ""),
    ],
)
def test_bad_files_are_refused(old: str, new: str, said: str) -> None:
    if not said:
        with pytest.raises(MalformedFile, match="no TOML"):
            parse_profile("= 3", "mine.toml")
        return
    assert old in GOOD
    with pytest.raises(MalformedFile, match=said):
        parse_profile(GOOD.replace(old, new), "mine.toml")


def test_a_venue_without_books_is_refused() -> None:
    with pytest.raises(MalformedFile, match="no 'book'"):
        parse_profile('schema = "breakwater.venue/1"\nname = "empty"\n', "empty.toml")


def test_an_unknown_venue_names_those_there_are() -> None:
    with pytest.raises(InputError, match="hyperliquid"):
        shipped("mtgox")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedFile, match=r"none\.toml"):
        read_profile(tmp_path / "none.toml")
