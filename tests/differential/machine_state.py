"""Reads a running market as the action rules want it: reserves with totals, accounts with bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from eth_abi.abi import decode
from eth_utils.crypto import keccak

from abis.units import percent_mul_half_up, ray_mul_down
from examples.localchain.contracts import Contract
from examples.localchain.rpc import RpcAnswer
from protocols.aave_v3.accrual import (
    balance_raw,
    debt_index_ray,
    minted_scaled,
    supply_index_ray,
)
from protocols.aave_v3.action_state import AccountState, ActionRefusal, PoolState, ReserveState
from protocols.aave_v3.configuration import decode_user_configuration
from protocols.aave_v3.eligibility import ReserveGate, gate_refusal
from protocols.aave_v3.health import account_data
from protocols.aave_v3.liquidation import liquidate
from protocols.aave_v3.versions import since
from protocols.position import LiquidationResult, Refusal
from tests.differential.liquidations import CODES, ERROR_STRING, NO_REASON, OVERDRAWN, Attempt, refusal_code
from tests.differential.raw_market import (
    Call,
    RawAccount,
    RawMarket,
    RawReserve,
    World,
    position_of,
    read_all,
    read_market,
)

_A = ActionRefusal
_SAFE_MATH_SUB = "SafeMath: subtraction overflow"


def _custom(error: str) -> str:
    return "0x" + keccak(text=error)[:4].hex()


# Errors.sol of protocol-v2 and aave-v3-core; the custom errors of aave-v3-origin.
ACTION_CODES: Mapping[str, Mapping[ActionRefusal, str]] = MappingProxyType(
    {
        "2.0": {
            _A.ZERO_AMOUNT: "1",
            _A.INACTIVE: "2",
            _A.FROZEN: "3",
            _A.MORE_THAN_HELD: "5",
            _A.IN_USE: "6",
            _A.NOT_BORROWABLE: "7",
            _A.NO_COLLATERAL: "9",
            _A.UNHEALTHY: "10",
            _A.NOT_COVERED: "11",
            _A.NO_DEBT: "15",
            _A.NOTHING_SUPPLIED: "19",
            _A.DEPOSIT_IN_USE: "20",
            _A.ZERO_LTV: "50",  # MATH_DIVISION_BY_ZERO
            _A.ZERO_MINT: "56",
            _A.ZERO_BURN: "58",
            _A.OVERDRAWN: "ERC20: transfer amount exceeds balance",
            _A.UNDERFLOW: _SAFE_MATH_SUB,
            _A.NO_LIQUIDITY: _SAFE_MATH_SUB,
        },
        "3.0": {
            _A.ZERO_MINT: "24",
            _A.ZERO_BURN: "25",
            _A.ZERO_AMOUNT: "26",
            _A.INACTIVE: "27",
            _A.FROZEN: "28",
            _A.PAUSED: "29",
            _A.NOT_BORROWABLE: "30",
            _A.MORE_THAN_HELD: "32",
            _A.NO_COLLATERAL: "34",
            _A.UNHEALTHY: "35",
            _A.NOT_COVERED: "36",
            _A.NO_DEBT: "39",
            _A.NOTHING_SUPPLIED: "43",
            _A.BORROW_CAP: "50",
            _A.SUPPLY_CAP: "51",
            _A.DEBT_CEILING: "53",
            _A.ZERO_LTV: "57",
            _A.BAD_CATEGORY: "58",
            _A.SENTINEL: "59",
            _A.NOT_BORROWABLE_IN_ISOLATION: "60",
            _A.ISOLATED_OR_ZERO_LTV: "62",
            _A.SILOED: "89",
            _A.OVERDRAWN: OVERDRAWN,
            _A.NO_LIQUIDITY: OVERDRAWN,
        },
        "3.6": {
            _A.ZERO_MINT: _custom("InvalidMintAmount()"),
            _A.ZERO_BURN: _custom("InvalidBurnAmount()"),
            _A.ZERO_AMOUNT: _custom("InvalidAmount()"),
            _A.INACTIVE: _custom("ReserveInactive()"),
            _A.FROZEN: _custom("ReserveFrozen()"),
            _A.PAUSED: _custom("ReservePaused()"),
            _A.NOT_BORROWABLE: _custom("BorrowingNotEnabled()"),
            _A.NOT_BORROWABLE_IN_EMODE: _custom("NotBorrowableInEMode()"),
            _A.MORE_THAN_HELD: _custom("NotEnoughAvailableUserBalance()"),
            _A.UNHEALTHY: _custom("HealthFactorLowerThanLiquidationThreshold()"),
            _A.NOT_COVERED: _custom("CollateralCannotCoverNewBorrow()"),
            _A.NO_DEBT: _custom("NoDebtOfSelectedType()"),
            _A.NOTHING_SUPPLIED: _custom("UnderlyingBalanceZero()"),
            _A.BORROW_CAP: _custom("BorrowCapExceeded()"),
            _A.SUPPLY_CAP: _custom("SupplyCapExceeded()"),
            _A.DEBT_CEILING: _custom("DebtCeilingExceeded()"),
            _A.ZERO_LTV: _custom("LtvValidationFailed()"),
            _A.BAD_CATEGORY: _custom("InconsistentEModeCategory()"),
            _A.SENTINEL: _custom("PriceOracleSentinelCheckFailed()"),
            _A.NOT_BORROWABLE_IN_ISOLATION: _custom("AssetNotBorrowableInIsolation()"),
            _A.ISOLATED_OR_ZERO_LTV: _custom("UserInIsolationModeOrLtvZero()"),
            _A.SILOED: _custom("SiloedBorrowingViolation()"),
            _A.DEBT_OUTSIDE_EMODE: _custom("InvalidDebtInEmode(address,uint256)"),
            _A.COLLATERAL_OUTSIDE_EMODE: _custom("InvalidCollateralInEmode(address,uint256)"),
            _A.OVERDRAWN: OVERDRAWN,
            _A.NO_LIQUIDITY: OVERDRAWN,
        },
    }
)


@dataclass(frozen=True, slots=True)
class _Totals:
    """What a reserve stores beside `RawReserve`."""

    supplied_scaled: int
    treasury_scaled: int
    borrowed_scaled: int
    held_raw: int
    counted_raw: int  # virtual accounting's word on it
    isolated_debt_cents: int
    grace_until_s: int


@dataclass(frozen=True, slots=True)
class FullMarket:
    """A market with the totals of its reserves, and whether a sentinel lets borrow and liquidate."""

    raw: RawMarket
    totals: tuple[_Totals, ...]
    sentinel_allows: bool = True

    def pool_at(self, at_s: int) -> PoolState:
        """Return the pool in a block at ``at_s``."""
        states = [
            ReserveState(
                configuration=reserve.configuration,
                supplied_scaled=totals.supplied_scaled,
                treasury_scaled=totals.treasury_scaled
                + _accrued_to_treasury(self.raw, reserve, totals.borrowed_scaled, at_s),
                borrowed_scaled=totals.borrowed_scaled,
                stable_raw=0,
                cash_raw=min(totals.held_raw, totals.counted_raw),
                isolated_debt_cents=totals.isolated_debt_cents,
            )
            for reserve, totals in zip(self.raw.reserves, self.totals, strict=True)
        ]
        return PoolState(self.raw.version, tuple(states), self.sentinel_allows)

    def account_at(self, account: RawAccount, at_s: int) -> AccountState:
        """Return an account in a block at ``at_s``."""
        return AccountState(
            position=position_of(self.raw, account, at_s),
            bits=decode_user_configuration(account.word),
            category=self.raw.categories.get(account.emode),
        )

    def cash_raw(self, attempt: Attempt, repaid_raw: int) -> int:
        """Return what a liquidation can be paid out: the repayment is booked first, and paid after."""
        totals = self.totals[attempt.collateral]
        if not self.raw.reserves[attempt.collateral].configuration.virtual_accounting:
            return totals.held_raw
        booked_raw = repaid_raw if attempt.collateral == attempt.debt else 0
        return min(totals.held_raw, totals.counted_raw + booked_raw)

    def gate(self, place: int) -> ReserveGate:
        """Return what a liquidation meets at a reserve."""
        own = self.raw.reserves[place].configuration
        return ReserveGate(own.active, own.paused, self.totals[place].grace_until_s)


def read_full_market(world: World, *, sentinel_allows: bool = True) -> FullMarket:
    """Read a market with all totals at the latest block."""
    raw = read_market(world)
    listed = [world.market.reserves[reserve.symbol] for reserve in raw.reserves]
    pool, virtual = world.market.pool, since(raw.version, "3.1")
    calls: list[Call] = []
    for each in listed:
        asset = each.underlying.address
        calls += [
            (each.a_token, "scaledTotalSupply", ()),
            (each.variable_debt_token, "scaledTotalSupply", ()),
            (each.underlying, "balanceOf", (each.a_token.address,)),
            (pool, "getReserveData", (asset,)),
        ]
        if virtual:
            calls += [
                (pool, "getVirtualUnderlyingBalance", (asset,)),
                (pool, "getLiquidationGracePeriod", (asset,)),
            ]
    answers = read_all(world, calls)
    width = len(calls) // len(listed)
    totals = [_totals(raw.version, *answers[i : i + width]) for i in range(0, len(answers), width)]
    reserves = [_index_at_rest(reserve, each) for reserve, each in zip(raw.reserves, totals, strict=True)]
    return FullMarket(replace(raw, reserves=tuple(reserves)), tuple(totals), sentinel_allows)


def _totals(
    version: str, supplied: int, borrowed: int, held_raw: int, data: Sequence[Any], *more: int
) -> _Totals:
    treasury, isolated = (data[12], data[14]) if since(version, "3.0") else (0, 0)
    counted_raw, grace_until_s = more or (held_raw, 0)
    return _Totals(supplied, treasury, borrowed, held_raw, counted_raw, isolated, grace_until_s)


def _index_at_rest(reserve: RawReserve, totals: _Totals) -> RawReserve:
    """Without any debt an update leaves the stored debt index as it is, whatever the view says."""
    return reserve if totals.borrowed_scaled else replace(reserve, debt_rate_ray=0)


def _accrued_to_treasury(market: RawMarket, reserve: RawReserve, borrowed: int, at_s: int) -> int:
    """Return what an update at ``at_s`` adds to the treasury's share (ReserveLogic.sol, v3)."""
    rules, version = market.rules, market.version
    if not since(version, "3.0"):
        return 0
    old_ray = reserve.debt_index_ray
    new_ray = debt_index_ray(old_ray, reserve.debt_rate_ray, reserve.last_update_s, at_s, rules.debt_accrual)
    if since(version, "3.5"):
        interest_raw = ray_mul_down(borrowed, new_ray - old_ray)
    else:
        rounding = rules.debt_balance_rounding
        interest_raw = balance_raw(borrowed, new_ray, rounding) - balance_raw(borrowed, old_ray, rounding)
    share_raw = percent_mul_half_up(interest_raw, reserve.configuration.reserve_factor_bps)
    index_ray = supply_index_ray(
        reserve.supply_index_ray, reserve.supply_rate_ray, reserve.last_update_s, at_s
    )
    return minted_scaled(share_raw, index_ray, rules.supply_balance_rounding)


