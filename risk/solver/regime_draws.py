"""Price regimes: how the days of each are drawn, and what pairs return in them.

============  ===================================================================================
calm          volatility starts at the median of calm hours, prices stay in the middle of a usual
              30-day range as long as they do
out of range  the price has just left the range, half the draws below and half above it;
              volatility starts at the median of such hours; hours are drawn from those outside as
              long as the path is
stressed      volatility starts at the quantile the model calls stressed; any hour may follow
============  ===================================================================================

The range stands still while a path lasts, where that of the closes would follow within days: over a week
the second regime is drawn too severe.  An hour that is both stressed and out of range counts as stressed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.engine.arrays import FloatArray, IntArray
from risk.scenarios.build import combine
from risk.scenarios.conditions import (
    ABOVE,
    BELOW,
    RANGE_LOOKBACK_S,
    STATES,
    Condition,
    PriceRange,
)
from risk.scenarios.fhs import STRESSED, Fhs
from risk.scenarios.past import Past
from risk.scenarios.paths import from_log_paths, time_grid
from risk.scenarios.scenarios import Scenarios
from risk.scenarios.simulate import MIN_ROWS
from risk.scenarios.tails import fit_tails
from risk.solver.returns import (
    DAY_S,
    HORIZONS_S,
    LEVELS,
    USD,
    Key,
    PairReturns,
    Returns,
    shipped_returns,
)

APART = 2**32  # between the seeds of sources: far beyond any number of tries
STRESSED_FROM = 0.90  # quantile of the factor's variance from which a day is stressed
EPSILON = 1e-9  # in log price: how far outside the range a path starts
PATHS = 2_000  # behind a table of returns


class Regime(StrEnum):
    """Regimes, mildest first."""

    CALM = "calm"
    OUT = "out of range"
    STRESSED = "stressed"


REGIMES = tuple(Regime)


@dataclass(frozen=True, eq=False)
class Source:
    """One way to draw paths.

    Parameters
    ----------
    name : str
    start : (K,) float64
        Variance of the first step.
    condition : Condition or None
    """

    name: str
    start: FloatArray
    condition: Condition | None = None


SOURCES = ("stressed", "calm", "below", "above", "long look-back")  # each with a stream of its own


@dataclass(frozen=True, eq=False)
class Regimes:
    """A model with what its past says of regimes.

    Parameters
    ----------
    model : Fhs
    past : Past
    stressed_from : float
        Variance of the factor, a step, from which an hour is stressed.
    width : float
        Median width of the 30-day range of the factor's closes, in log price.
    """

    model: Fhs
    past: Past
    stressed_from: float
    width: float

    @property
    def outside(self) -> IntArray:
        """Return the state of each row in its range, (n,); -1 where the range is not known."""
        return self.model.states["range"]

    def rank(self) -> IntArray:
        """Return the regime each hour begins in, as a place in `REGIMES`, (n,)."""
        out = np.isin(self.outside, (BELOW, ABOVE)).astype(np.int64)
        wild = self.past.variance[:, self.model.factor] >= self.stressed_from
        return np.where(wild, REGIMES.index(Regime.STRESSED), out)

    def sources(self, regime: Regime) -> tuple[tuple[Source, float], ...]:
        """Return what a regime is drawn from, with shares."""
        half, edge = self.width / 2, EPSILON
        if regime is Regime.STRESSED:
            return ((Source("stressed", self.model.variance_at("stressed")), 1.0),)
        if regime is Regime.CALM:
            start = self._median(self.rank() == REGIMES.index(Regime.CALM))
            return ((Source("calm", start, self._range(-half, half)), 1.0),)
        below = Source("below", self._median(self.outside == BELOW), self._range(edge, self.width))
        above = Source("above", self._median(self.outside == ABOVE), self._range(-self.width, -edge))
        return ((below, 0.5), (above, 0.5))

    def _range(self, low: float, high: float) -> Condition | None:
        """Return the condition, none where the past has too few hours of one of its states."""
        rows = [int((self.outside == state).sum()) for state in range(STATES["range"])]
        return PriceRange(self.model.factor, low, high) if min(rows) >= MIN_ROWS else None

    def _median(self, rows: np.ndarray) -> FloatArray:
        """Return the median variance of hours, of the stressed start where there are none."""
        if not rows.any():
            return self.model.variance_at("stressed")
        return np.asarray(np.median(self.past.variance[rows], axis=0))

    @property
    def days(self) -> int:
        """Return how many days of hours there are, gaps left out."""
        return len(self.model.end_s) * self.model.step_s // DAY_S

    def lookback(self, days: int) -> tuple[Regimes, Source]:
        """Return the last days of history, and how the floor is drawn from them: at their mean variance.

        Raises
        ------
        InputError
            If history does not reach back so far.
        """
        if days > self.days:
            raise InputError(
                f"procyclicality.floor_lookback_days is {days}, and history holds {self.days:,} days.",
                remedy="Give fewer days.",
            )
        hours = len(self.model.end_s)
        last = self.of(np.arange(hours) >= hours - days * (DAY_S // self.model.step_s))
        return last, Source("long look-back", np.asarray(last.past.variance.mean(axis=0)))

    def of(self, rows: np.ndarray) -> Regimes:
        """Return the regimes as these hours alone tell of them; coefficients of the variances stay."""
        past = Past(self.past.log_return[rows], self.past.variance[rows])
        residual = self.model.residual[rows]
        starts = {
            "last": past.variance[-1],
            "median": np.median(past.variance, axis=0),
            "stressed": np.quantile(past.variance, STRESSED, axis=0),
            "highest": past.variance.max(axis=0),
        }
        model = replace(
            self.model,
            end_s=self.model.end_s[rows],
            residual=residual,
            states={name: state[rows] for name, state in self.model.states.items()},
            tails=tuple(fit_tails(z) for z in residual.T),
            starts=starts,
        )
        return regimes_of(model, past)


def regimes_of(model: Fhs, past: Past) -> Regimes:
    """Return what a model's past says of regimes."""
    variance = past.variance[:, model.factor]
    return Regimes(model, past, float(np.quantile(variance, STRESSED_FROM)), _width(model, past))


