"""The market the state machine runs in, and the sizes its steps draw.

Four actors: one has borrowed plainly, one in a category, one in isolation, one has nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from abis.units import MAX_UINT256
from examples.localchain.contracts import named_address
from examples.localchain.random_market import FROZEN, ISOLATED, PAUSED, SILOED
from examples.localchain.random_world import LENDER, RandomWorld
from protocols.aave_v3.versions import since

ACTORS = tuple(named_address(f"breakwater machine actor {i}") for i in range(4))
NO_CATEGORY = 9
VARIABLE_RATE, NO_REFERRAL = 2, 0
PURSE_TOKENS = 10**15  # of each asset, what an actor starts with; no step asks for more than a part of it
DOLLAR_BASE = {"2.0": 4 * 10**14, "3.0": 10**8, "3.6": 10**8}  # about a dollar, base-currency units
CAPPED = ("USDC", "WETH")  # supply and borrow caps a little above what is there


@dataclass(frozen=True, slots=True)
class Size:
    """How much: a share of a limit, or of dollars, and some units more or less."""

    of: str
    share: int  # permille of the limit, or dollars
    nudge: int


SIZES = st.one_of(
    st.builds(Size, st.just("usd"), st.sampled_from([100, 10_000, 1, 1_000_000, 30_000_000]), st.just(0)),
    st.builds(Size, st.just("limit"), st.sampled_from([1000, 999, 990, 500, 1]), st.integers(-2, 2)),
    st.builds(Size, st.just("second limit"), st.just(1000), st.integers(-1, 1)),
    st.just(Size("all", 0, 0)),
    st.builds(Size, st.just("units"), st.just(0), st.integers(0, 3)),
)
WHO = st.sampled_from(range(len(ACTORS)))
FACTORS = st.sampled_from([0.95, 1.05, 0.8, 1.3, 0.5, 0.1])
ANY_ASSET = 12
ASSETS = st.integers(0, 12)
PICKS = st.integers(0, ANY_ASSET)
WAITS_S = st.sampled_from([1, 3_600, 86_400, 30 * 86_400])


def prepare(world: RandomWorld) -> None:
    """Give the actors tokens and each other's credit, every reserve some debt, some reserves caps."""
    chain, market = world.chain, world.market
    for symbol, each in market.reserves.items():
        for actor in ACTORS:
            chain.send(market.admin, each.underlying, "mint", actor, PURSE_TOKENS * 10**each.decimals)
            chain.send(actor, each.underlying, "approve", market.pool.address, MAX_UINT256)
            for other in ACTORS:
                chain.send(actor, each.variable_debt_token, "approveDelegation", other, MAX_UINT256)
        if symbol in (FROZEN, PAUSED, SILOED):
            continue
        total_raw = chain.read(each.a_token, "totalSupply")
        terms = (total_raw // 5, VARIABLE_RATE, NO_REFERRAL, LENDER)
        chain.send(LENDER, market.pool, "borrow", each.underlying.address, *terms)
    if since(market.version, "3.0"):
        for symbol in CAPPED:
            each = market.reserves[symbol]
            whole = chain.read(each.a_token, "totalSupply") // 10**each.decimals
            asset = each.underlying.address
            chain.send(market.admin, market.configurator, "setSupplyCap", asset, whole * 101 // 100)
            chain.send(market.admin, market.configurator, "setBorrowCap", asset, whole * 21 // 100)
        isolated = market.reserves[ISOLATED].underlying.address
        chain.send(market.admin, market.configurator, "setDebtCeiling", isolated, 5_000_000)
    chain.mine()
    _open_accounts(world)


def _open_accounts(world: RandomWorld) -> None:
    """Open three of the actors close to what they may borrow: plainly, in a category, in isolation."""
    chain, market = world.chain, world.market
    modern = since(market.version, "3.0")
    supply_function = "supply" if modern else "deposit"

    def tokens(symbol: str, amount: int) -> tuple[str, int]:
        each = market.reserves[symbol]
        return each.underlying.address, amount * 10**each.decimals

    for actor, symbol, amount in ((0, "WETH", 10), (0, "DAI", 5_000), (1, "wstETH", 4), (2, ISOLATED, 2_000)):
        terms = (*tokens(symbol, amount), ACTORS[actor], NO_REFERRAL)
        chain.send(ACTORS[actor], market.pool, supply_function, *terms)
    if modern:
        isolated = market.reserves[ISOLATED].underlying.address
        chain.send(ACTORS[2], market.pool, "setUserUseReserveAsCollateral", isolated, True)
        chain.send(ACTORS[1], market.pool, "setUserEMode", 1)
    for actor, symbol, amount in (
        (0, "USDC", 20_000),
        (1, "WETH", 4 if modern else 3),
        (2, "USDT", 11_000),
    ):
        terms = (*tokens(symbol, amount), VARIABLE_RATE, NO_REFERRAL, ACTORS[actor])
        chain.send(ACTORS[actor], market.pool, "borrow", *terms)
    chain.mine()
