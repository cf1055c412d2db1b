"""Laws of cascades: theory, and the kernel against its spec."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.testing.venues import ASSETS, floats, markets, paths
from risk.venues.advance import Inputs, advance, run
from risk.venues.book import Book, average_impact, impact, synchrony_factor
from risk.venues.margin import LONG, Tiers, bankruptcy_price, liquidation_price
from risk.venues.market import Market, market_of
from risk.venues.positions import FloatArray, Positions, stacked
from risk.venues.reference import Closed, follow
from risk.venues.state import State, money_usd, open_coins, start
from risk.venues.venue import LiquidationEngine, Venue

TIERS = Tiers((0.0,), (0.005,))
NEVER = {"permanent_share": 1.0, "refill_half_life_s": np.inf}


def one_venue(book: Book, held: Positions | None = None, **engine: object) -> Market:
    rules = LiquidationEngine(adl=False, **engine)  # type: ignore[arg-type]
    return market_of([Venue("one", {"BTC": book}, {"BTC": TIERS}, engine=rules)], {"BTC": 100.0}, held)


def longs(
    price_usd: float, density: float, levels: int, nearest: float = 0.0, farthest: float = 0.2
) -> Positions:
    return stacked(
        "one", "BTC", LONG, TIERS, price_usd=price_usd, nearest=nearest, farthest=farthest,
        usd_per_percent=density, leverage={20.0: 1.0}, levels=levels,
    )  # fmt: skip


def same(one: State, other: State) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@given(
    entry=floats(1e-3, 1e6),
    leverage=floats(1.01, 100.0),
    side=st.sampled_from([1, -1]),
    rate=floats(1e-4, 0.2),
    deduction=floats(0.0, 0.5),
)
def test_closed_forms(entry: float, leverage: float, side: int, rate: float, deduction: float) -> None:
    """VEN-1: equity is the maintenance margin at the liquidation price, nothing at the bankruptcy price."""
    coins = 1.0 / entry
    broke = bankruptcy_price(entry, leverage, side)
    level = liquidation_price(broke, rate, side, deduction * rate, coins)
    equity = 1.0 / leverage + side * coins * (level - entry)
    assert equity == pytest.approx(rate * level * coins - deduction * rate, abs=1e-9)
    assert 1.0 / leverage + side * coins * (broke - entry) == pytest.approx(0.0, abs=1e-12)


@settings(deadline=None)
@given(market=markets(), path=paths())
def test_the_kernel_is_the_reference(market: Market, path: tuple[FloatArray, FloatArray]) -> None:
    """VEN-2: the compiled step gives the plain one's prices, liquidations, funding and money."""
    times, moves = path
    state, out = run(market, start(market, 1), times, moves)
    rows = [dict(zip(market.assets, map(float, row), strict=True)) for row in moves[0]]
    spec, prices = follow(market, list(map(float, times)), rows)
    for t, expected in enumerate(prices):
        got = [out.price_usd[0, t, v, k] for v in range(len(market.venues)) for k in range(len(ASSETS))]
        assert got == pytest.approx(list(expected.values()), rel=1e-9)
    for v, name in enumerate(market.names()):
        for k, asset in enumerate(market.assets):
            for j, side in enumerate((1, -1)):
                closed = spec.closed.get((name, asset, side), Closed())
                for usd, wanted in zip(
                    (out.book_usd, out.vault_usd, out.adl_usd),
                    (closed.book, closed.vault, closed.adl),
                    strict=True,
                ):
                    assert usd[0, :, v, k, j].sum() == pytest.approx(wanted, rel=1e-9, abs=1e-6)
            paid = spec.paid.get((name, asset), 0.0)
            assert out.funding[0, :, v, k].sum() == pytest.approx(paid, abs=1e-12)
        assert state.venue["fund_usd"][0, v] == pytest.approx(spec.fund[name], rel=1e-9, abs=1e-3)
        assert state.venue["wallet_usd"][0, v] == pytest.approx(spec.wallet[name], rel=1e-9, abs=1e-3)
        assert state.venue["largest_usd"][0, v] == pytest.approx(spec.largest[name], rel=1e-9)


