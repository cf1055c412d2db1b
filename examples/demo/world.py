"""The whole demo: a node, a deployed market, its price history and its accounts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from examples.localchain.aave_v30 import deploy_market
from examples.localchain.chain import LocalChain
from examples.localchain.feeds import latest_round, queue_answer
from examples.localchain.market import Market
from examples.localchain.node import running_node

from .history import Answered, rounds_between
from .opening import open_accounts
from .parameters import read_as_of, read_parameters
from .plan import AccountPlan, opening_price_raw, plan_accounts

DEFAULT_SEED = 7
DEFAULT_ACCOUNTS = 320
_DAY_S = 86_400
# Between genesis and opening the feeds gather history; then prices fall to the report's.
_HISTORY_S = 2 * _DAY_S
_AFTER_OPENING_S = _DAY_S
_DEPLOYMENT_S = 600
_FIRST_OVER_OPENING = 0.985

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """A running demo market.

    Attributes
    ----------
    chain : LocalChain
        The chain, with its node.
    market : Market
        The deployed contracts.
    plans : tuple of AccountPlan
        What every account was opened with.
    """

    chain: LocalChain
    market: Market
    plans: tuple[AccountPlan, ...]


@contextlib.contextmanager
def open_demo_market(
    *, seed: int = DEFAULT_SEED, accounts: int = DEFAULT_ACCOUNTS, say: Progress = lambda _: None
) -> Iterator[DemoWorld]:
    """Run a node with the demo market until the block ends.

    Parameters
    ----------
    seed : int
        Same seed and accounts, same chain, block by block.
    accounts : int
        Number of accounts, lenders included.
    say : callable
        Told each step as it begins.

    Yields
    ------
    DemoWorld
        Its latest block is at the time of the parameter table, with the table's prices.

    Raises
    ------
    InputError
        If ``accounts`` does not fit the market.
    LocalChainMissing
        If the npm packages are not installed.
    """
    spec = read_parameters()
    plans = plan_accounts(spec, seed=seed, accounts=accounts)
    end = read_as_of()
    opening = end - _AFTER_OPENING_S
    opening_prices = {reserve.symbol: opening_price_raw(reserve) for reserve in spec.reserves}
    final_prices = {reserve.symbol: reserve.feed.price_raw for reserve in spec.reserves}
    first_prices = {symbol: round(price * _FIRST_OVER_OPENING) for symbol, price in opening_prices.items()}
    say("Starting the local chain")
    with running_node(opening - _HISTORY_S - _DEPLOYMENT_S) as node:
        chain = LocalChain(node)
        say(f"Deploying Aave v3.0 with {len(spec.reserves)} reserves and their Chainlink feeds")
        market = deploy_market(chain, spec, first_prices)
        start = opening - _HISTORY_S
        last = {symbol: Answered(chain.head().timestamp, price) for symbol, price in first_prices.items()}
        say("Pushing two days of feed history")
        last = _play(chain, market, last, opening_prices, start=start, end=opening, seed=seed)
        say(f"Opening {len(plans)} accounts")
        head = open_accounts(chain, market, plans)
        say("Letting a day pass: prices fall to the reported ones")
        _play(chain, market, last, final_prices, start=head.timestamp, end=end, seed=seed)
        yield DemoWorld(chain, market, plans)


def _play(
    chain: LocalChain,
    market: Market,
    last: Mapping[str, Answered],
    ends_raw: Mapping[str, int],
    *,
    start: int,
    end: int,
    seed: int,
) -> dict[str, Answered]:
    """Mine the feeds' rounds of a stretch, end with a block at its end, return the feeds' state."""
    rounds = rounds_between(market.spec, last, ends_raw, start=start, end=end, seed=seed)
    state = dict(last)
    next_round = _next_rounds(chain, market)
    for at, group in groupby(rounds, key=lambda each: each.at):
        for each in group:
            queue_answer(chain, market.reserves[each.symbol].feed, next_round[each.symbol], each.answer_raw)
            next_round[each.symbol] += 1
            state[each.symbol] = Answered(at, each.answer_raw)
        chain.mine(at)
    if chain.head().timestamp < end:
        chain.mine(end)
    return state


def _next_rounds(chain: LocalChain, market: Market) -> dict[str, int]:
    return {symbol: latest_round(chain, each.feed) + 1 for symbol, each in market.reserves.items()}
