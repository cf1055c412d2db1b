"""Reads every account's position and proves that nothing is missing.

The user word tells what backs debt and what is borrowed.  Supplied amounts that back
nothing are not in it, so a supply token is asked for every account its events named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from abis.calls import Call
from abis.chain import Chain, Header, Progress, Reading
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v3.accrual import balance_raw
from protocols.aave_v3.configuration import UserConfiguration, decode_user_configuration
from protocols.aave_v3.emode import backs_debt, call_price_emode, effective, price_emode
from protocols.aave_v3.reserves import ListedReserve
from protocols.aave_v3.stable_debt import Pair, stable_balances, stable_calls
from protocols.discovery import Holders
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.liquidation_rules import LiquidationRules
from protocols.snapshot import BaseCurrency, Book, Completeness, EMode

_SCALED = "scaledBalanceOf(address)(uint256)"


@dataclass(frozen=True, slots=True)
class Accounts:
    """User words and categories of the accounts found."""

    words: Mapping[str, UserConfiguration]
    emode: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Balances:
    """Amounts by account and reserve: scaled ones, and stable-rate debt as it stands."""

    supplied_scaled_raw: Mapping[Pair, int]
    owed_scaled_raw: Mapping[Pair, int]
    owed_stable_raw: Mapping[Pair, int]


def read_accounts(
    chain: Chain, pool: str, holders: Holders, block: Header, progress: Progress, *, with_emodes: bool = True
) -> Accounts:
    """Return the user word and the e-mode category (0 where there are none) of every account found."""
    found = holders.accounts
    getters = ["getUserConfiguration(address)(uint256)"]
    if with_emodes:
        getters.append("getUserEMode(address)(uint256)")
    calls = [Call(pool, getter, (account,)) for getter in getters for account in found]
    answers = chain.read(calls, block, progress, "accounts")
    words, emodes = answers[: len(found)], answers[len(found) :] or [0] * len(found)
    return Accounts(
        words={a: decode_user_configuration(w) for a, w in zip(found, words, strict=True)},
        emode=dict(zip(found, emodes, strict=True)),
    )


def read_balances(
    listed: Sequence[ListedReserve],
    holders: Holders,
    accounts: Accounts,
    rules: LiquidationRules,
    block: Header,
    findings: list[Finding],
) -> Reading[Balances]:
    """Return all balances that are not zero."""
    place = {r.reserve.id: i for i, r in enumerate(listed)}
    enabled = set(_pairs(accounts, "collateral", place, findings))
    named = {(account, i) for i, r in enumerate(listed) for account in holders.of(r.reserve.a_token)}
    borrowed = sorted(set(_pairs(accounts, "borrowing", place, findings)))
    supplied = sorted(enabled | named)
    stable = [(account, i) for account, i in borrowed if listed[i].stable_debt_token]
    answers = yield [
        *(Call(listed[i].reserve.a_token, _SCALED, (account,)) for account, i in supplied),
        *(Call(listed[i].reserve.debt_token, _SCALED, (account,)) for account, i in borrowed),
        *stable_calls(listed, stable),
    ]
    split = len(supplied), len(supplied) + len(borrowed)
    at_s, series = block.timestamp_s, rules.debt_accrual
    return Balances(
        _nonzero(supplied, answers[: split[0]]),
        _nonzero(borrowed, answers[split[0] : split[1]]),
        stable_balances(listed, stable, answers[split[1] :], at_s, series, findings),
    )


def build_book(
    listed: Sequence[ListedReserve],
    emodes: Sequence[EMode],
    accounts: Accounts,
    balances: Balances,
    rules: LiquidationRules,
) -> Book:
    """Return the book of every account that holds or owes something."""
    categories = {e.id: e for e in emodes}
    owed = balances.owed_scaled_raw.keys() | balances.owed_stable_raw.keys()
    present = {account for account, _ in balances.supplied_scaled_raw.keys() | owed}
    return book_of(
        {account: accounts.emode[account] for account in present},
        [
            _collateral(account, i, scaled, listed[i], accounts, categories, rules)
            for (account, i), scaled in balances.supplied_scaled_raw.items()
        ],
        [
            _debt(account, i, listed[i], balances, categories.get(accounts.emode[account]), rules)
            for account, i in owed
        ],
    )


def completeness_of(
    listed: Sequence[ListedReserve], balances: Balances, base: BaseCurrency, findings: list[Finding]
) -> tuple[Completeness, ...]:
    """Return, per reserve and side, what was found of the token's total; gaps become findings."""
    rows = []
    for i, r in enumerate(listed):
        sides = (
            ("supply", balances.supplied_scaled_raw, r.scaled_supply_raw, r.reserve.liquidity_index_ray),
            ("debt", balances.owed_scaled_raw, r.scaled_debt_raw, r.reserve.variable_borrow_index_ray),
        )
        for side, found, total, index_ray in sides:
            found_raw = sum(scaled for (_, k), scaled in found.items() if k == i)
            per_raw_usd = r.reserve.price_raw * base.usd_per_raw / 10**r.reserve.decimals
            row = Completeness(
                reserve=i,
                side=side,
                found_scaled_raw=found_raw,
                total_scaled_raw=total,
                missing_usd=(total - found_raw) * index_ray // 10**27 * per_raw_usd,
            )
            rows.append(row)
            if row.missing_scaled_raw:
                findings.append(_gap(row, r))
    return tuple(rows)


