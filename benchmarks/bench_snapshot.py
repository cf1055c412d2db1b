"""Reading a market: our reader against one ``contract.call`` a value, both 20 ms away from the node.

The reader reads everything a snapshot holds; the baseline reads only the accounts, and is
told beforehand which ones and what they hold.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from abis.chain import Chain, Header
from examples.demo.world import DemoWorld, open_demo_market
from protocols.aave_v3.adapter import read_market
from protocols.aave_v3.configuration import decode_user_configuration
from protocols.journal import Journal
from protocols.registry import MarketSpec, resolve
from protocols.snapshot import Snapshot
from tests.faults.proxy import Proxy, running

ACCOUNTS, SEED = 1_000, 7
DELAY_S = 0.02
Values = dict[tuple[str, str], int]  # account, what -> value


def ours(taken: Snapshot) -> Values:
    """Return categories, scaled amounts and the reserves owed in, as the snapshot has them."""
    book = taken.book
    found: Values = {(a, "emode"): int(c) for a, c in zip(book.accounts, book.emode, strict=True)}
    found |= {(a, "owes"): 0 for a in book.accounts}
    for block, token in ((book.collateral, "a_token"), (book.debt, "debt_token")):
        for account, reserve, scaled in zip(block.account, block.reserve, block.scaled_raw, strict=True):
            name, listed = book.accounts[int(account)], taken.reserves[int(reserve)]
            found[name, getattr(listed, token)] = int(scaled)
            if token == "debt_token":
                found[name, "owes"] |= 1 << listed.id
    return found


def one_by_one(url: str, world: DemoWorld, taken: Snapshot, block: Header) -> Values:
    """Return the same values, each through a call of its own."""
    from web3 import HTTPProvider, Web3

    # With the chain id cached: web3 asks for it with every call otherwise, three requests a value.
    w3 = Web3(HTTPProvider(url, cache_allowed_requests=True))
    market, at = world.market, block.number
    pool = w3.eth.contract(address=market.pool.address, abi=market.pool.abi).functions
    tokens = {
        t.address: w3.eth.contract(address=t.address, abi=t.abi).functions.scaledBalanceOf
        for r in market.reserves.values()
        for t in (r.a_token, r.variable_debt_token)
    }
    found: Values = {}
    for account, what in ours(taken):
        if what == "emode":
            value = pool.getUserEMode(account).call(block_identifier=at)
        elif what == "owes":
            (word,) = pool.getUserConfiguration(account).call(block_identifier=at)
            value = sum(1 << i for i in decode_user_configuration(word).borrowing)
        else:
            value = tokens[what](account).call(block_identifier=at)
        found[account, what] = value
    return found


@contextmanager
def distant(world: DemoWorld) -> Iterator[Proxy]:
    """Run a proxy that puts 20 ms between reader and node."""
    with running(Proxy(world.chain.node.port, delay_s=DELAY_S)) as proxy:
        yield proxy


def timed(proxy: Proxy, spec: MarketSpec, journal: Journal) -> tuple[float, int, Snapshot]:
    """Return seconds, requests and snapshot of one read."""
    before, began = proxy.requests, time.perf_counter()
    chain = Chain(proxy.url)
    chain.connect()
    taken = read_market(chain, spec, chain.block("latest"), journal=journal)
    return time.perf_counter() - began, proxy.requests - before, taken


def rows() -> list[dict[str, Any]]:
    """Return one row for a first read, and one where the events are known already."""
    found = []
    with open_demo_market(seed=SEED, accounts=ACCOUNTS) as world, distant(world) as proxy:
        spec = resolve(f"aave-v3:{world.market.provider.address}")
        journal = Journal()
        timed(proxy, spec, Journal())  # load web3 outside the clock
        runs = [
            ("snapshot: with event discovery", *timed(proxy, spec, journal)),
            ("snapshot: events known", *timed(proxy, spec, journal)),
        ]
        taken = runs[-1][-1]
        block = Header(taken.block.number, taken.block.hash, taken.block.timestamp_s)
        began = time.perf_counter()
        plain = one_by_one(proxy.url, world, taken, block)
        plain_s = time.perf_counter() - began
        for name, seconds, requests, read in runs:
            found.append(
                {
                    "name": name,
                    "size": f"{len(read.book)} accounts, {len(plain)} values, {requests} requests",
                    "seconds": seconds,
                    "baseline": "web3 contract.call a value",
                    "baseline_seconds": plain_s,
                    "ratio": plain_s / seconds,
                    "results_equal": ours(read) == plain,
                    "cores": 1,
                }
            )
    return found
