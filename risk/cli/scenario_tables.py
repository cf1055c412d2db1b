"""Tables of ``breakwater scenario``, none wider than 80 columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from risk.venues.december_report import December
    from risk.venues.next_shock import NextShock


def plain_table(title: str, *columns: str) -> Table:
    """Return an empty table, its first column to the left."""
    from rich import box
    from rich.table import Table

    table = Table(
        box=box.SIMPLE,
        title=title,
        title_justify="left",
        padding=(0, 1, 0, 0),
        show_edge=False,
        pad_edge=False,
    )
    for n, column in enumerate(columns):
        table.add_column(column, justify="left" if n == 0 else "right")
    return table


def show(
    found: December,
    ranges: Sequence[dict[str, Any]],
    needed: float | None,
    shocks: Sequence[NextShock],
    even: float | None,
    move: str,
) -> None:
    """Print a build.

    Parameters
    ----------
    found : December
    ranges : sequence of dict
        Of `risk.venues.december_report.not_identified`; may be empty.
    needed : float or None
        Of `risk.venues.december_w2.share_needed`.
    shocks, even
        Of `risk.venues.december_report.cleaner`; may be empty.
    move : str
        Of the next shock, as it was given.
    """
    from rich.console import Console

    from risk.venues.december_table import table

    console = Console(highlight=False)
    parts = [targets(found), *table()["note"].values(), venues(found), runs(found)]
    if ranges:
        parts += [not_identified(ranges), _needed(found, needed)]
    if shocks:
        parts += [next_shocks(shocks, move), _even(shocks, even)]
    parts += [
        f"{asset}: the run's index stays within {error:.1f} bps (root mean square) of the candles."
        for asset, error in found.error_bps.items()
    ]
    parts.append(f"Spectral radius before the wave: {found.radius:.2f}; 1 and above feeds itself.")
    for n, part in enumerate(parts):
        if n:
            console.print()
        console.print(part)


def amount(value: float, unit: str = "USD") -> str:
    """Return a value in its unit: millions from a million on, shares in percent."""
    if unit == "share":
        return f"{value:.1%}"
    return f"{value / 1e6:,.1f} M" if value >= 1e6 else f"{value:,.0f}"


def _span(low: float, high: float, unit: str) -> str:
    first, last = amount(low, unit), amount(high, unit)
    mark = last[-2:] if last.endswith(" M") else last[-1] if unit == "share" else ""
    return f"{first.removesuffix(mark)}–{last}"


def targets(found: December) -> Table:
    """Return target beside result."""
    columns = ("Figure", "Set", "Target", "Accepted", "Result", "Fitted", "Met")
    table = plain_table("Target beside result; W2 is predicted", *columns)
    for b in found.beside:
        t = b.target
        span, said = _span(*t.bounds(), t.unit), ("no", "yes")
        row = (t.what, t.set, amount(t.value, t.unit), span, amount(b.result, t.unit))
        table.add_row(*row, said[b.fitted], said[b.met])
    return table


def venues(found: December) -> Table:
    """Return what each venue liquidated, by way."""
    from risk.venues.december_report import liquidations

    columns = ("Venue", "Total", "Longs", "Book", "Vault", "ADL", "Largest order")
    table = plain_table("Liquidations by venue, USD", *columns)
    for row in liquidations(found.wave):
        if row["liquidated_usd"] > 0:
            ways = [amount(row[f"{w}_usd"]) for w in ("book", "vault", "adl")]
            total, longs = amount(row["liquidated_usd"]), f"{row['long_share']:.0%}"
            table.add_row(row["venue"], total, longs, *ways, amount(row["largest_order_usd"]))
    return table


def runs(found: December) -> Table:
    """Return the day and what-ifs, a row each."""
    from risk.venues.december_report import BASE, summary

    columns = ("Run", "Liquidated", "BTC low", "ETH low", "Cascade's\npart", "Dispersion")
    table = plain_table("The same day with one thing changed", *columns)
    for name, wave in {BASE: found.wave, **found.others}.items():
        row = summary(name, wave)
        lows = [f"{row[k]:,.0f}" for k in ("btc_low_usd", "eth_low_usd")]
        parts = [f"{row[k]:.1%}" for k in ("cascade_share", "widest_dispersion")]
        if row["diverges"]:  # beyond published depth: that it ran away is known, not where to
            lows, parts = ["runs away"] * 2, ["–"] * 2
        table.add_row(name, amount(row["liquidated_usd"]), *lows, *parts)
    return table


def not_identified(rows: Sequence[dict[str, Any]]) -> Table:
    """Return what changes between the ends of each range, and what does not."""
    columns = ("Parameter", "Value", "Met", "Cascade's\npart", "Hyperliquid\non 16 December")
    table = plain_table("Not identified: the fit at both ends of each range", *columns)
    for row in rows:
        met, share = f"{row['targets_met']} of {row['targets']}", f"{row['cascade_share']:.1%}"
        predicted = amount(row["w2_hyperliquid_usd"])
        table.add_row(row["parameter"], f"{row['value']:g}", met, share, predicted)
    return table


def _needed(found: December, needed: float | None) -> str:
    target = next(b.target for b in found.beside if b.target.id == "w2_hyperliquid")
    figure = f"Hyperliquid's {amount(target.value)} of 16 December"
    if needed is None:
        return f"No share of open interest gives {figure}."
    return (
        f"{figure} would need {needed:.0%} of all leveraged open interest there, "
        f"where {found.free.hyperliquid_share:.1%} is used; W1 and W3 are met with either."
    )


def next_shocks(shocks: Sequence[NextShock], move: str) -> Table:
    """Return the same next shock, a state a row."""
    columns = ("State", "Open", "Radius", "Liquidated", "Low", "Own part")
    table = plain_table(f"The same next shock: BTC {move} over an hour", *columns)
    for n in shocks:
        low = "runs away" if n.diverges else f"{math.expm1(n.low):.2%}"
        own = "–" if n.diverges or n.own != n.own else f"{n.own:.1%}"
        held = (amount(n.open_interest_usd), f"{n.spectral_radius:.2f}")
        table.add_row(n.state, *held, amount(n.liquidated_usd), low, own)
    return table


def _even(shocks: Sequence[NextShock], even: float | None) -> str:
    before, after = shocks[0].liquidated_usd, shocks[1].liquidated_usd
    if even is not None:
        return f"With {even:.0%} of it rebuilt the shock liquidates as much as before the wave."
    if after >= before:
        return "The wave took away nothing that this shock would have liquidated."
    return "Even twice what the wave closed, rebuilt, does not bring back what this shock liquidated before."
