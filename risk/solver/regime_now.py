"""Which regime a market is in now, from candles of the factor; not known where they do not tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from risk.scenarios.candles import iso
from risk.scenarios.conditions import ABOVE, BELOW, RANGE_LOOKBACK_S, range_rows
from risk.scenarios.garch import filter_variance
from risk.scenarios.panel import Panel, read_panel
from risk.solver.regime_draws import REGIMES, Regime, Regimes
from risk.solver.returns import DAY_S

LATE_S = 2 * 3_600  # how old the last candle may be


@dataclass(frozen=True, slots=True)
class Now:
    """The regime of a moment.

    Parameters
    ----------
    regime : Regime or None
        None: not known.
    why : str
        What it was judged by, or what is missing.
    """

    regime: Regime | None
    why: str


UNASKED = Now(None, "no candles were given (--candles)")


def read_now(
    files: Sequence[Path], regimes: Regimes, at_s: int, *, hold_days: int, support_usd: float = 0.0
) -> Now:
    """Return the regime at a time, as `regime_now`.

    Raises
    ------
    MalformedFile, ScenarioError
        If a file cannot be read, or has no closes that follow one another.
    """
    if not files:
        return UNASKED
    panel = read_panel(files, step_s=regimes.model.step_s)
    return regime_now(panel, regimes, at_s, hold_days=hold_days, support_usd=support_usd)


def regime_now(panel: Panel, regimes: Regimes, at_s: int, *, hold_days: int, support_usd: float = 0.0) -> Now:
    """Return the regime in force at a time: the strictest hour of the last days.

    Parameters
    ----------
    panel : Panel
        Hours of the factor up to then; later ones are not looked at.
    regimes : Regimes
        Whose quantile of volatility counts as stressed.
    at_s : int
        Unix time.
    hold_days : int
    support_usd : float
        Price below which it is out of its range too; 0: none stated.
    """
    model = regimes.model
    factor = model.coins[model.factor]
    if factor not in panel.coins:
        return Now(None, f"the candles have no {factor}")
    known = panel.end_s <= at_s
    if not known.any() or at_s - int(panel.end_s[known][-1]) > LATE_S:
        last = f"end {iso(int(panel.end_s[known][-1]))}" if known.any() else f"begin after {iso(at_s)}"
        return Now(None, f"the candles {last}, the snapshot is of {iso(at_s)}")
    before = panel.between(-np.inf, at_s + 1)
    coin = before.coins.index(factor)
    hours = hold_days * DAY_S // model.step_s
    where = range_rows(before, coin)[-hours:]
    if len(where) < hours or (where < 0).any():
        needed = RANGE_LOOKBACK_S // DAY_S + hold_days
        return Now(None, f"the candles do not hold the {needed} days before {iso(at_s)} without a gap")
    marginal = model.marginals[model.factor]
    variance = filter_variance(before.log_return[:, coin], before.follows, marginal)[1:][-hours:]
    low = (
        before.log_price[-hours:, coin] < np.log(support_usd) if support_usd else np.zeros(hours, dtype=bool)
    )
    outside = np.isin(where, (BELOW, ABOVE)) | low
    rank = np.where(variance >= regimes.stressed_from, REGIMES.index(Regime.STRESSED), outside.astype(int))
    regime = REGIMES[int(rank.max())]
    return Now(regime, _why(regimes, variance, where, low, hold_days))


def _why(regimes: Regimes, variance: np.ndarray, where: np.ndarray, low: np.ndarray, hold_days: int) -> str:
    a_year = 365 * DAY_S / regimes.model.step_s
    most, limit = (np.sqrt(v * a_year) for v in (variance.max(), regimes.stressed_from))
    outside = int(np.isin(where, (BELOW, ABOVE)).sum())
    return (
        f"of the last {hold_days} days, highest volatility {most:.0%} a year (stressed from {limit:.0%}), "
        f"{outside} hours outside the range of the 30 days before, {int(low.sum())} below a stated support"
    )
