"""What liquidators pay and want: the engine's assumptions about them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from abis.errors import InputError


@dataclass(frozen=True, slots=True)
class Liquidators:
    """Costs and demands of a liquidator; all defaults are assumed, not measured.

    Parameters
    ----------
    gas_usd_per_call : float
        Gas and priority fee of one call.  Assumed 20 USD: about half a million gas at
        15 gwei and 2,700 USD, a busy hour of 2025; calm days cost a tenth.
    swap_fee_bps : float
        Cost of selling seized collateral beyond the depth curve: pool fee and routing.
        Assumed 5 bps, the fee tier of the deepest pools.  Not charged where the collateral
        is the debt asset.
    min_profit_usd : float
        Calls expected to earn less are not made.  Assumed 1 USD.
    """

    gas_usd_per_call: float = 20.0
    swap_fee_bps: float = 5.0
    min_profit_usd: float = 1.0

    def __post_init__(self) -> None:
        for name in ("gas_usd_per_call", "swap_fee_bps", "min_profit_usd"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"{name} is {value}.", remedy="Give a finite number of at least 0.")
        if self.swap_fee_bps >= 10_000:
            raise InputError(f"swap_fee_bps is {self.swap_fee_bps}.", remedy="Give less than 10000 (100 %).")
