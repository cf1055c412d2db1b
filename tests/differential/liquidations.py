"""Sends real ``liquidationCall``s and holds everything they do, or say no to, against the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eth_abi.abi import decode
from eth_utils.crypto import keccak

from abis.units import MAX_UINT256
from examples.localchain.contracts import named_address
from examples.localchain.rpc import RpcAnswer
from protocols.aave_v3.accrual import burned_scaled
from protocols.aave_v3.eligibility import ReserveGate, gate_refusal
from protocols.aave_v3.rules import account_data, liquidate
from protocols.position import LiquidationResult, Position, Refusal
from tests.differential.raw_market import (
    RawAccount,
    RawMarket,
    World,
    position_of,
    read_account,
    read_account_data,
    read_all,
)

LIQUIDATOR = named_address("breakwater test liquidator")
LIQUIDATION_TOPIC = "0xe413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286"
DEFICIT_TOPIC = "0x2bccfb3fad376d59d7accf970515eb77b2f27b082c90ed0fb15583dd5a942699"
ERROR_STRING = "0x08c379a0"
OVERDRAWN = "0x4e487b71" + f"{0x11:064x}"  # Panic(0x11): a balance underflows
NO_REASON = "0x"


def _custom(error: str) -> str:
    return "0x" + keccak(text=f"{error}()")[:4].hex()


# Errors.sol of protocol-v2 and aave-v3-core, and the custom errors of aave-v3-origin.
CODES: Mapping[str, Mapping[Refusal, str]] = {
    "2.0": {
        Refusal.HEALTHY: "42",  # LPCM_HEALTH_FACTOR_NOT_BELOW_THRESHOLD
        Refusal.NOT_COLLATERAL: "43",  # LPCM_COLLATERAL_CANNOT_BE_LIQUIDATED
        Refusal.NO_DEBT: "44",  # LPCM_SPECIFIED_CURRENCY_NOT_BORROWED_BY_USER
        Refusal.NO_LIQUIDITY: "45",  # LPCM_NOT_ENOUGH_LIQUIDITY_TO_LIQUIDATE
        Refusal.ZERO_AMOUNT: "23",  # LP_LIQUIDATION_CALL_FAILED, whatever reverts inside
        Refusal.INACTIVE: "2",  # VL_NO_ACTIVE_RESERVE
    },
    "3.0": {
        Refusal.HEALTHY: "45",  # HEALTH_FACTOR_NOT_BELOW_THRESHOLD
        Refusal.NOT_COLLATERAL: "46",  # COLLATERAL_CANNOT_BE_LIQUIDATED
        Refusal.NO_DEBT: "47",  # SPECIFIED_CURRENCY_NOT_BORROWED_BY_USER
        Refusal.NO_LIQUIDITY: OVERDRAWN,
        Refusal.ZERO_AMOUNT: "25",  # INVALID_BURN_AMOUNT
        Refusal.INACTIVE: "27",  # RESERVE_INACTIVE
        Refusal.PAUSED: "29",  # RESERVE_PAUSED
        Refusal.SENTINEL: "59",  # PRICE_ORACLE_SENTINEL_CHECK_FAILED
    },
    "3.6": {
        Refusal.HEALTHY: _custom("HealthFactorNotBelowThreshold"),
        Refusal.NOT_COLLATERAL: _custom("CollateralCannotBeLiquidated"),
        Refusal.NO_DEBT: _custom("SpecifiedCurrencyNotBorrowedByUser"),
        Refusal.NO_LIQUIDITY: OVERDRAWN,
        Refusal.ZERO_AMOUNT: _custom("InvalidBurnAmount"),
        Refusal.INACTIVE: _custom("ReserveInactive"),
        Refusal.PAUSED: _custom("ReservePaused"),
        Refusal.SENTINEL: _custom("PriceOracleSentinelCheckFailed"),
        Refusal.GRACE_PERIOD: _custom("LiquidationGraceSentinelCheckFailed"),
        Refusal.DUST: _custom("MustNotLeaveDust"),
    },
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call: the account as stored, places of the two legs, the offer."""

    account: RawAccount
    collateral: int
    debt: int
    offer_raw: int