def _width(model: Fhs, past: Past) -> float:
    """Return the median width of the range of closes, of the windows that a stretch holds whole."""
    steps = max(2, RANGE_LOOKBACK_S // model.step_s)
    log_price = past.log_return[:, model.factor].cumsum()
    widths = []
    starts = np.flatnonzero(~model.follows)
    for a, b in zip(starts, [*starts[1:], len(log_price)], strict=True):
        # One window a day: they overlap by all but a day.
        for end in range(a + steps, b + 1, max(1, DAY_S // model.step_s)):
            window = log_price[end - steps : end]
            widths.append(window.max() - window.min())
    # Without a whole window: as wide as a range of that length is, four standard deviations.
    spread = float(past.log_return[:, model.factor].std()) * np.sqrt(steps)
    return float(np.median(widths)) if widths else 4 * spread


def weighted(
    sources: Sequence[tuple[Source, float]], stressed: Source, weight: float
) -> tuple[tuple[Source, float], ...]:
    """Return sources with a share of stressed draws in front; a weight of 1 leaves nothing else."""
    shares: dict[str, tuple[Source, float]] = {}
    for source, share in ((stressed, weight), *((s, v * (1 - weight)) for s, v in sources)):
        if share > 0:
            kept = shares.get(source.name, (source, 0.0))
            shares[source.name] = (source, kept[1] + share)
    return tuple(shares.values())


def counts(shares: Sequence[float], total: int) -> list[int]:
    """Return whole numbers that add up to a total: the first share rounded up, then largest remainders."""
    exact = [share * total for share in shares]
    out = [math.ceil(exact[0] - 1e-9), *(int(v + 1e-9) for v in exact[1:])]
    order = sorted(range(1, len(out)), key=lambda k: (out[k] - exact[k], k))
    for k in order[: total - sum(out)]:
        out[k] += 1
    return out


def scenarios_of(
    model: Fhs, sources: Sequence[tuple[Source, float]], snapshot: Snapshot, count: int, seed: int
) -> Scenarios:
    """Return a day drawn from each source in proportion, all of equal weight.

    Parameters
    ----------
    model : Fhs
    sources : sequence of (Source, share)
    snapshot : Snapshot
    count, seed : int
        Sources draw from streams of their own, far apart.
    """
    parts = []
    for (source, _), n in zip(sources, counts([share for _, share in sources], count), strict=True):
        if not n:
            continue
        drawn = _drawn(model, source, snapshot, n, _seed(source, seed))
        parts.append(drawn)
    return replace(parts[0] if len(parts) == 1 else combine(parts), seed=seed)


def _drawn(model: Fhs, source: Source, snapshot: Snapshot, count: int, seed: int) -> Scenarios:
    resampler = model.resampler(start=source.start, condition=source.condition)
    time_s = time_grid(DAY_S, model.step_s)
    return from_log_paths(
        snapshot,
        model.coins,
        lambda start, stop: resampler.log_paths(start, stop, len(time_s) - 1, seed),
        scenarios=count,
        time_s=time_s,
        seed=seed,
        group=source.name,
        identity={
            "model": model.sha256,
            "start": source.start.tolist(),
            "condition": repr(source.condition),
        },
    )


def log_paths_of(
    model: Fhs, sources: Sequence[tuple[Source, float]], horizon_s: int, count: int, seed: int
) -> FloatArray:
    """Return log factors of the coins from each source in proportion, (S, T + 1, K)."""
    steps = max(1, horizon_s // model.step_s)
    parts = []
    for (source, _), n in zip(sources, counts([share for _, share in sources], count), strict=True):
        if n:
            drawn = model.resampler(start=source.start, condition=source.condition)
            parts.append(drawn.log_paths(0, n, steps, _seed(source, seed)))
    return np.concatenate(parts)


def _seed(source: Source, seed: int) -> int:
    return seed + SOURCES.index(source.name) * APART


def table_of(coins: Sequence[str], log_paths: FloatArray, horizon_s: int, source: str) -> Returns:
    """Return the shipped table with the worst returns of the drawn coins' pairs in place of its own.

    Parameters
    ----------
    coins : sequence of str, length K
    log_paths : (S, T + 1, K) float64
        From one regime.
    horizon_s : int
        Of `HORIZONS_S`.
    source : str
        Said of every pair.
    """
    if horizon_s not in HORIZONS_S:
        raise InputError(f"no returns over {horizon_s} s.", remedy=f"Choose one of {HORIZONS_S}.")
    logs = {coin: log_paths[:, :, k] for k, coin in enumerate(coins)} | {
        USD: np.zeros_like(log_paths[:, :, 0])
    }
    out: dict[Key, PairReturns] = dict(shipped_returns())
    for base, over in logs.items():
        for quote, under in logs.items():
            if base == quote:
                continue
            worst = np.exp((over - under)[:, 1:].min(axis=1))
            moves = np.diff(over - under, axis=1)
            pair = PairReturns(
                base=base,
                quote=quote,
                horizon_s=horizon_s,
                statistic="minimum",
                quantiles=np.quantile(worst, LEVELS, method="inverted_cdf"),
                sigma=float(np.sqrt((moves**2).mean() * moves.shape[1] * 365 * DAY_S / horizon_s)),
                n_windows=len(worst),
                n_independent=len(worst),
                source=source,
            )
            out[pair.key] = pair
    return out
