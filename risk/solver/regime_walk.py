"""Walks haircut rules over the past: how they moved, and how often a fall went beyond them.

A haircut covers the worst fall within a horizon but for a stated probability.  Each day it is estimated
from what was known then: the volatility of the day, and quantiles drawn from the hours before, made anew
every `EVERY_DAYS`.  Only the coefficients of the variances are those of all hours.  Prices are in USD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, replace
from functools import partial

import numpy as np

from abis.errors import InputError
from risk.engine.arrays import FloatArray, IntArray
from risk.scenarios.build import digest
from risk.scenarios.fhs import Fhs
from risk.solver.procyclicality import (
    EUROPEAN,
    Movement,
    Tempering,
    movement,
    needed,
    published,
    within_steps,
)
from risk.solver.regime_draws import PATHS, REGIMES, Regime, Regimes, Source, log_paths_of
from risk.solver.regime_kept import estimate
from risk.solver.resume import Checkpoint
from risk.solver.returns import DAY_S
from risk.solver.walk_forward import Exceedances, count

EVERY_DAYS = 90
WARM_UP_DAYS = 240
GRID = 12  # volatilities the haircut of the day is read between
REPORT = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Walk:
    """What each day of the past asked for, and what came; K coins.

    Parameters
    ----------
    coins : tuple of str, length K
    day_s : (n,) int64
        Unix time of each midnight.
    stretch : (n,) int64
        Days of one number follow one another.
    raw : (n,) int64
        Strictest regime of the day before, as a place in `REGIMES`.
    of_day : (n, K) float64
        Haircut from the volatility of the day.
    of_regime : (n, 3, K) float64
        Haircut of each regime.
    floor : (n, K) float64
        Haircut from the long look-back.
    fell : (n, K) float64
        Worst fall within the horizon from then on; NaN where the past does not hold it whole.
    horizon_days : int
    probability : float
    """

    coins: tuple[str, ...]
    day_s: IntArray
    stretch: IntArray
    raw: IntArray
    of_day: FloatArray
    of_regime: FloatArray
    floor: FloatArray
    fell: FloatArray
    horizon_days: int
    probability: float


def held(raw: IntArray, day_s: IntArray, hold_days: int) -> IntArray:
    """Return the regime in force each day: the strictest of the last days, so that it cannot flap, (n,).

    A stricter regime is entered at once, a milder one after ``hold_days`` without a stricter.

    Parameters
    ----------
    raw : (n,) int64
        Regime of each day.
    day_s : (n,) int64
        Ascending.
    hold_days : int
        At least 1.
    """
    first = np.searchsorted(day_s, day_s - hold_days * DAY_S, side="right")
    return np.array([raw[a : t + 1].max() for t, a in enumerate(first.tolist())], dtype=np.int64)


def walk(
    regimes: Regimes,
    *,
    probability: float,
    horizon_days: int,
    lookback_days: int = EUROPEAN.floor_lookback_days,
    paths: int = PATHS,
    seed: int = 1,
    checkpoint: Checkpoint | None = None,
    progress: REPORT | None = None,
) -> Walk:
    """Return what each day after the first `WARM_UP_DAYS` asked for.

    Parameters
    ----------
    regimes : Regimes
    probability : float
        That a fall within the horizon is beyond the haircut.
    horizon_days : int
    lookback_days : int
        Of the floor; as far as there was history.
    paths, seed : int
        Behind each quantile.
    checkpoint : Checkpoint, optional
        What an interrupted run left, and where this one leaves it.
    progress : callable (done, total), optional

    Raises
    ------
    InputError
        If history is too short to walk over.
    """
    model, hour = regimes.model, regimes.model.step_s
    begin_s = model.end_s - hour
    rows = np.flatnonzero(begin_s % DAY_S == 0)
    if len(rows) <= WARM_UP_DAYS:
        raise InputError(f"{len(rows)} days of history are too few to walk over.", remedy="Fit a longer one.")
    a_day = DAY_S // hour
    rank = regimes.rank()
    days = rows[WARM_UP_DAYS:]
    parts, edges = [], range(0, len(days), EVERY_DAYS)
    quantile = _Quantile(probability, horizon_days * DAY_S, paths, seed)
    named = {"model": model.sha256, "quantile": astuple(quantile), "lookback_days": lookback_days}
    past = digest(named, regimes.past.log_return, regimes.past.variance)
    for done, edge in enumerate(edges, 1):
        own = days[edge : edge + EVERY_DAYS]
        key = digest({"past": past, "days": own.tolist()})
        of_day, by_regime, floor = estimate(
            checkpoint, key, partial(_estimate, regimes, own, lookback_days, quantile)
        )
        n = len(own)
        parts.append(
            (
                of_day,
                np.broadcast_to(by_regime, (n, *by_regime.shape)),
                np.broadcast_to(floor, (n, len(floor))),
            )
        )
        if progress is not None:
            progress(done, len(edges))
    of_day, of_regime, floor_of = (np.concatenate([p[k] for p in parts]) for k in range(3))
    return Walk(
        coins=model.coins,
        day_s=begin_s[days],
        stretch=np.concatenate([[0], (np.diff(begin_s[days]) != DAY_S).cumsum()]).astype(np.int64),
        raw=np.array([rank[max(d - a_day + 1, 0) : d + 1].max() for d in days.tolist()], dtype=np.int64),
        of_day=of_day,
        of_regime=of_regime,
        floor=floor_of,
        fell=_fell(regimes, days, horizon_days * a_day),
        horizon_days=horizon_days,
        probability=probability,
    )


@dataclass(frozen=True, slots=True)
class _Quantile:
    """How far prices fall within a horizon, but for a probability, (K,)."""

    probability: float
    horizon_s: int
    paths: int
    seed: int

    def of(self, model: Fhs, sources: tuple[tuple[Source, float], ...]) -> FloatArray:
        log_paths = log_paths_of(model, sources, self.horizon_s, self.paths, self.seed)
        worst = np.quantile(log_paths[:, 1:].min(axis=1), self.probability, axis=0, method="inverted_cdf")
        return np.asarray(np.maximum(1 - np.exp(worst), 0.0))


def _estimate(
    regimes: Regimes, own: IntArray, lookback_days: int, quantile: _Quantile
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return haircuts of each day, (n, K), of each regime, (3, K), and of the look-back, (K,).

    From the hours before the first of the days, but for the volatility of each.
    """
    before = regimes.of(np.arange(len(regimes.model.end_s)) < own[0])
    floor = _floor(before, lookback_days, quantile)
    by_regime = np.stack([quantile.of(before.model, before.sources(r)) for r in REGIMES])
    return _of_day(before, regimes.past.variance[own], quantile), by_regime, floor


