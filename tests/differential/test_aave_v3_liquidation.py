"""The Aave rules against real ``liquidationCall``s on a v3.0 market, to the wei."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from eth_abi.abi import decode

from abis.units import MAX_UINT256
from examples.demo.world import DemoWorld, open_demo_market
from examples.localchain.contracts import named_address
from examples.localchain.rpc import RpcAnswer
from protocols.aave_v3.accrual import burned_scaled
from protocols.aave_v3.rules import account_data, liquidate
from protocols.position import CollateralLeg, DebtLeg, LiquidationResult, Position, Refusal
from tests.differential.price_moves import MONTH_S, MOVES, Move, push
from tests.differential.raw_market import (
    RULES,
    RawAccount,
    RawMarket,
    position_of,
    read_account,
    read_account_data,
    read_all,
    read_market,
)

pytestmark = pytest.mark.chain

LIQUIDATOR = named_address("breakwater test liquidator")
LIQUIDATION_TOPIC = "0xe413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286"
ERROR_STRING = "0x08c379a0"
NO_LIQUIDITY = "0x4e487b71" + f"{0x11:064x}"  # Panic(0x11): the token's balance underflows
SMALL_CALLS = 6  # of a fifth of the debt, before calls for all that is allowed
# aave-v3-core Errors.sol.
CODES = {
    Refusal.HEALTHY: "45",  # HEALTH_FACTOR_NOT_BELOW_THRESHOLD
    Refusal.NOT_COLLATERAL: "46",  # COLLATERAL_CANNOT_BE_LIQUIDATED
    Refusal.NO_DEBT: "47",  # SPECIFIED_CURRENCY_NOT_BORROWED_BY_USER
    Refusal.ZERO_AMOUNT: "25",  # INVALID_BURN_AMOUNT
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call: the account as stored, places of the two legs, the offer."""

    account: RawAccount
    collateral: int
    debt: int
    offer_raw: int


@pytest.mark.parametrize("after_s", [12, MONTH_S], ids=["next block", "a month later"])
@pytest.mark.parametrize("name", sorted(MOVES))
def test_liquidations_move_what_the_rules_say(
    demo_chain: DemoWorld, name: str, after_s: int, record_property: Callable[[str, object], None]
) -> None:
    counts = _liquidate_everything(demo_chain, MOVES[name], after_s=after_s)
    for what, count in sorted(counts.items()):
        record_property(what, count)
    assert counts["liquidated"] == counts["accepted"] > 0
    assert {"45", "46", "47"} <= set(counts)


@pytest.fixture(scope="module")
def large_market(local_chain_installed: None) -> Iterator[DemoWorld]:
    """A market of another seed and eight times the accounts."""
    with open_demo_market(seed=11, accounts=320) as world:
        yield world


@pytest.mark.verify
@pytest.mark.parametrize("name", sorted(MOVES))
def test_liquidations_move_what_the_rules_say_in_a_large_market(
    large_market: DemoWorld, name: str, record_property: Callable[[str, object], None]
) -> None:
    mark = large_market.chain.snapshot()
    counts = _liquidate_everything(large_market, MOVES[name], after_s=12)
    large_market.chain.revert(mark)
    for what, count in sorted(counts.items()):
        record_property(what, count)
    assert counts["liquidated"] == counts["accepted"] > 0


def test_liquidations_under_a_categorys_price_source(demo_chain: DemoWorld) -> None:
    market = demo_chain.market
    own = market.spec.emodes[0]
    figures = (own.ltv_bps, own.liquidation_threshold_bps, own.liquidation_bonus_bps)
    source = market.reserves["WETH"].underlying.address
    arguments = (own.id, *figures, source, own.label)
    demo_chain.chain.send(market.admin, market.configurator, "setEModeCategory", *arguments)
    counts = _liquidate_everything(demo_chain, MOVES["volatile -18 %"], after_s=12, emode=own.id)
    assert counts["liquidated"]


