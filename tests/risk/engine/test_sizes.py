"""Sizes of calls under rules that look past the pair: the kernels against the exact integers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from abis.units import BPS, RAY, WAD
from protocols.aave_v4 import liquidation as v4
from protocols.aave_v4.position import (
    Account,
    Drawn,
    Supplied,
    debt_value_ray,
    health_factor_wad,
    value,
)
from protocols.compound_v3 import rules as comet
from protocols.liquidation_rules import LiquidationRules, SizingRule
from protocols.morpho import rules as morpho
from protocols.releases import rules_of
from risk.engine.arrays import rule_numbers
from risk.engine.sizes import Standing, absorbed, bonus_bps, call_of, socialised
from risk.engine.sizing import Pair, most_repayable, seizure_of
from tests.protocols.aave_v4.rules import RULES

RELATIVE, UNITS = 1e-12, 3
LEAST_CARRIED = 10**4  # units of debt a position of any amount can carry, at least
ANY_AMOUNT = replace(rules_of("aave", "3.7"), sizing=SizingRule.ANY_AMOUNT)
WHOLE = replace(rules_of("aave", "3.7"), sizing=SizingRule.WHOLE_ACCOUNT)


def near(got: float, exact: int, units: float = UNITS) -> bool:
    return math.isclose(got, exact, rel_tol=RELATIVE, abs_tol=units)


@given(
    health=st.integers(1, WAD - 1),
    bonus=st.integers(BPS, 15_000),
    full=st.integers(0, WAD - 1),
    share=st.integers(0, BPS),
)
def test_the_bonus_is_the_contracts(health: int, bonus: int, full: int, share: int) -> None:
    """SIZ-4: the health-linked bonus of the kernel is the exact integer, bit for bit."""
    rules = replace(RULES, full_bonus_below_wad=full, bonus_at_one_bps=share)
    assert bonus_bps(health, bonus, rule_numbers(rules)) == v4.bonus_bps(health, bonus, rules)


@st.composite
def spokes(draw: st.DrawFn) -> Account:
    """An account below health 1: one collateral to take, another beside, one debt or two."""

    def supplied(usd: int) -> Supplied:
        decimals, price = draw(st.sampled_from([6, 8, 18])), draw(st.integers(10**6, 10**13))
        shares = usd * 10 ** (8 + decimals) // price + 1
        factor = draw(st.integers(1_000, 8_900))
        fee = draw(st.sampled_from([0, 1_000]))
        bonus = draw(st.integers(BPS, 11_000))
        return Supplied(shares, 10**30, 10**30, price, decimals, factor, bonus, fee)

    sizes = st.integers(1, 3_000) | st.integers(3_000, 10**9)
    own = (supplied(draw(sizes)), supplied(draw(sizes)))
    weighted = sum(s.factor_bps * value(s.shares, s.price_raw, s.decimals) for s in own)
    owed_usd = weighted / (BPS * 10**26) * 1_000 / draw(st.integers(700, 998)) + 1
    first_share = draw(st.sampled_from([1.0, 0.6, 0.01]))
    drawn = []
    for share in (first_share, 1 - first_share):
        decimals, price = draw(st.sampled_from([6, 8, 18])), draw(st.integers(10**6, 10**13))
        if share:
            drawn.append(
                Drawn(int(owed_usd * share * 1e8 / price * 10**decimals) + 1, RAY, 0, price, decimals)
            )
    return Account(own, tuple(drawn))


@given(account=spokes(), offered=st.just(1.0) | st.floats(0.001, 0.999))
def test_a_call_to_the_target_is_the_contracts(account: Account, offered: float) -> None:
    """SIZ-5: the kernel's call to a target health repays, seizes and charges what the integers do."""
    own, owed = account.supplied[0], account.drawn[0]
    health = health_factor_wad(account)
    assume(health is not None and health < WAD)
    assert health is not None
    cover = owed.shares if offered == 1.0 else max(int(owed.shares * offered), 1)
    exact = v4.liquidate(account, 0, 0, cover, RULES)
    numbers = rule_numbers(RULES)
    bonus = bonus_bps(health, own.max_bonus_bps, numbers)
    held = own.assets_down(own.shares)
    c_price, d_price = (float(value(1, x.price_raw, x.decimals)) for x in (own, owed))
    pair = Pair(
        float(held), float(owed.shares), held * c_price, owed.shares * d_price, c_price, d_price,
        float(bonus), float(own.fee_bps),
    )  # fmt: skip
    standing = Standing(debt_value_ray(account) / RAY, health, True, float(own.factor_bps))
    got = call_of(pair, standing, float(cover), numbers)
    if exact.refusal is not None:
        assert got.repaid == 0
        return
    assert exact.bonus_bps == bonus
    # Rounding of repaid debt and of one seized unit each move the other side by their price.
    d_units, c_units = UNITS + 3 * c_price / d_price, UNITS + 3 * d_price / c_price
    assert near(got.repaid, exact.drawn_shares, d_units)
    assert near(got.seized, exact.shares, c_units)
    assert near(got.fee, exact.fee_shares, c_units)


