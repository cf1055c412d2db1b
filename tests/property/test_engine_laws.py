"""Laws of the liquidation engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numba
import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from benchmarks.bench_engine import market_of, shocks_of
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.snapshot import EMode, Snapshot
from risk.depth import Depth
from risk.engine import advance
from risk.engine import state as states
from risk.engine.liquidators import Liquidators
from risk.engine.prices import moments
from risk.engine.stress import stress
from risk.outcome import LEDGER, Outcome
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.testing.snapshots import snapshots
from tests.risk.engine.markets import FREE, Account, market, moves, reserve

seeds = st.integers(0, 2**32 - 1)
releases = st.sampled_from(["2.0", "3.0", "3.3", "3.5", "3.7"])
ARRAYS = [f.name for f in fields(Outcome) if f.type in ("FloatArray", "IntArray") and f.name != "weight"]


# What an account may owe beyond its collateral, or be spared, without a call.
BEFORE_ANY_CALL = ("bad_debt_usd", "bad_debt_emode_usd", "first_liquidation_s", "under_liquidation_usd_hours")


def shallow(snapshot: Snapshot, share: float = 0.05) -> Depth:
    """Curves that sell ``share`` of all collateral of a reserve at 99, 95 and 80 % of its price."""
    tokens = np.zeros(len(snapshot.reserves))
    np.add.at(
        tokens, snapshot.book.collateral.reserve, snapshot.book.collateral.amount_raw.astype(np.float64)
    )
    points = np.outer(tokens / snapshot.unit, [0.0, share, 2 * share, 4 * share])
    usd = np.zeros_like(points)
    usd[:, 1:] = np.cumsum(np.diff(points, axis=1) * [0.99, 0.95, 0.80], axis=1) * snapshot.price_usd[:, None]
    return replace(
        Depth.infinite_for(snapshot),
        count=np.where(tokens > 0, 4, 0).astype(np.int64),
        size_tokens=points,
        proceeds_usd=usd,
    )


def same(a: Outcome, b: Outcome, rows: slice = slice(None)) -> None:
    """Bit for bit."""
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(a, name)[rows], getattr(b, name), err_msg=name)


def alike(
    a: Outcome,
    b: Outcome,
    columns: Sequence[int] | None = None,
    factor: float = 1.0,
    rtol: float = 1e-7,
    atol: float = 1e-5,
) -> None:
    """Up to the order of additions."""
    for name in ARRAYS:
        ours, theirs = getattr(a, name), getattr(b, name)
        if columns is not None and theirs.ndim == 2 and not name.endswith("_emode_usd"):
            theirs = theirs[:, list(columns)]
        scale = factor if name.endswith(("_usd", "_usd_hours")) else 1.0
        np.testing.assert_allclose(ours * scale, theirs, rtol=rtol, atol=atol, err_msg=name)


@given(snapshots(), st.data())
def test_nothing_happens_to_a_healthy_book(snapshot: Snapshot, data: st.DataObject) -> None:
    """ENG-1: without a liquidatable account no call is made and no one loses; zero shock is the identity."""
    scenarios = moves(snapshot, np.ones((1, len(snapshot.reserves))))
    got = stress(snapshot, scenarios, liquidators=FREE, events=True)
    assume(got.eligible_accounts[0] == 0)
    assert got.events is not None
    assert got.events.empty
    for name in ARRAYS:
        if name not in BEFORE_ANY_CALL:
            assert not getattr(got, name).any(), name


@given(seeds, releases, st.booleans())
def test_conservation(seed: int, release: str, with_depth: bool) -> None:
    """ENG-2: per reserve, collateral lost is collateral seized, debt gone is debt repaid or burned."""
    snapshot = market_of(seed, 12, version=release)
    engine = advance.engine_of(snapshot, Liquidators(), shallow(snapshot) if with_depth else None)
    scenarios = shocks_of(snapshot, seed, 2, times=3)
    state = advance.start(engine, 2)
    block = next(iter(scenarios.blocks()))
    n = len(snapshot.reserves)
    seized, repaid = np.zeros((2, n)), np.zeros((2, n))
    for inputs in moments(snapshot, scenarios, block, None):
        state, step = advance.advance(engine, state, inputs, events=True)
        for row in step.log.rows:
            seized[int(row[0]), int(row[3])] += row[7]
            repaid[int(row[0]), int(row[4])] += row[6]
    for s in range(2):
        called = (state.flags[s] & states.CALLED) > 0
        for amount, book, own, moved in (
            (state.c_amount, snapshot.book.collateral, engine.model.c_amount, seized),
            (state.d_amount, snapshot.book.debt, engine.model.d_amount, repaid),
        ):
            rows = called[book.account]
            change = np.bincount(book.reserve[rows], own[rows] - amount[s][rows], n)
            total = np.bincount(book.reserve, own, n)
            assert (change >= moved[s] - 1e-12 * total).all()
            if book is snapshot.book.collateral or not snapshot.rules.creates_deficit:
                np.testing.assert_allclose(change, moved[s], atol=1e-12 * total.max())


@given(seeds, releases, st.booleans())
def test_signs(seed: int, release: str, with_depth: bool) -> None:
    """ENG-3: no entry of the ledger is negative, deficits are bad debt, liquidated accounts were eligible."""
    snapshot = market_of(seed, 12, version=release)
    depth = shallow(snapshot) if with_depth else None
    got = stress(snapshot, shocks_of(snapshot, seed, 3, times=2), depth=depth)
    for name in ARRAYS:
        assert (getattr(got, name) >= 0).all(), name
    assert (got.bad_debt_usd >= got.deficit_usd).all()
    assert (got.liquidated_accounts <= got.eligible_accounts).all()
    assert (got.toxic_usd.sum(axis=1) <= got.repaid_usd.sum(axis=1) * (1 + 1e-12)).all()


@given(seeds, releases, st.booleans())
def test_causes_add_up(seed: int, release: str, with_depth: bool) -> None:
    """LED-1: dislocation, excess and bonus add up to the avoidable loss, per reserve and per e-mode."""
    snapshot = market_of(seed, 12, version=release)
    depth = shallow(snapshot) if with_depth else None
    got = stress(snapshot, shocks_of(snapshot, seed, 3), depth=depth)
    causes = got.loss_dislocation_usd + got.loss_excess_usd + got.loss_bonus_usd
    np.testing.assert_allclose(got.avoidable_loss_usd.sum(axis=1), causes, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(got.avoidable_loss_emode_usd.sum(axis=1), causes, rtol=1e-12, atol=1e-9)


@given(seeds, releases, st.booleans())
def test_emodes_add_up(seed: int, release: str, with_depth: bool) -> None:
    """LED-8: every column of the ledger adds up to the same over e-mode rows as over reserves."""
    snapshot = with_emodes(market_of(seed, 12, version=release), seed)
    depth = shallow(snapshot) if with_depth else None
    got = stress(snapshot, shocks_of(snapshot, seed, 3, times=2), depth=depth)
    for name in LEDGER:
        by_mode = getattr(got, f"{name}_emode_usd")
        assert by_mode.shape == (3, 3)
        by_reserve = getattr(got, f"{name}_usd").sum(axis=1)
        np.testing.assert_allclose(by_mode.sum(axis=1), by_reserve, rtol=1e-9, atol=1e-6, err_msg=name)
        row_of = np.isin(snapshot.book.emode, (1, 2)) * snapshot.book.emode
        unused = np.bincount(row_of, minlength=3) == 0
        assert not by_mode[:, unused].any(), name


def with_emodes(snapshot: Snapshot, seed: int) -> Snapshot:
    """Return the market with two categories, and its accounts spread over them at random."""
    rng = np.random.default_rng(seed)
    modes = tuple(EMode(k, f"mode {k}", 9_000, 9_300, 10_100) for k in (1, 2))
    emode = rng.integers(0, 3, len(snapshot.book)).astype(snapshot.book.emode.dtype)
    return replace(snapshot, emodes=modes, book=replace(snapshot.book, emode=emode))


def renamed(snapshot: Snapshot) -> Snapshot:
    """The same book with the accounts in reverse order."""
    return _rebuilt(snapshot, {a: f"{10**9 - k:09d}" for k, a in enumerate(snapshot.book.accounts)}, None)


def reordered(snapshot: Snapshot) -> Snapshot:
    """The same market with the reserves in reverse order."""
    return _rebuilt(snapshot, {a: a for a in snapshot.book.accounts}, len(snapshot.reserves))


def _rebuilt(snapshot: Snapshot, names: dict[str, str], flip: int | None) -> Snapshot:
    def place(reserve: int) -> int:
        return int(reserve if flip is None else flip - 1 - reserve)

    c, d, accounts = snapshot.book.collateral, snapshot.book.debt, snapshot.book.accounts
    collateral = [
        CollateralEntry(
            names[accounts[c.account[k]]],
            place(c.reserve[k]),
            c.amount_raw[k],
            c.scaled_raw[k],
            int(c.threshold_bps[k]),
            int(c.ltv_bps[k]),
            int(c.bonus_bps[k]),
            bool(c.counted[k]),
        )
        for k in range(len(c.reserve))
    ]
    debt = [
        DebtEntry(names[accounts[d.account[k]]], place(d.reserve[k]), d.amount_raw[k], d.scaled_raw[k])
        for k in range(len(d.reserve))
    ]
    reserves = snapshot.reserves if flip is None else snapshot.reserves[::-1]
    emode_of = dict.fromkeys(names.values(), 0)
    return replace(snapshot, reserves=reserves, book=book_of(emode_of, collateral, debt))


@given(seeds, releases, st.booleans())
def test_order_of_accounts(seed: int, release: str, with_depth: bool) -> None:
    """ENG-4: the order of accounts changes nothing."""
    snapshot = market_of(seed, 12, version=release)
    other = renamed(snapshot)
    scenarios = shocks_of(snapshot, seed, 3, times=2)
    depths = (shallow(snapshot), shallow(other)) if with_depth else (None, None)
    alike(*(stress(m, scenarios, depth=d) for m, d in zip((snapshot, other), depths, strict=True)))


@given(seeds, releases, st.booleans())
def test_order_of_reserves(seed: int, release: str, with_depth: bool) -> None:
    """ENG-5: the order of reserves changes nothing but the order of columns."""
    snapshot = market_of(seed, 12, version=release)
    other = reordered(snapshot)
    scenarios = shocks_of(snapshot, seed, 3, times=2)
    block = next(iter(scenarios.blocks()))
    flipped = replace(
        scenarios,
        assets=other.asset_names,
        produce=lambda a, b: ScenarioBlock(
            a, block.market_price_usd[a:b, :, :, ::-1], block.fair_price_usd[a:b, :, ::-1]
        ),
    )
    depths = (shallow(snapshot), shallow(other)) if with_depth else (None, None)
    first = stress(snapshot, scenarios, depth=depths[0])
    second = stress(other, flipped, depth=depths[1])
    alike(first, second, columns=range(len(snapshot.reserves))[::-1])


@given(seeds, st.integers(1, 6))
def test_splitting_scenarios(seed: int, cut: int) -> None:
    """ENG-6: a batch of scenarios is its parts, bit for bit."""
    snapshot = market_of(seed, 12)
    whole = shocks_of(snapshot, seed, 7, times=2)
    got = stress(snapshot, whole, depth=shallow(snapshot))
    for first, last in ((0, cut), (cut, 7)):
        same(got, stress(snapshot, part_of(whole, first, last), depth=shallow(snapshot)), slice(first, last))


def part_of(scenarios: Scenarios, first: int, last: int) -> Scenarios:
    def produce(start: int, stop: int) -> ScenarioBlock:
        return replace(scenarios.produce(first + start, first + stop), start=start)

    chosen = slice(first, last)
    return replace(
        scenarios,
        names=scenarios.names[chosen],
        groups=scenarios.groups[chosen],
        weight=scenarios.weight[chosen],
        produce=produce,
    )


def test_threads() -> None:
    """ENG-7: results do not depend on the number of threads, bit for bit."""
    snapshot = market_of(3, 60)
    scenarios = shocks_of(snapshot, 3, 33, times=2)
    most = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        alone = stress(snapshot, scenarios, depth=shallow(snapshot))
    finally:
        numba.set_num_threads(most)
    same(alone, stress(snapshot, scenarios, depth=shallow(snapshot)))


@given(seeds, releases, st.integers(0, 4))
def test_a_path_is_the_fold_of_its_moments(seed: int, release: str, pause: int) -> None:
    """ENG-8: a whole path equals its moments one by one, stopped and resumed from a copy, bit for bit."""
    snapshot = market_of(seed, 12, version=release)
    scenarios = shocks_of(snapshot, seed, 3, times=4)
    engine = advance.engine_of(snapshot, depth=shallow(snapshot))
    block = next(iter(scenarios.blocks()))
    path = list(moments(snapshot, scenarios, block, None))
    whole, _ = advance.run(engine, advance.start(engine, 3), path)
    state, sold = advance.start(engine, 3), 0.0
    for t, inputs in enumerate(path):
        if t == pause:
            state = states.copy(state)
        state, step = advance.advance(engine, state, inputs)
        sold = sold + step.sold_tokens
    state = advance.finish(engine, state, path[-1])
    for name in ("scenario", "asset", "emode", "flags", "status"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(state, name), err_msg=name)
    np.testing.assert_allclose(state.asset["sold_tokens"], sold, rtol=1e-12)


@given(seeds, st.sampled_from([3, 1_000]))
def test_price_scaling(seed: int, factor: int) -> None:
    """ENG-9: a currency worth less scales every amount, up to smallest units, and no count."""
    snapshot = in_tenths_of_a_percent(market_of(seed, 12, version="3.0"))
    dearer = replace(
        snapshot,
        reserves=tuple(replace(r, price_raw=r.price_raw * factor) for r in snapshot.reserves),
    )
    thousandths = np.random.default_rng(seed).integers(550, 1_150, (3, len(snapshot.reserves)))
    first, second = (
        stress(s, moves(s, thousandths / 1_000), liquidators=Liquidators(20.0 * f, 5.0, 1.0 * f))
        for s, f in ((snapshot, 1), (dearer, factor))
    )
    smallest_unit_usd = (dearer.price_usd / dearer.unit).max()
    alike(first, second, factor=factor, rtol=1e-6, atol=10 * smallest_unit_usd + 1e-5 * factor)


def in_tenths_of_a_percent(snapshot: Snapshot) -> Snapshot:
    """Return the market with raw prices that a tenth of a percent divides: no move needs rounding.

    Rounding moves a price by one part in its raw value, which is enough to turn a liquidator's
    choice between two calls that earn nearly the same.
    """
    return replace(
        snapshot,
        reserves=tuple(replace(r, price_raw=max(r.price_raw // 1_000, 1) * 1_000) for r in snapshot.reserves),
    )


@given(seeds)
def test_events_are_the_totals(seed: int) -> None:
    """ENG-10: the event table adds up to the totals, and asking for it changes none of them."""
    snapshot = market_of(seed, 12)
    scenarios = shocks_of(snapshot, seed, 3, times=2)
    plain = stress(snapshot, scenarios, depth=shallow(snapshot))
    got = stress(snapshot, scenarios, depth=shallow(snapshot), events=True)
    same(plain, got)
    assert got.events is not None
    sums = got.events.groupby("scenario")[["repaid_usd", "seized_usd", "deficit_usd", "profit_usd"]].sum()
    sums = sums.reindex(range(3), fill_value=0.0)
    for name, total in (
        ("repaid_usd", got.repaid_usd.sum(axis=1)),
        ("seized_usd", got.seized_usd.sum(axis=1)),
        ("deficit_usd", got.deficit_usd.sum(axis=1)),
        ("profit_usd", got.liquidator_profit_usd),
    ):
        np.testing.assert_allclose(sums[name], total, rtol=1e-12, atol=1e-9)
    causes = [c for c in got.events.columns if c.startswith("loss_")]
    own = got.events.assign(loss=got.events[causes].sum(axis=1)).groupby(
        ["scenario", "account"], observed=True
    )
    most = own.loss.sum().groupby("scenario").max().reindex(range(3), fill_value=0.0)
    np.testing.assert_allclose(most, got.largest_account_loss_usd, rtol=1e-12, atol=1e-9)


@given(seeds, st.floats(0.1, 0.9))
def test_thinner_markets(seed: int, share: float) -> None:
    """ENG-11: with less depth no single call earns more: the first call's profit never rises."""
    snapshot = market_of(seed, 12)
    scenarios = shocks_of(snapshot, seed, 1)
    first = []
    for depth in (None, shallow(snapshot), shallow(snapshot).scaled(share)):
        got = stress(snapshot, scenarios, depth=depth, events=True, liquidators=FREE)
        assert got.events is not None
        first.append(got.events.profit_usd.max() if len(got.events) else 0.0)
    assert first[0] * (1 + 1e-9) >= first[1]
    assert first[1] * (1 + 1e-9) >= first[2]


@given(st.integers(10_001, 11_500), st.integers(0, 500), st.integers(940, 985))
def test_a_larger_bonus_never_helps_the_borrower_in_the_engine(low: int, more: int, permille: int) -> None:
    """LED-5: the same, through the engine: half of one debt repaid, every parameter but the bonus equal."""
    losses = []
    for bonus_bps in (low, low + more):
        snapshot = market(
            [reserve("X", 100.0, liquidation_bonus_bps=bonus_bps), reserve("USD", decimals=6)],
            [Account({0: 1_000.0}, {1: 78_500.0})],
            "3.0",
        )
        got = stress(
            snapshot, moves(snapshot, [[permille / 1_000, 1.0]]), liquidators=Liquidators(0.0, 50.0, 0.0)
        )
        assume(0 < got.repaid_usd.sum() < 40_000)
        losses.append(got.avoidable_loss_usd.sum())
    assert losses[0] <= losses[1] * (1 + 1e-9)
