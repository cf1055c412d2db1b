from __future__ import annotations

import pytest

from abis.findings import FindingKind
from oracles.facts import DEFAULT_DEVIATION_BPS, DEFAULT_HEARTBEAT_S, assumptions, feed_for, pair
from oracles.feed import Origin, Provenance, fixed_delay


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("ETH / USD", ("ETH", "USD")),
        ("stETH/ETH", ("STETH", "ETH")),
        (" ETH / USD SVR ", ("ETH", "USD")),
        ("wstETH / stETH exchange rate", None),
        ("Capped wstETH / USD", None),
        ("", None),
    ],
)
def test_pairs_are_read_from_descriptions(description: str, expected: tuple[str, str] | None) -> None:
    assert pair(description) == expected


def test_a_known_feed_is_configured_and_says_by_whom() -> None:
    feed = feed_for("ETH / USD", 8)
    assert (feed.deviation_bps, feed.heartbeat_s) == (50, 3_600)
    assert feed.deviation_from.origin is feed.heartbeat_from.origin is Origin.CONFIGURED
    assert "smartcontractkit/chainlink" in feed.deviation_from.source
    assert [f.message.split(" of ")[0] for f in assumptions(feed)] == ["delay"]


def test_a_half_known_feed_is_labelled_by_halves() -> None:
    feed = feed_for("ETH / USD", 8, chain_id=42161)
    assert feed.heartbeat_s == 86_400
    assert feed.heartbeat_from.origin is Origin.CONFIGURED
    assert feed.deviation_from.origin is Origin.ASSUMED


def test_an_unknown_feed_gets_the_documented_default_and_a_finding_for_each_setting() -> None:
    feed = feed_for("SHIB / KEKW", 8)
    assert (feed.deviation_bps, feed.heartbeat_s) == (DEFAULT_DEVIATION_BPS, DEFAULT_HEARTBEAT_S)
    found = assumptions(feed)
    assert [f.kind for f in found] == [FindingKind.UNVERIFIED] * 3
    assert {f.subject for f in found} == {"SHIB / KEKW"}


def test_a_given_delay_keeps_its_label() -> None:
    measured = Provenance(Origin.FITTED, "rounds of June")
    feed = feed_for("ETH / USD", 8, delay=fixed_delay(7), delay_from=measured)
    assert feed.delay_from == measured
    assert assumptions(feed) == []
