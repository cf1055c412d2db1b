"""``breakwater accounts``: the six values of every account of a snapshot, exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from protocols.position import AccountData
    from protocols.snapshot import Snapshot

    Row = tuple[str, AccountData]

SCHEMA = "breakwater.accounts/1"
_SHOWN = 25
_MANY = 2_000
_SHORT_NAME = 13  # characters of a name in a table of 80 columns
_WIDE = 110  # columns of a terminal that whole addresses fit into


_HELP = """Show what getUserAccountData answers for every account of a snapshot.

Lowest health factor first. The values are computed in exact integers, with the rules of
the market's release.

Examples:

  breakwater accounts eth --below 1.05

  breakwater accounts eth --json --top 100

  breakwater accounts eth --csv
"""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("accounts", help=_HELP, no_args_is_help=True)(accounts)


def accounts(
    snapshot: Annotated[Path, typer.Argument(help="A snapshot directory.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON with exact integers.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV with exact integers.")] = False,
    below: Annotated[
        str, typer.Option(help="Only accounts with a health factor below this, such as 1.05.")
    ] = "",
    top: Annotated[
        int | None, typer.Option(min=1, help="Only this many, lowest health factor first.")
    ] = None,
) -> None:
    """Show the six values of every account of a snapshot."""
    from abis.errors import InputError
    from protocols.store import digest, load

    if as_json and as_csv:
        raise InputError("--json and --csv exclude each other.", remedy="Choose one.")
    below_wad = _wad(below) if below else None
    taken = load(snapshot)
    rows = _rows(taken)
    total = len(rows)
    if below_wad is not None:
        rows = [row for row in rows if row[1].health_factor < below_wad]
    rows.sort(key=lambda row: (row[1].health_factor, row[0]))
    rows = rows[:top]
    if as_json:
        inputs = {"snapshot_sha256": digest(snapshot), "below": below or None, "top": top}
        typer.echo(_json(taken, rows, inputs), nl=False)
    elif as_csv:
        typer.echo(_csv(rows), nl=False)
    else:
        _print_table(taken, rows, total, top)


def _wad(text: str) -> int:
    from abis.errors import InputError
    from abis.units import to_raw_down

    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not (value.is_finite() and 0 < value < 10**9):
        raise InputError(f"'{text}' is no health factor.", remedy="Give a positive number such as 1.05.")
    return to_raw_down(value, 18)


def _rows(taken: Snapshot) -> list[Row]:
    from protocols.exact import exact_rules
    from risk.cli.progress import reporting

    exact = exact_rules(taken.rules)
    names = taken.book.accounts
    rows: list[Row] = []
    with reporting({"accounts": "Accounts computed"}) as report:
        for i, name in enumerate(names):
            rows.append((name, exact.account_data(taken.position(i), taken.rules)))
            # Fewer accounts than this take no time worth talking about.
            if len(names) > _MANY and (len(rows) % 1_000 == 0 or len(rows) == len(names)):
                report("accounts", len(rows), len(names))
    return rows


def _columns() -> list[str]:
    from protocols.position import AccountData

    return ["account", *(f.name for f in fields(AccountData))]


def _json(taken: Snapshot, rows: Sequence[Row], inputs: Mapping[str, object]) -> str:
    from risk.cli.envelope import envelope

    base = f"1e-{len(str(taken.base.unit_raw)) - 1} {taken.base.symbol}"
    columns = _columns()
    units = dict.fromkeys(columns[1:4], base) | dict.fromkeys(columns[4:6], "bps")
    units |= {"health_factor": "1e-18; 2**256 - 1 without debt", "block_timestamp": "unix seconds"}
    market = taken.market
    data = {
        "market": market.name,
        "chain_id": market.chain_id,
        "block_number": str(taken.block.number),
        "block_hash": taken.block.hash,
        "block_timestamp": str(taken.block.timestamp_s),
        "rows": [
            dict(zip(columns, (name, *map(str, astuple(values))), strict=True)) for name, values in rows
        ],
    }
    return envelope(SCHEMA, data, inputs=inputs, units=units, findings=taken.findings)


def _csv(rows: Sequence[Row]) -> str:
    import csv
    import io

    from risk.report.formats import label

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_columns())
    # Names of imported books are free text: shown so that no spreadsheet runs them.
    writer.writerows([label(name, longest=1_000), *astuple(values)] for name, values in rows)
    return out.getvalue()


def _print_table(taken: Snapshot, rows: Sequence[Row], total: int, top: int | None) -> None:
    from rich.console import Console

    from risk.report.formats import label, plural, utc

    console = Console()
    shown = rows if top is not None else rows[:_SHOWN]
    heading = f"{label(taken.market.name)} at block {taken.block.number}, {utc(taken.block.timestamp_s)}"
    console.print(heading, markup=False, highlight=False)
    console.print(_table(taken, shown, whole_names=console.width >= _WIDE))
    rest = len(rows) - len(shown)
    note = f"{plural(len(shown), 'account')} of {total:,} shown"
    typer.echo(note + (f"; {rest:,} more with --top, --json or --csv." if rest else "."), err=True)


def _table(taken: Snapshot, rows: Sequence[Row], *, whole_names: bool) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from abis.units import WAD
    from risk.report.formats import account, bps, health, label, usd

    table = Table(box=box.SIMPLE)
    table.add_column("Account", no_wrap=True)
    for heading in ("Health", "Collateral", "Debt", "Can borrow", "Threshold", "LTV"):
        table.add_column(heading, justify="right", no_wrap=True)
    per_raw = taken.base.usd_per_raw
    for name, v in rows:
        table.add_row(
            escape(label(name) if whole_names else label(account(name), _SHORT_NAME)),
            health(v.health_factor / WAD) if v.total_debt_base else "no debt",
            usd(v.total_collateral_base * per_raw),
            usd(v.total_debt_base * per_raw),
            usd(v.available_borrows_base * per_raw),
            bps(v.current_liquidation_threshold),
            bps(v.ltv),
        )
    return table