def test_every_account_is_liquidated_until_the_call_is_refused(demo_chain: DemoWorld) -> None:
    """Every step starts from what the one before, on any account, left on the chain."""
    world = demo_chain
    _fund_liquidator(world)
    push(world, MOVES["volatile -40 %"])
    steps = [_liquidate_repeatedly(world, plan.address) for plan in world.plans if plan.debt]
    assert max(steps) > SMALL_CALLS
    assert sum(steps) > 50


def _liquidate_repeatedly(world: DemoWorld, address: str) -> int:
    """Send small, then largest calls until one is refused or no collateral is left; return their number."""
    for step in range(20):
        market = read_market(world)
        account = read_account(world, market, address)
        at_s = world.chain.head().timestamp + 12
        attempt = _largest(position_of(market, account, at_s), account, whole=step >= SMALL_CALLS)
        if attempt is None or _predict(market, attempt, at_s).refusal:
            return step
        _execute(world, market, attempt, at_s)
    raise AssertionError(f"{address} is liquidated for ever")


def _liquidate_everything(
    world: DemoWorld, move: Move, *, after_s: int, emode: int | None = None
) -> Counter[str]:
    """Try every pair of legs and several offers on every account; return what happened, counted."""
    _fund_liquidator(world)
    push(world, move, after_s=after_s)
    market = read_market(world)
    now_s = world.chain.head().timestamp
    listed = [world.market.reserves[reserve.symbol] for reserve in market.reserves]
    cash_raw = read_all(world, [(r.underlying, "balanceOf", (r.a_token.address,)) for r in listed])
    counts: Counter[str] = Counter()
    for plan in world.plans:
        account = read_account(world, market, plan.address)
        if emode is not None and account.emode != emode:
            continue
        for attempt in _attempts(position_of(market, account, now_s), account):
            predicted = _predict(market, attempt, now_s)
            expected = _expected_code(predicted, cash_raw[attempt.collateral])
            code = _simulate(world, market, attempt)
            assert code == expected, f"{attempt}: {predicted} against '{code}'"
            counts[code or "accepted"] += 1
            if not code:
                mark = world.chain.snapshot()
                _execute(world, market, attempt, now_s + 12)
                world.chain.revert(mark)
                counts["liquidated"] += 1
    return counts


