"""The vectorised twin against a loop over the exact integer rules, on the same generated book."""

from __future__ import annotations

import os
import time
from decimal import Decimal
from typing import Any

import numpy as np

from abis.units import MAX_UINT256
from protocols.change_rules import ChangeRules
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.exact import ExactRules, exact_rules
from protocols.position import CollateralLeg, DebtLeg, LiquidationResult, Position
from protocols.releases import rules_of
from protocols.snapshot import BaseCurrency, Block, Market, Reserve, Snapshot
from risk.engine.liquidators import Liquidators
from risk.engine.stress import stress
from risk.outcome import Outcome
from risk.scenarios.scenarios import ScenarioBlock, Scenarios

SEED = 20_260_310
ACCOUNTS = 20_000
SCENARIOS = 64
SAMPLE = 2  # scenarios the integer loop runs; its time is scaled up
SMALLEST_USD, LARGEST_USD = 50.0, 5e6
FREE = Liquidators(gas_usd_per_call=0.0, swap_fee_bps=0.0, min_profit_usd=0.0)


def market_of(seed: int, accounts: int, assets: int = 6, version: str = "3.5") -> Snapshot:
    """Return a market of random parameters and positions, health factors 1.005 to 2.5.

    An account holds one to three assets and owes one or two; all numbers are drawn, so that
    no two choices tie.
    """
    rng = np.random.default_rng(seed)
    reserves = tuple(_reserve(rng, i) for i in range(assets))
    collateral: list[CollateralEntry] = []
    debt: list[DebtEntry] = []
    for u in range(accounts):
        own = _collateral(rng, f"{u:07d}", reserves)
        weighted_usd = sum(_value_usd(e, reserves) * e.threshold_bps / 1e4 for e in own)
        collateral += own
        debt += _debt(rng, f"{u:07d}", reserves, weighted_usd / rng.uniform(1.005, 2.5))
    return Snapshot(
        market=Market("generated", "aave_v3", version, 1),
        block=Block(1, "0x0", 1_700_000_000),
        base=BaseCurrency("USD", 10**8, Decimal(1)),
        rules=rules_of("aave", version),
        change_rules=ChangeRules(),
        reserves=reserves,
        emodes=(),
        book=book_of({f"{u:07d}": 0 for u in range(accounts)}, collateral, debt),
    )


def _value_usd(entry: CollateralEntry, reserves: tuple[Reserve, ...]) -> float:
    reserve = reserves[entry.reserve]
    return entry.amount_raw / 10**reserve.decimals * reserve.price_raw / 1e8


def _reserve(rng: np.random.Generator, i: int) -> Reserve:
    threshold = int(rng.integers(6_500, 8_600))
    return Reserve(
        asset=f"0x{i:040d}",
        symbol=f"T{i}",
        decimals=int(rng.choice([6, 8, 18])),
        price_raw=int(10 ** rng.uniform(7, 13)),
        ltv_bps=threshold - 300,
        liquidation_threshold_bps=threshold,
        liquidation_bonus_bps=int(rng.integers(10_300, 11_000)),
        liquidation_protocol_fee_bps=int(rng.choice([0, 1_000, 2_000])),
    )


def _collateral(rng: np.random.Generator, name: str, reserves: tuple[Reserve, ...]) -> list[CollateralEntry]:
    held = rng.choice(len(reserves), size=rng.integers(1, 4), replace=False)
    value_usd = np.exp(rng.uniform(np.log(SMALLEST_USD), np.log(LARGEST_USD), len(held)))
    return [
        CollateralEntry(
            name,
            int(i),
            amount := int(usd * 1e8 / reserves[i].price_raw * 10 ** reserves[i].decimals) + 1,
            amount,
            reserves[i].liquidation_threshold_bps,
            reserves[i].ltv_bps,
            reserves[i].liquidation_bonus_bps,
            True,
        )
        for i, usd in zip(held, value_usd, strict=True)
    ]


def _debt(
    rng: np.random.Generator, name: str, reserves: tuple[Reserve, ...], total_usd: float
) -> list[DebtEntry]:
    owed = rng.choice(len(reserves), size=rng.integers(1, 3), replace=False)
    share = rng.dirichlet(np.ones(len(owed)))
    raw = [
        int(total_usd * s * 1e8 / reserves[j].price_raw * 10 ** reserves[j].decimals) + 1
        for j, s in zip(owed, share, strict=True)
    ]
    return [DebtEntry(name, int(j), amount, amount) for j, amount in zip(owed, raw, strict=True)]


