"""LTVs on the menu: one that follows from the threshold, or a grid without those proven no better."""

from __future__ import annotations

import math

from risk.solver.limits import Limits, Objective
from risk.solver.parameters import Parameters

# Limits an LTV takes part in, beside those of the scenarios and of the new-position test.
SPOKEN = ("cap_fill.usd", "cap_fill.per_issuer_usd", "sanity.related_excess_bps")
RISE = frozenset({Objective.BORROW_POWER, Objective.BORROW_POWER_WITH_HEADROOM, Objective.REVENUE})


def ltv_options(now: Parameters, threshold: int, level: float, limits: Limits) -> list[int]:
    """Return the LTVs of an option, highest first, without those proven no better than another.

    Losses do not depend on the LTV but where borrowers follow its rise, so of all LTVs up to the one in
    force the highest is best, and if nobody follows, of all: for an objective that only rises with it.
    Where another limit speaks of LTVs, or an objective may prefer a lower one, none is left out.
    """
    if now.ltv_bps == 0:  # gives no borrowing power today, and that is not ours to change
        return [0]
    reach = int(limits["box.ltv_bps"])
    step = int(limits["box.ltv_step_bps"]) or int(limits["box.threshold_step_bps"])
    stays = limits.objective is Objective.LEAST_CHANGE
    most = min(threshold, math.floor(threshold * level), now.ltv_bps + (0 if stays else reach))
    # On a grid counted from the LTV in force.
    lowest = max(now.ltv_bps - reach // step * step, 1)
    highest = max(now.ltv_bps + (most - now.ltv_bps) // step * step, lowest)
    if not limits["box.ltv_step_bps"]:
        return [highest]
    found = [*range(highest, lowest, -step), lowest]
    if not _rising(limits):
        return found
    return [v for v in found if v >= min(now.ltv_bps, highest)] if any(limits.relever) else [highest]


def _rising(limits: Limits) -> bool:
    """Tell whether a higher LTV is better whatever else is chosen, if no borrower follows it."""
    silent = all(math.isinf(limits[name]) for name in SPOKEN) and not limits.migration
    return silent and set(limits.objectives) <= RISE
