"""What the commands that read a whole market from the chain have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from abis.chain import Chain, Header
    from protocols.journal import Journal
    from protocols.registry import MarketSpec
    from protocols.snapshot import Snapshot

T = TypeVar("T")

_RESTARTS = 3
_SHOWN_FINDINGS = 5
PHASES = MappingProxyType(
    {
        "reserves": "Reserves and prices",
        "events": "Event logs, blocks",
        "accounts": "Account words",
        "balances": "Balances",
    }
)


def spec_of(market: str, registry: Path | None) -> MarketSpec:
    """Return the market of a registry name or ``protocol:0xAddress``, if it can be read.

    Raises
    ------
    NotAMarket
        If there is none of that name.
    UnsupportedVersion
        If its protocol has no reader.
    """
    from protocols.registry import refuse_unreadable, resolve
    from protocols.user_markets import known_markets

    spec = resolve(market, known_markets(registry))
    refuse_unreadable(spec)
    return spec


def remembered(chain: Chain, spec: MarketSpec, keep: bool) -> Journal:
    """Return what is known of the market's holders, and let the chain keep its answers."""
    from protocols.journal import Journal
    from risk.cli.connection import cache_folder, open_journal

    folder = cache_folder(chain.chain_id) if keep else None
    if not folder:
        return Journal()
    chain.keep_answers(folder / "answers")
    return open_journal(chain, spec, folder)


def at_block(chain: Chain, which: str, read: Callable[[Header], T]) -> T:
    """Return what ``read`` reads at a block, from the start again when it leaves the chain meanwhile."""
    from abis.errors import Reorganised

    for _ in range(_RESTARTS):
        header = chain.block(which)
        try:
            return read(header)
        except Reorganised as error:
            typer.echo(f"Starting over: {error.message}", err=True)
            last = error
    raise last


def summarise(taken: Snapshot, requests: int) -> None:
    """Say on stderr what was read."""
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