def _pairs(
    accounts: Accounts, kind: str, place: Mapping[int, int], findings: list[Finding]
) -> Iterator[Pair]:
    for account, word in accounts.words.items():
        for reserve_id in getattr(word, kind):
            if reserve_id in place:
                yield account, place[reserve_id]
            else:
                findings.append(
                    Finding(
                        FindingKind.INCONSISTENT,
                        Severity.MEDIUM,
                        account,
                        f"The account's word has a {kind} bit for reserve {reserve_id}, which is not listed.",
                    )
                )


def _nonzero(pairs: Sequence[Pair], amounts: Sequence[int]) -> dict[Pair, int]:
    return {pair: amount for pair, amount in zip(pairs, amounts, strict=True) if amount}


def _collateral(
    account: str,
    i: int,
    scaled_raw: int,
    listed: ListedReserve,
    accounts: Accounts,
    categories: Mapping[int, EMode],
    rules: LiquidationRules,
) -> CollateralEntry:
    reserve = listed.reserve
    category = categories.get(accounts.emode[account])
    in_force = effective(reserve, i, category, rules.version)
    enabled = reserve.id in accounts.words[account].collateral
    return CollateralEntry(
        account=account,
        reserve=i,
        amount_raw=balance_raw(scaled_raw, reserve.liquidity_index_ray, rules.supply_balance_rounding),
        scaled_raw=scaled_raw,
        threshold_bps=in_force.threshold_bps,
        ltv_bps=in_force.ltv_bps,
        bonus_bps=in_force.bonus_bps,
        counted=backs_debt(reserve, enabled, rules.version),
        price_emode=price_emode(reserve, category, rules.version),
    )


def _debt(
    account: str,
    i: int,
    listed: ListedReserve,
    balances: Balances,
    category: EMode | None,
    rules: LiquidationRules,
) -> DebtEntry:
    scaled_raw = balances.owed_scaled_raw.get((account, i), 0)
    stable_raw = balances.owed_stable_raw.get((account, i), 0)
    variable_raw = balance_raw(
        scaled_raw, listed.reserve.variable_borrow_index_ray, rules.debt_balance_rounding
    )
    return DebtEntry(
        account=account,
        reserve=i,
        amount_raw=variable_raw + stable_raw,
        scaled_raw=scaled_raw,
        price_emode=price_emode(listed.reserve, category, rules.version),
        call_price_emode=call_price_emode(category, rules.version),
        stable_raw=stable_raw,
    )


def _gap(row: Completeness, listed: ListedReserve) -> Finding:
    share = abs(row.missing_scaled_raw) / max(row.total_scaled_raw, 1)
    severity = Severity.HIGH if share >= 0.01 else Severity.MEDIUM if share >= 0.0001 else Severity.LOW
    more = row.missing_scaled_raw < 0
    index_ray = (
        listed.reserve.liquidity_index_ray
        if row.side == "supply"
        else listed.reserve.variable_borrow_index_ray
    )
    tokens = abs(row.missing_scaled_raw) * index_ray / 10**27 / 10**listed.reserve.decimals
    return Finding(
        FindingKind.INCONSISTENT if more else FindingKind.MISSING,
        Severity.HIGH if more else severity,
        listed.reserve.symbol or listed.reserve.asset,
        f"The accounts found hold {row.found_scaled_raw} of {row.total_scaled_raw} scaled units of the "
        f"{row.side} side: {share:.4%} {'too much' if more else 'missing'}, "
        f"{tokens:,.6g} tokens or {abs(row.missing_usd):,.2f} USD.",
        value_usd=abs(row.missing_usd),
        remedy="Read with --no-cache, from an earlier first block, or from a node that serves all logs.",
    )
