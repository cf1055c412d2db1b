"""Paths of coins on exchanges, such as those of a liquidation cascade, carried to a market's assets.

Each asset moves by the factor of the coin it follows, ``price now * coin(t) / fair coin(0)``, on
every venue apart: what parts the venues on the exchanges parts them here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError
from protocols.snapshot import Snapshot
from risk.scenarios.build import digest
from risk.scenarios.families import tree_of
from risk.scenarios.history import Fill, without_series
from risk.scenarios.market_factor import betas
from risk.scenarios.paths import loadings
from risk.scenarios.scenarios import ScenarioBlock, Scenarios

FloatArray = NDArray[np.float64]


def on_market(
    coins: Scenarios,
    snapshot: Snapshot,
    *,
    fill: Fill = "hold",
    given_betas: Mapping[str, float] | None = None,
) -> Scenarios:
    """Return scenarios of coins as scenarios of a market.

    Parameters
    ----------
    coins : Scenarios
        Assets are coins by the names of `families` (``ETH``, ``BTC``), or tokens; those nothing in
        the market follows are left out.
    snapshot : Snapshot
    fill : {"hold", "beta"}
        What assets that follow none of the coins do.
    given_betas : mapping of str to float, optional

    Raises
    ------
    ScenarioError
        As `paths.loadings`; and in a block, if a coin's price is not positive.
    """
    tree = tree_of(snapshot)
    load = loadings(tree, coins.assets, fill, betas(tree, given_betas))
    used = load.any(axis=1)
    coin = load[used].argmax(axis=0)  # each asset moves with one coin at most: a product of matrices would
    share = load[used].sum(axis=0)  # let a NaN of one coin into all assets of the venue
    price = snapshot.price_usd

    def produce(start: int, stop: int) -> ScenarioBlock:
        block = coins.produce(start, stop)
        market, fair = block.market_price_usd[..., used], block.fair_price_usd[..., used]
        # A NaN, a venue that does not list the coin, stays one; nothing below or at 0 does.
        if (market <= 0).any() or not (fair > 0).all():
            raise ScenarioError(f"a coin costs nothing in one of the scenarios {start} to {stop - 1}.")
        opening = np.log(fair[:, :1])
        moved, apart = np.log(fair) - opening, np.log(market) - opening[:, :, None]
        moved, apart = (np.exp(np.where(share == 0.0, 0.0, m[..., coin] * share)) for m in (moved, apart))
        return ScenarioBlock(start, apart * price, moved * price)

    key = {"kind": "coins", "coins": coins.sha256, "assets": snapshot.asset_names}
    return replace(
        coins,
        assets=snapshot.asset_names,
        sha256=digest(key, load, price),
        produce=produce,
        findings=(*coins.findings, *without_series(tree, coins.assets, fill)),
    )
