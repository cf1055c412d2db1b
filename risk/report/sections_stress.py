"""Sections of the first page that read the outcome: shocks, bad debt, borrower loss, at-risk flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from risk.report import charts, formats
from risk.report.flow import FlowRow
from risk.report.headline import depth_note, scenario_words
from risk.report.page import Chart, Column, Kind, Section, Table, rows_of
from risk.report.reverse import ReverseRow
from risk.report.review import Review
from risk.report.stress import Curve

MAX_BARS = 15
FAMILY_TITLES = {
    "single": "one asset and all that follows it",
    "market": "market factor",
    "pair": "a token against what it follows",
    "grid": "the grids asked for",
}


def shocks(review: Review) -> Section:
    """Value and accounts liquidated by shock."""
    found: list[Chart] = []
    for family in review.curves:
        moving = [c for c in family.curves if max(c.eligible_debt_usd) > 0]
        if moving:
            found += _curve_charts(family.group, FAMILY_TITLES[family.group], moving)
    lead = (
        "What becomes liquidatable if prices move at once and stay there; falls to the left, rises to the "
        "right."
    )
    table = Table(
        "shock-table",
        "The scenarios to know",
        (
            Column("which", "Which"),
            Column("scenario", "Move"),
            Column("eligible_accounts", "Accounts liquidatable", Kind.COUNT),
            Column("eligible_debt_usd", "Debt liquidatable, USD", Kind.USD),
            Column("repaid_usd", "Debt repaid, USD", Kind.USD, depth=True),
            Column("bad_debt_usd", "Bad debt, USD", Kind.USD, depth=True),
            Column("avoidable_loss_usd", "Avoidable loss, USD", Kind.USD, depth=True),
        ),
        tuple({"which": n.which, **asdict(n.row)} for n in review.named),
        note="All scenarios are listed under “Every scenario”. Worst means most bad debt.",
    )
    return Section("shocks", "Liquidations by shock", (lead,), tuple(found), (table,))


def _curve_charts(kind: str, title: str, group: Sequence[Curve]) -> list[Chart]:
    left_out = len(group) - charts.MAX_LINES
    note = f"The {charts.MAX_LINES} largest of {len(group)} are drawn." if left_out > 0 else ""
    debt = [(c.subject, c.change_share, c.eligible_debt_usd) for c in group]
    count = [(c.subject, c.change_share, c.eligible_accounts) for c in group]
    top = group[0]
    k = max(range(len(top.change_share)), key=lambda i: top.eligible_debt_usd[i])
    alt = (
        f"Largest: {formats.label(top.subject)} {formats.change(top.change_share[k])}, "
        f"{formats.usd(top.eligible_debt_usd[k])} of {formats.plural(top.eligible_accounts[k], 'account')}."
    )
    return [
        charts.chart(
            f"{kind}-debt",
            f"Debt liquidatable: {title}",
            charts.lines(debt, x_title="price move", y_title="USD"),
            alt,
            note=note,
        ),
        charts.chart(
            f"{kind}-accounts",
            f"Accounts liquidatable: {title}",
            charts.lines(count, x_title="price move", y_title="accounts", usd=False),
            alt,
            note=note,
        ),
    ]


def bad_debt(review: Review) -> Section:
    """Bad debt by debt reserve."""
    worst = [r for r in review.bad_debt if r.worst_usd > 0][:MAX_BARS]
    found: tuple[Chart, ...] = ()
    if worst:
        series = [
            ("worst single", [r.worst_single_usd or 0.0 for r in worst], "$c1"),
            ("worst pair", [r.worst_pair_usd or 0.0 for r in worst], "$c2"),
            ("worst market", [r.worst_market_usd or 0.0 for r in worst], "$c3"),
        ]
        used = [s for s in series if any(s[1])] or [("worst", [r.worst_usd for r in worst], "$c1")]
        found = (
            charts.chart(
                "bad-debt",
                "Bad debt by debt reserve",
                charts.bars([r.asset for r in worst], used, horizontal=True),
                f"Largest: {formats.label(worst[0].asset)}, {formats.usd(worst[0].worst_usd)}.",
                depth=True,
                wide=True,
            ),
        )
    table = Table(
        "bad-debt-table",
        "Bad debt by debt reserve",
        (
            Column("asset", "Debt reserve"),
            Column("debt_usd", "Debt now, USD", Kind.USD),
            Column("booked_deficit_usd", "Deficit booked, USD", Kind.USD),
            Column("reference_usd", f"{formats.label(review.reference.scenario)}, USD", Kind.USD, depth=True),
            Column("worst_single_usd", "Worst single, USD", Kind.USD, depth=True),
            Column("worst_pair_usd", "Worst pair, USD", Kind.USD, depth=True),
            Column("worst_market_usd", "Worst market, USD", Kind.USD, depth=True),
            Column("worst_scenario", "Worst scenario"),
        ),
        rows_of(review.bad_debt),
        note="Each cell is the reserve’s own worst scenario of that family: columns do not add up.",
        empty="No debt in this market.",
    )
    lead = (
        "Debt no collateral covers after liquidations, in the reserve whose suppliers bear it.",
        f"Already today {formats.usd(review.market.under_water_usd)} of debt exceeds its collateral, in "
        f"{formats.plural(review.market.under_water_accounts, 'account')}."
        if review.market.under_water_accounts
        else "Today no account owes more than its collateral is worth.",
    )
    return Section("bad-debt", "Bad debt by debt reserve", lead, found, (table,))


def borrower_loss(review: Review) -> Section:
    """Borrower loss split by cause."""
    most = sorted(review.scenarios, key=lambda r: (-r.avoidable_loss_usd, r.index))[:10]
    most = [r for r in most if r.avoidable_loss_usd > 0]
    found: tuple[Chart, ...] = ()
    if most:
        names = [r.scenario for r in most]
        series = [
            ("liquidated though solvent", [r.loss_dislocation_usd for r in most], "$c4"),
            ("repaid beyond need", [r.loss_excess_usd for r in most], "$c2"),
            ("bonus above cost of selling", [r.loss_bonus_usd for r in most], "$c1"),
        ]
        found = (
            charts.chart(
                "borrower-loss",
                "Avoidable borrower loss by cause",
                charts.bars(names, series, stacked=True, horizontal=True),
                f"Largest: {formats.label(most[0].scenario)}, {formats.usd(most[0].avoidable_loss_usd)}.",
                depth=True,
                wide=True,
            ),
        )
    table = Table(
        "borrower-loss-table",
        "Avoidable borrower loss by cause",
        (
            Column("scenario", "Scenario"),
            Column("avoidable_loss_usd", "Avoidable loss, USD", Kind.USD, depth=True),
            Column("loss_dislocation_usd", "Solvent at fair prices, USD", Kind.USD, depth=True),
            Column("loss_excess_usd", "Beyond need, USD", Kind.USD, depth=True),
            Column("loss_bonus_usd", "Bonus above cost, USD", Kind.USD, depth=True),
            Column("repaid_usd", "Debt repaid, USD", Kind.USD, depth=True),
            Column("toxic_usd", "of it toxic, USD", Kind.USD, depth=True),
        ),
        rows_of(most),
        empty="No scenario causes an avoidable loss.",
    )
    lead = (
        "What borrowers lose beyond what restoring their health at fair prices costs, in the ten scenarios "
        "where it is largest.",
    )
    return Section("borrower-loss", "Borrower loss by cause", lead, found, (table,))


def reverse(review: Review) -> Section:
    """Smallest move that exhausts the stated cover."""
    cover = review.inputs.cover_usd
    if cover is None:
        lead: tuple[str, ...] = ("No cover was stated; give one with --cover USD.",)
        return Section("reverse", "Reverse stress", lead)
    hit = [r for r in review.reverse if r.move_share is not None]
    lead = (
        f"The smallest move, in steps of 1 % down and 2 % up, whose bad debt exceeds the cover of "
        f"{formats.usd(cover)}.",
        _mildest(hit[0]) if hit else "No move searched exhausts it.",
    )
    table = Table(
        "reverse-table",
        "Smallest move that exhausts the cover",
        (
            Column("subject", "Moves"),
            Column("move_share", "Smallest move", Kind.CHANGE, depth=True),
            Column("searched_share", "Searched to", Kind.CHANGE),
            Column("loss_usd", "Bad debt there, USD", Kind.USD, depth=True),
            Column("reserve", "Mostly in", depth=True),
            Column("reserve_loss_usd", "of it, USD", Kind.USD, depth=True),
            Column("stays", "Larger moves too", Kind.YES, depth=True),
        ),
        rows_of(review.reverse),
        note="A dash: no move searched does; bad debt is then the largest found. Debt that is uncovered "
        "today counts.",
        empty="Nothing to move.",
    )
    return Section("reverse", "Reverse stress", lead, (), (table,))


def _mildest(row: ReverseRow) -> str:
    size = formats.change(row.move_share)
    return (
        f"{formats.label(row.subject)} {size} is the mildest: {formats.usd(row.loss_usd)} of bad debt, "
        f"{formats.usd(row.reserve_loss_usd)} of it in {formats.label(row.reserve)}."
    )


def at_risk_flow(review: Review) -> Section:
    """Joint at-risk flow against depth and withdrawable liquidity."""
    figures = review.flow
    lead = [
        f"{scenario_words(figures.scenario)} puts {formats.usd(figures.at_risk_usd)} of collateral at risk, "
        f"all assets together; {formats.usd(figures.sold_usd)} of it is seized and sold"
        f"{depth_note(review.infinite_depth)}."
    ]
    if figures.unprofitable_debt_usd > 0:
        lead.append(
            f"{formats.usd(figures.unprofitable_debt_usd)} of debt stays unliquidated because no liquidator "
            "profits."
        )
    if figures.infinite:
        lead.append(
            f"{formats.INFINITE_DEPTH}: {formats.joined([formats.label(a) for a in figures.infinite])}."
        )
    sources = sorted({r.depth_source for r in figures.rows if r.depth_source})
    table = Table(
        "flow-table",
        "At-risk flow against depth",
        (
            Column("asset", "Collateral"),
            Column("family", "Sells with"),
            Column("at_risk_usd", "At risk, USD", Kind.USD),
            Column("absorbable_usd", "Absorbed within bonus, USD", Kind.USD, depth=True),
            Column("absorbs_all", "Absorbs all", Kind.YES, depth=True),
            Column("withdrawable_usd", "Withdrawable, USD", Kind.USD),
            Column("withdrawable_covers", "Covers all", Kind.YES),
            Column("sold_usd", "Sold, USD", Kind.USD, depth=True),
            Column("slippage_share", "Slippage", Kind.SHARE, depth=True),
            Column("bonus_after_fee_share", "Bonus after fee", Kind.SHARE),
            Column("depth_at_s", "Depth of", Kind.TIME, depth=True),
        ),
        rows_of(figures.rows),
        note=f"Depth: {'; '.join(formats.label(s, 120) for s in sources)}." if sources else "",
        empty="This scenario sells nothing.",
    )
    charted = [r for r in figures.rows if r.at_risk_usd > 0][:MAX_BARS]
    return Section("flow", "At-risk flow against depth", tuple(lead), _flow_chart(charted), (table,))


def _flow_chart(rows: list[FlowRow]) -> tuple[Chart, ...]:
    if not rows:
        return ()
    series = [("at risk", [r.at_risk_usd for r in rows], "$c1")]
    if any(r.absorbable_usd is not None for r in rows):
        series.append(("absorbed within bonus", [r.absorbable_usd or 0.0 for r in rows], "$c3"))
    series.append(("withdrawable", [r.withdrawable_usd for r in rows], "$c6"))
    return (
        charts.chart(
            "flow",
            "Collateral at risk, and what depth and liquidity allow",
            charts.bars([r.asset for r in rows], series, horizontal=True),
            f"Largest: {formats.label(rows[0].asset)}, {formats.usd(rows[0].at_risk_usd)} at risk.",
            depth=True,
            wide=True,
        ),
    )
