"""Reads the listed assets: parameters, accrued indices, totals, caps, rate curve, price and feed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from abis.calls import Call, decode_text
from abis.chain import Header, Reading
from abis.errors import BadReturn
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v3.accrual import balance_raw, debt_index_ray, supply_index_ray
from protocols.aave_v3.addresses import ZERO
from protocols.aave_v3.configuration import ReserveConfiguration, decode_configuration
from protocols.aave_v3.prices import Quote
from protocols.aave_v3.versions import since
from protocols.liquidation_rules import LiquidationRules
from protocols.snapshot import RateModel, Reserve
from protocols.texts import bounded

# DefaultReserveInterestRateStrategy.sol until v3.0 has one curve a contract, V2 one an asset.
OWN_CURVE = (
    "OPTIMAL_USAGE_RATIO()(uint256)",
    "getBaseVariableBorrowRate()(uint256)",
    "getVariableRateSlope1()(uint256)",
    "getVariableRateSlope2()(uint256)",
)
_SHARED_CURVE = (
    "getOptimalUsageRatio(address)(uint256)",
    "getBaseVariableBorrowRate(address)(uint256)",
    "getVariableRateSlope1(address)(uint256)",
    "getVariableRateSlope2(address)(uint256)",
)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a protocol generation lays out what a pool and its rate strategies answer.

    Parameters
    ----------
    reserve_data : str
        Signature of the getter.
    words : tuple of str
        What each returned word is: a field of `Stored`, or ``""`` where it is not used.
    curves : tuple
        Per shape of rate strategy, its four getters: optimal usage, base, both slopes.
    """

    reserve_data: str
    words: tuple[str, ...]
    curves: tuple[tuple[str, str, str, str], ...]


# DataTypes.sol ReserveData (ReserveDataLegacy from v3.1 on): fifteen words in every release.
V3_LAYOUT = Layout(
    reserve_data=(
        "getReserveData(address)(uint256,uint128,uint128,uint128,uint128,uint128,uint40,uint16,"
        "address,address,address,address,uint128,uint128,uint128)"
    ),
    words=(
        *("", "liquidity_index_ray", "liquidity_rate_ray", "variable_borrow_index_ray"),
        *("variable_borrow_rate_ray", "", "last_update_s", "id", "a_token", "stable_debt_token"),
        *("debt_token", "rate_strategy", "accrued_to_treasury_scaled_raw", "", ""),
    ),
    curves=(OWN_CURVE, _SHARED_CURVE),
)


@dataclass(frozen=True, slots=True)
class ListedReserve:
    """A reserve with what only the reading of positions needs.

    Parameters
    ----------
    reserve : Reserve
        As it goes into the snapshot.
    scaled_supply_raw, scaled_debt_raw : int
        Totals of the supply and the variable-debt token, scaled units.
    stable_debt_token : str
        Empty where nobody owes at a stable rate.
    stable_debt_raw : int
        Everything owed at stable rates, smallest units.
    discounts_debt : bool
        Whether the variable-debt token grants discounts on interest.
    """

    reserve: Reserve
    scaled_supply_raw: int
    scaled_debt_raw: int
    stable_debt_token: str
    stable_debt_raw: int
    discounts_debt: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """What the pool stores of one reserve, named; v2 mints to the treasury at once."""

    liquidity_index_ray: int
    liquidity_rate_ray: int
    variable_borrow_index_ray: int
    variable_borrow_rate_ray: int
    last_update_s: int
    id: int
    a_token: str
    stable_debt_token: str
    debt_token: str
    rate_strategy: str
    accrued_to_treasury_scaled_raw: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the contracts of one asset answered."""

    asset: str
    stored: Stored
    configuration: ReserveConfiguration
    symbol: bytes | None
    detail: dict[str, Any]


def read_assets(pool: str) -> Reading[tuple[str, ...]]:
    """Return the listed assets.

    The place in that list is not the bit index of the user word; `Reserve.id` is.
    """
    (assets,) = yield [Call(pool, "getReservesList()(address[])")]
    return tuple(assets)


def read_facts(
    pool: str, assets: Sequence[str], version: str, layout: Layout = V3_LAYOUT
) -> Reading[list[Facts]]:
    """Return what the pool and the tokens say of each asset."""
    basics = yield [call for a in assets for call in _basic_calls(pool, a, layout)]
    stored = [_stored(data, layout) for data in basics[0::3]]
    configurations = [decode_configuration(word, version) for word in basics[1::3]]
    calls = [
        _detail_calls(pool, a, s, c, version) | dict(_curve_calls(s.rate_strategy, a, layout))
        for a, s, c in zip(assets, stored, configurations, strict=True)
    ]
    answers = iter((yield [call for group in calls for call in group.values()]))
    details = [{name: next(answers) for name in group} for group in calls]
    rows = zip(assets, stored, configurations, basics[2::3], details, strict=True)
    return [Facts(*row) for row in rows]


def listed_reserves(
    facts: Sequence[Facts],
    quotes: Sequence[Quote],
    rules: LiquidationRules,
    block: Header,
    findings: list[Finding],
) -> tuple[ListedReserve, ...]:
    """Return the reserves in the order of ``getReservesList``, accrued to the block's time."""
    return tuple(_listed(f, quote, rules, block, findings) for f, quote in zip(facts, quotes, strict=True))


