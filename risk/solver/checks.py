"""What can be refused before any long work: limits this market, this depth or these scenarios cannot meet."""

from __future__ import annotations

import math

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.confidence import effective_samples, is_sample
from risk.depth import Depth
from risk.scenarios.scenarios import Scenarios
from risk.solver.limits import Limits
from risk.solver.participation import CAP, FLOW
from risk.solver.parts import check_part
from risk.solver.realised import engine_alone
from risk.solver.scenario_limits import parts_of


def check_limits(
    snapshot: Snapshot,
    limits: Limits,
    scenarios: Scenarios,
    *,
    depth: Depth | None = None,
    realised: bool = True,
) -> None:
    """Refuse limits that cannot be judged.

    Parameters
    ----------
    snapshot : Snapshot
    limits : Limits
    scenarios : Scenarios
        The choice is to be made on these.
    depth : Depth, optional
    realised : bool
        Whether the engine judges.

    Raises
    ------
    InputError
        If limits name what the market has not, need depth or the engine where there is none, or a level
        or a probability that so few scenarios say nothing of.
    """
    for part in parts_of(limits):
        check_part(snapshot, part)
    for name in (FLOW, CAP):
        if limits[name] > 0 and depth is None:
            raise InputError(f"{name} is limited, and there is no depth.", remedy="Give --depth.")
    missing = () if realised else engine_alone(limits)
    if missing:
        raise InputError(f"only the engine judges {', '.join(missing)}.", remedy="Let it run, or drop them.")
    if is_sample(scenarios):
        _check_tail(limits, scenarios)


def _check_tail(limits: Limits, scenarios: Scenarios) -> None:
    """Refuse draws of which not even one lies in a tail; chosen shocks may be as few as they are."""
    beyond = {"tail.level": 1 - limits["tail.level"]}
    for section in ("bad_debt", "avoidable_loss"):
        if 0 < limits[f"{section}.probability"] < 1:
            beyond[f"{section}.probability"] = limits[f"{section}.probability"]
    worth = effective_samples(scenarios.weight)
    for name, share in beyond.items():
        if worth * share < 1 - 1e-9:
            raise InputError(
                f"{len(scenarios)} scenarios are too few for {name} = {limits[name]:g}: none is beyond.",
                remedy=f"Draw at least {math.ceil(1 / share - 1e-9):,}, better ten times as many.",
            )
