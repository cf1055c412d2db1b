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
    NoCache,
    RegistryFile,
    RequestsPerSecond,
    RpcUrls,
)

if TYPE_CHECKING:
    from protocols.snapshot import Snapshot

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
    no_cache: NoCache = False,
    force: _Force = False,
    strict: _Strict = False,
) -> None:
    """Read a lending market from the chain into a snapshot directory."""
    from protocols.extend import assume_snapshot
    from protocols.registry import read_market
    from protocols.store import load, save
    from protocols.user_markets import assuming
    from risk.cli.blocks import block_choice, default_block
    from risk.cli.connection import open_chain
    from risk.cli.market_reading import PHASES, at_block, remembered, spec_of, summarise
    from risk.cli.progress import reporting

    spec = spec_of(market, registry)
    spec = assuming(spec, release) if release else spec
    which = block_choice(block)
    _refuse_existing(output, force)
    chain = open_chain(rpc or [], cross_check, concurrency, requests_per_second)
    chain_id = chain.connect(spec.chain_id)
    which = which or default_block(chain_id)
    journal = remembered(chain, spec, keep=not (no_cache or cross_check))
    if extend:
        assume_snapshot(journal, load(extend), spec, chain.chain_id)
    with reporting(PHASES) as report:
        taken = at_block(chain, which, lambda header: read_market(chain, spec, header, report, journal))
    summarise(taken, chain.requests)
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


def _refuse_grave(taken: Snapshot) -> None:
    from abis.errors import LimitBroken
    from abis.findings import Severity

    grave = [f for f in taken.findings if f.severity >= Severity.MEDIUM]
    if grave:
        raise LimitBroken(
            f"the market has {len(grave)} findings of medium severity or worse; nothing was written.",
            remedy="Look at them above, or leave --strict away.",
        )
