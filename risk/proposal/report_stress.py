"""Sections about stress: who is liquidatable at each scenario's prices, the ledger, and depth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from risk.proposal.dossier import Dossier
from risk.proposal.harm import HarmRow, Interval
from risk.report import charts, formats
from risk.report.page import Chart, Column, Kind, Section, Table, rows_of

BARS = 8
LISTED = 500  # scenarios in the page, those first in which most debt changes sides
TAIL = "CVaR 95 %"
_TAILS = {"var95": "VaR 95 %", "cvar95": TAIL, "cvar99": "CVaR 99 %"}


def stress(dossier: Dossier) -> Section:
    """Liquidatable accounts and debt before and after, at the prices of every scenario."""
    found = dossier.evidence.effects
    order = _moved_most(dossier)
    rows = tuple(
        {
            "prices": found.names[k],
            "accounts_before": int(found.accounts_before[k]),
            "accounts_after": int(found.accounts_after[k]),
            "new": int(found.new_accounts[k]),
            "debt_before": float(found.debt_before_usd[k]),
            "debt_after": float(found.debt_after_usd[k]),
            "change": float(found.debt_after_usd[k] - found.debt_before_usd[k]),
        }
        for k in order[: LISTED + 1]
    )
    total = len(found.names) - 1
    note = (
        "Debt is of the accounts that can be liquidated, at today's prices. Now first, then the scenarios in "
        "which most debt changes sides."
    )
    if len(rows) < total + 1:
        note += f" {LISTED:,} of {total:,} scenarios are listed; proposal.json holds all."
    table = Table(
        "stress-table",
        "Liquidatable before and after",
        (
            Column("prices", "Prices"),
            Column("accounts_before", "Accounts before", Kind.COUNT),
            Column("accounts_after", "after", Kind.COUNT),
            Column("new", "New", Kind.COUNT),
            Column("debt_before", "Debt before, USD", Kind.USD),
            Column("debt_after", "after, USD", Kind.USD),
            Column("change", "Change, USD", Kind.USD),
        ),
        rows,
        note=note,
        search=True,
        folded=len(rows) > 25,
        markdown_rows=13,
        how=("Liquidatable accounts and debt",),
    )
    return Section(
        "stress", "Before and after each stress", stress_sentences(dossier), _bars(dossier), (table,)
    )


def stress_sentences(dossier: Dossier) -> tuple[str, ...]:
    """Return in how many scenarios the change matters, and where most."""
    found = dossier.evidence.effects
    moved = np.abs(found.debt_after_usd - found.debt_before_usd)[1:]
    total = formats.plural(len(moved), "scenario")
    if not moved.any():
        return (f"In none of {total} does the change make any debt liquidatable or save any.",)
    k = int(np.argmax(moved)) + 1
    verb = "more" if found.debt_after_usd[k] > found.debt_before_usd[k] else "less"
    return (
        f"Liquidatable debt differs in {int((moved > 0).sum()):,} of {total}; most in "
        f"{formats.label(found.names[k])}: {formats.usd(float(moved[k - 1]))} {verb} "
        f"({found.accounts_before[k]:,} accounts before, {found.accounts_after[k]:,} after).",
    )


def _moved_most(dossier: Dossier) -> list[int]:
    found = dossier.evidence.effects
    moved = np.abs(found.debt_after_usd - found.debt_before_usd)
    rest = sorted(range(1, len(found.names)), key=lambda k: (-moved[k], -found.debt_after_usd[k], k))
    return [0, *rest]


def _bars(dossier: Dossier) -> tuple[Chart, ...]:
    found = dossier.evidence.effects
    shown = _moved_most(dossier)[: BARS + 1]
    names = ["prices of now" if k == 0 else found.names[k] for k in shown]
    before = [float(found.debt_before_usd[k]) for k in shown]
    after = [float(found.debt_after_usd[k]) for k in shown]
    if not any(before + after):
        return ()
    spec = charts.bars(names, [("before", before, "$c6"), ("after", after, "$c2")], horizontal=True)
    return (
        charts.chart(
            "stress",
            "Liquidatable debt before and after",
            spec,
            f"Now, and up to {BARS} scenarios in which most debt changes sides.",
            wide=True,
            how=("Liquidatable accounts and debt",),
            table="stress-table",
        ),
    )


def ledger(dossier: Dossier) -> Section:
    """Show what liquidations cost on both sides: mean, VaR and CVaR with intervals, and the worst."""
    harm = dossier.evidence.harm
    usd = [r for r in harm.rows if r.unit == "USD"]
    hours = [r for r in harm.rows if r.unit != "USD" and (r.before or r.after)]
    tables = [_tails(usd), _ledger_table("ledger-table", "Every statistic, USD", usd, Kind.USD)]
    if hours:
        tables.append(
            _ledger_table("ledger-hours-table", "Under-liquidation, USD × hours", hours, Kind.TOKENS)
        )
    tables += [_worst(dossier), _lenders(dossier)]
    return Section(
        "ledger", "Harm ledger: VaR and CVaR", (f"{harm.basis}.".capitalize(),), _tail(usd), tuple(tables)
    )


def tail_row(dossier: Dossier, measure: str = "bad debt") -> HarmRow:
    """Return a measure's CVaR of 95 %."""
    return next(r for r in dossier.evidence.harm.rows if (r.measure, r.statistic) == (measure, TAIL))