def predict_call(
    market: FullMarket, attempt: Attempt, at_s: int, *, in_tokens: bool
) -> tuple[str, LiquidationResult]:
    """Return the code a liquidation call will be refused with, or an empty string, and what it does."""
    raw = market.raw
    position = position_of(raw, attempt.account, at_s)
    result = liquidate(
        position, attempt.collateral, attempt.debt, attempt.offer_raw, raw.rules, in_tokens=in_tokens
    )
    gates = market.gate(attempt.collateral), market.gate(attempt.debt)
    health_wad = account_data(position, raw.rules).health_factor
    closed = gate_refusal(*gates, health_wad, at_s, raw.version, sentinel_allows=market.sentinel_allows)
    if closed:
        return CODES[raw.version][closed], result
    if result.refusal:
        return refusal_code(raw, position, attempt.collateral, result.refusal), result
    paid_out_raw = result.collateral_seized_raw - result.protocol_fee_raw
    if not in_tokens and paid_out_raw > market.cash_raw(attempt, result.debt_repaid_raw):
        return CODES[raw.version][Refusal.NO_LIQUIDITY], result
    return "", result


def revert_code(
    world: World,
    sender: str,
    contract: Contract,
    function: str,
    arguments: Sequence[object],
    at_s: int,
) -> str:
    """Return the code a call reverts with in a block at ``at_s`` on the latest state, or an empty string.

    Of a custom error with arguments, its selector.
    """
    data = contract.encode(function, *arguments)
    call = {"from": sender, "to": contract.address, "data": data}
    try:
        world.chain.node.rpc("eth_call", call, "latest", {}, {"time": hex(at_s)})
    except RpcAnswer as error:
        data = str(error.error.get("data") or NO_REASON)
        if data.startswith(ERROR_STRING):
            return str(decode(["string"], bytes.fromhex(data[10:]))[0])
        return data if data == OVERDRAWN else data[:10]
    return ""
