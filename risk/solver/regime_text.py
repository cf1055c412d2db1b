"""A rule by regime as JSON-ready values, and as the text that goes to governance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from statistics import median
from typing import Any

from risk.report.markdown import cell, prose
from risk.solver.plan import dates
from risk.solver.procyclicality import BPS, DAYS, Movement
from risk.solver.regime_draws import REGIMES, STRESSED_FROM, Regime
from risk.solver.regime_rule import RegimeRule
from risk.solver.regime_walk import Measured
from risk.solver.regimes import RegimeChoice, Transition
from risk.solver.solution_json import amounts_json, as_set, change_json, plan_json
from risk.solver.walk_forward import Exceedances


def to_json(rule: RegimeRule) -> dict[str, Any]:
    """Return everything a rule says; what is not known is None."""
    speed = rule.options.bps_per_day
    return {
        "now": {"regime": rule.now.regime, "why": rule.now.why},
        "options": asdict(rule.options) | {"bps_per_day": speed if math.isfinite(speed) else None},
        "hold_days": rule.hold_days,
        "stressed_volatility": rule.stressed_volatility,
        "factor": rule.factor,
        "seed": rule.seed,
        "certificate_seed": rule.certificate_seed,
        "regimes": {c.regime.value: _choice_json(c) for c in rule.choices},
        "transitions": [
            {
                "from": t.origin.value,
                "to": t.to.value,
                "changes": [change_json(c) for c in t.changes],
                "set": as_set(t.changes),
                "days": t.days if math.isfinite(t.days) else None,
            }
            for t in rule.transitions
        ],
        "measured": {
            "probability": rule.probability,
            "horizon_days": rule.horizon_days,
            "days": rule.days,
            "step_bps": rule.steps.bps,
            "step_days": rule.steps.days,
            "stays_days": {regime.value: list(days) for regime, days in rule.stays.items()},
            "rules": [_measured_json(m) for m in rule.measured],
        },
    }


def _choice_json(choice: RegimeChoice) -> dict[str, Any]:
    certificate = choice.certificate
    return {
        "scenarios": len(choice.scenarios),
        "scenarios_sha256": choice.scenarios.sha256,
        "found": choice.found,
        "kept": choice.kept,
        "conflict": list(choice.conflict),
        "exempt": list(choice.exempt),
        "rows": [asdict(r) | {"haircut": 1 - r.published / BPS} for r in choice.ltvs],
        "changes": [change_json(c) for c in choice.changes],
        "set": as_set(choice.changes),
        "amounts": amounts_json(choice.amounts),
        "certificate": None
        if certificate is None
        else {
            **asdict(certificate),
            "holds": certificate.holds,
            "bounds": [{**asdict(b), "holds": b.holds} for b in certificate.bounds],
        },
        "plan": plan_json(choice.plan),
    }


def _measured_json(one: Measured) -> dict[str, Any]:
    return {
        "coin": one.coin,
        "rule": one.rule,
        "published": _movement_json(one.moved) | _came_json(one.came),
        "within_steps": _movement_json(one.stepped) | _came_json(one.stepped_came),
    }


def _movement_json(moved: Movement) -> dict[str, Any]:
    ratio = moved.peak_to_trough
    return asdict(moved) | {"peak_to_trough": ratio if math.isfinite(ratio) else None}


def _came_json(came: Exceedances) -> dict[str, Any]:
    return {
        "windows": came.days,
        "exceedances": came.beyond,
        "expected": came.expected,
        "light": came.light.value,
    }


def text(rule: RegimeRule) -> str:
    """Return the rule as Markdown; every name is escaped."""
    return "\n".join(_lines(rule)) + "\n"


def _lines(rule: RegimeRule) -> Iterator[str]:
    yield "## By price regime"
    yield ""
    now = f"**{rule.now.regime}**: {rule.now.why}" if rule.now.regime else f"not known: {rule.now.why}"
    yield f"Regime of the snapshot: {now}."
    yield ""
    yield from _ltvs(rule)
    yield from _kept(rule)
    yield from _rule(rule)
    yield from _walked(rule)


def _ltvs(rule: RegimeRule) -> Iterator[str]:
    names = [c.regime.value for c in rule.choices]
    yield f"| haircut (LTV) | threshold | in force | {' | '.join(names)} |"
    yield "|---|---:|---:|" + "---:|" * len(names)
    found = [c for c in rule.choices if c.found]
    for r, row in enumerate(found[0].ltvs if found else ()):
        cells = [_haircut(c.ltvs[r].published) if c.found else "none" for c in rule.choices]
        if all(c.ltvs[r].published == row.in_force for c in found):
            continue
        threshold = {c.ltvs[r].threshold_bps for c in found}
        shown = f"{row.threshold_bps / 100:.2f} %" if len(threshold) == 1 else "by regime"
        yield f"| {cell(row.subject)} | {shown} | {_haircut(row.in_force)} | {' | '.join(cells)} |"
    yield ""
    yield "Rows that stay as they are in every regime are left out."
    yield ""


def _haircut(ltv_bps: int) -> str:
    return f"{(BPS - ltv_bps) / 100:.2f} % ({ltv_bps / 100:.2f} %)"


def _kept(rule: RegimeRule) -> Iterator[str]:
    yield "| regime | draws | seed | scenarios | limits | certificate | plan from what is in force |"
    yield "|---|---:|---:|---|---|---|---|"
    for c in rule.choices:
        if not c.found:
            kept = f"**no choice keeps** {', '.join(map(prose, c.conflict))}"
        else:
            broken = [prose(a.name) for a in c.amounts if not a.kept]
            kept = "kept" if not broken else f"**broken**: {', '.join(dict.fromkeys(broken))}"
        yield (
            f"| {c.regime} | {len(c.scenarios):,} | {rule.seed} | {c.scenarios.sha256[:12]}… | {kept} | "
            f"{_certificate(c, rule.certificate_seed)} | {_plan(c)} |"
        )
    yield ""
    for c in rule.choices:
        if c.exempt:
            yield (
                f"- {c.regime}: {', '.join(map(prose, c.exempt))} stay although a new account at their LTV "
                "fails the test there; they were not to be changed."
            )
        if not c.found:
            yield (
                f"- {c.regime}: the thresholds were chosen on the days of the recommendation; on these no "
                "LTV makes up for it. Choose them on such days too (`--scenarios`), let them move by regime "
                "(`thresholds_move = 1`), or tolerate more."
            )
    yield (
        "- New-position test: pairs of ETH, BTC and the dollar by the regime's own draws, all other pairs by "
        "those of all days."
    )
    yield ""


def _certificate(choice: RegimeChoice, seed: int) -> str:
    found = choice.certificate
    if found is None:
        return "missing (`--certify`)" if choice.found else "–"
    return f"{'certified' if found.holds else '**not certified**'}, {found.scenarios:,} draws, seed {seed}"


def _plan(choice: RegimeChoice) -> str:
    if not choice.plan:
        return "nothing changes" if choice.found else "–"
    worse = sum(bool(stage.worsened) for stage in choice.plan)
    note = f", **{worse} worsen a limit**" if worse else ""
    return f"{len(choice.plan)} stages to {dates(choice.plan)[-1]}{note}"


def _rule(rule: RegimeRule) -> Iterator[str]:
    yield "### The rule, for governance"
    yield ""
    yield (
        f"Stressed: an hour whose filtered volatility of {rule.factor} is {rule.stressed_volatility:.0%} a "
        f"year or more (the {STRESSED_FROM:.0%} quantile of the past). Out of range: a price outside the "
        "closes of the 30 days before, or below a stated support. A stricter regime is entered at once, a "
        f"milder one after {rule.hold_days} days without a stricter."
    )
    yield ""
    for regime in REGIMES:
        for moved in (t for t in rule.transitions if t.to is regime and t.changes):
            yield (
                f"- When **{regime}** is entered from {moved.origin}, propose: "
                f"{', '.join(f'{cell(c.name)} {c.shown[0]} → {c.shown[1]}' for c in moved.changes)}; "
                f"{_reached(moved, rule)}"
            )
    if not any(t.changes for t in rule.transitions):
        yield "- Nothing moves between regimes: those that have a choice have the same one."
    yield ""
    yield (
        "**Thresholds move too**: where one falls, existing positions can become liquidatable by the rule "
        "itself, in stress. It falls only after the notice of the plan, behind its LTV."
        if any(_lowers(t) for t in rule.transitions)
        else "Only LTVs move: nobody is liquidated by it, and no notice is due. Who has borrowed keeps "
        "collateral and threshold; an account that owes more than the new LTV cannot borrow more."
    )
    yield ""


def _lowers(moved: Transition) -> bool:
    return any(c.field.name == "liquidation_threshold" for c in moved.changes)


def _reached(moved: Transition, rule: RegimeRule) -> str:
    stays = rule.stays[moved.to]
    past = f"stays there lasted {median(stays):.0f} days (median of {len(stays)})" if stays else "never there"
    if moved.days == 0:
        return f"one step; {past}."
    late = moved.to is not Regime.CALM and bool(stays) and moved.days > median(stays)
    note = ": **most stays end before the rule has arrived**" if late else ""
    return f"{moved.days:.0f} days within the market's steps; {past}{note}."


def _walked(rule: RegimeRule) -> Iterator[str]:
    yield f"### Measured on {rule.days:,} days of the past"
    yield ""
    yield (
        f"Haircut on the price in USD that a fall within {rule.horizon_days} d exceeds with "
        f"{rule.probability:.1%}, estimated each day from what was known (an LTV is the threshold times one "
        "less this). *Beyond*: falls that did, of windows that do not overlap, and how many were due. "
        f"*Steps*: the same as governance reaches it, {rule.steps.bps} bps every {rule.steps.days} days."
    )
    yield ""
    rises = " | ".join(f"rise in {d} d" for d in DAYS)
    yield (
        f"| coin | rule | mean | lowest to highest | ratio | {rises} | beyond | | steps: mean | "
        f"rise in {DAYS[-1]} d | beyond | |"
    )
    yield "|---|---|---:|---:|---:|" + "---:|" * len(DAYS) + "---:|---|---:|---:|---:|---|"
    for m in rule.measured:
        a, b = m.moved, m.stepped
        yield (
            f"| {cell(m.coin)} | {m.rule} | {a.mean:.1%} | {a.lowest:.1%} to {a.highest:.1%} | "
            f"{a.peak_to_trough:.2f} | {' | '.join(f'{v:.1%}' for v in a.rises)} | {_beyond(m.came)} | "
            f"{b.mean:.1%} | {b.rises[-1]:.1%} | {_beyond(m.stepped_came)} |"
        )
    yield ""


def _beyond(came: Exceedances) -> str:
    return f"{came.beyond} of {came.expected:.1f} due | {came.light}"
