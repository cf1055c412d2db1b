"""``breakwater import``: positions from CSV or Parquet files into a snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from abis.findings import Finding
    from protocols.files.market import MarketFacts
    from protocols.snapshot import Snapshot

_HELP = """Build a snapshot from files of reserves and positions.

Each FILE is a .csv or .parquet, recognised by its columns: reserves (symbol, decimals, price, ...), \
legs (account, side, asset, amount), and if you have them accounts (account, emode, health_factor, ...) \
and e-modes. Bad rows are listed and left out. Reported health factors are recomputed with the release's \
exact rules. See docs/data-format.md.

Examples:

  breakwater import reserves.csv legs.csv -o snap --rules 3.3

  breakwater import *.csv -o snap --market-file market.toml --strict

  breakwater import reserves.csv legs.csv -o snap --rules 2.0 --base ETH --base-usd 1719.90
"""
_SHOWN_FINDINGS = 20


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("import", help=_HELP, no_args_is_help=True)(import_)


def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory to create.", show_default=False)],
    market_file: Annotated[
        Path | None, typer.Option("--market-file", help="TOML with the market's facts; options win over it.")
    ] = None,
    rules: Annotated[
        str | None, typer.Option("--rules", help="Release whose rules apply: 2.0, 3.0 to 3.7.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the market.")] = None,
    chain_id: Annotated[int | None, typer.Option("--chain-id", help="Chain the market lives on.")] = None,
    block: Annotated[int | None, typer.Option("--block", help="Block number of the state.")] = None,
    time: Annotated[
        str | None, typer.Option("--time", help="Time of the state, 2023-06-20T07:52:59Z.")
    ] = None,
    base: Annotated[
        str | None, typer.Option("--base", help="Currency the prices are in: USD (default), ETH.")
    ] = None,
    base_usd: Annotated[
        str | None, typer.Option("--base-usd", help="US dollars per base currency; 1 for USD.")
    ] = None,
    base_decimals: Annotated[
        int | None, typer.Option("--base-decimals", help="Decimals of raw prices; 8 for USD, else 18.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0.0, help="Relative difference to reported values allowed.")
    ] = 0.001,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Write nothing and exit 1 on a finding of medium severity or worse."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a snapshot that is there.")] = False,
) -> None:
    """Build a snapshot from files of reserves and positions."""
    from decimal import Decimal

    from abis.errors import OutputExists
    from protocols.files.market import facts_from, read_market_file

    if output.exists() and not force:
        # Before the work, not after it; `save` checks again.
        raise OutputExists(f"'{output}' exists.", remedy="Choose another output or pass --force.")
    tables = read_market_file(market_file) if market_file else {}
    given = {
        "market": {"version": rules, "name": name, "chain_id": chain_id},
        "block": {"number": block, "time": time},
        "base_currency": {"symbol": base, "usd": base_usd, "decimals": base_decimals},
    }
    facts = facts_from(_with_options(tables, given))
    built = _build(files, facts, Decimal(str(tolerance)), strict)
    _write(built, output, force)


def _build(files: list[Path], facts: MarketFacts, tolerance: Decimal, strict: bool) -> Snapshot:
    """Build, tell what was found, and refuse grave findings where ``strict``."""
    from rich.console import Console

    from abis.errors import LimitBroken
    from abis.findings import Severity
    from protocols.from_file import build

    with Console(stderr=True).status("Reading files and recomputing positions"):
        built = build(files, facts, tolerance)
    _summarise(built)
    grave = [f for f in built.findings if f.severity >= Severity.MEDIUM]
    if strict and grave:
        raise LimitBroken(
            f"the files have {len(grave)} findings of medium severity or worse; nothing was written.",
            remedy="Correct them, or leave --strict away.",
        )
    return built


def _write(built: Snapshot, output: Path, force: bool) -> None:
    from protocols.store import save

    digest = save(built, output, force)
    typer.echo(f"Written to {output}, sha256 {digest[:12]}...", err=True)


def _with_options(tables: dict[str, Any], given: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the market file's tables with the options that were given put over them."""
    merged = dict(tables)
    for table, options in given.items():
        stated = {key: value for key, value in options.items() if value is not None}
        if stated and isinstance(merged.get(table, {}), dict):
            merged[table] = {**merged.get(table, {}), **stated}
    return merged


def _summarise(built: Snapshot) -> None:
    from risk.report.formats import label, plural, usd

    book = built.book
    shown = _worst(built.findings)
    for finding in shown:
        severity = finding.severity.name.lower()
        typer.echo(f"  {severity}: {label(finding.subject)}: {label(finding.message, 300)}", err=True)
    if len(built.findings) > len(shown):
        typer.echo(f"  ... and {len(built.findings) - len(shown)} more in manifest.json.", err=True)
    typer.echo(
        f"{label(built.market.name)} ({built.market.protocol} {built.market.version}): "
        f"{plural(len(book), 'account')}, {len(book.collateral.reserve):,} collateral and "
        f"{len(book.debt.reserve):,} debt legs in {plural(len(built.reserves), 'reserve')}, "
        f"supplied {usd(float(built.collateral_usd.sum()))}, borrowed {usd(float(built.debt_usd.sum()))}, "
        f"{plural(len(built.findings), 'finding')}.",
        err=True,
    )


def _worst(findings: Sequence[Finding]) -> list[Finding]:
    """Return reconciliation summaries first, then the worst others, up to `_SHOWN_FINDINGS`."""
    from abis.findings import ranked
    from protocols.files.reconcile import SUBJECT

    summaries = [f for f in findings if f.subject == SUBJECT]
    return summaries + ranked(f for f in findings if f.subject != SUBJECT)[:_SHOWN_FINDINGS]
