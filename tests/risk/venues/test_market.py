"""What a market, its positions and its inputs refuse, and what branching and moments say of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from abis.errors import InputError, MalformedFile, ScenarioError, UnknownAsset
from risk.contagion import spectral_radius
from risk.venues.advance import run
from risk.venues.after import left, leverage_table, market_after, remaining_share
from risk.venues.book import Book, present_share
from risk.venues.branching import branching, density_usd
from risk.venues.margin import LONG, Tiers
from risk.venues.market import Market, market_of
from risk.venues.now import moment
from risk.venues.positions import Positions, from_table, joined, stacked
from risk.venues.profile import shipped
from risk.venues.scenario import fair_price
from risk.venues.state import start
from risk.venues.venue import LiquidationEngine, Venue

LINEAR = Book(1e7, 1.0, 1.0, np.inf)
TIERS = Tiers((0.0,), (0.005,))


def longs(usd_per_percent: float, nearest: float = 0.0) -> Positions:
    return stacked(
        "one", "BTC", LONG, TIERS, price_usd=100.0, nearest=nearest, farthest=0.1,
        usd_per_percent=usd_per_percent, leverage={20.0: 1.0}, levels=1000,
    )  # fmt: skip


def market(positions: Positions | None = None, **changes: object) -> Market:
    venue = replace(Venue("one", {"BTC": LINEAR}, {"BTC": TIERS}), **changes)  # type: ignore[arg-type]
    return market_of([venue], {"BTC": 100.0}, positions)


def row(**changes: object) -> pd.DataFrame:
    return pd.DataFrame(
        [{"venue": "one", "asset": "BTC", "side": "long", "entry_usd": 100.0, "leverage": 10.0,
          "notional_usd": 1e6} | changes]
    )  # fmt: skip


def test_a_table_of_open_interest_is_read() -> None:
    held = from_table(row(count=4))
    assert (held.coins[0], held.count[0], held.bankruptcy_usd[0]) == (1e4, 4.0, pytest.approx(90.0))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"notional_usd": -5.0}, r"row 0 \(one, BTC\) has notional_usd '-5.0'"),
        ({"notional_usd": float("nan")}, "notional_usd 'nan'"),
        ({"entry_usd": 0.0}, "entry_usd '0.0'"),
        ({"entry_usd": "dear"}, "entry_usd 'dear'"),
        ({"count": "many"}, "count 'many'"),
        ({"leverage": 0.5}, "leverage '0.5'"),
        ({"count": 0}, "count"),
        ({"side": "buy"}, "side 'buy'"),
        ({"colour": 1}, "unknown column 'colour'"),
    ],
)
def test_impossible_open_interest_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        from_table(row(**changes))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(MalformedFile, match="leverage"):
        from_table(row().drop(columns="leverage"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"venue": "two"}, "unknown venue 'two'"), ({"asset": "DOGE"}, "unknown asset 'DOGE'")],
)
def test_unknown_names_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(UnknownAsset, match=said):
        market(from_table(row(**changes)))


def test_what_is_liquidated_already_is_refused() -> None:
    with pytest.raises(InputError, match="is liquidated at"):
        market(from_table(row(entry_usd=120.0)))


def test_impossible_markets_are_refused() -> None:
    one = Venue("one", {"BTC": LINEAR})
    btc = {"BTC": 1.0}
    for venues, prices, others, said in (
        ([], btc, {}, "none or not distinct"),
        ([one, one], btc, {}, "none or not distinct"),
        ([one], {"BTC": 0.0}, {}, "impossible"),
        ([one], {"BTC": 1.0, "ETH": 1.0}, {}, "no venue has a book of 'ETH'"),
        ([one], btc, {"beta": {"ETH": 1.0}}, "no asset here"),
        ([one], btc, {"synchrony": 1.5}, "synchrony"),
        ([replace(one, index_weight=0.0)], btc, {}, "counts in the index"),
    ):
        with pytest.raises(InputError, match=said):
            market_of(venues, prices, **others)  # type: ignore[arg-type]


def test_paths_with_gaps_are_refused() -> None:
    one = market()
    with pytest.raises(ScenarioError, match="nan"):
        run(one, start(one, 1), [1.0, 2.0], [[[0.0], [np.nan]]])
    with pytest.raises(ScenarioError, match="do not rise"):
        run(one, start(one, 1), [1.0, 1.0], np.zeros((1, 2, 1)))
    with pytest.raises(ScenarioError, match="do not rise"):
        run(one, start(one, 1), [0.0], np.zeros((1, 1, 1)))
    with pytest.raises(ScenarioError, match="shape"):
        run(one, start(one, 1), [1.0], np.zeros((1, 1, 2)))
    with pytest.raises(InputError, match="scenarios"):
        start(one, 0)


def test_makers_step_back_beyond_two_usual_moves() -> None:
    book = replace(LINEAR, least_share=0.2, withdrawal=0.5, usual_move=0.01)
    assert present_share(0.02, book) == 1.0
    assert present_share(-0.04, book) == pytest.approx(0.2 + 0.8 * np.exp(-1.0))


def test_branching_of_one_linear_book_is_density_over_depth() -> None:
    one = market(longs(2e6))
    state = start(one, 1)
    assert density_usd(one, state)[0, 0] == pytest.approx(2e6, rel=0.01)
    assert spectral_radius(branching(one, state)) == pytest.approx(0.2, rel=0.01)


def test_arbitrage_spreads_what_a_fall_brings() -> None:
    venues = [Venue(n, {"BTC": LINEAR}, {"BTC": TIERS}, arbitrage_per_s=1.0) for n in ("one", "two")]
    both = market_of(venues, {"BTC": 100.0}, longs(2e6))
    matrix = branching(both, start(both, 1), horizon_s=600.0)
    assert matrix[:, 0] == pytest.approx([0.1, 0.1], rel=0.02)  # half of the depth each
    assert not matrix[:, 1].any()
    assert branching(both, start(both, 1), horizon_s=0.0)[1, 0] == 0.0


def test_the_backstop_takes_what_falls_through_and_sells_it_slowly() -> None:
    engine = LiquidationEngine(backstop_share=2 / 3, backstop_unwind_s=600.0)
    one = market(longs(2e6), engine=engine, fund_usd=1e8)
    state, record = run(one, start(one, 1), [1.0, 2.0], np.full((1, 2, 1), -0.05))
    assert record.vault_usd.sum() > record.book_usd.sum() > 0.0
    assert state.book["vault"][0, 0, 0] > 0.0


def test_winners_are_deleveraged_where_the_fund_is_empty() -> None:
    shorts = from_table(row(side="short", entry_usd=100.0, leverage=5.0, notional_usd=1e9))
    one = market(joined([longs(5e6), shorts]))
    state, record = run(one, start(one, 1), [1.0], np.full((1, 1, 1), -0.2))
    assert record.adl_usd[..., 0].sum() > 0.0
    assert state.cohort["coins"][0, one.positions.side < 0].sum() < shorts.coins.sum()
    assert state.venue["fund_usd"][0, 0] >= 0.0


def test_a_moment_in_numbers() -> None:
    venues = [replace(shipped(n).venue, name=n) for n in ("large", "thin", "spot")]
    held = stacked(
        "thin", "BTC", LONG, venues[1].tiers("BTC"), price_usd=9e4, nearest=0.001, farthest=0.05,
        usd_per_percent=1e5, leverage={20.0: 1.0},
    )  # fmt: skip
    one = market_of(venues, {"BTC": 9e4, "ETH": 3e3}, held, beta={"ETH": 1.3})
    state, record = run(one, start(one, 1), [5.0, 10.0], np.full((1, 2, 2), -0.01))
    now = moment(one, state, record, 10.0, oracle_usd={"BTC": 9e4})
    btc, eth = now.assets
    assert btc.dispersion > eth.dispersion == pytest.approx(0.0, abs=1e-9)
    assert btc.liquidated_usd_hour == pytest.approx(record.liquidated_usd.sum() * 360.0)
    assert 1.0 < btc.leverage < 100.0
    assert btc.oracle_gap < -0.009
    assert np.isnan(eth.oracle_gap)
    assert now.to_json()["assets"][1]["leverage"] is None
    assert now.spectral_radius > 0.0
    with pytest.raises(InputError):
        moment(one, state, record, 0.0)


def test_a_second_shock_starts_from_what_the_first_left() -> None:
    one = market(longs(3e6, nearest=0.001))
    before = start(one, 1)
    after, record = run(one, start(one, 1), [1.0, 60.0], np.full((1, 2, 1), -0.02))
    held = left(one, after)
    assert held.coins.sum() == pytest.approx(after.cohort["coins"].sum())
    alive = after.cohort["bankrupt"][0][after.cohort["coins"][0] > 0]
    assert held.bankruptcy_usd == pytest.approx(alive)
    share = remaining_share(one, before, after, np.full((1, 1, 1), 100.0))
    assert 0.0 < share[0, 0, 0] < 1.0
    assert share[0, 0, 1] == 0.0
    table = leverage_table(one, after, record.price_usd[:, -1])
    price = record.price_usd[0, -1, 0, 0]
    assert table["open_interest_usd"].sum() == pytest.approx(after.cohort["coins"].sum() * price)

    flushed = market_after(one, after)
    again, second = run(flushed, start(flushed, 1), [1.0], np.full((1, 1, 1), -0.005))
    rebuilt = market_after(
        one, after, rebuilt=[stacked(
            "one", "BTC", LONG, TIERS, price_usd=float(flushed.price_usd[0]), nearest=0.0005, farthest=0.02,
            usd_per_percent=3e6, leverage={20.0: 1.0})],
    )  # fmt: skip
    _, third = run(rebuilt, start(rebuilt, 1), [1.0], np.full((1, 1, 1), -0.005))
    assert third.liquidated_usd.sum() > second.liquidated_usd.sum()
    assert again.cohort["coins"].sum() > 0.0


def test_a_fair_price_needs_three_venues() -> None:
    assert fair_price(np.array([[1.0], [2.0], [9.0]]))[0] == 2.0
    assert fair_price(np.array([[1.0], [2.0], [3.0], [90.0]]))[0] == 2.5
    assert fair_price(np.array([[1.0], [np.nan], [3.0], [5.0]]))[0] == 3.0
    with pytest.raises(ScenarioError, match="2 venues"):
        fair_price(np.array([[1.0], [2.0]]))
