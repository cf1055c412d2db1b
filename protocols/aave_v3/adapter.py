"""From an Aave v3 market on the chain to a `Snapshot`, everything at one pinned block."""

from __future__ import annotations

from dataclasses import replace

from abis.chain import Chain, Header, Progress, silent
from abis.findings import Finding, ranked
from protocols.aave_v3.addresses import Addresses, check_provider, read_addresses, read_version
from protocols.aave_v3.book import (
    build_book,
    completeness_of,
    read_accounts,
    read_balances,
)
from protocols.aave_v3.categories import emodes_of, in_use, price_sources, read_categories
from protocols.aave_v3.discounts import discount_findings
from protocols.aave_v3.holders import read_holders
from protocols.aave_v3.prices import read_base_currency, read_quotes
from protocols.aave_v3.reserves import ListedReserve, listed_reserves, read_assets, read_facts
from protocols.aave_v3.self_check import read_sample, sample_findings
from protocols.aave_v3.stable_debt import stable_findings
from protocols.aave_v3.stewards import read_change_rules
from protocols.aave_v3.versions import rules_for
from protocols.journal import Journal
from protocols.registry import MarketSpec
from protocols.snapshot import BaseCurrency, Block, EMode, Market, Snapshot


def read_market(
    chain: Chain,
    spec: MarketSpec,
    block: Header,
    progress: Progress = silent,
    journal: Journal | None = None,
) -> Snapshot:
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
    journal : Journal, optional
        What earlier scans of the events found; extended by what is read.

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
    addresses = chain.run(block, read_addresses(spec, block))
    version, base, listed, emodes = _parameters(chain, spec, addresses, block, findings)
    rules = rules_for(version)
    reserves = tuple(r.reserve for r in listed)
    bounds = read_change_rules(chain, spec.steward, addresses, reserves, emodes, block, findings)
    progress("reserves", len(listed), len(listed))
    holders = read_holders(chain, spec, addresses.pool, listed, block, progress, journal or Journal())
    accounts = read_accounts(chain, addresses.pool, holders, block, progress)
    balances, sample = chain.together(
        block,
        read_balances(listed, holders, accounts, rules, block, findings),
        read_sample(addresses.pool, accounts),
        progress=progress,
        phase="balances",
    )
    completeness = completeness_of(listed, balances, base, findings)
    findings += stable_findings(listed, balances.owed_stable_raw)
    owed, rounding = balances.owed_scaled_raw, rules.debt_balance_rounding
    findings += discount_findings(chain, listed, owed, rounding, base, block)
    snapshot = Snapshot(
        market=Market(spec.name, spec.protocol, version, chain.chain_id, addresses.to_mapping()),
        block=Block(block.number, block.hash, block.timestamp_s),
        base=base,
        rules=rules,
        change_rules=bounds,
        reserves=reserves,
        emodes=emodes,
        book=build_book(listed, emodes, accounts, balances, rules),
        completeness=completeness,
    )
    findings += sample_findings(sample, snapshot)
    chain.confirm(block)
    return replace(snapshot, findings=tuple(ranked(findings)))


def _parameters(
    chain: Chain, spec: MarketSpec, addresses: Addresses, block: Header, findings: list[Finding]
) -> tuple[str, BaseCurrency, tuple[ListedReserve, ...], tuple[EMode, ...]]:
    """Return release, base currency, reserves and categories."""
    pool = addresses.pool
    _, version, base, assets = chain.together(
        block,
        check_provider(addresses, block),
        read_version(pool, block, findings, spec.release),
        read_base_currency(addresses.oracle),
        read_assets(pool),
    )
    facts, quotes, categories = chain.together(
        block,
        read_facts(pool, assets, version),
        read_quotes(addresses.oracle, assets, findings),
        read_categories(pool, version),
    )
    listed = listed_reserves(facts, quotes, rules_for(version), block, findings)
    used = in_use(categories, [r.reserve.emode_category for r in listed])
    sources = price_sources(used)
    priced = chain.run(block, read_quotes(addresses.oracle, sources, findings)) if sources else []
    own = dict(zip(sources, priced, strict=True))
    emodes = emodes_of(used, [r.reserve for r in listed], findings, own)
    return version, base, listed, emodes