def predict(market: RawMarket, attempt: Attempt, at_s: int) -> LiquidationResult:
    """Return what the rules say of the call in a block at ``at_s``."""
    position = position_of(market, attempt.account, at_s)
    return liquidate(position, attempt.collateral, attempt.debt, attempt.offer_raw, market.rules)


def expected_code(world: World, market: RawMarket, attempt: Attempt, at_s: int) -> str:
    """Return the code the contract will refuse with, or an empty string if it will accept.

    What the rules leave to their caller is added: flags, and whether the payment is there.
    """
    own, other = (market.reserves[i].configuration for i in (attempt.collateral, attempt.debt))
    position = position_of(market, attempt.account, at_s)
    gates = (ReserveGate(each.active, each.paused) for each in (own, other))
    if closed := gate_refusal(
        *gates, account_data(position, market.rules).health_factor, at_s, market.version
    ):
        return CODES[market.version][closed]
    predicted = liquidate(position, attempt.collateral, attempt.debt, attempt.offer_raw, market.rules)
    if predicted.refusal:
        return refusal_code(market, position, attempt.collateral, predicted.refusal)
    paid_out_raw = predicted.collateral_seized_raw - predicted.protocol_fee_raw
    if paid_out_raw > _cash_raw(world, market, attempt, predicted):
        return CODES[market.version][Refusal.NO_LIQUIDITY]
    return ""


def refusal_code(market: RawMarket, position: Position, collateral: int, refusal: Refusal) -> str:
    """Return the code of a refusal by the rules."""
    leg = position.collateral[collateral]
    if refusal is Refusal.ZERO_AMOUNT and leg.bonus_bps == 0 and leg.protocol_fee_bps:
        return NO_REASON  # the fee divides by the bonus
    return CODES[market.version][refusal]


def _cash_raw(world: World, market: RawMarket, attempt: Attempt, predicted: LiquidationResult) -> int:
    """Return what the collateral's reserve can pay out in the call."""
    listed = world.market.reserves[market.reserves[attempt.collateral].symbol]
    asset = listed.underlying
    (held_raw,) = read_all(world, [(asset, "balanceOf", (listed.a_token.address,))])
    if market.reserves[attempt.collateral].configuration.virtual_accounting:
        pool = world.market.pool
        (counted_raw,) = read_all(world, [(pool, "getVirtualUnderlyingBalance", (asset.address,))])
        # The repayment is booked before the payment, and paid after it.
        repaid_raw = predicted.debt_repaid_raw if attempt.collateral == attempt.debt else 0
        held_raw = min(held_raw, counted_raw + repaid_raw)
    return int(held_raw)


def simulate(world: World, market: RawMarket, attempt: Attempt) -> str:
    """Return the code the call reverts with at the latest block, or an empty string."""
    data = world.market.pool.encode("liquidationCall", *_arguments(world, market, attempt))
    call = {"from": LIQUIDATOR, "to": world.market.pool.address, "data": data}
    try:
        world.chain.node.rpc("eth_call", call, "latest")
    except RpcAnswer as error:
        data = str(error.error.get("data") or NO_REASON)
        return str(decode(["string"], bytes.fromhex(data[10:]))[0]) if data.startswith(ERROR_STRING) else data
    return ""


