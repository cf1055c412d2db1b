"""Related assets in order: no token lends more than what it follows.

A staked or wrapped token carries all the risk of what it stands for and its own besides, so its LTV and
threshold outside categories lie below (WETH above wstETH, WETH above weETH).  Who follows whom is the
documented table of links; two tokens that follow the same one are not compared.
"""

from __future__ import annotations

from protocols.snapshot import Snapshot
from risk.scenarios.families import tree_of


def related(snapshot: Snapshot) -> tuple[tuple[int, int], ...]:
    """Return each reserve that lends and the nearest listed one it follows that lends too."""
    chains = tree_of(snapshot).chains
    place = {chains[j][0]: j for j, r in enumerate(snapshot.reserves) if r.ltv_bps and r.active}
    pairs = []
    for i in place.values():
        above = next((place[name] for name in chains[i][1:] if name in place), None)
        if above is not None and above != i:
            pairs.append((i, above))
    return tuple(pairs)


def related_excess_bps(snapshot: Snapshot) -> int:
    """Return the most by which an LTV or threshold exceeds that of what it follows; 0 if none does."""
    reserves = snapshot.reserves
    found = [0]
    for i, above in related(snapshot):
        own, other = reserves[i], reserves[above]
        found.append(own.ltv_bps - other.ltv_bps)
        found.append(own.liquidation_threshold_bps - other.liquidation_threshold_bps)
    return max(found)
