"""What is publicly known about feeds: deviation and heartbeat by chain and description.

A small table of sourced facts, so that a feed met on chain can be labelled
*configured* where somebody stated its settings and *assumed* where nobody did.
Operators change settings; what was read from the chain or fitted to recent rounds
should replace an entry here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from abis.findings import Finding, FindingKind, Severity
from oracles.feed import (
    ASSUMED,
    INT64_MAX,
    Delay,
    Origin,
    PriceFeed,
    Provenance,
    fixed_delay,
    ppb_from_bps,
)

DEFAULT_DEVIATION_BPS = 100.0
DEFAULT_HEARTBEAT_S = 86_400.0
DEFAULT_DELAY_S = 36.0

_SETTINGS_ASSUMED = Provenance(Origin.ASSUMED, "widest customary settings, no source for this feed")
_DELAY_ASSUMED = Provenance(
    Origin.ASSUMED,
    "three Ethereum blocks; ETH/USD and BTC/USD rounds of April and May 2023 trail Binance by 35 to 47 s",
)


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """Stated settings of one feed; None where no source states one.

    Parameters
    ----------
    deviation_bps : float or None
    heartbeat_s : float or None
    source : str
        Public source of what is stated.
    """

    deviation_bps: float | None
    heartbeat_s: float | None
    source: str


_DOCS = "docs.chain.link, data feed addresses"
_YEARN = "github.com/yearn/monitoring pull request 310"
_MIDAS = "github.com/sherlock-audit/2024-05-midas-judging issue 3"
_GRAVITA = "github.com/Gravita-Protocol, number 268"
_EBTC = "github.com/ebtc-protocol, issues 245 and 392"
_USD = f"github.com/smartcontractkit/chainlink pull requests 2514 and 2679; {_MIDAS}"

# (chain id, base, quote) -> facts
_FACTS: dict[tuple[int, str, str], FeedFacts] = {
    (1, "ETH", "USD"): FeedFacts(50, 3_600, _USD),
    (1, "BTC", "USD"): FeedFacts(50, 3_600, _USD),
    (1, "ETH", "BTC"): FeedFacts(50, 3_600, _DOCS),
    (1, "STETH", "ETH"): FeedFacts(50, 86_400, _EBTC),  # 2 % until 2023
    (1, "USDC", "USD"): FeedFacts(25, 86_400, f"{_GRAVITA}; {_DOCS}"),
    (1, "USDT", "USD"): FeedFacts(25, 86_400, _YEARN),
    (1, "USDS", "USD"): FeedFacts(30, 86_400, _YEARN),
    (1, "USDE", "USD"): FeedFacts(50, 86_400, _YEARN),
    (1, "AAVE", "USD"): FeedFacts(100, 3_600, _DOCS),
    (1, "USDC", "ETH"): FeedFacts(100, 86_400, _GRAVITA),
    # Elsewhere only heartbeats are stated, and 2024 ones.
    (10, "ETH", "USD"): FeedFacts(None, 1_200, _MIDAS),
    (56, "ETH", "USD"): FeedFacts(None, 60, _MIDAS),
    (137, "ETH", "USD"): FeedFacts(None, 27, _MIDAS),
    (42161, "ETH", "USD"): FeedFacts(None, 86_400, _MIDAS),
    (43114, "ETH", "USD"): FeedFacts(None, 86_400, _MIDAS),
}


def pair(description: str) -> tuple[str, str] | None:
    """Return base and quote, upper case, of ``"ETH / USD"``; None if it is no pair.

    ``"ETH / USD SVR"`` is a second aggregator for the same reports, hence the same pair.
    """
    match = re.fullmatch(r"\s*([\w.+-]+)\s*/\s*(\w+)(?:\s+SVR)?\s*", description)
    return None if match is None else (match[1].upper(), match[2].upper())


def facts_for(description: str, *, chain_id: int = 1) -> FeedFacts | None:
    """Return what is known about a feed by its description, or None."""
    key = pair(description)
    return None if key is None else _FACTS.get((chain_id, *key))


def feed_for(
    description: str,
    decimals: int,
    *,
    chain_id: int = 1,
    delay: Delay | None = None,
    delay_from: Provenance = ASSUMED,
    min_answer_raw: int = 1,
    max_answer_raw: int = INT64_MAX,
    address: str | None = None,
) -> PriceFeed:
    """Return a feed with stated settings where there are some and assumed ones elsewhere.

    Parameters
    ----------
    description : str
        The feed's ``description()``, or any name: an unknown one gets assumed settings.
    decimals : int
        Decimals of its answers.
    chain_id : int
    delay : Delay, optional
        Assumed to be `DEFAULT_DELAY_S` if missing.
    delay_from : Provenance
        Where ``delay`` comes from, if given.
    min_answer_raw, max_answer_raw : int
        Aggregator bounds.
    address : str, optional

    Raises
    ------
    FeedError
        If a setting is impossible.
    """
    facts = facts_for(description, chain_id=chain_id) or FeedFacts(None, None, "")
    stated = Provenance(Origin.CONFIGURED, facts.source)
    deviation, heartbeat = facts.deviation_bps, facts.heartbeat_s
    return PriceFeed(
        description=description,
        decimals=decimals,
        deviation_ppb=ppb_from_bps(DEFAULT_DEVIATION_BPS if deviation is None else deviation),
        heartbeat_s=DEFAULT_HEARTBEAT_S if heartbeat is None else heartbeat,
        delay=fixed_delay(DEFAULT_DELAY_S) if delay is None else delay,
        deviation_from=_SETTINGS_ASSUMED if deviation is None else stated,
        heartbeat_from=_SETTINGS_ASSUMED if heartbeat is None else stated,
        delay_from=_DELAY_ASSUMED if delay is None else delay_from,
        min_answer_raw=min_answer_raw,
        max_answer_raw=max_answer_raw,
        address=address,
    )


def assumptions(feed: PriceFeed) -> list[Finding]:
    """Return a finding for each setting of a feed that nobody stated."""
    settings = (
        ("deviation", f"{feed.deviation_bps:g} bps", feed.deviation_from),
        ("heartbeat", f"{feed.heartbeat_s:g} s", feed.heartbeat_from),
        ("delay", f"up to {feed.delay.longest_s:g} s", feed.delay_from),
    )
    return [
        Finding(
            kind=FindingKind.UNVERIFIED,
            severity=Severity.INFO if name == "delay" else Severity.LOW,
            subject=feed.description,
            message=f"{name} of {value} is assumed: {whence.source}.",
            remedy="Read the feed's configuration or fit it to its rounds.",
        )
        for name, value, whence in settings
        if whence.origin is Origin.ASSUMED
    ]
