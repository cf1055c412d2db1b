"""What the kernels are given: the unchanging model, and prices moment by moment."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.emode_prices import emode_prices_raw, priced_emodes
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine.arrays import (
    FloatArray,
    Records,
    RuleNumbers,
    account_records,
    collateral_records,
    debt_records,
    most_legs,
    quote_records,
    reserve_records,
    rule_numbers,
)
from risk.engine.jit import jit
from risk.engine.liquidators import Liquidators
from risk.engine.liquidity import Liquidity, withdrawable_raw

CURVE = np.dtype([("tokens", np.float64), ("usd", np.float64)])
PRICE = np.dtype(
    [
        ("oracle", np.float64),  # raw: base-currency units a whole token
        ("market_usd", np.float64),  # a whole token
        ("fair_usd", np.float64),
        ("curve_usd", np.float64),  # to which the depth curve is scaled: the market's without our sales
    ]
)


OPEN, DOWN, GRACE = 0, 1, 2  # calls possible; no blocks made; only on health factors below 0.95


class Costs(NamedTuple):
    """`Liquidators` as numbers; fees and shares as fractions, a negative discount means never."""

    gas_usd: float
    swap_fee: float
    min_profit_usd: float
    min_profit: float
    latency_s: float
    capital_usd: float
    flash_loans: bool
    flash_fee: float
    token_discount: float
    minimal: bool


def costs_of(who: Liquidators) -> Costs:
    """Return liquidators as numbers."""
    return Costs(
        gas_usd=float(who.gas_usd_per_call),
        swap_fee=who.swap_fee_bps / 1e4,
        min_profit_usd=float(who.min_profit_usd),
        min_profit=who.min_profit_bps / 1e4,
        latency_s=float(who.latency_s),
        capital_usd=float(who.capital_usd),
        flash_loans=bool(who.flash_loans),
        flash_fee=who.flash_fee_bps / 1e4,
        token_discount=-1.0 if who.token_discount_bps is None else who.token_discount_bps / 1e4,
        minimal=bool(who.minimal),
    )


class Model(NamedTuple):
    """Everything that does not change along a path.

    Records as in `risk.engine.arrays`: ``account`` (N,), ``collateral`` and ``debt`` (nnz,),
    ``reserve`` (A,), ``quote`` (Q,); ``c_amount`` and ``d_amount`` (nnz,) balances in the snapshot, smallest
    units; ``curve`` (A, K) `CURVE`, the depth.
    """

    account: Records
    collateral: Records
    debt: Records
    c_amount: FloatArray
    d_amount: FloatArray
    reserve: Records
    quote: Records
    curve: Records
    rules: RuleNumbers
    costs: Costs
    usd_per_base: float
    most_legs: int


class Prices(NamedTuple):
    """A block of scenarios at one moment: ``rows`` (S, Q) `PRICE`, the first A those of the assets.

    ``time_s`` counts from the snapshot, ``hours`` is how long the moment lasts, ``gate`` is one of
    `OPEN`, `DOWN` and `GRACE`.
    """

    rows: Records
    time_s: float
    hours: float
    gate: int


class Moment(NamedTuple):
    """One scenario of `Prices`: ``price`` (Q,)."""

    price: Records
    time_s: float
    hours: float
    gate: int


@jit
def moment_of(prices: Prices, s: int) -> Moment:
    """Return scenario ``s`` of a block."""
    return Moment(prices.rows[s], prices.time_s, prices.hours, prices.gate)


def prices_of(
    snapshot: Snapshot,
    model: Model,
    oracle_raw: NDArray[Any],
    market_usd: FloatArray,
    fair_usd: FloatArray,
    time_s: float,
    hours: float,
    gate: int = OPEN,
    curve_usd: FloatArray | None = None,
) -> Prices:
    """Return a block of prices from (S, A) arrays of the reserves; ``curve_usd`` the market's if None."""
    asset, emode = model.quote["asset"], model.quote["emode"]
    rows = np.zeros((len(market_usd), len(asset)), dtype=PRICE)
    rows["oracle"] = oracle_raw[:, asset]
    rows["market_usd"], rows["fair_usd"] = market_usd[:, asset], fair_usd[:, asset]
    rows["curve_usd"] = (market_usd if curve_usd is None else curve_usd)[:, asset]
    if emode.any():
        moved = emode_prices_raw(snapshot, oracle_raw)
        for p, category in enumerate(priced_emodes(snapshot)):
            rows["oracle"][:, emode == category.id] = moved[:, p : p + 1]
    return Prices(rows, float(time_s), float(hours), int(gate))


def model_of(
    snapshot: Snapshot,
    depth: Depth,
    liquidators: Liquidators,
    liquidity: Liquidity = Liquidity.UNLIMITED,
) -> Model:
    """Return the model of a market."""
    reserve = reserve_records(snapshot, depth, withdrawable_raw(snapshot, liquidity))
    quote = quote_records(snapshot)
    c, d = collateral_records(snapshot, quote), debt_records(snapshot, quote)
    curve = np.zeros(depth.size_tokens.shape, dtype=CURVE)
    curve["tokens"], curve["usd"] = depth.size_tokens, depth.proceeds_usd
    c_amount = snapshot.book.collateral.amount_raw.astype(np.float64)
    d_amount = snapshot.book.debt.amount_raw.astype(np.float64)
    return Model(
        account=account_records(snapshot, c, d, quote, c_amount, d_amount),
        collateral=c,
        debt=d,
        c_amount=c_amount,
        d_amount=d_amount,
        reserve=reserve,
        quote=quote,
        curve=curve,
        rules=rule_numbers(snapshot.rules),
        costs=costs_of(liquidators),
        usd_per_base=snapshot.base.usd_per_raw,
        most_legs=most_legs(snapshot),
    )
