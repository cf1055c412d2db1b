"""What liquidators pay, want, own and how fast they are: the engine's assumptions about them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from abis.errors import InputError


@dataclass(frozen=True, slots=True)
class Liquidators:
    """Costs, demands and means of liquidators; all defaults are assumed, not measured.

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
    min_profit_bps : float
        The same as a share of the debt repaid: what is left of the bonus after the treasury's fee,
        sale and gas.  Assumed 0.
    latency_blocks : float
        Blocks between the moment an account becomes liquidatable and the first call on it, which
        comes at the first time of the path not before that.  Assumed 0; no bearing on a path of
        one moment, whose prices stay.
    block_s : float
        Seconds a block.  Assumed 12, Ethereum's.
    capital_usd : float
        What liquidators own together, for repaying debt without a flash loan.  It returns with
        the sale of the collateral in the same call; spent on collateral that cannot be withdrawn
        it stays spent.  Assumed inf.
    flash_loans : bool
        Whether they borrow the debt from its own reserve for the length of a call, as far as
        that has withdrawable liquidity and allows it.  Other lenders are not modelled.
    flash_fee_bps : float
        Fee of that loan, where capital alone does not carry the call.  Assumed 5 bps, Aave's.
    minimal : bool
        Whether each call repays no more than brings the health factor to 1 at oracle prices, or
        than the dust rules allow: what close factors add is the difference.  Assumed False.
    token_discount_bps : float, optional
        Where the collateral cannot be withdrawn: the discount at which liquidators keep the
        market's receipt tokens instead, bought with their capital.  None: they stop.
    """

    gas_usd_per_call: float = 20.0
    swap_fee_bps: float = 5.0
    min_profit_usd: float = 1.0
    min_profit_bps: float = 0.0
    latency_blocks: float = 0.0
    block_s: float = 12.0
    capital_usd: float = math.inf
    flash_loans: bool = True
    flash_fee_bps: float = 5.0
    token_discount_bps: float | None = None
    minimal: bool = False

    def __post_init__(self) -> None:
        finite = ("gas_usd_per_call", "swap_fee_bps", "min_profit_usd", "min_profit_bps")
        for name in (*finite, "latency_blocks", "block_s", "flash_fee_bps", "token_discount_bps"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise InputError(f"{name} is {value}.", remedy="Give a finite number of at least 0.")
        if math.isnan(self.capital_usd) or self.capital_usd < 0:
            raise InputError(f"capital_usd is {self.capital_usd}.", remedy="Give 0 or more, or inf.")
        for name in ("swap_fee_bps", "token_discount_bps"):
            value = getattr(self, name)
            if value is not None and value >= 10_000:
                raise InputError(f"{name} is {value}.", remedy="Give less than 10000 (100 %).")

    @property
    def latency_s(self) -> float:
        """Return the latency in seconds."""
        return self.latency_blocks * self.block_s
