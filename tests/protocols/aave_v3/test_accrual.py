from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from abis.units import RAY, YEAR_S, ray_mul_half_up
from protocols.aave_v3.accrual import (
    balance_raw,
    burned_scaled,
    compounded_factor_ray,
    debt_index_ray,
    linear_factor_ray,
    minted_scaled,
    stable_debt_raw,
    supply_index_ray,
)
from protocols.liquidation_rules import DebtAccrual, Rounding

RATE_RAY = 5 * 10**25  # 5 % a year
# Computed from the formulas of MathUtils.sol (protocol-v2, aave-v3-core, aave-v3-origin v3.4)
# with an independent integer script: seconds, v2, v3.0 to v3.3, v3.4 on.
COMPOUNDED = [
    (1, 1000000001585489599188229325, 1000000001585489599188229325, 1000000001585489600445117960),
    (12, 1000000019025875356168052534, 1000000019025875356168052316, 1000000019025875371250716427),
    (3600, 1000005707778841860607690600, 1000005707778841852838170176, 1000005707778846385321333984),
    (86400, 1000136995684314615598974400, 1000136995684207123907444230, 1000136995684421674802557900),
    (31536000, 1051270908731986166777656000, 1051265681539063650421944000, 1051270833333333333333333333),
]
SERIES = (DebtAccrual.RATE_PER_SECOND, DebtAccrual.SQUARED_RATE, DebtAccrual.TAYLOR)
roundings = st.sampled_from(Rounding)
indices_ray = st.integers(RAY, 3 * RAY)


@pytest.mark.parametrize(
    ("elapsed_s", "series", "expected_ray"),
    [(row[0], s, row[1 + k]) for row in COMPOUNDED for k, s in enumerate(SERIES)],
)
def test_compounded_factor_equals_the_contracts(
    elapsed_s: int, series: DebtAccrual, expected_ray: int
) -> None:
    assert compounded_factor_ray(RATE_RAY, elapsed_s, series) == expected_ray


def test_linear_factor_equals_the_contracts() -> None:
    assert linear_factor_ray(RATE_RAY, 86_400) == 1000136986301369863013698630


@pytest.mark.parametrize("series", SERIES)
def test_no_time_and_no_rate_leave_an_index_alone(series: DebtAccrual) -> None:
    index_ray = 1234567890123456789012345678
    assert debt_index_ray(index_ray, RATE_RAY, 100, 100, series) == index_ray
    assert debt_index_ray(index_ray, 0, 100, 10**6, series) == index_ray
    assert supply_index_ray(index_ray, RATE_RAY, 100, 100) == index_ray
    assert supply_index_ray(index_ray, 0, 100, 10**6) == index_ray


def test_an_index_grows_by_its_factor() -> None:
    index_ray = 1100 * 10**24
    factor_ray = compounded_factor_ray(RATE_RAY, 3600, DebtAccrual.TAYLOR)
    grown_ray = debt_index_ray(index_ray, RATE_RAY, 1_000, 4_600, DebtAccrual.TAYLOR)
    assert grown_ray == ray_mul_half_up(factor_ray, index_ray)
    assert supply_index_ray(RAY, RATE_RAY, 1_000, 87_400) == linear_factor_ray(RATE_RAY, 86_400)


def test_time_before_the_last_update_is_refused() -> None:
    with pytest.raises(InputError, match="time 99 lies before the reserve's last update at 100"):
        supply_index_ray(RAY, RATE_RAY, 100, 99)


@given(st.integers(0, 10**27), st.integers(1, 2 * YEAR_S), st.sampled_from(SERIES))
def test_compounding_pays_at_least_simple_interest(
    rate_ray: int, elapsed_s: int, series: DebtAccrual
) -> None:
    # The series per second floors the rate first and may lose one unit a second.
    slack_ray = elapsed_s if series is DebtAccrual.RATE_PER_SECOND else 0
    assert compounded_factor_ray(rate_ray, elapsed_s, series) + slack_ray >= linear_factor_ray(
        rate_ray, elapsed_s
    )


@given(st.integers(0, 2**120), indices_ray, roundings)
def test_burning_a_whole_balance_burns_the_scaled_amount_behind_it(
    scaled: int, index_ray: int, rounding: Rounding
) -> None:
    assert burned_scaled(balance_raw(scaled, index_ray, rounding), index_ray, rounding) == scaled


@given(st.integers(0, 2**120), indices_ray)
def test_directed_rounding_favours_the_pool(amount_raw: int, index_ray: int) -> None:
    supply, debt = Rounding.DOWN, Rounding.UP
    assert balance_raw(minted_scaled(amount_raw, index_ray, supply), index_ray, supply) <= amount_raw
    assert balance_raw(minted_scaled(amount_raw, index_ray, debt), index_ray, debt) >= amount_raw
    assert burned_scaled(amount_raw, index_ray, supply) * index_ray >= amount_raw * RAY
    assert burned_scaled(amount_raw, index_ray, debt) * index_ray <= amount_raw * RAY


@given(st.integers(0, 2**120), indices_ray)
def test_half_up_rounds_mint_and_burn_alike(amount_raw: int, index_ray: int) -> None:
    minted = minted_scaled(amount_raw, index_ray, Rounding.HALF_UP)
    assert minted == burned_scaled(amount_raw, index_ray, Rounding.HALF_UP)
    assert abs(2 * (minted * index_ray - amount_raw * RAY)) <= index_ray


@pytest.mark.parametrize("row", COMPOUNDED)
def test_stable_debt_grows_from_its_principal_at_its_own_rate(row: tuple[int, int, int, int]) -> None:
    elapsed_s, factor_ray = row[0], row[1]
    owed_raw = stable_debt_raw(12_345_678_901, RATE_RAY, 50, 50 + elapsed_s, DebtAccrual.RATE_PER_SECOND)
    assert owed_raw == ray_mul_half_up(12_345_678_901, factor_ray)
    assert stable_debt_raw(12_345_678_901, RATE_RAY, 50, 50, DebtAccrual.RATE_PER_SECOND) == 12_345_678_901
    with pytest.raises(InputError, match="before the reserve's last update"):
        stable_debt_raw(1, RATE_RAY, 50, 49, DebtAccrual.RATE_PER_SECOND)
