"""States seldom met, against the contract: each refusal by its code, each boundary to the unit.

`AaveMachine` predicts every step and holds it to the contract; these tests say which steps,
and which outcome the state is about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from examples.localchain.random_market import FROZEN, ISOLATED, PAUSED, SILOED
from examples.localchain.random_world import RandomWorld, open_random_market
from protocols.aave_v3.action_state import ActionResult
from protocols.aave_v3.actions import supply
from protocols.aave_v3.borrowing import borrow
from protocols.position import Refusal
from tests.differential.liquidations import CODES
from tests.differential.machine import BLOCK_S, AaveMachine
from tests.differential.machine_market import Size, prepare
from tests.differential.special_states import (
    deactivate,
    pause,
    set_collateral,
    set_grace,
    set_sentinel,
)

pytestmark = pytest.mark.chain

ALL = ("2.0", "3.0", "3.6")
V3 = ("3.0", "3.6")
EVERYTHING = Size("all", 0, 0)
PLAIN, IN_EMODE, ISOLATED_ONE, NEW = range(4)


def units(amount_raw: int) -> Size:
    return Size("units", 0, amount_raw)


@pytest.fixture(scope="module", params=ALL)
def market(request: pytest.FixtureRequest, v36_compiled: None) -> Iterator[RandomWorld]:
    with open_random_market(request.param, seed=1, accounts=0) as world:
        prepare(world)
        yield world


@pytest.fixture
def steps(market: RandomWorld) -> Iterator[AaveMachine]:
    """A machine to call by hand, put back when the test ends."""
    machine = type("ByHand", (AaveMachine,), {"world": market, "counts": Counter()})()
    yield machine
    machine.teardown()


def place(machine: AaveMachine, symbol: str) -> int:
    return [reserve.symbol for reserve in machine.market.raw.reserves].index(symbol)


def done(machine: AaveMachine, step: Callable[..., None], /, **arguments: object) -> set[str]:
    """Take a step and return what it was counted as."""
    before = machine.counts.copy()
    step(machine, **arguments)
    return {name.split(": ", 1)[1] for name in machine.counts - before if ": " in name}


def liquidated(machine: AaveMachine, **arguments: object) -> set[str]:
    """Have the first actor liquidated at today's prices: the first collateral for the only debt."""
    step = {"who": PLAIN, "step": 3, "picks": (0, 0), "size": EVERYTHING, "in_tokens": False, "fall": 1.0}
    return done(machine, AaveMachine.is_liquidated, **{**step, **arguments})


def fall(machine: AaveMachine, factor: float) -> None:
    """Move the price of the first actor's ether."""
    AaveMachine.a_price_moves(machine, asset=place(machine, "WETH"), factor=factor)


def dollars_rise(machine: AaveMachine) -> None:
    """Make the first actor liquidatable; in v2 ether is the currency and always costs one."""
    AaveMachine.a_price_moves(machine, asset=place(machine, "USDC"), factor=1.6)


@pytest.mark.parametrize("market", ["3.6"], indirect=True)
def test_a_grace_period_ends_to_the_second_on_either_side(steps: AaveMachine) -> None:
    version = steps.market.raw.version
    fall(steps, 0.6)
    grace = CODES[version][Refusal.GRACE_PERIOD]
    for symbol in ("WETH", "USDC"):
        mark = steps.world.chain.snapshot()
        set_grace(steps.world, symbol, 3_600)
        steps.read()
        until_s = steps.market.totals[place(steps, symbol)].grace_until_s
        assert until_s > steps.now_s
        assert liquidated(steps) == {grace}
        steps.world.chain.mine(until_s - BLOCK_S)
        steps.read()
        assert liquidated(steps) == {grace}
        steps.world.chain.mine(until_s - BLOCK_S + 1)
        steps.read()
        assert liquidated(steps) == {"accepted"}
        steps.world.chain.revert(mark)
        steps.read()


