"""Strategies for reserves and efficiency-mode categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from abis.units import BPS, RAY
from protocols.snapshot import EMode, Feed, RateModel, Reserve

MAX_RESERVES = 5
MAX_EMODES = 2
MAX_DECIMALS = 18
MIN_PRICE_EXPONENT = -6  # prices of whole tokens lie in 1e-6 .. 1e6 of the base currency
MAX_PRICE_EXPONENT = 6
MAX_THRESHOLD_BPS = 9_700
MAX_BONUS_BPS = 12_000
MAX_PROTOCOL_FEE_BPS = 5_000
MAX_CAP_TOKENS = 2**36 - 1  # what the configuration word stores
MAX_INDEX_RAY = 3 * RAY
MAX_RATE_RAY = RAY  # 100 % a year
SYMBOLS = ("WETH", "USDC", "WBTC", "wstETH", "DAI", "GHO")


def symbols() -> st.SearchStrategy[str]:
    """Return a strategy of token symbols: ordinary ones, and any text a contract may return."""
    return st.sampled_from(SYMBOLS) | st.text(max_size=12)


def prices_raw(base_unit_raw: int) -> st.SearchStrategy[int]:
    """Return a strategy of positive prices in base-currency units, even over the magnitudes."""
    return st.integers(MIN_PRICE_EXPONENT, MAX_PRICE_EXPONENT).flatmap(
        lambda e: st.integers(
            1, max(1, base_unit_raw * 10 ** (e - MIN_PRICE_EXPONENT) // 10**-MIN_PRICE_EXPONENT)
        )
    )


@st.composite
def collateral_parameters(draw: st.DrawFn) -> tuple[int, int, int]:
    """Draw ``(ltv_bps, threshold_bps, bonus_bps)`` that Aave's configurator accepts.

    Either all zero (no collateral), or LTV <= threshold, bonus above 10000 and
    threshold times bonus at most 100 % (PoolConfigurator.configureReserveAsCollateral).
    """
    threshold = draw(st.integers(0, MAX_THRESHOLD_BPS))
    if threshold == 0:
        return 0, 0, 0
    # percent_mul_half_up(threshold, bonus) <= 10000, solved for the bonus.
    largest = min(MAX_BONUS_BPS, ((BPS + 1) * BPS - BPS // 2 - 1) // threshold)
    return draw(st.integers(0, threshold)), threshold, draw(st.integers(BPS + 1, largest))


@st.composite
def reserves(draw: st.DrawFn, index: int = 0, base_unit_raw: int = 10**8) -> Reserve:
    """Draw one reserve whose address follows from ``index``; its totals are left at 0."""
    ltv_bps, threshold_bps, bonus_bps = draw(collateral_parameters())
    ray = st.integers(RAY, MAX_INDEX_RAY)
    mostly = st.sampled_from([True] * 7 + [False])
    return Reserve(
        asset=address(index),
        symbol=draw(symbols()),
        decimals=draw(st.sampled_from([18, 6, 8]) | st.integers(0, MAX_DECIMALS)),
        price_raw=draw(prices_raw(base_unit_raw)),
        ltv_bps=ltv_bps,
        liquidation_threshold_bps=threshold_bps,
        liquidation_bonus_bps=bonus_bps,
        liquidation_protocol_fee_bps=draw(st.integers(0, MAX_PROTOCOL_FEE_BPS)),
        reserve_factor_bps=draw(st.integers(0, BPS)),
        supply_cap_tokens=draw(st.just(0) | st.integers(1, MAX_CAP_TOKENS)),
        borrow_cap_tokens=draw(st.just(0) | st.integers(1, MAX_CAP_TOKENS)),
        active=draw(mostly),
        frozen=not draw(mostly),
        paused=not draw(mostly),
        borrowing_enabled=draw(mostly),
        liquidity_index_ray=draw(ray),
        variable_borrow_index_ray=draw(ray),
        liquidity_rate_ray=draw(st.integers(0, MAX_RATE_RAY)),
        variable_borrow_rate_ray=draw(st.integers(0, MAX_RATE_RAY)),
        id=index,
        rate_model=draw(st.none() | _rate_models()),
        feed=draw(st.none() | _feeds()),
    )


@st.composite
def reserve_tables(
    draw: st.DrawFn,
    min_size: int = 1,
    max_size: int = MAX_RESERVES,
    base_unit_raw: int = 10**8,
) -> tuple[Reserve, ...]:
    """Draw the reserves of a market, addresses unique (symbols need not be)."""
    size = draw(st.integers(min_size, max_size))
    return tuple(draw(reserves(i, base_unit_raw)) for i in range(size))


@st.composite
def emode_tables(draw: st.DrawFn, listed: Sequence[Reserve], max_size: int = MAX_EMODES) -> tuple[EMode, ...]:
    """Draw categories 1, 2, ... over the ``listed`` reserves, some with a price of their own."""
    members = st.sets(st.integers(0, len(listed) - 1)).map(lambda s: tuple(sorted(s)))

    def category(number: int) -> EMode:
        values: dict[str, Any] = dict(
            zip(
                ("ltv_bps", "liquidation_threshold_bps", "liquidation_bonus_bps"),
                draw(collateral_parameters()),
                strict=True,
            )
        )
        values |= draw(_emode_prices(listed))
        return EMode(number, draw(symbols()), collateral=draw(members), borrowable=draw(members), **values)

    return tuple(category(i + 1) for i in range(draw(st.integers(0, max_size))))


@st.composite
def _emode_prices(draw: st.DrawFn, listed: Sequence[Reserve]) -> dict[str, Any]:
    """Draw no price, the price of one of the reserves, or one from half to twice it."""
    i = draw(st.integers(0, len(listed) - 1))
    kind = draw(st.sampled_from(["none", "reserve", "feed"]))
    if kind == "none":
        return {}
    price_raw = listed[i].price_raw
    if kind == "reserve":
        return {"price_source": listed[i].asset, "price_raw": price_raw, "price_reserve": i}
    return {
        "price_source": address(99),
        "price_raw": max(price_raw * draw(st.integers(500, 2_000)) // 1_000, 1),
    }


def address(number: int) -> str:
    """Return a well-formed address made of the decimal digits of ``number`` (its own checksum)."""
    return f"0x{number + 1:040d}"


def _rate_models() -> st.SearchStrategy[RateModel]:
    rate = st.integers(0, MAX_RATE_RAY)
    return st.builds(RateModel, st.integers(1, RAY - 1), rate, rate, rate)


def _feeds() -> st.SearchStrategy[Feed]:
    return st.builds(
        Feed,
        source=st.integers(0, 99).map(address),
        description=symbols(),
        decimals=st.sampled_from([-1, 8, 18]),
        answer_raw=st.integers(-(10**30), 10**30),
        updated_at_s=st.integers(0, 2**32),
    )
