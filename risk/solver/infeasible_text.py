"""What is said where no choice keeps the limits: what conflicts, what must give way, how near one came."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from risk.report.markdown import prose
from risk.solver.amount import Amount
from risk.solver.attempt import Attempt, excess
from risk.solver.menu import Menu, Rule
from risk.solver.recommend import Solution


def infeasible_lines(solution: Solution) -> Iterator[str]:
    """Yield why nothing is recommended, as Markdown; names are escaped."""
    found = solution.search
    judged = (found.now, *found.attempts)
    if found.stopped:
        yield (
            f"**None was found in {len(judged):,} choices judged.** There may be one: give more "
            "`--attempts`, relax a limit, or widen the box."
        )
    else:
        yield "**None: no choice on the menu keeps all limits.** All were judged or ruled out by proof."
    yield ""
    if solution.conflict is not None:
        yield (
            "In the additive model these limits cannot be kept together; each alone would have to give way "
            "to:"
        )
        yield ""
        yield from _limits(solution.conflict.relaxed, solution.setting.menu)
        yield ""
        yield from _together(solution)
    yield from _nearest(judged)


def _together(solution: Solution) -> Iterator[str]:
    assert solution.conflict is not None
    together, menu = solution.conflict.together, solution.setting.menu
    if together is None:
        yield "Other limits are in the way as well, and no value of one of them is enough."
    elif len(together) > 1:
        yield "Other limits are in the way as well. There all can be kept if these give way together, to:"
        yield ""
        yield from _limits(together, menu)
    else:
        yield "All other limits can be kept there."
    yield ""


def _nearest(judged: Sequence[Attempt]) -> Iterator[str]:
    """Yield what all choices judged break, or else what the one that breaks limits least does."""
    always = broken_by_all(judged)
    yield (
        f"Of {len(judged):,} judged, what is in force among them, "
        + (
            "all break these; below, the least seen of each."
            if always
            else "each limit is kept by some; below, what the one that breaks them least breaks."
        )
        + " The engine judges only what the sweep lets pass."
    )
    yield ""
    yield "| limit | value | at most | by |"
    yield "|---|---:|---:|---|"
    for a in always or [a for a in min(judged, key=excess).amounts if not a.kept]:
        yield f"| {prose(a.name)} | {number(a.value)} | {number(a.limit)} | {prose(a.model)} |"


def broken_by_all(judged: Sequence[Attempt]) -> list[Amount]:
    """Return the amounts no choice keeps, the least seen of each; of the engine's, of those it judged."""
    seen: dict[tuple[str, str], list[Amount]] = {}
    for one in judged:
        for a in one.amounts:
            seen.setdefault((a.name, a.model), []).append(a)
    return [min(found, key=lambda a: a.value) for found in seen.values() if not any(a.kept for a in found)]


def _limits(values: Mapping[str, float], menu: Menu) -> Iterator[str]:
    for name, value in values.items():
        rows = _rows_against(name, menu)
        shown = "no value is enough" if math.isinf(value) else number(value)
        yield f"- {prose(name)}: {shown}" + (f" ({', '.join(map(prose, rows))})" if rows else "")


def _rows_against(name: str, menu: Menu) -> list[str]:
    """Return the rows no option of which keeps a rule, if it is one."""
    rule = next((r for r in Rule if name == f"rows against {r.value}"), None)
    return [row.name for row in menu.rows if rule and all(rule in o.broken for o in row.options)]


def number(value: float) -> str:
    """Return an amount so that a probability is not rounded to nothing."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.4g}"
