"""The Aave rules against real ``liquidationCall``s on a v3.0 market, to the wei."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from abis.units import MAX_UINT256
from examples.demo.world import DemoWorld, open_demo_market
from protocols.position import CollateralLeg, DebtLeg, Position
from tests.differential.liquidations import (
    Attempt,
    execute,
    expected_code,
    fund_liquidator,
    predict,
    simulate,
)
from tests.differential.price_moves import MONTH_S, MOVES, Move, push
from tests.differential.raw_market import RawAccount, position_of, read_account, read_market

pytestmark = pytest.mark.chain

SMALL_CALLS = 6  # of a fifth of the debt, before calls for all that is allowed


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
    fund_liquidator(world)
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
        if attempt is None or predict(market, attempt, at_s).refusal:
            return step
        execute(world, market, attempt, at_s)
    raise AssertionError(f"{address} is liquidated for ever")


def _liquidate_everything(
    world: DemoWorld, move: Move, *, after_s: int, emode: int | None = None
) -> Counter[str]:
    """Try every pair of legs and several offers on every account; return what happened, counted."""
    fund_liquidator(world)
    push(world, move, after_s=after_s)
    market = read_market(world)
    now_s = world.chain.head().timestamp
    counts: Counter[str] = Counter()
    for plan in world.plans:
        account = read_account(world, market, plan.address)
        if emode is not None and account.emode != emode:
            continue
        for attempt in _attempts(position_of(market, account, now_s), account):
            expected = expected_code(world, market, attempt, now_s)
            code = simulate(world, market, attempt)
            assert code == expected, f"{attempt}: '{expected}' against '{code}'"
            counts[code or "accepted"] += 1
            if not code:
                mark = world.chain.snapshot()
                execute(world, market, attempt, now_s + 12)
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