def _floor(before: Regimes, days: int, quantile: _Quantile) -> FloatArray:
    last, source = before.lookback(min(days, before.days))
    return quantile.of(last.model, ((source, 1.0),))


def _of_day(before: Regimes, variance: FloatArray, quantile: _Quantile) -> FloatArray:
    """Return the haircut at each variance, (n, K), straight between those of a grid seen before."""
    model = before.model
    low, high = before.past.variance.min(axis=0), model.starts["highest"]
    at = np.linspace(np.log(low), np.log(high), GRID)
    drawn = [quantile.of(model, ((Source("calm", np.exp(v)), 1.0),)) for v in at]
    # More volatility never asks for less: draws of one seed say so but for their noise.
    grid = np.maximum.accumulate(np.stack(drawn), axis=0)
    logs = np.log(variance)
    return np.stack([np.interp(logs[:, k], at[:, k], grid[:, k]) for k in range(grid.shape[1])], axis=1)


def _fell(regimes: Regimes, days: IntArray, steps: int) -> FloatArray:
    model, log_return = regimes.model, regimes.past.log_return
    out = np.full((len(days), len(model.coins)), np.nan)
    for k, d in enumerate(days.tolist()):
        last = d + steps - 1
        if last < len(model.end_s) and model.end_s[last] - model.end_s[d] == (steps - 1) * model.step_s:
            out[k] = np.maximum(1 - np.exp(log_return[d : last + 1].cumsum(axis=0).min(axis=0)), 0.0)
    return out


@dataclass(frozen=True, slots=True)
class Measured:
    """One rule on one coin.

    Parameters
    ----------
    coin, rule : str
    moved : Movement
        Of what the rule publishes.
    came : Exceedances
        Falls beyond it, of windows that do not overlap.
    stepped : Movement
        Of what governance reaches within its steps.
    stepped_came : Exceedances
        Falls beyond that.
    """

    coin: str
    rule: str
    moved: Movement
    came: Exceedances
    stepped: Movement
    stepped_came: Exceedances


