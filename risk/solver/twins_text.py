"""What twin replays and the two largest borrowers say, as JSON-ready values and as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from risk.report.formats import account
from risk.report.markdown import cell
from risk.solver.largest import LargestTwo
from risk.solver.twins import HOURS, Twin


def twins_json(found: Sequence[Twin]) -> list[dict[str, Any]]:
    """Return prints as JSON-ready values; no break-even is None."""
    return [asdict(one) | {"break_even": one.break_even} for one in found]


def twins_lines(found: Sequence[Twin]) -> Iterator[str]:
    """Yield the prints that cost anything; nothing where none does."""
    costly = [one for one in found if one.break_even is not None]
    if not costly:
        return
    yield "### One print, once false and once real"
    yield ""
    yield "| token | falls by | follows, false | follows, real | holds, real | hold below |"
    yield "|---|---:|---:|---:|---:|---:|"
    for one in costly:
        lost = (one.follows_false_usd, one.follows_real_usd, one.holds_real_usd)
        shown = " | ".join(f"{x:,.0f}" for x in lost)
        yield f"| {cell(one.token)} | {one.fall:.0%} | {shown} | {one.break_even:.0%} |"
    yield ""
    yield (
        f"USD of potential bad debt and avoidable loss under the recommendation, if the token and all that "
        f"follows it fall within {HOURS} hours and stay there, and the oracle follows or holds its price. "
        "Held, a false print loses nothing. *Hold below*: the probability that the print is real below "
        "which holding loses less. What is newly borrowed against a held price is not in it: see cap-fill."
    )
    yield ""


def largest_lines(now: LargestTwo, then: LargestTwo) -> Iterator[str]:
    """Yield what hangs on the two largest borrowers, in force and recommended."""
    if not now.accounts:
        return
    who = " and ".join(cell(account(name)) for name in now.accounts)
    yield "### The two largest borrowers alone"
    yield ""
    yield (
        f"{who} owe {now.debt_usd:,.0f} USD. Their potential bad debt: CVaR {now.cvar_usd:,.0f} → "
        f"{then.cvar_usd:,.0f}, in the worst scenario {now.worst_usd:,.0f} → {then.worst_usd:,.0f} USD, in "
        "force → recommended."
    )
    yield ""
