"""Random price moves and random liquidation calls on a market of random accounts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import astuple
from random import Random

from abis.units import MAX_UINT256, WAD
from examples.localchain.random_accounts import STATES, State
from examples.localchain.random_market import WORTHLESS
from examples.localchain.random_world import RandomWorld, open_random_market
from protocols.aave_v3.rules import account_data
from protocols.position import CollateralLeg, DebtLeg, Position, Refusal
from tests.differential.liquidations import (
    CODES,
    Attempt,
    execute,
    expected_code,
    fund_liquidator,
    simulate,
)
from tests.differential.price_moves import Move, push
from tests.differential.raw_market import (
    RawAccount,
    RawMarket,
    position_of,
    read_account,
    read_account_data,
    read_accounts,
    read_market,
)

Record = Callable[[str, object], None]

# The largest loss of an asset in a move: from near one, where half a debt is the limit and
# dust may be left, down to where collateral runs out.
SEVERITIES = (0.06, 0.10, 0.16, 0.30, 0.60, 0.90)
TIMES_S = (0, 1, 12, 86_400, 400 * 86_400)
# The large markets: calls after every move, and what is to happen in each of them.
LARGE_ACCOUNTS = 400
LARGE: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "2.0": (150, ("stable debt reached", "all of the collateral")),
    "3.0": (170, ("with fee", "all of the debt")),
    "3.6": (
        200,
        ("with fee", "with deficit", "deficit in several assets", CODES["3.6"][Refusal.DUST]),
    ),
}
_DOLLARS = ("USDC", "USDT", "DAI", "GUSD")
# Of the accounts that cannot be liquidated this share is tried as well.
_HEALTHY_SHARE = 0.08


def random_move(random: Random, world: RandomWorld, severity: float) -> Move:
    """Return a move: most assets fall by up to ``severity``, some dollars rise or fall a little."""
    move = {}
    for symbol in world.market.reserves:
        if symbol in _DOLLARS:
            move[symbol] = 1 + severity * random.uniform(-0.15, 0.25)
        elif symbol != WORTHLESS:
            move[symbol] = 1 - severity * random.uniform(0.5, 1.0)
    move[WORTHLESS] = random.choice((0.3, 1.0, 2.0))
    return move


def compare_account_data(world: RandomWorld, accounts: list[RawAccount]) -> int:
    """Assert that all six values of every account agree now and later; return the fields compared.

    What is stored is read once; later times only move the clock.
    """
    market = read_market(world)
    start_s = world.chain.head().timestamp
    compared = 0
    for after_s in TIMES_S:
        if after_s:
            world.chain.mine(start_s + after_s)
        expected = read_account_data(world, world.addresses)
        for plan, account, chains in zip(world.accounts, accounts, expected, strict=True):
            own = account_data(position_of(market, account, start_s + after_s), market.rules)
            assert own == chains, f"{plan.state}, {after_s} s later: {account}"
            compared += len(astuple(own))
    return compared


def liquidate_at_random(
    world: RandomWorld, random: Random, opened: list[RawAccount], *, move: Move, calls: int
) -> Counter[str]:
    """Push the move and try ``calls`` random calls, one after the other on what they leave behind.

    Every call is predicted: the code of its refusal, or everything it moves.
    Returns how often what happened.
    """
    push(world, move, after_s=random.choice((12, 3_600, 30 * 86_400)))
    market = read_market(world)
    accounts = list(opened)
    below_one = _below_one(world, market, accounts)
    counts: Counter[str] = Counter()
    for _ in range(calls):
        now_s = world.chain.head().timestamp
        any_account = not below_one or random.random() < _HEALTHY_SHARE
        k = random.randrange(len(accounts)) if any_account else random.choice(below_one)
        attempt = _attempt(random, position_of(market, accounts[k], now_s), accounts[k])
        code = simulate(world, market, attempt)
        expected = expected_code(world, market, attempt, now_s)
        assert code == expected, f"{world.accounts[k].state}: {attempt}: '{expected}' against '{code}'"
        counts[code or "accepted"] += 1
        counts["refused"] += bool(code)
        if code == CODES[market.version][Refusal.HEALTHY] and not any_account:
            below_one.remove(k)
        if not code:
            counts.update(_liquidate(world, market, attempt, now_s + random.choice((1, 12, 600))))
            market = read_market(world)
            accounts[k] = read_account(world, market, attempt.account.address)
    return counts


def _liquidate(world: RandomWorld, market: RawMarket, attempt: Attempt, at_s: int) -> Counter[str]:
    """Execute a call unless the seconds until its block change the answer; return what it did."""
    if expected_code(world, market, attempt, at_s):
        return Counter()
    stable_raw = position_of(market, attempt.account, at_s).debt[attempt.debt].stable_raw
    done = execute(world, market, attempt, at_s)
    left = done.after
    facts = {
        "liquidated": True,
        "with fee": done.protocol_fee_raw > 0,
        "with deficit": any(done.deficit_raw),
        "deficit in several assets": sum(1 for raw in done.deficit_raw if raw) > 1,
        "all of the collateral": left.collateral[attempt.collateral].balance_raw == 0,
        "all of the debt": left.debt[attempt.debt].balance_raw == 0,
        "stable debt reached": left.debt[attempt.debt].stable_raw < stable_raw,
    }
    return Counter(name for name, holds in facts.items() if holds)


def _below_one(world: RandomWorld, market: RawMarket, accounts: list[RawAccount]) -> list[int]:
    """Return the accounts with a health factor below one; where many are, few without a threshold."""
    now_s = world.chain.head().timestamp
    below = [
        k
        for k, account in enumerate(accounts)
        if account_data(position_of(market, account, now_s), market.rules).health_factor < WAD
    ]
    # These are below one at any price; the others should not starve.
    always = [k for k in below if world.accounts[k].state is State.EMODE_ONLY]
    return [k for k in below if k not in always[1:]] if len(below) > len(always) else below


def _attempt(random: Random, position: Position, account: RawAccount) -> Attempt:
    held = [leg for leg in position.collateral if leg.counted and leg.balance_raw]
    owed = [leg for leg in position.debt if leg.balance_raw]
    any_leg = random.random() < 0.06
    collateral = random.choice(position.collateral if any_leg or not held else held)
    any_leg = random.random() < 0.06
    debt = random.choice(position.debt if any_leg or not owed else owed)
    return Attempt(account, collateral.reserve, debt.reserve, _offer_raw(random, collateral, debt))


def _offer_raw(random: Random, collateral: CollateralLeg, debt: DebtLeg) -> int:
    owed_raw = debt.balance_raw
    thousand_raw = 1_000 * 10**8 * debt.unit_raw // debt.price_raw
    held_base = collateral.balance_raw * collateral.price_raw // collateral.unit_raw
    worth_raw = held_base * debt.unit_raw * 10_000 // (debt.price_raw * (collateral.bonus_bps or 10_000))
    offers = (
        MAX_UINT256,
        owed_raw,
        owed_raw - 1,
        owed_raw // 2 + random.randint(-1, 1),
        random.randint(0, owed_raw),
        random.randint(0, 3),
        # What leaves about a thousand dollars on either side, or exhausts the collateral.
        owed_raw - thousand_raw + random.randint(-2, 2),
        worth_raw - thousand_raw + random.randint(-2, 2),
        worth_raw + random.randint(-2, 2),
    )
    weights = (6, 2, 1, 2, 4, 1, 2, 2, 3)
    return max(random.choices(offers, weights)[0], 0)


def compare_after_every_move(world: RandomWorld, *, seed: int) -> int:
    """Compare all six values now, and after a move of every severity; return the fields compared."""
    random = Random(seed)
    # Prices and time change nothing of what an account stores.
    accounts = read_accounts(world, read_market(world), world.addresses)
    compared = compare_account_data(world, accounts)
    for severity in SEVERITIES:
        mark = world.chain.snapshot()
        push(world, random_move(random, world, severity))
        compared += compare_account_data(world, accounts)
        world.chain.revert(mark)
    return compared


def run_liquidations(world: RandomWorld, *, seed: int, calls_per_move: int) -> Counter[str]:
    """Try random calls after one move of every severity, each from the same start."""
    random = Random(seed)
    fund_liquidator(world)
    opened = read_accounts(world, read_market(world), world.addresses)
    counts: Counter[str] = Counter()
    for severity in SEVERITIES:
        mark = world.chain.snapshot()
        move = random_move(random, world, severity)
        counts += liquidate_at_random(world, random, opened, move=move, calls=calls_per_move)
        world.chain.revert(mark)
    return counts


def check_account_data(world: RandomWorld, record: Record) -> None:
    """Hold all six values of every account to the contract's, after every move and at later times."""
    assert {account.state for account in world.accounts} == set(STATES[world.market.version])
    compared = compare_after_every_move(world, seed=1)
    record("fields_compared", compared)
    assert compared == 6 * len(world.accounts) * len(TIMES_S) * (1 + len(SEVERITIES))


def check_liquidations(world: RandomWorld, record: Record) -> None:
    """Predict some two hundred calls, of which sixty or more go through."""
    counts = run_liquidations(world, seed=2, calls_per_move=32)
    _record(counts, record)
    assert counts["liquidated"] >= 60
    assert counts["all of the collateral"] > 0


def check_large_market(version: str, *, seed: int, record: Record) -> Counter[str]:
    """Do both in a larger market of another seed; three of them make a thousand liquidations.

    Returns how often what happened, with ``accounts`` and ``fields compared``.
    """
    calls_per_move, always = LARGE[version]
    with open_random_market(version, seed=seed, accounts=LARGE_ACCOUNTS) as world:
        fields = compare_after_every_move(world, seed=seed)
        record("fields_compared", fields)
        counts = run_liquidations(world, seed=seed, calls_per_move=calls_per_move)
    _record(counts, record)
    assert counts["liquidated"] >= 340
    assert all(counts[name] > 0 for name in always), counts
    return counts + Counter({"accounts": LARGE_ACCOUNTS, "fields compared": fields})


def _record(counts: Counter[str], record: Record) -> None:
    for what, count in sorted(counts.items()):
        record(what, count)