@pytest.mark.parametrize("market", V3, indirect=True)
def test_a_sentinel_stops_borrowing_and_liquidating_near_one_only(steps: AaveMachine) -> None:
    version = steps.market.raw.version
    stopped = CODES[version][Refusal.SENTINEL]
    borrow_one = {"who": PLAIN, "owner": PLAIN, "asset": place(steps, "DAI"), "size": units(10**18)}
    set_sentinel(steps.world, allows=False)
    steps.sentinel_allows = False
    steps.read()
    assert done(steps, AaveMachine.borrows, **borrow_one) == {"price_oracle_sentinel_check_failed"}
    fall(steps, 0.727)
    assert liquidated(steps) == {stopped}
    mark = steps.world.chain.snapshot()
    fall(steps, 0.9)
    assert liquidated(steps, size=units(10**6)) == {"accepted"}
    steps.world.chain.revert(mark)
    set_sentinel(steps.world, allows=True)
    steps.sentinel_allows = True
    steps.read()
    assert liquidated(steps) == {"accepted"}


def test_an_inactive_reserve_takes_no_action(steps: AaveMachine) -> None:
    version = steps.market.raw.version
    dollars_rise(steps)
    mark = steps.world.chain.snapshot()
    for symbol in ("USDC", "WETH"):
        deactivate(steps.world, symbol)
        steps.read()
        assert liquidated(steps) == {CODES[version][Refusal.INACTIVE]}
        asset = place(steps, symbol)
        one = {"who": PLAIN, "owner": PLAIN, "asset": asset, "size": units(10**6)}
        assert done(steps, AaveMachine.supplies, **one) == {"reserve_inactive"}
        assert done(steps, AaveMachine.borrows, **one) == {"reserve_inactive"}
        if symbol == "USDC":
            repaid = done(steps, AaveMachine.repays, who=PLAIN, owner=PLAIN, pick=0, size=units(10**6))
            assert repaid == {"reserve_inactive"}
        else:
            withdrawn = done(steps, AaveMachine.withdraws, who=PLAIN, pick=0, size=units(10**6))
            assert withdrawn == {"reserve_inactive"}
        steps.world.chain.revert(mark)
        mark = steps.world.chain.snapshot()
    steps.read()


@pytest.mark.parametrize("market", V3, indirect=True)
def test_a_paused_reserve_takes_no_action_and_is_not_liquidated(steps: AaveMachine) -> None:
    version = steps.market.raw.version
    fall(steps, 0.6)
    for symbol in ("USDC", "WETH"):
        mark = steps.world.chain.snapshot()
        pause(steps.world, symbol)
        steps.read()
        assert liquidated(steps) == {CODES[version][Refusal.PAUSED]}
        assert liquidated(steps, in_tokens=True) == {CODES[version][Refusal.PAUSED]}
        one = {"who": PLAIN, "owner": PLAIN, "asset": place(steps, symbol), "size": units(10**6)}
        assert done(steps, AaveMachine.supplies, **one) == {"reserve_paused"}
        assert done(steps, AaveMachine.borrows, **one) == {"reserve_paused"}
        if symbol == "WETH":
            held = {"who": PLAIN, "pick": 0}
            assert done(steps, AaveMachine.withdraws, **held, size=units(1)) == {"reserve_paused"}
            assert done(steps, AaveMachine.transfers, **held, step=1, size=units(1)) == {"reserve_paused"}
            switched = done(steps, AaveMachine.switches_collateral, **held, enabled=False)
            assert switched == {"reserve_paused"}
        steps.world.chain.revert(mark)
    steps.read()


