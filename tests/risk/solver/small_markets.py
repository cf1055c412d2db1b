"""Small markets for laws of the solver: every choice on the menu can be judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from hypothesis import strategies as st

from protocols.snapshot import Snapshot
from risk.engine.arrays import FloatArray, IntArray
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.solver.attempt import Attempt, attempt
from risk.solver.evaluate import Judgement, Setting
from risk.solver.limits import Limits
from risk.solver.losses import Losses, losses_of
from risk.solver.menu import menu_of
from risk.solver.relaxation import single_row_losses
from risk.solver.search import Effort, Search, search
from tests.risk.markets import RESERVES, market

WETH, WSTETH, WBTC, CBBTC, USDC, LINK, GHO = range(7)
COLLATERALS, DEBTS = (WETH, WSTETH, WBTC, LINK), (USDC, GHO, WETH)
HEALTH = (1.005, 1.02, 1.05, 1.1, 1.2, 1.35, 1.6)
PATIENT = Effort(attempts=10_000, realised=False)

Position = tuple[str, int, dict[int, float], dict[int, float]]


class Memo:
    """Judges every choice once; searches and trying everything ask the same judge."""

    def __init__(self) -> None:
        self.kept: dict[str, Judgement] = {}

    def judgement(self, setting: Setting, key: str, make: Callable[[], Judgement]) -> Judgement:
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]


@dataclass(frozen=True)
class Case:
    """A small market under limits."""

    setting: Setting
    losses: tuple[Losses, ...]
    single: tuple[Losses, ...]

    def search(self, effort: Effort = PATIENT, starts: Sequence[IntArray] = ()) -> Search:
        return search(self.setting, self.losses, effort=effort, single=self.single, starts=starts)

    @cached_property
    def choices(self) -> list[Attempt]:
        """Every choice, judged by the sweep."""
        menu = self.setting.menu
        ranges = [range(menu.first[r], menu.first[r + 1]) for r in range(len(menu.rows))]
        return [attempt(self.setting, np.array(c), realised=False) for c in product(*ranges)]

    @cached_property
    def kept(self) -> list[Attempt]:
        """Every choice that keeps all limits."""
        return [a for a in self.choices if a.kept]


def case_of(snapshot: Snapshot, scenarios: Scenarios, limits: Limits) -> Case:
    menu = menu_of(snapshot, limits)
    setting = Setting(snapshot, menu, scenarios, limits, known=Memo())
    return Case(setting, losses_of(snapshot, menu, scenarios, limits), single_row_losses(setting))


@st.composite
def positions(draw: st.DrawFn, collaterals: Sequence[int] = COLLATERALS, most: int = 7) -> list[Position]:
    """Draw borrowers of one to three collaterals and one or two debts, health from 1.005."""
    price = [r.price_raw / 1e8 for r in RESERVES]
    out: list[Position] = []
    for k in range(draw(st.integers(2, most))):
        own = draw(st.lists(st.sampled_from(collaterals), min_size=1, max_size=3, unique=True))
        usd = {i: draw(st.integers(20_000, 2_000_000)) for i in own}
        weighted = sum(x * RESERVES[i].liquidation_threshold_bps / 1e4 for i, x in usd.items())
        owed = weighted / draw(st.sampled_from(HEALTH))
        debts = draw(st.lists(st.sampled_from(DEBTS), min_size=1, max_size=2, unique=True))
        supplied = {i: x / price[i] for i, x in usd.items()}
        out.append((f"0x{k + 1:040x}", 0, supplied, {j: owed / len(debts) / price[j] for j in debts}))
    return out


@st.composite
def factors(draw: st.DrawFn, most: int = 12) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw oracle and fair multiples, (S, T, A), and weights: a common move, and one of its own of each."""
    count, steps = draw(st.integers(2, most)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    moved = np.ones((count, steps, len(RESERVES)))
    common = rng.uniform(0.45, 1.1, (count, steps, 1))
    moved[:, :, list(COLLATERALS)] = common * rng.uniform(0.8, 1.1, (count, steps, len(COLLATERALS)))
    dislocated = np.ones_like(moved)
    if draw(st.booleans()):  # what the oracle reads is below what tokens are worth
        dislocated[:, :, list(COLLATERALS)] = rng.uniform(0.85, 1.0, (count, steps, len(COLLATERALS)))
    return moved * dislocated, moved, rng.choice([1.0, 0.5, 3.0], count)


def scenarios_of(snapshot: Snapshot, oracle: FloatArray, fair: FloatArray, weight: FloatArray) -> Scenarios:
    """Return scenarios of multiples of today's prices, an hour a step."""
    price, count = snapshot.price_usd, len(oracle)

    def produce(start: int, stop: int) -> ScenarioBlock:
        return ScenarioBlock(start, (oracle[start:stop] * price)[:, :, None], fair[start:stop] * price)

    names = tuple(f"drawn {k}" for k in range(count))
    time_s = 3_600.0 * np.arange(oracle.shape[1])
    groups = ("user",) * count
    return Scenarios(names, groups, snapshot.asset_names, ("made",), time_s, weight, None, "made", produce)


def made(book: Sequence[Position]) -> Snapshot:
    """Return the market of some positions; 10,000 tokens of each collateral may still be supplied."""
    held = {i: sum(p[2].get(i, 0.0) for p in book) for i in range(len(RESERVES))}
    reserves = [
        replace(
            r,
            total_supply_raw=round((held[r.id] + 1_000) * 10**r.decimals),
            supply_cap_tokens=round(held[r.id]) + 2_000,
            available_liquidity_raw=10_000_000 * 10**r.decimals,
        )
        for r in RESERVES
    ]
    return market(book, reserves)