@settings(deadline=None)
@given(market=markets(), path=paths(scenarios=2))
def test_a_path_is_the_fold_of_its_moments(market: Market, path: tuple[FloatArray, FloatArray]) -> None:
    """VEN-3: a path in one call ends in the very bits of one call a moment."""
    times, moves = path
    whole, out = run(market, start(market, 2), times, moves)
    state, closed = start(market, 2), np.zeros_like(out.liquidated_usd[:, 0])
    for t, time_s in enumerate(times):
        state, moment = advance(market, state, Inputs(float(time_s), moves[:, t]))
        closed += moment.liquidated_usd[:, 0]
        assert np.array_equal(moment.price_usd[:, 0], out.price_usd[:, t])
    assert same(whole, state)
    assert closed == pytest.approx(out.liquidated_usd.sum(axis=1))


@settings(deadline=None)
@given(market=markets(), path=paths(scenarios=3))
def test_scenarios_do_not_touch_each_other(market: Market, path: tuple[FloatArray, FloatArray]) -> None:
    """VEN-4: a scenario ends the same alone as in a block."""
    times, moves = path
    block, _ = run(market, start(market, 3), times, moves)
    for s in range(3):
        alone, _ = run(market, start(market, 1), times, moves[s : s + 1])
        assert same(alone, State(*(a[s : s + 1] for a in block)))


@settings(deadline=None)
@given(market=markets(), path=paths(), at=floats(0.1, 10.0))
def test_money_and_coins_are_kept(market: Market, path: tuple[FloatArray, FloatArray], at: float) -> None:
    """VEN-5: no step makes or loses money or open interest on a venue, at whatever prices it is counted."""
    times, moves = path
    state = start(market, 1)
    prices = np.broadcast_to(market.price_usd * at, (1, len(market.venues), len(ASSETS)))
    before, size = (
        money_usd(market, state, prices),
        np.abs(state.cohort["coins"] * market.positions.entry_usd),
    )
    state, _ = run(market, state, times, moves)
    scale = size.sum() * (1.0 + at) + state.venue["fund_usd"].max() + 1.0
    assert money_usd(market, state, prices) == pytest.approx(before, abs=1e-9 * scale)
    left = open_coins(market, state) + state.book["vault"] + state.book["counter"]
    assert left * market.price_usd == pytest.approx(np.zeros(left.shape), abs=1e-9 * scale)


@settings(deadline=None)
@given(market=markets(), path=paths())
def test_no_leverage_no_cascade(market: Market, path: tuple[FloatArray, FloatArray]) -> None:
    """VEN-6: without leverage nothing is liquidated and prices are those from outside."""
    times, moves = path
    long = market.positions.side == LONG
    unlevered = market.positions.with_leverage_at_most(1.0).scaled(np.where(long, 1.0, 0.0))
    calm = market.with_(positions=unlevered)
    _, out = run(calm, start(calm, 1), times, moves)
    assert not out.liquidated_usd.any()
    outside = market.price_usd * np.exp(moves)
    assert out.price_usd == pytest.approx(
        np.broadcast_to(outside[:, :, None], out.price_usd.shape), rel=1e-12
    )


@settings(deadline=None)
@given(ratio=floats(0.0, 0.7), fall=floats(0.005, 0.03))
def test_the_linear_limit(ratio: float, fall: float) -> None:
    """VEN-7: on one linear book the move is the outside one over 1 - n, n = liquidations over depth."""
    depth, levels = 1e7, 4000
    market = one_venue(Book(depth, 1.0, **NEVER), longs(100.0, ratio * depth, levels))
    times = np.arange(1.0, 121.0)
    _, out = run(market, start(market, 1), times, np.full((1, 120, 1), -fall))
    moved = -np.log(out.price_usd[0, -1, 0, 0] / 100.0)
    spacing = 0.2 / levels
    assert moved == pytest.approx(
        fall / (1.0 - ratio), abs=3 * spacing / (1.0 - ratio) + fall * ratio**100 * 10
    )


