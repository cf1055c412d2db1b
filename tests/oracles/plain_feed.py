"""The feed once more, as a plain event loop over one path in exact Python numbers.

Written from the equations, not from the kernel: reports are objects, deviation is a
fraction, every moment is looked at in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from oracles.feed import PPB, PriceFeed

MASK = 2**64 - 1


@dataclass
class Report:
    value: int
    observed_at: float
    lands_at: float
    cause: str


def draw(feed: PriceFeed, stream: int, number: int) -> float:
    samples = feed.delay.samples_s
    z = feed.delay.seed
    for word in (stream, number):
        z = ((z ^ word) + 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        z ^= z >> 31
    return samples[z % len(samples)]


def moved(feed: PriceFeed, old: int, new: int) -> bool:
    if old == 0:
        return new != 0
    return Fraction(abs(new - old), abs(old)) >= Fraction(feed.deviation_ppb, PPB)


def plain_feed(
    feed: PriceFeed,
    times: list[float],
    raw: list[int],
    answer: int,
    updated_at: float,
    since: float,
    stream: int = 0,
) -> tuple[list[int], list[tuple[float, int, str]]]:
    """Return the answer after each time and the rounds (time, answer, cause)."""
    flying: list[Report] = []
    rounds: list[tuple[float, int, str]] = []
    answers: list[int] = []
    market, number = answer, 0

    def in_bounds(value: int) -> bool:
        return feed.min_answer_raw <= value <= feed.max_answer_raw

    def land(now: float) -> None:
        nonlocal answer, updated_at, flying
        for report in [r for r in flying if r.lands_at <= now]:
            answer, updated_at = report.value, report.lands_at
            rounds.append((report.lands_at, report.value, report.cause))
        flying = [r for r in flying if r.lands_at > now]

    for now, value in zip(times, raw, strict=True):
        for report in flying:
            if report.observed_at > since:
                if report.observed_at == now:
                    report.value = value
                elif report.observed_at < now:
                    report.value = market
        flying = [r for r in flying if in_bounds(r.value) or r.observed_at > now]
        land(now)
        asked = any(
            (now - r.phase_s) // r.period_s > (since - r.phase_s) // r.period_s for r in feed.requests
        )
        cause = ""
        if moved(feed, answer, value):
            cause = "deviation"
        elif now - updated_at > feed.heartbeat_s:
            cause = "heartbeat"
        elif asked:
            cause = "request"
        if cause and in_bounds(value) and (not flying or moved(feed, flying[-1].value, value)):
            lands_at = now + draw(feed, stream, number)
            number += 1
            flying = [r for r in flying if r.lands_at <= lands_at]
            flying.append(Report(value, now + feed.delay.observation_s, lands_at, cause))
            land(now)
        answers.append(answer)
        market, since = value, now
    return answers, rounds
