"""Detail sections that diagnose parameters: threshold curves, haircuts, new positions."""

from __future__ import annotations

from typing import Any

from risk.report import charts, formats
from risk.report.page import Chart, Column, Kind, Section, Table, rows_of
from risk.report.review import Review
from risk.report.thresholds import NAMED_CUTS_BPS, ThresholdCurve


def thresholds(review: Review) -> Section:
    """Value and accounts that a cut of each threshold makes liquidatable."""
    moving = [c for c in review.thresholds if c.debt_usd[-1] > 0]
    found: tuple[Chart, ...] = ()
    if moving:
        # Kept to thresholds, so falls read like those of prices: a cut of 1 % is -1 %.
        cuts = [tuple(-cut / 1e4 for cut in c.cut_bps) for c in moving]
        debt = [(c.subject, x, c.debt_usd) for c, x in zip(moving, cuts, strict=True)]
        count = [(c.subject, x, c.accounts) for c, x in zip(moving, cuts, strict=True)]
        alt = (
            f"A cut of {formats.bps(moving[0].cut_bps[-1])} for {formats.label(moving[0].subject)} makes "
            f"{formats.usd(moving[0].debt_usd[-1])} liquidatable."
        )
        left_out = len(moving) - charts.MAX_LINES
        note = f"The {charts.MAX_LINES} largest of {len(moving)} are drawn." if left_out > 0 else ""
        x_title = "change of the threshold, points of 100 %"
        found = (
            charts.chart(
                "threshold-debt",
                "Debt liquidatable by a threshold cut",
                charts.lines(debt, x_title=x_title, y_title="USD"),
                alt,
                note=note,
            ),
            charts.chart(
                "threshold-accounts",
                "Accounts liquidatable by a threshold cut",
                charts.lines(count, x_title=x_title, y_title="accounts", usd=False),
                alt,
                note=note,
            ),
        )
    columns = [
        Column("subject", "Collateral or category"),
        Column("liquidation_threshold_bps", "Threshold", Kind.BPS),
        Column("collateral_usd", "Collateral, USD", Kind.USD),
    ]
    for cut in NAMED_CUTS_BPS:
        columns += [
            Column(f"debt_{cut}", f"Cut {formats.bps(cut)}: debt, USD", Kind.USD),
            Column(f"accounts_{cut}", f"Cut {formats.bps(cut)}: accounts", Kind.COUNT),
        ]
    table = Table(
        "thresholds-table",
        "Liquidatable by a threshold cut",
        tuple(columns),
        tuple(_cut_row(c) for c in review.thresholds),
        empty="No collateral backs debt.",
    )
    lead = (
        "What lowering one liquidation threshold makes liquidatable by itself, at the snapshot’s prices, "
        "without accounts liquidatable already.",
    )
    return Section("thresholds", "Threshold curves", lead, found, (table,))


def _cut_row(curve: ThresholdCurve) -> dict[str, Any]:
    row: dict[str, Any] = {
        "subject": curve.subject,
        "liquidation_threshold_bps": curve.liquidation_threshold_bps,
        "collateral_usd": curve.collateral_usd,
    }
    for cut in NAMED_CUTS_BPS:
        k = curve.cut_bps.index(cut) if cut in curve.cut_bps else None
        row[f"debt_{cut}"] = None if k is None else curve.debt_usd[k]
        row[f"accounts_{cut}"] = None if k is None else curve.accounts[k]
    return row


def haircut_table(review: Review) -> Section:
    """Today's buffers beside those the pairs' past returns ask for."""
    figures = review.haircuts
    lead = (
        f"Today’s cuts beside those the pairs’ past returns ask for: a threshold that a fall within "
        f"{formats.seconds(figures.delay_s)} breaks with probability "
        f"{formats.share(figures.bad_debt_probability)}, and an LTV whose account is liquidated within "
        f"{formats.seconds(figures.horizon_s)} with probability "
        f"{formats.share(figures.liquidation_probability)}.",
    )
    table = Table(
        "haircuts-table",
        "Haircut diagnostics",
        (
            Column("collateral", "Collateral"),
            Column("emode", "E-mode"),
            Column("debt_usd", "Debt behind it, USD", Kind.USD),
            Column("covered_share", "With returns", Kind.SHARE),
            Column("current_ltv_share", "LTV", Kind.SHARE),
            Column("needed_ltv_share", "LTV asked for", Kind.SHARE, depth=True),
            Column("current_threshold_share", "Threshold", Kind.SHARE),
            Column("needed_threshold_share", "Threshold asked for", Kind.SHARE, depth=True),
            Column("current_protocol_buffer_share", "Protocol buffer", Kind.SHARE),
            Column("needed_protocol_buffer_share", "Buffer asked for", Kind.SHARE, depth=True),
            Column("worst_debt", "Hardest debt"),
        ),
        rows_of(figures.rows),
        note=_sources([r.data_source for r in figures.rows]),
        empty="No collateral backs debt.",
    )
    return Section("haircuts", "Haircuts", lead, (), (table,), diagnostic=True)


def new_position_table(review: Review) -> Section:
    """How likely an account opened at maximal LTV is liquidated."""
    lead = (
        "How likely an account opened at the largest LTV is liquidated within "
        f"{formats.seconds(review.haircuts.horizon_s)}: in past windows of the pair, and under a random walk "
        "of its volatility. Most likely first.",
    )
    table = Table(
        "new-positions-table",
        "New positions at maximal LTV",
        (
            Column("collateral", "Collateral"),
            Column("emode", "E-mode"),
            Column("debt", "Debt"),
            Column("trigger_share", "Liquidated at price", Kind.SHARE),
            Column("past_share", "In past windows", Kind.SHARE),
            Column("gbm_share", "Random walk", Kind.SHARE),
            Column("own_returns", "Own returns", Kind.YES),
        ),
        rows_of(review.new_positions),
        note=_sources([r.data_source for r in review.new_positions]),
        empty="No pair can be opened.",
        folded=len(review.new_positions) > 20,
        markdown_rows=10,
    )
    return Section("new-positions", "New-position test", lead, (), (table,), diagnostic=True)


def _sources(sources: list[str]) -> str:
    named = sorted({part for s in sources for part in s.split("; ") if part})
    return f"Returns: {'; '.join(named)}." if named else ""
