"""A proposal's report in reading order: what changes, whom it hits, what it risks, and how that is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version

from abis.findings import Finding, FindingKind, Severity
from risk.proposal import report_book as book
from risk.proposal import report_change as change
from risk.proposal import report_stress as stressed
from risk.proposal.changes import Change
from risk.proposal.check import Check, Verdict
from risk.proposal.dossier import Dossier
from risk.proposal.report_methods import METHODS
from risk.report import formats
from risk.report.page import Chart, Page, Section, Tile

LIBRARIES = ("numpy", "scipy", "numba", "matplotlib", "plotly")
MAX_CHARTS = 8  # curves of steps that are drawn; all are in the tables


def page(dossier: Dossier) -> Page:
    """Return the whole report; `risk.report.html.to_html` writes it, `post` picks from it."""
    market, block = dossier.market.market, dossier.market.block
    return Page(
        title=title(dossier),
        subtitle=(
            f"{formats.label(market.protocol)} {formats.label(market.version)} on chain {market.chain_id}, "
            f"{f'block {block.number:,}, ' if block.number else ''}{formats.utc(block.timestamp_s)}, "
            f"{formats.plural(len(dossier.market.book), 'account')}"
        ),
        headline=headline(dossier),
        tiles=tuple(tiles(dossier)),
        findings=findings(dossier),
        sections=(
            change.specification(dossier),
            change.rules(dossier),
            book.affected(dossier),
            _drawn(change.steps(dossier)),
            stressed.stress(dossier),
            stressed.ledger(dossier),
            book.capacity(dossier),
            book.adverse(dossier),
            book.positions(dossier),
            stressed.depth(dossier),
            book.feeds(dossier),
            notice(dossier),
        ),
        details=(change.calls(dossier), book.completeness(dossier)),
        methods=METHODS,
        assumptions=assumptions(dossier),
        inputs=inputs(dossier),
        infinite_depth=dossier.evidence.infinite_depth,
    )


def _drawn(section: Section) -> Section:
    return replace(section, charts=section.charts[:MAX_CHARTS])


def every_chart(page_: Page) -> tuple[Chart, ...]:
    """Return the charts of a page in reading order."""
    return tuple(c for s in (*page_.sections, *page_.details) for c in s.charts)


def title(dossier: Dossier) -> str:
    """Return the author's title, or what changes where there is none."""
    if dossier.title:
        return formats.label(dossier.title, 120)
    names = list(dict.fromkeys(formats.label(c.subject, 24) for c in dossier.evidence.changes))
    what = "Review of a payload" if dossier.reviewed else "Proposal"
    return f"{what}: {formats.some(names)} on {formats.label(dossier.market.market.name)}"


def headline(dossier: Dossier) -> tuple[str, ...]:
    """Return the proposal in a few sentences."""
    return (
        " ".join(change_sentences(dossier)),
        *book.affected_sentences(dossier),
        *stressed.stress_sentences(dossier),
        book.power_sentence(dossier),
        tail_sentence(dossier),
        *change.rule_sentences(dossier),
        dossier.evidence.completeness.statement,
    )


def change_sentences(dossier: Dossier) -> tuple[str, ...]:
    """Return what is set to what, in one sentence a subject."""
    subjects = dict.fromkeys(c.subject for c in dossier.evidence.changes)
    lines = []
    for subject in subjects:
        own = [c for c in dossier.evidence.changes if c.subject == subject]
        parts = [f"{words(c)} from {c.shown[0]} to {c.shown[1]}" for c in own]
        lines.append(f"{formats.label(subject)}: {formats.joined(parts)}.")
    return tuple(lines)


def words(change_: Change) -> str:
    """Return a parameter's name as words."""
    return "LTV" if change_.field.name == "ltv" else change_.field.name.replace("_", " ")


def tail_sentence(dossier: Dossier) -> str:
    """Return how the tail of bad debt moves, with its interval or why there is none."""
    row = stressed.tail_row(dossier)
    note = f" ({formats.INFINITE_DEPTH})" if dossier.evidence.infinite_depth else ""
    if row.before == row.after:
        text = f"{row.statistic} of bad debt stays {formats.usd(row.after)}{note}"
    else:
        ends = f"{formats.usd(row.before)} to {formats.usd(row.after)}"
        text = f"{row.statistic} of bad debt goes from {ends}{note}"
    if row.change_interval is None:
        return f"{text}; the scenarios are not a sample, so no interval is given."
    return f"{text}; 95 % interval of the change: {stressed.interval(row.change_interval, formats.usd)}."


def tiles(dossier: Dossier) -> Iterator[Tile]:
    """Yield the key figures."""
    found, effects = dossier.evidence, dossier.evidence.effects
    hit = sum(r.debt_usd for r in effects.enacted)
    yield Tile(
        "Liquidatable by the change alone",
        formats.plural(len(effects.enacted), "account"),
        f"{formats.usd(hit)} of debt",
        "bad" if effects.enacted else "good",
        how=("Liquidatable accounts and debt",),
    )
    before, after = effects.borrow_power_before_usd, effects.borrow_power_after_usd
    yield Tile(
        "Borrowing power",
        formats.usd(after),
        f"{formats.usd(before)} before",
        how=("Borrowing power",),
    )
    tail = stressed.tail_row(dossier)
    yield Tile(
        f"{tail.statistic} of bad debt",
        formats.usd(tail.after),
        f"{formats.usd(tail.before)} before",
        "watch" if tail.after > tail.before else "plain",
        depth=True,
        how=("VaR and CVaR", "Bad debt"),
    )
    if found.cap_fills:
        worst = found.cap_fills[0]
        yield Tile(
            "Largest cap-fill loss",
            formats.usd(worst.after_loss_usd),
            f"{formats.label(worst.subject, 32)}; {formats.usd(worst.before_loss_usd)} before",
            "watch" if worst.after_loss_usd > worst.before_loss_usd else "plain",
            how=("Cap-fill test",),
        )
    yield _rules_tile(dossier)
    proven = found.completeness.proven
    yield Tile(
        "Completeness of the book",
        {True: "proven", False: "not complete", None: "not known"}[proven],
        formats.plural(len(dossier.market.book), "account"),
        "good" if proven else "watch",
        how=("Completeness",),
    )


