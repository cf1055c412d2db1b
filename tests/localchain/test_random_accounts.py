"""Every special state is reached on the chain, in every release that has it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from examples.localchain.random_accounts import STATES, RandomAccount, State, random_accounts
from examples.localchain.random_market import (
    DOLLAR_EMODE,
    FROZEN,
    ISOLATED,
    LOAN_EMODE,
    PAUSED,
    SILOED,
    WITHOUT_LTV,
    WORTHLESS,
    in_dollars,
)
from examples.localchain.random_world import RandomWorld
from protocols.aave_v3.configuration import decode_configuration, decode_user_configuration
from tests.differential.raw_market import position_of, read_account, read_all, read_market

VERSIONS = {"2.0": "v2_chain", "3.0": "v30_random_chain", "3.6": "v36_chain"}


@pytest.fixture(params=sorted(VERSIONS))
def world(request: pytest.FixtureRequest) -> RandomWorld:
    """The random market of each release in turn."""
    found: RandomWorld = request.getfixturevalue(VERSIONS[request.param])
    return found


def accounts_in(world: RandomWorld, state: State) -> Iterator[tuple[RandomAccount, set[str], set[str], int]]:
    """Yield the accounts of a state with what the chain says: collateral, debt, category."""
    market = read_market(world)
    symbols = {reserve.id: reserve.symbol for reserve in market.reserves}
    for plan in world.accounts:
        if plan.state is state:
            stored = read_account(world, market, plan.address)
            word = decode_user_configuration(stored.word)
            used = {symbols[i] for i in word.collateral}
            owed = {symbols[i] for i in word.borrowing}
            assert owed == set(plan.borrowed) | set(plan.at_stable_rate)
            yield plan, used, owed, stored.emode


def test_the_same_seed_gives_the_same_accounts() -> None:
    for version in STATES:
        first, second, other = (
            random_accounts(in_dollars(version), version, seed=seed, accounts=44) for seed in (3, 3, 4)
        )
        assert first == second != other
        assert {account.state for account in first} == set(STATES[version])


@pytest.mark.chain
def test_all_states_of_the_release_occur_five_times(world: RandomWorld) -> None:
    states = [account.state for account in world.accounts]
    assert set(states) == set(STATES[world.market.version])
    assert min(states.count(state) for state in STATES[world.market.version]) >= 5


@pytest.mark.chain
def test_what_is_switched_off_or_transferred_backs_nothing(world: RandomWorld) -> None:
    for plan, used, owed, _ in accounts_in(world, State.ALL_OFF):
        assert plan.supplied
        assert not used
        assert not owed
    for plan, used, _, _ in accounts_in(world, State.ONE_OFF):
        assert used == set(plan.supplied) - set(plan.switched_off) != set(plan.supplied)
    for plan, used, _, _ in accounts_in(world, State.BY_TRANSFER):
        assert used == set(plan.supplied)
    for plan, used, _, _ in accounts_in(world, State.BY_TRANSFER_UNUSED):
        # From v3.6 on what arrives as a transfer is no collateral until its holder says so.
        assert used == (set() if world.market.version == "3.6" else set(plan.supplied))


@pytest.mark.chain
def test_delegated_debt_is_the_account_s_and_was_paid_to_another(world: RandomWorld) -> None:
    for plan, _, owed, _ in accounts_in(world, State.BY_DELEGATION):
        assert owed
        assert plan.borrower != plan.address
        for symbol in owed:
            token = world.market.reserves[symbol].underlying
            held = read_all(world, [(token, "balanceOf", (who,)) for who in (plan.borrower, plan.address)])
            assert held == [plan.borrowed[symbol], 0]


@pytest.mark.chain
def test_some_values_round_to_zero(world: RandomWorld) -> None:
    market = read_market(world)
    place = next(i for i, reserve in enumerate(market.reserves) if reserve.symbol == WORTHLESS)
    now_s = world.chain.head().timestamp
    debts = 0
    for plan, used, owed, _ in accounts_in(world, State.WORTHLESS):
        assert WORTHLESS in used
        position = position_of(market, read_account(world, market, plan.address), now_s)
        for leg in (position.collateral[place], position.debt[place]):
            assert leg.balance_raw * leg.price_raw < leg.unit_raw
        debts += WORTHLESS in owed
    assert debts


@pytest.mark.chain
def test_reserves_are_frozen_paused_and_without_ltv(world: RandomWorld) -> None:
    version = world.market.version
    read = {
        symbol: decode_configuration(
            world.chain.read(world.market.pool, "getConfiguration", reserve.underlying.address)[0], version
        )
        for symbol, reserve in world.market.reserves.items()
    }
    assert {symbol for symbol, own in read.items() if own.frozen} == {FROZEN}
    assert {symbol for symbol, own in read.items() if own.paused} == ({PAUSED} if version != "2.0" else set())
    assert read[WITHOUT_LTV].ltv_bps == 0 < read[WITHOUT_LTV].liquidation_threshold_bps
    for state, symbol in ((State.FROZEN, FROZEN), (State.PAUSED, PAUSED), (State.WITHOUT_LTV, WITHOUT_LTV)):
        assert all(symbol in used | owed for _, used, owed, _ in accounts_in(world, state))


@pytest.mark.chain
def test_categories_are_entered_and_left(world: RandomWorld) -> None:
    for state in (State.EMODE, State.EMODE_DOLLARS, State.EMODE_LOAN, State.EMODE_LEFT):
        for plan, _, _, emode in accounts_in(world, state):
            assert emode == plan.emodes[-1]
            assert (emode == 0) == (state is State.EMODE_LEFT)


@pytest.mark.chain
def test_isolated_accounts_have_one_collateral_and_siloed_ones_one_debt(world: RandomWorld) -> None:
    assert all(used == {ISOLATED} for _, used, _, _ in accounts_in(world, State.ISOLATED))
    assert all(owed == {SILOED} for _, _, owed, _ in accounts_in(world, State.SILOED))


@pytest.mark.chain
def test_v2_accounts_owe_at_both_rates(v2_chain: RandomWorld) -> None:
    market = read_market(v2_chain)
    both = 0
    for plan in v2_chain.accounts:
        stored = read_account(v2_chain, market, plan.address)
        stable = {market.reserves[i].symbol for i, (principal, _, _) in enumerate(stored.stable) if principal}
        assert stable == set(plan.at_stable_rate)
        assert bool(stable) == (plan.state is State.STABLE_RATE)
        both += any(stored.stable[i][0] and stored.borrowed_scaled[i] for i in range(len(market.reserves)))
    assert both


@pytest.mark.chain
def test_v36_collateral_can_lose_its_category_or_its_ltv_in_it(v36_chain: RandomWorld) -> None:
    market = read_market(v36_chain)
    now_s = v36_chain.chain.head().timestamp

    def leg(plan: RandomAccount, symbol: str) -> tuple[int, int, int, bool]:
        position = position_of(market, read_account(v36_chain, market, plan.address), now_s)
        place = next(i for i, reserve in enumerate(market.reserves) if reserve.symbol == symbol)
        found = position.collateral[place]
        return found.threshold_bps, found.ltv_bps, found.bonus_bps, found.counted

    for plan, used, _, emode in accounts_in(v36_chain, State.EMODE_ONLY):
        assert emode == DOLLAR_EMODE
        assert "USDT" in used
        assert leg(plan, "USDT") == (0, 0, 0, True)
    loans = [plan for plan, used, _, _ in accounts_in(v36_chain, State.EMODE_LOAN) if "WETH" in used]
    category = next(each for each in v36_chain.market.spec.emodes if each.id == LOAN_EMODE)
    assert loans
    for plan in loans:
        assert leg(plan, "WETH") == (
            category.liquidation_threshold_bps,
            0,
            category.liquidation_bonus_bps,
            True,
        )
