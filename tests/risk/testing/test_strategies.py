"""The strategies keep their bounds and reach the cases laws are about."""

from __future__ import annotations

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from abis.units import BPS, RAY, WAD, percent_mul_half_up
from protocols.exact import exact_rules
from protocols.releases import releases_of, rules_of
from protocols.snapshot import Reserve, Snapshot
from risk.testing.books import MAX_ACCOUNTS, MAX_TOKENS
from risk.testing.reserves import (
    MAX_BONUS_BPS,
    MAX_DECIMALS,
    MAX_INDEX_RAY,
    MAX_PRICE_EXPONENT,
    MAX_RESERVES,
    address,
    reserves,
)
from risk.testing.snapshots import BASES, found_raw, liquidation_rules, snapshots

# Finding is enough here, shrinking what was found would take minutes.
QUICK = settings(max_examples=2_000, database=None, derandomize=True, phases=[Phase.generate])


@given(reserves())
def test_reserves_are_ones_the_configurator_accepts(reserve: Reserve) -> None:
    ltv, threshold, bonus = (
        reserve.ltv_bps,
        reserve.liquidation_threshold_bps,
        reserve.liquidation_bonus_bps,
    )
    assert 0 <= ltv <= threshold
    if threshold:
        assert BPS < bonus <= MAX_BONUS_BPS
        assert percent_mul_half_up(threshold, bonus) <= BPS
    else:
        assert bonus == 0
    assert 0 < reserve.price_raw <= 10 ** (8 + MAX_PRICE_EXPONENT)
    assert 0 <= reserve.decimals <= MAX_DECIMALS
    assert RAY <= reserve.liquidity_index_ray <= MAX_INDEX_RAY


@given(snapshots())
def test_snapshots_are_whole(snapshot: Snapshot) -> None:
    assert 1 <= len(snapshot.reserves) <= MAX_RESERVES
    assert len(snapshot.book) <= MAX_ACCOUNTS
    assert snapshot.base in BASES
    assert [r.asset for r in snapshot.reserves] == [address(i) for i in range(len(snapshot.reserves))]
    for i, reserve in enumerate(snapshot.reserves):
        assert reserve.total_supply_raw >= found_raw(snapshot.book, i, "supply")
        assert reserve.total_debt_raw == found_raw(snapshot.book, i, "debt")
        assert 0 <= reserve.available_liquidity_raw <= reserve.total_supply_raw
        assert reserve.last_update_s <= snapshot.block.timestamp_s
    for row in snapshot.completeness:
        assert row.found_scaled_raw == found_raw(snapshot.book, row.reserve, row.side, scaled=True)
    collateral = snapshot.book.collateral
    for scaled, reserve_index in zip(collateral.scaled_raw, collateral.reserve, strict=True):
        assert 0 < scaled <= max(10, MAX_TOKENS * 10 ** snapshot.reserves[reserve_index].decimals)


@pytest.mark.parametrize("version", releases_of("aave"))
def test_the_rules_asked_for_are_used(version: str) -> None:
    rules = rules_of("aave", version)
    assert find(snapshots(st.just(rules)), lambda s: len(s.book) > 0, settings=QUICK).rules == rules
    find(liquidation_rules(), lambda r: r.version == version, settings=QUICK)


def _health(snapshot: Snapshot) -> list[float]:
    rules = exact_rules(snapshot.rules)
    data = [rules.account_data(snapshot.position(i), snapshot.rules) for i in range(len(snapshot.book))]
    return [d.health_factor / WAD for d in data if d.total_collateral_base and d.total_debt_base]


@pytest.mark.parametrize(
    "case",
    [
        lambda s: any(h < 0.95 for h in _health(s)),
        lambda s: any(0.95 < h < 1 for h in _health(s)),
        lambda s: any(1 <= h < 2 for h in _health(s)),
        lambda s: any(s.book.emode),
        lambda s: len(s.book.debt.reserve) > 0 and len(s.book.collateral.reserve) == 0,
        lambda s: not s.book.collateral.counted.all(),
        lambda s: len({r.symbol for r in s.reserves}) < len(s.reserves),
        lambda s: s.base.symbol == "ETH",
    ],
)
def test_the_cases_laws_are_about_are_drawn(case: object) -> None:
    find(snapshots(), case, settings=QUICK)  # type: ignore[arg-type]
