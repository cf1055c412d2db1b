"""Small markets for replays, and what one set of prices does to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import ArrayLike

from protocols.change_rules import ChangeRules
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.releases import rules_of
from protocols.snapshot import BaseCurrency, Block, Market, Reserve, Snapshot
from risk.engine.advance import Inputs, advance, engine_of, finish, start
from risk.engine.liquidators import Liquidators

RAW = 10**8  # prices have eight decimals
UNIT = 10**18
NO_COSTS = Liquidators(gas_usd_per_call=0.0, swap_fee_bps=0.0, min_profit_usd=0.0)


@dataclass(frozen=True, slots=True)
class Asset:
    """One listed asset; threshold, bonus (without 10000) and the protocol's share of it in bps."""

    symbol: str
    price_usd: float
    threshold_bps: int = 0
    bonus_bps: int = 0
    fee_bps: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """Collateral and debt of one account: (asset index, whole tokens)."""

    name: str
    collateral: tuple[int, float]
    debt: tuple[int, float]


@dataclass(frozen=True, slots=True)
class Effects:
    """Sums over a market along a path.

    Parameters
    ----------
    liquidated : int
        Accounts.
    repaid_usd : float
        At oracle prices.
    seized_tokens, sold_tokens : float
        Collateral taken, and what liquidators keep of it after the protocol's fee.
    loss_usd : float
        What borrowers lose beyond what a liquidation of the needed size at fair prices costs.
    over_usd : float
        What was repaid beyond what fair prices call for.
    bad_debt_usd : float
        Debt its collateral does not cover at market prices, at the end.
    """

    liquidated: int
    repaid_usd: float
    seized_tokens: float
    sold_tokens: float
    loss_usd: float
    over_usd: float
    bad_debt_usd: float


def market_of(
    assets: Sequence[Asset], accounts: Sequence[Account], time_s: int, version: str = "3.5"
) -> Snapshot:
    """Return a snapshot of a market under the rules of a release."""
    reserves = [_reserve(k, asset) for k, asset in enumerate(assets)]
    supplied, owed = [], []
    for account in accounts:
        place, tokens = account.collateral
        raw = round(tokens * UNIT)
        r = reserves[place]
        supplied.append(
            CollateralEntry(
                account.name,
                place,
                raw,
                raw,
                r.liquidation_threshold_bps,
                r.ltv_bps,
                r.liquidation_bonus_bps,
                r.liquidation_threshold_bps > 0,
            )
        )
        place, tokens = account.debt
        owed.append(DebtEntry(account.name, place, round(tokens * UNIT), round(tokens * UNIT)))
    return Snapshot(
        market=Market("replay", "aave_v3", version, 1),
        block=Block(1, "0x" + "00" * 32, time_s),
        base=BaseCurrency("USD", RAW, Decimal(1)),
        rules=rules_of("aave", version),
        change_rules=ChangeRules(),
        reserves=tuple(reserves),
        emodes=(),
        book=book_of({a.name: 0 for a in accounts}, supplied, owed),
    )


def _reserve(number: int, asset: Asset) -> Reserve:
    return Reserve(
        asset=f"0x{number + 1:040d}",
        symbol=asset.symbol,
        decimals=18,
        price_raw=round(asset.price_usd * RAW),
        ltv_bps=max(asset.threshold_bps - 100, 0),
        liquidation_threshold_bps=asset.threshold_bps,
        liquidation_bonus_bps=10_000 + asset.bonus_bps if asset.threshold_bps else 0,
        liquidation_protocol_fee_bps=asset.fee_bps,
        total_supply_raw=10**12 * UNIT,
        available_liquidity_raw=10**12 * UNIT,
        id=number,
    )


def effects(
    snapshot: Snapshot,
    oracle_raw: ArrayLike,
    market_usd: ArrayLike,
    fair_usd: ArrayLike,
    time_s: ArrayLike = (0.0,),
) -> Effects:
    """Return what liquidators do along a path: oracle prices decide, market prices pay them.

    Parameters
    ----------
    snapshot : Snapshot
        The asset at place 0 is the collateral.
    oracle_raw : ([T,] asset) array_like of int
        What the contract reads, eight decimals.
    market_usd, fair_usd : ([T,] asset) array_like of float
        What a sale fetches (without limit of depth) and what the asset is worth.
    time_s : (T,) array_like of float
        Seconds since the snapshot.
    """
    times = np.asarray(time_s, dtype=np.float64)
    oracle = np.atleast_2d(np.asarray(oracle_raw, dtype=np.int64))[:, None]
    market, fair = (np.atleast_2d(np.asarray(p, dtype=np.float64))[:, None] for p in (market_usd, fair_usd))
    hours = np.append(np.diff(times) / 3_600, 1.0)
    engine = engine_of(snapshot, NO_COSTS)
    state, sold, seized, repaid = start(engine, 1), 0.0, 0.0, 0.0
    for t, now_s in enumerate(times.tolist()):
        before = float(state.asset[0]["seized_usd"][0])
        moment = Inputs(oracle[t], market[t], fair[t], now_s, float(hours[t]))
        state, step = advance(engine, state, moment)
        seized += (float(state.asset[0]["seized_usd"][0]) - before) * RAW / max(int(oracle[t, 0, 0]), 1)
        sold += float(step.sold_tokens[0].sum())
        repaid += float(step.repaid_usd[0].sum())
    state = finish(engine, state, moment)
    totals, assets = state.scenario[0], state.asset[0]
    return Effects(
        int(totals["liquidated_accounts"]),
        repaid,
        seized,
        sold,
        float(assets["avoidable_loss_usd"].sum()),
        float(totals["over_liquidated_usd"]),
        float(assets["bad_debt_usd"].sum()),
    )
