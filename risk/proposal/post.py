"""A proposal as a forum post: Markdown, with pictures beside it.

The order is that of Aave's proposal template: front matter, simple summary, motivation, specification,
then the evidence, a notice to users, references and what all of it assumes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from abis.findings import Severity
from risk.proposal.dossier import Dossier
from risk.proposal.report import headline, notice
from risk.proposal.step_curve import TOGETHER, StepCurve
from risk.report import formats
from risk.report.markdown import PICTURES, code, methods, prose, section_parts
from risk.report.page import Page, Section
from risk.report.picture import svg

EVIDENCE = ("accounts", "steps", "stress", "ledger", "capacity", "adverse", "positions", "depth", "feeds")
PICTURED = ("steps", "stress", "ledger", "positions", "depth")


def post(dossier: Dossier, page: Page) -> str:
    """Return the post; all text of strangers is escaped.

    Parameters
    ----------
    dossier : Dossier
    page : Page
        As `risk.proposal.report.page` lays it out: post and report show the same figures.
    """
    sections = {s.id: s for s in page.sections}
    parts = [
        _front_matter(dossier, page),
        "## Simple Summary",
        *(prose(s) for s in headline(dossier)),
        _listed(_not_followed(dossier)),
        "## Motivation",
        *_motivation(dossier),
        *_section(sections["specification"], page, pictures=False),
        *_section(sections["rules"], page, pictures=False),
        "## Evidence",
        f"At block {dossier.market.block.number:,} ({formats.utc(dossier.market.block.timestamp_s)}), "
        f"{formats.plural(len(dossier.market.book), 'account')}. How each figure is computed is in the "
        "appendix below and, with links, in `report.html`.",
    ]
    for name in EVIDENCE:
        parts += _section(sections[name], page, pictures=name in PICTURED, level=3)
    parts += ["## User notice", *(prose(line) for line in notice(dossier).lead)]
    parts += ["## References", _listed(_references(dossier, page))]
    parts += ["## Assumptions and disclaimer", _listed(prose(a) for a in page.assumptions)]
    parts += ["## Appendix: how the figures are computed", methods(page.methods)]
    return "\n\n".join(p for p in parts if p) + "\n"


def pictures(page: Page) -> dict[str, str]:
    """Return path below the post and SVG of every picture the post shows."""
    return {
        f"{PICTURES}/{chart.id}.svg": svg(chart)
        for section in page.sections
        if section.id in PICTURED
        for chart in section.charts
    }


def _section(section: Section, page: Page, *, pictures: bool, level: int = 2) -> list[str]:
    return section_parts(section, page.infinite_depth, level=level, pictures=pictures)


def _front_matter(dossier: Dossier, page: Page) -> str:
    """Return the head as YAML; a JSON string is a YAML string, whatever is in it."""
    market, block, provenance = dossier.market.market, dossier.market.block, dossier.evidence.provenance
    fields = (
        ("title", page.title),
        ("author", formats.sentence(dossier.author)),
        ("discussions", formats.sentence(dossier.discussion)),
        ("market", formats.label(market.name)),
        ("protocol", f"{formats.label(market.protocol)} {formats.label(market.version)}"),
        ("chain", market.chain_id),
        ("block", block.number),
        ("block_hash", formats.label(block.hash, 80)),
        ("market_snapshot_sha256", provenance.snapshot_sha256),
        ("scenarios_sha256", provenance.scenarios_sha256),
    )
    lines = [f"{name}: {json.dumps(value, ensure_ascii=True)}" for name, value in fields if value != ""]
    return "\n".join(["---", *lines, "---"])


def _motivation(dossier: Dossier) -> Iterator[str]:
    """Yield the author's own words, then what each change buys and costs, in figures."""
    for paragraph in dossier.motivation.split("\n\n"):
        if paragraph.strip():
            yield prose(" ".join(paragraph.split()))
    lines = [prose(line) for line in _effects_of_changes(dossier)]
    if lines:
        yield "At today's prices, each change alone, the others staying as they are:"
        yield _listed(lines)


def _not_followed(dossier: Dossier) -> Iterator[str]:
    """Yield what of a payload the comparison does not cover, and must be reviewed by hand."""
    for finding in dossier.evidence.findings if dossier.reviewed else ():
        if finding.severity >= Severity.HIGH:
            yield prose(f"{formats.label(finding.subject)}: {finding.message}")


def _effects_of_changes(dossier: Dossier) -> Iterator[str]:
    for curve in dossier.evidence.curves:
        if curve.prices == "now" and curve.parameter != TOGETHER:
            yield f"{formats.label(curve.parameter)}, {_moves(curve)}"


def _moves(curve: StepCurve) -> str:
    first, last = curve.steps[0], curve.steps[-1]
    parts = []
    if last.added_accounts or last.added_debt_usd:
        verb = "becomes" if last.added_debt_usd > 0 else "stops being"
        who = formats.plural(abs(last.added_accounts), "account")
        parts.append(f"{formats.usd(abs(last.added_debt_usd))} of debt in {who} {verb} liquidatable")
    power = last.borrow_power_usd - first.borrow_power_usd
    if power:
        parts.append(f"borrowing power {_way(power)} by {formats.usd(abs(power))}")
    loss = last.cap_fill_loss_usd - first.cap_fill_loss_usd
    if loss:
        parts.append(f"the largest cap-fill loss {_way(loss)} by {formats.usd(abs(loss))}")
    told = formats.joined(parts) or "no account, borrowing power or cap-fill loss moves"
    return f"{first.shown} to {last.shown}: {told}."


def _way(amount: float) -> str:
    return "rises" if amount > 0 else "falls"


def _references(dossier: Dossier, page: Page) -> Iterator[str]:
    yield "Implementation: the calls in `proposal.json`, with their calldata."
    yield "Report with every table, chart and formula: `report.html` beside this post."
    yield (
        "Rules of the configurator: `src/contracts/protocol/pool/PoolConfigurator.sol` of "
        "`aave-dao/aave-v3-origin`; bounds of the steward: `src/contracts/RiskSteward.sol` of "
        "`aave-dao/aave-v3-risk-stewards`."
    )
    for name, value in page.inputs:
        yield f"{prose(name)}: `{code(value)}`"


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
