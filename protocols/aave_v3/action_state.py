"""What the pool must know to allow an action of a user: reserves, the account, and the answer.

An action is a pure function of this state; see `actions` and `borrowing`.  It is as of the
block that holds the action: balances and indices accrued to its time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from abis.units import WAD
from protocols.aave_v3.accrual import burned_scaled
from protocols.aave_v3.configuration import ReserveConfiguration, UserConfiguration
from protocols.aave_v3.emode import backs_debt
from protocols.aave_v3.health import account_data, is_counted
from protocols.aave_v3.versions import rules_for
from protocols.liquidation_rules import LiquidationRules
from protocols.position import CollateralLeg, DebtLeg, Position
from protocols.snapshot import EMode


class ActionRefusal(StrEnum):
    """Why the pool refuses a supply, withdrawal, borrow, repayment, transfer or change of mode."""

    ZERO_AMOUNT = "invalid_amount"
    INACTIVE = "reserve_inactive"
    PAUSED = "reserve_paused"
    FROZEN = "reserve_frozen"
    SENTINEL = "price_oracle_sentinel_check_failed"
    SUPPLY_CAP = "supply_cap_exceeded"
    BORROW_CAP = "borrow_cap_exceeded"
    NOT_BORROWABLE = "borrowing_not_enabled"
    NOT_BORROWABLE_IN_EMODE = "not_borrowable_in_emode"
    NOT_BORROWABLE_IN_ISOLATION = "asset_not_borrowable_in_isolation"
    DEBT_CEILING = "debt_ceiling_exceeded"
    SILOED = "siloed_borrowing_violation"
    NO_COLLATERAL = "collateral_balance_is_zero"
    ZERO_LTV = "ltv_validation_failed"
    UNHEALTHY = "health_factor_lower_than_liquidation_threshold"
    NOT_COVERED = "collateral_cannot_cover_new_borrow"
    MORE_THAN_HELD = "not_enough_available_user_balance"
    IN_USE = "balance_backs_debt"  # v2, to withdraw and to transfer
    DEPOSIT_IN_USE = "deposit_already_in_use"  # v2, to switch off
    OVERDRAWN = "transfer_amount_exceeds_balance"
    UNDERFLOW = "arithmetic_underflow"  # v2, where averages round too far
    NOTHING_SUPPLIED = "underlying_balance_zero"
    ISOLATED_OR_ZERO_LTV = "user_in_isolation_mode_or_ltv_zero"
    NO_DEBT = "no_debt_of_selected_type"
    NO_LIQUIDITY = "not_enough_liquidity"
    ZERO_MINT = "invalid_mint_amount"
    ZERO_BURN = "invalid_burn_amount"
    BAD_CATEGORY = "inconsistent_emode_category"
    DEBT_OUTSIDE_EMODE = "invalid_debt_in_emode"
    COLLATERAL_OUTSIDE_EMODE = "invalid_collateral_in_emode"


@dataclass(frozen=True, slots=True)
class ReserveState:
    """One reserve as an action finds it.

    Attributes
    ----------
    configuration : ReserveConfiguration
        Its decoded word.
    supplied_scaled, treasury_scaled, borrowed_scaled : int
        Scaled totals: of the supply token, accrued to the treasury and not minted yet, of
        the variable-debt token.
    stable_raw : int
        Debt of all at stable rates (until v3.1), smallest units.
    cash_raw : int
        What can be paid out, smallest units.
    isolated_debt_cents : int
        Debt taken against it in isolation mode, cents of a US dollar (v3.0 to v3.6).
    """

    configuration: ReserveConfiguration
    supplied_scaled: int
    treasury_scaled: int
    borrowed_scaled: int
    stable_raw: int
    cash_raw: int
    isolated_debt_cents: int


@dataclass(frozen=True, slots=True)
class PoolState:
    """The pool: release, reserves in the order of their bits, and the sentinel's word on borrowing."""

    version: str
    reserves: tuple[ReserveState, ...]
    borrow_allowed: bool = True

    @property
    def rules(self) -> LiquidationRules:
        """The release's rules."""
        return rules_for(self.version)


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account: a leg per reserve and side, also empty ones, its bits and its category."""

    position: Position
    bits: UserConfiguration
    category: EMode | None = None


@dataclass(frozen=True, slots=True)
class ActionResult:
    """Why an action is refused, or None, and the account after it; unchanged if refused."""

    refusal: ActionRefusal | None
    after: AccountState


def closed(own: ReserveConfiguration) -> ActionRefusal | None:
    """Return why a reserve takes no action at all."""
    if not own.active:
        return ActionRefusal.INACTIVE
    return ActionRefusal.PAUSED if own.paused else None


def held_scaled(leg: CollateralLeg | DebtLeg, rules: LiquidationRules) -> int:
    """Return the scaled amount behind a leg's balance; of debts, the variable part's."""
    if isinstance(leg, CollateralLeg):
        return burned_scaled(leg.balance_raw, leg.index_ray, rules.supply_balance_rounding)
    return burned_scaled(leg.balance_raw - leg.stable_raw, leg.index_ray, rules.debt_balance_rounding)


def with_collateral(account: AccountState, leg: CollateralLeg) -> AccountState:
    """Return the account with another leg on the collateral side."""
    legs = account.position.collateral
    legs = (*legs[: leg.reserve], leg, *legs[leg.reserve + 1 :])
    return replace(account, position=replace(account.position, collateral=legs))


def with_debt(account: AccountState, leg: DebtLeg, *, borrowing: bool) -> AccountState:
    """Return the account with another leg on the debt side, and its borrowing bit set or cleared."""
    legs = account.position.debt
    legs = (*legs[: leg.reserve], leg, *legs[leg.reserve + 1 :])
    others = {i for i in account.bits.borrowing if i != leg.reserve}
    places = tuple(sorted(others | ({leg.reserve} if borrowing else set())))
    bits = replace(account.bits, borrowing=places)
    return replace(account, position=replace(account.position, debt=legs), bits=bits)


def switched(pool: PoolState, account: AccountState, place: int, enabled: bool) -> AccountState:
    """Return the account with a collateral bit set or cleared."""
    others = {i for i in account.bits.collateral if i != place}
    bits = replace(account.bits, collateral=tuple(sorted(others | ({place} if enabled else set()))))
    counted = backs_debt(pool.reserves[place].configuration, enabled, pool.version)
    leg = replace(account.position.collateral[place], counted=counted)
    return with_collateral(replace(account, bits=bits), leg)


def isolating_reserve(pool: PoolState, account: AccountState) -> int | None:
    """Return the reserve whose debt ceiling binds the account: its one collateral, if it has one."""
    if len(account.bits.collateral) != 1:
        return None
    (place,) = account.bits.collateral
    return place if pool.reserves[place].configuration.debt_ceiling_usd_cents else None


def weakens(pool: PoolState, account: AccountState, place: int) -> ActionRefusal | None:
    """Return why an account may not have less of a collateral, given what it would be left with.

    It must stay healthy, and collateral without LTV goes first.

    References
    ----------
    ValidationLogic.sol, ``validateHFAndLtv`` (``validateHFAndLtvzero`` from v3.6 on).
    """
    position = account.position
    if account_data(position, pool.rules).health_factor < WAD:
        return ActionRefusal.UNHEALTHY
    any_zero = any(leg.ltv_bps == 0 for leg in position.collateral if is_counted(leg, pool.rules))
    return ActionRefusal.ZERO_LTV if any_zero and position.collateral[place].ltv_bps else None
