"""``breakwater diff``: what changed between two snapshots of a market."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from risk.report.diff import Diff

SCHEMA = "breakwater.diff/1"
_NAME_WIDTH = 13  # of an address as it is shown

_HELP = """Show what changed between two snapshots of a market.

Parameters with their values before and after, reserves listed and delisted, prices, rates, totals, and \
which accounts came, left, changed health or can be liquidated. Exit code 0, whether or not anything differs.

Examples:

  breakwater diff monday tuesday

  breakwater diff before after --md > diff.md

  breakwater diff before after --json --top 1000
"""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("diff", help=_HELP, no_args_is_help=True)(diff)


def diff(
    before: Annotated[Path, typer.Argument(help="A snapshot directory.", show_default=False)],
    after: Annotated[Path, typer.Argument(help="A later snapshot directory.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    as_markdown: Annotated[bool, typer.Option("--md", help="Write Markdown.")] = False,
    top: Annotated[int, typer.Option(min=0, help="How many accounts of each kind to list.")] = 20,
    force: Annotated[
        bool, typer.Option("--force", help="Compare snapshots of different markets too.")
    ] = False,
) -> None:
    """Show what changed between two snapshots of a market."""
    from abis.errors import InputError
    from protocols.store import digest, load
    from risk.report.diff import diff as compared
    from risk.report.diff_page import to_markdown

    if as_json and as_markdown:
        raise InputError("--json and --md exclude each other.", remedy="Choose one.")
    found = compared(load(before), load(after), top=top, force=force)
    for warning in found.warnings:
        typer.echo(f"Warning: {warning}", err=True)
    if as_json:
        inputs = {"before_sha256": digest(before), "after_sha256": digest(after), "top": top}
        typer.echo(_json(found, inputs), nl=False)
    elif as_markdown:
        typer.echo(to_markdown(found), nl=False)
    else:
        _print(found)


def _json(found: Diff, inputs: Mapping[str, Any]) -> str:
    from dataclasses import asdict

    from risk.cli.envelope import envelope
    from risk.report.json_ import portable

    data = portable(asdict(found))
    warnings = data.pop("warnings")
    return envelope(SCHEMA, {**data, "empty": found.empty, "warnings": warnings}, inputs=inputs, units=_UNITS)


_STATE = {
    "collateral_usd": "USD",
    "debt_usd": "USD",
    "health_factor": "ratio; null without debt",
    "liquidatable": "true or false",
}
_UNITS = {
    "block_number": "block number",
    "block_at_s": "unix time, seconds",
    "accounts": "count",
    "borrowers": "count",
    "supply_usd": "USD",
    "parameters[].old": "raw value as text, unit in the parameter's name; null where not there",
    "parameters[].new": "raw value as text, unit in the parameter's name; null where not there",
    "price_usd": "USD",
    "supply_rate_share": "yearly rate, 1 = 100 %",
    "borrow_rate_share": "yearly rate, 1 = 100 %",
    "utilisation_share": "fraction, 1 = 100 %",
    "supply_tokens": "whole tokens",
    "debt_tokens": "whole tokens",
    "liquidity_tokens": "whole tokens",
    "deficit_tokens": "whole tokens",
    "liquidatable_before_accounts": "count",
    "liquidatable_after_accounts": "count",
    **_STATE,
}


def _print(found: Diff) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from risk.report.diff_page import NO_DIFFERENCE, heading, tables
    from risk.report.formats import label

    console = Console()
    console.print(f"Changes of {label(found.market)}", markup=False, highlight=False)
    for line in heading(found):
        console.print(line, markup=False, highlight=False)
    if found.empty:
        console.print(NO_DIFFERENCE, markup=False, highlight=False)
    for made in tables(found):
        shown = Table(title=escape(made.title), box=box.SIMPLE, title_justify="left")
        cells = [[escape(column.show(row)) for column in made.columns] for row in made.rows]
        for k, column in enumerate(made.columns):
            # A shortened address is of no use in two pieces.
            least = min(max((len(row[k]) for row in cells), default=0), _NAME_WIDTH) if k == 0 else None
            side: Literal["left", "right"] = "right" if column.numeric else "left"
            shown.add_column(column.header, justify=side, overflow="fold", min_width=least)
        for row in cells:
            shown.add_row(*row)
        console.print(shown)
