"""Hypothesis strategies for exact `Position`s, valid by construction.

Valid means: a market could hold it.  An asset has one price and one unit wherever it
appears, LTV <= threshold, and threshold times bonus passes the configurator's check.  The
corners are drawn on purpose: 18-decimal amounts above 2**64, dust, prices so low that a
value rounds to zero, supplies that back nothing, collateral of threshold 0.

>>> from risk.testing.positions import positions
>>> positions(max_legs=2)  # use as @given(positions())
...
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from abis.units import BPS, MAX_UINT256
from protocols.position import CollateralLeg, DebtLeg, Position

DECIMALS = (2, 6, 8, 18)
MAX_TOKENS = 10**9  # whole tokens of one leg
MAX_DUST_RAW = 10
MIN_PRICE_RAW = 1  # 1e-8 US dollars: a value below one whole token rounds to zero
MIN_COMMON_PRICE_RAW = 10**6
MAX_PRICE_RAW = 10**13
MAX_BONUS_BPS = 12_500
MAX_FEE_BPS = 5_000
MAX_LEGS = 4
MIN_HEALTH_PERMILLE = 300  # of a liquidatable position; below, nothing new happens
NEAR_ONE_PERMILLE = 951  # above 0.95 a call may not repay everything
LARGEST_RAW = 2**64


@dataclass(frozen=True, slots=True)
class Asset:
    """One listed asset: price, unit and the parameters of its collateral side."""

    price_raw: int
    unit_raw: int
    ltv_bps: int
    threshold_bps: int
    bonus_bps: int
    protocol_fee_bps: int


@st.composite
def risk_parameters(draw: DrawFn) -> tuple[int, int, int]:
    """Return (LTV, threshold, bonus including 10000), bps, that the configurator accepts."""
    bonus_bps = draw(st.integers(BPS + 1, MAX_BONUS_BPS))
    # The largest threshold whose product with the bonus still rounds half up to 10000.
    threshold_bps = draw(st.integers(1, (BPS * BPS + BPS // 2 - 1) // bonus_bps))
    return draw(st.integers(0, threshold_bps)), threshold_bps, bonus_bps


@st.composite
def assets(draw: DrawFn) -> Asset:
    """Return an asset that is collateral."""
    ltv_bps, threshold_bps, bonus_bps = draw(risk_parameters())
    common = st.integers(MIN_COMMON_PRICE_RAW, MAX_PRICE_RAW)
    return Asset(
        price_raw=draw(st.one_of(common, common, st.integers(MIN_PRICE_RAW, MIN_COMMON_PRICE_RAW))),
        unit_raw=10 ** draw(st.sampled_from(DECIMALS)),
        ltv_bps=ltv_bps,
        threshold_bps=threshold_bps,
        bonus_bps=bonus_bps,
        protocol_fee_bps=draw(st.one_of(st.just(0), st.just(1_000), st.integers(0, MAX_FEE_BPS))),
    )


def balances_raw(unit_raw: int) -> SearchStrategy[int]:
    """Return amounts in smallest units: dust, everyday sizes and the largest."""
    most_raw = MAX_TOKENS * unit_raw
    everyday = st.integers(1, 1_000 * unit_raw)
    large = st.integers(min(LARGEST_RAW, most_raw), most_raw)
    return st.one_of(everyday, everyday, st.integers(1, MAX_DUST_RAW), large)


@st.composite
def positions(
    draw: DrawFn, *, min_collateral: int = 0, min_debt: int = 0, max_legs: int = MAX_LEGS
) -> Position:
    """Return one account of a small market.

    Parameters
    ----------
    min_collateral, min_debt : int
        Smallest number of legs on each side; the first ``min_collateral`` supplies back debt.
    max_legs : int
        Largest number of legs on each side.
    """
    listed = draw(st.lists(assets(), min_size=max_legs, max_size=max_legs))
    held = draw(st.lists(st.sampled_from(range(max_legs)), min_size=min_collateral, unique=True))
    owed = draw(st.lists(st.sampled_from(range(max_legs)), min_size=min_debt, unique=True))
    collateral = tuple(
        draw(_collateral_leg(i, listed[i], backs_debt=place < min_collateral)) for place, i in enumerate(held)
    )
    debt = tuple(
        DebtLeg(i, draw(balances_raw(listed[i].unit_raw)), listed[i].price_raw, listed[i].unit_raw)
        for i in owed
    )
    return Position(collateral, debt)


@st.composite
def _collateral_leg(draw: DrawFn, reserve: int, asset: Asset, *, backs_debt: bool) -> CollateralLeg:
    leg = CollateralLeg(
        reserve=reserve,
        balance_raw=draw(balances_raw(asset.unit_raw)),
        price_raw=asset.price_raw,
        unit_raw=asset.unit_raw,
        threshold_bps=asset.threshold_bps,
        ltv_bps=asset.ltv_bps,
        bonus_bps=asset.bonus_bps,
        protocol_fee_bps=asset.protocol_fee_bps,
        counted=True,
    )
    if backs_debt:
        return leg
    disabled = replace(leg, counted=False)
    never_collateral = replace(leg, threshold_bps=0, ltv_bps=0, bonus_bps=0)
    return draw(st.sampled_from((leg, leg, disabled, never_collateral)))


@st.composite
def liquidatable_positions(draw: DrawFn, *, max_legs: int = MAX_LEGS) -> Position:
    """Return an account whose health factor is below one under every Aave release.

    Its first collateral backs debt and may be seized.  Its first debt fills up what the
    others leave to a health factor between `MIN_HEALTH_PERMILLE` and one, often one above
    `NEAR_ONE_PERMILLE`; if the others exceed that already, health is lower.
    """
    position = draw(positions(min_collateral=1, min_debt=1, max_legs=max_legs))
    near_one = st.integers(NEAR_ONE_PERMILLE, 999)
    health_permille = draw(st.one_of(near_one, st.integers(MIN_HEALTH_PERMILLE, 999)))
    weighted = sum(
        leg.balance_raw * leg.price_raw // leg.unit_raw * leg.threshold_bps
        for leg in position.collateral
        if leg.counted
    )
    first, *others = position.debt
    # One more than needed: half-up rounding of the weighted sum must not reach the debt.
    needed_base = weighted * 1_000 // (BPS * health_permille) + 2
    needed_base -= sum(leg.balance_raw * leg.price_raw // leg.unit_raw for leg in others)
    balance_raw = max(1, -(-needed_base * first.unit_raw // first.price_raw))
    return replace(position, debt=(replace(first, balance_raw=balance_raw), *others))


def offers_raw() -> SearchStrategy[int]:
    """Return the amounts a liquidator offers: as much as allowed, tiny, or anything."""
    return st.one_of(
        st.just(MAX_UINT256), st.integers(0, MAX_DUST_RAW), st.integers(1, MAX_TOKENS * 10 ** max(DECIMALS))
    )
