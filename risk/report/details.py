"""What stands behind the first page: parameters, every scenario, accounts, completeness, method."""

from __future__ import annotations

from risk.report import formats
from risk.report import sections_book as book
from risk.report import sections_diagnostic as diagnostic
from risk.report import sections_stress as stressed
from risk.report.headline import headline, tiles
from risk.report.methods import METHODS
from risk.report.page import Column, Kind, Page, Section, Table, rows_of
from risk.report.review import Review


def page(review: Review) -> Page:
    """Return the whole report in reading order."""
    m = review.market
    return Page(
        title=f"Risk review of {formats.label(m.name)}",
        subtitle=(
            f"{formats.label(m.protocol)} {formats.label(m.version)} on chain {m.chain_id}, "
            f"{f'block {m.block_number:,}, ' if m.block_number else ''}{formats.utc(m.block_time_s)}"
        ),
        headline=headline(review),
        tiles=tiles(review),
        findings=review.findings,
        sections=(
            book.distance(review),
            stressed.shocks(review),
            stressed.bad_debt(review),
            stressed.borrower_loss(review),
            stressed.reverse(review),
            book.concentration(review),
            stressed.at_risk_flow(review),
            book.utilisation(review),
            book.caps(review),
            book.feeds(review),
        ),
        details=(
            parameters(review),
            diagnostic.thresholds(review),
            diagnostic.haircut_table(review),
            diagnostic.new_position_table(review),
            every_scenario(review),
            accounts(review),
            completeness(review),
        ),
        methods=METHODS,
        assumptions=assumptions(review),
        inputs=inputs(review),
        infinite_depth=review.infinite_depth,
    )


def parameters(review: Review) -> Section:
    """Parameters in force and the buffers they leave."""
    table = Table(
        "parameters-table",
        "Parameters and buffers",
        (
            Column("subject", "Collateral or category"),
            Column("collateral_usd", "Collateral, USD", Kind.USD),
            Column("ltv_bps", "LTV", Kind.BPS),
            Column("liquidation_threshold_bps", "Liquidation threshold", Kind.BPS),
            Column("bonus_bps", "Bonus", Kind.BPS),
            Column("user_buffer_bps", "User buffer", Kind.BPS),
            Column("protocol_buffer_bps", "Protocol buffer", Kind.BPS),
            Column("lambda_share", "λ", Kind.SHARE),
            Column("toxic_to_health", "Toxic below HF", Kind.HEALTH),
        ),
        rows_of(review.parameters),
    )
    lead = (
        "The user buffer (threshold − LTV) protects borrowers, the protocol buffer "
        "(1/(1 + bonus) − threshold) protects suppliers. λ = threshold × (1 + bonus) is the weighted "
        "collateral one repaid dollar removes: below HF = λ a call lowers health.",
    )
    return Section("parameters", "Parameters and buffers", lead, (), (table,))


def every_scenario(review: Review) -> Section:
    """All scenarios, or the worst ones of very many."""
    table = Table(
        "scenarios-table",
        "Every scenario",
        (
            Column("scenario", "Scenario"),
            Column("group", "Group"),
            Column("eligible_accounts", "Accounts liquidatable", Kind.COUNT),
            Column("eligible_debt_usd", "Debt liquidatable, USD", Kind.USD),
            Column("liquidated_accounts", "Accounts liquidated", Kind.COUNT, depth=True),
            Column("repaid_usd", "Repaid, USD", Kind.USD, depth=True),
            Column("seized_usd", "Seized, USD", Kind.USD, depth=True),
            Column("bad_debt_usd", "Bad debt, USD", Kind.USD, depth=True),
            Column("avoidable_loss_usd", "Avoidable loss, USD", Kind.USD, depth=True),
            Column("toxic_usd", "Toxic, USD", Kind.USD, depth=True),
            Column("unprofitable_debt_usd", "Left unliquidated, USD", Kind.USD, depth=True),
        ),
        rows_of(review.scenarios),
        search=True,
        folded=True,
        markdown_rows=0,
    )
    shown, total = len(review.scenarios), review.scenarios_total
    lead = (f"{total:,} scenarios." if shown == total else f"The {shown:,} worst of {total:,} scenarios.",)
    return Section("scenarios", "Every scenario", lead, (), (table,))


def accounts(review: Review) -> Section:
    """Show a bounded list of accounts to search."""
    table = Table(
        "accounts-table",
        "Accounts",
        book.ACCOUNT_COLUMNS,
        rows_of(review.accounts),
        search=True,
        folded=True,
        markdown_rows=0,
        empty="Nobody borrows.",
    )
    lead = (
        f"The largest borrowers and those closest to liquidation, {len(review.accounts):,} of "
        f"{formats.plural(review.market.borrowers, 'borrower')}.",
    )
    return Section("accounts", "Accounts", lead, (), (table,))


def completeness(review: Review) -> Section:
    """Whether the positions found add up to the tokens' totals."""
    table = Table(
        "completeness-table",
        "Completeness by token",
        (
            Column("asset", "Reserve"),
            Column("side", "Side"),
            Column("found_share", "Found", Kind.SHARE),
            Column("missing_usd", "Missing, USD", Kind.USD),
        ),
        rows_of(sorted(review.completeness.rows, key=lambda r: -abs(r.missing_usd))),
        folded=True,
        empty="The snapshot carries no token totals to check against.",
    )
    lead = ("Scaled balances found, against the scaled total supply of each deposit and debt token.",)
    return Section("completeness", "Completeness of the book", lead, (), (table,))


def assumptions(review: Review) -> tuple[str, ...]:
    """Return what every figure rests on."""
    found = [
        "Positions and prices are those of one block; interest is accrued to that block.",
        "A shock is instantaneous and lasting unless a scenario is a path; weights are no probabilities.",
        "Borrowers do not react: nobody repays, adds collateral or withdraws during a scenario.",
        "Labels such as “fall to liquidation” assume all collateral falls together and debt does not move.",
    ]
    if review.infinite_depth:
        found.insert(
            0, f"{formats.INFINITE_DEPTH}: sales move no price. Bad debt and losses are lower bounds."
        )
    assumed = [f.asset for f in review.feeds if "assumed" in (f.deviation_origin, f.heartbeat_origin)]
    if assumed:
        found.append(f"Feed settings are assumed for {formats.joined([formats.label(a) for a in assumed])}.")
    found.append("This is an analysis of a state, not advice and no proof of safety.")
    return tuple(found)


def inputs(review: Review) -> tuple[tuple[str, str], ...]:
    """Return what determines the report: the same inputs give the same bytes."""
    i = review.inputs
    return (
        ("Snapshot, sha256 of its manifest", i.snapshot_sha256),
        ("Block hash", formats.label(review.market.block_hash, 80)),
        ("Scenarios, sha256", i.scenarios_sha256),
        ("Depth, sha256", i.depth_sha256 or f"none: {formats.INFINITE_DEPTH}"),
        ("Cover", formats.ABSENT if i.cover_usd is None else formats.usd(i.cover_usd)),
        ("Seed", formats.ABSENT if i.seed is None else str(i.seed)),
        *((name, value) for name, value in i.options.items()),
    )
