"""12 May 2022: Chainlink's LUNA feed stops at its smallest answer while the market falls on."""

from __future__ import annotations

import numpy as np

from examples.incidents.market import RAW, Account, Asset, effects, market_of
from examples.incidents.record import Incident, Row, one
from oracles.chainlink import propagate
from oracles.feed import PriceFeed, fixed_delay

MIN_ANSWER, LAST, MARKET = 0.10, 0.107, 0.01
FACTOR = 0.55  # Venus lent 55 % of a LUNA's value
LOST_USD = 11.2e6
BOUGHT_LUNA = 1_000_000.0


def replay() -> Incident:
    """Let LUNA fall in steps through a feed whose smallest answer is 0.10."""
    market = np.array([0.20, 0.15, 0.12, LAST, 0.098, 0.06, 0.03, MARKET, MARKET])
    frozen = _answer(market, round(MIN_ANSWER * RAW))
    free = _answer(market, 1)
    book = market_of(
        [Asset("LUNA", frozen, 5_600, 1_000), Asset("BUSD", 1.0)],
        [Account("buyer", (0, BOUGHT_LUNA), (1, BOUGHT_LUNA * frozen * FACTOR))],
        1_652_313_600,
    )
    harm = effects(book, [round(frozen * RAW), RAW], [MARKET, 1.0], [MARKET, 1.0])
    lost = harm.bad_debt_usd / BOUGHT_LUNA
    return Incident(
        date="2022-05-12",
        title="LUNA, smallest answer of a feed",
        source="rekt.news on Venus and Blizz; Venus' incident posts of May 2022; minAnswer of the aggregator",
        lesson="Out of bounds a feed freezes on its last answer; it neither follows nor clamps. Whoever buys "
        "at the market and borrows at the frozen price leaves the difference as bad debt.",
        rows=(
            Row("frozen answer", one(LAST), frozen, "USD", "a clamp would have answered 0.10"),
            Row("answer of the same feed without a bound", one(MARKET), free, "USD"),
            Row("frozen price over market", None, frozen / MARKET, "times"),
            Row("bad debt per LUNA bought and borrowed against", None, lost, "USD"),
            Row("LUNA so used that make 11.2 M USD of bad debt", None, LOST_USD / lost / 1e6, "M LUNA"),
        ),
        assumed="The path passes through the record's last answer in steps of ten minutes; what is tested is "
        "that the feed stays there. Collateral factor 55 %, borrowed against in full at the frozen price.",
    )


def _answer(market: np.ndarray[tuple[int], np.dtype[np.float64]], smallest_raw: int) -> float:
    feed = PriceFeed("LUNA / USD", 8, 10_000_000, 3_600.0, fixed_delay(30), min_answer_raw=smallest_raw)
    time_s = np.arange(len(market)) * 600.0
    return float(propagate(feed, time_s, market[None, :])[0, -1]) / RAW