def rules(options: Tempering) -> Iterator[tuple[str, bool, Tempering]]:
    """Yield the rules that are measured: name, whether by regime, and what tempers them.

    What is not asked for is measured as article 28 has it, so that its effect is known before it is wanted.
    """
    asked = Tempering(
        options.stressed_weight or EUROPEAN.stressed_weight,
        options.floor_lookback_days or EUROPEAN.floor_lookback_days,
        options.release_buffer or EUROPEAN.release_buffer,
        options.bps_per_day if np.isfinite(options.bps_per_day) else EUROPEAN.bps_per_day,
    )
    yield "volatility of the day", False, Tempering()
    yield f"{asked.stressed_weight:.0%} stressed", False, Tempering(stressed_weight=asked.stressed_weight)
    floor = Tempering(floor_lookback_days=asked.floor_lookback_days)
    yield f"floor of {asked.floor_lookback_days:,} days", False, floor
    yield f"buffer of {asked.release_buffer:.0%}", False, Tempering(release_buffer=asked.release_buffer)
    yield f"{asked.bps_per_day:.0f} bps a day", False, Tempering(bps_per_day=asked.bps_per_day)
    yield "all four", False, asked
    yield "by regime", True, Tempering()
    unhurried = replace(asked, bps_per_day=np.inf)
    yield "by regime, weight, floor, buffer", True, unhurried
    yield "by regime, all four", True, asked


def measured(
    found: Walk, options: Tempering, *, hold_days: int, step_bps: int = 50, every_days: int = 3
) -> tuple[Measured, ...]:
    """Return every rule on every coin.

    Parameters
    ----------
    found : Walk
    options : Tempering
    hold_days : int
        As `held`.
    step_bps, every_days : int
        What governance may do.
    """
    ranks = held(found.raw, found.day_s, hold_days)
    out = []
    for k, coin in enumerate(found.coins):
        for name, by_regime, temper in rules(options):
            rule = haircuts(found, k, ranks if by_regime else None, temper)
            slow = by_stretch(
                found.stretch, lambda x: within_steps(x, step_bps=step_bps, every_days=every_days), rule
            )
            out.append(
                Measured(
                    coin,
                    name,
                    movement(rule, found.stretch),
                    _exceeded(found, k, rule),
                    movement(slow, found.stretch),
                    _exceeded(found, k, slow),
                )
            )
    return tuple(out)


def haircuts(found: Walk, coin: int, ranks: IntArray | None, options: Tempering) -> FloatArray:
    """Return what a rule publishes each day, (n,): by regime where ranks are given, else by the day."""
    stressed = found.of_regime[:, REGIMES.index(Regime.STRESSED), coin]
    calm = found.of_regime[:, REGIMES.index(Regime.CALM), coin]
    days = np.arange(len(stressed))
    plain = found.of_day[:, coin] if ranks is None else found.of_regime[days, ranks, coin]
    floor = found.floor[:, coin]
    wanted, level = (needed(h, stressed, floor, options) for h in (plain, calm))

    def publish(*parts: FloatArray) -> FloatArray:
        return published(*parts, buffer=options.release_buffer, bps_per_day=options.bps_per_day)

    return by_stretch(found.stretch, publish, wanted, stressed, level)


def by_stretch(stretch: IntArray, function: Callable[..., FloatArray], *arrays: FloatArray) -> FloatArray:
    """Return what a function makes of each stretch of days apart, (n,): nothing is carried over a gap."""
    out = np.empty(len(stretch))
    for number in np.unique(stretch):
        own = stretch == number
        out[own] = function(*(a[own] for a in arrays))
    return out


def _exceeded(found: Walk, coin: int, haircut: FloatArray) -> Exceedances:
    """Return how often falls went beyond, in windows of the horizon that do not overlap."""
    taken, free_s = [], -1
    for t, start_s in enumerate(found.day_s.tolist()):
        if start_s >= free_s and np.isfinite(found.fell[t, coin]):
            taken.append(t)
            free_s = start_s + found.horizon_days * DAY_S
    return count(found.fell[taken, coin], haircut[taken], 1 - found.probability)


def stays(found: Walk, hold_days: int) -> dict[Regime, tuple[int, ...]]:
    """Return how many days each stay in a regime lasted, by regime; cut off where the past is."""
    ranks = held(found.raw, found.day_s, hold_days)
    edges = np.flatnonzero((np.diff(ranks) != 0) | (np.diff(found.stretch) != 0)) + 1
    runs = np.split(ranks, edges)
    return {r: tuple(len(run) for run in runs if run[0] == k) for k, r in enumerate(REGIMES)}