def _tail(rows: Sequence[HarmRow]) -> tuple[Chart, ...]:
    shown = [r for r in rows if r.statistic == TAIL and (r.before or r.after)]
    if not shown:
        return ()
    spec = charts.bars(
        [r.measure for r in shown],
        [("before", [r.before for r in shown], "$c6"), ("after", [r.after for r in shown], "$c2")],
        horizontal=True,
    )
    first = shown[0]
    alt = f"{TAIL} of {first.measure}: {formats.usd(first.before)} before, {formats.usd(first.after)} after."
    return (
        charts.chart(
            "ledger",
            f"{TAIL} before and after",
            spec,
            alt,
            depth=True,
            wide=True,
            how=("VaR and CVaR",),
            table="tails-table",
        ),
    )


def _tails(rows: Sequence[HarmRow]) -> Table:
    """Return one row a measure that any scenario touches: VaR and CVaR side by side."""
    columns = [Column("measure", "Measure", Kind.VALUE)]
    for key, name in _TAILS.items():
        columns.append(Column(f"{key}_before", f"{name} before, USD", Kind.USD, depth=True))
        columns.append(Column(f"{key}_after", "after, USD", Kind.USD, depth=True))
    drawn = any(r.change_interval for r in rows)
    if drawn:
        columns.append(Column("interval", f"95 % interval of the change of {TAIL}", Kind.VALUE, depth=True))
    made = []
    for measure in dict.fromkeys(r.measure for r in rows if r.before or r.after):
        own = {r.statistic: r for r in rows if r.measure == measure}
        row: dict[str, object] = {"measure": measure}
        for key, name in _TAILS.items():
            row[f"{key}_before"], row[f"{key}_after"] = own[name].before, own[name].after
        row["interval"] = interval(own[TAIL].change_interval, formats.usd)
        made.append(row)
    return Table(
        "tails-table",
        "VaR and CVaR",
        tuple(columns),
        tuple(made),
        note="" if drawn else "No intervals: the scenarios are not an independent sample.",
        empty="No scenario does harm.",
        how=("VaR and CVaR", "Intervals", "Bad debt", "Avoidable borrower loss", "Toxic volume"),
    )


def _ledger_table(id_: str, title: str, rows: Sequence[HarmRow], kind: Kind) -> Table:
    show = formats.usd if kind is Kind.USD else formats.tokens
    columns = [
        Column("measure", "Measure"),
        Column("statistic", "Statistic"),
        Column("before", "Before", kind, depth=True),
        Column("after", "After", kind, depth=True),
        Column("change", "Change", kind, depth=True),
    ]
    drawn = any(r.after_interval for r in rows)
    if drawn:
        columns[3:3] = [Column("before_interval", "95 % interval", Kind.VALUE, depth=True)]
        columns[5:5] = [Column("after_interval", "95 % interval", Kind.VALUE, depth=True)]
        columns.append(Column("change_interval", "95 % interval", Kind.VALUE, depth=True))
    made = tuple(
        {
            "measure": r.measure,
            "statistic": r.statistic,
            "before": r.before,
            "after": r.after,
            "change": r.after - r.before,
            "before_interval": interval(r.before_interval, show),
            "after_interval": interval(r.after_interval, show),
            "change_interval": interval(r.change_interval, show),
        }
        for r in rows
    )
    return Table(
        id_,
        title,
        tuple(columns),
        made,
        folded=True,
        markdown_rows=0,
        how=("VaR and CVaR", "Intervals", "Bad debt", "Avoidable borrower loss", "Toxic volume"),
    )


def interval(ends: Interval | None, show: object) -> str:
    """Return ``$1.2M to $1.5M``; a side that too few samples bound reads ``unbounded``."""
    assert callable(show)
    if ends is None:
        return ""
    low, high = ("unbounded" if end is None else show(end) for end in ends)
    return f"{low} to {high}"


def _worst(dossier: Dossier) -> Table:
    return Table(
        "worst-table",
        "Worst scenario of each measure",
        (
            Column("measure", "Measure"),
            Column("unit", "Unit"),
            Column("before", "Before", Kind.TOKENS, depth=True),
            Column("before_scenario", "in"),
            Column("after", "After", Kind.TOKENS, depth=True),
            Column("after_scenario", "in"),
        ),
        rows_of([w for w in dossier.evidence.harm.worst if w.before or w.after]),
        empty="No scenario does harm.",
        how=("Bad debt", "Avoidable borrower loss", "Toxic volume"),
    )


def _lenders(dossier: Dossier) -> Table:
    return Table(
        "lenders-table",
        "Largest bad debt by debt reserve",
        (
            Column("asset", "Debt reserve"),
            Column("before_usd", "Before, USD", Kind.USD, depth=True),
            Column("after_usd", "After, USD", Kind.USD, depth=True),
            Column("after_scenario", "in"),
        ),
        rows_of(dossier.evidence.harm.lenders),
        empty="No scenario leaves bad debt.",
        how=("Bad debt",),
    )


