"""One loop behind every resampling generator: joint rows in blocks, by state, with or without GARCH.

Each scenario has its own stream of random numbers, so it is the same whatever block it is
made in and however many there are.  Rows are drawn whole, all coins together: dependence is
that of the hours they come from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError
from risk.scenarios.conditions import STATES, Always, Condition
from risk.scenarios.garch import Marginal, next_variance
from risk.scenarios.tails import Ranks, Tails, ranks, redraw_tails

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Kind = Literal["stationary", "moving"]

MIN_ROWS = 30  # of a state: below this its draws would be a handful of hours over and over


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows to draw from.

    Parameters
    ----------
    value : (n, K) float64
        Log returns, or standardised residuals where there are marginals.
    follows : (n,) bool
        Whether a row continues the one before.
    state : (n,) int64
        State of each row under the condition; -1 is never drawn.
    """

    value: FloatArray
    follows: BoolArray
    state: IntArray

    def __post_init__(self) -> None:
        n = len(self.value)
        if n == 0 or self.follows.shape != (n,) or self.state.shape != (n,):
            raise ScenarioError("a sample needs rows, and one state and one link a row.")
        if not np.isfinite(self.value).all():
            raise ScenarioError("a sample holds a value that is not finite.")


@dataclass(frozen=True, eq=False)
class Variance:
    """Variance processes of K coins and where they start.

    Parameters
    ----------
    marginals : tuple of Marginal, length K
    start : (K,) float64
        Variance of the first step.
    highest : (K,) float64
        Variance that no step exceeds.  Hourly variances are integrated: their mean does not
        exist, and without a bound some path of a long horizon always runs away.
    tails : tuple of Tails, optional
        Redraws residuals beyond the thresholds.
    """

    marginals: tuple[Marginal, ...]
    start: FloatArray
    highest: FloatArray
    tails: tuple[Tails, ...] | None = None