def test_a_frozen_reserve_takes_no_supply_and_no_borrow(steps: AaveMachine) -> None:
    one = {"who": NEW, "owner": NEW, "asset": place(steps, FROZEN), "size": units(10**18)}
    assert done(steps, AaveMachine.supplies, **one) == {"reserve_frozen"}
    assert done(steps, AaveMachine.borrows, **one) == {"reserve_frozen"}
    if steps.market.raw.version != "2.0":
        paused = {**one, "asset": place(steps, PAUSED)}
        assert done(steps, AaveMachine.supplies, **paused) == {"reserve_paused"}


def test_a_liquidator_may_take_tokens_and_they_may_become_collateral(steps: AaveMachine) -> None:
    """Balances and bits of the liquidator are compared by the machine."""
    dollars_rise(steps)
    assert liquidated(steps, in_tokens=True) == {"in tokens"}
    enabled = (
        place(steps, "WETH") in steps.market.account_at(steps.accounts[NEW], steps.now_s).bits.collateral
    )
    assert enabled == (steps.market.raw.version != "3.6")


def test_collateral_that_is_switched_off_cannot_be_liquidated(steps: AaveMachine) -> None:
    switched = done(steps, AaveMachine.switches_collateral, who=PLAIN, pick=1, enabled=False)
    assert switched == {"accepted"}
    dollars_rise(steps)
    assert liquidated(steps, picks=(1, 0)) == {CODES[steps.market.raw.version][Refusal.NOT_COLLATERAL]}
    assert liquidated(steps, picks=(0, 0)) == {"accepted"}


@pytest.mark.parametrize("in_tokens", [False, True], ids=["underlying", "tokens"])
def test_the_same_asset_on_both_sides_is_liquidated(steps: AaveMachine, in_tokens: bool) -> None:
    asset = place(steps, "USDC")
    both = {"who": NEW, "owner": NEW, "asset": asset}
    assert done(steps, AaveMachine.supplies, **both, size=units(10_000 * 10**6)) == {"accepted"}
    assert done(steps, AaveMachine.borrows, **both, size=units(7_400 * 10**6)) == {"accepted"}
    set_collateral(steps.world, "USDC", 5_000, 6_000, 10_450)
    steps.read()
    call = {"who": NEW, "in_tokens": in_tokens}
    assert liquidated(steps, **call) == {"in tokens" if in_tokens else "accepted"}


@pytest.mark.parametrize("market", V3, indirect=True)
def test_isolation_lends_some_assets_up_to_the_ceiling(steps: AaveMachine) -> None:
    one = {"who": ISOLATED_ONE, "owner": ISOLATED_ONE}
    more = {**one, "asset": place(steps, ISOLATED), "size": units(10_000 * 10**18)}
    assert done(steps, AaveMachine.supplies, **more) == {"accepted"}
    ether = {**one, "asset": place(steps, "WETH"), "size": units(10**15)}
    assert done(steps, AaveMachine.borrows, **ether) == {"asset_not_borrowable_in_isolation"}
    # 11,000 of 50,000 dollars are taken; parts of a cent do not count.
    dollars = {**one, "asset": place(steps, "USDT")}
    assert done(steps, AaveMachine.borrows, **dollars, size=units(39_000_010_000)) == {
        "debt_ceiling_exceeded"
    }
    assert done(steps, AaveMachine.borrows, **dollars, size=units(39_000_009_999)) == {"accepted"}
    assert done(steps, AaveMachine.borrows, **dollars, size=units(10_000)) == {"debt_ceiling_exceeded"}
    assert done(steps, AaveMachine.borrows, **dollars, size=units(9_999)) == {"accepted"}


