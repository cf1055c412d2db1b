"""What a diff of two snapshots says, and the laws it keeps."""

from __future__ import annotations

import re
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from protocols.snapshot import EMode, Feed, RateModel, Reserve, Snapshot
from risk.cli.diff import _json
from risk.report.diff import Diff, diff
from risk.report.diff_page import NO_DIFFERENCE, tables, to_markdown
from risk.report.diff_parameters import PARAMETERS, ParameterChange, parameter_changes
from risk.report.positions import positions
from risk.testing.snapshots import snapshots
from tests.risk.markets import POSITIONS, RESERVES, market

RAY = 10**27
# Compared as figures, and what every block moves.
FIGURES = {
    "price_raw",
    "liquidity_rate_ray",
    "variable_borrow_rate_ray",
    "total_supply_raw",
    "total_debt_raw",
    "available_liquidity_raw",
    "deficit_raw",
}
NOT_COMPARED = {
    "liquidity_index_ray",
    "variable_borrow_index_ray",
    "last_update_s",
    "accrued_to_treasury_scaled_raw",
}
NESTED = {"rate_model", "feed"}
SMALL = snapshots(max_reserves=3, max_accounts=4)


def with_reserve(taken: Snapshot, i: int, **values: Any) -> Snapshot:
    reserves = list(taken.reserves)
    reserves[i] = replace(reserves[i], **values)
    return replace(taken, reserves=tuple(reserves))


def later(taken: Snapshot, **values: Any) -> Snapshot:
    block = replace(taken.block, number=taken.block.number + 1, hash="0x" + "22" * 32)
    return replace(taken, block=block, **values)


def changes(found: Diff) -> dict[tuple[str, str, str], tuple[str | None, str | None]]:
    return {(p.kind, p.subject, p.parameter): (p.old, p.new) for p in found.parameters}


def test_every_field_of_a_reserve_is_compared_or_known_to_move_by_itself() -> None:
    assert {"asset", *PARAMETERS, *FIGURES, *NOT_COMPARED, *NESTED} == {f.name for f in fields(Reserve)}


def test_nothing_differs_between_a_market_and_itself_a_block_later() -> None:
    found = diff(market(), later(market()), top=20)
    assert found.empty
    assert tables(found) == ()
    assert NO_DIFFERENCE in to_markdown(found)


@pytest.mark.parametrize(
    ("values", "parameter", "old", "new"),
    [
        ({"ltv_bps": 8000}, "ltv_bps", "8050", "8000"),
        ({"frozen": True}, "frozen", "false", "true"),
        ({"supply_cap_tokens": 5}, "supply_cap_tokens", "1000000", "5"),
        ({"liquidation_grace_until_s": 7}, "liquidation_grace_until_s", "0", "7"),
        ({"rate_model": RateModel(1, 2, 3, 4)}, "rate_model_slope1_ray", None, "3"),
        ({"feed": Feed("0x12", "ETH", 8, 1, 1)}, "feed_source", None, "0x12"),
    ],
)
def test_a_parameter_that_differs_is_one_change(
    values: dict[str, Any], parameter: str, old: str | None, new: str
) -> None:
    found = diff(market(), with_reserve(market(), 0, **values), top=20)
    key = ("reserve", RESERVES[0].asset, parameter)
    assert changes(found)[key] == (old, new)
    assert {k[:2] for k in changes(found)} == {key[:2]}
    assert not found.empty


def test_reserves_listed_and_delisted_bring_their_parameters() -> None:
    short = market(POSITIONS[:2], RESERVES[:6])
    added = changes(diff(short, market(POSITIONS[:2]), top=20))
    gho = RESERVES[6].asset
    assert added["reserve", gho, "listed"] == (None, "true")
    assert added["reserve", gho, "supply_cap_tokens"] == (None, "1000000")
    removed = changes(diff(market(POSITIONS[:2]), short, top=20))
    assert removed["reserve", gho, "listed"] == ("true", None)