def shocks_of(snapshot: Snapshot, seed: int, scenarios: int, times: int = 1) -> Scenarios:
    """Return random joint moves of all assets, -45 % to +15 %; paths keep falling."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(-0.6, 0.14, (scenarios, times, len(snapshot.reserves))) / times
    price = snapshot.price_usd * np.exp(np.cumsum(steps, axis=1))
    return Scenarios(
        names=tuple(f"shock {k}" for k in range(scenarios)),
        groups=("generated",) * scenarios,
        assets=snapshot.asset_names,
        venues=("market",),
        time_s=np.arange(times) * 3_600.0,
        weight=np.ones(scenarios),
        seed=seed,
        sha256="",
        produce=lambda a, b: ScenarioBlock(a, price[a:b, :, None], price[a:b]),
    )


def integer_loop(snapshot: Snapshot, prices_raw: list[int]) -> tuple[int, float, float]:
    """Return (accounts liquidated, repaid, seized), USD, by the exact rules alone.

    Each account gives the most profitable of all pairs until none pays, as the twin does
    where selling moves no price.
    """
    exact, unit = exact_rules(snapshot.rules), snapshot.base.unit_raw
    liquidated, repaid, seized = 0, 0.0, 0.0
    for u in range(len(snapshot.book)):
        position = snapshot.position(u, prices_raw)
        touched = False
        while (best := _best(exact, snapshot, position)) is not None:
            result, c, d = best
            repaid += result.debt_repaid_raw * d.price_raw / d.unit_raw / unit
            seized += result.collateral_seized_raw * c.price_raw / c.unit_raw / unit
            position, touched = result.after, True
        liquidated += touched
    return liquidated, repaid, seized


def _best(
    exact: ExactRules, snapshot: Snapshot, position: Position
) -> tuple[LiquidationResult, CollateralLeg, DebtLeg] | None:
    best, most = None, 0.0
    if exact.account_data(position, snapshot.rules).health_factor >= snapshot.rules.liquidatable_below_wad:
        return None
    for i, c in enumerate(position.collateral):
        for j, d in enumerate(position.debt):
            for offer in _offers(c, d, snapshot):
                result = exact.liquidate(position, i, j, offer, snapshot.rules)
                sold_raw = result.collateral_seized_raw - result.protocol_fee_raw
                gain = sold_raw * c.price_raw / c.unit_raw - result.debt_repaid_raw * d.price_raw / d.unit_raw
                if result.debt_repaid_raw and gain > most:
                    best, most = (result, c, d), gain
    return best


def _offers(c: CollateralLeg, d: DebtLeg, snapshot: Snapshot) -> list[int]:
    """As much as allowed, or what leaves just enough on both sides."""
    dust = snapshot.rules.min_leftover_base_raw
    if not dust or not c.bonus_bps:
        return [MAX_UINT256]
    d_base = d.balance_raw * d.price_raw // d.unit_raw - dust - 2
    c_base = (c.balance_raw * c.price_raw // c.unit_raw - dust - 2) * 10_000 // c.bonus_bps
    less = min(d_base, c_base) * d.unit_raw // d.price_raw - 1
    return [MAX_UINT256, less] if less > 0 else [MAX_UINT256]


def rows() -> list[dict[str, Any]]:
    """Return the comparison: the same calls on the same book under the same prices."""
    snapshot = market_of(SEED, ACCOUNTS)
    scenarios = shocks_of(snapshot, SEED, SCENARIOS)
    stress(market_of(SEED, 10), shocks_of(market_of(SEED, 10), SEED, 2), liquidators=FREE)  # compile
    began = time.perf_counter()
    outcome = stress(snapshot, scenarios, liquidators=FREE)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    prices = scenarios.produce(0, SAMPLE).market_price_usd[:, 0, 0]
    results = [integer_loop(snapshot, raw_prices(snapshot, row)) for row in prices]
    loop_seconds = (time.perf_counter() - began) * SCENARIOS / SAMPLE
    return [
        {
            "name": "liquidate the book",
            "size": f"{ACCOUNTS} accounts x {SCENARIOS} scenarios",
            "seconds": seconds,
            "baseline": f"Python integers, {SAMPLE} scenarios, scaled",
            "baseline_seconds": loop_seconds,
            "ratio": loop_seconds / seconds,
            "results_equal": all(agrees(outcome, s, *result) for s, result in enumerate(results)),
            "cores": os.cpu_count(),
        }
    ]


def raw_prices(snapshot: Snapshot, market_usd: Any) -> list[int]:
    """Return the prices the engine reads without an oracle graph."""
    factor = market_usd / snapshot.price_usd
    return [int(np.rint(r.price_raw * f)) for r, f in zip(snapshot.reserves, factor, strict=True)]


def agrees(outcome: Outcome, s: int, liquidated: int, repaid: float, seized: float) -> bool:
    """Return whether the twin's scenario ``s`` has the loop's figures, to 1e-6 in value."""
    close = np.allclose(
        [outcome.repaid_usd[s].sum(), outcome.seized_usd[s].sum()], [repaid, seized], rtol=1e-6
    )
    return bool(close) and int(outcome.liquidated_accounts[s]) == liquidated
