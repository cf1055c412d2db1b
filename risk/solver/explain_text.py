"""An explanation in words and tables a delegate reads, and as JSON-ready values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from risk.proposal.changes import Unit
from risk.report.markdown import cell, prose
from risk.solver.explain import REFUSED, Explained, Explanation
from risk.solver.floods import Flooded
from risk.solver.limits import Objective
from risk.solver.one_step import Step
from risk.solver.pins import BOX
from risk.solver.price_band import GRID, RESOLUTION, Band, Edge
from risk.solver.protects import MOST_ACCOUNTS, Protected

WORTH = {
    Objective.BORROW_POWER: "USD of borrowing power",
    Objective.BORROW_POWER_WITH_HEADROOM: "USD of borrowing power with headroom",
    Objective.REVENUE: "USD a year of revenue",
    Objective.LEAST_CHANGE: "bps moved less",
    Objective.PENALISED_HARM: "USD of borrowing power less penalised harm",
}
CALLED = {
    "ltv": "LTV",
    "liquidation_threshold": "liquidation threshold",
    "liquidation_bonus": "liquidation bonus",
    "supply_cap": "supply cap",
    "borrow_cap": "borrow cap",
}
# What a step may cost, by the amount that tells it: of rows of collateral, and of caps.
LEDGER = {
    "bad_debt.cvar_usd": "bad debt in the tail",
    "avoidable_loss.cvar_usd": "avoidable loss of borrowers in the tail",
    "liquidations.cvar_usd": "debt that can be liquidated in the tail",
}
CAP_LEDGER = {
    "cap_fill.usd": "loss if the worst supply cap is filled with worthless tokens",
    "cap_fill.per_issuer_usd": "the same of all tokens of one coin",
}


def explained_json(explained: Explained, objective: Objective) -> dict[str, Any]:
    """Return an explanation as JSON-ready values."""
    return {
        "grid": {"factors": list(GRID), "resolution": RESOLUTION},
        "band": asdict(explained.band),
        "parameters": [
            {
                "name": e.parameter.name,
                "unit": e.parameter.field.unit.value,
                "before": e.parameter.before,
                "after": e.parameter.after,
                "sentence": sentence(e, objective),
                "binding": list(e.binding),
                "steps": [asdict(s) for s in e.steps],
                "protects": [asdict(p) for p in e.protects],
                "floods": [asdict(f) for f in e.floods],
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
        "Each parameter that changes or whose next step (25 bps; of a cap, the distance of its candidates) "
        "would break a limit, moved alone and judged again by what each row of a table names. Amounts are "
        "the largest over the stated behaviours of borrowers, and the engine's. A step that gains and breaks "
        "nothing is there for the taking only if it is a candidate: a finer grid in `[box]` makes it one."
    )
    yield ""
    if not explained.parameters:
        yield "None: nothing changes, and no limit is within a step of any parameter."
        yield ""
    for one in explained.parameters:
        yield f"**{prose(sentence(one, objective))}**"
        yield ""
        yield from _steps(one, objective)
        for whom in one.protects:
            yield from _whom(whom)
        for flood in one.floods:
            yield from _flood(flood)
    yield "### Prices within which this stands"
    yield ""
    yield (
        "Multiples of today's prices, in the snapshot and along every path, the book as it is; tried at "
        f"{', '.join(f'{f:g}' for f in GRID)} and their inverses, outwards, and the edge bisected to "
        f"{RESOLUTION:.1%}. Judged by the sweep alone, without the engine; between points of the grid "
        "nothing is looked at; feeds follow the market at once."
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
    shortest = min((abs(s.by) for s in one.steps), default=0)
    parts = [_effect(one, s, objective) for s in one.steps if abs(s.by) == shortest]
    return f"{start}: {'; '.join(parts)}." if parts else f"{start}."


def _effect(one: Explanation, step: Step, objective: Objective) -> str:
    unit = one.parameter.field.unit.value
    start = f"{abs(step.by):,} {unit} {'more' if step.by > 0 else 'less'} would "
    if step.breaks:
        left = [name for name in step.breaks if name in BOX.values()]
        kept = [name.removeprefix("rows against ") for name in step.breaks if name not in (*left, REFUSED)]
        if kept or left:
            return start + (f"break {', '.join(kept)}" if kept else f"leave {', '.join(left)}")
        return start + "be refused by the configurator"
    worth = WORTH.get(objective, objective.value.replace("_", " "))
    if step.gain >= 0.5:
        free = "" if step.candidate else " and break no limit, but is no candidate in the steps of [box]"
        return f"{start}gain {step.gain:,.0f} {worth}{free}"
    if step.gain <= -0.5:
        return f"{start}give up {-step.gain:,.0f} {worth}"
    told = _ledger(one)
    worse = [(told[n], c) for n in told if (c := ledger(step, n)) >= 0.5]
    if worse:
        return start + "add " + " and ".join(f"{c:,.0f} USD of {name}" for name, c in worse)
    return start + "break no limit and change the objective by nothing"


def _ledger(one: Explanation) -> dict[str, str]:
    return CAP_LEDGER if one.parameter.field.unit is Unit.TOKENS else LEDGER


def ledger(step: Step, name: str) -> float:
    """Return what a step adds to an amount, the largest of all models that tell it; 0 if none does."""
    return max((c.change for c in step.costs if c.name == name), default=0.0)


def _steps(one: Explanation, objective: Objective) -> Iterator[str]:
    told = _ledger(one)
    worth = WORTH.get(objective, objective.value.replace("_", " "))
    heads = [f"{name}, USD" for name in told.values()]
    yield f"| step | {worth} | {' | '.join(heads)} | breaks | candidate | judged by |"
    yield "|---:|---:|" + "---:|" * len(told) + "---|---|---|"
    for s in one.steps:
        costs = " | ".join(f"{ledger(s, n):+,.0f}" for n in told)
        breaks = ", ".join(prose(b) for b in s.breaks) or "nothing"
        by = "sweep and engine" if s.engine else "sweep"
        yield (
            f"| {s.by:+,d} {one.parameter.field.unit.value} | {s.gain:+,.0f} | {costs} | {breaks} | "
            f"{'yes' if s.candidate else 'no'} | {by} |"
        )
    yield ""


def _whom(whom: Protected) -> Iterator[str]:
    scenarios = "; ".join(f"{cell(s.name)}: {s.cost_usd:,.0f}" for s in whom.scenarios)
    accounts = "; ".join(f"{cell(a.name)}: {a.cost_usd:,.0f}" for a in whom.accounts)
    yield (
        f"{whom.by:+d} bps would cost most, USD of potential bad debt and avoidable loss by the sweep, "
        f"borrowers following {whom.relever:.0%} of a rise of LTV, in: {scenarios}. Of these it falls on: "
        f"{accounts or 'none alone'}; others {whom.others_usd:+,.0f} "
        f"(the {MOST_ACCOUNTS} accounts with the most debt are told apart)."
    )
    yield ""


def _flood(flood: Flooded) -> Iterator[str]:
    floods = "; ".join(f"{cell(s.name)}: {s.cost_usd:,.0f}" for s in flood.floods)
    lenders = "; ".join(f"{cell(s.name)}: {s.cost_usd:,.0f}" for s in flood.lenders)
    yield (
        f"{flood.by:+,d} tokens would let whoever fills a supply cap with worthless tokens take more, USD, "
        f"with: {floods}. Its lenders are the suppliers of: {lenders or 'none'}, in proportion to what can "
        "be borrowed."
    )
    yield ""


def _band(band: Band) -> str:
    def side(edge: Edge) -> str:
        return f"{edge.factor:.3f} | {', '.join(prose(e) for e in edge.ends) or 'end of the grid'}"

    return f"| {cell(band.what)} | {side(band.low)} | {side(band.high)} |"
