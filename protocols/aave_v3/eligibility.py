"""What a liquidation call meets before the rules of the position: flags, sentinel, grace period.

Beside the contract: the first checks of ``validateLiquidationCall`` in ValidationLogic.sol.
`liquidation.liquidate` has all that depends on the position alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from abis.units import WAD
from protocols.aave_v3.versions import since
from protocols.position import Refusal

# ValidationLogic.sol, MINIMUM_HEALTH_FACTOR_LIQUIDATION_THRESHOLD: below it the sentinel is not asked.
SENTINEL_ASKED_FROM_WAD = 95 * WAD // 100


@dataclass(frozen=True, slots=True)
class ReserveGate:
    """One side of a call: active, paused, and until when (Unix seconds) grace holds, 0 for none."""

    active: bool
    paused: bool
    grace_until_s: int = 0


def gate_refusal(
    collateral: ReserveGate,
    debt: ReserveGate,
    health_factor_wad: int,
    at_s: int,
    version: str,
    *,
    sentinel_allows: bool = True,
) -> Refusal | None:
    """Return why a liquidation call is refused before the position is looked at, or None.

    Parameters
    ----------
    collateral, debt : ReserveGate
        The reserves of the call.
    health_factor_wad : int
        Of the borrower; the sentinel only protects accounts that are not far below one.
    at_s : int
        Unix seconds of the block that holds the call.
    version : str
        Release of the pool.  Pauses and the sentinel exist from v3.0 on, the sentinel until
        v3.6, grace periods from v3.1 on.
    sentinel_allows : bool
        What ``isLiquidationAllowed()`` of the market's sentinel says; True without one.

    Raises
    ------
    UnsupportedVersion
        If the release is not known.
    """
    if not (collateral.active and debt.active):
        return Refusal.INACTIVE
    if not since(version, "3.0"):
        return None
    if collateral.paused or debt.paused:
        return Refusal.PAUSED
    asked = health_factor_wad >= SENTINEL_ASKED_FROM_WAD and not since(version, "3.7")
    if asked and not sentinel_allows:
        return Refusal.SENTINEL
    in_grace = max(collateral.grace_until_s, debt.grace_until_s) >= at_s
    return Refusal.GRACE_PERIOD if in_grace and since(version, "3.1") else None
