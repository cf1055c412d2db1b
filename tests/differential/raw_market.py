"""Reads an Aave market of any release word by word and builds exact positions, without any adapter.

Everything is read at one block; positions are evaluated at any later time, as the block
that will hold a liquidation sees them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from examples.localchain.chain import LocalChain
from examples.localchain.contracts import Contract
from examples.localchain.market import Market, MarketReserve
from protocols.aave_v3.accrual import balance_raw, debt_index_ray, stable_debt_raw, supply_index_ray
from protocols.aave_v3.configuration import (
    ReserveConfiguration,
    decode_configuration,
    decode_user_configuration,
)
from protocols.aave_v3.emode import backs_debt, call_price_emode, effective, price_emode
from protocols.aave_v3.versions import rules_for, since
from protocols.liquidation_rules import LiquidationRules
from protocols.position import AccountData, CollateralLeg, DebtLeg, Position
from protocols.snapshot import EMode

ZERO_ADDRESS = "0x" + "00" * 20

Call = tuple[Contract, str, tuple[Any, ...]]


class World(Protocol):
    """A running market: the demo's, or one of random accounts."""

    @property
    def chain(self) -> LocalChain:
        """The chain."""

    @property
    def market(self) -> Market:
        """The market's contracts."""


@dataclass(frozen=True, slots=True)
class RawReserve:
    """One reserve as stored: decoded word, indices and rates (ray), last update, price."""

    symbol: str
    id: int
    configuration: ReserveConfiguration
    supply_index_ray: int
    supply_rate_ray: int
    debt_index_ray: int
    debt_rate_ray: int
    last_update_s: int
    price_raw: int


@dataclass(frozen=True, slots=True)
class RawAccount:
    """One account as stored; scaled amounts per reserve, in the order of the reserves.

    Stable-rate debts are (principal, rate in ray, time of the last update), one per reserve
    in the releases that have them.
    """

    address: str
    word: int
    emode: int
    supplied_scaled: tuple[int, ...]
    borrowed_scaled: tuple[int, ...]
    stable: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class RawMarket:
    """The reserves in the order of their ids, and the categories."""

    version: str
    reserves: tuple[RawReserve, ...]
    categories: Mapping[int, EMode]

    @property
    def rules(self) -> LiquidationRules:
        """The rules of the market's release."""
        return rules_for(self.version)


def read_all(world: World, calls: Iterable[Call], tag: str = "latest") -> list[Any]:
    """Return the decoded answers of many calls at one block."""
    listed = list(calls)
    body = [
        [{"to": contract.address, "data": contract.encode(name, *arguments)}, tag]
        for contract, name, arguments in listed
    ]
    answers = world.chain.node.rpc.batch("eth_call", body)
    return [
        contract.decode(name, len(arguments), answer)
        for (contract, name, arguments), answer in zip(listed, answers, strict=True)
    ]


def read_market(world: World, tag: str = "latest") -> RawMarket:
    """Read every reserve and category at one block."""
    pool, oracle = world.market.pool, world.market.oracle
    listed = list(world.market.reserves.values())
    assets = [each.underlying.address for each in listed]
    data = read_all(world, [(pool, "getReserveData", (a,)) for a in assets], tag)
    words = read_all(world, [(pool, "getConfiguration", (a,)) for a in assets], tag)
    prices = read_all(world, [(oracle, "getAssetPrice", (a,)) for a in assets], tag)
    version = world.market.version
    reserves = [
        _reserve(version, each, *read) for each, *read in zip(listed, data, words, prices, strict=True)
    ]
    in_order = tuple(sorted(reserves, key=lambda r: r.id))
    return RawMarket(version, in_order, _categories(world, tag))


def repriced(world: World, market: RawMarket) -> RawMarket:
    """Read the prices of reserves again, after a move that changed nothing else."""
    assets = [world.market.reserves[reserve.symbol].underlying.address for reserve in market.reserves]
    prices = read_all(world, [(world.market.oracle, "getAssetPrice", (asset,)) for asset in assets])
    reserves = [replace(own, price_raw=price) for own, price in zip(market.reserves, prices, strict=True)]
    return replace(market, reserves=tuple(reserves))


