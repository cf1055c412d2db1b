"""What v2 lays out differently from v3, and what it keeps outside the reserve: pause and grace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from abis.calls import Call
from abis.chain import Reading
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v2.addresses import ZERO, Addresses
from protocols.aave_v3.reserves import OWN_CURVE, Layout, ListedReserve

# protocol-v2 DataTypes.sol ReserveData: twelve words.  Rate strategies are those of
# DefaultReserveInterestRateStrategy.sol or, on Ethereum since 2022, ones with the names of v3.
V2_LAYOUT = Layout(
    reserve_data=(
        "getReserveData(address)(uint256,uint128,uint128,uint128,uint128,uint128,uint40,"
        "address,address,address,address,uint8)"
    ),
    words=(
        *("", "liquidity_index_ray", "variable_borrow_index_ray", "liquidity_rate_ray"),
        *("variable_borrow_rate_ray", "", "last_update_s", "a_token", "stable_debt_token"),
        *("debt_token", "rate_strategy", "id"),
    ),
    curves=(
        (
            "OPTIMAL_UTILIZATION_RATE()(uint256)",
            "baseVariableBorrowRate()(uint256)",
            "variableRateSlope1()(uint256)",
            "variableRateSlope2()(uint256)",
        ),
        OWN_CURVE,
    ),
)


@dataclass(frozen=True, slots=True)
class Pauses:
    """What stops liquidations: the whole pool's switch, and a time for each asset (0 = none)."""

    paused: bool
    grace_until_s: tuple[int, ...]


def read_pauses(addresses: Addresses, assets: Sequence[str]) -> Reading[Pauses]:
    """Return whether the pool is paused, and the grace periods of its collateral manager.

    References
    ----------
    LendingPool.sol ``paused``; LendingPoolCollateralManager.sol of Aave's markets since
    November 2023, ``LIQUIDATIONS_GRACE_SENTINEL``.
    """
    manager = addresses.collateral_manager or ZERO
    paused, sentinel = yield [
        Call(addresses.pool, "paused()(bool)", optional=True),
        Call(manager, "LIQUIDATIONS_GRACE_SENTINEL()(address)", optional=True),
    ]
    if sentinel in (None, ZERO):
        return Pauses(bool(paused), (0,) * len(assets))
    until = yield [Call(sentinel, "gracePeriodUntil(address)(uint40)", (a,), optional=True) for a in assets]
    return Pauses(bool(paused), tuple(u or 0 for u in until))


def with_pauses(listed: Sequence[ListedReserve], pauses: Pauses) -> tuple[ListedReserve, ...]:
    """Return the reserves with what stops their liquidation."""
    return tuple(
        replace(r, reserve=replace(r.reserve, paused=pauses.paused, liquidation_grace_until_s=until))
        for r, until in zip(listed, pauses.grace_until_s, strict=True)
    )


def check_totals(listed: Sequence[ListedReserve], findings: list[Finding]) -> Reading[None]:
    """Compare what tokens say of their totals with scaled total times index.

    A token whose balances follow other rules (v2 lists a rebasing one, AMPL) shows here.
    """
    sides = [side for r in listed for side in _sides(r)]
    said = yield [Call(token, "totalSupply()(uint256)", optional=True) for token, _, _ in sides]
    for (token, total_raw, symbol), other in zip(sides, said, strict=True):
        if other != total_raw:
            findings.append(
                Finding(
                    FindingKind.INCONSISTENT,
                    Severity.HIGH,
                    symbol,
                    f"Token {token} says its total is {other}, scaled total times index is {total_raw}: "
                    "its balances follow other rules than assumed.",
                )
            )


def _sides(listed: ListedReserve) -> Iterator[tuple[str, int, str]]:
    reserve = listed.reserve
    symbol = reserve.symbol or reserve.asset
    yield reserve.a_token, reserve.total_supply_raw, symbol
    yield reserve.debt_token, reserve.total_debt_raw - listed.stable_debt_raw, symbol
