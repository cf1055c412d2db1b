"""A made market of the size of the largest real ones, and the days it is solved for.

Thirty collaterals: a coin and three tokens that follow it, another with two, four dollars, and twenty
others.  Two categories lend more against tokens of one kind.  Of the accounts, 62 % hold one collateral and
owe one debt, 8 % are loops in the first category close to their limit, 30 % hold or owe several things.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from protocols.change_rules import ChangeRules
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.releases import rules_of
from protocols.snapshot import BaseCurrency, Block, EMode, Market, Reserve, Snapshot
from risk.scenarios.scenarios import ScenarioBlock, Scenarios

Floats = NDArray[np.float64]

COIN, SECOND, DOLLARS, OTHERS = range(4), range(4, 7), range(7, 11), range(11, 30)
ASSETS = 30
DEBTS = (7, 8, 9, 0, 10, 4)  # dollars, the coin, the second coin
DEBT_SHARE = (0.42, 0.22, 0.08, 0.18, 0.06, 0.04)
LOOPS, SEVERAL = 0.08, 0.30
COINS_HOURLY, OWN_HOURLY, FOLLOWING_HOURLY, DOLLAR_HOURLY = 0.008, 0.010, 0.0006, 0.0002
FREEDOM = 4  # degrees, of every return
DISLOCATION = 0.001
CRASH, DEPTH = 0.03, 0.12  # chance of an hour in which every coin falls, and the mean of how far
DEPEG, DISCOUNT = 0.02, 0.03  # of one in which what follows the first coin trades below it


def market_of(seed: int, accounts: int) -> Snapshot:
    """Return the market with so many accounts, all of which owe something."""
    rng = np.random.default_rng(seed)
    reserves = tuple(_reserve(rng, i) for i in range(ASSETS))
    modes = (
        EMode(1, "coin", 9_300, 9_500, 10_100, "", tuple(COIN), (0,)),
        EMode(2, "dollars", 9_000, 9_300, 10_200, "", tuple(DOLLARS), (7, 8, 9)),
    )
    popular = 1.0 / (1.0 + np.arange(ASSETS)) ** 0.8
    popular /= popular.sum()
    collateral: list[CollateralEntry] = []
    debt: list[DebtEntry] = []
    emode: dict[str, int] = {}
    for u in range(accounts):
        name, kind = f"{u:07d}", rng.random()
        looped, several = kind < LOOPS, kind > 1.0 - SEVERAL
        emode[name] = 1 if looped else 0
        held = rng.choice(ASSETS, 1 + (several and rng.integers(0, 4)), replace=False, p=popular)
        if looped:
            held = rng.integers(1, len(COIN), 1)
        count = 1 + int(several and (len(held) == 1 or rng.random() < 0.3))
        owed = rng.choice(DEBTS, count, replace=False, p=DEBT_SHARE)
        if looped:
            owed = np.zeros(1, dtype=np.int64)
        parameters = modes[0] if looped else None
        usd = rng.lognormal(9.0 + 2.0 * looped, 2.0) * rng.dirichlet(np.ones(len(held)))
        health = 1.01 + rng.exponential(0.02) if looped else 1.02 + rng.lognormal(np.log(0.6), 0.9)
        weighted = 0.0
        for i, worth in zip(held.tolist(), usd.tolist(), strict=True):
            of = parameters or reserves[i]
            weighted += worth * of.liquidation_threshold_bps / 1e4
            raw = _raw(worth, reserves[i])
            collateral.append(
                CollateralEntry(
                    name,
                    i,
                    raw,
                    raw,
                    of.liquidation_threshold_bps,
                    of.ltv_bps,
                    of.liquidation_bonus_bps,
                    True,
                )
            )
        for j, share in zip(owed.tolist(), rng.dirichlet(np.ones(len(owed))).tolist(), strict=True):
            raw = _raw(weighted / health * share, reserves[j])
            debt.append(DebtEntry(name, j, raw, raw))
    return Snapshot(
        market=Market("generated", "aave_v3", "3.5", 1),
        block=Block(1, "0x0", 1_700_000_000),
        base=BaseCurrency("USD", 10**8, Decimal(1)),
        rules=rules_of("aave", "3.5"),
        change_rules=ChangeRules(),
        reserves=reserves,
        emodes=modes,
        book=book_of(emode, collateral, debt),
    )


def _reserve(rng: np.random.Generator, i: int) -> Reserve:
    threshold = 8_300 if i in COIN else 7_800 if i in (*SECOND, *DOLLARS) else int(rng.integers(60, 78)) * 100
    price = 3_000.0 if i in COIN else 90_000.0 if i in SECOND else 1.0 if i in DOLLARS else rng.uniform(1, 50)
    return Reserve(
        asset=f"0x{i:040d}",
        symbol=f"T{i}",
        decimals=6 if i in DOLLARS else 18,
        price_raw=int(price * 1e8),
        ltv_bps=threshold - 300,
        liquidation_threshold_bps=threshold,
        liquidation_bonus_bps=10_500 if i < OTHERS[0] else int(rng.integers(106, 110)) * 100,
        borrowing_enabled=i in DEBTS,
    )


def _raw(usd: float, reserve: Reserve) -> int:
    return int(usd * 1e8 / reserve.price_raw * 10**reserve.decimals) + 1


@dataclass(frozen=True, slots=True)
class Days:
    """One generator of days: a factor all coins share, what each adds, moves of followers, and jumps."""

    snapshot: Snapshot
    seed: int
    steps: int

    def __call__(self, first: int, last: int) -> ScenarioBlock:
        """Return days ``first`` .. ``last - 1``; each depends on its number only."""
        fair, market = (np.empty((last - first, self.steps, ASSETS)) for _ in range(2))
        for s in range(first, last):
            rng = np.random.default_rng((self.seed, s))
            fair[s - first] = self.snapshot.price_usd * np.exp(np.cumsum(self._returns(rng), axis=0))
            market[s - first] = fair[s - first] * np.exp(rng.normal(0.0, DISLOCATION, (self.steps, ASSETS)))
        return ScenarioBlock(first, market[:, :, None], fair)

    def _returns(self, rng: np.random.Generator) -> Floats:
        drawn = rng.standard_t(FREEDOM, (self.steps, ASSETS)) / np.sqrt(2.0)
        common = rng.standard_t(FREEDOM, (self.steps, 1)) / np.sqrt(2.0) * COINS_HOURLY
        out = common + OWN_HOURLY / 2 * drawn
        out[:, list(OTHERS)] = 1.2 * common + OWN_HOURLY * drawn[:, list(OTHERS)]
        for family in (COIN, SECOND):
            out[:, list(family[1:])] = out[:, family[:1]] + FOLLOWING_HOURLY * drawn[:, list(family[1:])]
        out[:, list(DOLLARS)] = DOLLAR_HOURLY * drawn[:, list(DOLLARS)]
        hour = rng.integers(0, self.steps, 2)
        if rng.random() < CRASH:
            out[hour[0], [*COIN, *SECOND, *OTHERS]] -= rng.exponential(DEPTH)
        if rng.random() < DEPEG:
            out[hour[1], list(COIN[1:])] -= rng.exponential(DISCOUNT, len(COIN) - 1)
        return out


def days(snapshot: Snapshot, seed: int, count: int, steps: int) -> Scenarios:
    """Return so many days of hours, drawn."""
    return Scenarios(
        names=tuple(f"day {k}" for k in range(count)),
        groups=("generated",) * count,
        assets=snapshot.asset_names,
        venues=("market",),
        time_s=np.arange(steps) * (86_400.0 / steps),
        weight=np.ones(count),
        seed=seed,
        sha256=f"{seed}-{count}-{steps}",
        produce=Days(snapshot, seed, steps),
    )