def _reserve(
    version: str, each: MarketReserve, data: Sequence[Any], word: Sequence[int], price_raw: int
) -> RawReserve:
    if since(version, "3.0"):
        # DataTypes.ReserveData of aave-v3-core, ReserveDataLegacy from v3.1 on.
        _, supply_index, supply_rate, debt_index, debt_rate, _, last_update, id_, *_ = data
    else:
        # DataTypes.ReserveData of protocol-v2.
        _, supply_index, debt_index, supply_rate, debt_rate, _, last_update, *_, id_ = data
    return RawReserve(
        symbol=each.symbol,
        id=id_,
        configuration=decode_configuration(word[0], version),
        supply_index_ray=supply_index,
        supply_rate_ray=supply_rate,
        debt_index_ray=debt_index,
        debt_rate_ray=debt_rate,
        last_update_s=last_update,
        price_raw=price_raw,
    )


def _categories(world: World, tag: str) -> dict[int, EMode]:
    pool, ids = world.market.pool, [category.id for category in world.market.spec.emodes]
    if since(world.market.version, "3.2"):
        return {i: _listing_category(world, i, tag) for i in ids}
    found = read_all(world, [(pool, "getEModeCategoryData", (i,)) for i in ids], tag)
    return {
        i: EMode(
            i,
            label,
            ltv,
            threshold,
            bonus,
            price_source=source,
            price_raw=read_all(world, [(world.market.oracle, "getAssetPrice", (source,))], tag)[0]
            if source != ZERO_ADDRESS
            else 0,
        )
        for i, (ltv, threshold, bonus, source, label) in zip(ids, found, strict=True)
    }


def _listing_category(world: World, category: int, tag: str) -> EMode:
    parts = ("CollateralConfig", "Label", "CollateralBitmap", "BorrowableBitmap", "LtvzeroBitmap")
    calls = [(world.market.pool, f"getEModeCategory{part}", (category,)) for part in parts]
    (ltv_bps, threshold_bps, bonus_bps), label, *bitmaps = read_all(world, calls, tag)
    collateral, borrowable, ltvzero = (tuple(i for i in range(128) if bitmap >> i & 1) for bitmap in bitmaps)
    return EMode(
        category,
        label,
        ltv_bps,
        threshold_bps,
        bonus_bps,
        collateral=collateral,
        borrowable=borrowable,
        ltvzero=ltvzero,
    )


def read_account(world: World, market: RawMarket, address: str, tag: str = "latest") -> RawAccount:
    """Read the words and balances of one account."""
    return read_accounts(world, market, [address], tag)[0]


def read_accounts(
    world: World, market: RawMarket, addresses: Sequence[str], tag: str = "latest"
) -> list[RawAccount]:
    """Read the words and balances of many accounts."""
    calls = [_account_calls(world, market, address) for address in addresses]
    answers = iter(read_all(world, [call for each in calls for call in each], tag))
    count = len(market.reserves)
    accounts = []
    for address, each in zip(addresses, calls, strict=True):
        (word,), *amounts = (next(answers) for _ in each)
        emode = amounts.pop(0) if since(market.version, "3.0") else 0
        supplied, borrowed, stable = (amounts[:count], amounts[count : 2 * count], amounts[2 * count :])
        debts = tuple(zip(stable[0::3], stable[1::3], stable[2::3], strict=True))
        accounts.append(RawAccount(address, word, emode, tuple(supplied), tuple(borrowed), debts))
    return accounts


def _account_calls(world: World, market: RawMarket, address: str) -> list[Call]:
    pool, listed = world.market.pool, [world.market.reserves[r.symbol] for r in market.reserves]
    who = (address,)
    return [
        (pool, "getUserConfiguration", who),
        *(((pool, "getUserEMode", who),) if since(market.version, "3.0") else ()),
        *((each.a_token, "scaledBalanceOf", who) for each in listed),
        *((each.variable_debt_token, "scaledBalanceOf", who) for each in listed),
        *(
            (each.stable_debt_token, name, who)
            for each in listed
            if each.stable_debt_token
            for name in ("principalBalanceOf", "getUserStableRate", "getUserLastUpdated")
        ),
    ]


