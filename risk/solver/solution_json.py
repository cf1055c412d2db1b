"""A solution as JSON-ready values, and as the text a person reads first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from abis.findings import Finding
from risk.engine.arrays import IntArray
from risk.proposal.changes import Change, Unit
from risk.report.markdown import cell, prose
from risk.solver.attempt import Attempt
from risk.solver.cap_options import CAPS, Kind
from risk.solver.evaluate import Amount
from risk.solver.explain import Explained
from risk.solver.explain_text import explained_json, explained_lines
from risk.solver.infeasible_text import infeasible_lines, number
from risk.solver.menu import Menu
from risk.solver.parameters import slices
from risk.solver.plan import Stage, dates
from risk.solver.proof_text import proof_text
from risk.solver.recommend import Solution
from risk.solver.twins_text import largest_lines, twins_json, twins_lines

BPS = 10_000


def to_json(solution: Solution, explained: Explained | None = None) -> dict[str, Any]:
    """Return everything a solution says, and its explanation; an absent bound is None."""
    found, menu = solution.search, solution.setting.menu
    return {
        "objective": [o.value for o in solution.setting.limits.objectives],
        "limits": solution.setting.limits.to_json(),
        "do_nothing": attempt_json(found.now),
        "recommended": None if found.best is None else attempt_json(found.best),
        "attempts": [attempt_json(a) for a in found.attempts],
        "surrogate_bound": _finite(found.surrogate_bound),
        "exact_bound": _finite(found.exact_bound),
        "stopped_early": found.stopped,
        "conflict": None if solution.conflict is None else _conflict(solution),
        "changes": [change_json(c) for c in solution.changes],
        "rows": rows_json(menu, menu.current if solution.chosen is None else solution.chosen),
        "plan": plan_json(solution.plan),
        "neighbours": [
            {
                "subject": n.subject,
                "changes": [change_json(c) for c in n.changes],
                "gain": n.gain,
                "breaks": list(n.breaks),
                "engine": n.engine,
            }
            for n in solution.neighbours
        ],
        "twins": twins_json(solution.twins),
        "two_largest": [asdict(one) for one in solution.largest],
        "proof": None if solution.proof is None else solution.proof.to_json(),
        "explained": None
        if explained is None
        else explained_json(explained, solution.setting.limits.objective),
    }


def as_set(changes: Sequence[Change]) -> list[str]:
    """Return changes as `breakwater propose --set` takes them."""
    unit = {Unit.BPS: "bps", Unit.TOKENS: ""}
    return [f"{c.name}={max(c.after - c.field.offset, 0)}{unit[c.field.unit]}" for c in changes]


def text(solution: Solution, explained: Explained | None = None) -> str:
    """Return the solution as Markdown; every name is escaped."""
    return "\n".join([*_lines(solution, explained), *_findings(solution.findings)]) + "\n"


def _lines(solution: Solution, explained: Explained | None) -> Iterator[str]:
    found = solution.search
    yield "## Doing nothing"
    yield ""
    yield from _table(found.now.amounts)
    yield ""
    yield "## Recommendation"
    yield ""
    if found.best is None:
        yield from infeasible_lines(solution)
        return
    if not solution.changes:
        yield (
            "Nothing: none of the choices judged is better than what is in force; others may be (see gaps)."
            if found.stopped
            else "Nothing: no choice on the menu is better than what is in force."
        )
    else:
        yield "| parameter | in force | recommended |"
        yield "|---|---|---|"
        for change in solution.changes:
            yield f"| {cell(change.name)} | {change.shown[0]} | {change.shown[1]} |"
    yield ""
    yield from _cuts(solution)
    yield "### Limits, and what is left of each"
    yield ""
    yield from _table(found.best.amounts)
    yield ""
    yield f"Objective {found.now.gain:,.0f} → {found.best.gain:,.0f}; {_gaps(solution)}"
    yield ""
    yield from _staged(solution.plan)
    if explained is not None:
        yield from explained_lines(explained, solution.setting.limits.objective)
    yield from _beside(solution)
    yield from twins_lines(solution.twins)
    yield from largest_lines(*solution.largest)
    if solution.proof is not None:
        yield proof_text(solution.proof)


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield what else must be known, the gravest first."""
    if not findings:
        return
    yield ""
    yield "## Findings"
    yield ""
    for one in findings:
        remedy = f" {prose(one.remedy)}" if one.remedy else ""
        yield f"- {one.severity.name.lower()}: {prose(one.subject)}: {prose(one.message)}{remedy}"


def _gaps(solution: Solution) -> str:
    found = solution.search
    assert found.best is not None
    gain = found.best.gain
    parts = [
        f"no choice within the {name} model's limits gains more than {bound:,.0f} "
        f"(gap {100 * max(0.0, bound - gain) / max(abs(gain), 1e-12):.3f} %)"
        for name, bound in (("additive", found.surrogate_bound), ("exact", found.exact_bound))
        if math.isfinite(bound)
    ]
    return "; ".join(parts) + "."


