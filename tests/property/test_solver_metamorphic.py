"""Metamorphic laws of the solver (SOL): what must not matter does not, what is worse is never called better.

Losses are also reckoned by an account in USD that the solver never sees: what borrowers hold at fair
prices before and after the engine's calls, and what lenders are not paid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.engine.arrays import FloatArray, IntArray
from risk.engine.stress import stress
from risk.proposal.apply import applied
from risk.solver.attempt import Attempt, attempt
from risk.solver.evaluate import Setting, together
from risk.solver.limits import Limits, read_limits
from risk.solver.program import GAP
from tests.risk.solver.small_markets import (
    COLLATERALS,
    GHO,
    USDC,
    Case,
    Position,
    case_of,
    factors,
    made,
    positions,
    scenarios_of,
)

TEXT = """
[solver]
relever = [0.0, 1.0]
keep = ["WBTC", "cbBTC", "USDC", "LINK", "emode:1"]
[tail]
level = 0.7
[enactment]
dust_usd = 0
[box]
threshold_bps = 100
threshold_step_bps = 100
ltv_bps = 100
bonus_bps = {bonus_bps}
bonus_step_bps = 100
"""
KINDS = ("bad_debt.cvar_usd", "avoidable_loss.cvar_usd", "liquidations.cvar_usd", "enactment.usd")
pytestmark = pytest.mark.verify
SEEDS = st.integers(0, 2**32 - 1)
LARGE = 10**9  # USD of loops
FEW = settings(max_examples=4)


@dataclass(frozen=True)
class World:
    """Borrowers, multiples of prices, and limits."""

    book: list[Position]
    oracle: FloatArray
    fair: FloatArray
    weight: FloatArray
    limits: Limits
    scale: int = 1  # of all prices

    def case(self) -> Case:
        snapshot = made(self.book)
        priced = tuple(replace(r, price_raw=r.price_raw * self.scale) for r in snapshot.reserves)
        snapshot = replace(snapshot, reserves=priced)
        return case_of(snapshot, scenarios_of(snapshot, self.oracle, self.fair, self.weight), self.limits)

    def limited(self, **numbers: float) -> World:
        named = {k.replace("__", "."): v for k, v in numbers.items()}
        all_numbers = MappingProxyType({**self.limits.numbers, **named})
        return replace(self, limits=replace(self.limits, numbers=all_numbers))

    def scaled(self, by: int) -> World:
        numbers = {kind.replace(".", "__"): by * self.limits[kind] for kind in KINDS}
        return replace(self.limited(**numbers), scale=by)


@st.composite
def worlds(draw: st.DrawFn, bonus_bps: int = 0) -> World:
    """Draw a world whose limits are a share of what doing nothing comes to."""
    book = draw(positions(COLLATERALS[:3], most=5))
    free = World(book, *draw(factors(most=8)), read_limits(TEXT.format(bonus_bps=bonus_bps)))
    setting = free.case().setting
    found = attempt(setting, setting.menu.current, realised=False)
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3, unique=True))
    limits = {}
    for kind in kinds:
        share = draw(st.sampled_from([0.9, 0.97, 1.001, 1.1]))
        limits[kind.replace(".", "__")] = share * max(a.value for a in found.amounts if a.name == kind) + 1.0
    return free.limited(**limits)


def a_choice(setting: Setting, seed: int) -> IntArray:
    rng = np.random.default_rng(seed)
    return np.array([rng.integers(a, b) for a, b in pairwise(setting.menu.first)])


def losses(found: Attempt) -> dict[tuple[str, str], float]:
    return {(a.name, a.model): a.value for a in found.amounts if a.name in KINDS}


def same(one: World, other: World, seed: int, factor: float = 1.0) -> None:
    """Hold two worlds to the same amounts of any choice, and to the same worth of the best."""
    mine, theirs = one.case(), other.case()
    chosen = a_choice(mine.setting, seed)
    here, there = (losses(attempt(c.setting, chosen, realised=False)) for c in (mine, theirs))
    assert set(here) == set(there)
    for key, value in here.items():
        assert there[key] == pytest.approx(factor * value, rel=1e-6, abs=1e-3)
    best, other_best = mine.search().best, theirs.search().best
    assert (best is None) == (other_best is None)
    if best is not None and other_best is not None:
        now, then = (float(c.search().now.gain) for c in (mine, theirs))
        tolerance = 2 * GAP * max(factor * abs(best.gain), abs(other_best.gain)) + 1
        assert other_best.gain - then == pytest.approx(factor * (best.gain - now), abs=tolerance)


def split(world: World, share: float) -> World:
    (_, mode, supplied, owed), *rest = world.book
    parts = [
        (
            f"0x{k:040x}",
            mode,
            {i: x * part for i, x in supplied.items()},
            {j: x * part for j, x in owed.items()},
        )
        for k, part in ((901, share), (902, 1 - share))
    ]
    return replace(world, book=[*parts, *rest])


@FEW
@given(world=worlds(), seed=SEEDS, share=st.floats(0.05, 0.95))
def test_splitting_an_account_changes_nothing(world: World, seed: int, share: float) -> None:
    """SOL-16: an account split in two, its parts alike, changes no amount and no recommendation."""
    same(world, split(world, share), seed)


@FEW
@given(world=worlds(), seed=SEEDS)
def test_order_and_repetition_do_not_matter(world: World, seed: int) -> None:
    """SOL-17: borrowers and scenarios in another order, every scenario twice, change nothing."""
    twice = [np.concatenate([x, x])[::-1] for x in (world.oracle, world.fair, world.weight)]
    same(world, World(world.book[::-1], *twice, world.limits), seed)


@FEW
@given(world=worlds(), seed=SEEDS, by=st.sampled_from([2, 10]))
def test_the_unit_of_account_does_not_matter(world: World, seed: int, by: int) -> None:
    """SOL-18: all prices and limits times a number are all amounts and gains times it."""
    same(world, world.scaled(by), seed, float(by))


@FEW
@given(world=worlds(), seed=SEEDS)
def test_stable_loops_dilute_nothing(world: World, seed: int) -> None:
    """SOL-19: a billion of loops between dollars changes no loss in USD and no recommendation."""
    loop: Position = ("0x" + "f" * 40, 0, {USDC: LARGE}, {GHO: 0.7 * LARGE})
    mine, theirs = world.case(), replace(world, book=[*world.book, loop]).case()
    chosen = a_choice(mine.setting, seed)
    here, there = (losses(attempt(c.setting, chosen, realised=False)) for c in (mine, theirs))
    assert there == pytest.approx(here, rel=1e-9, abs=1e-3)
    assert {a.chosen.tobytes() for a in mine.kept} == {a.chosen.tobytes() for a in theirs.kept}


@FEW
@given(world=worlds(bonus_bps=100), seed=SEEDS)
def test_a_higher_bonus_is_never_better(world: World, seed: int) -> None:
    """SOL-20: a higher bonus lowers no loss of the ledger, nor one reckoned in USD, in any scenario."""
    setting = world.case().setting
    chosen = a_choice(setting, seed)
    raised = _raised(setting, chosen)
    low, high = (together(setting, c, 0.0) for c in (chosen, raised))
    for measure in ("bad_debt_usd", "avoidable_usd"):
        assert (getattr(high, measure) >= getattr(low, measure) * (1 - 1e-9) - 1e-6).all()
    one_step = replace(world, oracle=world.fair[:, :1], fair=world.fair[:, :1]).case().setting
    less, more = (lost_usd(one_step, c) for c in (chosen, raised))
    assert (more >= less * (1 - 1e-6) - 1.0).all()


def _raised(setting: Setting, chosen: IntArray) -> IntArray:
    """Return the choice with every bonus as high as the menu has it, thresholds as they are."""
    out, menu = chosen.copy(), setting.menu
    for r, k in enumerate(chosen.tolist()):
        own = range(menu.first[r], menu.first[r + 1])
        here = menu.options[k].parameters
        alike = [
            o
            for o in own
            if replace(menu.options[o].parameters, bonus_bps=here.bonus_bps) == here
            and menu.options[o].parameters.bonus_bps >= here.bonus_bps
        ]
        out[r] = max(alike, key=lambda o: menu.options[o].parameters.bonus_bps)
    return out


def lost_usd(setting: Setting, chosen: IntArray) -> FloatArray:
    """Return what borrowers give away in the engine's calls and lenders are not paid, by scenario."""
    after = applied(setting.snapshot, setting.menu.changes(chosen))
    outcome = stress(after, setting.scenarios)
    given_away = outcome.seized_usd.sum(axis=1) - outcome.repaid_usd.sum(axis=1)
    return np.asarray(given_away + outcome.bad_debt_usd.sum(axis=1))