def test_categories_are_matched_by_id_and_their_members_by_address() -> None:
    a = market()
    wider = EMode(1, "ETH", 9300, 9500, 10100, collateral=(0, 1, 5), borrowable=())
    found = changes(diff(a, replace(a, emodes=(wider, EMode(2, "new", 9000, 9100, 10200))), top=20))
    link, weth = RESERVES[5].asset, RESERVES[0].asset
    assert found["emode", "1", "label"] == ("ETH correlated", "ETH")
    assert found["emode_asset", f"1:{link}", "collateral"] == (None, "true")
    assert found["emode_asset", f"1:{weth}", "borrowable"] == ("true", None)
    assert found["emode", "2", "listed"] == (None, "true")


def test_reserves_in_another_order_are_the_same_reserves() -> None:
    one, two = market((), RESERVES[:2]), market((), tuple(reversed(RESERVES[:2])))
    swapped = replace(two, emodes=(replace(two.emodes[0], collateral=(1, 0), borrowable=(1,)),))
    assert diff(one, swapped, top=20).empty


def test_rules_and_bounds_are_compared() -> None:
    a = market()
    bounds = replace(a.change_rules, rules=(replace(a.change_rules.rules[0], max_step=25),))
    found = changes(diff(a, replace(a, change_rules=bounds), top=20))
    assert found["bound", "*", "ltv_bps max_step"] == ("50", "25")
    assert found["bound", "*", "supply_cap_tokens max_step"] == ("10000", None)


