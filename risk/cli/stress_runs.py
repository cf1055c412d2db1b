"""What ``breakwater stress`` runs: the scenarios, and again under other assumptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.snapshot import Snapshot
from risk.attribution import Attribution, attribute
from risk.cli.progress import Report
from risk.confidence import is_sample
from risk.depth import INFINITE_DEPTH, Depth
from risk.engine.feedback import Feedback
from risk.engine.liquidators import Liquidators
from risk.engine.liquidity import Liquidity
from risk.engine.potential import potential_bad_debt
from risk.engine.stress import stress
from risk.exposure import Exposure, exposure
from risk.figures import Figure, figures
from risk.outcome import Outcome
from risk.report.feeds import market_oracles
from risk.scenarios.scenarios import Scenarios
from risk.sensitivity import VARIANTS, Sensitivity, depth_sensitivity


class Results(NamedTuple):
    """Everything the command has found.

    ``potential`` (S,) USD is the potential bad debt, ``sampled`` whether figures have intervals, ``notice``
    names the reserves whose depth was taken to be infinite.
    """

    outcome: Outcome
    potential: NDArray[np.float64]
    figures: tuple[Figure, ...]
    sampled: bool
    exposure: Exposure
    notice: str
    sensitivity: Sensitivity | None = None
    attribution: Attribution | None = None


def options_of(
    taken: Snapshot, batch: Scenarios, depth: Depth, interest: bool, latency_blocks: float, feedback: float
) -> dict[str, Any]:
    """Return the keywords of `risk.stress` that the options name."""
    return {
        # A shock is there to stay, so feeds catch up with it; along a path they lag.
        "oracles": market_oracles(taken) if len(batch.time_s) > 1 else None,
        "depth": depth,
        "accrual": interest,
        "liquidators": Liquidators(latency_blocks=latency_blocks),
        "feedback": Feedback(feedback) if feedback else None,
    }


def run_of(
    taken: Snapshot, batch: Scenarios, options: dict[str, Any], report: Report, phase: str, **more: Any
) -> Outcome:
    """Run the scenarios; ``more`` wins over the options."""
    return stress(taken, batch, **options | more, progress=lambda done, total: report(phase, done, total))


def results_of(
    taken: Snapshot,
    batch: Scenarios,
    outcome: Outcome,
    options: dict[str, Any],
    levels: Sequence[float],
    report: Report,
) -> Results:
    """Return what is told of every run: potential bad debt, figures and the market's exposure."""
    wanted = {name: options[name] for name in ("oracles", "liquidators", "accrual")}
    potential = potential_bad_debt(
        taken, batch, **wanted, progress=lambda done, total: report("potential", done, total)
    )
    sampled = is_sample(batch)
    numbers = figures(outcome, levels=levels, sampled=sampled, potential_bad_debt_usd=potential)
    worst = batch, int(outcome.worst(1).index[0])
    return Results(
        outcome,
        potential,
        numbers,
        sampled,
        exposure(taken, options["depth"], worst),
        _notice(options["depth"]),
    )


def _notice(depth: Depth) -> str:
    return INFINITE_DEPTH if bool(depth.infinite.all()) else depth.notice()


def sensitivity_of(taken: Snapshot, batch: Scenarios, options: dict[str, Any], report: Report) -> Sensitivity:
    """Run the scenarios with other depth and liquidity."""
    runs = iter(range(len(VARIANTS)))

    def run(curves: Depth, liquidity: Liquidity | None) -> Outcome:
        before = next(runs)

        def part(phase: str, done: int, total: int) -> None:
            report(phase, before * total + done, len(VARIANTS) * total)

        more = {"liquidity": liquidity} if liquidity else {}
        return run_of(taken, batch, options, part, "sensitivity", depth=curves, **more)

    return depth_sensitivity(run, options["depth"])


def attribution_of(
    taken: Snapshot, batch: Scenarios, options: dict[str, Any], twin: Scenarios | None, report: Report
) -> Attribution:
    """Run the scenarios with causes switched off; ``twin`` are those without a cascade."""
    return attribute(
        taken,
        batch,
        **options,
        without_cascade=twin,
        progress=lambda done, total: report("attribution", done, total),
    )