@dataclass(frozen=True, eq=False)
class Resampler:
    """A generator of joint log paths.

    Parameters
    ----------
    sample : Sample
    kind : {"stationary", "moving"}
        Blocks of geometric length (Politis and Romano 1994) or of one length (Kunsch 1989).
    block_steps : int
        Mean length of a block, or its length.
    condition : Condition
    variance : Variance, optional
        Without it values are returns as they are.
    """

    sample: Sample
    kind: Kind
    block_steps: int
    condition: Condition = field(default_factory=Always)
    variance: Variance | None = None

    def __post_init__(self) -> None:
        if self.block_steps < 1:
            raise ScenarioError(
                f"a block of {self.block_steps} steps is impossible.", remedy="Give 1 or more."
            )
        for state, pool in enumerate(self.pools):
            if len(pool) < min(MIN_ROWS, len(self.sample.value)):
                raise ScenarioError(
                    f"condition '{self.condition.name}' state {state} has {len(pool)} rows to draw from.",
                    remedy=f"Give candles with at least {MIN_ROWS}, a shorter block or another condition.",
                )

    @cached_property
    def pools(self) -> tuple[IntArray, ...]:
        """Rows a block may start at, by state."""
        start = np.ones(len(self.sample.value), dtype=bool)
        if self.kind == "moving":
            start = _run_lengths(self.sample) >= self.block_steps
        return tuple(
            np.flatnonzero((self.sample.state == state) & start)
            for state in range(STATES[self.condition.name])
        )

    @cached_property
    def spread(self) -> FloatArray:
        """How much wider residuals of each state are than all together, (states, K).

        A wild state multiplies returns while it lasts.  The variance is not fed with that, or it
        would run away: its coefficients were fitted to residuals of one spread.
        """
        value, drawn = self.sample.value, self.sample.state >= 0
        every = value[drawn].std(axis=0)
        states = range(STATES[self.condition.name])
        return np.stack([value[self.sample.state == s].std(axis=0) / every for s in states])

    @cached_property
    def ranks(self) -> tuple[Ranks, ...]:
        """Where the sample's residuals stand in the fitted tails, by coin."""
        if self.variance is None or self.variance.tails is None:
            return ()
        return tuple(
            ranks(z, tails) for z, tails in zip(self.sample.value.T, self.variance.tails, strict=True)
        )

    def log_paths(self, start: int, stop: int, steps: int, seed: int) -> FloatArray:
        """Return the log factors of scenarios ``start`` .. ``stop - 1``, (S, steps + 1, K)."""
        coins = self.sample.value.shape[1]
        u = np.stack([_uniforms(seed, k, steps, 2 + coins) for k in range(start, stop)])
        path = np.zeros((stop - start, steps + 1, coins))
        pools, draw = self.pools, _Draw.fresh(stop - start)
        variance = None if self.variance is None else np.tile(self.variance.start, (stop - start, 1))
        for t in range(steps):
            state = self.condition.state(t, path)
            draw = self._next_rows(draw, state, pools, u[:, t, :2])
            value = self.sample.value[draw.row]
            if variance is not None:
                value = self._scaled(value, draw.row, variance, u[:, t, 2:])
                variance = self._ahead(variance, value / self.spread[state])
            path[:, t + 1] = path[:, t] + value
        return path

    def _next_rows(self, draw: _Draw, state: IntArray, pools: tuple[IntArray, ...], u: FloatArray) -> _Draw:
        """Go on in the block where it lasts, else start one in a row of the state."""
        n = len(self.sample.value)
        ahead = np.minimum(draw.row + 1, n - 1)
        lasts = (draw.row + 1 < n) & self.sample.follows[ahead] & (self.sample.state[ahead] == state)
        if self.kind == "moving":
            lasts &= draw.age < self.block_steps
        else:
            lasts &= u[:, 0] >= 1 / self.block_steps
        lasts &= draw.age > 0
        row = ahead.copy()
        for s, pool in enumerate(pools):
            anew = ~lasts & (state == s)
            row[anew] = pool[(u[anew, 1] * len(pool)).astype(np.int64)]
        return _Draw(row, np.where(lasts, draw.age + 1, 1))

    def _scaled(self, z: FloatArray, row: IntArray, variance: FloatArray, u: FloatArray) -> FloatArray:
        assert self.variance is not None
        if self.variance.tails is not None:
            columns = enumerate(zip(self.variance.tails, self.ranks, strict=True))
            z = np.stack([redraw_tails(z[:, k], u[:, k], t, place, row) for k, (t, place) in columns], axis=1)
        return np.asarray(np.sqrt(variance) * z)

    def _ahead(self, variance: FloatArray, log_return: FloatArray) -> FloatArray:
        assert self.variance is not None
        m = self.variance.marginals
        omega, alpha, gamma, beta = (
            np.array([getattr(x, name) for x in m]) for name in ("omega", "alpha", "gamma", "beta")
        )
        ahead = next_variance(variance, log_return, omega, alpha, gamma, beta)
        return np.minimum(ahead, self.variance.highest)


def check_block(block_s: int) -> None:
    """Refuse a block without length; one shorter than a step is a step."""
    if block_s <= 0:
        raise ScenarioError(f"a block of {block_s} s is impossible.", remedy="Give seconds above 0.")


@dataclass(frozen=True, eq=False)
class _Draw:
    """Where each scenario's block stands: its row and how many rows it has lasted (0: none yet)."""

    row: IntArray
    age: IntArray

    @classmethod
    def fresh(cls, n: int) -> _Draw:
        return cls(np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64))


def _uniforms(seed: int, number: int, steps: int, width: int) -> FloatArray:
    stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
    return stream.random((steps, width))


def _run_lengths(sample: Sample) -> IntArray:
    """Return how many rows of one state follow one another from each row on, (n,)."""
    n = len(sample.value)
    goes_on = sample.follows[1:] & (sample.state[1:] == sample.state[:-1])
    ends = np.append(np.flatnonzero(~goes_on), n - 1)  # last rows of the runs
    rows = np.arange(n)
    return ends[np.searchsorted(ends, rows)] - rows + 1