def _basic_calls(pool: str, asset: str, layout: Layout) -> tuple[Call, Call, Call]:
    return (
        Call(pool, layout.reserve_data, (asset,)),
        Call(pool, "getConfiguration(address)(uint256)", (asset,)),
        Call(asset, "symbol()", optional=True),
    )


def _stored(words: Sequence[Any], layout: Layout) -> Stored:
    return Stored(**{name: word for name, word in zip(layout.words, words, strict=True) if name})


def _detail_calls(
    pool: str, asset: str, stored: Stored, configuration: ReserveConfiguration, version: str
) -> dict[str, Call]:
    calls = {
        "scaled_supply": Call(stored.a_token, "scaledTotalSupply()(uint256)"),
        "scaled_debt": Call(stored.debt_token, "scaledTotalSupply()(uint256)"),
        "income": Call(pool, "getReserveNormalizedIncome(address)(uint256)", (asset,)),
        "debt_index": Call(pool, "getReserveNormalizedVariableDebt(address)(uint256)", (asset,)),
        "cash": Call(asset, "balanceOf(address)(uint256)", (stored.a_token,), optional=True),
    }
    if configuration.virtual_accounting:
        calls["cash"] = Call(pool, "getVirtualUnderlyingBalance(address)(uint128)", (asset,))
    if since(version, "3.1"):
        calls["grace"] = Call(pool, "getLiquidationGracePeriod(address)(uint40)", (asset,))
    if since(version, "3.3"):
        calls["deficit"] = Call(pool, "getReserveDeficit(address)(uint256)", (asset,))
    if not since(version, "3.2") and stored.stable_debt_token != ZERO:
        calls["stable_debt"] = Call(stored.stable_debt_token, "totalSupply()(uint256)")
    if since(version, "3.0") and not since(version, "3.4"):
        discount = "getDiscountPercent(address)(uint256)"
        calls["discount"] = Call(stored.debt_token, discount, (ZERO,), optional=True)
    return calls


def _curve_calls(strategy: str, asset: str, layout: Layout) -> Iterator[tuple[str, Call]]:
    for j, curve in enumerate(layout.curves):
        for k, getter in enumerate(curve):
            of_asset = (asset,) if "(address)" in getter else ()
            yield f"curve_{j}_{k}", Call(strategy, getter, of_asset, optional=True)


