"""What differs between two snapshots of a market: parameters, prices, rates, totals, accounts.

Reserves are matched by address, categories by id, accounts by name.  Indices and the times of
the last update move with every block and are not compared; balances and health factors are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abis.errors import InputError
from protocols.snapshot import Market, Reserve, Snapshot
from risk.report.diff_accounts import AccountDiff, account_diff
from risk.report.diff_parameters import ParameterChange, parameter_changes

RAY = 10**27


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two snapshots: its block and its totals at its own oracle prices."""

    block_number: int
    block_hash: str
    block_at_s: int
    accounts: int
    borrowers: int
    supply_usd: float
    debt_usd: float


@dataclass(frozen=True, slots=True)
class ReserveValues:
    """What moves of a reserve without anybody deciding it; shares and rates are fractions."""

    price_usd: float
    supply_rate_share: float
    borrow_rate_share: float
    utilisation_share: float | None
    supply_tokens: float
    debt_tokens: float
    liquidity_tokens: float
    deficit_tokens: float
    supply_usd: float
    debt_usd: float


@dataclass(frozen=True, slots=True)
class ReserveDiff:
    """A reserve in both snapshots whose values differ."""

    asset: str
    name: str
    before: ReserveValues
    after: ReserveValues


@dataclass(frozen=True, slots=True)
class Diff:
    """All differences from ``before`` to ``after``; see the module for what is compared."""

    market: str
    protocol: str
    chain_id: int
    before: Side
    after: Side
    parameters: tuple[ParameterChange, ...]
    reserves: tuple[ReserveDiff, ...]
    accounts: AccountDiff
    warnings: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.parameters or self.reserves or self.accounts.any)


def diff(a: Snapshot, b: Snapshot, *, top: int, force: bool = False) -> Diff:
    """Return what differs from snapshot ``a`` to snapshot ``b``.

    Parameters
    ----------
    a, b : Snapshot
        Before and after.
    top : int
        How many accounts of each kind are listed, largest in USD first; counts are of all.
    force : bool
        Compare snapshots of different markets too.

    Raises
    ------
    InputError
        If they are of different markets and ``force`` is not given.
    """
    warnings = []
    if _identity(a.market) != _identity(b.market):
        what = (
            f"'{a.market.name}' (chain {a.market.chain_id}) and '{b.market.name}' (chain {b.market.chain_id})"
        )
        if not force:
            raise InputError(
                f"{what} are different markets.", remedy="Give two snapshots of one market, or --force."
            )
        warnings.append(f"{what} are different markets.")
    if b.block.number < a.block.number:
        warnings.append(f"The second snapshot is older: block {b.block.number} after block {a.block.number}.")
    return Diff(
        market=a.market.name,
        protocol=a.market.protocol,
        chain_id=a.market.chain_id,
        before=_side(a),
        after=_side(b),
        parameters=parameter_changes(a, b),
        reserves=_reserves(a, b),
        accounts=account_diff(a, b, top),
        warnings=tuple(warnings),
    )


def _identity(market: Market) -> tuple[str, int, str]:
    entry = market.addresses.get("provider") or market.addresses.get("pool") or market.name
    return market.protocol, market.chain_id, entry


def _side(taken: Snapshot) -> Side:
    borrows = np.diff(taken.book.debt.indptr) > 0
    return Side(
        block_number=taken.block.number,
        block_hash=taken.block.hash,
        block_at_s=taken.block.timestamp_s,
        accounts=len(taken.book),
        borrowers=int(borrows.sum()),
        supply_usd=float(taken.collateral_usd.sum()),
        debt_usd=float(taken.debt_usd.sum()),
    )


def _reserves(a: Snapshot, b: Snapshot) -> tuple[ReserveDiff, ...]:
    before, after = _values(a), _values(b)
    names = dict(zip((r.asset for r in b.reserves), b.asset_names, strict=True))
    return tuple(
        ReserveDiff(asset, names[asset], before[asset], values)
        for asset, values in after.items()
        if asset in before and before[asset] != values
    )


def _values(taken: Snapshot) -> Mapping[str, ReserveValues]:
    prices: NDArray[np.float64] = taken.price_usd
    return {r.asset: _of(r, float(p)) for r, p in zip(taken.reserves, prices, strict=True)}


def _of(r: Reserve, price_usd: float) -> ReserveValues:
    unit = 10**r.decimals
    # What can be lent out: the pool's cash and what is lent already.
    lendable = r.available_liquidity_raw + r.total_debt_raw
    return ReserveValues(
        price_usd=price_usd,
        supply_rate_share=r.liquidity_rate_ray / RAY,
        borrow_rate_share=r.variable_borrow_rate_ray / RAY,
        utilisation_share=r.total_debt_raw / lendable if lendable else None,
        supply_tokens=r.total_supply_raw / unit,
        debt_tokens=r.total_debt_raw / unit,
        liquidity_tokens=r.available_liquidity_raw / unit,
        deficit_tokens=r.deficit_raw / unit,
        supply_usd=r.total_supply_raw / unit * price_usd,
        debt_usd=r.total_debt_raw / unit * price_usd,
    )
