"""What a market is to be made of, in the units of Aave's pool reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """A price feed: description, first answer, update rule and the decimals of its answers."""

    description: str
    price_raw: int
    deviation_bps: int
    heartbeat_s: int
    decimals: int = 8


@dataclass(frozen=True, slots=True)
class RateSpec:
    """An interest-rate curve with two slopes, in basis points."""

    optimal_usage_bps: int
    base_bps: int
    slope1_bps: int
    slope2_bps: int


@dataclass(frozen=True, slots=True)
class EModeSpec:
    """An e-mode category; the bonus includes 10 000.

    Its members are the reserves that name it.  From v3.2 on a reserve may be in several
    categories: ``collateral`` and ``borrowable`` add symbols to either side.
    """

    id: int
    label: str
    ltv_bps: int
    liquidation_threshold_bps: int
    liquidation_bonus_bps: int
    collateral: tuple[str, ...] = ()
    borrowable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReserveSpec:
    """A reserve's parameters; caps in whole tokens, 0 = none; ``emode`` 0 = none.

    The last three are of no use to most markets: isolation (0 = none), siloed borrowing
    (both v3), and stable-rate borrowing (v2).
    """

    symbol: str
    name: str
    decimals: int
    ltv_bps: int
    liquidation_threshold_bps: int
    liquidation_bonus_bps: int
    reserve_factor_bps: int
    liquidation_protocol_fee_bps: int
    supply_cap_tokens: int
    borrow_cap_tokens: int
    borrowing_enabled: bool
    borrowable_in_isolation: bool
    flash_loan_enabled: bool
    emode: int
    rate: RateSpec
    feed: FeedSpec
    debt_ceiling_usd_cents: int = 0
    siloed_borrowing: bool = False
    stable_borrowing: bool = False


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """A market: its name, e-modes and reserves in listing order."""

    market_id: str
    emodes: tuple[EModeSpec, ...]
    reserves: tuple[ReserveSpec, ...]

    def reserve(self, symbol: str) -> ReserveSpec:
        """Return the reserve called ``symbol``."""
        return next(reserve for reserve in self.reserves if reserve.symbol == symbol)