def _rules_tile(dossier: Dossier) -> Tile:
    checks = (*dossier.checks, *dossier.evidence.lint)
    failed = sum(c.verdict is Verdict.FAIL for c in checks)
    unknown = sum(c.verdict is Verdict.NOT_KNOWN for c in checks)
    refused = bool(dossier.failed("configurator"))
    return Tile(
        "Rules",
        f"{failed:,} of {len(checks):,} fail",
        f"{unknown:,} not known" + ("; the configurator refuses" if refused else ""),
        "bad" if refused else "watch" if failed or unknown else "good",
        how=("Rules of the configurator", "Rules of the steward"),
    )


def findings(dossier: Dossier) -> tuple[Finding, ...]:
    """Return failed rules, the warnings, and what was found on the way, worst first."""
    own = [_finding(c) for c in (*dossier.checks, *dossier.evidence.lint) if c.verdict is Verdict.FAIL]
    every = dict.fromkeys((*own, *dossier.evidence.warnings, *dossier.evidence.findings))
    return tuple(sorted(every, key=lambda f: -f.severity))


def _finding(check: Check) -> Finding:
    severity = {"configurator": Severity.CRITICAL, "steward": Severity.MEDIUM}.get(check.by, Severity.HIGH)
    return Finding(
        FindingKind.OUT_OF_RANGE, severity, check.subject, f"rule fails: {check.rule} ({check.detail})."
    )


def notice(dossier: Dossier) -> Section:
    """Say what users have to know."""
    return Section("notice", "User notice", tuple(_notice(dossier)))


def _notice(dossier: Dossier) -> Iterator[str]:
    effects = dossier.evidence.effects
    if effects.enacted:
        least = formats.usd(sum(r.repay_usd for r in effects.enacted))
        who = formats.plural(len(effects.enacted), "account")
        yield (
            f"{who} can be liquidated as soon as the change is executed, at the prices of the snapshot. "
            f"Repaying {least} in all, or adding collateral, before execution avoids it; the table of "
            "affected accounts says how much each."
        )
    else:
        yield "At the snapshot's prices nobody has to act before the change is executed."
    later = len({int(a) for a in effects.moved_account[effects.moved_in]}) - len(effects.enacted)
    if later > 0:
        yield (
            f"At least one of the stresses makes {formats.plural(later, 'more account')} liquidatable after "
            "the change and not before."
        )
    if dossier.evidence.completeness.proven is not True:
        yield "The book is not proven complete: accounts that are missing here may be affected too."
    yield "Prices move until execution; who is affected must be computed again on the day."


def assumptions(dossier: Dossier) -> tuple[str, ...]:
    """Return what every figure rests on."""
    found = [
        "Positions and prices are those of one block; interest is accrued to that block.",
        "A shock is instantaneous and lasting unless a scenario is a path; weights are no probabilities "
        "unless the scenarios are drawn.",
        "Borrowers do not react: nobody repays, adds collateral, borrows more or withdraws.",
        "Who is liquidatable after a stress is decided once the oracle has caught up with the market.",
    ]
    if dossier.evidence.infinite_depth:
        found.insert(
            0,
            f"{formats.INFINITE_DEPTH}: sales of some assets move no price. Bad debt and losses are lower "
            "bounds.",
        )
    stock = dossier.evidence.new_positions
    if any(not r.own_returns for r in stock):
        found.append("Where a pair has no returns of its own, those of what it follows stand in.")
    found.append("This is an analysis of a state under stated scenarios: no advice and no proof of safety.")
    return tuple(found)


def inputs(dossier: Dossier) -> tuple[tuple[str, str], ...]:
    """Return what determines the report: the same inputs give the same bytes."""
    p, market = dossier.evidence.provenance, dossier.market
    reviewed = (("Payload, sha256", dossier.payload_sha256),) if dossier.reviewed else ()
    return (
        *reviewed,
        ("Market", f"{formats.label(market.market.name)}, chain {market.market.chain_id}"),
        ("Block", f"{market.block.number} {formats.label(market.block.hash, 80)}"),
        ("Snapshot, sha256 of its manifest", p.snapshot_sha256),
        ("Scenarios, sha256", p.scenarios_sha256 or formats.ABSENT),
        ("Depth, sha256", p.depth_sha256 or f"none: {formats.INFINITE_DEPTH}"),
        ("Seed of drawn scenarios", formats.ABSENT if p.seed is None else str(p.seed)),
        ("Seed of resamples", str(p.resampling_seed)),
        ("Breakwater", p.version),
        ("Libraries", ", ".join(f"{name} {version(name)}" for name in LIBRARIES)),
    )
