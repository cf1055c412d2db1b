"""Real Chainlink feeds: a proxy and the aggregator behind it, fed by one node.

The contracts are Chainlink's EACAggregatorProxy and AccessControlledAggregator (v0.6).
``AnswerUpdated`` is emitted by the aggregator, never by the proxy, as on public chains.
"""

from __future__ import annotations

from dataclasses import dataclass

from .artifacts import chainlink
from .chain import Head, LocalChain
from .contracts import Contract, named_address
from .spec import FeedSpec

ZERO_ADDRESS = "0x" + "00" * 20
FEED_NODE = named_address("breakwater feed node")
_TIMEOUT_S = 1800
_HIGHEST_ANSWER = 10**12


@dataclass(frozen=True, slots=True)
class Feed:
    """A deployed feed.

    Attributes
    ----------
    description : str
        For instance ``ETH / USD``.
    proxy, aggregator : Contract
        What protocols read, and what emits and stores answers.
    """

    description: str
    proxy: Contract
    aggregator: Contract


def deploy_feed(chain: LocalChain, owner: str, spec: FeedSpec) -> Feed:
    """Queue a proxy with its aggregator; the feed has no answer until one is pushed."""
    aggregator = chain.deploy(
        owner,
        chainlink("AccessControlledAggregator"),
        ZERO_ADDRESS,  # LINK token: the feed node works without payment
        0,
        _TIMEOUT_S,
        ZERO_ADDRESS,  # no validator of answers
        1,
        _HIGHEST_ANSWER * 10**spec.decimals,
        spec.decimals,
        spec.description,
    )
    # One node, one submission per answer, no restart delay: a submission is a round.
    chain.send(owner, aggregator, "changeOracles", [], [FEED_NODE], [owner], 1, 1, 0)
    proxy = chain.deploy(owner, chainlink("EACAggregatorProxy"), aggregator.address, ZERO_ADDRESS)
    chain.send(owner, aggregator, "addAccess", proxy.address)
    return Feed(spec.description, proxy, aggregator)


def latest_round(chain: LocalChain, feed: Feed) -> int:
    """Return the aggregator's latest round, 0 before the first answer."""
    return int(chain.read(feed.aggregator, "latestRound", sender=ZERO_ADDRESS))


def queue_answer(chain: LocalChain, feed: Feed, round_id: int, answer_raw: int) -> None:
    """Queue the submission that makes round ``round_id`` (the next one) answer so."""
    chain.send(FEED_NODE, feed.aggregator, "submit", round_id, answer_raw)


def push_price(chain: LocalChain, feed: Feed, answer_raw: int, *, at: int | None = None) -> Head:
    """Mine a round with a new answer, in the feed's decimals, and return its block."""
    queue_answer(chain, feed, latest_round(chain, feed) + 1, answer_raw)
    return chain.mine(at)