def depth(dossier: Dossier) -> Section:
    """Depth against the largest borrower, and which conclusions hang on the depth assumed."""
    found = dossier.evidence
    rows = tuple({**row, "clears": _clears(row["clears"])} for row in rows_of(found.largest_borrowers))
    borrowers = Table(
        "largest-borrower-table",
        "Depth against the largest borrower",
        (
            Column("asset", "Collateral"),
            Column("account", "Largest borrower", Kind.ACCOUNT),
            Column("debt_usd", "Debt backed, USD", Kind.USD),
            Column("sale_usd", "Sale, USD", Kind.USD),
            Column("bonus_share", "Bonus kept", Kind.SHARE),
            Column("absorbable_usd", "Absorbed within it, USD", Kind.USD),
            Column("slippage_share", "Slippage of the sale", Kind.SHARE),
            Column("clears", "Clears within the bonus", Kind.VERDICT),
            Column("depth_source", "Depth from"),
        ),
        rows,
        note="With the proposed parameters. NOT KNOWN: no depth curve was given for the asset.",
        empty="No collateral has debt behind it.",
        how=("Depth against the largest borrower", "Slippage"),
    )
    tables = [borrowers]
    lead = [depth_sentence(dossier)]
    if found.depth_dependence is not None:
        tables += [_conclusions(dossier), _variants(dossier)]
        if found.depth_dependence.infinite_depth:
            lead.append(
                f"{formats.INFINITE_DEPTH} for some assets: scaling depth cannot touch them, so what holds "
                "here holds under that assumption only."
            )
    else:
        lead.append("Other depths were not tried: which conclusions hang on depth is not known.")
    return Section("depth", "Depth and the largest borrower", tuple(lead), _cleared(dossier), tuple(tables))


def _clears(clears: bool | None) -> str:
    return "NOT KNOWN" if clears is None else "PASS" if clears else "FAIL"


def depth_sentence(dossier: Dossier) -> str:
    """Return for how many assets the market absorbs the largest borrower."""
    rows = dossier.evidence.largest_borrowers
    known = [r for r in rows if r.clears is not None]
    if not known:
        return "No depth curve was given: whether any market absorbs the largest borrower is not known."
    fails = [formats.label(r.asset) for r in known if not r.clears]
    rest = (
        f"; of {len(rows) - len(known):,} more collaterals it is not known" if len(known) < len(rows) else ""
    )
    if not fails:
        cleared = formats.plural(len(known), "asset")
        return f"Depth clears the largest borrower within the bonus for {cleared}{rest}."
    return f"Depth does not clear the largest borrower within the bonus for {formats.some(fails)}{rest}."


def _cleared(dossier: Dossier) -> tuple[Chart, ...]:
    rows = dossier.evidence.largest_borrowers[:BARS]
    if not rows:
        return ()
    spec = charts.bars(
        [r.asset for r in rows],
        [
            ("sale of the largest borrower's collateral", [r.sale_usd for r in rows], "$c2"),
            ("absorbed within the bonus", [r.absorbable_usd or 0.0 for r in rows], "$c3"),
        ],
        horizontal=True,
    )
    return (
        charts.chart(
            "largest-borrower",
            "Depth against the largest borrower",
            spec,
            "What seizing the largest borrower's collateral sells, beside what the market absorbs.",
            note="No bar of what is absorbed: no depth curve was given.",
            wide=True,
            how=("Depth against the largest borrower",),
            table="largest-borrower-table",
        ),
    )


def _conclusions(dossier: Dossier) -> Table:
    dependence = dossier.evidence.depth_dependence
    assert dependence is not None
    rows = tuple(
        {
            "text": c.text,
            "verdict": "holds" if c.identified else "NOT KNOWN",
            "reversed": ", ".join(c.reversed_by),
        }
        for c in dependence.conclusions
    )
    return Table(
        "conclusions-table",
        "What hangs on the depth assumed",
        (
            Column("text", "Conclusion", Kind.PROSE),
            Column("verdict", "At every depth tried", Kind.VERDICT),
            Column("reversed", "Reversed by", Kind.PROSE),
        ),
        rows,
        how=("Depth dependence",),
    )


def _variants(dossier: Dossier) -> Table:
    dependence = dossier.evidence.depth_dependence
    assert dependence is not None
    return Table(
        "variants-table",
        "Largest losses at other depths",
        (
            Column("variant", "Depth"),
            Column("before_bad_debt_usd", "Bad debt before, USD", Kind.USD, depth=True),
            Column("after_bad_debt_usd", "after, USD", Kind.USD, depth=True),
            Column("before_avoidable_loss_usd", "Avoidable loss before, USD", Kind.USD, depth=True),
            Column("after_avoidable_loss_usd", "after, USD", Kind.USD, depth=True),
        ),
        rows_of(dependence.variants),
        how=("Depth dependence", "Bad debt", "Avoidable borrower loss"),
    )