def _attempts(position: Position, account: RawAccount) -> Iterator[Attempt]:
    """Yield every pair of real legs with four offers, and pairs with a wrong leg on either side."""
    held = [i for i, leg in enumerate(position.collateral) if leg.counted and leg.balance_raw]
    owed = [i for i, leg in enumerate(position.debt) if leg.balance_raw]
    no_collateral = next(i for i, leg in enumerate(position.collateral) if not leg.counted)
    no_debt = next(i for i, leg in enumerate(position.debt) if not leg.balance_raw)
    if not held or not owed:
        yield Attempt(account, 0, 0, MAX_UINT256)
        return
    for i in held:
        for k in owed:
            debt_raw = position.debt[k].balance_raw
            for offer_raw in (MAX_UINT256, debt_raw // 2, debt_raw // 7 + 1, 1):
                yield Attempt(account, i, k, offer_raw)
        yield Attempt(account, i, no_debt, MAX_UINT256)
    yield Attempt(account, no_collateral, owed[0], MAX_UINT256)


def _largest(position: Position, account: RawAccount, *, whole: bool) -> Attempt | None:
    def worth(leg: CollateralLeg | DebtLeg) -> int:
        return leg.balance_raw * leg.price_raw // leg.unit_raw

    held = [leg for leg in position.collateral if leg.counted]
    if not held:
        return None
    collateral, debt = max(held, key=worth), max(position.debt, key=worth)
    offer_raw = MAX_UINT256 if whole else debt.balance_raw // 5 + 1
    return Attempt(account, collateral.reserve, debt.reserve, offer_raw)


def _predict(market: RawMarket, attempt: Attempt, at_s: int) -> LiquidationResult:
    position = position_of(market, attempt.account, at_s)
    return liquidate(position, attempt.collateral, attempt.debt, attempt.offer_raw, RULES)


def _expected_code(predicted: LiquidationResult, cash_raw: int) -> str:
    if predicted.refusal:
        return CODES[predicted.refusal]
    # Paying out more than the reserve holds fails in the token, outside the rules.
    paid_out_raw = predicted.collateral_seized_raw - predicted.protocol_fee_raw
    return NO_LIQUIDITY if paid_out_raw > cash_raw else ""


def _arguments(world: DemoWorld, market: RawMarket, attempt: Attempt) -> tuple[object, ...]:
    collateral, debt = (market.reserves[i].symbol for i in (attempt.collateral, attempt.debt))
    return (
        world.market.reserves[collateral].underlying.address,
        world.market.reserves[debt].underlying.address,
        attempt.account.address,
        attempt.offer_raw,
        False,
    )


def _simulate(world: DemoWorld, market: RawMarket, attempt: Attempt) -> str:
    """Return the code the call reverts with at the latest block, or an empty string."""
    data = world.market.pool.encode("liquidationCall", *_arguments(world, market, attempt))
    call = {"from": LIQUIDATOR, "to": world.market.pool.address, "data": data}
    try:
        world.chain.node.rpc("eth_call", call, "latest")
    except RpcAnswer as error:
        data = str(error.error.get("data", ""))
        return str(decode(["string"], bytes.fromhex(data[10:]))[0]) if data.startswith(ERROR_STRING) else data
    return ""


def _execute(world: DemoWorld, market: RawMarket, attempt: Attempt, at_s: int) -> None:
    """Send the call into a block at ``at_s`` and compare everything it did with the rules."""
    predicted = _predict(market, attempt, at_s)
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
    assert _event(world) == (predicted.debt_repaid_raw, paid_out_raw)
    if seized.symbol != owed.symbol:
        assert after[0] - before[0] == paid_out_raw
        assert before[1] - after[1] == predicted.debt_repaid_raw
    else:
        assert after[0] - before[0] == paid_out_raw - predicted.debt_repaid_raw
    account = read_account(world, market, attempt.account.address)
    leg = position_of(market, attempt.account, at_s).collateral[attempt.collateral]
    lost = attempt.account.supplied_scaled[attempt.collateral] - account.supplied_scaled[attempt.collateral]
    to_treasury = lost - burned_scaled(paid_out_raw, leg.index_ray, RULES.supply_balance_rounding)
    assert after[2] - before[2] == to_treasury
    _compare_left(world, market, account, predicted.after, at_s)


def _compare_left(
    world: DemoWorld, market: RawMarket, account: RawAccount, left: Position, at_s: int
) -> None:
    """Compare what the account is left with: every balance, every bit, all six values."""
    stored = position_of(market, account, at_s)
    assert [leg.balance_raw for leg in stored.collateral] == [leg.balance_raw for leg in left.collateral]
    assert [leg.counted for leg in stored.collateral] == [leg.counted for leg in left.collateral]
    assert [leg.balance_raw for leg in stored.debt] == [leg.balance_raw for leg in left.debt]
    assert account_data(left, RULES) == read_account_data(world, [account.address])[0]


def _event(world: DemoWorld) -> tuple[int, int]:
    """Return (debtToCover, liquidatedCollateralAmount) of the latest block's LiquidationCall."""
    receipts = world.chain.node.rpc("eth_getBlockReceipts", "latest")
    (log,) = [log for r in receipts for log in r["logs"] if log["topics"][0] == LIQUIDATION_TOPIC]
    covered, taken, *_ = decode(["uint256", "uint256", "address", "bool"], bytes.fromhex(log["data"][2:]))
    return covered, taken


def _fund_liquidator(world: DemoWorld) -> None:
    for reserve in world.market.reserves.values():
        amount_raw = 10**12 * 10**reserve.decimals
        world.chain.send(world.market.admin, reserve.underlying, "mint", LIQUIDATOR, amount_raw)
        world.chain.send(LIQUIDATOR, reserve.underlying, "approve", world.market.pool.address, MAX_UINT256)
    world.chain.mine()