def execute(world: World, market: RawMarket, attempt: Attempt, at_s: int) -> LiquidationResult:
    """Send the call into a block at ``at_s``, compare everything it did with the rules, return those."""
    predicted = predict(market, attempt, at_s)
    assert predicted.refusal is None
    seized, owed = (
        world.market.reserves[market.reserves[i].symbol] for i in (attempt.collateral, attempt.debt)
    )
    paid_out_raw = predicted.collateral_seized_raw - predicted.protocol_fee_raw
    wallet = [
        (seized.underlying, "balanceOf", (LIQUIDATOR,)),
        (owed.underlying, "balanceOf", (LIQUIDATOR,)),
        (seized.a_token, "scaledBalanceOf", (world.market.treasury,)),
    ]
    before = read_all(world, wallet)
    world.chain.send(LIQUIDATOR, world.market.pool, "liquidationCall", *_arguments(world, market, attempt))
    world.chain.mine(at_s)
    after = read_all(world, wallet)
    assert liquidation_event(world) == (predicted.debt_repaid_raw, paid_out_raw)
    assert deficits_created(world) == expected_deficits(world, market, predicted)
    if seized.symbol != owed.symbol:
        assert after[0] - before[0] == paid_out_raw
        assert before[1] - after[1] == predicted.debt_repaid_raw
    else:
        assert after[0] - before[0] == paid_out_raw - predicted.debt_repaid_raw
    account = read_account(world, market, attempt.account.address)
    leg = position_of(market, attempt.account, at_s).collateral[attempt.collateral]
    lost = attempt.account.supplied_scaled[attempt.collateral] - account.supplied_scaled[attempt.collateral]
    to_treasury = lost - burned_scaled(paid_out_raw, leg.index_ray, market.rules.supply_balance_rounding)
    if market.rules.has_protocol_fee:
        assert after[2] - before[2] == to_treasury
    else:
        # In v2 the treasury's share of interest arrives with every call; of the seizure it gets nothing.
        assert to_treasury == 0
    _compare_left(world, market, account, predicted.after, at_s)
    return predicted


def fund_liquidator(world: World) -> None:
    """Give the liquidator enough of everything and let the pool take it."""
    for reserve in world.market.reserves.values():
        amount_raw = 10**12 * 10**reserve.decimals
        world.chain.send(world.market.admin, reserve.underlying, "mint", LIQUIDATOR, amount_raw)
        world.chain.send(LIQUIDATOR, reserve.underlying, "approve", world.market.pool.address, MAX_UINT256)
    world.chain.mine()


def _arguments(world: World, market: RawMarket, attempt: Attempt) -> tuple[object, ...]:
    collateral, debt = (market.reserves[i].symbol for i in (attempt.collateral, attempt.debt))
    return (
        world.market.reserves[collateral].underlying.address,
        world.market.reserves[debt].underlying.address,
        attempt.account.address,
        attempt.offer_raw,
        False,
    )


def _compare_left(world: World, market: RawMarket, account: RawAccount, left: Position, at_s: int) -> None:
    """Compare what the account is left with: every balance, every bit, all six values."""
    stored = position_of(market, account, at_s)
    assert [leg.balance_raw for leg in stored.collateral] == [leg.balance_raw for leg in left.collateral]
    assert [leg.counted for leg in stored.collateral] == [leg.counted for leg in left.collateral]
    assert [leg.balance_raw for leg in stored.debt] == [leg.balance_raw for leg in left.debt]
    assert [leg.stable_raw for leg in stored.debt] == [leg.stable_raw for leg in left.debt]
    assert account_data(left, market.rules) == read_account_data(world, [account.address])[0]


def liquidation_event(world: World) -> tuple[int, int]:
    """Return (debtToCover, liquidatedCollateralAmount) of the latest block's LiquidationCall."""
    (log,) = _logs(world, LIQUIDATION_TOPIC)
    covered, taken, *_ = decode(["uint256", "uint256", "address", "bool"], bytes.fromhex(log["data"][2:]))
    return covered, taken


def deficits_created(world: World) -> dict[str, int]:
    """Return asset -> debt burned as deficit, of the latest block."""
    return {log["topics"][2][-40:]: int(log["data"], 16) for log in _logs(world, DEFICIT_TOPIC)}


def expected_deficits(world: World, market: RawMarket, predicted: LiquidationResult) -> dict[str, int]:
    """Return asset -> debt the rules say is burned as deficit."""
    assets = [world.market.reserves[each.symbol].underlying.address for each in market.reserves]
    return {
        asset[2:].lower(): amount_raw
        for asset, amount_raw in zip(assets, predicted.deficit_raw, strict=True)
        if amount_raw
    }


def _logs(world: World, topic: str) -> list[dict[str, str]]:
    receipts = world.chain.node.rpc("eth_getBlockReceipts", "latest")
    return [log for receipt in receipts for log in receipt["logs"] if log["topics"][0] == topic]
