"""Strategies for whole snapshots, under the rules of any release."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

from hypothesis import strategies as st

from abis.findings import Finding, FindingKind, Severity
from protocols.change_rules import ChangeRule, ChangeRules, StepKind
from protocols.liquidation_rules import LiquidationRules
from protocols.releases import releases_of, rules_of
from protocols.snapshot import BaseCurrency, Block, Book, Completeness, Market, Reserve, Snapshot
from risk.testing.books import MAX_ACCOUNTS, amounts_raw, books
from risk.testing.reserves import MAX_RESERVES, address, emode_tables, reserve_tables, symbols

BASES = (
    BaseCurrency("USD", 10**8, Decimal(1)),
    BaseCurrency("ETH", 10**18, Decimal("1719.89763743")),
)
MAX_CHAIN_ID = 2**31
MAX_BLOCK = 10**9
MAX_TIMESTAMP_S = 2**32
MAX_FINDINGS = 3


def liquidation_rules(family: str = "aave") -> st.SearchStrategy[LiquidationRules]:
    """Return a strategy of the rules of every known release."""
    return st.sampled_from([rules_of(family, version) for version in releases_of(family)])


@st.composite
def snapshots(
    draw: st.DrawFn,
    rules: st.SearchStrategy[LiquidationRules] | None = None,
    max_reserves: int = MAX_RESERVES,
    max_accounts: int = MAX_ACCOUNTS,
) -> Snapshot:
    """Draw a snapshot whose totals cover its book.

    Parameters
    ----------
    rules : strategy, optional
        Of the liquidation rules; those of every release by default.
    max_reserves, max_accounts : int
        Largest tables drawn.
    """
    own_rules = draw(liquidation_rules() if rules is None else rules)
    base = draw(st.sampled_from(BASES))
    listed = draw(reserve_tables(max_size=max_reserves, base_unit_raw=base.unit_raw))
    emodes = draw(emode_tables(listed))
    book = draw(books(listed, own_rules, emodes, max_accounts))
    timestamp_s = draw(st.integers(1, MAX_TIMESTAMP_S))
    return Snapshot(
        market=draw(_markets(own_rules.version)),
        block=Block(draw(st.integers(0, MAX_BLOCK)), draw(_hashes()), timestamp_s),
        base=base,
        rules=own_rules,
        change_rules=draw(change_rules()),
        reserves=tuple(
            replace(_with_totals(draw, r, i, book), last_update_s=draw(st.integers(0, timestamp_s)))
            for i, r in enumerate(listed)
        ),
        emodes=emodes,
        book=book,
        completeness=draw(_completeness(book, len(listed))),
        findings=tuple(draw(st.lists(_findings(), max_size=MAX_FINDINGS))),
    )


@st.composite
def change_rules(draw: st.DrawFn) -> ChangeRules:
    """Draw bounds on changes, some with a subject, some for every one."""
    rule = st.builds(
        ChangeRule,
        parameter=st.sampled_from(["ltv_bps", "liquidation_threshold_bps", "supply_cap_tokens"]),
        subject=st.just("*") | st.integers(0, MAX_RESERVES - 1).map(address),
        grid=st.integers(1, 100),
        step_kind=st.sampled_from(StepKind),
        max_step=st.integers(0, 10_000),
        min_delay_s=st.integers(0, 10**6),
        last_change_s=st.none() | st.integers(0, MAX_TIMESTAMP_S),
        source=symbols(),
    )
    return ChangeRules(tuple(draw(st.lists(rule, max_size=3))), draw(st.booleans()))


def found_raw(book: Book, reserve: int, side: str, scaled: bool = False) -> int:
    """Return the sum of a reserve's entries on ``side`` (``supply`` or ``debt``), smallest units."""
    block = book.collateral if side == "supply" else book.debt
    amounts = block.scaled_raw if scaled else block.amount_raw
    return sum(int(v) for v in amounts[block.reserve == reserve])


def _with_totals(draw: st.DrawFn, reserve: Reserve, index: int, book: Book) -> Reserve:
    others = draw(st.just(0) | amounts_raw(reserve.decimals))
    debt = found_raw(book, index, "debt")
    supply = found_raw(book, index, "supply") + others
    return replace(
        reserve,
        total_supply_raw=max(supply, debt),
        total_debt_raw=debt,
        available_liquidity_raw=max(supply - debt, 0),
    )


@st.composite
def _completeness(draw: st.DrawFn, book: Book, n_reserves: int) -> tuple[Completeness, ...]:
    rows = []
    for reserve, side in _sides(n_reserves):
        found = found_raw(book, reserve, side, scaled=True)
        missing = draw(st.sampled_from([0, 0, 1, 10**18]))
        rows.append(Completeness(reserve, side, found, found + missing, missing / 10**18))
    return tuple(rows)


def _sides(n_reserves: int) -> Iterable[tuple[int, str]]:
    return ((reserve, side) for reserve in range(n_reserves) for side in ("supply", "debt"))


def _markets(version: str) -> st.SearchStrategy[Market]:
    return st.builds(
        Market,
        name=symbols(),
        protocol=st.just(f"aave_v{version[0]}"),
        version=st.just(version),
        chain_id=st.integers(1, MAX_CHAIN_ID),
        addresses=st.dictionaries(st.sampled_from(["pool", "oracle"]), st.integers(0, 99).map(address)).map(
            MappingProxyType
        ),
    )


def _hashes() -> st.SearchStrategy[str]:
    return st.integers(0, 2**256 - 1).map(lambda n: f"0x{n:064x}")


def _findings() -> st.SearchStrategy[Finding]:
    return st.builds(
        Finding,
        kind=st.sampled_from(FindingKind),
        severity=st.sampled_from(Severity),
        subject=st.text(max_size=12),
        message=st.text(max_size=20),
        value_usd=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        remedy=st.text(max_size=8),
    )