def read_account_data(world: World, addresses: Sequence[str], tag: str = "latest") -> list[AccountData]:
    """Return what ``getUserAccountData`` says about each account."""
    pool = world.market.pool
    answers = read_all(world, [(pool, "getUserAccountData", (a,)) for a in addresses], tag)
    return [AccountData(*answer) for answer in answers]


def position_of(market: RawMarket, account: RawAccount, at_s: int) -> Position:
    """Return an account's position at ``at_s``, one leg per reserve and side, also empty ones."""
    enabled = set(decode_user_configuration(account.word).collateral)
    borrowing = set(decode_user_configuration(account.word).borrowing)
    category = market.categories.get(account.emode)
    collateral, debt = [], []
    for i, reserve in enumerate(market.reserves):
        inside = price_emode(reserve.configuration, category, market.version)
        price_raw = market.categories[inside].price_raw if inside else reserve.price_raw
        in_call = call_price_emode(category, market.version)
        call_price_raw = market.categories[in_call].price_raw if in_call else reserve.price_raw
        collateral.append(
            _collateral_leg(i, market, account, price_raw, category, reserve.id in enabled, at_s)
        )
        prices_raw = (price_raw, call_price_raw)
        debt.append(_debt_leg(i, market, account, prices_raw, reserve.id in borrowing, at_s))
    return Position(tuple(collateral), tuple(debt))


def _collateral_leg(
    i: int,
    market: RawMarket,
    account: RawAccount,
    price_raw: int,
    category: EMode | None,
    enabled: bool,
    at_s: int,
) -> CollateralLeg:
    reserve, rules = market.reserves[i], market.rules
    own = reserve.configuration
    index_ray = supply_index_ray(
        reserve.supply_index_ray, reserve.supply_rate_ray, reserve.last_update_s, at_s
    )
    parameters = effective(own, i, category, market.version)
    return CollateralLeg(
        reserve=i,
        balance_raw=balance_raw(account.supplied_scaled[i], index_ray, rules.supply_balance_rounding),
        price_raw=price_raw,
        unit_raw=10**own.decimals,
        threshold_bps=parameters.threshold_bps,
        ltv_bps=parameters.ltv_bps,
        bonus_bps=parameters.bonus_bps,
        protocol_fee_bps=own.liquidation_protocol_fee_bps,
        counted=backs_debt(own, enabled, market.version),
        index_ray=index_ray,
    )


def _debt_leg(
    i: int,
    market: RawMarket,
    account: RawAccount,
    prices_raw: tuple[int, int],
    borrowing: bool,
    at_s: int,
) -> DebtLeg:
    reserve, rules = market.reserves[i], market.rules
    index_ray = debt_index_ray(
        reserve.debt_index_ray, reserve.debt_rate_ray, reserve.last_update_s, at_s, rules.debt_accrual
    )
    scaled = account.borrowed_scaled[i]
    principal, rate, updated_s = account.stable[i] if account.stable else (0, 0, at_s)
    stable_raw = stable_debt_raw(principal, rate, updated_s, at_s, rules.debt_accrual) if principal else 0
    owes = scaled > 0 or principal > 0
    # The bit may outlive the debt: after a v2 liquidation of all of it, or until v3.4 after a
    # repayment that is a unit short and burns everything all the same.
    assert borrowing or not owes, f"{account.address}: owes {reserve.symbol} without a borrow bit"
    return DebtLeg(
        reserve=i,
        balance_raw=balance_raw(scaled, index_ray, rules.debt_balance_rounding) + stable_raw,
        price_raw=prices_raw[0],
        unit_raw=10**reserve.configuration.decimals,
        index_ray=index_ray,
        stable_raw=stable_raw,
        call_price_raw=prices_raw[1],
    )