@given(m=st.integers(2, 8), exponent=floats(0.3, 1.0), quantity=floats(1e4, 1e7))
def test_synchronised_sweeps_are_convex(m: int, exponent: float, quantity: float) -> None:
    """VEN-8: m equal orders at once move the price m**(1/gamma - 1) times as far as on refilled books."""
    depth = 1.4e7
    together, apart = impact(m * quantity, depth, exponent), m * impact(quantity, depth, exponent)
    assert together / apart == pytest.approx(synchrony_factor(m, exponent), rel=1e-9)
    assert average_impact(quantity, depth, exponent) == pytest.approx(
        impact(quantity, depth, exponent) / (1.0 / exponent + 1.0), rel=1e-9
    )


@settings(deadline=None)
@given(
    exponent=floats(0.4, 1.2),
    density=floats(1e5, 2e7),
    levels=st.integers(1, 40),
    moves=st.lists(floats(-0.02, 0.01), min_size=1, max_size=20),
)
def test_halving_depth_never_reduces_liquidations(
    exponent: float, density: float, levels: int, moves: list[float]
) -> None:
    """VEN-9: longs only, lasting impact, no auto-deleveraging: half the depth liquidates as much or more."""
    held, path = longs(100.0, density, levels, nearest=0.001), np.cumsum(moves)[None, :, None]
    left = []
    for depth in (2e7, 1e7):
        market = one_venue(Book(depth, exponent, **NEVER), held)
        state, _ = run(market, start(market, 1), np.arange(1.0, len(moves) + 1.0), np.maximum(path, -9.0))
        left.append(state.cohort["coins"])
    assert (left[1] <= left[0]).all()


@settings(deadline=None)
@given(market=markets(), path=paths())
def test_deleveraging_keeps_the_fund_solvent(market: Market, path: tuple[FloatArray, FloatArray]) -> None:
    """VEN-10: where positions are deleveraged and no vault holds any, the fund never pays what it lacks."""
    times, moves = path
    state, _ = run(market, start(market, 1), times, moves)
    for v, venue in enumerate(market.venues):
        if venue.engine.adl and venue.engine.backstop_share == 0.0:
            assert state.venue["fund_usd"][0, v] >= -1e-6


@settings(deadline=None)
@given(market=markets(), usd=floats(-2e7, 2e7))
def test_arbitrage_brings_venues_together(market: Market, usd: float) -> None:
    """VEN-11: arbitrage ends where the sale leaves the linked books together, and keeps what was sold."""
    book = Book(1e7, 0.5, permanent_share=0.4, refill_half_life_s=np.inf)
    linked = [replace(v, books=dict.fromkeys(ASSETS, book), arbitrage_per_s=1.0) for v in market.venues]
    calm = market.with_(venues=linked, positions=market.positions.scaled(0.0))
    flow = np.zeros((1, 2, len(linked), 2))
    flow[0, 0, 0, 0] = usd
    state, out = run(calm, start(calm, 1), [1.0, 500.0], np.zeros((1, 2, 2)), flow)
    volume = np.abs(usd)
    expected = -np.sign(usd) * impact(volume, 1e7 * len(linked), 0.5)
    assert np.log(out.price_usd[0, 1, :, 0] / ASSETS["BTC"]) == pytest.approx(expected, abs=1e-9)
    assert (state.book["bid"] - state.book["ask"])[0, :, 0].sum() == pytest.approx(usd, abs=1e-3)


@settings(deadline=None)
@given(market=markets(), usd=floats(1e5, 5e6))
def test_a_halted_venue_keeps_its_impact(market: Market, usd: float) -> None:
    """VEN-12: what is sold on a venue whose withdrawals are halted moves no other venue."""
    halted = market.with_(
        venues=[v.halted() if n == 0 else v for n, v in enumerate(market.venues)],
        positions=market.positions.scaled(0.0),
    )
    flow = np.zeros((1, 2, len(halted.venues), 2))
    flow[0, 0, 0, 1] = usd
    _, out = run(halted, start(halted, 1), [1.0, 60.0], np.zeros((1, 2, 2)), flow)
    assert out.price_usd[0, 0, 0, 1] < ASSETS["ETH"]
    assert out.price_usd[0, :, 1:, 1] == pytest.approx(ASSETS["ETH"], rel=1e-12)
