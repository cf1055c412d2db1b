"""``breakwater snapshot``: read a lending market from the chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from risk.cli.chain_options import (
    BlockChoice,
    Concurrency,
    CrossCheck,
    MarketName,
    RegistryFile,
    RequestsPerSecond,
    RpcUrls,
)

if TYPE_CHECKING:
    from abis.chain import Chain, Header, Progress
    from protocols.journal import Journal
    from protocols.registry import MarketSpec
    from protocols.snapshot import Snapshot

_RESTARTS = 3
_SHOWN_FINDINGS = 5
_PHASES = {
    "reserves": "Reserves and prices",
    "events": "Event logs, blocks",
    "accounts": "Account words",
    "balances": "Balances",
}


_HELP = """Read a lending market from the chain into a snapshot directory.

Everything is read at one block: parameters, prices, indices and every account's position.
Blocks far in the past need an archive node.

A run that was stopped goes on where it was: what was read of the chain is kept in
~/.cache/breakwater (or BREAKWATER_CACHE), without the URLs.

Examples:

  breakwater snapshot aave-v3-ethereum --rpc https://rpc.example/KEY -o eth

  breakwater snapshot aave-v3-base --block 30000000 -o base-30m

  breakwater snapshot aave-v3-base --rpc https://one.example --rpc https://two.example -o base

  breakwater snapshot aave-v3:0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e -o out
"""


_Output = Annotated[Path, typer.Option("--output", "-o", help="Directory to write.", show_default=False)]
_Release = Annotated[
    str,
    typer.Option(
        help="Release to assume where the contracts tell none with known rules.", show_default=False
    ),
]
_Extend = Annotated[
    Path | None,
    typer.Option("--extend", help="Earlier snapshot of the market: only events since its block are scanned."),
]
_NoCache = Annotated[bool, typer.Option("--no-cache", help="Remember nothing and use nothing kept.")]
_Force = Annotated[bool, typer.Option("--force", help="Replace a snapshot that is already there.")]
_Strict = Annotated[
    bool, typer.Option("--strict", help="Write nothing and exit 1 on a finding of medium severity or worse.")
]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("snapshot", help=_HELP, no_args_is_help=True)(snapshot)


def snapshot(
    market: MarketName,
    output: _Output,
    rpc: RpcUrls = None,
    block: BlockChoice = "",
    registry: RegistryFile = None,
    release: _Release = "",
    cross_check: CrossCheck = False,
    extend: _Extend = None,
    concurrency: Concurrency = 4,
    requests_per_second: RequestsPerSecond = 0.0,
    no_cache: _NoCache = False,
    force: _Force = False,
    strict: _Strict = False,
) -> None:
    """Read a lending market from the chain into a snapshot directory."""
    from protocols.registry import refuse_unreadable, resolve
    from protocols.store import save
    from protocols.user_markets import assuming, known_markets
    from risk.cli.blocks import block_choice, default_block
    from risk.cli.connection import open_chain
    from risk.cli.progress import reporting

    spec = resolve(market, known_markets(registry))
    refuse_unreadable(spec)
    spec = assuming(spec, release) if release else spec
    which = block_choice(block)
    _refuse_existing(output, force)
    chain = open_chain(rpc or [], cross_check, concurrency, requests_per_second)
    chain_id = chain.connect(spec.chain_id)
    which = which or default_block(chain_id)
    journal = _remembered(chain, spec, extend, keep=not (no_cache or cross_check))
    with reporting(_PHASES) as report:
        taken = _read(chain, spec, which, report, journal)
    _summarise(taken, chain.requests)
    if strict:
        _refuse_grave(taken)
    digest = save(taken, output, force)
    typer.echo(f"Written to {output}, sha256 {digest[:12]}...", err=True)


def _refuse_existing(output: Path, force: bool) -> None:
    """Refuse before the chain is read what would be refused after it."""
    from abis.errors import InputError, OutputExists

    if output.exists() and not force:
        raise OutputExists(f"'{output}' exists.", remedy="Choose another output or pass --force.")
    if not output.absolute().parent.is_dir():
        raise InputError(f"'{output.absolute().parent}' is no folder.", remedy="Create it first.")


def _remembered(chain: Chain, spec: MarketSpec, extend: Path | None, keep: bool) -> Journal:
    """Return what is known of the market's holders, and let the chain keep its answers."""
    from protocols.extend import assume_snapshot
    from protocols.journal import Journal
    from protocols.store import load
    from risk.cli.connection import cache_folder, open_journal

    folder = cache_folder(chain.chain_id) if keep else None
    journal = Journal()
    if folder:
        chain.keep_answers(folder / "answers")
        journal = open_journal(chain, spec, folder)
    if extend:
        assume_snapshot(journal, load(extend), spec, chain.chain_id)
    return journal


def _read(chain: Chain, spec: MarketSpec, which: str, report: Progress, journal: Journal) -> Snapshot:
    """Read the market, again from the start when its block leaves the chain meanwhile."""
    from abis.errors import Reorganised
    from protocols.registry import read_market

    for _ in range(_RESTARTS):
        header: Header = chain.block(which)
        try:
            return read_market(chain, spec, header, report, journal)
        except Reorganised as error:
            typer.echo(f"Starting over: {error.message}", err=True)
            last = error
    raise last


def _refuse_grave(taken: Snapshot) -> None:
    from abis.errors import LimitBroken
    from abis.findings import Severity

    grave = [f for f in taken.findings if f.severity >= Severity.MEDIUM]
    if grave:
        raise LimitBroken(
            f"the market has {len(grave)} findings of medium severity or worse; nothing was written.",
            remedy="Look at them above, or leave --strict away.",
        )


def _summarise(taken: Snapshot, requests: int) -> None:
    from risk.report.formats import label, plural, share, usd, utc

    collateral, debt = float(taken.collateral_usd.sum()), float(taken.debt_usd.sum())
    missing = sum(abs(c.missing_usd) for c in taken.completeness)
    found = share(1 - missing / (collateral + debt)) if collateral + debt else "nothing"
    for finding in taken.findings[:_SHOWN_FINDINGS]:
        severity = finding.severity.name.lower()
        typer.echo(f"  {severity}: {label(finding.subject)}: {label(finding.message, 300)}", err=True)
    if len(taken.findings) > _SHOWN_FINDINGS:
        typer.echo(f"  ... and {len(taken.findings) - _SHOWN_FINDINGS} more.", err=True)
    market, block = taken.market, taken.block
    typer.echo(
        f"{market.name} ({market.protocol} {market.version}) at block {block.number}, "
        f"{utc(block.timestamp_s)}: {plural(len(taken.book), 'account')}, "
        f"{plural(len(taken.reserves), 'reserve')}, supplied {usd(collateral)}, borrowed {usd(debt)}, "
        f"{found} of the totals found, {plural(len(taken.findings), 'finding')}, "
        f"{plural(requests, 'request')}.",
        err=True,
    )
