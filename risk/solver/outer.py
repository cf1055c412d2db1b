"""The outer bootstrap: other histories that might have been, and how far the judged CVaRs spread over them.

Whole months of the residuals behind a fitted model are drawn with replacement and the tails fitted again;
the coefficients of the variances stay.  Every history gives draws under one seed, so that what
differs is the history.  The spread is a lower bound on what refitting everything would show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from abis.errors import InputError
from risk.engine.arrays import IntArray
from risk.measures import expected_shortfall
from risk.scenarios.fhs import Fhs, shipped_fhs
from risk.scenarios.scenarios import Scenarios
from risk.scenarios.tails import fit_tails
from risk.solver.evaluate import SWEPT, Setting, together
from risk.solver.generators import GENERATORS, sample_of


@dataclass(frozen=True, slots=True)
class Spread:
    """One CVaR over the histories.

    Parameters
    ----------
    name : str
        As in `limits.toml`.
    relever : float
    limit_usd : float
        Infinite where there is none.
    cvar_usd : tuple of float
        One for each history, ascending.
    """

    name: str
    relever: float
    limit_usd: float
    cvar_usd: tuple[float, ...]

    @property
    def within(self) -> int:
        """Return the number of histories under which the limit is kept."""
        return sum(value <= self.limit_usd for value in self.cvar_usd)


@dataclass(frozen=True, slots=True)
class Outer:
    """What came of the outer bootstrap.

    Parameters
    ----------
    generator : str
    histories, scenarios, seed : int
    months : int
        Drawn for each history.
    spreads : tuple of Spread
    """

    generator: str
    histories: int
    scenarios: int
    seed: int
    months: int
    spreads: tuple[Spread, ...]


def histories(model: Fhs, count: int, seed: int) -> Iterator[Fhs]:
    """Yield models whose residuals are months of another's, drawn with replacement.

    Parameters
    ----------
    model : Fhs
    count, seed : int

    Raises
    ------
    InputError
        If the model holds less than two months.
    """
    month = (model.end_s - 1).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    rows = [np.flatnonzero(month == m) for m in np.unique(month)]
    if len(rows) < 2:
        raise InputError("the model holds a single month.", remedy="Fit it to a longer history.")
    rng = np.random.default_rng(seed)
    for _ in range(count):
        taken = np.concatenate([rows[k] for k in rng.integers(0, len(rows), len(rows))])
        residual = model.residual[taken]
        yield replace(
            model,
            end_s=model.end_s[taken],
            residual=residual,
            states={name: state[taken] for name, state in model.states.items()},
            tails=tuple(fit_tails(z) for z in residual.T),
        )


def outer_bootstrap(
    setting: Setting,
    chosen: IntArray,
    *,
    count: int,
    scenarios: int,
    seed: int,
    generator: str = "stressed",
    model: Fhs | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Outer:
    """Return the swept CVaRs of a choice under other histories.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
    count : int
        Histories.
    scenarios : int
        Draws of each.
    seed : int
        Of the months, and of the draws.
    generator : str
        Of `GENERATORS`.
    model : Fhs, optional
        The shipped one by default.
    progress : callable (done, total), optional

    Raises
    ------
    InputError
        If the generator is a file: its history is not the model's.
    """
    if generator not in GENERATORS:
        raise InputError(
            f"'{generator}' has no history to draw from.", remedy=f"One of {', '.join(GENERATORS)}."
        )
    base = shipped_fhs() if model is None else model
    found: dict[tuple[str, float], list[float]] = {}
    for done, other in enumerate(histories(base, count, seed), 1):
        sample = sample_of(generator, setting.snapshot, scenarios, seed, model=other)
        for key, value in _tails(setting, chosen, sample):
            found.setdefault(key, []).append(value)
        if progress is not None:
            progress(done, count)
    months = np.unique((base.end_s - 1).astype("datetime64[s]").astype("datetime64[M]"))
    spreads = tuple(
        Spread(name, relever, setting.limits[name], tuple(sorted(values)))
        for (name, relever), values in found.items()
    )
    return Outer(generator, count, scenarios, seed, len(months), spreads)


def _tails(
    setting: Setting, chosen: IntArray, sample: Scenarios
) -> Iterator[tuple[tuple[str, float], float]]:
    for relever in setting.limits.relever:
        swept = together(replace(setting, scenarios=sample), chosen, relever)
        for name, measure in SWEPT.items():
            level = setting.limits["tail.level"]
            yield (name, relever), expected_shortfall(getattr(swept, measure), level, sample.weight)
