"""Basis-trade stablecoins: funding -> yield -> carry of loops -> who leaves -> sales, redemptions, orders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abis.errors import InputError, MalformedFile, UnknownAsset
from abis.units import RAY
from protocols.aave_v3.interest import borrow_rate_ray, utilisation_ray
from protocols.snapshot import RateModel, Reserve, Snapshot
from risk.depth import Depth
from risk.engine.stress import stress
from risk.testing.venues import floats
from risk.venues.advance import run
from risk.venues.basis import Issuer, earned
from risk.venues.basis_exit import Exit, exit_findings, leave, scenarios_of
from risk.venues.basis_file import parse_basis, read_basis, usde
from risk.venues.basis_flow import (
    closed_over_a_day,
    closing_flow,
    coins_split,
    market_funding,
    shorts_split,
    venue_funding,
)
from risk.venues.basis_loops import Curve, Loops, loops_of
from risk.venues.basis_secondary import Secondary, published, secondary_of
from risk.venues.basis_unwind import Unwound, leaving, unwind
from risk.venues.book import Book
from risk.venues.margin import LONG, Tiers
from risk.venues.market import Market, market_of
from risk.venues.positions import joined, stacked
from risk.venues.state import start
from risk.venues.venue import Funding, Venue
from tests.risk.markets import market, reserve

USDE = usde().issuer
MODEL = RateModel(920_000 * RAY // 10**6, 0, 55_000 * RAY // 10**6, 350_000 * RAY // 10**6)


def with_totals(
    n: int, symbol: str, debt: float, liquidity: float, model: RateModel | None = MODEL
) -> Reserve:
    listed = reserve(n, symbol, 6, 1.0, 7200, 7500, 10850)
    unit = 10**6
    return replace(
        listed,
        rate_model=model,
        total_debt_raw=round(debt * unit),
        available_liquidity_raw=round(liquidity * unit),
        total_supply_raw=round((debt + liquidity) * unit),
    )


RESERVES = (
    with_totals(0, "USDe", 20e6, 30e6),
    with_totals(1, "sUSDe", 0.0, 80e6, None),
    with_totals(2, "USDC", 90e6, 10e6),
    with_totals(3, "USDT", 60e6, 15e6),
    reserve(4, "WETH", 18, 3000, 8050, 8300, 10500),
)
# (account, e-mode, supplied, owed), whole tokens
POSITIONS = (
    ("0xa1", 1, {1: 10e6}, {2: 8.5e6}),
    ("0xa2", 1, {0: 5e6, 1: 5e6}, {3: 8e6}),
    ("0xa3", 1, {1: 4e6}, {0: 3.5e6}),
    ("0xa4", 0, {1: 1e6, 4: 1_000}, {2: 0.5e6}),  # mostly WETH
    ("0xa5", 0, {1: 3e6}, {4: 100}),  # owes ETH
    ("0xa6", 1, {1: 1e6}, {2: 1.01e6}),  # under water
    ("0xa7", 0, {1: 9e6}, {}),  # holds, owes nothing
)


def snapshot() -> Snapshot:
    return market(POSITIONS, RESERVES)


@st.composite
def curves(draw: st.DrawFn, name: str) -> Curve:
    debt = draw(floats(1e6, 1e9))
    return Curve(
        name,
        draw(floats(0.0, 0.05)),
        draw(floats(0.0, 0.1)),
        draw(floats(0.0, 1.0)),
        draw(floats(0.3, 0.95)),
        debt,
        draw(floats(0.0, 1e9)),
    )


@st.composite
def loops(draw: st.DrawFn, reserves: int = 3) -> Loops:
    listed = tuple(draw(curves(f"R{j}")) for j in range(reserves))
    n = draw(st.integers(1, 6))
    owed = np.array([[draw(floats(0.0, 1.0)) for _ in listed] for _ in range(n)])
    # Loops owe at most what the reserve has lent.
    owed *= np.array([c.debt_usd for c in listed]) / n
    owed[:, 0] += 1.0
    equity = owed.sum(axis=1) * np.array([draw(floats(0.08, 3.0)) for _ in range(n)])
    staked = np.array([draw(floats(0.0, 1.0)) for _ in range(n)])
    held = owed.sum(axis=1) + equity
    return Loops(
        tuple(f"a{i}" for i in range(n)), np.zeros(n, dtype=np.int64), held * (1.0 - staked), held * staked,
        owed, listed, np.array([j == reserves - 1 for j in range(reserves)]),
    )  # fmt: skip


def issuers() -> st.SearchStrategy[Issuer]:
    return st.builds(
        lambda **changes: replace(USDE, **changes),
        gone_at=floats(0.01, 0.5),
        plain_earns=floats(0.0, 1.0),
        cooldown_s=floats(0.0, 864_000.0),
        usd_per_day=floats(0.0, 1e9),
        fee=floats(0.0, 0.01),
        size_usd=floats(1e5, 1e9),
        within=floats(0.001, 0.2),
        horizon_s=floats(86_400.0, 2e6),
    )


YIELDS = floats(0.0, 0.3)


@settings(deadline=None, max_examples=30)
@given(book=loops(), issuer=issuers(), rate=YIELDS)
def test_nobody_leaves_without_negative_carry(book: Loops, issuer: Issuer, rate: float) -> None:
    """VEN-16: loops whose carry does not turn negative stay whole; those beyond -gone_at all leave."""
    found = unwind(book, issuer, rate)
    assert (found.share[found.carry >= 0.0] == 0.0).all()
    assert (found.share[found.carry <= -issuer.gone_at] == 1.0).all()
    assert (found.carry >= found.carry_before - 1e-12).all()
    if (found.carry_before >= 0.0).all():
        assert found.repaid_usd.sum() == 0.0
        assert (found.rate == found.rate_before).all()


@settings(deadline=None, max_examples=30)
@given(book=loops(), issuer=issuers(), rate=YIELDS)
def test_rates_and_leavers_fit_between_their_ends(book: Loops, issuer: Issuer, rate: float) -> None:
    """VEN-17: rates fit their leavers, between none leaving and all leaving who would at the old rates."""
    found = unwind(book, issuer, rate)
    again = leaving(book.carry(issuer, rate, found.rate), issuer.gone_at) @ book.debt_usd
    fits = [c.rate(float(q)) for c, q in zip(book.curves, again, strict=True)]
    assert found.rate == pytest.approx(fits, abs=1e-9)
    assert (found.rate <= found.rate_before).all()
    assert (found.rate >= found.lowest_rate - 1e-12).all()


@settings(deadline=None, max_examples=30)
@given(book=loops(), issuer=issuers(), rate=YIELDS, less=floats(0.0, 0.1), j=st.integers(0, 2))
def test_more_leaves_at_a_higher_rate_or_lower_yield(
    book: Loops, issuer: Issuer, rate: float, less: float, j: int
) -> None:
    """VEN-18: a dearer reserve is repaid no less; at a lower yield no less of what earns it leaves."""
    found = unwind(book, issuer, rate)
    dearer = list(book.curves)
    dearer[j] = dearer[j]._replace(base=dearer[j].base + less)
    other = unwind(replace(book, curves=tuple(dearer)), issuer, rate)
    slack = 1e-6 * (1.0 + book.debt_usd.sum())
    assert other.repaid_usd[j] >= found.repaid_usd[j] - slack
    poorer = unwind(book, issuer, max(0.0, rate - less))
    earning = book.staked_usd + issuer.plain_earns * book.plain_usd
    assert poorer.share @ earning >= found.share @ earning - slack


@settings(deadline=None, max_examples=30)
@given(book=loops(), issuer=issuers(), rate=YIELDS, days=floats(0.5, 40.0))
def test_supply_debt_and_money_are_kept(book: Loops, issuer: Issuer, rate: float, days: float) -> None:
    """VEN-19: leaving keeps money and tokens: parties' gains add up, supply falls by what is redeemed."""
    issuer = replace(issuer, supply_usd=1e12)
    found = unwind(book, issuer, rate)
    gone = leave(book, found, issuer, published(issuer), over_s=days * 86_400.0, step_s=21_600.0)
    scale = 1.0 + book.collateral_usd.sum()
    assert abs(sum(gone.cash_usd.values())) <= 1e-9 * scale
    before, after = gone.supply_usd
    assert sum(gone.tokens_usd.values()) == pytest.approx(after - before, abs=1e-9 * before)
    assert (np.diff(gone.sold_usd) >= 0.0).all()
    assert (np.diff(gone.redeemed_usd) >= 0.0).all()
    assert (gone.sold_usd <= gone.wanted_usd + 1e-9 * scale).all()
    assert (gone.redeemed_usd <= gone.sold_usd + 1e-9 * scale).all()
    assert (gone.redeemed_usd <= issuer.usd_per_day * gone.time_s / 86_400.0 + 1e-9 * scale).all()
    # Sold or swapped for debt, every token that leaves a loop is one of those that left for good.
    whole = found.plain_usd + found.staked_usd
    done = gone.sold_usd[-1] / gone.wanted_usd[-1] if gone.wanted_usd[-1] > 0.0 else 0.0
    if days * 86_400.0 >= issuer.horizon_s and gone.wanted_usd[-1] > 0.0:
        assert gone.wanted_usd[-1] + found.repaid_usd[book.own].sum() == pytest.approx(whole, rel=1e-9)
        assert gone.repaid_usd == pytest.approx(done * found.repaid_usd[~book.own].sum(), rel=1e-9, abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(
    debt=st.integers(1, 10**16), liquidity=st.integers(0, 10**16), share=floats(0.0, 1.0),
    base=st.integers(0, RAY // 10), slopes=st.tuples(st.integers(0, RAY), st.integers(0, RAY)),
    optimal=st.integers(1, RAY),
)  # fmt: skip
def test_the_rate_is_the_contracts(
    debt: int, liquidity: int, share: float, base: int, slopes: tuple[int, int], optimal: int
) -> None:
    """VEN-20: the rate after a repayment is the contract's integer rate but for the rounding of floats."""
    model = RateModel(optimal, base, *slopes)
    repaid = int(debt * share)
    exact = borrow_rate_ray(model, utilisation_ray(debt - repaid, liquidity + repaid)) / RAY
    curve = Curve(
        "X", base / RAY, slopes[0] / RAY, slopes[1] / RAY, optimal / RAY, float(debt), float(liquidity)
    )
    steep = max(1.0, slopes[0] / optimal, slopes[1] / max(RAY - optimal, 1))
    assert curve.rate(float(repaid)) == pytest.approx(exact, abs=1e-11 * steep)


TIERS = Tiers((0.0,), (0.005,))


def perps(clamp: float = 0.0) -> Market:
    book = Book(depth_usd=5e6, exponent=0.5, permanent_share=0.5, refill_half_life_s=600.0)
    levered = Venue(
        "perps", {"BTC": book, "ETH": book}, {"BTC": TIERS, "ETH": TIERS}, funding=Funding(clamp=clamp)
    )
    spot = Venue("spot", {"BTC": book, "ETH": book}, index_weight=10.0)
    prices = {"BTC": 90_000.0, "ETH": 3_000.0}
    held = [
        stacked("perps", a, LONG, TIERS, price_usd=p, nearest=0.4, farthest=0.45, usd_per_percent=1e4,
                leverage={2.0: 1.0}, levels=2)
        for a, p in prices.items()
    ]  # fmt: skip
    return market_of([levered, spot], prices, joined(held))  # funding is paid where positions are


@settings(deadline=None, max_examples=8)
@given(redeemed=floats(0.0, 1e8))
def test_closing_the_basis_never_lowers_funding(redeemed: float) -> None:
    """VEN-21: closing the basis trade buys as much as it sells and never lowers funding."""
    times = np.arange(60.0, 3_601.0, 60.0)
    bought, sold = closing_flow(USDE, perps(), times, np.full(60, redeemed / 60))
    assert (bought <= 0.0).all()
    assert (sold >= 0.0).all()
    assert bought.sum() == pytest.approx(-sold.sum(), rel=1e-9, abs=1e-9)
    assert sold.sum() == pytest.approx(0.28 * redeemed, rel=1e-9, abs=1e-9)
    found = closed_over_a_day(USDE, perps(), redeemed)
    for coin in USDE.basis:
        assert found.funding_with[coin] >= found.funding_without[coin] - 1e-12
    if redeemed > 1e6:
        assert found.funding_with["BTC"] > found.funding_without["BTC"]


def test_the_backing_earns_funding_by_its_share() -> None:
    issuer = replace(USDE, basis={"BTC": 0.5, "ETH": 0.3}, spot_yield={"ETH": 0.02}, kept_share=0.1,
                     staked_share=0.5, rest_yield=0.04)  # fmt: skip
    found = earned(issuer, {"BTC": 0.10, "ETH": 0.05})
    assert found.backing == pytest.approx(0.05 + 0.021 + 0.008)
    assert found.staked == pytest.approx(0.079 * 0.9 / 0.5)
    assert found.shortfall_usd == 0.0
    poor = earned(issuer, {"BTC": -0.10, "ETH": -0.05})
    assert poor.staked == 0.0
    assert poor.shortfall_usd == pytest.approx((0.05 + 0.009 - 0.008) * issuer.supply_usd)


def test_funding_is_read_from_where_shorts_are() -> None:
    one = perps()
    assert shorts_split(one)[:, 0].tolist() == [1.0, 0.0]
    assert coins_split(one)[:, 0].tolist() == [0.0, 1.0]
    times = np.arange(600.0, 36_001.0, 600.0)  # one payment at 8 h, two hours owed
    still, selling = np.zeros((1, 60, 2)), np.zeros((1, 60, 2, 2))
    calm = perps(clamp=0.0005)
    state, record = run(calm, start(calm, 1), times, still)
    found = market_funding(calm, venue_funding(calm, state, record, 36_000.0))
    assert found["BTC"] == pytest.approx(0.0001 * 3 * 365)
    selling[:, :, 0, 0] = 1e5  # on the perpetual alone
    state, record = run(one, start(one, 1), times, still, selling)
    found = market_funding(one, venue_funding(one, state, record, 36_000.0))
    assert found["BTC"] < 0.0 == found["ETH"]  # clamp 0: the premium alone
    with pytest.raises(InputError, match=r"record of 0\.0 s"):
        venue_funding(one, state, record, 0.0)


def test_loops_of_a_market() -> None:
    found = loops_of(snapshot(), USDE)
    assert found.account == ("0xa1", "0xa2", "0xa3")
    assert [c.name for c in found.curves] == ["USDe", "USDC", "USDT"]
    assert found.own.tolist() == [True, False, False]
    assert found.leverage == pytest.approx([10e6 / 1.5e6, 5.0, 8.0])
    assert found.curves[1].rate() == pytest.approx(0.055 * 0.9 / 0.92)
    told = {f.message for f in found.findings}
    assert any("2 accounts with other collateral or debt" in t for t in told)
    assert any("1 accounts under water" in t for t in told)
    carry = found.carry(USDE, 0.06, np.array([0.03, 0.05, 0.04]))
    assert carry[0] == pytest.approx((0.06 * 10 - 0.05 * 8.5) / 1.5)  # y L - r (L - 1)


def test_worked_unwinding() -> None:
    """One loop and one reserve, by hand: the share s solves s = (r(s) D - y C) / (E gone_at)."""
    curve = Curve("USDC", 0.0, 0.09, 1.0, 0.9, 90.0, 10.0)
    book = Loops(("a",), np.zeros(1, dtype=np.int64), np.zeros(1), np.array([50.0]), np.array([[40.0]]),
                 (curve,), np.array([False]))  # fmt: skip
    issuer = replace(USDE, gone_at=0.2)
    found = unwind(book, issuer, 0.06)
    # r(s) = 0.001 (90 - 40 s); s = (40 r - 3) / 2 = (0.6 - 1.6 s) / 2
    assert found.share[0] == pytest.approx(0.6 / 3.6)
    assert found.rate[0] == pytest.approx(0.001 * (90 - 40 * 0.6 / 3.6))
    assert found.lowest_rate[0] == pytest.approx(0.001 * (90 - 40 * 0.3))
    assert found.repaid_usd[0] == pytest.approx(40 * 0.6 / 3.6)


def gone(**changes: float) -> tuple[Loops, Unwound, Issuer]:
    issuer = replace(USDE, **changes)
    book = loops_of(snapshot(), issuer)
    return book, unwind(book, issuer, 0.0), issuer


def test_redemption_slower_than_leaving_opens_a_discount() -> None:
    found: dict[float, Exit] = {}
    for cooldown in (0.0, 86_400.0, 604_800.0):
        book, who, issuer = gone(cooldown_s=cooldown, gone_at=0.01)
        found[cooldown] = leave(book, who, issuer, published(issuer), over_s=14 * 86_400.0)
    worst = [float(f.discount.max()) for f in found.values()]
    assert worst == sorted(worst)
    assert worst[0] < worst[-1]
    book, who, issuer = gone(usd_per_day=0.0, gone_at=0.01)
    stuck = leave(book, who, issuer, published(issuer), over_s=14 * 86_400.0)
    assert stuck.supply_usd[0] == stuck.supply_usd[1]
    assert stuck.cash_usd["buyers"] == -stuck.proceeds_usd < 0.0


def test_leavers_wait_where_depth_ends_or_at_their_worst_discount() -> None:
    book, who, issuer = gone(gone_at=0.01, size_usd=2e6)
    shallow = published(issuer)
    held = leave(book, who, issuer, shallow)
    assert (held.sold_usd - held.redeemed_usd).max() <= 2e6 + 1e-6
    assert held.queue_usd > 0.0
    assert [f.subject for f in exit_findings(held, issuer)] == ["USDe"]
    picky = leave(book, who, issuer, shallow, worst_discount=0.01)
    assert picky.discount.max() <= 0.01 + 1e-9
    assert picky.sold_usd[-1] < held.sold_usd[-1]
    with pytest.raises(InputError, match="worst discount of 0"):
        leave(book, who, issuer, shallow, worst_discount=0.0)


def test_a_depth_file_gives_the_curve() -> None:
    taken = snapshot()
    none = Depth.infinite_for(taken)
    with pytest.raises(InputError, match="no curve of USDe or sUSDe"):
        secondary_of(none, taken, USDE)
    size, got = np.zeros((5, 3)), np.zeros((5, 3))
    size[1], got[1] = [0.0, 1e6, 2e6], [0.0, 0.99e6, 1.96e6]
    curve = secondary_of(replace(none, count=np.array([0, 3, 0, 0, 0]), size_tokens=size, proceeds_usd=got,
                                 source=("", "a pool", "", "", "")), taken, USDE)  # fmt: skip
    assert curve.proceeds(1.5e6) == pytest.approx(1.475e6)
    assert curve.discount(0.0) == 0.0
    assert curve.discount(1.0) == pytest.approx(0.01)
    assert curve.discount(2e6) == pytest.approx(0.03)
    assert Secondary(np.zeros(1), np.zeros(1), "").discount(0.0) == 0.0


def test_the_discount_is_a_path_for_stress() -> None:
    taken = snapshot()
    book, who, issuer = gone(gone_at=0.01, within=0.1, size_usd=9e6)
    found = leave(book, who, issuer, published(issuer))
    path = scenarios_of(found, taken, issuer)
    block = path.produce(0, 1)
    assert (block.fair_price_usd == taken.price_usd).all()
    assert block.market_price_usd[0, 1:, 0, 1] == pytest.approx(1.0 - found.discount)
    assert (block.market_price_usd[..., 2:] == taken.price_usd[2:]).all()
    frame = stress(taken, path).frame()
    assert float(frame["repaid_usd"].iloc[0]) > 0.0  # an oracle that reads the secondary market liquidates


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="staked_share is 0"):
        replace(USDE, staked_share=0.0)
    with pytest.raises(InputError, match=r"1\.2 of the backing"):
        replace(USDE, basis={"BTC": 0.6, "ETH": 0.6})
    with pytest.raises(UnknownAsset, match="no funding of 'ETH'"):
        earned(USDE, {"BTC": 0.1})
    with pytest.raises(InputError, match="funding"):
        earned(USDE, {"BTC": float("nan"), "ETH": 0.1})
    with pytest.raises(InputError, match="no account of this market loops"):
        loops_of(market(), USDE)
    with pytest.raises(UnknownAsset, match="'DOGE'"):
        closing_flow(replace(USDE, basis={"DOGE": 0.5}), perps(), [1.0], [1.0])
    with pytest.raises(InputError, match="not negative"):
        closing_flow(USDE, perps(), [1.0], [-1.0])
    with pytest.raises(InputError, match="yield of inf"):
        unwind(loops_of(snapshot(), USDE), USDE, float("inf"))


def shipped_text() -> str:
    from importlib.resources import files

    return files("risk.venues").joinpath("data", "usde.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("staked_share = 0.595", "staked_share = 1.5", "staked_share is 1.5"),
        ("rest_yield = 0.04", "", "which it does not hold"),
        ("[leaving]\ngone_at = 0.10\nhorizon_s = 1209600", "", "for 'leaving', which it does not hold"),
        ("fee = 0.001", 'fee = "x"', "no number"),
        ("fee = 0.001", "fee = 0.001\nfees = 1", "has no source"),
        ('"redemption.fee" = "ten basis points"', "", "redemption.fee has no source"),
        ("breakwater.basis/1", "breakwater.basis/9", "schema"),
        ('"backing.basis" = [0.28, 0.80]', '"backing.basis" = [0.80, 0.28]', "falls"),
        ('plain = ["USDe"]', 'plain = "USDe"', "list of symbols"),
    ],
)
def test_a_file_says_what_is_wrong_with_it(old: str, new: str, says: str) -> None:
    assert old in shipped_text()
    with pytest.raises(MalformedFile, match=says):
        parse_basis(shipped_text().replace(old, new, 1), "one.toml")


def test_what_ships_is_sourced_or_labelled(tmp_path: Path) -> None:
    one = usde()
    assert {f.subject for f in one.findings} >= {"USDe: backing.basis", "USDe: leaving"}
    ends = one.ends()
    assert len(ends) == 2 * len(one.ranges)
    assert next(i for p, v, i in ends if p == "backing.basis" and v == 0.8).basis == {"BTC": 0.4, "ETH": 0.4}
    (tmp_path / "x.toml").write_text(shipped_text(), encoding="utf-8")
    assert read_basis(tmp_path / "x.toml").issuer == one.issuer
    with pytest.raises(MalformedFile, match="cannot be read"):
        read_basis(tmp_path / "none.toml")
