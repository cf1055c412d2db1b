"""Deviation, heartbeat and delay of traced feeds: the chain does not hold them.

A feed file goes before the table of public facts; what neither knows is assumed, and each
setting says where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from abis.errors import FeedError
from oracles.facts import feed_for
from oracles.feed import INT64_MAX, PriceFeed
from oracles.feed_file import read_feed
from oracles.traced import FeedSettings, Trace, TracedFeed

Stated = Mapping[str, PriceFeed]


def read_stated(paths: Iterable[Path]) -> Stated:
    """Return the feeds of feed files by lower-case address, or by description where there is none.

    Raises
    ------
    MalformedFile, FeedError
        As `oracles.feed_file.read_feed`; FeedError too if two files state the same feed.
    """
    stated: dict[str, PriceFeed] = {}
    for path in paths:
        feed, _ = read_feed(path)
        key = (feed.address or feed.description).lower()
        if key in stated:
            raise FeedError(f"'{path.name}' states {key!r} again.", remedy="Give one file a feed.")
        stated[key] = feed
    return stated


def settings_of(trace: Trace, stated: Stated) -> dict[str, PriceFeed]:
    """Return the traced Chainlink feeds by address; parameters and errors as in `feed_of`."""
    return {
        address: feed_of(feed, trace.chain_id, stated)
        for address, feed in trace.sources().items()
        if isinstance(feed.settings, FeedSettings)
    }


def feed_of(feed: TracedFeed, chain_id: int, stated: Stated) -> PriceFeed:
    """Return a traced Chainlink feed with its settings and where each comes from.

    Parameters
    ----------
    feed : TracedFeed
        With `FeedSettings`.
    chain_id : int
    stated : mapping
        As `read_stated` returns it.

    Raises
    ------
    FeedError
        If what is stated has other decimals than the feed on chain.
    """
    settings = feed.settings
    assert isinstance(settings, FeedSettings)
    name = feed.description if feed.description.strip() else f"unnamed feed {feed.address}"
    decimals = feed.decimals or 0
    own = stated.get(feed.address.lower()) or stated.get(name.lower())
    if own is None:
        known = feed_for(name, decimals, chain_id=chain_id)
    elif own.decimals == decimals:
        known = replace(own, description=name)
    else:
        raise FeedError(
            f"the feed file states {own.decimals} decimals of {name!r}, which has {decimals} on chain.",
            remedy="Correct the file; the settings may be those of another feed.",
        )
    return replace(
        known,
        min_answer_raw=1 if settings.min_answer_raw is None else settings.min_answer_raw,
        max_answer_raw=INT64_MAX if settings.max_answer_raw is None else settings.max_answer_raw,
        address=feed.address,
    )
