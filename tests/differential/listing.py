"""Lists one more reserve in the demo market."""

from __future__ import annotations

from examples.demo.world import DemoWorld
from examples.localchain.artifacts import aave_v30
from examples.localchain.contracts import Contract
from examples.localchain.feeds import deploy_feed, queue_answer
from examples.localchain.spec import FeedSpec

ZERO = "0x" + "0" * 40
_CURVE = (8 * 10**26, 0, 4 * 10**25, 6 * 10**26)


def list_reserve(world: DemoWorld, symbol: str, *, price_raw: int) -> Contract:
    """List a token of 18 decimals as collateral (LTV 50 %, threshold 60 %) and return it."""
    chain, market = world.chain, world.market
    admin = market.admin
    token = chain.deploy(admin, aave_v30("TestnetERC20"), symbol, symbol, 18, admin)
    feed = deploy_feed(chain, admin, FeedSpec(f"{symbol} / USD", price_raw, 50, 86_400))
    chain.mine()
    queue_answer(chain, feed, 1, price_raw)
    kinds = ("AToken", "StableDebtToken", "VariableDebtToken")
    implementations = [chain.deploy(admin, aave_v30(k), market.pool.address).address for k in kinds]
    strategy = chain.deploy(
        admin,
        aave_v30("DefaultReserveInterestRateStrategy"),
        market.provider.address,
        *_CURVE,
        *(0, 0, 0, 0, 0),
    )
    names = [text for kind in ("a", "v", "s") for text in (f"{kind} token", kind)]
    reserve = (*implementations, 18, strategy.address, token.address, market.treasury, ZERO, *names, b"")
    chain.send(admin, market.oracle, "setAssetSources", [token.address], [feed.proxy.address])
    chain.send(admin, market.configurator, "initReserves", [reserve])
    chain.send(
        admin, market.configurator, "configureReserveAsCollateral", token.address, 5_000, 6_000, 11_000
    )
    chain.mine()
    return token
