"""``breakwater oracle trace``: how prices are made, read from the chain."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import typer

from risk.cli.chain_options import BlockChoice, RegistryFile, RpcUrls

if TYPE_CHECKING:
    from abis.chain import Chain, Header, Progress
    from oracles.trace import Asset
    from oracles.traced import Trace
    from protocols.registry import MarketSpec

PHASES = MappingProxyType({"sources": "Price sources", "checks": "Prices checked"})

_HELP = """Show how prices are made: feeds, adapters, caps and ratios, read from the chain at one block.

MARKET is a market's name or aave-v3:0xPoolAddressesProvider. A bare 0x address is a price source, or an \
AaveOracle with the assets in --asset.

What a contract is taken for is checked: its answer must follow to the unit from its parts, and it must \
read no contract beside them. What fails, or is not known, is shown as not recognised.

Examples:

  breakwater oracle trace aave-v3-ethereum --rpc https://rpc.example/KEY

  breakwater oracle trace aave-v3-ethereum --asset wstETH --asset weETH --feed eth-usd.toml

  breakwater oracle trace 0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419 --json
"""


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command("trace", help=_HELP, no_args_is_help=True)(trace)


def trace(
    market: Annotated[str, typer.Argument(help="A market, an oracle or a price source.")],
    rpc: RpcUrls = None,
    asset: Annotated[
        list[str] | None,
        typer.Option("--asset", help="Symbol or address; all of the market if none.", show_default=False),
    ] = None,
    block: BlockChoice = "",
    feed: Annotated[
        list[Path] | None,
        typer.Option("--feed", help="Feed file (see oracle fit); may be given often.", show_default=False),
    ] = None,
    registry: RegistryFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON with raw values.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 on a finding of medium severity or worse.")
    ] = False,
) -> None:
    """Show how prices are made."""
    from abis.errors import LimitBroken
    from abis.findings import Severity
    from oracles.headroom import read_growth
    from oracles.trace_settings import read_stated, settings_of
    from risk.cli.blocks import block_choice, default_block
    from risk.cli.connection import open_chain
    from risk.cli.market_reading import spec_of
    from risk.cli.oracle_series import sha256_of
    from risk.cli.oracle_trace_json import trace_json
    from risk.cli.oracle_trace_tree import print_trace
    from risk.cli.progress import reporting
    from risk.report.formats import plural

    which = block_choice(block)
    stated = read_stated(feed or [])
    is_address = market.strip().lower().startswith("0x")
    spec = None if is_address else spec_of(market, registry)
    chain = open_chain(rpc or [], False, 4, 0.0)
    chain_id = chain.connect(spec.chain_id if spec else None)
    header = chain.block(which or default_block(chain_id))
    with reporting(PHASES) as report:
        traced = _traced(chain, header, spec, market, asset or [], report)
    known = settings_of(traced, stated)
    growth = read_growth(chain, header, traced.sources().values())
    if as_json:
        inputs = {"market": market, "feeds": {path.name: sha256_of(path) for path in feed or []}}
        typer.echo(trace_json(inputs, traced, growth, known), nl=False)
    else:
        print_trace(market, traced, growth, known)
    talk(traced, chain.requests)
    grave = [f for f in traced.findings if f.severity >= Severity.MEDIUM]
    if strict and grave:
        raise LimitBroken(
            f"the prices have {plural(len(grave), 'finding')} of medium severity or worse.",
            remedy="Look at them above, or leave --strict away.",
        )


def _traced(
    chain: Chain, header: Header, spec: MarketSpec | None, text: str, wanted: list[str], report: Progress
) -> Trace:
    from oracles.trace import trace_market, trace_source
    from protocols.registry import checksummed_address

    if spec is not None:
        return trace_of(chain, header, spec, wanted, report)
    address = checksummed_address(text.strip())
    if not wanted:
        return trace_source(chain, header, address, report)
    named = _with_symbols(chain, header, [checksummed_address(each.strip()) for each in wanted])
    return trace_market(chain, header, address, named, report)


def trace_of(chain: Chain, header: Header, spec: MarketSpec, wanted: list[str], report: Progress) -> Trace:
    """Return how a market's prices are made at a block, of the assets wanted or of all.

    Raises
    ------
    UnknownAsset
        If the market does not list an asset wanted.
    """
    from oracles.trace import trace_market

    oracle, assets = _market_assets(chain, header, spec)
    return trace_market(chain, header, oracle, _chosen(assets, wanted), report)


def _market_assets(chain: Chain, header: Header, spec: MarketSpec) -> tuple[str, list[Asset]]:
    """Return the market's oracle and its listed assets."""
    from abis.calls import Call
    from protocols.registry import read_pool_and_oracle

    pool, oracle = read_pool_and_oracle(chain, spec, header)
    (listed,) = chain.read([Call(pool, "getReservesList()(address[])")], header)
    return oracle, _with_symbols(chain, header, list(listed))


def _with_symbols(chain: Chain, header: Header, addresses: list[str]) -> list[Asset]:
    from abis.calls import Call
    from oracles.recognise import text_of
    from oracles.trace import Asset

    texts = chain.read([Call(a, "symbol()", optional=True) for a in addresses], header)
    return [Asset(a, text_of(text)) for a, text in zip(addresses, texts, strict=True)]


def _chosen(assets: list[Asset], wanted: list[str]) -> list[Asset]:
    """Return the assets named by symbol or address, or all; UnknownAsset if one is not listed."""
    from abis.errors import UnknownAsset
    from risk.report.formats import label

    if not wanted:
        return assets
    for name in wanted:
        if not any(name.strip().lower() in (a.symbol.lower(), a.address.lower()) for a in assets):
            listed = ", ".join(label(a.symbol) or a.address for a in assets)
            raise UnknownAsset(f"the market does not list '{name}'.", remedy=f"It lists {listed}.")
    keys = {name.strip().lower() for name in wanted}
    return [a for a in assets if a.symbol.lower() in keys or a.address.lower() in keys]


def talk(traced: Trace, requests: int) -> None:
    """Say on stderr what was traced."""
    from risk.report.formats import label, plural

    for finding in traced.findings:
        severity = finding.severity.name.lower()
        typer.echo(f"  {severity}: {label(finding.subject)}: {label(finding.message, 400)}", err=True)
    checks = " and ".join(traced.checks) or "nothing"
    typer.echo(
        f"{plural(len(traced.prices), 'price')} from {plural(len(traced.sources()), 'source')} at block "
        f"{traced.block_number}, held against {checks}; {plural(len(traced.findings), 'finding')}, "
        f"{plural(requests, 'request')}.",
        err=True,
    )
