"""The rule by regime as a whole: choices, how to get from one to another, now, and what the past shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from protocols.change_rules import StepKind
from protocols.snapshot import Snapshot
from risk.scenarios.fhs import Fhs, shipped_fhs
from risk.scenarios.past import past_of
from risk.solver.limits import Limits
from risk.solver.procyclicality import EUROPEAN, Tempering
from risk.solver.recommend import Solution
from risk.solver.regime_draws import Regime, regimes_of
from risk.solver.regime_now import Now, read_now
from risk.solver.regime_walk import Measured, measured, stays, walk
from risk.solver.regimes import RegimeChoice, Transition, by_regime, transitions
from risk.solver.resume import Checkpoint
from risk.solver.returns import DAY_S
from risk.solver.search import DEFAULT, Effort

PROBABILITY, HORIZON_DAYS = 0.01, 1  # of the walk, where the new-position test asks for nothing
WALK_PATHS = 1_000  # behind each of its quantiles
Report = Callable[[str, int, int], None]  # phase, done, total


@dataclass(frozen=True, slots=True)
class Steps:
    """How fast governance may move an LTV: ``bps`` every ``days``."""

    bps: int
    days: int


@dataclass(frozen=True, eq=False)
class RegimeRule:
    """The rule and what is known of it.

    Parameters
    ----------
    choices : tuple of RegimeChoice
    transitions : tuple of Transition
    now : Now
    options : Tempering
    hold_days : int
    seed, certificate_seed : int
        Of the draws, and of those that certify.
    stressed_volatility : float
        A year, of the factor, from which an hour is stressed.
    factor : str
    measured : tuple of Measured
        The rules on the past.
    stays : mapping of Regime to tuple of int
        Days each stay lasted in the past.
    probability, horizon_days, days
        Of the walk: what a haircut leaves open, its horizon, and how many days were walked.
    steps : Steps
    """

    choices: tuple[RegimeChoice, ...]
    transitions: tuple[Transition, ...]
    now: Now
    options: Tempering
    hold_days: int
    seed: int
    certificate_seed: int
    stressed_volatility: float
    factor: str
    measured: tuple[Measured, ...]
    stays: Mapping[Regime, tuple[int, ...]]
    probability: float
    horizon_days: int
    days: int
    steps: Steps


def regime_rule(
    solution: Solution,
    *,
    draws: int,
    seed: int,
    certified: int = 0,
    tries: int = 1,
    candles: Sequence[Path] = (),
    effort: Effort = DEFAULT,
    model: Fhs | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Report | None = None,
) -> RegimeRule:
    """Return the rule by regime that varies a solution.

    Parameters
    ----------
    solution : Solution
    draws, seed, certified, tries
        As `by_regime`.
    candles : sequence of Path
        Of the factor, up to the snapshot.
    effort : Effort
    model : Fhs, optional
        The shipped one by default.
    checkpoint : Checkpoint, optional
        What an interrupted run left, and where this one leaves it.
    progress : callable (phase, done, total), optional

    Raises
    ------
    InputError
        As `by_regime` and `walk`.
    MalformedFile, ScenarioError
        As `read_now`.
    """
    setting, told = solution.setting, progress or (lambda phase, done, total: None)
    limits, snapshot = setting.limits, setting.snapshot
    options, hold_days = Tempering.of(limits), int(limits["procyclicality.hold_days"])
    taken = shipped_fhs() if model is None else model
    regimes = regimes_of(taken, past_of(taken))
    now = read_now(
        candles,
        regimes,
        snapshot.block.timestamp_s,
        hold_days=hold_days,
        support_usd=limits["procyclicality.support_usd"],
    )
    choices = by_regime(
        solution,
        regimes,
        draws=draws,
        seed=seed,
        certified=certified,
        tries=tries,
        effort=effort,
        checkpoint=checkpoint,
        progress=told,
    )
    probability, horizon_days = _asked(limits)
    found = walk(
        regimes,
        probability=probability,
        horizon_days=horizon_days,
        lookback_days=options.floor_lookback_days or EUROPEAN.floor_lookback_days,
        paths=WALK_PATHS,
        seed=seed,
        checkpoint=checkpoint,
        progress=lambda done, total: told("walk", done, total),
    )
    steps = steps_of(snapshot)
    return RegimeRule(
        choices=choices,
        transitions=transitions(snapshot, choices),
        now=now,
        options=options,
        hold_days=hold_days,
        seed=seed,
        certificate_seed=seed + tries,
        stressed_volatility=math.sqrt(regimes.stressed_from * 365 * DAY_S / taken.step_s),
        factor=taken.coins[taken.factor],
        measured=measured(found, options, hold_days=hold_days, step_bps=steps.bps, every_days=steps.days),
        stays=stays(found, hold_days),
        probability=probability,
        horizon_days=horizon_days,
        days=len(found.day_s),
        steps=steps,
    )


def _asked(limits: Limits) -> tuple[float, int]:
    if limits["new_position.probability"] >= 1:
        return PROBABILITY, HORIZON_DAYS
    return limits["new_position.probability"], int(limits["new_position.horizon_days"])


def steps_of(snapshot: Snapshot) -> Steps:
    """Return how fast governance may move the LTV it moves most slowly; at will where nothing bounds it."""
    rules = [snapshot.change_rules.of("ltv_bps", r.asset) for r in snapshot.reserves]
    bound = [r for r in rules if r is not None and r.step_kind is StepKind.ABSOLUTE and r.max_step > 0]
    if not bound:
        return Steps(10_000, 1)
    days = {r: max(1, -(-r.min_delay_s // DAY_S)) for r in bound}
    slowest = min(bound, key=lambda r: r.max_step / days[r])
    return Steps(slowest.max_step, days[slowest])
