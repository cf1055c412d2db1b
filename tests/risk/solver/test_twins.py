from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.scenarios.build import grid
from risk.solver.evaluate import Setting
from risk.solver.limits import read_limits
from risk.solver.menu import menu_of
from risk.solver.twins import Twin, twins
from risk.solver.twins_text import twins_json, twins_lines
from tests.risk.solver.small import LIMITS
from tests.risk.solver.small_markets import GHO, WBTC, WSTETH, Position, made, positions

CALLS = "[calls]\ndelay_s = 0\nclose_factor = 0.5\nreference_cost_bps = 0\n"


def setting_of(book: list[Position], text: str = LIMITS + CALLS) -> Setting:
    snapshot, limits = made(book), read_limits(text)
    return Setting(snapshot, menu_of(snapshot, limits), grid("market=0:-40%:3", snapshot), limits)


def replayed(book: list[Position], fall: float) -> dict[str, Twin]:
    setting = setting_of(book)
    return {one.token: one for one in twins(setting, setting.menu.current, [fall])}


def test_a_print_worked_by_hand() -> None:
    # 100,000 USD of wstETH at a threshold of 81 % and a bonus of 6 % against 70,000 USD.
    one = replayed([("0x1", 0, {WSTETH: 100_000 / 3_000}, {GHO: 70_000.0})], 0.35)["wstETH"]
    third = 1 - 0.35 * 3 / 6  # the first hour at which 81,000 times the multiple is below 70,000
    taken = 35_000 * 1.06 / third  # at fair prices, for half the debt: health is still above 0.95
    assert one.follows_false_usd == pytest.approx(taken - 35_000, rel=1e-6)
    assert one.follows_real_usd == pytest.approx(35_000 * 0.06, rel=1e-6)
    assert one.holds_real_usd == pytest.approx(70_000 - 65_000 / 1.06, rel=1e-6)
    wrong, late = one.follows_false_usd, one.holds_real_usd - one.follows_real_usd
    assert one.break_even == pytest.approx(wrong / (wrong + late))


def test_at_the_break_even_both_mistakes_cost_the_same() -> None:
    one = Twin("t", 0.2, follows_false_usd=30.0, follows_real_usd=10.0, holds_real_usd=100.0)
    p = one.break_even
    assert p == pytest.approx(0.25)
    assert p * one.holds_real_usd == pytest.approx((1 - p) * one.follows_false_usd + p * one.follows_real_usd)


def test_where_nothing_is_lost_nothing_breaks_even() -> None:
    safe = replayed([("0x1", 0, {WSTETH: 100.0}, {GHO: 1_000.0})], 0.2)["wstETH"]
    assert (safe.follows_false_usd, safe.follows_real_usd, safe.holds_real_usd) == (0, 0, 0)
    assert safe.break_even is None
    assert not list(twins_lines([safe]))
    assert twins_json([safe])[0]["break_even"] is None


def test_only_what_can_part_is_printed() -> None:
    found = replayed([("0x1", 0, {WSTETH: 10.0, WBTC: 1.0, 0: 5.0}, {GHO: 30_000.0})], 0.1)
    assert set(found) == {"wstETH", "WBTC"}  # WETH is ETH itself


def test_names_of_strangers_are_escaped() -> None:
    lines = "\n".join(twins_lines([Twin("<b>|x", 0.1, 1.0, 1.0, 3.0)]))
    assert "| `<b>\\|x` | 10% | 1 | 1 | 3 | 33% |" in lines


@settings(max_examples=15)
@given(book=positions(), fall=st.floats(0.01, 0.9))
def test_a_real_print_is_not_made_good_by_holding(book: list[Position], fall: float) -> None:
    """SOL-24: a held price costs no less than the debt that the fallen collateral no longer covers."""
    setting = setting_of(book)
    for one in twins(setting, setting.menu.current, [fall]):
        assert one.break_even is None or 0 <= one.break_even <= 1
        fallen = {"wstETH": WSTETH, "WBTC": WBTC}[one.token]
        price = setting.snapshot.price_usd
        short = 0.0
        for _, _, supplied, owed in book:
            worth = sum(x * price[i] * (1 - fall * (i == fallen)) for i, x in supplied.items())
            debt = sum(x * price[j] for j, x in owed.items())
            short += max(debt - worth, 0.0)
        assert one.holds_real_usd >= short * (1 - 1e-6) - 1e-3