def test_prices_rates_utilisation_and_totals_before_and_after() -> None:
    a = with_reserve(market(), 0, liquidity_rate_ray=RAY // 50)
    b = with_reserve(a, 0, price_raw=2000 * 10**8, liquidity_rate_ray=RAY // 25, available_liquidity_raw=0)
    found = diff(a, b, top=20)
    (row,) = found.reserves
    assert (row.before.price_usd, row.after.price_usd) == (2500, 2000)
    assert (row.before.supply_rate_share, row.after.supply_rate_share) == (0.02, 0.04)
    assert (row.before.utilisation_share, row.after.utilisation_share) == (0.25, 1.0)
    assert found.parameters == ()
    assert {t.id for t in tables(found)} >= {"prices", "rates", "totals", "accounts"}


def test_a_price_move_makes_accounts_liquidatable_and_names_them() -> None:
    a = market()
    b = with_reserve(a, 0, price_raw=2300 * 10**8)
    found = diff(a, b, top=1).accounts
    assert (found.liquidatable_before_accounts, found.liquidatable_after_accounts) == (0, 1)
    (row,) = found.newly_liquidatable.rows
    assert row.account == "0xa1"
    assert found.newly_liquidatable.debt_usd == pytest.approx(195_000)
    assert row.before is not None
    assert row.after is not None
    assert (row.before.health_factor, row.after.health_factor) == (
        pytest.approx(1.0641, abs=1e-4),
        pytest.approx(0.9789, abs=1e-4),
    )
    # 0xa2 owes ether against staked ether, 0xa4 ether against dollars: both are better off.
    assert (found.changed.accounts, len(found.changed.rows)) == (3, 1)
    back = diff(b, a, top=20).accounts
    assert [r.account for r in back.no_longer_liquidatable.rows] == ["0xa1"]


def test_accounts_that_come_and_go_are_counted_and_the_largest_listed() -> None:
    a, b = market(POSITIONS[:3]), market(POSITIONS[1:])
    found = diff(a, b, top=20).accounts
    assert [r.account for r in found.left.rows] == ["0xa1"]
    assert [r.account for r in found.appeared.rows] == ["0xa4"]
    assert found.left.debt_usd == pytest.approx(195_000)
    assert diff(a, b, top=0).accounts.left.accounts == 1
    assert diff(a, b, top=0).accounts.left.rows == ()


def test_different_markets_are_refused_unless_forced() -> None:
    a = market()
    b = replace(a, market=replace(a.market, chain_id=10))
    with pytest.raises(InputError, match="different markets"):
        diff(a, b, top=20)
    assert "different markets" in diff(a, b, top=20, force=True).warnings[0]


def test_an_older_second_snapshot_is_warned_about() -> None:
    (warning,) = diff(later(market()), market(), top=20).warnings
    assert "The second snapshot is older" in warning


def test_hostile_names_stay_text_in_markdown() -> None:
    hostile = "[x](javascript:1)|<b>\n@team"
    found = diff(market(), with_reserve(market(), 0, symbol=hostile, ltv_bps=1), top=20)
    text = to_markdown(found)
    assert hostile not in text
    # Outside code spans nothing of the name is left that could render or call anybody.
    outside = re.sub(r"`[^`\n]*`", "", text)
    assert "<b>" not in outside
    assert "javascript" not in outside
    assert "@team" not in outside
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows if "ltv" in line} == {7}


@given(taken=SMALL)
def test_dif_1_a_snapshot_does_not_differ_from_itself(taken: Snapshot) -> None:
    """DIF-1: the diff of a snapshot with itself is empty."""
    found = diff(taken, taken, top=20)
    assert found.empty
    assert found.warnings == ()


@given(a=SMALL, b=SMALL, top=st.integers(0, 3))
def test_dif_2_reading_a_diff_backwards_swaps_its_sides(a: Snapshot, b: Snapshot, top: int) -> None:
    """DIF-2: the diff of B and A is that of A and B with the sides swapped."""
    there, back = diff(a, b, top=top, force=True), diff(b, a, top=top, force=True)
    assert (there.before, there.after) == (back.after, back.before)

    def swapped(p: ParameterChange) -> ParameterChange:
        return replace(p, old=p.new, new=p.old, name="")

    def bare(p: ParameterChange) -> ParameterChange:
        return replace(p, name="")

    assert {bare(p) for p in there.parameters} == {swapped(p) for p in back.parameters}
    assert there.accounts.appeared.accounts == back.accounts.left.accounts
    assert there.accounts.newly_liquidatable.accounts == back.accounts.no_longer_liquidatable.accounts
    assert there.accounts.changed.accounts == back.accounts.changed.accounts


@given(a=SMALL, b=SMALL)
def test_dif_3_accounts_and_liquidatable_counts_add_up(a: Snapshot, b: Snapshot) -> None:
    """DIF-3: before - left + appeared = after, for accounts; likewise for liquidatable ones."""
    found = diff(a, b, top=5, force=True)
    accounts = found.accounts
    assert found.before.accounts - accounts.left.accounts + accounts.appeared.accounts == found.after.accounts
    can = accounts.liquidatable_before_accounts - accounts.no_longer_liquidatable.accounts
    assert can + accounts.newly_liquidatable.accounts == accounts.liquidatable_after_accounts
    assert accounts.liquidatable_after_accounts == int(positions(b).liquidatable.sum())


@given(a=SMALL, b=SMALL)
def test_dif_4_applying_the_parameters_of_a_diff_gives_the_other_side(a: Snapshot, b: Snapshot) -> None:
    """DIF-4: A's parameters with a diff's changes applied are B's."""

    def whole(taken: Snapshot) -> dict[tuple[str, str, str], str | None]:
        nothing = replace(
            taken,
            reserves=(),
            emodes=(),
            book=market((), ()).book,
            completeness=(),
            change_rules=replace(taken.change_rules, rules=()),
        )
        return {(p.kind, p.subject, p.parameter): p.new for p in parameter_changes(nothing, taken)}

    state = whole(a)
    for p in parameter_changes(a, b):
        if p.kind in ("market", "rule"):
            continue  # there on both sides, so not in `whole`
        assert state.pop((p.kind, p.subject, p.parameter), None) == p.old
        if p.new is not None:
            state[p.kind, p.subject, p.parameter] = p.new
    assert state == whole(b)


@given(a=SMALL, b=SMALL)
def test_every_diff_can_be_written(a: Snapshot, b: Snapshot) -> None:
    found = diff(a, b, top=3, force=True)
    assert _json(found, {"top": 3}).endswith("}\n")
    assert to_markdown(found).startswith("# Changes of ")
    assert asdict(found)