@FEW
@given(world=worlds(), seed=SEEDS)
def test_an_oracle_that_stands_still_hides_no_bad_debt(world: World, seed: int) -> None:
    """SOL-21: an oracle that stands still lowers potential bad debt in no scenario."""
    live = replace(world, oracle=world.fair).case().setting
    still = replace(world, oracle=np.ones_like(world.oracle)).case().setting
    chosen = a_choice(live, seed)
    seen, hidden = (together(s, chosen, 0.0).bad_debt_usd for s in (live, still))
    assert (hidden >= seen * (1 - 1e-9) - 1e-6).all()


@FEW
@given(world=worlds(), share=st.floats(0.5, 1), kind=st.sampled_from(KINDS))
def test_tighter_limits_and_fewer_options_gain_nothing(world: World, share: float, kind: str) -> None:
    """SOL-22: a tighter limit or fewer options gain nothing."""
    tight = world.limited(**{kind.replace(".", "__"): share * world.limits[kind]})
    wide = replace(
        world, limits=replace(world.limits, keep=tuple(k for k in world.limits.keep if k != "WBTC"))
    )
    order = [w.case().search() for w in (tight, world, wide)]
    for less, more in pairwise(order):
        if less.best is not None:
            assert more.best is not None
            assert more.best.gain >= less.best.gain - 2 * GAP * abs(less.best.gain) - 1e-6


@FEW
@given(world=worlds(), seed=SEEDS)
def test_an_asset_nobody_holds_has_no_part(world: World, seed: int) -> None:
    """SOL-23: whatever the price of an asset nobody holds or owes does, no loss changes."""
    held = {i for p in world.book for i in (*p[2], *p[3])}
    idle = next(i for i in (5, 3) if i not in held)  # LINK, cbBTC
    oracle, fair = world.oracle.copy(), world.fair.copy()
    oracle[:, :, idle], fair[:, :, idle] = 0.01, 0.01
    same(world, replace(world, oracle=oracle, fair=fair), seed)
