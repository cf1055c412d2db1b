"""From an Aave v3 market on the chain to a `Snapshot`, everything at one pinned block."""

from __future__ import annotations

from abis.chain import Chain, Header, Progress, silent
from abis.findings import Finding, ranked
from protocols.aave_v3.addresses import ZERO, read_addresses, read_version
from protocols.aave_v3.book import (
    build_book,
    completeness_of,
    read_accounts,
    read_balances,
    stable_findings,
)
from protocols.aave_v3.categories import read_emodes
from protocols.aave_v3.governance import default_change_rules
from protocols.aave_v3.prices import read_base_currency
from protocols.aave_v3.reserves import ListedReserve, read_reserves
from protocols.aave_v3.versions import rules_for
from protocols.discovery import Holders, deployment_block, find_holders
from protocols.registry import MarketSpec
from protocols.snapshot import Block, Market, Snapshot


def read_market(chain: Chain, spec: MarketSpec, block: Header, progress: Progress = silent) -> Snapshot:
    """Return the market at ``block``.

    Parameters
    ----------
    chain : Chain
        A connected endpoint.
    spec : MarketSpec
        The market; its address is the PoolAddressesProvider.
    block : Header
        The block everything is read at.
    progress : callable
        Told of the phases ``reserves``, ``events``, ``accounts`` and ``balances``.

    Raises
    ------
    NotAMarket
        If the address is no Aave v3 market at that block.
    UnsupportedVersion
        If its release has no known rules.
    BlockUnavailable, Reorganised, ChainError
        If the block cannot be read, or left the chain meanwhile.
    """
    findings: list[Finding] = []
    progress("reserves", 0, 1)
    addresses = read_addresses(chain, spec, block)
    version = read_version(chain, addresses.pool, block, findings)
    rules = rules_for(version)
    base = read_base_currency(chain, addresses.oracle, block)
    listed = read_reserves(chain, addresses, version, rules, block, findings)
    reserves = tuple(r.reserve for r in listed)
    emodes = read_emodes(chain, addresses.pool, version, reserves, block, findings)
    progress("reserves", len(listed), len(listed))
    holders = _holders(chain, spec, addresses.pool, listed, block, progress)
    accounts = read_accounts(chain, addresses.pool, holders, block, progress)
    balances = read_balances(chain, listed, holders, accounts, block, progress, findings)
    completeness = completeness_of(listed, balances, base, findings)
    findings += stable_findings(listed, balances)
    chain.confirm(block)
    return Snapshot(
        market=Market(spec.name, spec.protocol, version, chain.chain_id, addresses.to_mapping()),
        block=Block(block.number, block.hash, block.timestamp_s),
        base=base,
        rules=rules,
        change_rules=default_change_rules(),
        reserves=reserves,
        emodes=emodes,
        book=build_book(listed, emodes, accounts, balances, rules),
        completeness=completeness,
        findings=tuple(ranked(findings)),
    )


def _holders(
    chain: Chain,
    spec: MarketSpec,
    pool: str,
    listed: tuple[ListedReserve, ...],
    block: Header,
    progress: Progress,
) -> Holders:
    first = spec.first_block
    if first is None:
        first = deployment_block(chain, spec.address, block)
    tokens = [t for r in listed for t in (r.reserve.a_token, r.reserve.debt_token) if t != ZERO]
    tokens += [r.stable_debt_token for r in listed if r.stable_debt_token]
    return find_holders(chain, pool, tokens, range(first, block.number + 1), progress)
