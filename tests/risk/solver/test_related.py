from __future__ import annotations

from dataclasses import replace

from risk.solver.related import related, related_excess_bps
from tests.risk.markets import RESERVES, market


def test_a_token_is_below_what_it_follows() -> None:
    snapshot = market(positions=())
    assert related(snapshot) == ((1, 0),)  # wstETH, WETH
    assert related_excess_bps(snapshot) == 0
    above = [RESERVES[0], replace(RESERVES[1], ltv_bps=8200), *RESERVES[2:]]
    assert related_excess_bps(market(positions=(), reserves=above)) == 150
    threshold = [RESERVES[0], replace(RESERVES[1], liquidation_threshold_bps=8310), *RESERVES[2:]]
    assert related_excess_bps(market(positions=(), reserves=threshold)) == 10


def test_what_lends_nothing_is_above_nothing() -> None:
    off = [replace(RESERVES[0], ltv_bps=0), *RESERVES[1:]]
    assert related(market(positions=(), reserves=off)) == ()
