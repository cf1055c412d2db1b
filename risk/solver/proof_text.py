"""A proof as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from risk.report.markdown import cell, prose
from risk.solver.certificate import Bound, Certificate
from risk.solver.history_bounds import HistoryBounds
from risk.solver.identified import Identified
from risk.solver.outer import Outer
from risk.solver.proof import Proof, hinges
from risk.solver.scenario_limits import Statistic


def proof_text(proof: Proof) -> str:
    """Return the proof as the text a person reads."""
    return "\n".join(_lines(proof)) + "\n"


def _lines(proof: Proof) -> Iterator[str]:
    yield "## Proof"
    yield ""
    if not proof.certificates:
        yield "No certificate: no independent sample was drawn (`--certify`)."
        yield ""
    for name, certificate in proof.certificates.items():
        yield from _certificate(name, certificate)
    if len(proof.certificates) > 1:
        yield from _hinges(proof)
    yield from _history(proof.history)
    if proof.outer is not None:
        yield from _outer(proof.outer)
    yield from _identified(proof.identified)


def _certificate(name: str, proof: Certificate) -> Iterator[str]:
    yield f"### Generator {prose(name)}: {'certified' if proof.holds else '**not certified**'}"
    yield ""
    yield (
        f"{proof.scenarios:,} independent scenarios, seed {proof.seed}, sha256 {proof.sha256[:16]}…; "
        f"try {proof.tries}. All bounds of all tries hold together with probability {1 - proof.risk:.4%} "
        f"*for this generator*; each has a risk of {proof.share:.2g}. The choice was made on other scenarios "
        f"(sha256 {proof.design_sha256[:16]}…), so what the search tried there costs nothing here; "
        f"certifying all e^{proof.choices_log:.1f} choices at once would need "
        f"{proof.scenarios_for_all:,} scenarios."
    )
    yield ""
    if not proof.bounds:
        yield "No limit on losses was set: there is nothing to certify."
        yield ""
        return
    yield (
        "| limit | borrowers follow | limit | CVaR USD | at most USD | betting | Bernstein | quantile at "
        "most | above the limit | chance at most | within |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|"
    for b in proof.bounds:
        beyond = f" ({b.beyond} beyond the cap)" if b.beyond else ""
        yield (
            f"| {cell(b.name)} | {b.relever:.0%} | {_limit(b)} | {b.cvar_usd:,.0f} | "
            f"{b.cvar_bound_usd:,.0f} | {b.betting_usd:,.0f} | {b.bernstein_usd:,.0f} | "
            f"{_usd(b.quantile_bound_usd)} | {b.failures} of {proof.scenarios:,}{beyond} | "
            f"{b.probability_bound:.3%} | {'yes' if b.holds else '**no**'} |"
        )
    yield ""
    if proof.not_certified:
        yield f"Not certified, for only the engine judges it: {', '.join(map(prose, proof.not_certified))}."
        yield ""
    caps = sorted({b.capped_usd for b in proof.bounds}, reverse=True)
    yield (
        f"Bounds on a CVaR count losses up to {' and '.join(f'{c:,.0f}' for c in caps)} USD: all debt at "
        "today's prices, with what borrowers may add; of avoidable loss the highest bonus on it."
    )
    yield ""


def _limit(bound: Bound) -> str:
    if bound.statistic == Statistic.PROBABILITY:
        return f"chance of {bound.limit:.3%}"
    return f"{bound.statistic} of {bound.limit:,.0f}"


def _hinges(proof: Proof) -> Iterator[str]:
    yield "### What hinges on the generator"
    yield ""
    yield "| limit | borrowers follow | certified under | not under |"
    yield "|---|---:|---|---|"
    for h in hinges(proof.certificates):
        yield (
            f"| {cell(h.name)} | {h.relever:.0%} | {cell(', '.join(h.holds)) or 'none'} | "
            f"{cell(', '.join(h.fails)) or 'none'} |"
        )
    yield ""


def _history(found: HistoryBounds) -> Iterator[str]:
    yield "### What history alone supports"
    yield ""
    yield (
        f"The shipped model's sample holds {found.days:,} days and {found.months:,} months "
        f"({found.first} to {found.last}). Had none of them failed, a rate of failure of up to "
        f"{found.daily[0]:.2%} a day (95 %; {found.daily[1]:.2%} at a risk of 1e-6) or "
        f"{found.monthly[0]:.1%} a month (95 %) would be left: no number of draws says more about the world."
    )
    yield ""


def _outer(found: Outer) -> Iterator[str]:
    yield f"### Other histories: {found.months} months drawn anew {found.histories} times"
    yield ""
    yield (
        f"{found.scenarios:,} draws each of generator {found.generator}, seed {found.seed}; tails fitted "
        "again, coefficients of the variances not, so the spread is a lower bound."
    )
    yield ""
    yield "| limit | borrowers follow | limit USD | least CVaR | median | most | kept in |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for s in found.spreads:
        yield (
            f"| {cell(s.name)} | {s.relever:.0%} | {_usd(s.limit_usd)} | {s.cvar_usd[0]:,.0f} | "
            f"{np.median(s.cvar_usd):,.0f} | {s.cvar_usd[-1]:,.0f} | {s.within} of {found.histories} |"
        )
    yield ""


def _identified(found: Identified | None) -> Iterator[str]:
    yield "### What the data does not identify"
    yield ""
    if found is None:
        yield "Not judged: `--sensitivity` solves again under other depths and at full utilisation."
        yield ""
        return
    yield "| input | the recommendation breaks there | solved again |"
    yield "|---|---|---|"
    for v in found.variants:
        solved = "yes" if v.solved else "**nothing found**"
        yield f"| {v.name} | {', '.join(map(prose, v.breaks)) or 'nothing'} | {solved} |"
    yield ""
    if not found.moved:
        yield "Where it was solved again, no value moved by more than a step."
    for m in found.moved:
        there = ", ".join(f"{value} ({name})" for name, value in m.others_bps)
        yield (
            f"- {prose(m.subject)} {m.parameter} {m.value_bps}: **not identified by the data**: {there}, "
            f"more than a step of {m.step_bps} away."
        )
    yield ""


def _usd(value: float) -> str:
    return "–" if math.isinf(value) else f"{value:,.0f}"
