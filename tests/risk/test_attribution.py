"""Harm parted between its causes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import ScenarioError
from benchmarks.bench_engine import market_of, shocks_of
from risk.attribution import (
    AMOUNTS,
    CASCADE,
    CLOSE_FACTOR,
    IMPACT,
    ORACLE,
    attribute,
    one_at_a_time,
    shapley_values,
)
from risk.depth import Depth
from risk.engine.liquidators import Liquidators
from risk.engine.prices import PERFECT
from risk.engine.stress import stress
from risk.outcome import Outcome
from risk.scenarios.scenarios import Scenarios
from tests.risk.engine.markets import FREE, Account, market, moves, reserve
from tests.risk.engine.test_stress import depth_of

CHANNELS = ("a", "b", "c", "d")
Game = Mapping[frozenset[str], np.ndarray]


@st.composite
def games(draw: st.DrawFn) -> tuple[tuple[str, ...], dict[frozenset[str], np.ndarray]]:
    """Draw a value for every set of one to four channels, exact fractions of two scenarios."""
    channels = CHANNELS[: draw(st.integers(1, 4))]
    sets = [frozenset(c) for k in range(len(channels) + 1) for c in combinations(channels, k)]
    amount = st.integers(-(10**6), 10**6).map(lambda n: Fraction(n, 7))
    values = {s: np.array(draw(st.tuples(amount, amount)), dtype=object) for s in sets}
    return channels, values


@given(games())
def test_shares_add_up(game: tuple[tuple[str, ...], Game]) -> None:
    """ATT-1: Shapley values add up to the harm less what rests with all channels off, exactly."""
    channels, values = game
    parts = shapley_values(values, channels)
    total = values[frozenset(channels)] - values[frozenset()]
    assert (parts.sum(axis=-1) == total).all()


@given(games(), st.permutations(CHANNELS))
def test_shares_do_not_depend_on_the_order(game: tuple[tuple[str, ...], Game], order: list[str]) -> None:
    """ATT-2: the order of the channels changes no share, and a channel that never matters has none."""
    channels, values = game
    other = tuple(c for c in order if c in channels)
    parts = dict(zip(channels, shapley_values(values, channels).T, strict=True))
    again = dict(zip(other, shapley_values(values, other).T, strict=True))
    assert all((parts[c] == again[c]).all() for c in channels)
    idle = {s | extra: v for s, v in values.items() for extra in (frozenset(), frozenset({"idle"}))}
    with_idle = dict(zip((*channels, "idle"), shapley_values(idle, (*channels, "idle")).T, strict=True))
    assert (with_idle["idle"] == 0).all()
    assert all((parts[c] == with_idle[c]).all() for c in channels)


@given(st.lists(st.integers(-1_000, 1_000), min_size=1, max_size=4))
def test_channels_that_do_not_meet_have_what_they_have_alone(parts: list[int]) -> None:
    """ATT-3: where channels only add to each other, a share is the part alone."""
    channels = CHANNELS[: len(parts)]
    worth = dict(zip(channels, parts, strict=True))
    sets = [frozenset(c) for k in range(len(parts) + 1) for c in combinations(channels, k)]
    values = {s: np.array([Fraction(sum(worth[c] for c in s))], dtype=object) for s in sets}
    assert shapley_values(values, channels).tolist() == [parts]
    assert one_at_a_time(values, channels).tolist() == [parts]


LISTED = [reserve("X", 100.0, bonus=0.05), reserve("USDC", decimals=6)]


def twice(snapshot_prices: list[float], fair: list[float]) -> tuple[Scenarios, Scenarios]:
    """Return a shock whose market price is not the fair one, and the same without that."""
    snapshot = market(LISTED, [])
    wrong, right = moves(snapshot, [snapshot_prices]), moves(snapshot, [fair])
    block, twin = wrong.produce(0, 1), right.produce(0, 1)
    dislocated = replace(wrong, produce=lambda a, b: replace(block, fair_price_usd=twin.fair_price_usd))
    return dislocated, replace(right, names=wrong.names)


def test_an_oracle_that_reads_a_false_price_is_the_cause_of_all_of_it() -> None:
    snapshot = market(LISTED, [Account({0: 1_000.0}, {1: 78_000.0})], "3.0")
    dislocated, _ = twice([0.95, 1.0], [1.0, 1.0])
    got = attribute(snapshot, dislocated, liquidators=FREE)
    assert got.channels == (ORACLE, CLOSE_FACTOR)
    loss = "avoidable_loss_usd"
    assert got.harm[loss][0] > 1_000
    assert got.rest[loss][0] == 0
    assert got.alone[loss][0, 0] == got.harm[loss][0]
    assert got.shapley[loss][0].sum() == pytest.approx(got.harm[loss][0])
    assert got.shapley[loss][0, 0] > got.shapley[loss][0, 1] > 0  # a minimal call would lose less


def test_a_close_factor_beyond_need_is_told() -> None:
    """At health 0.9883 a half is repaid where about a tenth restores health."""
    snapshot = market(LISTED, [Account({0: 1_000.0}, {1: 76_900.0})])
    got = attribute(snapshot, moves(snapshot, [[0.95, 1.0]]), liquidators=FREE)
    over = "over_liquidated_usd"
    assert got.harm[over][0] > 30_000
    assert got.alone[over][0].tolist() == pytest.approx([0.0, got.harm[over][0]], abs=1.0)


def test_thin_markets_are_told() -> None:
    snapshot = market(LISTED, [Account({0: 1_000.0}, {1: 79_000.0})], "3.0")
    depth = depth_of(snapshot, [1.0, 100.0], [60.0, 3_000.0])
    got = attribute(snapshot, moves(snapshot, [[0.90, 1.0]]), depth=depth, liquidators=FREE)
    assert got.channels == (ORACLE, CLOSE_FACTOR, IMPACT)
    bad = got.shapley["bad_debt_usd"][0]
    assert bad[2] > 1_000
    assert bad.tolist() == pytest.approx([0, 0, got.harm["bad_debt_usd"][0]])
    assert got.absent == {CASCADE: "no scenarios without a cascade were given"}


def test_a_cascade_is_what_its_absence_spares() -> None:
    snapshot = market(LISTED, [Account({0: 1_000.0}, {1: 78_000.0})], "3.0")
    with_it, without = moves(snapshot, [[0.70, 1.0]]), moves(snapshot, [[0.99, 1.0]])
    got = attribute(
        snapshot, with_it, liquidators=FREE, without_cascade=replace(without, names=with_it.names)
    )
    assert got.channels[-1] == CASCADE
    assert got.alone["bad_debt_usd"][0, -1] == got.harm["bad_debt_usd"][0] > 0
    with pytest.raises(ScenarioError, match="not those with one"):
        attribute(snapshot, with_it, without_cascade=replace(without, names=("other",)))


@given(st.integers(0, 2**32 - 1))
def test_parts_of_random_books(seed: int) -> None:
    """ATT-4: through the engine, shares and rest add up to the harm of a plain run, per scenario."""
    snapshot = market_of(seed, 12)
    scenarios = shocks_of(snapshot, seed, 3, times=2)
    tokens = np.zeros(len(snapshot.reserves))
    book = snapshot.book.collateral
    np.add.at(tokens, book.reserve, book.amount_raw.astype(np.float64))
    sizes = np.outer(tokens / snapshot.unit, [0.0, 0.05, 0.5])
    depth = replace(
        Depth.infinite_for(snapshot),
        count=np.where(tokens > 0, 3, 0).astype(np.int64),
        size_tokens=sizes,
        proceeds_usd=sizes * snapshot.price_usd[:, None] * [1.0, 0.97, 0.85],
    )
    got = attribute(snapshot, scenarios, depth=depth)
    plain: Outcome = stress(snapshot, scenarios, depth=depth)
    for amount in AMOUNTS:
        values = getattr(plain, amount)
        harm = values.sum(axis=1) if values.ndim == 2 else values
        np.testing.assert_array_equal(got.harm[amount], harm)
        parts = got.shapley[amount].sum(axis=1) + got.rest[amount]
        np.testing.assert_allclose(parts, harm, rtol=1e-9, atol=1e-6)
        table = got.mean(amount).set_index("channel").shapley_usd
        assert table.iloc[:-1].sum() == pytest.approx(table["harm"], rel=1e-9, abs=1e-6)
    assert len(got.frame()) == 3 * len(got.channels)


def test_what_is_off_already_is_not_switched() -> None:
    snapshot = market(LISTED, [Account({0: 1_000.0}, {1: 78_000.0})], "3.0")
    got = attribute(
        snapshot, moves(snapshot, [[0.9, 1.0]]), oracles=PERFECT, liquidators=Liquidators(minimal=True)
    )
    assert got.channels == ()
    assert set(got.absent) == {ORACLE, CLOSE_FACTOR, IMPACT, CASCADE}
    for amount in AMOUNTS:
        assert got.harm[amount].tolist() == got.rest[amount].tolist()
        assert got.shapley[amount].shape == (1, 0)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["2.0", "3.0"]))
def test_minimal_calls_repay_what_is_needed(seed: int, release: str) -> None:
    """ATT-5: where no dust rule forces more, minimal calls repay nothing beyond need at fair prices."""
    snapshot = market_of(seed, 12, version=release)
    scenarios = shocks_of(snapshot, seed, 3)
    who = Liquidators(minimal=True)
    got = stress(snapshot, scenarios, oracles=PERFECT, liquidators=who, events=True)
    assert got.events is not None
    book, names = snapshot.book, snapshot.asset_names
    worth = np.bincount(book.collateral.account, snapshot.collateral_usd, len(book))
    for call in got.events.itertuples():
        u = book.accounts.index(call.account)
        own = slice(book.collateral.indptr[u], book.collateral.indptr[u + 1])
        k = own.start + book.collateral.reserve[own].tolist().index(names.index(call.collateral))
        slope = book.collateral.threshold_bps[k] / 1e4 * book.collateral.bonus_bps[k] / 1e4
        # The average threshold is cut to a bps twice: before the call and after it; prices rise by 15 %.
        slack = (
            2e-4 * 1.2 * worth[u] / (1 - slope)
            if snapshot.rules.health_formula.name.startswith("TRUNC")
            else 0
        )
        assert call.over_liquidated_usd <= slack + 1.0 + 1e-6 * call.repaid_usd


def test_minimal_calls_obey_dust_rules() -> None:
    """A minimal call that would leave dust is a whole one, as the contract demands."""
    snapshot = market(LISTED, [Account({0: 26.0}, {1: 2_060.0})])
    plain, least = (
        stress(snapshot, moves(snapshot, [[0.985, 1.0]]), liquidators=replace(FREE, minimal=m))
        for m in (False, True)
    )
    assert 0 < least.repaid_usd.sum() < plain.repaid_usd.sum()
    small = market(LISTED, [Account({0: 13.0}, {1: 1_030.0})])
    got = stress(small, moves(small, [[0.985, 1.0]]), liquidators=replace(FREE, minimal=True))
    assert got.repaid_usd.sum() == pytest.approx(1_030.0)
