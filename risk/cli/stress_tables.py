"""What ``breakwater stress`` prints for people; every text of strangers is escaped."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from abis.findings import Finding
    from risk.attribution import Attribution
    from risk.cli.stress_runs import Results
    from risk.exposure import Exposure
    from risk.figures import Figure
    from risk.outcome import Outcome
    from risk.sensitivity import Sensitivity

TABLES = ("scenarios", "figures", "ledger", "exposure", "sensitivity", "attribution")
_SHOWN = {
    "scenario": "Scenario",
    "eligible_accounts": "Liquidatable",
    "eligible_debt_usd": "Their debt",
    "repaid_usd": "Repaid",
    "bad_debt_usd": "Bad debt",
    "avoidable_loss_usd": "Avoidable loss",
}
_LEDGER = {
    "eligible_debt": "Debt",
    "eligible_collateral": "Collateral",
    "repaid": "Repaid",
    "seized": "Seized",
    "bad_debt": "Bad debt",
    "avoidable_loss": "Avoidable",
    "toxic": "Toxic",
}
_CENT = 0.01
_LISTED = 3  # caps, families and new positions named
_SHOWN_FINDINGS = 5


def print_all(found: Results, by: str, top: int) -> None:
    """Print every table, the worst scenario by ``by`` in full."""
    from rich.console import Console

    from risk.report.formats import INFINITE_DEPTH, label, plural

    console = Console(highlight=False)
    _scenarios(console, found.outcome, by, top)
    if found.outcome.infinite_depth:
        console.print(f"{label(found.notice or INFINITE_DEPTH, 500)}\n", markup=False)
    _figures(console, found)
    _ledger(console, found.outcome, by)
    _exposure(console, found.exposure)
    if found.sensitivity is not None:
        _sensitivity(console, found.sensitivity)
    if found.attribution is not None:
        _attribution(console, found.attribution, by)
    shown = min(top, len(found.outcome))
    note = f"{shown:,} of {plural(len(found.outcome), 'scenario')} shown, worst first by {by}."
    Console(stderr=True, highlight=False).print(note, markup=False)


def print_findings(findings: Sequence[Finding]) -> None:
    """Print the worst findings to standard error."""
    from rich.console import Console

    from abis.findings import ranked
    from risk.report.formats import account, plural, sentence

    console = Console(stderr=True, highlight=False)
    for f in ranked(findings)[:_SHOWN_FINDINGS]:
        line = f"{f.severity.name.lower()}: {account(f.subject)}: {sentence(f.message)}"
        console.print(line, markup=False)
    rest = len(findings) - _SHOWN_FINDINGS
    if rest > 0:
        console.print(f"{plural(rest, 'more finding')} in --json.", markup=False)


def _table(title: str, headings: Sequence[str], left: int = 1) -> Table:
    """Return an empty table; the first ``left`` columns hold text."""
    from rich import box
    from rich.table import Table

    table = Table(
        box=box.SIMPLE,
        title=title,
        title_justify="left",
        title_style="bold",
        collapse_padding=True,
        pad_edge=False,
    )
    for k, heading in enumerate(headings):
        text = k < left
        table.add_column(heading, justify="left" if text else "right", overflow="fold", no_wrap=text)
    return table


def _scenarios(console: Console, outcome: Outcome, by: str, top: int) -> None:
    from rich.markup import escape

    from risk.report.formats import label, usd

    columns = dict(_SHOWN)
    if by not in columns:
        columns[by] = by.removesuffix("_usd").replace("_", " ").capitalize()
    table = _table("Worst scenarios", list(columns.values()))
    write: dict[str, Callable[[Any], str]] = {
        "scenario": lambda text: escape(label(text)),
        "eligible_accounts": lambda n: f"{n:,}",
    }
    for row in outcome.worst(top, by)[list(columns)].to_dict(orient="records"):
        table.add_row(*(write.get(str(name), usd)(value) for name, value in row.items()))
    console.print(table)


def _figures(console: Console, found: Results) -> None:
    from risk.figures import CHOSEN
    from risk.report.formats import plural

    title = f"Figures over {plural(len(found.outcome), 'scenario')}"
    if found.sampled:
        console.print(_with_intervals(title, found.figures))
        console.print("  Intervals are of sampling; about the generator they say nothing.\n")
    else:
        console.print(_side_by_side(title, found.figures))
        console.print(f"  No interval is defined: {CHOSEN.removeprefix('none: ')}.\n")


def _with_intervals(title: str, figures: Sequence[Figure]) -> Table:
    """Return one row a figure."""
    table = _table(title, ["", "Figure", "", "95 % interval"], left=2)
    before = ""
    for f in figures:
        if f.amount != before and before:
            table.add_section()
        low, high = f.interval.low, f.interval.high
        ends = ("open" if math.isinf(end) else _amount(f, end) for end in (low, high))
        interval = "" if math.isnan(low) else " … ".join(ends)
        table.add_row(_named(f) if f.amount != before else "", _measure(f), _amount(f, f.value), interval)
        before = f.amount
    return table


def _side_by_side(title: str, figures: Sequence[Figure]) -> Table:
    """Return one row an amount."""
    headings = {(f.measure, f.level): _measure(f) for f in figures}
    order = sorted(headings, key=lambda k: (k[0] == "worst", k[0] != "mean", k[1] or 0.0, k[0] != "VaR"))
    table = _table(title, ["", *(headings[k] for k in order)])
    for amount in dict.fromkeys(f.amount for f in figures):
        own = {(f.measure, f.level): f for f in figures if f.amount == amount}
        cells = (_amount(own[k], own[k].value) if k in own else "" for k in order)
        table.add_row(_named(next(iter(own.values()))), *cells)
    return table


def _measure(figure: Figure) -> str:
    if figure.level is None:
        return figure.measure.capitalize()
    return f"{figure.measure} {100 * figure.level:.6g} %"


def _named(figure: Figure) -> str:
    unit = ", USD × h" if figure.unit == "USD × hours" else ""
    return figure.name[0].upper() + figure.name[1:] + unit


def _amount(figure: Figure, value: float) -> str:
    from risk.report.formats import count, usd

    if figure.unit != "accounts":
        return usd(value)
    return count(round(value)) if value >= 10 else f"{value:.1f}"


def _ledger(console: Console, outcome: Outcome, by: str) -> None:
    from rich.markup import escape

    from risk.report.formats import label, usd

    worst = int(outcome.worst(1, by).index[0])
    title = f"Harm ledger of {escape(label(outcome.names[worst]))}"
    table = _table(title, ["", *_LEDGER.values()])
    for names, suffix in ((outcome.assets, ""), (outcome.emodes, "_emode")):
        columns = [getattr(outcome, f"{name}{suffix}_usd")[worst] for name in _LEDGER]
        for i, name in enumerate(names):
            amounts = [float(column[i]) for column in columns]
            if max(amounts) >= _CENT:
                table.add_row(escape(label(name)), *(usd(x) if x >= _CENT else "" for x in amounts))
        table.add_section()
    if table.row_count:
        console.print(table)
        console.print("  Debt, collateral: of accounts liquidatable. Avoidable: borrowers' avoidable loss.\n")


def _exposure(console: Console, found: Exposure) -> None:
    from risk.report.formats import INFINITE_DEPTH, account, joined, label, share, usd

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    console.print("[bold]Whatever the scenario[/bold]")
    say(
        f"  Borrow power {usd(found.borrow_power_usd)}, of which {usd(found.debt_usd)} is used by "
        f"{found.borrowers:,} accounts; the largest owes {share(found.top_1_share)}, the ten largest "
        f"{share(found.top_10_share)}; Herfindahl index {found.herfindahl:.3f}."
    )
    two, then = found.cover_two, found.cover_two_worst
    if two.accounts:
        stressed = (
            "" if then is None else f", at the prices of {label(found.worst)} {usd(then.shortfall_usd)}"
        )
        say(
            f"  Cover-2: {joined([account(a) for a in two.accounts])} owe {usd(two.debt_usd)}; selling all "
            f"their collateral at once leaves {usd(two.shortfall_usd)} unpaid{stressed}"
            f"{f' ({INFINITE_DEPTH})' if two.infinite_depth else ''}."
        )
    for what, fills in (("Cap-fill", found.caps), ("Cap-fill of a family", found.families)):
        if fills:
            texts = [f"{label(f.subject)} {usd(f.loss_usd)}" for f in fills[:_LISTED]]
            say(f"  {what} (diagnostic): worthless tokens up to the cap could borrow {joined(texts)}.")
    likely = [p for p in found.new_positions if p.empirical is not None][:_LISTED]
    if likely:
        texts = [
            f"{label(p.collateral)} against {label(p.debt)}"
            f"{f' in {label(p.emode)}' if p.emode else ''} {share(p.empirical)}"
            for p in likely
        ]
        say(f"  New position (diagnostic): opened at maximal LTV, liquidated within 7 days: {joined(texts)}.")
    console.print()


def _sensitivity(console: Console, found: Sensitivity) -> None:
    from rich.markup import escape

    from risk.report.formats import INFINITE_DEPTH, label, usd

    columns = ("Variant", "Worst scenario", "Largest bad debt", "Largest avoidable loss", "Largest repaid")
    table = _table("What hangs on depth", columns, left=2)
    for row in found.table.to_dict(orient="records"):
        amounts = (row[f"max_{what}_usd"] for what in ("bad_debt", "avoidable_loss", "repaid"))
        worst = escape(label(str(row["worst_scenario"])))
        table.add_row(str(row["variant"]), worst, *(usd(float(amount)) for amount in amounts))
    console.print(table)
    for row in found.conclusions.to_dict(orient="records"):
        verdict = "holds" if row["holds"] else f"NOT IDENTIFIED BY THE DATA: reversed by {row['fails']}"
        console.print(f"  {label(str(row['conclusion']), 200)}: {verdict}", markup=False, soft_wrap=True)
    if found.infinite_depth:
        console.print(f"  {INFINITE_DEPTH}: the factors do not touch reserves without a curve.")
    console.print()


def _attribution(console: Console, found: Attribution, by: str) -> None:
    """Print the parts of avoidable loss and bad debt, in the worst scenario and on average."""
    from rich.markup import escape

    from risk.report.formats import label, usd

    amounts = {"avoidable_loss_usd": "Avoidable loss", "bad_debt_usd": "Bad debt"}
    key = by if by in found.harm else "bad_debt_usd"
    worst = int(found.harm[key].argmax())
    headings = [f"{name}{what}" for name in amounts.values() for what in (", alone", ", share")]
    for title, parts in (
        (f"Causes in {escape(label(found.names[worst]))}", [found.parts(a, worst) for a in amounts]),
        ("Causes, mean over scenarios", [found.mean(a) for a in amounts]),
    ):
        table = _table(title, ["Channel", *headings])
        for k, channel in enumerate(parts[0]["channel"]):
            cells = [
                usd(None if math.isnan(x) else x) for p in parts for x in (p.alone_usd[k], p.shapley_usd[k])
            ]
            table.add_row(str(channel), *cells)
        console.print(table)
    console.print("  alone: what it falls by with this channel alone off; share: Shapley value, adds up.")
    for channel, reason in found.absent.items():
        console.print(f"  {channel}: not switched, {reason}.", markup=False)
    console.print()
