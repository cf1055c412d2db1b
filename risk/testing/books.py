"""Strategies for books: positions with debts near what their collateral carries."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from abis.units import BPS, ray_div_half_up, ray_mul_down, ray_mul_half_up, ray_mul_up
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.liquidation_rules import LiquidationRules, Rounding
from protocols.snapshot import Book, EMode, Reserve

MAX_ACCOUNTS = 6
MAX_TOKENS = 10**9  # of one entry
MIN_HEALTH_BPS = 5_000  # health factors of accounts with debt lie around 0.5 .. 3
MAX_HEALTH_BPS = 30_000
NEAR_ONE_BPS = (9_400, 10_100)  # where close factors and rounding decide; drawn half of the time

_RAY_MUL = {
    Rounding.DOWN: ray_mul_down,
    Rounding.UP: ray_mul_up,
    Rounding.HALF_UP: ray_mul_half_up,
}


def amounts_raw(decimals: int) -> st.SearchStrategy[int]:
    """Return a strategy of amounts from one smallest unit to `MAX_TOKENS` whole tokens."""
    one = 10**decimals
    return st.integers(1, 10) | st.integers(1, max(10, one)) | st.integers(1, MAX_TOKENS * one)


@st.composite
def books(
    draw: st.DrawFn,
    reserves: Sequence[Reserve],
    rules: LiquidationRules,
    emodes: Sequence[EMode] = (),
    max_accounts: int = MAX_ACCOUNTS,
) -> Book:
    """Draw a book over ``reserves``, balances rounded as ``rules`` say.

    Accounts may have no entries, only collateral, or debt without collateral.  Where there
    is both, the debt is sized so that the health factor falls in the bounds of this module.
    """
    numbers = draw(st.sets(st.integers(0, 2**160 - 1), max_size=max_accounts))
    collateral: list[CollateralEntry] = []
    debt: list[DebtEntry] = []
    emode_of: dict[str, int] = {}
    for number in sorted(numbers):
        account = f"0x{number:040x}"
        emode = draw(st.none() | st.sampled_from(emodes)) if emodes else None
        emode_of[account] = emode.id if emode else 0
        own = draw(_collateral(account, reserves, rules, emode))
        collateral += own
        debt += draw(_debt(account, reserves, rules, emode, _capacity(own, reserves, emode)))
    return book_of(emode_of, collateral, debt)


@st.composite
def _collateral(
    draw: st.DrawFn,
    account: str,
    reserves: Sequence[Reserve],
    rules: LiquidationRules,
    emode: EMode | None,
) -> list[CollateralEntry]:
    return [
        _supplied(
            account,
            i,
            reserves[i],
            draw(amounts_raw(reserves[i].decimals)),
            draw(st.sampled_from([True, True, True, False])),
            rules,
            emode if emode and i in emode.collateral else None,
        )
        for i in sorted(draw(st.sets(st.integers(0, len(reserves) - 1))))
    ]


def _supplied(
    account: str,
    index: int,
    reserve: Reserve,
    scaled_raw: int,
    enabled: bool,
    rules: LiquidationRules,
    emode: EMode | None,
) -> CollateralEntry:
    source = emode or reserve
    has_threshold = reserve.liquidation_threshold_bps > 0
    return CollateralEntry(
        account=account,
        reserve=index,
        amount_raw=_RAY_MUL[rules.supply_balance_rounding](scaled_raw, reserve.liquidity_index_ray),
        scaled_raw=scaled_raw,
        threshold_bps=source.liquidation_threshold_bps,
        ltv_bps=source.ltv_bps,
        bonus_bps=source.liquidation_bonus_bps,
        counted=enabled and (has_threshold or rules.counts_zero_threshold),
        price_emode=emode.id if emode is not None and emode.price_raw else 0,
    )


@st.composite
def _debt(
    draw: st.DrawFn,
    account: str,
    reserves: Sequence[Reserve],
    rules: LiquidationRules,
    emode: EMode | None,
    capacity: int,
) -> list[DebtEntry]:
    """Draw debts worth together about ``capacity`` (base units) over the drawn health factor.

    In a category with a price of its own, a debt that is no member is valued at its reserve's
    price and repaid at the category's, as Aave until v3.1 has it.
    """
    chosen = sorted(draw(st.sets(st.integers(0, len(reserves) - 1))))
    health_bps = draw(st.integers(*NEAR_ONE_BPS) | st.integers(MIN_HEALTH_BPS, MAX_HEALTH_BPS))
    weights = [draw(st.integers(1, 10)) for _ in chosen]
    entries = []
    priced = emode if emode and emode.price_raw else None
    for i, weight in zip(chosen, weights, strict=True):
        reserve = reserves[i]
        value = capacity * BPS * weight // (health_bps * sum(weights))
        inside = priced if priced and i in priced.borrowable else None
        price_raw = inside.price_raw if inside else reserve.price_raw
        amount = value * 10**reserve.decimals // price_raw
        if not amount:
            amount = draw(amounts_raw(reserve.decimals))
        scaled = max(1, ray_div_half_up(amount, reserve.variable_borrow_index_ray))
        accrued = _RAY_MUL[rules.debt_balance_rounding](scaled, reserve.variable_borrow_index_ray)
        modes = (inside.id if inside else 0, priced.id if priced else 0)
        entries.append(DebtEntry(account, i, accrued, scaled, *modes))
    return entries


def _capacity(entries: Sequence[CollateralEntry], reserves: Sequence[Reserve], emode: EMode | None) -> int:
    """Return the debt value at health factor 1, in base-currency units."""
    weighted = 0
    for e in entries:
        price_raw = emode.price_raw if emode and e.price_emode else reserves[e.reserve].price_raw
        if e.counted:
            weighted += e.amount_raw * price_raw // 10 ** reserves[e.reserve].decimals * e.threshold_bps
    return weighted // BPS