@st.composite
def priced(draw: st.DrawFn) -> tuple[int, int, int]:
    """Collateral, price and lltv of a position that carries more than `LEAST_CARRIED` units of debt."""
    price, lltv = draw(st.integers(10**20, 10**34)), draw(st.integers(4 * WAD // 10, 98 * WAD // 100))
    least = LEAST_CARRIED * 10**36 * WAD // (price * lltv) + 1
    return draw(st.integers(max(10**6, 2 * least), max(10**27, 4 * least))), price, lltv


@given(drawn=priced(), health_permille=st.integers(500, 999), share=st.floats(0.01, 1.0))
def test_any_amount_is_the_contracts(drawn: tuple[int, int, int], health_permille: int, share: float) -> None:
    """SIZ-6: the kernel's call of any amount repays, seizes and socialises what the integers do."""
    collateral, price, lltv = drawn
    carried = collateral * price // 10**36 * lltv // WAD
    total = 10**30
    market = morpho.Market(total, total * 10**6, 2 * total, price, lltv)
    borrower = morpho.Position(market.shares_up(carried * 1_000 // health_permille + 1), collateral)
    owed = morpho.debt_of(market, borrower)
    incentive = morpho.incentive_wad(lltv)
    pair = Pair(
        float(collateral), float(owed), 0.0, 0.0, price / 1e36, 1.0, incentive / 1e14, 0.0
    )  # fmt: skip
    standing = Standing(0.0, 0, True, 0.0)
    got = call_of(pair, standing, max(float(math.floor(owed * share)), 1.0), rule_numbers(ANY_AMOUNT))
    if got.seized >= collateral:
        exact = morpho.liquidate(market, borrower, seized=collateral)
        assert near(socialised(pair, got), exact.bad_debt, UNITS + RELATIVE * owed)
    else:
        shares = min(market.shares_up(int(got.repaid)), borrower.borrow_shares)
        left = collateral - got.seized
        if left <= UNITS * 1e36 / price:  # less than a few units of debt buy: rounding may take all or more
            return
        exact = morpho.liquidate(market, borrower, repaid_shares=shares)
        assert socialised(pair, got) == 0
    assert near(got.repaid, exact.repaid)
    assert near(got.seized, exact.seized, UNITS * (1 + 1e36 / price))


@given(
    prices=st.lists(st.integers(10**6, 10**13), min_size=1, max_size=4),
    tokens=st.lists(st.integers(1, 10**8), min_size=4, max_size=4),
    kept=st.lists(st.integers(5_000, 9_900), min_size=4, max_size=4),
    owed=st.integers(1, 10**16),
)
def test_absorbing_an_account_is_the_contracts(
    prices: list[int], tokens: list[int], kept: list[int], owed: int
) -> None:
    """SIZ-7: the kernel's absorption credits, returns and leaves unpaid what the integers do."""
    base = comet.Base(10**8, 10**6)
    own = [
        comet.Collateral(t * 10**17, p, WAD, 0, 0, k * WAD // BPS)
        for p, t, k in zip(prices, tokens, kept, strict=False)
    ]
    exact = comet.absorb(-owed, base, own)
    values = np.array([float(c.balance_raw * c.price_raw // c.scale) for c in own])
    factors = np.array([c.liquidation_factor_wad / 1e18 for c in own])
    got = absorbed(values, factors, owed * 100.0)
    size = RELATIVE * max(got.credited, owed * 100.0)
    assert near(got.credited / 100, exact.credited_raw)
    assert math.isclose(got.surplus / 100, exact.balance_raw, abs_tol=UNITS + size / 100, rel_tol=RELATIVE)
    assert math.isclose(got.unpaid / 100, exact.unpaid_raw, abs_tol=UNITS + size / 100, rel_tol=RELATIVE)


def test_a_whole_account_of_one_pair_goes_for_what_it_pays() -> None:
    pair = Pair(10e18, 30_000e6, 2.23e12, 3e12, 2230e8 / 1e18, 1e8 / 1e6, 10_000 / 0.95, 0.0)
    call = call_of(pair, Standing(3e12, 0, True, 0.0), np.inf, rule_numbers(WHOLE))
    assert (call.seized, call.fee) == (10e18, 0.0)
    assert call.repaid == pytest.approx(21_185e6, abs=1)


@pytest.mark.parametrize("version", ["2.0", "3.0", "3.5", "3.7"])
@pytest.mark.parametrize("near_one", [True, False])
def test_rules_about_a_share_of_debt_go_through_the_same_door(version: str, near_one: bool) -> None:
    rules: LiquidationRules = rules_of("aave", version)
    numbers = rule_numbers(rules)
    pair = Pair(10e18, 27_000e6, 2.3e12, 2.7e12, 2345e8 / 1e18, 1e8 / 1e6, 10_500.0, 1_000.0)
    call = call_of(pair, Standing(2.8e12, 0, near_one, 8_000.0), np.inf, numbers)
    assert call == seizure_of(pair, most_repayable(pair, 2.8e12, near_one, numbers), numbers)
    assert call.repaid > 0
