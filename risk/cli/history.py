"""``breakwater history``: the parameter changes of a market over a range of blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from risk.cli.chain_options import (
    Concurrency,
    CrossCheck,
    LastBlock,
    RegistryFile,
    RequestsPerSecond,
    RpcUrls,
)

if TYPE_CHECKING:
    from rich.table import Table

    from abis.chain import Header
    from protocols.history import Change, History

SCHEMA = "breakwater.history/1"
_SHOWN = 50
_WIDE = 130  # columns of a terminal that the whole table fits into
_PHASES = {
    "provider": "Events of the provider, blocks",
    "events": "Events of the other contracts, blocks",
    "transactions": "Transactions and blocks",
}

_HELP = """List who changed which parameter of a market, and when.

Read from the events of the market's own contracts: configurator, oracle, access control and addresses \
provider. Old values come from the event, from the change before it, or from the state before the first \
block (which needs an archive node).

Examples:

  breakwater history aave-v3-ethereum --rpc https://rpc.example/KEY --from-block 23000000

  breakwater history aave-v3-base --from-block 30000000 --to-block 30100000 --csv > changes.csv

  breakwater history aave-v3-ethereum --from-block 23000000 --json
"""


_FirstBlock = Annotated[
    int, typer.Option("--from-block", min=0, help="First block of the range.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("history", help=_HELP, no_args_is_help=True)(history)


def history(
    market: Annotated[
        str, typer.Argument(help="A market's name (aave-v3-ethereum) or aave-v3:0xPoolAddressesProvider.")
    ],
    from_block: _FirstBlock,
    to_block: LastBlock = "",
    rpc: RpcUrls = None,
    registry: RegistryFile = None,
    cross_check: CrossCheck = False,
    concurrency: Concurrency = 4,
    requests_per_second: RequestsPerSecond = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON with raw values.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV with raw values.")] = False,
) -> None:
    """List who changed which parameter of a market, and when."""
    from abis.errors import InputError
    from protocols.registry import read_history, refuse_without_history, resolve
    from protocols.user_markets import known_markets
    from risk.cli.blocks import block_choice, default_block
    from risk.cli.connection import open_chain
    from risk.cli.progress import reporting

    if as_json and as_csv:
        raise InputError("--json and --csv exclude each other.", remedy="Choose one.")
    spec = resolve(market, known_markets(registry))
    refuse_without_history(spec)
    which = block_choice(to_block)
    chain = open_chain(rpc or [], cross_check, concurrency, requests_per_second)
    chain_id = chain.connect(spec.chain_id)
    last = chain.block(which or default_block(chain_id))
    with reporting(_PHASES) as report:
        found = read_history(chain, spec, from_block, last, report)
    if as_json:
        typer.echo(_json(found, last), nl=False)
    elif as_csv:
        typer.echo(_csv(found), nl=False)
    else:
        _print_table(found)
    _talk(found)


def _json(found: History, last: Header) -> str:
    from dataclasses import asdict, fields

    from protocols.history import Change
    from risk.cli.envelope import envelope

    units = dict.fromkeys((f.name for f in fields(Change)), "text")
    units |= {
        "block": "block number",
        "timestamp_s": "unix time, seconds",
        "old": "as the parameter's name says, decimal string; null where not known",
        "new": "as the parameter's name says, decimal string",
    }
    data = {
        "market": found.market,
        "chain_id": found.chain_id,
        "first_block": found.first,
        "last_block": found.last,
        "last_block_hash": last.hash,
        "rows": [asdict(c) for c in found.changes],
    }
    return envelope(SCHEMA, data, inputs={}, units=units, findings=found.findings)


def _csv(found: History) -> str:
    import csv
    import io
    from dataclasses import fields

    from protocols.history import Change
    from risk.report.formats import label

    names = [f.name for f in fields(Change)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for change in found.changes:
        cells = [getattr(change, name) for name in names]
        # Symbols and labels are free text: shown so that no spreadsheet runs them.
        writer.writerow(label(c, longest=1_000) if isinstance(c, str) else c for c in cells)
    return out.getvalue()


def _print_table(found: History) -> None:
    from rich.console import Console

    from risk.report.formats import label, plural

    console = Console()
    heading = f"{label(found.market)}, blocks {found.first} to {found.last}"
    console.print(heading, markup=False, highlight=False)
    if not found.changes:
        console.print("No parameter changed.", markup=False, highlight=False)
        return
    console.print(_table(found.changes[:_SHOWN], wide=console.width >= _WIDE))
    rest = len(found.changes) - _SHOWN
    if rest > 0:
        typer.echo(f"{plural(rest, 'more change')} with --json or --csv.", err=True)


def _table(changes: tuple[Change, ...], *, wide: bool) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from risk.report.formats import account, utc
    from risk.report.values import human

    table = Table(box=box.SIMPLE)
    table.add_column("Block", justify="right", no_wrap=True)
    for heading in ("Time", "Called") if wide else ():
        table.add_column(heading, no_wrap=True)
    for heading in ("Sender", "Subject", "Parameter", "Old", "New"):
        table.add_column(heading, overflow="fold")
    for c in changes:
        extra = (utc(c.timestamp_s), account(c.called)) if wide else ()
        row = (
            str(c.block),
            *extra,
            account(c.sender),
            _subject(c),
            c.parameter,
            human(c.parameter, c.old),
            human(c.parameter, c.new),
        )
        table.add_row(*(escape(cell) for cell in row))
    return table


def _subject(change: Change) -> str:
    from risk.report.formats import account, label

    if change.kind == "emode":
        return f"e-mode {change.subject}"
    if change.kind == "emode_asset":
        category, _, asset = change.subject.partition(":")
        return f"{label(change.symbol) or account(asset)} in e-mode {category}"
    if change.kind == "role":
        role, _, holder = change.subject.partition(":")
        return f"{label(role)} {account(holder)}".rstrip()
    return label(change.symbol) or account(change.subject) or "market"


def _talk(found: History) -> None:
    from risk.report.formats import label, plural

    for finding in found.findings:
        severity = finding.severity.name.lower()
        typer.echo(f"  {severity}: {label(finding.subject)}: {label(finding.message, 300)}", err=True)
    typer.echo(
        f"{plural(len(found.changes), 'change')} in blocks {found.first} to {found.last}, "
        f"{plural(len(found.findings), 'finding')}.",
        err=True,
    )