def _listed(
    facts: Facts, quote: Quote, rules: LiquidationRules, block: Header, findings: list[Finding]
) -> ListedReserve:
    asset, stored, detail = facts.asset, facts.stored, facts.detail
    income_ray, debt_ray = _indices_ray(stored, rules, block)
    _check_indices((income_ray, debt_ray), (detail["income"], detail["debt_index"]), asset, findings)
    stable_raw = detail.get("stable_debt", 0)
    if detail["cash"] is None:
        findings.append(_missing(asset, "available liquidity; it counts as 0"))
    reserve = Reserve(
        asset=asset,
        symbol=_symbol(facts.symbol, asset, findings),
        price_raw=quote.price_raw,
        feed=quote.feed,
        liquidity_index_ray=income_ray,
        variable_borrow_index_ray=debt_ray,
        liquidity_rate_ray=stored.liquidity_rate_ray,
        variable_borrow_rate_ray=stored.variable_borrow_rate_ray,
        last_update_s=stored.last_update_s,
        total_supply_raw=balance_raw(detail["scaled_supply"], income_ray, rules.supply_balance_rounding),
        total_debt_raw=balance_raw(detail["scaled_debt"], debt_ray, rules.debt_balance_rounding) + stable_raw,
        available_liquidity_raw=detail["cash"] or 0,
        accrued_to_treasury_scaled_raw=stored.accrued_to_treasury_scaled_raw,
        deficit_raw=detail.get("deficit", 0),
        liquidation_grace_until_s=detail.get("grace", 0),
        a_token=stored.a_token,
        debt_token=stored.debt_token,
        id=stored.id,
        rate_model=_rate_model(detail, asset, findings),
        **_parameters(facts.configuration),
    )
    return ListedReserve(
        reserve=reserve,
        scaled_supply_raw=detail["scaled_supply"],
        scaled_debt_raw=detail["scaled_debt"],
        stable_debt_token=stored.stable_debt_token if stable_raw else "",
        stable_debt_raw=stable_raw,
        discounts_debt=detail.get("discount") is not None,
    )


def _parameters(c: ReserveConfiguration) -> dict[str, Any]:
    """Return the fields a reserve takes over from its configuration word."""
    unused = {"stable_borrowing_enabled", "unbacked_mint_cap_tokens", "virtual_accounting"}
    return {name: getattr(c, name) for name in c.__slots__ if name not in unused}


def _indices_ray(stored: Stored, rules: LiquidationRules, block: Header) -> tuple[int, int]:
    since_s, now_s = stored.last_update_s, block.timestamp_s
    return (
        supply_index_ray(stored.liquidity_index_ray, stored.liquidity_rate_ray, since_s, now_s),
        debt_index_ray(
            stored.variable_borrow_index_ray,
            stored.variable_borrow_rate_ray,
            since_s,
            now_s,
            rules.debt_accrual,
        ),
    )


def _check_indices(
    ours: tuple[int, int], chains: tuple[int, int], asset: str, findings: list[Finding]
) -> None:
    """Compare our accrual with the pool's own view of it, at every snapshot."""
    for name, own, theirs in zip(("supply", "debt"), ours, chains, strict=True):
        if own != theirs:
            findings.append(
                Finding(
                    FindingKind.INCONSISTENT,
                    Severity.HIGH,
                    asset,
                    f"The {name} index accrues to {own}, the pool says {theirs}: "
                    "its interest follows other rules than assumed.",
                )
            )


def _rate_model(detail: dict[str, Any], asset: str, findings: list[Finding]) -> RateModel | None:
    points = [value for name, value in detail.items() if name.startswith("curve_")]
    for curve in (points[k : k + 4] for k in range(0, len(points), 4)):
        if None not in curve:
            return RateModel(*curve)
    findings.append(_missing(asset, "two-slope interest curve; rates cannot be projected"))
    return None


def _symbol(data: bytes | None, asset: str, findings: list[Finding]) -> str:
    try:
        return bounded(decode_text(data or b""), "symbol", asset, findings)
    except BadReturn:
        findings.append(_missing(asset, "readable symbol; its address names it"))
        return ""


def _missing(asset: str, what: str) -> Finding:
    return Finding(FindingKind.MISSING, Severity.LOW, asset, f"The asset has no {what}.")
