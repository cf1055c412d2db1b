"""Reads an Aave v3.0 market word by word and builds exact positions, without any adapter.

Everything is read at one block; positions are evaluated at any later time, as the block
that will hold a liquidation sees them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from examples.demo.world import DemoWorld
from examples.localchain.contracts import Contract
from examples.localchain.market import MarketReserve
from protocols.aave_v3.accrual import balance_raw, debt_index_ray, supply_index_ray
from protocols.aave_v3.configuration import (
    ReserveConfiguration,
    decode_configuration,
    decode_user_configuration,
)
from protocols.aave_v3.emode import backs_debt, effective, effective_price_raw
from protocols.aave_v3.versions import rules_for
from protocols.position import AccountData, CollateralLeg, DebtLeg, Position
from protocols.snapshot import EMode

VERSION = "3.0"
RULES = rules_for(VERSION)
ZERO_ADDRESS = "0x" + "00" * 20

Call = tuple[Contract, str, tuple[Any, ...]]


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
    """One account as stored; scaled amounts per reserve, in the order of the reserves."""

    address: str
    word: int
    emode: int
    supplied_scaled: tuple[int, ...]
    borrowed_scaled: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RawMarket:
    """The reserves in the order of their ids, the categories and their price sources' prices."""

    reserves: tuple[RawReserve, ...]
    categories: Mapping[int, EMode]
    category_price_raw: Mapping[int, int]


def read_all(world: DemoWorld, calls: Iterable[Call], tag: str = "latest") -> list[Any]:
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


def read_market(world: DemoWorld, tag: str = "latest") -> RawMarket:
    """Read every reserve and category at one block."""
    pool, oracle = world.market.pool, world.market.oracle
    listed = list(world.market.reserves.values())
    assets = [each.underlying.address for each in listed]
    data = read_all(world, [(pool, "getReserveData", (a,)) for a in assets], tag)
    words = read_all(world, [(pool, "getConfiguration", (a,)) for a in assets], tag)
    prices = read_all(world, [(oracle, "getAssetPrice", (a,)) for a in assets], tag)
    reserves = [_reserve(each, *read) for each, *read in zip(listed, data, words, prices, strict=True)]
    ids = [category.id for category in world.market.spec.emodes]
    found = read_all(world, [(pool, "getEModeCategoryData", (i,)) for i in ids], tag)
    categories = {
        i: EMode(i, label, ltv, threshold, bonus, price_source=source)
        for i, (ltv, threshold, bonus, source, label) in zip(ids, found, strict=True)
    }
    category_prices = {
        i: read_all(world, [(oracle, "getAssetPrice", (c.price_source,))], tag)[0]
        for i, c in categories.items()
        if c.price_source != ZERO_ADDRESS
    }
    return RawMarket(tuple(sorted(reserves, key=lambda r: r.id)), categories, category_prices)


def _reserve(each: MarketReserve, data: Sequence[Any], word: Sequence[int], price_raw: int) -> RawReserve:
    # DataTypes.ReserveData of aave-v3-core: 15 fields.
    _, supply_index, supply_rate, debt_index, debt_rate, _, last_update, id_, *_ = data
    return RawReserve(
        symbol=each.symbol,
        id=id_,
        configuration=decode_configuration(word[0], VERSION),
        supply_index_ray=supply_index,
        supply_rate_ray=supply_rate,
        debt_index_ray=debt_index,
        debt_rate_ray=debt_rate,
        last_update_s=last_update,
        price_raw=price_raw,
    )


def read_account(world: DemoWorld, market: RawMarket, address: str, tag: str = "latest") -> RawAccount:
    """Read the words and scaled balances of one account."""
    pool, listed = world.market.pool, [world.market.reserves[r.symbol] for r in market.reserves]
    (word,), emode, *scaled = read_all(
        world,
        [
            (pool, "getUserConfiguration", (address,)),
            (pool, "getUserEMode", (address,)),
            *((each.a_token, "scaledBalanceOf", (address,)) for each in listed),
            *((each.variable_debt_token, "scaledBalanceOf", (address,)) for each in listed),
        ],
        tag,
    )
    return RawAccount(address, word, emode, tuple(scaled[: len(listed)]), tuple(scaled[len(listed) :]))


def read_account_data(world: DemoWorld, addresses: Sequence[str], tag: str = "latest") -> list[AccountData]:
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
        price_raw = effective_price_raw(
            reserve.configuration,
            category,
            reserve.price_raw,
            market.category_price_raw.get(account.emode, 0),
            VERSION,
        )
        collateral.append(
            _collateral_leg(i, reserve, account, price_raw, category, reserve.id in enabled, at_s)
        )
        debt.append(_debt_leg(i, reserve, account, price_raw, reserve.id in borrowing, at_s))
    return Position(tuple(collateral), tuple(debt))


def _collateral_leg(
    i: int,
    reserve: RawReserve,
    account: RawAccount,
    price_raw: int,
    category: EMode | None,
    enabled: bool,
    at_s: int,
) -> CollateralLeg:
    own = reserve.configuration
    index_ray = supply_index_ray(
        reserve.supply_index_ray, reserve.supply_rate_ray, reserve.last_update_s, at_s
    )
    parameters = effective(own, i, category, VERSION)
    return CollateralLeg(
        reserve=i,
        balance_raw=balance_raw(account.supplied_scaled[i], index_ray, RULES.supply_balance_rounding),
        price_raw=price_raw,
        unit_raw=10**own.decimals,
        threshold_bps=parameters.threshold_bps,
        ltv_bps=parameters.ltv_bps,
        bonus_bps=parameters.bonus_bps,
        protocol_fee_bps=own.liquidation_protocol_fee_bps,
        counted=backs_debt(own, enabled, VERSION),
        index_ray=index_ray,
    )


def _debt_leg(
    i: int, reserve: RawReserve, account: RawAccount, price_raw: int, borrowing: bool, at_s: int
) -> DebtLeg:
    index_ray = debt_index_ray(
        reserve.debt_index_ray, reserve.debt_rate_ray, reserve.last_update_s, at_s, RULES.debt_accrual
    )
    scaled = account.borrowed_scaled[i]
    assert borrowing == (scaled > 0), f"{account.address}: borrow bit and debt of {reserve.symbol} disagree"
    return DebtLeg(
        reserve=i,
        balance_raw=balance_raw(scaled, index_ray, RULES.debt_balance_rounding),
        price_raw=price_raw,
        unit_raw=10**reserve.configuration.decimals,
        index_ray=index_ray,
    )
