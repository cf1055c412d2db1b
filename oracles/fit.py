"""Recover a feed's settings from its past rounds, and its delay from candles beside them.

*Deviation*: moves between rounds pile up just above the threshold and are rare just
below, so the estimate is the move with the greatest excess of moves above over moves
below within ten per cent.  Rounds that waited for the heartbeat say nothing and are left
out.  *Heartbeat*: the cluster of the longest intervals, by its median.  Operators set round
numbers; an estimate within two per cent of a customary setting becomes that setting, and
the estimate and its bootstrap interval stay visible beside it.  *Requests*: see
`oracles.schedules`.  *Delay, wick weight, basis*: from candles, so that the largest share
of rounds is predicted from the round before, and those are on time and unbiased.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import FeedError
from abis.findings import Finding, FindingKind, Severity
from oracles.candle_path import MarketView
from oracles.chainlink import DEVIATION
from oracles.comparison import ReplayReport, compare
from oracles.facts import DEFAULT_DELAY_S
from oracles.feed import Origin, PriceFeed, Provenance, RequestSchedule, fixed_delay, ppb_from_bps
from oracles.history import Candles, RoundHistory
from oracles.replay import NextRounds, next_rounds
from oracles.schedules import FoundSchedule, find_schedules

Floats = NDArray[np.float64]

CUSTOMARY_BPS = (1, 2, 5, 10, 15, 20, 25, 30, 50, 100, 150, 200, 300, 500)
CUSTOMARY_HEARTBEAT_S = (60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400)
WICK_WEIGHTS = tuple(k / 10 for k in range(11))

_SNAP = 0.02
_NEAR = 1.1  # moves within this factor of a candidate count for or against it
_CLUSTER = 0.9  # intervals above this share of the longest customary one waited for the heartbeat
_RESAMPLES = 200
_MIN_MOVES = 30


class Estimate(NamedTuple):
    """A fitted value with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class FittedFeed:
    """What a history says about a feed.

    Parameters
    ----------
    feed : PriceFeed
        The settings, labelled as fitted.
    deviation_bps, heartbeat_s : Estimate
        Before they became customary settings.
    schedules : tuple of FoundSchedule
        Rounds by the clock.
    delay_s : Estimate or None
        Median and quartiles (not a bootstrap interval) of real minus predicted trigger;
        None without candles.
    view : MarketView
        How to read candles of the fitted exchange.
    training : ReplayReport or None
        Fit on the very rounds it was made from; not a measure of skill.
    findings : tuple of Finding
    """

    feed: PriceFeed
    deviation_bps: Estimate
    heartbeat_s: Estimate
    schedules: tuple[FoundSchedule, ...]
    delay_s: Estimate | None
    view: MarketView
    training: ReplayReport | None
    findings: tuple[Finding, ...]


def fit(
    rounds: RoundHistory, candles: Candles | None = None, *, description: str, seed: int = 0
) -> FittedFeed:
    """Recover a feed's settings.

    Parameters
    ----------
    rounds : RoundHistory
        At least a few weeks of one feed.
    candles : Candles, optional
        Market of the same period; without them the delay stays assumed.
    description : str
        What to call the feed.
    seed : int
        Seed of the bootstrap.

    Raises
    ------
    FeedError
        If the history is too short to tell, or candles do not overlap it.
    """
    later, waits, moves = rounds.steps()
    if len(moves) < _MIN_MOVES:
        raise FeedError(
            f"feed {description!r}: {len(moves)} steps between rounds.", remedy=f"Give at least {_MIN_MOVES}."
        )
    rng = np.random.default_rng(seed)
    heartbeat = _bootstrap(waits, _heartbeat, rng)
    early = moves[(waits < _CLUSTER * heartbeat.value) & (moves > 0)]
    if len(early) < _MIN_MOVES:
        raise FeedError(
            f"feed {description!r}: only {len(early)} rounds came before the heartbeat.",
            remedy="Give a longer history.",
        )
    deviation = _bootstrap(early, _deviation, rng)
    threshold_bps = _snap(deviation.value * 10_000, CUSTOMARY_BPS)
    quiet = rounds.time_s[later[moves < threshold_bps / 10_000]]
    schedules = find_schedules(quiet, rounds.gaps())
    bps = Estimate(*(10_000 * v for v in deviation))
    origin = Provenance(Origin.FITTED, _period(rounds))
    feed = PriceFeed(
        description=description,
        decimals=rounds.decimals,
        deviation_ppb=ppb_from_bps(threshold_bps),
        heartbeat_s=_snap(heartbeat.value, CUSTOMARY_HEARTBEAT_S),
        delay=fixed_delay(DEFAULT_DELAY_S),
        deviation_from=origin,
        heartbeat_from=origin,
        requests=_requests(schedules, DEFAULT_DELAY_S),
    )
    findings = (*rounds.findings, *(_schedule_finding(description, s) for s in schedules))
    fitted = FittedFeed(feed, bps, heartbeat, schedules, None, MarketView(), None, findings)
    return fitted if candles is None else _fit_market(fitted, rounds, candles)