@pytest.mark.parametrize("market", V3, indirect=True)
def test_a_siloed_asset_is_borrowed_alone(steps: AaveMachine) -> None:
    silo, dollars = place(steps, SILOED), place(steps, "USDC")
    size = units(10**6)
    mixed = done(steps, AaveMachine.borrows, who=PLAIN, owner=PLAIN, asset=silo, size=size)
    assert mixed == {"siloed_borrowing_violation"}
    new = {"who": NEW, "owner": NEW}
    ether = {**new, "asset": place(steps, "WETH"), "size": units(10**18)}
    assert done(steps, AaveMachine.supplies, **ether) == {"accepted"}
    assert done(steps, AaveMachine.borrows, **new, asset=silo, size=size) == {"accepted"}
    refused = done(steps, AaveMachine.borrows, **new, asset=dollars, size=size)
    assert refused == {"siloed_borrowing_violation"}
    assert done(steps, AaveMachine.borrows, **new, asset=silo, size=size) == {"accepted"}


def largest(machine: AaveMachine, who: int, asset: int, rule: Callable[..., ActionResult]) -> int:
    """Return the largest amount a rule accepts in the next block, found by halving."""
    at_s = machine.now_s + BLOCK_S
    pool, account = machine.market.pool_at(at_s), machine.market.account_at(machine.accounts[who], at_s)
    low, high = 1, 10**30
    while high - low > 1:
        middle = (low + high) // 2
        if rule(pool, account, asset, middle).refusal:
            high = middle
        else:
            low = middle
    return low


@pytest.mark.parametrize("symbol", ["USDC", "WETH"])
@pytest.mark.parametrize("market", V3, indirect=True)
def test_caps_hold_to_the_unit(steps: AaveMachine, symbol: str) -> None:
    asset = place(steps, symbol)
    new = {"who": NEW, "owner": NEW}
    backing = {**new, "asset": place(steps, "wstETH"), "size": units(5_000 * 10**18)}
    assert done(steps, AaveMachine.supplies, **backing) == {"accepted"}
    for step, rule, refusal in (
        (AaveMachine.supplies, supply, "supply_cap_exceeded"),
        (AaveMachine.borrows, borrow, "borrow_cap_exceeded"),
    ):
        room_raw = largest(steps, NEW, asset, rule)
        assert done(steps, step, **new, asset=asset, size=units(room_raw + 1)) == {refusal}
        assert done(steps, step, **new, asset=asset, size=units(room_raw)) == {"accepted"}


@pytest.mark.parametrize("symbol", ["DAI", "USDT"])
def test_borrowing_power_holds_to_the_unit(steps: AaveMachine, symbol: str) -> None:
    asset = place(steps, symbol)
    limit_raw = largest(steps, PLAIN, asset, borrow)
    one = {"who": PLAIN, "owner": PLAIN, "asset": asset}
    over = done(steps, AaveMachine.borrows, **one, size=units(limit_raw + 1))
    assert over == {"collateral_cannot_cover_new_borrow"}
    assert done(steps, AaveMachine.borrows, **one, size=units(limit_raw)) == {"accepted"}


@pytest.mark.parametrize("market", V3, indirect=True)
def test_collateral_without_ltv_goes_first(steps: AaveMachine) -> None:
    set_collateral(steps.world, "DAI", 0, 7_700, 10_500)
    steps.read()
    ether, dai = {"who": PLAIN, "pick": 0}, {"who": PLAIN, "pick": 1}
    assert done(steps, AaveMachine.withdraws, **ether, size=units(10**16)) == {"ltv_validation_failed"}
    assert done(steps, AaveMachine.transfers, **ether, step=3, size=units(10**16)) == {
        "ltv_validation_failed"
    }
    off = done(steps, AaveMachine.switches_collateral, **ether, enabled=False)
    assert off & {"ltv_validation_failed", "health_factor_lower_than_liquidation_threshold"}
    assert done(steps, AaveMachine.withdraws, **dai, size=units(10**18)) == {"accepted"}
    assert done(steps, AaveMachine.switches_collateral, **dai, enabled=False) == {"accepted"}
    back = done(steps, AaveMachine.switches_collateral, **dai, enabled=True)
    assert back == {"user_in_isolation_mode_or_ltv_zero"}
    assert done(steps, AaveMachine.withdraws, **ether, size=units(10**16)) == {"accepted"}
