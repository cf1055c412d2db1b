"""Recover a feed's settings from its past rounds, and its delay from candles beside them.

`oracles.thresholds` says how deviation and heartbeat are estimated and what their ranges
mean, `oracles.change_points` where they changed, `oracles.schedules` which rounds came by
the clock, `oracles.delay_fit` how late they land.  Operators set round numbers: a customary
setting within the range becomes the setting; estimate and range stay visible beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from abis.errors import FeedError
from abis.findings import Finding, FindingKind, Severity
from oracles.candle_path import MarketView
from oracles.comparison import ReplayReport, compare
from oracles.delay_fit import DelayFit, fit_delay
from oracles.facts import DEFAULT_DELAY_S, DEFAULT_HEARTBEAT_S
from oracles.feed import Origin, PriceFeed, Provenance, RequestSchedule, fixed_delay, ppb_from_bps
from oracles.history import Candles, RoundHistory
from oracles.regimes import Regime, change_findings, find_regimes, least_heartbeat_s
from oracles.replay import Progress, silent
from oracles.schedules import FoundSchedule, find_schedules
from oracles.thresholds import LONGEST_DELAY_S, Estimate, heartbeat_range

CUSTOMARY_BPS = (1, 2, 5, 10, 15, 20, 25, 30, 50, 100, 150, 200, 300, 500)
CUSTOMARY_HEARTBEAT_S = (60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400)

_SNAP = 0.02
_MIN_STEPS = 30
_MIN_EARLY = 3


@dataclass(frozen=True, slots=True)
class FittedFeed:
    """What a history says about a feed.

    Parameters
    ----------
    feed : PriceFeed
        The settings of the last regime, labelled as fitted.
    regimes : tuple of Regime
        Stretches of constant settings, in order of time.
    deviation_bps, heartbeat_s : Estimate
        Of the last regime, before they became customary settings.  Where no waits pile up,
        the heartbeat is assumed and its range has no upper end.
    schedules : tuple of FoundSchedule
        Rounds by the clock, in the last regime.
    delay : DelayFit or None
        None without candles.
    view : MarketView
        How to read candles of the fitted exchange.
    training : ReplayReport or None
        Fit on the very rounds it was made from; not a measure of skill.
    findings : tuple of Finding
    """

    feed: PriceFeed
    regimes: tuple[Regime, ...]
    deviation_bps: Estimate
    heartbeat_s: Estimate
    schedules: tuple[FoundSchedule, ...]
    delay: DelayFit | None
    view: MarketView
    training: ReplayReport | None
    findings: tuple[Finding, ...]

    @property
    def delay_s(self) -> Estimate | None:
        """Return the median delay and its range, or None without candles."""
        return None if self.delay is None else self.delay.delay_s


def fit(
    rounds: RoundHistory,
    candles: Candles | None = None,
    *,
    description: str,
    address: str | None = None,
    progress: Progress = silent,
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
    address : str, optional
        Its proxy.
    progress : callable
        Told passes over the candles done and to do.

    Raises
    ------
    FeedError
        If the history is too short to tell, or candles do not overlap it.
    """
    steps = len(rounds.steps()[0])
    if steps < _MIN_STEPS:
        raise FeedError(
            f"feed {description!r}: {steps} steps between rounds.", remedy=f"Give at least {_MIN_STEPS}."
        )
    regimes = find_regimes(rounds, DEFAULT_DELAY_S)
    schedules = _schedules(rounds, regimes[-1], description)
    if schedules:
        regimes = find_regimes(rounds, DEFAULT_DELAY_S, schedules)
    now = regimes[-1]
    deviation = _deviation(now, description)
    recent = rounds.between(now.since_s, now.until_s)
    origin = Provenance(Origin.FITTED, _period(recent))
    heartbeat, setting_s, heartbeat_from = _heartbeat(
        now, Estimate(DEFAULT_DELAY_S, 0, LONGEST_DELAY_S), origin
    )
    feed = PriceFeed(
        description=description,
        decimals=rounds.decimals,
        deviation_ppb=ppb_from_bps(_snap(deviation, CUSTOMARY_BPS)),
        heartbeat_s=setting_s,
        delay=fixed_delay(DEFAULT_DELAY_S),
        deviation_from=origin,
        heartbeat_from=heartbeat_from,
        requests=_requests(schedules, DEFAULT_DELAY_S),
        address=address,
    )
    findings = (
        *rounds.findings,
        *change_findings(regimes, description),
        *(_schedule_finding(description, s) for s in schedules),
        *([] if now.pile is not None else [_no_heartbeat(description, heartbeat, bool(schedules))]),
    )
    fitted = FittedFeed(feed, regimes, deviation, heartbeat, schedules, None, MarketView(), None, findings)
    return fitted if candles is None else _with_candles(fitted, recent, candles, progress)


