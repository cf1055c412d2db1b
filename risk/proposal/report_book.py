"""Sections about the book: affected accounts, largest positions, what may be borrowed, feeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracles.feed_audit import Result
from protocols.exact import exact_rules
from risk.measures import account_totals
from risk.proposal.affected import wad_decimal
from risk.proposal.dossier import Dossier
from risk.report import charts, formats
from risk.report.page import Chart, Column, Kind, Section, Table, rows_of

BARS = 15
LISTED = 500  # accounts in the page, by debt
WAD = 10**18
_ORDER = [Result.FOUND, Result.FINE, Result.NOT_KNOWN]
_VERDICTS = {Result.FINE: "PASS", Result.FOUND: "FAIL", Result.NOT_KNOWN: "NOT KNOWN"}


def health(wad: int) -> float | None:
    """Return a health factor cut to 15 decimals, so that one wei below 1 never reads as 1."""
    return (wad // 1000) / 10**15 if wad < 2**255 else None


def affected(dossier: Dossier) -> Section:
    """Accounts whose status changes, now or after a stress."""
    found = dossier.evidence.effects
    moved = np.unique(found.moved_account)
    debt, counted, _ = account_totals(dossier.market)
    order = moved[np.argsort(-debt[moved], kind="stable")]
    stressed, n = found.moved_scenario > 0, len(debt)
    enters = np.bincount(found.moved_account[stressed & found.moved_in], minlength=n)
    leaves = np.bincount(found.moved_account[stressed & ~found.moved_in], minlength=n)
    rows = tuple(
        {
            **_account(dossier, int(k)),
            "debt": float(debt[k]),
            "collateral": float(counted[k]),
            "enter": int(enters[k]),
            "leave": int(leaves[k]),
        }
        for k in order[:LISTED]
    )
    hidden = len(moved) - len(rows)
    note = "Health factors are today's."
    if hidden:
        note += (
            f" The {LISTED:,} with most debt of {len(moved):,}; the others owe "
            f"{formats.usd(float(debt[order[LISTED:]].sum()))} together."
        )
    table = Table(
        "accounts-table",
        "Accounts whose status changes",
        (
            Column("account", "Account", Kind.ACCOUNT),
            Column("now", "At today's prices", Kind.VALUE),
            Column("enter", "Scenarios: liquidatable only after", Kind.COUNT),
            Column("leave", "only before", Kind.COUNT),
            Column("debt", "Debt, USD", Kind.USD),
            Column("collateral", "Collateral, USD", Kind.USD),
            Column("before", "Health before", Kind.HEALTH, exact_key="before_exact"),
            Column("after", "after", Kind.HEALTH, exact_key="after_exact"),
            Column("repay", "To repay for 1, USD", Kind.USD),
        ),
        rows,
        note=note if rows else "",
        search=True,
        folded=len(rows) > 25,
        markdown_rows=10,
        empty="No account changes sides, now or in any scenario.",
        how=("Health factor (HF)", "Liquidatable accounts and debt", "Debt to repay"),
    )
    lead = (*affected_sentences(dossier), dossier.evidence.completeness.statement)
    return Section("accounts", "Affected accounts", lead, (), (table,))


def affected_sentences(dossier: Dossier) -> tuple[str, ...]:
    """Return who is liquidatable by the change alone."""
    found = dossier.evidence.effects
    lines = []
    if found.enacted:
        debt = sum(row.debt_usd for row in found.enacted)
        who = formats.plural(len(found.enacted), "account")
        lines.append(f"The change alone makes {who} liquidatable, with {formats.usd(debt)} of debt.")
    else:
        lines.append("The change alone makes nobody liquidatable.")
    if found.released:
        debt = sum(row.debt_usd for row in found.released)
        who = formats.plural(len(found.released), "account")
        lines.append(f"{who}, with {formats.usd(debt)} of debt, can no longer be liquidated.")
    return tuple(lines)


def _account(dossier: Dossier, k: int) -> dict[str, Any]:
    found, before, after = dossier.evidence.effects, dossier.market, dossier.proposed
    exact, usd = exact_rules(before.rules), before.base.usd_per_raw
    now = (found.moved_account == k) & (found.moved_scenario == 0)
    status = "no change"
    if now.any():
        status = "becomes liquidatable" if found.moved_in[now][0] else "no longer liquidatable"
    then = exact.account_data(before.position(k), before.rules)
    later = exact.account_data(after.position(k), after.rules)
    covered = later.health_factor / WAD * later.total_debt_base
    return {
        "account": before.book.accounts[k],
        "now": status,
        "before": health(then.health_factor),
        "before_exact": wad_decimal(then.health_factor),
        "after": health(later.health_factor),
        "after_exact": wad_decimal(later.health_factor),
        "repay": max(later.total_debt_base - covered, 0.0) * usd,
    }


def positions(dossier: Dossier) -> Section:
    """Largest borrowers concerned, and how concentrated the book is."""
    found = dossier.evidence
    rows = tuple(
        {
            **row,
            "before": health(row["health_before_wad"]),
            "before_exact": wad_decimal(row["health_before_wad"]),
            "after": health(row["health_after_wad"]),
            "after_exact": wad_decimal(row["health_after_wad"]),
        }
        for row in rows_of(found.positions)
    )
    top = Table(
        "positions-table",
        "Largest positions concerned",
        (
            Column("account", "Account", Kind.ACCOUNT),
            Column("collateral_usd", "Collateral, USD", Kind.USD),
            Column("debt_usd", "Debt, USD", Kind.USD),
            Column("debt_share", "Share of all debt", Kind.SHARE),
            Column("before", "Health before", Kind.HEALTH, exact_key="before_exact"),
            Column("after", "after", Kind.HEALTH, exact_key="after_exact"),
        ),
        rows,
        markdown_rows=10,
        search=True,
        empty="Nobody borrows who holds or owes an asset concerned.",
        how=("Top positions", "Health factor (HF)"),
    )
    concentrated = Table(
        "concentration-table",
        "Concentration",
        (
            Column("what", "Of"),
            Column("accounts", "Accounts", Kind.COUNT),
            Column("total_usd", "Total, USD", Kind.USD),
            Column("top1_share", "Largest", Kind.SHARE),
            Column("top5_share", "Largest 5", Kind.SHARE),
            Column("top10_share", "Largest 10", Kind.SHARE),
            Column("herfindahl", "Herfindahl index", Kind.TOKENS),
        ),
        rows_of(found.concentration),
        how=("Concentration",),
    )
    shown = (*_top_chart(dossier), *_concentration_chart(dossier))
    return Section("positions", "Largest positions and concentration", (), shown, (top, concentrated))


def _top_chart(dossier: Dossier) -> tuple[Chart, ...]:
    rows = dossier.evidence.positions[:BARS]
    if not rows:
        return ()
    hover = [
        f"{charts.text(formats.account(r.account))}: {formats.usd(r.debt_usd)}, HF "
        f"{formats.health(health(r.health_before_wad))} → {formats.health(health(r.health_after_wad))}"
        for r in rows
    ]
    spec = charts.bars(
        [formats.account(r.account) for r in rows],
        [
            ("debt", [r.debt_usd for r in rows], "$c1"),
            ("collateral", [r.collateral_usd for r in rows], "$c3"),
        ],
        horizontal=True,
    )
    spec["data"][0]["customdata"] = hover
    spec["data"][0]["hovertemplate"] = "%{customdata}<extra></extra>"
    alt = (
        f"The largest owes {formats.usd(rows[0].debt_usd)}, {formats.share(rows[0].debt_share)} of all debt."
    )
    return (
        charts.chart(
            "positions",
            "Largest positions concerned",
            spec,
            alt,
            wide=True,
            how=("Top positions",),
            table="positions-table",
        ),
    )


def _concentration_chart(dossier: Dossier) -> tuple[Chart, ...]:
    rows = dossier.evidence.concentration[:BARS]
    if not rows:
        return ()
    spec = charts.bars(
        [r.what for r in rows],
        [
            ("largest", [r.total_usd * r.top1_share for r in rows], "$c4"),
            ("next 4", [r.total_usd * (r.top5_share - r.top1_share) for r in rows], "$c2"),
            ("next 5", [r.total_usd * (r.top10_share - r.top5_share) for r in rows], "$c1"),
            ("all others", [r.total_usd * (1 - r.top10_share) for r in rows], "$c6"),
        ],
        stacked=True,
        horizontal=True,
    )
    alt = f"The ten largest hold {formats.share(rows[0].top10_share)} of {formats.label(rows[0].what)}."
    return (
        charts.chart(
            "concentration",
            "Who holds it",
            spec,
            alt,
            wide=True,
            how=("Concentration",),
            table="concentration-table",
        ),
    )


def capacity(dossier: Dossier) -> Section:
    """Borrowing power, use of caps, and what nobody does yet but anybody may."""
    found = dossier.evidence
    power = Table(
        "power-table",
        "Borrowing power by collateral",
        (
            Column("asset", "Collateral"),
            Column("before_usd", "Before, USD", Kind.USD),
            Column("after_usd", "After, USD", Kind.USD),
            Column("change", "Change, USD", Kind.USD),
        ),
        tuple({**r, "change": r["after_usd"] - r["before_usd"]} for r in rows_of(found.borrow_power)),
        empty="Nothing counts as collateral.",
        markdown_rows=6,
        how=("Borrowing power",),
    )
    caps = Table(
        "cap-use-table",
        "Caps of the assets concerned",
        (
            Column("asset", "Asset"),
            Column("side", "Cap", Kind.VALUE),
            Column("used", "Used, tokens", Kind.TOKENS, exact_key="used_tokens"),
            Column("before_tokens", "Cap before, tokens", Kind.COUNT),
            Column("before_share", "used", Kind.SHARE),
            Column("after_tokens", "Cap after, tokens", Kind.COUNT),
            Column("after_share", "used", Kind.SHARE),
        ),
        tuple(_cap(r) for r in rows_of(found.caps)),
        note="A dash: no cap.",
        how=("Cap use",),
    )
    lead = (power_sentence(dossier),)
    return Section("capacity", "Borrowing power and caps", lead, (), (power, caps))


def power_sentence(dossier: Dossier) -> str:
    """Return how borrowing power moves."""
    found = dossier.evidence.effects
    before, after = found.borrow_power_before_usd, found.borrow_power_after_usd
    if before == after:
        return f"Borrowing power stays {formats.usd(before)}."
    share = f" ({formats.change(after / before - 1)})" if before > 0 else ""
    return f"Borrowing power goes from {formats.usd(before)} to {formats.usd(after)}{share}."


def _cap(row: dict[str, Any]) -> dict[str, Any]:
    row["used"] = float(row["used_tokens"])
    for side in ("before_tokens", "after_tokens"):
        row[side] = row[side] or None
    return row


def adverse(dossier: Dossier) -> Section:
    """Show the new-position and the cap-fill test."""
    found = dossier.evidence
    opened = Table(
        "new-positions-table",
        "A new position at maximal LTV",
        (
            Column("collateral", "Collateral"),
            Column("emode", "E-mode"),
            Column("debt", "Debt"),
            Column("before_fall_share", "Fall that liquidates, before", Kind.SHARE),
            Column("after_fall_share", "after", Kind.SHARE),
            Column("before_share", "Past weeks that liquidate, before", Kind.SHARE),
            Column("after_share", "after", Kind.SHARE),
            Column("returns", "Returns", Kind.VALUE),
            Column("source", "Source", Kind.PROSE),
        ),
        tuple(
            {**r, "returns": "own" if r["own_returns"] else "of what they follow"}
            for r in rows_of(found.new_positions)
        ),
        note="A dash: it cannot be opened, or the pair has no returns.",
        markdown_rows=10,
        empty="No LTV or threshold changes.",
        how=("New-position test",),
    )
    fills = Table(
        "cap-fills-table",
        "Filling the rest of a supply cap with worthless tokens",
        (
            Column("subject", "Asset or family"),
            Column("names", "Filled together", Kind.PROSE),
            Column("before_headroom_usd", "Headroom before, USD", Kind.USD),
            Column("after_headroom_usd", "after, USD", Kind.USD),
            Column("before_loss_usd", "Loss before, USD", Kind.USD),
            Column("after_loss_usd", "after, USD", Kind.USD),
        ),
        tuple(
            {**r, "names": formats.joined([formats.label(m) for m in r["members"]])}
            for r in rows_of(found.cap_fills)
        ),
        note="A dash under headroom: there is no cap. The loss is at most what can be borrowed.",
        markdown_rows=8,
        empty="No asset is open as collateral.",
        how=("Cap-fill test",),
    )
    lead = (
        "What the book of today cannot show: an account opened at once to the limit, and an exploit that "
        "fills the rest of a cap with worthless tokens at the oracle's price.",
    )
    return Section("adverse", "New positions and filled caps", lead, (), (opened, fills))


def feeds(dossier: Dossier) -> Section:
    """Audit the prices of every asset concerned."""
    rows = tuple(
        {"asset": c.asset, "name": c.name, "verdict": _VERDICTS[c.result], "evidence": c.evidence}
        for c in sorted(dossier.evidence.feeds, key=lambda c: _ORDER.index(c.result))
    )
    counted = {v: sum(r["verdict"] == v for r in rows) for v in ("PASS", "FAIL", "NOT KNOWN")}
    lead = tuple(
        f"{counted['PASS']:,} checks pass, {counted['FAIL']:,} fail, {n:,} are not known."
        for n in ([counted["NOT KNOWN"]] if rows else [])
    )
    table = Table(
        "feeds-table",
        "Feed audit",
        (
            Column("asset", "Asset"),
            Column("name", "Check", Kind.PROSE),
            Column("verdict", "Verdict", Kind.VERDICT),
            Column("evidence", "Figures", Kind.PROSE),
        ),
        rows,
        search=len(rows) > 10,
        markdown_rows=min(max(counted["PASS"] + counted["FAIL"], 1), 25),
        empty="No price of an asset concerned was audited.",
        how=("Feed audit",),
    )
    return Section("feeds", "Feed audit", lead, (), (table,))


def completeness(dossier: Dossier) -> Section:
    """Whether the positions found add up to the tokens' totals."""
    figures = dossier.evidence.completeness.figures
    table = Table(
        "completeness-table",
        "Completeness by token",
        (
            Column("asset", "Reserve"),
            Column("side", "Side"),
            Column("found_share", "Found", Kind.SHARE),
            Column("missing_usd", "Missing, USD", Kind.USD),
            Column("found_scaled_raw", "Found, scaled units", Kind.CODE),
            Column("total_scaled_raw", "Total, scaled units", Kind.CODE),
        ),
        rows_of(sorted(figures.rows, key=lambda r: -abs(r.missing_usd))),
        folded=True,
        markdown_rows=0,
        empty="The snapshot carries no token totals to check against.",
        how=("Completeness",),
    )
    return Section(
        "completeness", "Completeness of the book", (dossier.evidence.completeness.statement,), (), (table,)
    )
