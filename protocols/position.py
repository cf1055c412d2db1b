"""One account in exact integers, as the liquidation rules see it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from abis.units import RAY


@dataclass(frozen=True, slots=True)
class CollateralLeg:
    """One supplied reserve of an account, with the parameters in force for this account.

    Parameters
    ----------
    reserve : int
        Index into the snapshot's reserves.
    balance_raw : int
        Accrued balance, smallest units.
    price_raw : int
        Oracle price of one whole token in base-currency units.
    unit_raw : int
        ``10**decimals``.
    threshold_bps, ltv_bps, bonus_bps : int
        Effective values (e-mode applied); the bonus includes 10000, 0 if it is no collateral.
    protocol_fee_bps : int
        Treasury's share of the bonus.
    counted : bool
        Whether it backs debt: enabled as collateral, and not excluded by the rules.
    index_ray : int
        Supply index ``balance_raw`` was computed with, so that what a call leaves behind
        rounds as the chain stores it; ``RAY``, the default, keeps plain amounts.
    """

    reserve: int
    balance_raw: int
    price_raw: int
    unit_raw: int
    threshold_bps: int
    ltv_bps: int
    bonus_bps: int
    protocol_fee_bps: int
    counted: bool
    index_ray: int = RAY


@dataclass(frozen=True, slots=True)
class DebtLeg:
    """One borrowed reserve of an account; fields as in `CollateralLeg`, the index is the debt's.

    ``stable_raw`` is the part of the balance owed at a stable rate (until v3.1).  It follows
    no index, and a repayment by a liquidator reaches it last.  ``call_price_raw`` is the price
    at which a liquidation call counts the repayment, None where it is ``price_raw``: until v3.1
    a call uses the price of the borrower's category also for a debt that has left it.
    """

    reserve: int
    balance_raw: int
    price_raw: int
    unit_raw: int
    index_ray: int = RAY
    stable_raw: int = 0
    call_price_raw: int | None = None

    @property
    def price_in_call_raw(self) -> int:
        """Price at which a liquidation call counts the repayment."""
        return self.price_raw if self.call_price_raw is None else self.call_price_raw


@dataclass(frozen=True, slots=True)
class Position:
    """All legs of one account; the index of a leg is its place in the tuple."""

    collateral: tuple[CollateralLeg, ...]
    debt: tuple[DebtLeg, ...]


@dataclass(frozen=True, slots=True)
class AccountData:
    """The six values of ``getUserAccountData``, in the contract's order and units."""

    total_collateral_base: int
    total_debt_base: int
    available_borrows_base: int
    current_liquidation_threshold: int
    ltv: int
    health_factor: int


class Refusal(StrEnum):
    """Why a liquidation call reverts."""

    HEALTHY = "health_factor_not_below_threshold"
    NOT_COLLATERAL = "collateral_cannot_be_liquidated"
    NO_DEBT = "specified_currency_not_borrowed"
    DUST = "must_not_leave_dust"
    ZERO_AMOUNT = "invalid_amount"
    NO_PRICE = "no_oracle_price"
    INACTIVE = "reserve_inactive"
    PAUSED = "reserve_paused"
    SENTINEL = "price_oracle_sentinel_check_failed"
    GRACE_PERIOD = "liquidation_grace_period"
    NO_LIQUIDITY = "not_enough_liquidity"


@dataclass(frozen=True, slots=True)
class LiquidationResult:
    """What one liquidation call does, or why it reverts.

    Parameters
    ----------
    refusal : Refusal or None
        None if the call succeeds; every amount is 0 otherwise.
    debt_repaid_raw, collateral_seized_raw, protocol_fee_raw : int
        Smallest units of the debt and the collateral asset; the seized amount includes the fee.
    deficit_raw : tuple of int
        Per debt leg, the debt burned as deficit.
    after : Position
        The account after the call.
    """

    refusal: Refusal | None
    debt_repaid_raw: int
    collateral_seized_raw: int
    protocol_fee_raw: int
    deficit_raw: tuple[int, ...]
    after: Position
