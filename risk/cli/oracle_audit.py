"""``breakwater oracle audit``: what is wrong with the prices a market reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from protocols.snapshot import Snapshot
    from risk.audit.audit import AuditReport

SCHEMA = "breakwater.oracle-audit/1"
_HELP = """Audit the prices a market reads: findings with severity, evidence and remedy.

Facts come from the snapshot, the table of published feed settings, --trace (what `breakwater oracle \
trace --json` wrote of the same block), and --feeds, a TOML file of what none of them holds \
(docs/oracle-safety.md). Market prices to compare with come from --market-prices or --price. \
What nobody stated is counted as not known, never guessed.

Examples:

  breakwater oracle audit snap --price WETH=3000 --price USDC=0.9995

  breakwater oracle audit snap --feeds feeds.toml --market-prices prices.csv --json

  breakwater oracle trace aave-v3-ethereum --block 23500000 --json > trace.json && breakwater oracle audit \
snap --trace trace.json
"""


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command("audit", help=_HELP, no_args_is_help=True)(audit)


def audit(
    snapshot: Annotated[Path, typer.Argument(help="A snapshot directory.", show_default=False)],
    feeds: Annotated[
        Path | None, typer.Option("--feeds", help="TOML of facts the snapshot does not hold.")
    ] = None,
    trace: Annotated[
        Path | None, typer.Option("--trace", help="JSON of oracle trace, of the snapshot's block.")
    ] = None,
    prices: Annotated[
        Path | None, typer.Option("--market-prices", help="CSV with the columns asset and price_usd.")
    ] = None,
    price: Annotated[list[str] | None, typer.Option("--price", help="One market price, WETH=3000.")] = None,
    horizon_s: Annotated[
        int, typer.Option("--horizon-s", help="Seconds in which liquidations must be able to act.")
    ] = 3_600,
    every: Annotated[bool, typer.Option("--all", help="Show every check, also those that are fine.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON with every check.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 if a finding is of high or critical severity.")
    ] = False,
) -> None:
    """Audit the prices a market reads."""
    from protocols.store import digest, load
    from risk.audit.audit import audit as make
    from risk.audit.feeds_file import FeedFile, market_prices
    from risk.audit.trace_file import trace_facts
    from risk.cli.envelope import envelope
    from risk.cli.scenario_options import sha256_of

    taken = load(snapshot)
    known = FeedFile(feeds, taken) if feeds is not None else None
    market = market_prices(prices, price or [], taken)
    traced = trace_facts(trace, taken) if trace is not None else None
    made = make(taken, feeds=known, traced=traced, market_usd=market, horizon_s=horizon_s)
    if as_json:
        inputs = {
            "snapshot_sha256": digest(snapshot),
            "feeds_sha256": sha256_of(feeds),
            "trace_sha256": sha256_of(trace),
            "market_usd": market,
            "horizon_s": horizon_s,
        }
        units = {"collateral_usd": "USD", "debt_usd": "USD", "buffer_share": "of the price read"}
        typer.echo(
            envelope(SCHEMA, _data(taken, made), inputs=inputs, units=units, findings=made.findings), nl=False
        )
    else:
        _print(taken, made, every)
    if strict:
        _refuse_grave(made)


def _data(taken: Snapshot, made: AuditReport) -> dict[str, Any]:
    return {
        "market": taken.market.name,
        "block_number": str(taken.block.number),
        "assets": [
            {
                "asset": asset,
                "collateral_usd": e.collateral_usd,
                "debt_usd": e.debt_usd,
                "buffer_share": e.buffer_share,
            }
            for asset, e in made.exposure.items()
        ],
        "checks": [
            {
                "asset": c.asset,
                "check": c.name,
                "result": c.result.value,
                "severity": c.severity.name.lower() if c.result.value == "finding" else None,
                "evidence": c.evidence,
                "remedy": c.remedy,
            }
            for c in made.checks
        ],
    }


def _print(taken: Snapshot, made: AuditReport, every: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from risk.report.formats import label, plural, sentence, usd, utc

    console = Console(highlight=False)
    heading = f"{label(taken.market.name)} at block {taken.block.number}, {utc(taken.block.timestamp_s)}"
    console.print(heading, markup=False)
    if made.findings:
        table = Table(box=box.SIMPLE)
        for name in ("Severity", "Asset", "Finding and remedy"):
            table.add_column(name, no_wrap=name == "Severity", overflow="fold")
        table.add_column("At stake", justify="right", no_wrap=True)
        for f in made.findings:
            text = f"{sentence(f.message)} {f.remedy}".strip()
            table.add_row(f.severity.name.lower(), escape(label(f.subject)), escape(text), usd(f.value_usd))
        console.print(table)
    else:
        console.print("No findings.")
    if every:
        _print_checks(console, made)
    missing = made.not_known()
    fine = len(made.checks) - len(missing) - len(made.findings)
    found = f"{plural(len(made.findings), 'finding')}, {fine} checks fine, {len(missing)} not known"
    typer.echo(
        found + ("; --all names them, --trace, --feeds and --price tell." if missing else "."), err=True
    )


def _print_checks(console: Any, made: AuditReport) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from risk.report.formats import label, sentence

    table = Table(box=box.SIMPLE)
    for name in ("Asset", "Check", "Result", "Evidence"):
        table.add_column(name, overflow="fold")
    for c in made.checks:
        table.add_row(escape(label(c.asset)), c.name, c.result.value, escape(sentence(c.evidence)))
    console.print(table)


def _refuse_grave(made: AuditReport) -> None:
    from abis.errors import LimitBroken
    from abis.findings import Severity
    from risk.report.formats import plural

    grave = [f for f in made.findings if f.severity >= Severity.HIGH]
    if grave:
        raise LimitBroken(
            f"{plural(len(grave), 'finding')} of high or critical severity.",
            remedy="See the findings; leave --strict out to accept them.",
        )
