"""`Snapshot`: one lending market at one block, neutral and immutable.

An adapter (or a file import) produces it, everything in `risk` consumes it.  Positions are
the two blocks of its `Book`; floats are made from their exact integers by the methods here
and nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from abis.errors import UnknownAsset
from abis.findings import Finding
from protocols.book import Book as Book
from protocols.book import BoolArray as BoolArray
from protocols.book import CollateralBlock as CollateralBlock
from protocols.book import DebtBlock as DebtBlock
from protocols.book import IntArray as IntArray
from protocols.book import RawArray as RawArray
from protocols.book import frozen as frozen
from protocols.book import indptr_of as indptr_of
from protocols.book import raw_array as raw_array
from protocols.change_rules import ChangeRules
from protocols.consistency import check
from protocols.emode_prices import emode_prices_raw, entry_prices, priced_emodes
from protocols.liquidation_rules import LiquidationRules
from protocols.position import CollateralLeg, DebtLeg, Position

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Market:
    """Which market: registry name or ``protocol:0xProvider``, protocol, release, chain, addresses."""

    name: str
    protocol: str
    version: str
    chain_id: int
    addresses: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Block:
    """The block all state was read at; ``timestamp_s`` is unix time."""

    number: int
    hash: str
    timestamp_s: int


@dataclass(frozen=True, slots=True)
class BaseCurrency:
    """The currency the market counts in.

    Parameters
    ----------
    symbol : str
        ``USD`` or ``ETH``.
    unit_raw : int
        Base-currency units of one whole base currency (1e8 on Aave v3, 1e18 on v2).
    usd : Decimal
        US dollars per whole base currency; 1 when the base is USD.
    """

    symbol: str
    unit_raw: int
    usd: Decimal

    @property
    def usd_per_raw(self) -> float:
        """US dollars per base-currency unit."""
        return float(self.usd / self.unit_raw)


@dataclass(frozen=True, slots=True)
class RateModel:
    """Two-slope interest model, all in ray; ``optimal_ray`` is a utilisation."""

    optimal_ray: int
    base_ray: int
    slope1_ray: int
    slope2_ray: int


@dataclass(frozen=True, slots=True)
class Feed:
    """What the chain says about a reserve's price source.

    ``updated_at_s`` is 0 and ``decimals`` -1 where the source does not tell.
    """

    source: str
    description: str
    decimals: int
    answer_raw: int
    updated_at_s: int
    aggregator: str = ""


@dataclass(frozen=True, slots=True)
class Reserve:
    """One listed asset.

    Parameters
    ----------
    asset : str
        Token address, checksummed where it is one.
    symbol : str
        Untrusted text.
    decimals : int
        Token decimals.
    price_raw : int
        Oracle price of one whole token in base-currency units; 0 if unreadable.
    ltv_bps, liquidation_threshold_bps, liquidation_bonus_bps : int
        Outside e-mode; the bonus includes 10000 (10500 = 5 %), 0 if no collateral.
    liquidation_protocol_fee_bps : int
        Treasury's share of the bonus.
    reserve_factor_bps : int
        Treasury's share of interest.
    supply_cap_tokens, borrow_cap_tokens : int
        Whole tokens; 0 = none.
    liquidity_index_ray, variable_borrow_index_ray : int
        Accrued to the snapshot's block time.
    liquidity_rate_ray, variable_borrow_rate_ray : int
        Yearly rates.
    total_supply_raw, total_debt_raw, available_liquidity_raw : int
        Accrued totals and withdrawable cash, smallest units.
    id : int
        Bit index in the user configuration word; -1 where there is none.
    """

    asset: str
    symbol: str
    decimals: int
    price_raw: int
    ltv_bps: int
    liquidation_threshold_bps: int
    liquidation_bonus_bps: int
    liquidation_protocol_fee_bps: int = 0
    reserve_factor_bps: int = 0
    supply_cap_tokens: int = 0
    borrow_cap_tokens: int = 0
    debt_ceiling_usd_cents: int = 0
    emode_category: int = 0
    active: bool = True
    frozen: bool = False
    paused: bool = False
    borrowing_enabled: bool = True
    siloed_borrowing: bool = False
    borrowable_in_isolation: bool = False
    flash_loan_enabled: bool = True
    liquidity_index_ray: int = 10**27
    variable_borrow_index_ray: int = 10**27
    liquidity_rate_ray: int = 0
    variable_borrow_rate_ray: int = 0
    last_update_s: int = 0
    total_supply_raw: int = 0
    total_debt_raw: int = 0
    available_liquidity_raw: int = 0
    accrued_to_treasury_scaled_raw: int = 0
    deficit_raw: int = 0
    liquidation_grace_until_s: int = 0
    a_token: str = ""
    debt_token: str = ""
    id: int = -1
    rate_model: RateModel | None = None
    feed: Feed | None = None


@dataclass(frozen=True, slots=True)
class EMode:
    """One efficiency-mode category; members are indices into the reserves.

    Parameters
    ----------
    price_source : str
        What the category's own price is registered under in the oracle (Aave until v3.1,
        Spark); empty where members keep their own prices.
    price_raw : int
        That price in base-currency units; 0 if there is none, or it cannot be read.
    price_reserve : int
        The reserve whose oracle price it is; -1 if it comes from a feed of its own.
    ltvzero : tuple of int
        Collateral that gives no borrowing power inside the category (Aave v3.6 on).
    isolated : bool
        Whether it takes borrowing power from everything outside (Aave v3.7).
    """

    id: int
    label: str
    ltv_bps: int
    liquidation_threshold_bps: int
    liquidation_bonus_bps: int
    price_source: str = ""
    collateral: tuple[int, ...] = ()
    borrowable: tuple[int, ...] = ()
    ltvzero: tuple[int, ...] = ()
    isolated: bool = False
    price_raw: int = 0
    price_reserve: int = -1


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether the entries found add up to the token's total.

    ``side`` is ``supply`` or ``debt``; amounts are scaled raw units.  ``missing_raw``
    is total minus found, negative if more was found than exists.
    """

    reserve: int
    side: str
    found_scaled_raw: int
    total_scaled_raw: int
    missing_usd: float

    @property
    def missing_scaled_raw(self) -> int:
        """Total minus found."""
        return self.total_scaled_raw - self.found_scaled_raw


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A market at one block; see the module for the layout."""

    market: Market
    block: Block
    base: BaseCurrency
    rules: LiquidationRules
    change_rules: ChangeRules
    reserves: tuple[Reserve, ...]
    emodes: tuple[EMode, ...]
    book: Book
    completeness: tuple[Completeness, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        check(self)

    @cached_property
    def asset_names(self) -> tuple[str, ...]:
        """One unique name a reserve: its symbol, or ``symbol:address`` where symbols repeat."""
        count = Counter(r.symbol for r in self.reserves)
        return tuple(
            r.symbol if r.symbol and count[r.symbol] == 1 else f"{r.symbol}:{r.asset}" for r in self.reserves
        )

    def asset_index(self, name: str) -> int:
        """Return the reserve index of a symbol or address.

        Raises
        ------
        UnknownAsset
            If nothing matches; names the nearest symbols.
        """
        for candidates in (self.asset_names, [r.asset.lower() for r in self.reserves]):
            wanted = name if candidates is self.asset_names else name.lower()
            if wanted in candidates:
                return list(candidates).index(wanted)
        folded = [n.lower() for n in self.asset_names]
        if folded.count(name.lower()) == 1:
            return folded.index(name.lower())
        raise _unknown_asset(name, self.asset_names)

    @cached_property
    def price_usd(self) -> FloatArray:
        """Oracle price of each reserve, (n_reserves,) USD per whole token."""
        return self._per_reserve("price_raw") * self.base.usd_per_raw

    @cached_property
    def unit(self) -> FloatArray:
        """``10**decimals`` of each reserve, (n_reserves,)."""
        return np.array([10.0**r.decimals for r in self.reserves])

    @cached_property
    def collateral_usd(self) -> FloatArray:
        """Value of each collateral entry to the market, at oracle prices, (nnz,) USD."""
        return self._value_usd(self.book.collateral)

    @cached_property
    def debt_usd(self) -> FloatArray:
        """Value of each debt entry to the market, at oracle prices, (nnz,) USD."""
        return self._value_usd(self.book.debt)

    def _value_usd(self, block: CollateralBlock | DebtBlock) -> FloatArray:
        price = entry_prices(self, block, [r.price_raw for r in self.reserves]) * self.base.usd_per_raw
        return block.amount_raw.astype(np.float64) / self.unit[block.reserve] * price

    def _per_reserve(self, name: str) -> FloatArray:
        return np.array([float(getattr(r, name)) for r in self.reserves])

    def position(self, account: int, prices_raw: Sequence[int] | None = None) -> Position:
        """Return one account in exact integers.

        Parameters
        ----------
        account : int
            Index into ``book.accounts``.
        prices_raw : sequence of int, optional
            Price per reserve in base-currency units; the snapshot's own by default.  Prices of
            categories follow as `protocols.emode_prices.emode_prices_raw` says.
        """
        prices = _Prices.of(self, prices_raw)
        c, d = self.book.collateral, self.book.debt
        return Position(
            tuple(self._collateral_leg(k, prices) for k in range(c.indptr[account], c.indptr[account + 1])),
            tuple(self._debt_leg(k, prices) for k in range(d.indptr[account], d.indptr[account + 1])),
        )

    def _collateral_leg(self, k: int, prices: _Prices) -> CollateralLeg:
        c = self.book.collateral
        i = int(c.reserve[k])
        return CollateralLeg(
            reserve=i,
            balance_raw=int(c.amount_raw[k]),
            price_raw=prices.at(i, int(c.price_emode[k])),
            unit_raw=10 ** self.reserves[i].decimals,
            threshold_bps=int(c.threshold_bps[k]),
            ltv_bps=int(c.ltv_bps[k]),
            bonus_bps=int(c.bonus_bps[k]),
            protocol_fee_bps=self.reserves[i].liquidation_protocol_fee_bps,
            counted=bool(c.counted[k]),
            index_ray=self.reserves[i].liquidity_index_ray,
        )

    def _debt_leg(self, k: int, prices: _Prices) -> DebtLeg:
        d = self.book.debt
        i = int(d.reserve[k])
        return DebtLeg(
            reserve=i,
            balance_raw=int(d.amount_raw[k]),
            price_raw=prices.at(i, int(d.price_emode[k])),
            unit_raw=10 ** self.reserves[i].decimals,
            index_ray=self.reserves[i].variable_borrow_index_ray,
            call_price_raw=prices.at(i, int(d.call_price_emode[k])),
            stable_raw=int(d.stable_raw[k]),
        )


@dataclass(frozen=True, slots=True)
class _Prices:
    """Prices of the reserves, and of the categories that have their own."""

    reserves: Sequence[int]
    emodes: Mapping[int, int]

    @classmethod
    def of(cls, snapshot: Snapshot, prices_raw: Sequence[int] | None) -> _Prices:
        priced = priced_emodes(snapshot)
        if prices_raw is None:
            own = [r.price_raw for r in snapshot.reserves]
            return cls(own, {e.id: e.price_raw for e in priced})
        moved = emode_prices_raw(snapshot, prices_raw) if priced else ()
        return cls(prices_raw, {e.id: int(p) for e, p in zip(priced, moved, strict=True)})

    def at(self, reserve: int, emode: int) -> int:
        return int(self.emodes[emode] if emode else self.reserves[reserve])


def _unknown_asset(name: str, names: Sequence[str]) -> UnknownAsset:
    from difflib import get_close_matches

    near = get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"Nearest: {', '.join(near)}." if near else f"Known: {', '.join(names)}."
    return UnknownAsset(f"asset '{name}' is not listed in this market.", remedy=hint)
