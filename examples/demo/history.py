"""A made-up price history and the feed rounds it causes.

Market prices follow a random walk between given ends; a feed answers when the price has
moved by its deviation threshold since the last answer or when its heartbeat is over, as
Chainlink's feeds do.  The last round of a stretch carries the stretch's end price exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from examples.localchain.spec import FeedSpec, MarketSpec

STEP_S = 300
# Daily volatility of the factor each asset follows; the others are pegged to a dollar.
_FACTOR_OF = {
    "WETH": "ether",
    "wstETH": "ether",
    "weETH": "ether",
    "WBTC": "bitcoin",
    "cbBTC": "bitcoin",
    "LBTC": "bitcoin",
    "LINK": "link",
}
_DAILY_VOLATILITY = {"ether": 0.035, "bitcoin": 0.02, "link": 0.045}
_PEG_VOLATILITY = 0.0004
_DAY_S = 86_400
# Feeds of one factor answer in one block, those of different factors in different ones.
_STAGGER_S = 12


@dataclass(frozen=True, slots=True)
class Round:
    """An answer of one feed at one time, 8 decimals."""

    at: int
    symbol: str
    answer_raw: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A feed's last answer and when it was given."""

    at: int
    answer_raw: int


def rounds_between(
    spec: MarketSpec,
    last: Mapping[str, Answered],
    ends_raw: Mapping[str, int],
    *,
    start: int,
    end: int,
    seed: int,
) -> list[Round]:
    """Return the rounds of all feeds in ``(start, end]``, in order of time.

    Parameters
    ----------
    spec : MarketSpec
        The reserves and their feeds' update rules.
    last : mapping of str to Answered
        Each feed's state at ``start``.
    ends_raw : mapping of str to int
        Each price at ``end``, 8 decimals.
    start, end : int
        Unix times, seconds.
    seed : int
        Same seed, same history.
    """
    times = range(start + STEP_S, end + 1, STEP_S)
    walks: dict[str, list[float]] = {}
    rounds: list[Round] = []
    for reserve in spec.reserves:
        symbol = reserve.symbol
        factor = _FACTOR_OF.get(symbol, symbol)
        if factor not in walks:
            daily = _DAILY_VOLATILITY.get(factor, _PEG_VOLATILITY)
            walks[factor] = _bridge(Random(f"{seed} {start} {factor}"), len(times), daily)
        begin, finish = last[symbol].answer_raw, ends_raw[symbol]
        prices = [
            begin * (finish / begin) ** ((k + 1) / len(times)) * math.exp(wiggle)
            for k, wiggle in enumerate(walks[factor])
        ]
        delay_s = _STAGGER_S * list(walks).index(factor)
        feed_rounds = _rounds_of(reserve.feed, symbol, last[symbol], dict(zip(times, prices, strict=True)))
        feed_rounds = [Round(min(r.at + delay_s, end), symbol, r.answer_raw) for r in feed_rounds]
        if feed_rounds:
            feed_rounds[-1] = Round(feed_rounds[-1].at, symbol, finish)
        rounds += feed_rounds
    return sorted(rounds, key=lambda each: each.at)


def _bridge(random: Random, count: int, daily_volatility: float) -> list[float]:
    """Return a Gaussian bridge of ``count`` steps from 0 to 0, in log price."""
    sigma = daily_volatility * math.sqrt(STEP_S / _DAY_S)
    total, walk = 0.0, []
    for _ in range(count):
        total += random.gauss(0.0, sigma)
        walk.append(total)
    return [value - total * (k + 1) / count for k, value in enumerate(walk)]


def _rounds_of(feed: FeedSpec, symbol: str, last: Answered, prices: Mapping[int, float]) -> list[Round]:
    rounds = []
    answered_at, answer = last.at, last.answer_raw
    for at, price in prices.items():
        moved = abs(price - answer) * 10_000 >= feed.deviation_bps * answer
        if moved or at - answered_at >= feed.heartbeat_s:
            answered_at, answer = at, round(price)
            rounds.append(Round(at, symbol, answer))
    return rounds
