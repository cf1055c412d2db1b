"""``breakwater oracle audit``: what is wrong with the prices a market reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from risk.cli.chain_options import BlockChoice, NoCache, RegistryFile, RpcUrls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.snapshot import Snapshot
    from risk.audit.audit import AuditReport

SCHEMA = "breakwater.oracle-audit/1"
_HELP = """Audit the prices a market reads: findings with severity, evidence and remedy.

SNAP|MARKET is a snapshot directory, or a market's name, aave-v3:0xPoolAddressesProvider or \
aave-v2:0xLendingPool: then the market is read from the chain and its prices are traced at the same block; \
nothing is written but what `breakwater snapshot` also keeps in ~/.cache/breakwater.

Facts come from the snapshot, the table of published feed settings, the trace (of a snapshot --trace: what \
`breakwater oracle trace --json` wrote of the same block), and --feeds, a TOML file of what none of them \
holds (docs/oracle-safety.md). Market prices to compare with come from --market-prices or --price. \
What nobody stated is counted as not known, never guessed.

Examples:

  breakwater oracle audit aave-v3-ethereum --rpc https://rpc.example/KEY

  breakwater oracle audit aave-v3-ethereum --block 23500000 --market-prices prices.csv --strict

  breakwater oracle audit snap --price WETH=3000 --price USDC=0.9995

  breakwater oracle audit snap --feeds feeds.toml --market-prices prices.csv --json

  breakwater oracle trace aave-v3-ethereum --block 23500000 --json > trace.json && breakwater oracle audit \
snap --trace trace.json
"""


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command("audit", help=_HELP, no_args_is_help=True)(audit)


def audit(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SNAP|MARKET", help="A snapshot directory, or a market to read.", show_default=False
        ),
    ],
    rpc: RpcUrls = None,
    block: BlockChoice = "",
    registry: RegistryFile = None,
    no_cache: NoCache = False,
    feeds: Annotated[
        Path | None,
        typer.Option(
            "--feeds", exists=True, dir_okay=False, help="TOML of facts the snapshot does not hold."
        ),
    ] = None,
    trace: Annotated[
        Path | None, typer.Option("--trace", help="JSON of oracle trace, of the snapshot's block.")
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(
            "--market-prices", exists=True, dir_okay=False, help="CSV with the columns asset and price_usd."
        ),
    ] = None,
    price: Annotated[list[str] | None, typer.Option("--price", help="One market price, WETH=3000.")] = None,
    horizon_s: Annotated[
        int, typer.Option("--horizon-s", min=1, help="Seconds in which liquidations must be able to act.")
    ] = 3_600,
    every: Annotated[bool, typer.Option("--all", help="Show every check, also those that are fine.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON with every check.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 if a finding is of high or critical severity.")
    ] = False,
) -> None:
    """Audit the prices a market reads."""
    from protocols.store import digest
    from risk.audit.audit import audit as make
    from risk.audit.feeds_file import FeedFile, market_prices
    from risk.cli.envelope import envelope
    from risk.cli.scenario_options import sha256_of

    if Path(source).is_dir():
        _refuse_block(block)
        taken, traced, trace_sha256 = _loaded(Path(source), trace)
    else:
        _refuse_trace(source, trace)
        taken, traced, trace_sha256 = _read(source, registry, rpc or [], block, not no_cache)
    known = FeedFile(feeds, taken) if feeds is not None else None
    market = market_prices(prices, price or [], taken)
    made = make(taken, feeds=known, traced=traced, market_usd=market, horizon_s=horizon_s)
    if as_json:
        inputs = {
            "snapshot_sha256": digest(taken),
            "feeds_sha256": sha256_of(feeds),
            "trace_sha256": trace_sha256,
            "market_usd": market,
            "horizon_s": horizon_s,
        }
        units = {"collateral_usd": "USD", "debt_usd": "USD", "buffer_share": "of the price read"}
        typer.echo(
            envelope(SCHEMA, _data(taken, made), inputs=inputs, units=units, findings=made.findings), nl=False
        )
    else:
        _print(taken, made, every)
        _talk(made, traced is not None)
    if strict:
        _refuse_grave(made)


_Facts = tuple["Snapshot", "Mapping[str, Mapping[str, Any]] | None", str | None]  # and the trace's sha256


def _loaded(folder: Path, trace: Path | None) -> _Facts:
    """Return a saved snapshot and what the file of a trace says of it."""
    from protocols.store import load
    from risk.audit.trace_file import trace_facts
    from risk.cli.scenario_options import sha256_of

    taken = load(folder)
    return taken, trace_facts(trace, taken) if trace is not None else None, sha256_of(trace)


def _read(market: str, registry: Path | None, urls: list[str], block: str, keep: bool) -> _Facts:
    """Return a market read from the chain and what the trace of its block says."""
    from hashlib import sha256

    from oracles.feed_audit_trace import parse_trace
    from risk.audit.trace_file import joined
    from risk.cli.oracle_audit_market import read_and_trace

    taken, trace = read_and_trace(market, registry, urls, block, keep)
    facts = joined(parse_trace(trace, "the trace"), taken, "the trace")
    return taken, facts, sha256(trace).hexdigest()


def _refuse_block(block: str) -> None:
    from abis.errors import InputError

    if block:
        raise InputError("--block is for a market; a snapshot has its block.", remedy="Leave it out.")


def _refuse_trace(source: str, trace: Path | None) -> None:
    from abis.errors import InputError

    if trace is not None:
        raise InputError(
            f"--trace is for a snapshot directory, and '{source}' is none; a market is traced anyway.",
            remedy="Leave it out, or name the snapshot of the trace's block.",
        )


def _data(taken: Snapshot, made: AuditReport) -> dict[str, Any]:
    return {
        "market": taken.market.name,
        "block_number": str(taken.block.number),
        "block_hash": taken.block.hash,
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

    from risk.report.formats import label, sentence, usd, utc

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


def _talk(made: AuditReport, is_traced: bool) -> None:
    from risk.report.formats import plural

    missing = made.not_known()
    fine = len(made.checks) - len(missing) - len(made.findings)
    found = f"{plural(len(made.findings), 'finding')}, {fine} checks fine, {len(missing)} not known"
    tell = "--feeds and --price tell" if is_traced else "--trace, --feeds and --price tell"
    typer.echo(found + (f"; --all names them, {tell}." if missing else "."), err=True)


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