def _fit_market(fitted: FittedFeed, rounds: RoundHistory, candles: Candles) -> FittedFeed:
    """Choose wick weight, basis and delay on the stretch where today's schedules hold."""
    since = max((s.since_s for s in fitted.schedules), default=-np.inf)
    market = candles.between(since, np.inf)
    feed = replace(fitted.feed, delay=fixed_delay(0), requests=_requests(fitted.schedules, 0))

    def told(view: MarketView) -> NextRounds:
        return next_rounds(rounds, market, feed, view, market.width_s)

    tried = [(_share_hit(told(MarketView(weight)), market.width_s), -weight) for weight in WICK_WEIGHTS]
    view = MarketView(-max(tried)[1])
    view = replace(view, basis_bps=_basis_bps(told(view), market.width_s))
    delay = _delay(told(view), market.width_s)
    source = f"{_period(rounds)}, against candles of {market.width_s:g} s"
    feed = replace(
        feed,
        delay=fixed_delay(delay.value),
        delay_from=Provenance(Origin.FITTED, source),
        requests=_requests(fitted.schedules, delay.value),
    )
    training = compare(rounds, market, feed, view)
    findings = (*fitted.findings, *candles.findings)
    return replace(fitted, feed=feed, delay_s=delay, view=view, training=training, findings=findings)


def _share_hit(told: NextRounds, tolerance_s: float) -> float:
    return float(told.hits(tolerance_s).mean()) if len(told.late_s) else 0.0


def _basis_bps(told: NextRounds, tolerance_s: float) -> float:
    """Return the median of real over predicted answers, less one."""
    hit = told.hits(tolerance_s)
    return float(np.median(told.real_raw[hit] / told.predicted_raw[hit]) - 1) * 10_000 if hit.any() else 0.0


def _delay(told: NextRounds, tolerance_s: float) -> Estimate:
    """Return median and quartiles of real minus predicted time, of rounds the price caused."""
    caused = told.hits(tolerance_s) & told.moved & (told.cause == DEVIATION)
    if caused.sum() < _MIN_MOVES:
        raise FeedError(
            f"only {int(caused.sum())} rounds caused by the price match the candles.",
            remedy="Give a longer period.",
        )
    quantiles = np.quantile(-told.late_s[caused], (0.25, 0.5, 0.75))
    low, middle, high = (max(float(q), 0.0) for q in quantiles)
    return Estimate(middle, low, high)


def _heartbeat(waits: Floats) -> float:
    longest = np.quantile(waits, 0.99)
    return float(np.median(waits[waits >= _CLUSTER * longest]))


def _deviation(moves: Floats) -> float:
    """Return the move with the greatest excess of moves just above it over moves just below."""
    ordered = np.sort(moves)
    here = np.searchsorted(ordered, ordered, "left")
    above = np.searchsorted(ordered, ordered * _NEAR, "left") - here
    below = here - np.searchsorted(ordered, ordered / _NEAR, "left")
    return float(ordered[int(np.argmax(above - below))])


def _bootstrap(sample: Floats, estimator: Callable[[Floats], float], rng: np.random.Generator) -> Estimate:
    draws = [estimator(rng.choice(sample, len(sample))) for _ in range(_RESAMPLES)]
    low, high = (float(q) for q in np.quantile(draws, (0.025, 0.975)))
    return Estimate(estimator(sample), low, high)


def _snap(value: float, customary: tuple[int, ...]) -> float:
    nearest = min(customary, key=lambda c: abs(value / c - 1))
    return float(nearest) if abs(value / nearest - 1) <= _SNAP else value


def _requests(schedules: tuple[FoundSchedule, ...], delay_s: float) -> tuple[RequestSchedule, ...]:
    """Return when rounds were requested, given when they landed."""
    return tuple(RequestSchedule(s.period_s, round(s.phase_s - delay_s) % s.period_s) for s in schedules)


def _schedule_finding(description: str, schedule: FoundSchedule) -> Finding:
    since = pd.Timestamp(schedule.since_s, unit="s").isoformat(sep=" ", timespec="minutes")
    return Finding(
        FindingKind.ORACLE,
        Severity.INFO,
        description,
        f"a round comes every {schedule.period_s} s, {schedule.phase_s:.0f} s into the period, whatever the "
        f"price does: {schedule.coverage:.1%} of the turns since {since} UTC.",
    )


def _period(rounds: RoundHistory) -> str:
    first, last = (
        pd.Timestamp(t, unit="s").date().isoformat() for t in (rounds.time_s[0], rounds.time_s[-1])
    )
    return f"{len(rounds)} rounds from {first} to {last}"
