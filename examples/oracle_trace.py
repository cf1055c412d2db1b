"""Trace the prices of a local market in which they are made the ways Aave makes them.

``python -m examples.oracle_trace [OPTIONS of breakwater oracle trace]`` boots the market of
`examples.localchain.adapters`, lets nine days pass in which staking pays, and runs the
command against it.  Feeds and oracle are the real contracts' bytecode; adapters are test
contracts.  The same packages print the same text.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from examples.localchain.adapters import OracleWorld, open_oracle_market
from examples.localchain.feeds import queue_answer
from examples.localchain.market_parts import ADMIN

DAYS = 9
_DAY_S = 86_400
_WAD = 10**18
_RATIO_RAW = 1_228_900 * 10**12
_YEARLY_BPS = 1_000  # faster than stETH ever earned, so that its cap comes near


def let_days_pass(world: OracleWorld) -> None:
    """Mine a block a day with a staking report, and an answer of two feeds at the end."""
    chain = world.chain
    for day in range(1, DAYS + 1):
        ratio_raw = _RATIO_RAW + _RATIO_RAW * _YEARLY_BPS * day // (10_000 * 365)
        chain.send(ADMIN, world.parts["stETH shares"], "report", ratio_raw, _WAD)
        chain.mine(chain.head().timestamp + _DAY_S)
    queue_answer(chain, world.feeds["ETH / USD"], 2, 251_234_567_890)
    queue_answer(chain, world.feeds["USDT / USD"], 2, 99_987_000)
    chain.mine(chain.head().timestamp + 1_000)
    chain.mine()


def trace(world: OracleWorld, options: Sequence[str]) -> None:
    """Trace the market and exit as ``breakwater oracle trace`` does."""
    from risk.cli.main import main as breakwater

    market = f"aave-v3:{world.market.provider.address}"
    breakwater(["oracle", "trace", market, "--rpc", world.chain.node.url, *options])


def main(options: Sequence[str]) -> None:
    """Boot the market, let days pass and trace it."""
    with open_oracle_market() as world:
        let_days_pass(world)
        trace(world, options)


if __name__ == "__main__":
    main(sys.argv[1:])
