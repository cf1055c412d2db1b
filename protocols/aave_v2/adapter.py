"""From an Aave v2 market on the chain to a `Snapshot`, everything at one pinned block."""

from __future__ import annotations

from dataclasses import replace

from abis.calls import topic
from abis.chain import Chain, Header, Progress, silent
from abis.findings import Finding, ranked
from protocols.aave_v2.addresses import Addresses, read_addresses, read_release
from protocols.aave_v2.base import base_currency, read_probes
from protocols.aave_v2.closing import with_close_factor
from protocols.aave_v2.reserves import V2_LAYOUT, check_totals, read_pauses, with_pauses
from protocols.aave_v3.book import build_book, completeness_of, read_accounts, read_balances
from protocols.aave_v3.holders import read_holders
from protocols.aave_v3.prices import read_quotes
from protocols.aave_v3.reserves import ListedReserve, listed_reserves, read_assets, read_facts
from protocols.aave_v3.self_check import read_sample, sample_findings
from protocols.aave_v3.stable_debt import stable_findings
from protocols.aave_v3.versions import rules_for
from protocols.change_rules import ChangeRules
from protocols.discovery import TRANSFER
from protocols.journal import Journal
from protocols.registry import MarketSpec
from protocols.snapshot import BaseCurrency, Block, Market, Snapshot

# ILendingPool.sol, IAToken.sol and both debt tokens: all name the holder in the second
# indexed argument.  The supply token's own Mint does not; its Transfer from nobody does.
_EVENTS = (
    topic("Deposit(address,address,address,uint256,uint16)"),
    topic("Borrow(address,address,address,uint256,uint256,uint256,uint16)"),
    TRANSFER,
    topic("BalanceTransfer(address,address,uint256,uint256)"),
    topic("Mint(address,address,uint256,uint256)"),
    topic("Mint(address,address,uint256,uint256,uint256,uint256,uint256,uint256)"),
)


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
        The market; its address is the LendingPool or the addresses provider.
    block : Header
        The block everything is read at.
    progress : callable
        Told of the phases ``reserves``, ``events``, ``accounts`` and ``balances``.
    journal : Journal, optional
        What earlier scans of the events found; extended by what is read.

    Raises
    ------
    NotAMarket
        If the address is no Aave v2 market at that block.
    UnsupportedVersion
        If its release, its base currency or that currency's price is not known.
    BlockUnavailable, Reorganised, ChainError
        If the block cannot be read, or left the chain meanwhile.
    """
    findings: list[Finding] = []
    progress("reserves", 0, 1)
    addresses = chain.run(block, read_addresses(spec, block))
    version, base, listed = _parameters(chain, spec, addresses, block, findings)
    rules = with_close_factor(rules_for(version), addresses.collateral_manager, findings)
    progress("reserves", len(listed), len(listed))
    holders = read_holders(
        chain, spec, addresses.pool, listed, block, progress, journal or Journal(), _EVENTS
    )
    accounts = read_accounts(chain, addresses.pool, holders, block, progress, with_emodes=False)
    balances, sample = chain.together(
        block,
        read_balances(listed, holders, accounts, rules, block, findings),
        read_sample(addresses.pool, accounts),
        progress=progress,
        phase="balances",
    )
    completeness = completeness_of(listed, balances, base, findings)
    findings += stable_findings(listed, balances.owed_stable_raw)
    snapshot = Snapshot(
        market=Market(spec.name, spec.protocol, version, chain.chain_id, addresses.to_mapping()),
        block=Block(block.number, block.hash, block.timestamp_s),
        base=base,
        rules=rules,
        change_rules=ChangeRules(),  # risk stewards came with v3
        reserves=tuple(r.reserve for r in listed),
        emodes=(),
        book=build_book(listed, (), accounts, balances, rules),
        completeness=completeness,
    )
    findings += sample_findings(sample, snapshot)
    chain.confirm(block)
    return replace(snapshot, findings=tuple(ranked(findings)))


def _parameters(
    chain: Chain, spec: MarketSpec, addresses: Addresses, block: Header, findings: list[Finding]
) -> tuple[str, BaseCurrency, tuple[ListedReserve, ...]]:
    """Return release, base currency and reserves."""
    pool, oracle = addresses.pool, addresses.oracle
    version, probes, assets = chain.together(
        block,
        read_release(pool, spec, block, findings),
        read_probes(oracle, spec.base_usd_feed),
        read_assets(pool),
    )
    facts, quotes, pauses = chain.together(
        block,
        read_facts(pool, assets, version, V2_LAYOUT),
        read_quotes(oracle, assets, findings),
        read_pauses(addresses, assets),
    )
    listed = with_pauses(listed_reserves(facts, quotes, rules_for(version), block, findings), pauses)
    chain.run(block, check_totals(listed, findings))
    base = base_currency(probes, oracle, [r.reserve for r in listed], block, findings)
    return version, base, listed
