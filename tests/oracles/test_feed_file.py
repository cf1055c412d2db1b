from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError, MalformedFile
from oracles.candle_path import MarketView
from oracles.feed import Delay, Origin, Provenance, RequestSchedule
from oracles.feed_file import feed_text, read_feed
from tests.oracles.test_feed import feed


@given(
    st.text(min_size=1).filter(lambda t: t.strip() and not any(0xD800 <= ord(c) < 0xE000 for c in t)),
    st.floats(0, 1),
    st.floats(-9_999, 9_999),
)
def test_any_feed_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, name: str, weight: float, basis: float
) -> None:
    """FIT-3: a feed written to a feed file and read back is the same feed, whatever its name."""
    path = tmp_path_factory.mktemp("feeds") / "feed.toml"
    written = feed(
        description=name,
        delay=Delay((12.0, 36.5), observation_s=1.5, seed=7),
        deviation_from=Provenance(Origin.FITTED, name),
        max_answer_raw=2**95,
        requests=(RequestSchedule(3_600, 5), RequestSchedule(86_400, 28_800)),
        address="0x" + "ab" * 20,
    )
    path.write_text(feed_text(written, MarketView(weight, basis)), encoding="utf-8", newline="")
    assert read_feed(path) == (written, MarketView(weight, basis))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("decimals = 8", "", "lacks decimals"),
        ("decimals = 8", "decimals = 8\nhartbeat = 3", "unknown hartbeat"),
        ("decimals = 8", "decimals = [8]", "does not fit"),
        ("decimals = 8", "decimals = ", "cannot be read"),
        ("feed/1", "feed/9", "feed/9"),
        ('["assumed"', '["guessed"', "guessed"),
        ("wick_weight = 1.0", "wick_weight = 3.0", "wick weight 3.0"),
        ("wick_weight", "wick", "does not fit"),
    ],
)
def test_files_that_cannot_be_read_are_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "feed.toml"
    text = feed_text(feed(), MarketView())
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=says):
        read_feed(path)


def test_a_missing_file_is_named_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(MalformedFile, match=r"^'none.toml' cannot be read"):
        read_feed(tmp_path / "none.toml")
