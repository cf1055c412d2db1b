"""Price moves the differential tests push into the feeds of a market."""

from __future__ import annotations

from collections.abc import Mapping

from examples.localchain.chain import Head
from examples.localchain.feeds import latest_round, queue_answer
from tests.differential.raw_market import World

ETHER = ("WETH", "wstETH", "weETH")
BITCOIN = ("WBTC", "cbBTC", "LBTC")
STAKED = ("wstETH", "weETH")
DOLLARS = ("USDC", "USDT", "DAI", "GHO")
MONTH_S = 30 * 86_400

Move = Mapping[str, float]  # symbol -> new price over old price


def together(symbols: tuple[str, ...], factor: float) -> dict[str, float]:
    """Return the move in which all ``symbols`` change by the same factor."""
    return dict.fromkeys(symbols, factor)


VOLATILE = (*ETHER, *BITCOIN, "LINK")
MOVES: Mapping[str, Move] = {
    "volatile -18 %": together(VOLATILE, 0.82),
    "volatile -40 %": together(VOLATILE, 0.60),
    "volatile -75 %": together(VOLATILE, 0.25),
    "staked ether -4 %": together(STAKED, 0.96),
    "staked ether -15 %": together(STAKED, 0.85),
    "bitcoin -30 %, ether +20 %": {**together(BITCOIN, 0.70), **together(ETHER, 1.20)},
    "dollars +60 %": together(DOLLARS, 1.60),
    "dollar depeg": {"USDC": 0.87, "DAI": 0.90},
}


def push(world: World, move: Move, *, after_s: int = 12) -> Head:
    """Mine one block, ``after_s`` later, in which every moved feed answers its new price."""
    chain = world.chain
    for symbol, factor in move.items():
        feed = world.market.reserves[symbol].feed
        old_raw = chain.read(
            world.market.oracle, "getAssetPrice", world.market.reserves[symbol].underlying.address
        )
        queue_answer(chain, feed, latest_round(chain, feed) + 1, max(round(old_raw * factor), 1))
    return chain.mine(chain.head().timestamp + after_s)
