"""Gives the categories of a running v3.0 market prices of their own, as Spark's contracts allow."""

from __future__ import annotations

from dataclasses import dataclass

from examples.localchain.contracts import named_address
from examples.localchain.feeds import Feed, deploy_feed, latest_round, queue_answer
from examples.localchain.random_market import DOLLAR_EMODE, ETHER_EMODE
from examples.localchain.random_world import RandomWorld
from examples.localchain.spec import FeedSpec

SOURCE = named_address("breakwater price of the ether category")
# Just above their members' own, where the configurator's checks begin: below it, accounts that
# borrowed under the old ones can be liquidated.
LOWERED = {ETHER_EMODE: (8_310, 8_350, 10_100), DOLLAR_EMODE: (7_810, 7_850, 10_200)}


@dataclass(frozen=True, slots=True)
class PricedWorld:
    """A market whose ether category has a feed of its own and whose dollars count as USDC does."""

    world: RandomWorld
    feed: Feed

    def move_feed(self, factor: float) -> None:
        """Mine a new answer of the ether category's feed."""
        chain = self.world.chain
        old_raw = chain.read(self.world.market.oracle, "getAssetPrice", SOURCE)
        queue_answer(chain, self.feed, latest_round(chain, self.feed) + 1, round(old_raw * factor))
        chain.mine()


def price_categories(world: RandomWorld) -> PricedWorld:
    """Price the ether category 3 % above ether, and the dollars' by the listed USDC."""
    chain, market = world.chain, world.market
    ether_raw = chain.read(market.oracle, "getAssetPrice", market.reserves["WETH"].underlying.address)
    feed = deploy_feed(chain, market.admin, FeedSpec("ether category / USD", ether_raw, 50, 3_600))
    chain.mine()
    queue_answer(chain, feed, 1, ether_raw * 103 // 100)
    chain.send(market.admin, market.oracle, "setAssetSources", [SOURCE], [feed.proxy.address])
    for emode in market.spec.emodes:
        figures = (emode.ltv_bps, emode.liquidation_threshold_bps, emode.liquidation_bonus_bps)
        set_category(world, emode.id, figures)
    chain.mine()
    return PricedWorld(world, feed)


def set_category(world: RandomWorld, emode: int, figures: tuple[int, int, int]) -> None:
    """Queue LTV, threshold and bonus of a category that keeps its price of its own."""
    market = world.market
    usdc = market.reserves["USDC"].underlying.address
    source = {ETHER_EMODE: SOURCE, DOLLAR_EMODE: usdc}[emode]
    label = next(each.label for each in market.spec.emodes if each.id == emode)
    world.chain.send(market.admin, market.configurator, "setEModeCategory", emode, *figures, source, label)


def leave_category(world: RandomWorld, symbol: str) -> None:
    """Take an asset out of its category, whoever borrowed it in there."""
    market = world.market
    asset = market.reserves[symbol].underlying.address
    world.chain.send(market.admin, market.configurator, "setAssetEModeCategory", asset, 0)
    world.chain.mine()
