"""The harm ledger before and after a proposal, with intervals where scenarios are a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from risk.confidence import bootstrap_interval, is_sample, probability_bound, quantile_bounds
from risk.measures import expected_shortfall, value_at_risk
from risk.outcome import Outcome
from risk.scenarios.scenarios import Scenarios

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray, FloatArray | None], float]
Interval = tuple[float | None, float | None]  # None: too few samples bound that side

RISK = 0.05  # share of intervals that miss
DRAWS = 399
CHOSEN = "no interval: scenarios are chosen, not drawn"
PAST = "no interval: windows of the past overlap and are not drawn"

# Field of `Outcome`, what it is called, its unit.
MEASURES = (
    ("bad_debt_usd", "bad debt", "USD"),
    ("avoidable_loss_usd", "avoidable loss of borrowers", "USD"),
    ("toxic_usd", "toxic liquidations", "USD"),
    ("under_liquidation_usd_hours", "under-liquidation", "USD × hours"),
    ("eligible_debt_usd", "debt liquidatable", "USD"),
    ("repaid_usd", "debt repaid by liquidators", "USD"),
)


def _mean(values: FloatArray, weight: FloatArray | None) -> float:
    return float(np.average(values, weights=weight))


STATISTICS: tuple[tuple[str, Statistic, float | None], ...] = (
    ("mean", _mean, None),
    ("VaR 95 %", lambda x, w: value_at_risk(x, 0.95, w), 0.95),
    ("VaR 99 %", lambda x, w: value_at_risk(x, 0.99, w), 0.99),
    ("CVaR 95 %", lambda x, w: expected_shortfall(x, 0.95, w), None),
    ("CVaR 99 %", lambda x, w: expected_shortfall(x, 0.99, w), None),
)


@dataclass(frozen=True, slots=True)
class HarmRow:
    """One statistic of one entry of the ledger.

    Parameters
    ----------
    measure, statistic, unit : str
        ``bad debt``, ``CVaR 95 %``, ``USD``.
    before, after : float
    before_interval, after_interval, change_interval : (low, high) or None
        95 % intervals; of the change from the same scenarios on both sides.  None where scenarios
        are not a sample; one end None where too few samples bound it.
    """

    measure: str
    statistic: str
    unit: str
    before: float
    after: float
    before_interval: Interval | None = None
    after_interval: Interval | None = None
    change_interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class FrequencyRow:
    """In how many drawn scenarios an entry of the ledger is not 0, and how likely that is at most.

    The bounds (Clopper-Pearson, 95 %) say what resamples cannot: no loss among n draws leaves a
    chance of about 3 / n.
    """

    measure: str
    scenarios: int
    before: int
    after: int
    before_at_most_share: float
    after_at_most_share: float


@dataclass(frozen=True, slots=True)
class WorstRow:
    """The worst scenario of one entry of the ledger, on either side."""

    measure: str
    unit: str
    before: float
    before_scenario: str
    after: float
    after_scenario: str


@dataclass(frozen=True, slots=True)
class LenderRow:
    """Largest bad debt of one debt reserve over the scenarios, USD: cover is not fungible."""

    asset: str
    before_usd: float
    after_usd: float
    after_scenario: str


@dataclass(frozen=True, slots=True)
class Harm:
    """The ledger of both sides.

    Parameters
    ----------
    basis : str
        What the statistics are over, and why there is no interval where there is none.
    drawn : bool
        Whether the scenarios are an independent sample.
    rows : tuple of HarmRow
    frequencies : tuple of FrequencyRow
        Empty unless drawn with equal weights.
    worst : tuple of WorstRow
    lenders : tuple of LenderRow
    """

    basis: str
    drawn: bool
    rows: tuple[HarmRow, ...]
    frequencies: tuple[FrequencyRow, ...]
    worst: tuple[WorstRow, ...]
    lenders: tuple[LenderRow, ...]


def harm(scenarios: Scenarios, before: Outcome, after: Outcome, *, seed: int = 0) -> Harm:
    """Compare what liquidations cost on both sides.

    Parameters
    ----------
    scenarios : Scenarios
    before, after : Outcome
        Of these scenarios.
    seed : int
        Of the resamples behind intervals.
    """
    drawn = is_sample(scenarios)
    rows, worst, frequencies = [], [], []
    counted = drawn and _equal(before.weight)
    for field, name, unit in MEASURES:
        sides = _total(before, field), _total(after, field)
        rows += [_row(name, unit, one, sides, before.weight, drawn, seed) for one in STATISTICS]
        if counted:
            frequencies.append(_frequency(name, *sides))
        at = [int(np.argmax(side)) for side in sides]
        worst.append(
            WorstRow(
                name,
                unit,
                float(sides[0][at[0]]),
                before.names[at[0]],
                float(sides[1][at[1]]),
                after.names[at[1]],
            )
        )
    basis = _basis(scenarios, drawn, frequencies)
    return Harm(basis, drawn, tuple(rows), tuple(frequencies), tuple(worst), _lenders(before, after))


def _basis(scenarios: Scenarios, drawn: bool, frequencies: list[FrequencyRow]) -> str:
    n = f"{len(scenarios):,}"
    if drawn:
        text = (
            f"{n} scenarios drawn with seed {scenarios.seed}; intervals of 95 %, about the generator's "
            "sampling, not about whether it is right"
        )
        for row in (f for f in frequencies if f.measure == "bad debt"):
            text += (
                f"; bad debt in {row.after:,} of {n} after the change ({row.before:,} before), so its "
                f"probability is at most {row.after_at_most_share:.2%}"
            )
        return text
    past = set(scenarios.groups) == {"history"}
    return f"{n} scenarios as they are weighted; {PAST if past else CHOSEN}"


def _total(outcome: Outcome, field: str) -> FloatArray:
    value = np.asarray(getattr(outcome, field), dtype=np.float64)
    return value.sum(axis=1) if value.ndim == 2 else value


def _row(
    name: str,
    unit: str,
    one: tuple[str, Statistic, float | None],
    sides: tuple[FloatArray, FloatArray],
    weight: FloatArray,
    drawn: bool,
    seed: int,
) -> HarmRow:
    label, statistic, level = one
    before, after = (statistic(side, weight) for side in sides)
    if not drawn:
        return HarmRow(name, label, unit, before, after)

    def own(side: FloatArray) -> Interval:
        if np.ptp(side) == 0:  # nothing to resample: the draws bound only how often, not how much
            return float(side[0]), None
        if level is not None and _equal(weight):
            return _bounded(quantile_bounds(side, level, RISK))
        return bootstrap_interval(statistic, side, weight, risk=RISK, draws=DRAWS, seed=seed)

    def change(places: FloatArray, drawn_weight: FloatArray | None) -> float:
        at = places.astype(np.int64)
        return statistic(sides[1][at], drawn_weight) - statistic(sides[0][at], drawn_weight)

    if np.ptp(sides[1] - sides[0]) == 0:
        return HarmRow(name, label, unit, before, after, own(sides[0]), own(sides[1]), (None, None))
    # Places stand for losses, so that both sides are resampled together.
    places = np.arange(len(weight), dtype=np.float64)
    moved = bootstrap_interval(change, places, weight, risk=RISK, draws=DRAWS, seed=seed)
    return HarmRow(name, label, unit, before, after, own(sides[0]), own(sides[1]), moved)


def _equal(weight: FloatArray) -> bool:
    return bool((weight == weight[0]).all())


def _frequency(measure: str, before: FloatArray, after: FloatArray) -> FrequencyRow:
    n, then, now = len(before), int((before > 0).sum()), int((after > 0).sum())
    bounds = (probability_bound(k, n, RISK) for k in (then, now))
    return FrequencyRow(measure, n, then, now, *bounds)


def _bounded(ends: tuple[float, float]) -> Interval:
    low, high = (end if np.isfinite(end) else None for end in ends)
    return low, high


def _lenders(before: Outcome, after: Outcome) -> tuple[LenderRow, ...]:
    rows = []
    for j, asset in enumerate(after.assets):
        then, now = before.bad_debt_usd[:, j], after.bad_debt_usd[:, j]
        if then.max() > 0 or now.max() > 0:
            worst = int(np.argmax(now))
            rows.append(LenderRow(asset, float(then.max()), float(now[worst]), after.names[worst]))
    return tuple(sorted(rows, key=lambda r: (-max(r.before_usd, r.after_usd), r.asset)))