def _with_candles(
    fitted: FittedFeed, rounds: RoundHistory, candles: Candles, progress: Progress
) -> FittedFeed:
    """Add delay, wick weight and basis, on the stretch where today's schedules hold."""
    since = max((s.since_s for s in fitted.schedules), default=float("-inf"))
    market = candles.between(since, float("inf"))
    undelayed = replace(fitted.feed, delay=fixed_delay(0), requests=_requests(fitted.schedules, 0))
    found = fit_delay(rounds, market, undelayed, progress)
    source = f"{_period(rounds)}, against candles of {market.width_s:g} s"
    heartbeat, setting_s, heartbeat_from = _heartbeat(
        fitted.regimes[-1], found.delay_s, fitted.feed.deviation_from
    )
    feed = replace(
        fitted.feed,
        heartbeat_s=setting_s,
        heartbeat_from=heartbeat_from,
        delay=fixed_delay(found.delay_s.value),
        delay_from=Provenance(Origin.FITTED, source),
        requests=_requests(fitted.schedules, found.delay_s.value),
    )
    return replace(
        fitted,
        feed=feed,
        heartbeat_s=heartbeat,
        delay=found,
        view=found.view,
        training=compare(rounds, market, feed, found.view),
        findings=(*fitted.findings, *candles.findings),
    )


def _heartbeat(regime: Regime, delay: Estimate, origin: Provenance) -> tuple[Estimate, float, Provenance]:
    """Return estimate, setting and where the setting comes from."""
    if regime.pile is not None:
        estimate = heartbeat_range(regime.pile, delay)
        return estimate, _snap(estimate, CUSTOMARY_HEARTBEAT_S), origin
    least = least_heartbeat_s(regime, delay.high)
    assumed = max(DEFAULT_HEARTBEAT_S, least)
    source = f"no round waited for it; longest wait {regime.longest_wait_s:g} s"
    return Estimate(assumed, least, float("inf")), assumed, Provenance(Origin.ASSUMED, source)


def _deviation(now: Regime, description: str) -> Estimate:
    if now.deviation_bps is None or now.early < _MIN_EARLY:
        raise FeedError(
            f"feed {description!r}: only {now.early} rounds came before the heartbeat.",
            remedy="Give a longer history.",
        )
    return now.deviation_bps


def _schedules(rounds: RoundHistory, now: Regime, description: str) -> tuple[FoundSchedule, ...]:
    """Return the clocks among the rounds of the last regime that no deviation explains."""
    recent = rounds.between(now.since_s, now.until_s)
    later, _, moves = recent.steps()
    quiet = moves < _snap(_deviation(now, description), CUSTOMARY_BPS) / 10_000
    return find_schedules(recent.time_s[later[quiet]], recent.gaps())


def _snap(estimate: Estimate, customary: tuple[int, ...]) -> float:
    """Return the largest customary setting in the range or within 2 % of the estimate, else the estimate.

    The largest, because both estimates lie at the upper edge of what is possible.
    """
    inside = [
        c for c in customary if estimate.low < c <= estimate.high or abs(estimate.value / c - 1) <= _SNAP
    ]
    return float(max(inside)) if inside else max(estimate.value, 1e-3)


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


def _no_heartbeat(description: str, heartbeat: Estimate, by_clock: bool) -> Finding:
    why = "rounds by the clock come before it" if by_clock else "no waits pile up"
    return Finding(
        FindingKind.UNVERIFIED,
        Severity.LOW,
        description,
        f"the heartbeat is not seen, {why}: at least {heartbeat.low:g} s, {heartbeat.value:g} s assumed.",
        remedy="Give a longer history with quiet hours.",
    )


def _period(rounds: RoundHistory) -> str:
    first, last = (
        pd.Timestamp(t, unit="s").date().isoformat() for t in (rounds.time_s[0], rounds.time_s[-1])
    )
    return f"{len(rounds)} rounds from {first} to {last}"
