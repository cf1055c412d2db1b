"""Sections about the change itself: specification, rules, steps, calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from risk.proposal.changes import Change, Unit
from risk.proposal.check import Check
from risk.proposal.dossier import Dossier
from risk.proposal.pending import pending_ltv
from risk.proposal.step_curve import TOGETHER, Step, StepCurve
from risk.report import charts, formats
from risk.report.page import Chart, Column, Kind, Section, Table

WAITS = ", once unfrozen"  # beside an LTV that comes into force only then
STEP_ROWS = 6  # of each curve in the post


def specification(dossier: Dossier) -> Section:
    """Parameter, current, proposed."""
    columns = (
        Column("name", "Parameter"),
        Column("before", "Current", Kind.VALUE),
        Column("after", "Proposed", Kind.VALUE),
        Column("difference", "Change", Kind.VALUE),
        Column("raw", "As the chain stores it", Kind.VALUE),
    )
    rows = tuple(
        {
            "name": c.name,
            "before": c.shown[0],
            "after": c.shown[1] + (WAITS if pending_ltv(dossier.market, c) else ""),
            "difference": difference(c),
            "raw": f"{c.before} → {c.after}",
        }
        for c in dossier.evidence.changes
    )
    table = Table(
        "specification-table",
        "Parameters",
        columns,
        rows,
        note="A bonus is shown as the part above 100 %; the chain stores it with the 100 %.",
        markdown_rows=len(rows),
        how=("Rules of the configurator",),
    )
    return Section("specification", "Specification", (), (), (table, *_others(dossier)))


def _others(dossier: Dossier) -> tuple[Table, ...]:
    if not dossier.others:
        return ()
    rows = tuple(
        {"subject": r.subject, "parameter": r.parameter, "before": r.shown[0], "after": r.shown[1]}
        for r in dossier.others
    )
    columns = (
        Column("subject", "Subject"),
        Column("parameter", "Parameter"),
        Column("before", "Current"),
        Column("after", "Set to"),
    )
    note = "No figure of this report takes these into account."
    table = Table("others-table", "Also set, not compared", columns, rows, note=note, how=("Calls",))
    return (table,)


def difference(change: Change) -> str:
    """Return how far a change goes, ``down 0.50 points`` or ``up 20.0 %``."""
    step = change.after - change.before
    way = "up" if step > 0 else "down"
    if change.field.unit is Unit.BPS:
        if change.field.offset and 0 in (change.before, change.after):
            return formats.ABSENT  # from or to no bonus at all
        return f"{way} {abs(step) / 100:.2f} points"
    if not (change.before and change.after):
        return formats.ABSENT  # 0 is no cap
    return f"{way} {formats.share(abs(step) / change.before)}"


def rules(dossier: Dossier) -> Section:
    """Every rule that the changes touch, with its verdict and figures."""
    columns = (
        Column("rule", "Rule", Kind.PROSE),
        Column("subject", "Subject"),
        Column("verdict", "Verdict", Kind.VERDICT),
        Column("detail", "Figures", Kind.PROSE),
        Column("by", "Set by"),
    )
    own = Table(
        "rules-table",
        "Rules of the contracts",
        columns,
        _checks(dossier.checks),
        markdown_rows=40,
        how=("Rules of the configurator", "Rules of the steward"),
        empty="No rule of the configurator or the steward is touched.",
    )
    tables = [own]
    if dossier.evidence.lint:
        tables.append(
            Table(
                "lint-table",
                "Published rules of the field",
                columns,
                _checks(dossier.evidence.lint),
                markdown_rows=40,
                how=("Published rules",),
            )
        )
    return Section("rules", "Rules", tuple(rule_sentences(dossier)), (), tuple(tables))


def rule_sentences(dossier: Dossier) -> Iterable[str]:
    """Yield what the rules amount to."""
    refused = dossier.failed("configurator")
    if refused:
        what = formats.joined(list(dict.fromkeys(f"{formats.label(c.subject)}: {c.rule}" for c in refused)))
        yield f"The configurator would refuse it: {what}."
    else:
        yield "The configurator accepts the values."
    beyond = dossier.failed("steward")
    if beyond:
        names = formats.some(list(dict.fromkeys(formats.label(c.subject) for c in beyond)))
        yield f"The risk steward may not do it in one step ({names}): it needs a vote or several steps."


def _checks(found: Sequence[Check]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "rule": c.rule,
            "subject": c.subject,
            "verdict": c.verdict.value,
            "detail": c.detail,
            "by": c.by,
        }
        for c in found
    )


def steps(dossier: Dossier) -> Section:
    """Show what every step on the way does: the curve, not one point."""
    lead: tuple[str, ...] = (
        "Each parameter is moved alone from its current to its proposed value, the others staying; every "
        "account is decided anew at every step, in the contract's integers.",
    )
    drawn: list[Chart] = []
    tables: list[Table] = []
    flat: list[str] = []
    for k, (name, curves) in enumerate(_by_parameter(dossier.evidence.curves)):
        change = next((c for c in dossier.evidence.changes if c.name == name), None)
        chart = _step_chart(f"steps-{k + 1}", f"steps-{k + 1}-table", name, change, curves)
        if chart is None:
            flat.append(name)
            continue
        drawn.append(chart)
        tables.append(_step_table(f"steps-{k + 1}-table", name, change, curves))
    if flat:
        names = formats.joined([formats.label(n) for n in flat])
        lead += (
            f"No step of {names} moves an account to the other side, borrowing power or the cap-fill loss.",
        )
    return Section("steps", "Liquidations by step", lead, tuple(drawn), tuple(tables))


def _by_parameter(curves: Sequence[StepCurve]) -> list[tuple[str, list[StepCurve]]]:
    names = dict.fromkeys(c.parameter for c in curves)
    return [(name, [c for c in curves if c.parameter == name]) for name in names]


def _value(change: Change | None, step: Step) -> float:
    """Return a step's place on the axis: a share, whole tokens, or the share of the way."""
    if change is None:
        return step.raw / 100
    if change.field.unit is Unit.BPS:
        return max(step.raw - change.field.offset, 0) / 10_000
    return float(step.raw)


