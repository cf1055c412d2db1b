"""Hand-made markets and price moves for the engine's tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import numpy as np
from numpy.typing import ArrayLike

from protocols.change_rules import ChangeRules
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.liquidation_rules import LiquidationRules
from protocols.releases import rules_of
from protocols.snapshot import BaseCurrency, Block, EMode, Market, Reserve, Snapshot
from risk.engine.liquidators import Liquidators
from risk.scenarios.scenarios import ScenarioBlock, Scenarios

USD = BaseCurrency("USD", 10**8, Decimal(1))
FREE = Liquidators(gas_usd_per_call=0.0, swap_fee_bps=0.0, min_profit_usd=0.0)
NOW_S = 1_700_000_000


def reserve(
    symbol: str,
    price_usd: float = 1.0,
    threshold: float = 0.80,
    bonus: float = 0.05,
    decimals: int = 18,
    **more: object,
) -> Reserve:
    """One asset; threshold and bonus as fractions, no protocol fee unless given."""
    listed = Reserve(
        asset=symbol.lower(),
        symbol=symbol,
        decimals=decimals,
        price_raw=round(price_usd * 10**8),
        ltv_bps=max(round(threshold * 10_000) - 500, 0),
        liquidation_threshold_bps=round(threshold * 10_000),
        liquidation_bonus_bps=round((1 + bonus) * 10_000),
    )
    return replace(listed, **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Account:
    """Collateral and debt in whole tokens by reserve index."""

    collateral: Mapping[int, float]
    debt: Mapping[int, float]
    emode: int = 0
    thresholds: Mapping[int, float] = field(default_factory=dict)


def market(
    reserves: Sequence[Reserve],
    accounts: Sequence[Account],
    version: str = "3.5",
    rules: LiquidationRules | None = None,
    emodes: Sequence[EMode] = (),
    base: BaseCurrency = USD,
) -> Snapshot:
    """A market whose accounts are named by their place."""
    collateral, debt, emode_of = [], [], {}
    for u, account in enumerate(accounts):
        name = f"{u:06d}"
        emode_of[name] = account.emode
        category = next((e for e in emodes if e.id == account.emode), None)
        for i, tokens in account.collateral.items():
            source = category if category and i in category.collateral else reserves[i]
            amount = round(tokens * 10 ** reserves[i].decimals)
            collateral.append(
                CollateralEntry(
                    name,
                    i,
                    amount,
                    amount,
                    source.liquidation_threshold_bps,
                    source.ltv_bps,
                    source.liquidation_bonus_bps,
                    True,
                )
            )
        for j, tokens in account.debt.items():
            amount = round(tokens * 10 ** reserves[j].decimals)
            debt.append(DebtEntry(name, j, amount, amount))
    return Snapshot(
        market=Market("test", "aave_v3", version, 1),
        block=Block(1, "0x0", NOW_S),
        base=base,
        rules=rules or rules_of("aave", version),
        change_rules=ChangeRules(),
        reserves=tuple(reserves),
        emodes=tuple(emodes),
        book=book_of(emode_of, collateral, debt),
    )


def moves(snapshot: Snapshot, factors: ArrayLike, fair: ArrayLike | None = None) -> Scenarios:
    """Scenarios of price factors, (S, A) or (S, T, A); fair prices move alike unless given."""
    market_factor = _three(factors)
    fair_factor = market_factor if fair is None else np.broadcast_to(_three(fair), market_factor.shape)
    price = snapshot.price_usd

    def produce(start: int, stop: int) -> ScenarioBlock:
        chosen = slice(start, stop)
        return ScenarioBlock(start, (market_factor[chosen] * price)[:, :, None], fair_factor[chosen] * price)

    n, t, _ = market_factor.shape
    return Scenarios(
        names=tuple(f"s{k}" for k in range(n)),
        groups=("test",) * n,
        assets=snapshot.asset_names,
        venues=("market",),
        time_s=np.arange(t) * 3_600.0,
        weight=np.ones(n),
        seed=None,
        sha256="",
        produce=produce,
    )


def _three(factors: ArrayLike) -> np.ndarray:  # type: ignore[type-arg]
    array = np.asarray(factors, dtype=np.float64)
    return array[:, None, :] if array.ndim == 2 else array
