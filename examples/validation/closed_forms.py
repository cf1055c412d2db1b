"""Closed forms: the formulas, and the engine run on the same question."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from examples.incidents.market import NO_COSTS, Account, Asset, market_of
from examples.validation.target import Target
from protocols.snapshot import Snapshot
from risk.confidence import most_failures, probability_bound, scenarios_needed, scenarios_needed_finite
from risk.engine import ledger
from risk.engine.clearing import clear, exponential, ladder
from risk.engine.potential import potential_bad_debt
from risk.engine.prices import PERFECT
from risk.engine.stress import stress
from risk.measures import expected_shortfall
from risk.outcome import Outcome
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.solver.closed_forms import (
    DAY_YEARS,
    HOUR_YEARS,
    gbm_delay_loss,
    gbm_hit,
    gbm_hit_monitored,
    smart_ltv,
)

FloatArray = NDArray[np.float64]

METHODS = "closed form; Broadie, Glasserman and Kou 1997 for C2"
SIGMA, LTV, THRESHOLD, BONUS = 0.8, 0.70, 0.83, 0.05
DAYS = 30
PATHS = 20_000
DRAWS = 100
LARGE_USD = 1e9  # so that what is left as dust is nothing


def targets() -> Iterator[Target]:
    """Return C1 to C13, and E10."""
    yield from _barriers()
    yield from _delays()
    yield from _repayment()
    yield from _toxic()
    yield from _loops()
    yield Target("C9", "SmartLTV", "SmartLTV.t.sol", "0.82444657", smart_ltv(3, 0.10, 2e5, 1e6, 0.05))
    yield Target(
        "C9", "SmartLTV where it would be negative", "SmartLTV.t.sol", "0.0", smart_ltv(4.9, 9.99, 1, 1, 0.05)
    )
    yield from _cascade()
    yield from _certificates()
    yield from _tail()
    yield from _monotone()


def _barriers() -> Iterator[Target]:
    level, years = LTV / THRESHOLD, DAYS * DAY_YEARS
    yield Target(
        "C1", "liquidated within 30 days, watched always", METHODS, "0.49693", gbm_hit(level, SIGMA, years)
    )
    hourly = gbm_hit_monitored(level, SIGMA, years, HOUR_YEARS)
    yield Target("C2", "liquidated within 30 days, watched hourly", METHODS, "0.48394", hourly)
    outcome = stress(_one(LTV), _walks(DAYS * 24, HOUR_YEARS), liquidators=NO_COSTS)
    share = float((outcome.liquidated_accounts > 0).mean())
    error = math.sqrt(hourly * (1 - hourly) / PATHS)
    yield Target(
        "C2",
        f"the same by the engine, {PATHS:,} hourly paths",
        "C2 with three standard errors",
        f"{hourly - 3 * error:.4f}..{hourly + 3 * error:.4f}",
        share,
        note="every path through stress()",
    )


def _delays() -> Iterator[Target]:
    for hours, chance, mean in ((24, "0.020739", "3.1585e-4"), (6, "1.988e-5", "9.14e-8")):
        p, loss = gbm_delay_loss(THRESHOLD, BONUS, 0.05, SIGMA, hours * HOUR_YEARS)
        yield Target("C3", f"chance of a loss, call {hours} h late", "put on the collateral", chance, p)
        yield Target("C3", f"mean loss over debt, call {hours} h late", "put on the collateral", mean, loss)
    days, p_loss = 10, gbm_delay_loss(THRESHOLD, BONUS, 0.0, SIGMA, 10 * DAY_YEARS)
    outcome = stress(_one(THRESHOLD), _walks(1, days * DAY_YEARS), liquidators=NO_COSTS)
    losses = outcome.bad_debt_usd.sum(axis=1) / (1e6 * THRESHOLD)
    error = float(losses.std()) / math.sqrt(len(losses))
    yield Target(
        "C3",
        f"mean bad debt over debt by the engine, call {days} days late",
        "the formula with three standard errors",
        f"{p_loss[1] - 3 * error:.5f}..{p_loss[1] + 3 * error:.5f}",
        float(losses.mean()),
        note="no slippage; health factor 1 at the start",
    )


def _repayment() -> Iterator[Target]:
    stated = {
        0.99: ("0.0778", "0.3361"),
        0.97: ("0.2335", "0.4482"),
        0.95: ("0.3891", "0.5602"),
        0.90: ("0.7782", "0.8403"),
    }
    for health, by_target in stated.items():
        for target, text in zip((1.0, 1.05), by_target, strict=True):
            ours = ledger.r_star(1.0, health / THRESHOLD, health, THRESHOLD, BONUS, target)
            what = f"least repayment at health {health} to {target}"
            yield Target("C4", what, "closed form; the target rule of Aave v4", text, ours, "of debt")
    for health, repaid, text in ((0.99, 0.5, "84.4"), (0.97, 0.5, "53.3"), (0.95, 1.0, "61.1")):
        needed = ledger.r_star(1.0, health / THRESHOLD, health, THRESHOLD, BONUS)
        waste = ledger.over_liquidated(repaid, needed) / repaid * 100
        yield Target(
            "C5", f"repaid beyond need at health {health}", "close factor of Aave v3", text, waste, "%"
        )


def _toxic() -> Iterator[Target]:
    band = ledger.toxic_band(0.95, 0.01, 0.95)
    assert band is not None
    yield Target("C6", "calls lower the health factor below", "threshold times bonus", "0.9595", band[1])
    gain = ledger.two_step_gain(0.5, 0.97, THRESHOLD, BONUS)
    yield Target(
        "C7",
        "gain of splitting a call, health 0.97",
        "Qin et al., IMC 2021",
        f"{0.03 / (1 - 0.8715):.4f}",
        gain,
        note="source gives the formula",
    )
    # First what keeps the account liquidatable, then half of the rest.
    first = ledger.r_star(1.0, 0.97 / THRESHOLD, 0.97, THRESHOLD, BONUS)
    yield Target(
        "C7",
        "repaid in two steps, health 0.97",
        "Qin et al., IMC 2021",
        "0.6167",
        first + 0.5 * (1 - first),
        "of debt",
    )


def _loops() -> Iterator[Target]:
    health, threshold, bonus = 1.0364, 0.95, 0.01
    yield Target("C8", "leverage of the loop", "Gatto 2026", "12.0", 1 / (1 - threshold / health), "times")
    falls = np.arange(0, 1_000) / 10_000
    outcome = _gaps(health, threshold, bonus, falls)
    yield Target(
        "C8",
        "fall at which it can be liquidated, by the engine",
        "Gatto 2026",
        "3.50..3.52",
        float(falls[np.argmax(outcome.eligible_accounts > 0)]) * 100,
        "%",
        "first of steps of 0.01 %",
    )
    yield Target(
        "C8",
        "fall that loses money",
        "Gatto 2026",
        "7.42",
        ledger.lossless_fall(health, threshold, bonus) * 100,
        "%",
    )
    yield Target(
        "C8",
        "the same by the engine",
        "Gatto 2026",
        "7.42..7.44",
        float(falls[np.argmax(outcome.bad_debt_usd.sum(axis=1) > 1.0)]) * 100,
        "%",
        "first of steps of 0.01 %",
    )
    gaps = np.array([0.05, 0.08, 0.12, 0.20, 0.35])
    losses = _gaps(health, threshold, bonus, gaps).bad_debt_usd.sum(axis=1) / 1e6
    for gap, text, ours in zip(
        gaps, ("0.00", "0.574..0.58", "4.53..4.54", "12.45..12.46", "27.30..27.31"), losses, strict=True
    ):
        yield Target(
            "E10",
            f"bad debt of a gap of {gap:.0%} on 100 M of loops",
            "Gatto 2026 and closed form",
            text,
            float(ours),
            "M USD",
            "by the engine",
        )


def _cascade() -> Iterator[Target]:
    """Return one price that falls as positions are sold, against iteration and against a line."""
    rng = np.random.default_rng(1)
    threshold, volume = rng.uniform(0.5, 1.0, 2_000), rng.exponential(size=2_000)
    shocks = np.linspace(0.4, 1.0, 600)
    book = clear(ladder(threshold, volume, exponential(2e-4)), shocks)
    differ = sum(_iterated(threshold, volume, s) != k for s, k in zip(shocks, book.best_sold, strict=True))
    yield Target("C10", "600 shocks cleared unlike by iteration", "fixed-point iteration", "0", float(differ))
    # Volume spread evenly over prices, a line for the impact: each sale deepens the fall by g/D.
    n, slope = 200_000, 0.25  # g/D
    even = (np.arange(n) + 0.5) / n
    flat = clear(ladder(even, np.full(n, 1.0 / n), lambda q: np.maximum(1 - slope * q, 1e-9)), [0.999])
    yield Target(
        "C10",
        "total fall over first fall, g/D = 0.25",
        "1 / (1 - g/D)",
        f"{1 / (1 - slope):.2f}",
        float((1 - flat.best_price[0]) / 0.001),
        note="fall of 0.1 %, 200,000 positions",
    )


def _iterated(threshold: FloatArray, volume: FloatArray, shock: float) -> int:
    sold = np.zeros(len(threshold), bool)
    while True:
        price = shock * math.exp(-2e-4 * float(volume[sold].sum()))
        after = threshold > price
        if (after == sold).all():
            return int(sold.sum())
        sold = after


def _certificates() -> Iterator[Target]:
    yield Target(
        "C11",
        "no failure in 100,000, 95 %",
        "Clopper and Pearson 1934",
        "2.9957e-5",
        probability_bound(0, 100_000, 0.05),
    )
    k = most_failures(100_000, 0.001, 1e-6)
    assert k is not None
    yield Target("C11", "failures that still prove 0.1 % at 1e-6", "binomial tail", "55", float(k))
    needed = scenarios_needed(0.001, 1e-6, variables=30)
    yield Target(
        "C11", "scenarios for 30 variables, 0.1 % at 1e-6", "Campi and Garatti 2008", "63531", float(needed)
    )
    finite = scenarios_needed_finite(30 * math.log(13), 0.001, 1e-6)
    yield Target(
        "C11",
        "scenarios for 13 options of 30 parameters",
        "union bound",
        "90763..90764",
        float(finite),
        note="90,763.99 rounded up",
    )


def _tail() -> Iterator[Target]:
    losses = np.sort(np.random.default_rng(2).pareto(2.5, 10_000))
    mean = float(losses[-250:].mean())
    # The variational form is convex and piecewise linear: least at a loss.
    least = min(float(eta + np.maximum(losses - eta, 0.0).mean() / 0.025) for eta in losses[-300:-200])
    ours = expected_shortfall(losses, 0.975)
    yield Target(
        "C12",
        "tail mean over its variational form",
        "Rockafellar and Uryasev 2002",
        "1.000000000",
        ours / least,
    )
    yield Target(
        "C12", "tail mean over the mean of the sorted tail", "definition", "1.000000000", ours / mean
    )


def _monotone() -> Iterator[Target]:
    """Count how often a higher threshold does what it must not, on random books at fixed prices."""
    note, rng, over = f"{DRAWS} random books", np.random.default_rng(13), 0.0
    worse = unpaid = 0
    for _ in range(DRAWS):
        low, high = np.sort(rng.uniform(0.6, 0.9, 2))
        fall = 1 - rng.uniform(0, 0.5, (2, 1))
        owed = rng.uniform(0.3, 0.9, 20)
        shocks = scenarios_of(np.stack([fall, np.ones((2, 1))], axis=2), np.zeros(1), "ETH")
        first, second = (stress(_several(owed, lt), shocks, liquidators=NO_COSTS) for lt in (low, high))
        worse += int((second.eligible_debt_usd.sum(axis=1) > first.eligible_debt_usd.sum(axis=1)).sum())
        walk = np.exp(np.cumsum(rng.normal(0, 0.1, (2, 6)), axis=1))
        paths = scenarios_of(np.stack([walk, np.ones((2, 6))], axis=2), np.arange(6) * 3600.0, "ETH")
        before, after = (potential_bad_debt(_several(owed, lt), paths) for lt in (low, high))
        unpaid += int((after < before * (1 - 1e-12)).sum())
        least = replace(NO_COSTS, minimal=True)
        needed = stress(_several(owed, high), shocks, oracles=PERFECT, liquidators=least)
        over = max(over, float((needed.over_liquidated_usd / (LARGE_USD * owed.sum())).max()))
    for what, ours in (
        ("debt liquidatable rose with the threshold, one shock", worse),
        ("potential bad debt fell with it, on paths", unpaid),
        ("end price fell with it, sales moving it", _price_falls()),
    ):
        yield Target("C13", what, "monotone in the threshold", "0", float(ours), "times", note)
    what = "over-liquidated, oracle fair and minimal repayment"
    yield Target("C13", what, "definition", "0..1e-6", over, "of debt", f"{note}; below 1,000 USD goes whole")


def _price_falls() -> int:
    """Return how often the best end of a falling price is lower at a higher threshold."""
    rng, count = np.random.default_rng(14), 0
    for _ in range(DRAWS):
        debt, volume = rng.uniform(0.3, 0.9, 200), rng.exponential(size=200)
        low, high = np.sort(rng.uniform(0.6, 0.9, 2))
        shocks = np.linspace(0.3, 1.0, 50)
        ends = [clear(ladder(debt / lt, volume, exponential(2e-3)), shocks).best_price for lt in (low, high)]
        count += int((ends[1] < ends[0] * (1 - 1e-12)).sum())
    return count


def _several(owed: FloatArray, threshold: float) -> Snapshot:
    """Return a market of accounts of `LARGE_USD` of a volatile asset each, owing shares of it in dollars."""
    assets = [Asset("ETH", 1.0, round(threshold * 1e4), round(BONUS * 1e4)), Asset("USDC", 1.0)]
    accounts = [Account(f"{k:03d}", (0, LARGE_USD), (1, LARGE_USD * float(x))) for k, x in enumerate(owed)]
    return market_of(assets, accounts, 1_700_000_000)


def _one(ltv: float) -> Snapshot:
    """Return a market with one account: a million of a volatile asset against dollars."""
    assets = [Asset("ETH", 1.0, round(THRESHOLD * 1e4), round(BONUS * 1e4)), Asset("USDC", 1.0)]
    return market_of(assets, [Account("borrower", (0, 1e6), (1, 1e6 * ltv))], 1_700_000_000)


def _gaps(health: float, threshold: float, bonus: float, falls: FloatArray) -> Outcome:
    """Return what gaps of the collateral do to a hundred million of loops."""
    assets = [Asset("loop", 1.0, round(threshold * 1e4), round(bonus * 1e4)), Asset("USDC", 1.0)]
    book = market_of(assets, [Account("loop", (0, 1e8), (1, 1e8 * threshold / health))], 1_700_000_000)
    price = np.stack([1 - falls, np.ones(len(falls))], axis=1)[:, None, :]
    return stress(book, scenarios_of(price, np.zeros(1), "loop"), liquidators=NO_COSTS)


def _walks(steps: int, step_years: float) -> Scenarios:
    """Return geometric Brownian motion of the first asset, the second at one dollar."""
    rng = np.random.default_rng(7)
    s = SIGMA * math.sqrt(step_years)
    walk = np.exp(np.cumsum(rng.normal(-(s**2) / 2, s, (PATHS, steps)), axis=1))
    price = np.stack([walk, np.ones_like(walk)], axis=2)
    return scenarios_of(price, np.arange(steps) * step_years / HOUR_YEARS * 3600.0, "ETH")


def scenarios_of(price: FloatArray, time_s: FloatArray, symbol: str) -> Scenarios:
    """Return paths (S, T, 2) of an asset and the dollar as scenarios; the oracle is right."""

    def produce(start: int, stop: int) -> ScenarioBlock:
        return ScenarioBlock(start, price[start:stop, :, None, :], price[start:stop])

    n = len(price)
    return Scenarios(
        names=tuple(f"path {k}" for k in range(n)),
        groups=("paths",) * n,
        assets=(symbol, "USDC"),
        venues=("market",),
        time_s=time_s,
        weight=np.ones(n),
        seed=7,
        sha256="",
        produce=produce,
    )
