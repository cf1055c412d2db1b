"""Sections of the first page that read the snapshot: distance, borrowers, suppliers, caps, feeds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from risk.report import charts, formats
from risk.report.page import Chart, Column, Kind, Section, Table, rows_of
from risk.report.review import Review

MAX_BARS = 15

ACCOUNT_COLUMNS = (
    Column("account", "Account", Kind.ACCOUNT),
    Column("debt_usd", "Debt, USD", Kind.USD),
    Column("debt_share", "Share of debt", Kind.SHARE),
    Column("collateral_usd", "Collateral, USD", Kind.USD),
    Column("health_factor", "Health factor", Kind.HEALTH),
    Column("distance_share", "Fall to liquidation", Kind.SHARE),
    Column("main_collateral", "Main collateral"),
    Column("main_debt", "Main debt"),
    Column("emode", "E-mode"),
)


def distance(review: Review) -> Section:
    """Debt by distance to liquidation."""
    near = next((r for r in review.distance if r.to_share == 0.05), None)
    lead = (
        "How far all of an account's collateral must fall, debt unchanged, before it can be liquidated. "
        "E-mode debt is usually backed by an asset that moves with it: there the ratio of the two must move."
    )
    chart = charts.chart(
        "distance",
        "Debt by distance to liquidation",
        charts.bars(
            [r.label for r in review.distance],
            [
                ("outside e-mode", [r.debt_other_usd for r in review.distance], "$c1"),
                ("e-mode", [r.debt_emode_usd for r in review.distance], "$c2"),
            ],
            x_title="fall to liquidation",
            stacked=True,
            hover=[
                f"{r.label}: {formats.usd(r.debt_usd)}, {formats.plural(r.accounts, 'account')}"
                for r in review.distance
            ],
        ),
        f"{formats.share(near.cumulative_debt_share)} of debt lies within 5 % of liquidation."
        if near
        else "Debt by distance.",
        wide=True,
    )
    table = Table(
        "distance-table",
        "Distance to liquidation",
        (
            Column("label", "Fall to liquidation"),
            Column("debt_usd", "Debt, USD", Kind.USD),
            Column("debt_emode_usd", "of it e-mode, USD", Kind.USD),
            Column("accounts", "Accounts", Kind.COUNT),
            Column("debt_share", "Share of debt", Kind.SHARE),
            Column("cumulative_debt_share", "Cumulative", Kind.SHARE),
        ),
        rows_of(review.distance),
    )
    return Section("distance", "Distance to liquidation", (lead,), (chart,), (table,))


def concentration(review: Review) -> Section:
    """Largest borrowers, and the two largest together."""
    top = review.borrowers[:MAX_BARS]
    found: tuple[Chart, ...] = ()
    if top:
        names = [formats.account(r.account) for r in top]
        hover = [
            f"{charts.text(formats.account(r.account))}: {formats.usd(r.debt_usd)}, "
            f"HF {formats.health(r.health_factor)}"
            for r in top
        ]
        found = (
            charts.chart(
                "borrowers",
                "Largest borrowers",
                charts.bars(
                    names, [("debt", [r.debt_usd for r in top], "$c1")], horizontal=True, hover=hover
                ),
                f"The largest owes {formats.share(top[0].debt_share)} of all debt.",
                wide=True,
            ),
        )
    two = review.borrowers[:2]
    lead = []
    if len(two) == 2:
        lead.append(
            f"The two largest borrowers together owe {formats.usd(sum(r.debt_usd for r in two))}, "
            f"{formats.share(sum(r.debt_share for r in two))} of all debt, against "
            f"{formats.usd(sum(r.collateral_usd for r in two))} of collateral."
        )
    both = Table(
        "two-largest-table",
        "The two largest fail together",
        (
            Column("prices", "At the prices of"),
            Column("debt_usd", "Debt, USD", Kind.USD),
            Column("collateral_usd", "Collateral, USD", Kind.USD),
            Column("shortfall_usd", "Shortfall, USD", Kind.USD, depth=True),
        ),
        rows_of(review.two_largest) if len(two) == 2 else (),
        note="Shortfall: debt beyond what selling all their collateral in one go fetches.",
        empty="Fewer than two borrowers.",
    )
    table = Table(
        "borrowers-table",
        "Largest borrowers",
        ACCOUNT_COLUMNS,
        rows_of(review.borrowers),
        empty="Nobody borrows.",
        markdown_rows=10,
    )
    return Section("concentration", "Largest borrowers", tuple(lead), found, (both, table))


def utilisation(review: Review) -> Section:
    """Utilisation, and the largest suppliers."""
    used = sorted(review.reserves, key=lambda r: (-(r.utilisation_share or 0.0), r.asset))
    reserves = Table(
        "utilisation-table",
        "Utilisation and suppliers by reserve",
        (
            Column("asset", "Reserve"),
            Column("supply_usd", "Supplied, USD", Kind.USD),
            Column("debt_usd", "Borrowed, USD", Kind.USD),
            Column("available_usd", "Withdrawable, USD", Kind.USD),
            Column("utilisation_share", "Utilisation", Kind.SHARE),
            Column("suppliers", "Suppliers", Kind.COUNT),
            Column("largest_supplier_share", "Largest supplier", Kind.SHARE),
            Column("top3_supplier_share", "Largest three", Kind.SHARE),
            Column("largest_can_leave", "Largest can leave", Kind.YES),
        ),
        rows_of(used),
    )
    suppliers = Table(
        "suppliers-table",
        "Largest suppliers",
        (
            Column("account", "Account", Kind.ACCOUNT),
            Column("supply_usd", "Supplied, USD", Kind.USD),
            Column("supply_share", "Share of supply", Kind.SHARE),
            Column("main_asset", "Mostly"),
            Column("share_of_reserve", "Share of that reserve", Kind.SHARE),
            Column("debt_usd", "Borrowed, USD", Kind.USD),
        ),
        rows_of(review.suppliers),
        markdown_rows=10,
        empty="Nobody supplies.",
    )
    lead = (
        "At full utilisation withdrawals and flash loans stop and liquidators need inventory. A single large "
        "supplier can bring that about by leaving.",
        *_unchecked(review),
    )
    return Section("utilisation", "Utilisation and suppliers", lead, (), (reserves, suppliers))


def caps(review: Review) -> Section:
    """Cap headroom and what filling it could cost."""
    rows = sorted(review.caps, key=lambda r: (-r.fill_loss_usd, r.asset))
    shown = [r for r in rows if r.fill_loss_usd > 0][:MAX_BARS]
    found: tuple[Chart, ...] = ()
    if shown:
        found = (
            charts.chart(
                "caps",
                "Loss if remaining supply caps are filled with worthless collateral",
                charts.bars(
                    [r.asset for r in shown],
                    [("loss", [r.fill_loss_usd for r in shown], "$c1")],
                    horizontal=True,
                ),
                f"Largest: {formats.label(shown[0].asset)}, {formats.usd(shown[0].fill_loss_usd)}.",
                wide=True,
            ),
        )
    table = Table(
        "caps-table",
        "Cap headroom",
        (
            Column("asset", "Reserve"),
            Column("supplied_tokens", "Supplied, tokens", Kind.TOKENS),
            Column("supply_cap_tokens", "Supply cap, tokens", Kind.TOKENS),
            Column("supply_used_share", "Used", Kind.SHARE),
            Column("headroom_usd", "Headroom, USD", Kind.USD),
            Column("fill_power_usd", "Borrowing power, USD", Kind.USD),
            Column("fill_loss_usd", "Loss if filled, USD", Kind.USD),
            Column("lendable_usd", "Borrowable, USD", Kind.USD),
            Column("borrow_cap_tokens", "Borrow cap, tokens", Kind.TOKENS),
            Column("borrow_used_share", "Used", Kind.SHARE),
        ),
        tuple(_cap_row(asdict(r)) for r in rows),
        note="A dash under a cap means there is none. A loss is at most what can be borrowed.",
    )
    lead = (
        "An exploit of an issuer or a bridge fills the remaining cap with worthless collateral at oracle par "
        "and borrows to the largest LTV. No test of the existing book sees this.",
        *_unchecked(review),
    )
    return Section("caps", "Cap headroom", lead, found, (table, _families(review)))


def _families(review: Review) -> Table:
    return Table(
        "cap-families-table",
        "Families filled together",
        (
            Column("family", "Follows"),
            Column("names", "Assets"),
            Column("headroom_usd", "Headroom, USD", Kind.USD),
            Column("fill_loss_usd", "Loss if filled, USD", Kind.USD),
            Column("lendable_usd", "Borrowable, USD", Kind.USD),
        ),
        tuple(
            {**asdict(f), "names": formats.joined([formats.label(m) for m in f.members])}
            for f in review.cap_families
        ),
        empty="No two assets follow the same coin.",
    )


def _unchecked(review: Review) -> tuple[str, ...]:
    if review.completeness.supply_share is not None:
        return ()
    return ("Token totals were not checked: if the book is a part of the market, these figures are too.",)


def _cap_row(row: dict[str, Any]) -> dict[str, Any]:
    for key in ("supply_cap_tokens", "borrow_cap_tokens"):
        row[key] = None if row[key] is None else float(row[key])
    return row


def feeds(review: Review) -> Section:
    """Show feeds with deviation and heartbeat, labelled by where they come from."""
    table = Table(
        "feeds-table",
        "Price feeds",
        (
            Column("asset", "Reserve"),
            Column("description", "Feed"),
            Column("price_usd", "Price, USD", Kind.PRICE),
            Column("deviation_bps", "Deviation", Kind.BPS),
            Column("deviation_origin", "Known by"),
            Column("heartbeat_s", "Heartbeat", Kind.SECONDS),
            Column("heartbeat_origin", "Known by"),
            Column("updated_at_s", "Updated", Kind.TIME),
            Column("age_s", "Age", Kind.SECONDS),
            Column("stale", "Stale", Kind.YES),
            Column("source", "Source", Kind.ACCOUNT),
        ),
        rows_of(review.feeds),
    )
    lead = (
        "The price moves on chain once the market has moved by the deviation, or after the heartbeat. "
        "Configured: stated by a public source. Fitted: estimated from past rounds. Assumed: stated by "
        "nobody.",
    )
    return Section("feeds", "Price feeds", lead, (), (table,))