def _staged(plan: Sequence[Stage]) -> Iterator[str]:
    if not plan:
        return
    yield f"### Plan: {len(plan)} stage{'s' * (len(plan) > 1)}; solve again at each with the book of the day"
    yield ""
    yield "| not before | set | worsens |"
    yield "|---|---|---|"
    for day, stage in zip(dates(plan), plan, strict=True):
        sets = ", ".join(f"{cell(c.name)} {c.shown[1]}" for c in stage.changes)
        yield f"| {day} | {sets} | {', '.join(prose(a.name) for a in stage.worsened) or 'nothing'} |"
    yield ""


def _beside(solution: Solution) -> Iterator[str]:
    yield "### The next candidate of each row, everything else as recommended"
    yield ""
    yield "| row | threshold or cap | objective | breaks | judged by |"
    yield "|---|---:|---:|---|---|"
    for n in solution.neighbours:
        moved = [c for c in n.changes if c.field.name in ("liquidation_threshold", *CAPS)]
        shown = moved[0].shown[1] if moved else "as in force"
        breaks = ", ".join(map(prose, n.breaks)) or "nothing"
        by = "sweep and engine" if n.engine else "sweep"
        yield f"| {cell(n.subject)} | {shown} | {n.gain:+,.0f} | {breaks} | {by} |"
    yield ""


def _cuts(solution: Solution) -> Iterator[str]:
    """Yield how each unit of collateral value is cut, in force and recommended."""
    yield "### One unit of collateral value, cut into slices that sum to one"
    yield ""
    yield "| row | | haircut | LTV | user buffer | protocol buffer | bonus wedge |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    menu = solution.setting.menu
    assert solution.chosen is not None
    for row, k in zip(menu.rows, solution.chosen.tolist(), strict=True):
        if row.kind is not Kind.COLLATERAL:
            continue
        now, then = row.options[row.current].parameters, menu.options[k].parameters
        for label, p in (("in force", now), ("recommended", then)):
            if label == "recommended" and p == now:
                continue
            cut = p.slices
            shown = (cut.haircut, cut.ltv, cut.user_buffer, cut.protocol_buffer, cut.bonus_wedge)
            yield f"| {cell(row.name)} | {label} | {' | '.join(f'{v:.2%}' for v in shown)} |"
    yield ""
    yield "The haircut is 1 − LTV, the other three slices together; rows without a second line stay."
    yield ""


def _table(found: Sequence[Amount]) -> Iterator[str]:
    yield "| limit | value | at most | slack | kept | by |"
    yield "|---|---:|---:|---:|---|---|"
    for a in found:
        limit, slack = ("–", "–") if math.isinf(a.limit) else (number(a.limit), number(a.slack))
        kept = "yes" if a.kept else "**no**"
        yield f"| {prose(a.name)} | {number(a.value)} | {limit} | {slack} | {kept} | {prose(a.model)} |"


def rows_json(menu: Menu, chosen: IntArray) -> list[dict[str, Any]]:
    """Return what a choice sets each row to, and the slices it cuts, as JSON-ready values."""
    out: list[dict[str, Any]] = []
    for row, k in zip(menu.rows, chosen, strict=True):
        p = menu.options[int(k)].parameters
        if row.kind is not Kind.COLLATERAL:
            out.append({"subject": row.name, "cap_tokens": str(menu.options[int(k)].cap_tokens)})
            continue
        cut = slices(p.ltv_bps / BPS, p.threshold_bps / BPS, p.bonus)
        out.append({"subject": row.subject, **asdict(p), **asdict(cut), "haircut": cut.haircut})
    return out


def plan_json(plan: Sequence[Stage]) -> list[dict[str, Any]]:
    """Return the stages of a plan as JSON-ready values."""
    return [
        {
            "not_before_s": s.not_before_s,
            "changes": [change_json(c) for c in s.changes],
            "worsens": [a.name for a in s.worsened],
        }
        for s in plan
    ]


def change_json(change: Change) -> dict[str, Any]:
    """Return a change as JSON-ready values."""
    return {
        "name": change.name,
        "before": change.before,
        "after": change.after,
        "unit": change.field.unit.value,
    }


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """Return a judged choice as JSON-ready values."""
    return {"gain": attempt.gain, "kept": attempt.kept, "amounts": amounts_json(attempt.amounts)}


def amounts_json(found: Sequence[Amount]) -> list[dict[str, Any]]:
    """Return amounts as JSON-ready values; an absent limit is None."""
    return [
        {
            "name": a.name,
            "value": a.value,
            "limit": _finite(a.limit),
            "slack": _finite(a.slack),
            "kept": a.kept,
            "model": a.model,
        }
        for a in found
    ]


def _conflict(solution: Solution) -> dict[str, Any]:
    assert solution.conflict is not None
    together = solution.conflict.together
    return {
        "names": list(solution.conflict.names),
        "relaxed": {k: _finite(v) for k, v in solution.conflict.relaxed.items()},
        "together": together,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
