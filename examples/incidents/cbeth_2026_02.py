"""15 February 2026: cbETH priced without its ETH/USD leg."""

from __future__ import annotations

import numpy as np

from examples.incidents.market import RAW, Account, Asset, effects, market_of
from examples.incidents.record import Incident, Row, one
from oracles.facts import feed_for
from oracles.feed_audit import Leg, Making, PriceRecord
from oracles.feed_audit_composition import composition
from oracles.graph import Node, OracleGraph
from oracles.levels import Level
from oracles.ratios import TimesRatio
from oracles.sources import FeedSource

NOW_S = 1_771_178_460  # 18:01 UTC
RATIO, MARKET_USD = 1.12, 2_200.0
SEIZED, BAD_DEBT_USD = 1_096.317, 1_779_044.83
LIMIT_BPS, BONUS_BPS, FEE_BPS = 8_000, 1_000, 3_000


def replay() -> Incident:
    """Price cbETH with and without the leg, audit the price, and liquidate a book at it."""
    eth_usd = MARKET_USD / RATIO
    right, wrong = _price(eth_usd, composed=True), _price(eth_usd, composed=False)
    record = PriceRecord(
        "cbETH", NOW_S, wrong / RAW, 8, (Leg("cbETH / ETH", 8),), Making.FEED, market_usd=MARKET_USD
    )
    check = composition(record, {"WETH": eth_usd}, None)
    owed_usd = SEIZED * MARKET_USD * LIMIT_BPS / 1e4
    book = market_of(
        [Asset("cbETH", MARKET_USD, LIMIT_BPS, BONUS_BPS, FEE_BPS), Asset("USDC", 1.0)],
        [Account("at the limit", (0, SEIZED), (1, owed_usd * 0.999))],
        NOW_S,
    )
    market = [MARKET_USD, 1.0]
    harm = effects(book, [wrong, RAW], market, market)
    return Incident(
        date="2026-02-15",
        title="Moonwell, a leg of cbETH missing",
        source="forum.moonwell.fi t/2068",
        lesson="The ratio of cbETH to ETH was read as dollars. All collateral goes for about a dollar a "
        "token and the debt stays. One comparison with any market price finds it before it is set: the price "
        f"is off by the price of another asset. Our audit says: {check.evidence}",
        rows=(
            Row("price with both legs", one(MARKET_USD), right / RAW, "USD"),
            Row("price without ETH/USD", one(RATIO), wrong / RAW, "USD"),
            Row("collateral seized", None, harm.seized_tokens / SEIZED * 100, "%", "'most or all' on record"),
            Row(
                "repaid per cbETH seized",
                one(1.0),
                harm.repaid_usd / harm.seized_tokens,
                "USD",
                "'about 1 USD' on record; price over 1 + bonus",
            ),
            Row(
                "bad debt, had all owed the limit",
                (BAD_DEBT_USD, SEIZED * MARKET_USD),
                harm.bad_debt_usd,
                "USD",
                "from the bad debt on record to the value seized",
            ),
            Row(
                "debt over collateral the record implies",
                None,
                (BAD_DEBT_USD + harm.repaid_usd) / (SEIZED * MARKET_USD) * 100,
                "%",
                "too high by what was borrowed in cbETH at the wrong price",
            ),
            Row("severity the audit gives that price", None, check.severity, "of 4", "4 is critical"),
        ),
        assumed="Limit 80 %, bonus 10 % and the rules of Aave stand for Moonwell's. Debts of the accounts "
        "are not on record: the book owes the limit.",
    )


def _price(eth_usd: float, *, composed: bool) -> int:
    """Return what the contract reads, eight decimals."""
    ratio = Node("cbETH/ETH", Level(8, round(RATIO * RAW)))
    eth = Node("ETH/USD", FeedSource(feed_for("ETH / USD", 8, chain_id=8453), 0))
    if composed:
        product = Node("cbETH", TimesRatio(8, 8), ("ETH/USD", "cbETH/ETH"))
        graph = OracleGraph(("WETH", "cbETH"), (ratio, eth, product), ("ETH/USD", "cbETH"), NOW_S)
    else:
        graph = OracleGraph(("WETH", "cbETH"), (ratio, eth), ("ETH/USD", "cbETH/ETH"), NOW_S)
    market = np.array([[[eth_usd, MARKET_USD]]])
    return int(graph.propagate([0.0], market)[0, 0, 1])
