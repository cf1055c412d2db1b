"""A state machine of everything users do, against a real market: Hypothesis drives, the rules predict.

Every step is asked of the contract in the block that would hold it.  The code of a refusal
must be the predicted one; what is accepted is sent, and every balance, bit and value of the
accounts it touches must be the predicted one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, replace
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from abis.units import MAX_UINT256
from examples.localchain.contracts import Contract
from examples.localchain.random_world import RandomWorld
from protocols.aave_v3.action_state import AccountState, ActionRefusal
from protocols.aave_v3.actions import (
    enter_emode,
    receive_seized,
    supply,
    transfer,
    use_as_collateral,
    withdraw,
)
from protocols.aave_v3.borrowing import borrow, repay
from protocols.aave_v3.health import account_data
from protocols.aave_v3.versions import since
from protocols.snapshot import EMode
from tests.differential.liquidations import (
    Attempt,
    deficits_created,
    expected_deficits,
    liquidation_event,
)
from tests.differential.machine_market import (
    ACTORS,
    ANY_ASSET,
    ASSETS,
    DOLLAR_BASE,
    FACTORS,
    NO_CATEGORY,
    NO_REFERRAL,
    PICKS,
    PURSE_TOKENS,
    SIZES,
    VARIABLE_RATE,
    WAITS_S,
    WHO,
    Size,
)
from tests.differential.machine_state import (
    ACTION_CODES,
    FullMarket,
    predict_call,
    read_full_market,
    revert_code,
)
from tests.differential.price_moves import Move, push
from tests.differential.raw_market import RawAccount, position_of, read_account_data, read_accounts, repriced

BLOCK_S = 12


class AaveMachine(RuleBasedStateMachine):
    """Four actors in one market; each example starts from the same block."""

    world: ClassVar[RandomWorld]
    counts: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.sentinel_allows = True
        self.mark = self.world.chain.snapshot()
        self.read()

    def teardown(self) -> None:
        self.world.chain.revert(self.mark)

    def read(self) -> None:
        """Read everything again, after something was done to the market from outside."""
        self.market: FullMarket = read_full_market(self.world, sentinel_allows=self.sentinel_allows)
        self.accounts: list[RawAccount] = read_accounts(self.world, self.market.raw, ACTORS)
        self.now_s = self.world.chain.head().timestamp

    @invariant()
    def every_field_of_every_account_is_the_contracts(self) -> None:
        own = [
            account_data(position_of(self.market.raw, account, self.now_s), self.market.raw.rules)
            for account in self.accounts
        ]
        assert own == read_account_data(self.world, ACTORS)
        self.counts["fields compared"] += sum(len(astuple(each)) for each in own)

    # What users do.

    @rule(who=WHO, owner=WHO, asset=ASSETS, size=SIZES)
    def supplies(self, who: int, owner: int, asset: int, size: Size) -> None:
        own = self.market.raw.reserves[asset].configuration
        supplied = self.market.totals[asset].supplied_scaled
        room_raw = own.supply_cap_tokens * 10**own.decimals - supplied
        amount_raw = self._amount(asset, size, max(room_raw, 0) or 10 ** (own.decimals + 3))
        function = "supply" if since(self.market.raw.version, "3.0") else "deposit"
        arguments = (self._asset(asset), amount_raw, ACTORS[owner], NO_REFERRAL)

        def predict(at_s: int) -> tuple[ActionRefusal | None, dict[int, AccountState]]:
            result = supply(self.market.pool_at(at_s), self._state(owner, at_s), asset, amount_raw)
            return result.refusal, {owner: result.after}

        self._act(who, self.world.market.pool, function, arguments, predict)

    @rule(who=WHO, pick=PICKS, size=SIZES)
    def withdraws(self, who: int, pick: int, size: Size) -> None:
        asset = self._held(who, pick)
        leg = self._state(who, self.now_s).position.collateral[asset]
        cash_raw = self.market.totals[asset].held_raw
        amount_raw = self._amount(asset, size, leg.balance_raw, cash_raw, whole=MAX_UINT256)

        def predict(at_s: int) -> tuple[ActionRefusal | None, dict[int, AccountState]]:
            result = withdraw(self.market.pool_at(at_s), self._state(who, at_s), asset, amount_raw)
            return result.refusal, {who: result.after}

        arguments = (self._asset(asset), amount_raw, ACTORS[who])
        self._act(who, self.world.market.pool, "withdraw", arguments, predict)

    @rule(who=WHO, owner=WHO, asset=ASSETS, size=SIZES)
    def borrows(self, who: int, owner: int, asset: int, size: Size) -> None:
        leg = self._state(owner, self.now_s).position.debt[asset]
        own = self.market.raw.reserves[asset].configuration
        data = account_data(self._state(owner, self.now_s).position, self.market.raw.rules)
        capacity_raw = data.available_borrows_base * leg.unit_raw // max(leg.price_raw, 1)
        room_raw = own.borrow_cap_tokens * leg.unit_raw - self.market.totals[asset].borrowed_scaled
        second_raw = max(room_raw, 0) or self.market.totals[asset].held_raw
        amount_raw = self._amount(asset, size, capacity_raw, second_raw, whole=second_raw)

        def predict(at_s: int) -> tuple[ActionRefusal | None, dict[int, AccountState]]:
            result = borrow(self.market.pool_at(at_s), self._state(owner, at_s), asset, amount_raw)
            return result.refusal, {owner: result.after}

        arguments = (self._asset(asset), amount_raw, VARIABLE_RATE, NO_REFERRAL, ACTORS[owner])
        self._act(who, self.world.market.pool, "borrow", arguments, predict)

    @rule(who=WHO, owner=WHO, pick=PICKS, size=SIZES)
    def repays(self, who: int, owner: int, pick: int, size: Size) -> None:
        asset = self._owed(owner, pick)
        leg = self._state(owner, self.now_s).position.debt[asset]
        whole = MAX_UINT256 if who == owner else leg.balance_raw * 2
        amount_raw = self._amount(asset, size, leg.balance_raw, whole=whole)

        def predict(at_s: int) -> tuple[ActionRefusal | None, dict[int, AccountState]]:
            result = repay(self.market.pool_at(at_s), self._state(owner, at_s), asset, amount_raw)
            return result.refusal, {owner: result.after}

        arguments = (self._asset(asset), amount_raw, VARIABLE_RATE, ACTORS[owner])
        self._act(who, self.world.market.pool, "repay", arguments, predict)

    @rule(who=WHO, pick=PICKS, enabled=st.booleans())
    def switches_collateral(self, who: int, pick: int, enabled: bool) -> None:
        asset = self._held(who, pick)

        def predict(at_s: int) -> tuple[ActionRefusal | None, dict[int, AccountState]]:
            state = self._state(who, at_s)
            result = use_as_collateral(self.market.pool_at(at_s), state, asset, enabled)
            return result.refusal, {who: result.after}

        arguments = (self._asset(asset), enabled)
        self._act(who, self.world.market.pool, "setUserUseReserveAsCollateral", arguments, predict)

    @rule(who=WHO, emode=st.sampled_from([1, 0, 2, 3, NO_CATEGORY]))
    def changes_category(self, who: int, emode: int) -> None:
        if not since(self.market.raw.version, "3.0"):
            return

        def predict(at_s: int) -> tuple[ActionRefusal | None, dict[int, AccountState]]:
            before, account = self._state(who, at_s), replace(self.accounts[who], emode=emode)
            inside = self.market.account_at(account, at_s)
            if emode and inside.category is None:
                inside = replace(inside, category=EMode(emode, "", 0, 0, 0))
            result = enter_emode(self.market.pool_at(at_s), before, inside)
            return result.refusal, {who: result.after}

        self._act(who, self.world.market.pool, "setUserEMode", (emode,), predict)

    @rule(who=WHO, step=st.integers(1, 3), pick=PICKS, size=SIZES)
    def transfers(self, who: int, step: int, pick: int, size: Size) -> None:
        asset = self._held(who, pick)
        to = (who + step) % len(ACTORS)
        balance_raw = self._state(who, self.now_s).position.collateral[asset].balance_raw
        amount_raw = max(self._amount(asset, size, balance_raw, whole=balance_raw), 1)

        def predict(at_s: int) -> tuple[ActionRefusal | None, dict[int, AccountState]]:
            states = self._state(who, at_s), self._state(to, at_s)
            result, received = transfer(self.market.pool_at(at_s), *states, asset, amount_raw)
            return result.refusal, {who: result.after, to: received}

        a_token = self.world.market.reserves[self.market.raw.reserves[asset].symbol].a_token
        self._act(who, a_token, "transfer", (ACTORS[to], amount_raw), predict)

    # What happens to them.

    @rule(asset=ASSETS, factor=FACTORS)
    def a_price_moves(self, asset: int, factor: float) -> None:
        self._push({self.market.raw.reserves[asset].symbol: factor})

    @rule(factor=FACTORS)
    def all_prices_but_dollars_move(self, factor: float) -> None:
        move = {r.symbol: factor for r in self.market.raw.reserves if r.symbol not in ("USDC", "USDT", "DAI")}
        self._push(move)

    @rule(wait_s=WAITS_S)
    def time_passes(self, wait_s: int) -> None:
        self.now_s = self.world.chain.mine(self.now_s + wait_s).timestamp

    @rule(
        who=WHO,
        step=st.integers(1, 3),
        picks=st.tuples(PICKS, PICKS),
        size=SIZES,
        in_tokens=st.booleans(),
        fall=st.sampled_from([1.0, 0.95, 0.9, 0.8, 0.5, 0.2]),
    )
    def is_liquidated(
        self, who: int, step: int, picks: tuple[int, int], size: Size, in_tokens: bool, fall: float
    ) -> None:
        if fall < 1:
            places = {self._held(who, pick) for pick in picks}
            self._push({self.market.raw.reserves[place].symbol: fall for place in places})
        liquidator = (who + step) % len(ACTORS)
        state = self._state(who, self.now_s)
        collateral, debt = self._held(who, picks[0]), self._owed(who, picks[1])
        balance_raw = state.position.debt[debt].balance_raw
        offer_raw = self._amount(debt, size, balance_raw, balance_raw // 2, whole=MAX_UINT256)
        attempt = Attempt(self.accounts[who], collateral, debt, offer_raw)
        assets = self._asset(collateral), self._asset(debt)
        arguments = (*assets, ACTORS[who], offer_raw, in_tokens)
        at_s = self.now_s + BLOCK_S
        expected, result = predict_call(self.market, attempt, at_s, in_tokens=in_tokens)
        pool = self.world.market.pool
        code = revert_code(self.world, ACTORS[liquidator], pool, "liquidationCall", arguments, at_s)
        assert code == expected, f"{attempt}: '{expected}' against '{code}'"
        self.counts["liquidations refused" if code else "liquidated"] += 1
        self.counts[f"liquidation: {code or ('in tokens' if in_tokens else 'accepted')}"] += 1
        if code:
            return
        paid_out_raw = result.collateral_seized_raw - result.protocol_fee_raw
        taken = receive_seized(
            self.market.pool_at(at_s), self._state(liquidator, at_s), collateral, paid_out_raw
        )
        left = replace(state, position=result.after)
        self.world.chain.send(ACTORS[liquidator], pool, "liquidationCall", *arguments)
        self.world.chain.mine(at_s)
        assert liquidation_event(self.world) == (result.debt_repaid_raw, paid_out_raw)
        assert deficits_created(self.world) == expected_deficits(self.world, self.market.raw, result)
        self.read()
        self._compare(who, left, with_bits=False)
        if in_tokens:
            self._compare(liquidator, taken)

    # How it is done.

    def _act(
        self,
        who: int,
        contract: Contract,
        function: str,
        arguments: tuple[object, ...],
        predict: Callable[[int], tuple[ActionRefusal | None, Mapping[int, AccountState]]],
    ) -> None:
        at_s = self.now_s + BLOCK_S
        refusal, after = predict(at_s)
        expected = ACTION_CODES[self.market.raw.version][refusal] if refusal else ""
        code = revert_code(self.world, ACTORS[who], contract, function, arguments, at_s)
        assert code == expected, f"{function}{arguments}: '{expected}' ({refusal}) against '{code}'"
        self.counts[f"{function}: {refusal or 'accepted'}"] += 1
        self.counts["actions refused" if refusal else "actions accepted"] += 1
        if refusal:
            return
        self.world.chain.send(ACTORS[who], contract, function, *arguments)
        self.world.chain.mine(at_s)
        self.read()
        for touched, state in after.items():
            self._compare(touched, state)

    def _compare(self, who: int, predicted: AccountState, *, with_bits: bool = True) -> None:
        """Hold an account to its prediction: every balance, every bit and, with it, all six values."""
        stored = self._state(who, self.now_s)
        for mine, chains in (
            (predicted.position.collateral, stored.position.collateral),
            (predicted.position.debt, stored.position.debt),
        ):
            assert [leg.balance_raw for leg in mine] == [leg.balance_raw for leg in chains]
        assert [leg.counted for leg in predicted.position.collateral] == [
            leg.counted for leg in stored.position.collateral
        ]
        if with_bits:
            assert (predicted.bits, predicted.category) == (stored.bits, stored.category)
        own = account_data(predicted.position, self.market.raw.rules)
        assert own == read_account_data(self.world, [ACTORS[who]])[0]

    def _state(self, who: int, at_s: int) -> AccountState:
        return self.market.account_at(self.accounts[who], at_s)

    def _push(self, move: Move) -> None:
        self.now_s = push(self.world, move).timestamp
        self.market = replace(self.market, raw=repriced(self.world, self.market.raw))

    def _held(self, who: int, pick: int) -> int:
        """Return an asset the account holds, for the last pick and where there is none any asset."""
        return self._one_of(self.accounts[who].supplied_scaled, pick)

    def _owed(self, who: int, pick: int) -> int:
        return self._one_of(self.accounts[who].borrowed_scaled, pick)

    def _one_of(self, scaled: Sequence[int], pick: int) -> int:
        real = [place for place, amount in enumerate(scaled) if amount]
        return real[pick % len(real)] if real and pick < ANY_ASSET else pick * 7 % len(scaled)

    def _asset(self, place: int) -> str:
        return self.world.market.reserves[self.market.raw.reserves[place].symbol].underlying.address

    def _amount(
        self, place: int, size: Size, limit_raw: int, second_raw: int = 0, *, whole: int = 10**6
    ) -> int:
        reserve = self.market.raw.reserves[place]
        unit_raw = 10**reserve.configuration.decimals
        in_dollars = size.share * DOLLAR_BASE[self.market.raw.version] * unit_raw
        amounts = {
            "usd": min(in_dollars // max(reserve.price_raw, 1), PURSE_TOKENS * unit_raw // 1000),
            "limit": limit_raw * size.share // 1000 + size.nudge,
            "second limit": second_raw + size.nudge,
            "all": whole,
            "units": size.nudge,
        }
        return min(max(amounts[size.of], 0), MAX_UINT256)
