"""``breakwater markets``: the markets that have a name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from protocols.registry import MarketSpec

SCHEMA = "breakwater.markets/1"
COLUMNS = ("name", "protocol", "chain_id", "address", "steward", "readable", "source")
_WIDE = 100  # columns of a terminal that whole addresses fit into

_HELP = """List the markets that have a name, built in or from your own file.

Your own markets stand in a TOML file: --registry FILE, or the one BREAKWATER_MARKETS names, or \
~/.config/breakwater/markets.toml.

Examples:

  breakwater markets

  breakwater markets --registry forks.toml --json

  breakwater markets --csv
"""


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the list; field names are the columns of CSV and JSON."""

    name: str
    protocol: str
    chain_id: int | None
    address: str
    steward: str
    readable: bool
    source: str


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("markets", help=_HELP)(markets)


def markets(
    registry: Annotated[
        Path | None,
        typer.Option("--registry", envvar="BREAKWATER_MARKETS", help="TOML file with markets of your own."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
) -> None:
    """List the markets that have a name."""
    from abis.errors import InputError
    from protocols.user_markets import known_markets

    if as_json and as_csv:
        raise InputError("--json and --csv exclude each other.", remedy="Choose one.")
    rows = [_row(spec) for _, spec in sorted(known_markets(registry).items())]
    if as_json:
        typer.echo(_json(rows), nl=False)
    elif as_csv:
        typer.echo(_csv(rows), nl=False)
    else:
        _print_table(rows)


def _row(spec: MarketSpec) -> _Row:
    from protocols.registry import is_readable

    return _Row(
        spec.name,
        spec.protocol,
        spec.chain_id,
        spec.address,
        spec.steward or "",
        is_readable(spec.protocol),
        spec.source,
    )


def _json(rows: list[_Row]) -> str:
    from dataclasses import asdict

    from risk.cli.envelope import envelope

    units = dict.fromkeys(COLUMNS, "text") | {"chain_id": "EIP-155 chain id", "readable": "true or false"}
    data: dict[str, Any] = {"rows": [asdict(row) for row in rows]}
    return envelope(SCHEMA, data, inputs={}, units=units)


def _csv(rows: list[_Row]) -> str:
    import csv
    import io
    from dataclasses import astuple

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(row) for row in rows)
    return out.getvalue()


def _print_table(rows: list[_Row]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from risk.report.formats import account

    console = Console()
    table = Table(box=box.SIMPLE)
    for heading in ("Market", "Chain", "Entry point", "Source"):
        table.add_column(heading, justify="right" if heading == "Chain" else "left", no_wrap=True)
    for row in rows:
        entry = row.address if console.width >= _WIDE else account(row.address)
        table.add_row(row.name, str(row.chain_id), entry, row.source)
    console.print(table)
    unreadable = sorted({row.protocol for row in rows if not row.readable})
    if unreadable:
        typer.echo(f"Not readable from the chain yet: {', '.join(unreadable)}.", err=True)
