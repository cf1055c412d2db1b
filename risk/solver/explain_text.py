"""An explanation in words and tables a delegate reads, and as JSON-ready values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from risk.report.markdown import cell, prose
from risk.solver.evaluate import SWEPT
from risk.solver.explain import Explained, Explanation
from risk.solver.limits import Objective
from risk.solver.one_step import BOX, STEPS_BPS, Step
from risk.solver.price_band import GRID, RESOLUTION, Band, Edge
from risk.solver.protects import MOST_ACCOUNTS, Protected

WORTH = {
    Objective.BORROW_POWER: "USD of borrowing power",
    Objective.REVENUE: "USD a year of revenue",
    Objective.LEAST_CHANGE: "bps moved less",
    Objective.PENALISED_HARM: "USD of borrowing power less penalised harm",
}
CALLED = {
    "ltv": "LTV",
    "liquidation_threshold": "liquidation threshold",
    "liquidation_bonus": "liquidation bonus",
}
LEDGER = {
    "bad_debt.cvar_usd": "potential bad debt",
    "avoidable_loss.cvar_usd": "avoidable loss of borrowers",
    "liquidations.cvar_usd": "debt that can be liquidated",
}


def explained_json(explained: Explained, objective: Objective) -> dict[str, Any]:
    """Return an explanation as JSON-ready values."""
    return {
        "grid": {"factors": list(GRID), "resolution": RESOLUTION, "steps_bps": list(STEPS_BPS)},
        "band": asdict(explained.band),
        "parameters": [
            {
                "name": e.parameter.name,
                "before": e.parameter.before,
                "after": e.parameter.after,
                "sentence": sentence(e, objective),
                "binding": list(e.binding),
                "steps": [asdict(s) for s in e.steps],
                "protects": [asdict(p) for p in e.protects],
                "band": None if e.band is None else asdict(e.band),
            }
            for e in explained.parameters
        ],
    }


def explained_lines(explained: Explained, objective: Objective) -> Iterator[str]:
    """Yield an explanation as lines of Markdown; names are escaped."""
    yield "### Why, parameter by parameter"
    yield ""
    yield (
        "Each parameter that changes or whose next 25 bps would break a limit, moved alone and judged again "
        "by the sweep; the liquidation engine is not run for this. Worst over the stated behaviours of "
        "borrowers."
    )
    yield ""
    if not explained.parameters:
        yield "None: nothing changes, and no limit is within 25 bps of any parameter."
        yield ""
    for one in explained.parameters:
        yield f"**{prose(sentence(one, objective))}**"
        yield ""
        yield from _steps(one, objective)
        for whom in one.protects:
            yield from _whom(whom)
    yield "### Prices within which this stands"
    yield ""
    yield (
        "Multiples of today's prices, in the snapshot and along every path, the book as it is; tried at "
        f"{', '.join(f'{f:g}' for f in GRID)} and their inverses, outwards, and the edge bisected to "
        f"{RESOLUTION:.1%}. Between points of the grid nothing is looked at; feeds follow the market at once."
    )
    yield ""
    yield "| prices of | from | ends by | to | ends by |"
    yield "|---|---:|---|---:|---|"
    bands = dict.fromkeys([explained.band, *(e.band for e in explained.parameters if e.band is not None)])
    for band in bands:
        yield _band(band)
    yield ""


def sentence(one: Explanation, objective: Objective) -> str:
    """Return why a parameter is where it is, as plain text."""
    was, now = one.parameter.shown
    what = f"{one.parameter.subject}'s {CALLED[one.parameter.field.name]}"
    if not one.changed:
        start = f"Keep {what} at {now}"
    else:
        start = (
            f"{'Raise' if one.parameter.after > one.parameter.before else 'Lower'} {what} from {was} to {now}"
        )
    parts = [
        _effect(s, objective) for s in one.steps if abs(s.by_bps) == min(abs(t.by_bps) for t in one.steps)
    ]
    return f"{start}: {'; '.join(parts)}." if parts else f"{start}."


def _effect(step: Step, objective: Objective) -> str:
    start = f"{abs(step.by_bps)} bps {'more' if step.by_bps > 0 else 'less'} would "
    if step.breaks:
        left = [name for name in step.breaks if name in BOX.values()]
        kept = [name for name in step.breaks if name not in left]
        return start + (f"break {', '.join(kept)}" if kept else f"leave {', '.join(left)}")
    worth = WORTH.get(objective, objective.value.replace("_", " "))
    if abs(step.gain) >= 0.5:
        return f"{start}{'gain' if step.gain > 0 else 'give up'} {abs(step.gain):,.0f} {worth}"
    worse = [(LEDGER[n], c) for n in SWEPT if (c := ledger(step, n)) >= 0.5]
    if worse:
        return start + "add " + " and ".join(f"{c:,.0f} USD of {name}" for name, c in worse) + " in the tail"
    return start + "break no limit and change the objective by nothing"


def ledger(step: Step, name: str) -> float:
    """Return what a step adds to an amount, the largest over behaviours of borrowers; 0 if absent."""
    return max((c.change for c in step.costs if c.name == name), default=0.0)


def _steps(one: Explanation, objective: Objective) -> Iterator[str]:
    names = [LEDGER[n] for n in SWEPT]
    worth = WORTH.get(objective, objective.value.replace("_", " "))
    yield f"| step | {worth} | " + " | ".join(f"{n}, tail mean USD" for n in names) + " | breaks |"
    yield "|---:|---:|" + "---:|" * len(names) + "---|"
    for s in one.steps:
        costs = " | ".join(f"{ledger(s, n):+,.0f}" for n in SWEPT)
        breaks = ", ".join(prose(b) for b in s.breaks) or "nothing"
        yield f"| {s.by_bps:+d} bps | {s.gain:+,.0f} | {costs} | {breaks} |"
    yield ""


def _whom(whom: Protected) -> Iterator[str]:
    scenarios = "; ".join(f"{cell(s.name)} {s.cost_usd:,.0f}" for s in whom.scenarios)
    accounts = "; ".join(f"{cell(a.name)} {a.cost_usd:,.0f}" for a in whom.accounts)
    yield (
        f"{whom.by_bps:+d} bps would cost most, USD of potential bad debt and avoidable loss, borrowers "
        f"following {whom.relever:.0%} of a rise of LTV, in: {scenarios}. Of these it falls on: "
        f"{accounts or 'none alone'}; others {whom.others_usd:+,.0f} "
        f"(the {MOST_ACCOUNTS} accounts with the most debt are told apart)."
    )
    yield ""


def _band(band: Band) -> str:
    def side(edge: Edge) -> str:
        return f"{edge.factor:.3f} | {', '.join(prose(e) for e in edge.ends) or 'end of the grid'}"

    return f"| {cell(band.what)} | {side(band.low)} | {side(band.high)} |"
