"""Plan the accounts of the demo market: who supplies and borrows what."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from random import Random

from abis.errors import InputError
from examples.localchain.contracts import named_address
from examples.localchain.spec import MarketSpec, ReserveSpec

from .archetypes import (
    ARCHETYPES,
    DEBT_USD_PER_ACCOUNT,
    LARGEST_CAP_SHARE,
    LENDER,
    LENDER_LEAST_USD,
    OPENING_OVER_FINAL,
    SIZE_SIGMA,
    TARGET_UTILISATION,
    Archetype,
)
from .draws import largest_remainder, lognormal, pick, stratified, weights

FEWEST_ACCOUNTS = len(ARCHETYPES) + len(TARGET_UTILISATION)
# Room for what the protocol truncates (average LTV to whole basis points) and accrues.
_LTV_MARGIN = 0.998
_PRICE_UNIT = 10**8


@dataclass(frozen=True, slots=True)
class Leg:
    """An amount of one asset in its smallest unit."""

    symbol: str
    amount_raw: int


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """One account to open.

    Attributes
    ----------
    address : str
        Its address; depends on seed and position only.
    archetype : str
        Name of its archetype.
    collateral, debt : tuple of Leg
        What it supplies and borrows.
    emode : int
        Category entered, 0 = none.
    switched_off : tuple of str
        Supplied assets not used as collateral.
    by_transfer : bool
        Whether the collateral arrives as a transfer of aTokens.
    target_health : float or None
        Health factor at final prices, None without debt.
    """

    address: str
    archetype: str
    collateral: tuple[Leg, ...]
    debt: tuple[Leg, ...] = ()
    emode: int = 0
    switched_off: tuple[str, ...] = ()
    by_transfer: bool = False
    target_health: float | None = None


def plan_accounts(spec: MarketSpec, *, seed: int, accounts: int) -> tuple[AccountPlan, ...]:
    """Plan ``accounts`` accounts, lenders included.

    Parameters
    ----------
    spec : MarketSpec
        The market's parameters and final prices.
    seed : int
        Same seed, same plan.
    accounts : int
        Number of accounts.

    Returns
    -------
    tuple of AccountPlan
        Lenders first.

    Raises
    ------
    InputError
        If ``accounts`` is too small for one account of every kind, or so large that a
        reserve's cap does not hold the market.
    """
    if accounts < FEWEST_ACCOUNTS:
        raise InputError(
            f"{accounts} accounts cannot hold one of every kind.", remedy=f"Use {FEWEST_ACCOUNTS} or more."
        )
    borrowers = _plan_borrowers(spec, seed, accounts)
    plans = (*_plan_lenders(spec, seed, borrowers), *borrowers)
    _check_caps(spec, plans)
    return plans


def totals(legs: Iterable[Leg]) -> Counter[str]:
    """Return the sum of amounts by asset, smallest units."""
    result: Counter[str] = Counter()
    for leg in legs:
        result[leg.symbol] += leg.amount_raw
    return result


def opening_price_raw(reserve: ReserveSpec) -> int:
    """Return the price at which accounts open, 8 decimals."""
    return round(reserve.feed.price_raw * OPENING_OVER_FINAL.get(reserve.symbol, 1.0))


def _plan_borrowers(spec: MarketSpec, seed: int, accounts: int) -> list[AccountPlan]:
    count = accounts - len(TARGET_UTILISATION)
    counts = largest_remainder(count, [archetype.account_share for archetype in ARCHETYPES])
    budget_usd = DEBT_USD_PER_ACCOUNT * accounts
    plans: list[AccountPlan] = []
    for archetype, each in zip(ARCHETYPES, counts, strict=True):
        # A stream per archetype: a change in one leaves the accounts of the others.
        random = Random(f"{seed} {archetype.name}")
        health_draws = stratified(random, each)
        for size_usd, uniform in zip(
            _sizes_usd(random, archetype, each, budget_usd), health_draws, strict=True
        ):
            address = named_address(f"breakwater demo account {seed} {len(plans)}")
            plans.append(_plan_account(spec, random, archetype, address, size_usd, uniform))
    return plans


def _sizes_usd(random: Random, archetype: Archetype, count: int, budget_usd: float) -> list[float]:
    uniforms = stratified(random, count)
    if archetype.dust_usd is not None:
        low, high = archetype.dust_usd
        return [low * (high / low) ** uniform for uniform in uniforms]
    sizes = [lognormal(uniform, 1.0, SIZE_SIGMA) for uniform in uniforms]
    scale = archetype.value_share * budget_usd / sum(sizes)
    return [scale * size for size in sizes]


def _plan_account(
    spec: MarketSpec, random: Random, archetype: Archetype, address: str, size_usd: float, uniform: float
) -> AccountPlan:
    collateral_menu = _deep_enough(spec, archetype.collateral, "supply_cap_tokens", size_usd)
    supplied = _split(random, collateral_menu, archetype.collateral_count)
    off = next(iter(supplied)) if archetype.first_off else None
    debt_menu = {name: weight for name, weight in archetype.debt.items() if name not in supplied}
    debt_menu = _deep_enough(spec, debt_menu, "borrow_cap_tokens", size_usd)
    owed = _split(random, debt_menu, archetype.debt_count)
    collateral_usd, health = size_usd, None
    if owed:
        counted = {name: share for name, share in supplied.items() if name != off}
        lowest, threshold = _lowest_health(spec, archetype, counted, owed)
        excess = lognormal(
            uniform, archetype.hf_excess_median, archetype.hf_excess_sigma, above=max(lowest - 1.0, 0.0)
        )
        health = 1.0 + excess
        collateral_usd = size_usd * health / threshold
    return AccountPlan(
        address=address,
        archetype=archetype.name,
        collateral=_legs(spec, supplied, collateral_usd),
        debt=_legs(spec, owed, size_usd),
        emode=archetype.emode,
        switched_off=(off,) if off else (),
        by_transfer=archetype.by_transfer,
        target_health=health,
    )


def _deep_enough(spec: MarketSpec, menu: Mapping[str, float], cap: str, size_usd: float) -> dict[str, float]:
    """Return the part of a menu whose caps an account of that size does not crowd.

    Large accounts use deep reserves.  The deepest entry always stays.
    """

    def cap_usd(symbol: str) -> float:
        reserve = spec.reserve(symbol)
        tokens = int(getattr(reserve, cap)) or math.inf
        return tokens * reserve.feed.price_raw / _PRICE_UNIT

    if not menu:
        return {}
    deepest = max(menu, key=cap_usd)
    return {
        symbol: weight
        for symbol, weight in menu.items()
        if symbol == deepest or size_usd <= LARGEST_CAP_SHARE * cap_usd(symbol)
    }


def _split(random: Random, menu: Mapping[str, float], count: tuple[int, int]) -> dict[str, float]:
    """Return assets drawn from a menu with their shares of the value."""
    chosen = pick(random, menu, random.randint(*count))
    return dict(zip(chosen, weights(random, len(chosen)), strict=True))


def _lowest_health(
    spec: MarketSpec, archetype: Archetype, counted: Mapping[str, float], owed: Mapping[str, float]
) -> tuple[float, float]:
    """Return the lowest health factor the account can have now, and its weighted threshold.

    At opening, debt was at most LTV times collateral, both at opening prices.  The
    threshold is per unit of value supplied at final prices, so assets that do not count
    lower it.
    """
    threshold = capacity = 0.0
    for symbol, share in counted.items():
        ltv_bps, threshold_bps = _collateral_bps(spec, spec.reserve(symbol), archetype.emode)
        threshold += share * threshold_bps / 10_000
        capacity += share * OPENING_OVER_FINAL.get(symbol, 1.0) * ltv_bps / 10_000
    debt = sum(share * OPENING_OVER_FINAL.get(symbol, 1.0) for symbol, share in owed.items())
    return debt * threshold / (capacity * _LTV_MARGIN), threshold


def _collateral_bps(spec: MarketSpec, reserve: ReserveSpec, emode: int) -> tuple[int, int]:
    if emode and reserve.emode == emode:
        category = next(each for each in spec.emodes if each.id == emode)
        return category.ltv_bps, category.liquidation_threshold_bps
    return reserve.ltv_bps, reserve.liquidation_threshold_bps


def _legs(spec: MarketSpec, shares: Mapping[str, float], value_usd: float) -> tuple[Leg, ...]:
    return tuple(
        Leg(name, _amount_raw(spec.reserve(name), share * value_usd)) for name, share in shares.items()
    )


def _amount_raw(reserve: ReserveSpec, value_usd: float) -> int:
    """Return an amount of that value at the final price, to seven significant digits.

    Seven digits hide the last bits in which mathematical libraries of different machines
    differ, so the same seed means the same chain everywhere.
    """
    tokens = Decimal(f"{value_usd * _PRICE_UNIT / reserve.feed.price_raw:.6e}")
    return int(tokens.scaleb(reserve.decimals).to_integral_value(ROUND_DOWN))


def _plan_lenders(spec: MarketSpec, seed: int, borrowers: list[AccountPlan]) -> list[AccountPlan]:
    supplied = totals(leg for plan in borrowers for leg in plan.collateral)
    owed = totals(leg for plan in borrowers for leg in plan.debt)
    plans = []
    for symbol, utilisation in TARGET_UTILISATION.items():
        least = _amount_raw(spec.reserve(symbol), LENDER_LEAST_USD)
        amount_raw = max(round(owed[symbol] / utilisation) - supplied[symbol], least)
        address = named_address(f"breakwater demo lender {seed} {symbol}")
        plans.append(AccountPlan(address, LENDER, (Leg(symbol, amount_raw),)))
    return plans


def _check_caps(spec: MarketSpec, plans: Iterable[AccountPlan]) -> None:
    plans = tuple(plans)
    supplied = totals(leg for plan in plans for leg in plan.collateral)
    owed = totals(leg for plan in plans for leg in plan.debt)
    for reserve in spec.reserves:
        caps = {"supply": (supplied, reserve.supply_cap_tokens), "borrow": (owed, reserve.borrow_cap_tokens)}
        for side, (amounts, cap_tokens) in caps.items():
            tokens = amounts[reserve.symbol] // 10**reserve.decimals
            if cap_tokens and tokens >= cap_tokens:
                raise InputError(
                    f"The accounts need {tokens} {reserve.symbol}, its {side} cap is {cap_tokens}.",
                    remedy="Use fewer accounts.",
                )