def _step_chart(
    id_: str, table: str, name: str, change: Change | None, curves: Sequence[StepCurve]
) -> Chart | None:
    first, last = curves[0].steps[0], curves[0].steps[-1]
    values = [_value(change, s) for s in curves[0].steps]
    x_format = ".2%" if change is None or change.field.unit is Unit.BPS else ".3s"
    what = "all changes together, share of the way" if change is None else name
    shown = formats.label(name)
    if any(s.added_debt_usd for c in curves for s in c.steps):
        series = [(_prices(c.prices), values, [s.added_debt_usd for s in c.steps]) for c in curves]
        title, y = f"Debt liquidated by step: {shown}", "debt made liquidatable, USD"
        alt = _liquidated_sentence(curves)
        how: tuple[str, ...] = ("Step curve", "Liquidatable accounts and debt")
    elif len({s.borrow_power_usd for s in curves[0].steps}) > 1:
        added = [s.borrow_power_usd - first.borrow_power_usd for s in curves[0].steps]
        series = [("borrowing power", values, added)]
        title, y = f"Borrowing power by step: {shown}", "change of borrowing power, USD"
        alt = (
            f"The market's goes from {formats.usd(first.borrow_power_usd)} to "
            f"{formats.usd(last.borrow_power_usd)}; no account changes sides."
        )
        how = ("Step curve", "Borrowing power")
    elif len({s.cap_fill_loss_usd for s in curves[0].steps}) > 1:
        series = [("loss", values, [s.cap_fill_loss_usd for s in curves[0].steps])]
        title, y = f"Largest cap-fill loss by step: {shown}", "loss, USD"
        alt = f"From {formats.usd(first.cap_fill_loss_usd)} to {formats.usd(last.cap_fill_loss_usd)}."
        how = ("Step curve", "Cap-fill test")
    else:
        return None
    spec = charts.lines(series, x_title=charts.text(what), y_title=y, x_format=x_format)
    return charts.chart(id_, title, spec, alt, how=how, table=table, wide=True)


def _liquidated_sentence(curves: Sequence[StepCurve]) -> str:
    parts = []
    for curve in curves:
        last, at = curve.steps[-1], formats.label(_prices(curve.prices))
        verb = "releases" if last.added_debt_usd < 0 else "adds"
        who = formats.plural(abs(last.added_accounts), "account")
        parts.append(f"at {at} {verb} {formats.usd(abs(last.added_debt_usd))} ({who})")
    return f"The proposed value, in liquidatable debt: {formats.joined(parts)}."


def _prices(name: str) -> str:
    return "the prices of now" if name == "now" else name


def _step_table(id_: str, name: str, change: Change | None, curves: Sequence[StepCurve]) -> Table:
    """Return one row a step, with the columns in which something moves."""
    columns = [Column("shown", "Share of the way" if change is None else "Value", Kind.VALUE)]
    rows: list[dict[str, Any]] = [{"shown": step.shown} for step in curves[0].steps]
    for k, curve in enumerate(curves):
        if not any(s.added_accounts or s.added_debt_usd for s in curve.steps):
            continue
        at = formats.label(_prices(curve.prices), 32)
        columns.append(Column(f"debt_{k}", f"Debt added at {at}, USD", Kind.USD))
        columns.append(Column(f"accounts_{k}", "Accounts added", Kind.COUNT))
        for row, step in zip(rows, curve.steps, strict=True):
            row[f"debt_{k}"], row[f"accounts_{k}"] = step.added_debt_usd, step.added_accounts
    for key, header in (
        ("borrow_power_usd", "Borrowing power, USD"),
        ("cap_fill_loss_usd", "Largest cap-fill loss, USD"),
    ):
        values = [getattr(step, key) for step in curves[0].steps]
        if len(set(values)) > 1:
            columns.append(Column(key, header, Kind.USD))
            for row, value in zip(rows, values, strict=True):
                row[key] = value
    title = "All changes together" if name == TOGETHER else formats.label(name)
    return Table(
        id_,
        title,
        tuple(columns),
        tuple(rows),
        folded=len(rows) > 8,
        markdown_rows=STEP_ROWS,
        even=True,
        how=("Step curve",),
    )


def calls(dossier: Dossier) -> Section:
    """Show the calls an executor sends."""
    columns = (
        Column("place", "#", Kind.COUNT),
        Column("by", "Sent to"),
        Column("call", "Call", Kind.CODE),
        Column("calldata", "Calldata", Kind.CODE),
    )
    rows = tuple(
        {"place": k + 1, "by": c.by, "call": c.text, "calldata": c.calldata}
        for k, c in enumerate(dossier.calls)
    )
    table = Table(
        "calls-table",
        "Calls",
        columns,
        rows,
        how=("Calls",),
        markdown_rows=0,
        empty="The calls of this protocol are not known.",
    )
    return Section("calls", "Calls", (), (), (table,))
