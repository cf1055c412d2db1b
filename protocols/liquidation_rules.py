"""`LiquidationRules`: everything the engine must know about how a market liquidates.

An adapter resolves the protocol's version into this record; nothing downstream asks
which protocol it is looking at.  The choices are closed lists whose members name the
arithmetic, not the release.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from abis.units import BPS, WAD


class HealthFormula(StrEnum):
    """How the health factor is put together."""

    TRUNCATED_AVERAGE = "truncated_average"  # average threshold floored to whole bps (Aave v2 to v3.4)
    FULL_PRECISION = "full_precision"  # weighted sum over debt, then / 10000 (Aave v3.5 on)


class Rounding(StrEnum):
    """A rounding direction."""

    DOWN = "down"
    UP = "up"
    HALF_UP = "half_up"


class DebtAccrual(StrEnum):
    """Which three-term series compounds debt between updates."""

    RATE_PER_SECOND = "rate_per_second"  # Aave v2
    SQUARED_RATE = "squared_rate"  # Aave v3.0 to v3.3
    TAYLOR = "taylor"  # Aave v3.4 on


class SizingRule(StrEnum):
    """How much one call may repay."""

    HALF_OF_RESERVE = "half_of_reserve"  # Aave v2: always the close factor
    HALF_OR_FULL_OF_RESERVE = "half_or_full_of_reserve"  # Aave v3.0 to v3.2
    POSITION_WIDE = "position_wide"  # Aave v3.3 on: half of the whole position, dust rules
    TO_TARGET_HEALTH = "to_target_health"  # Aave v4: what restores a target health factor
    WHOLE_ACCOUNT = "whole_account"  # Compound III: all collateral and all debt at once
    ANY_AMOUNT = "any_amount"  # Morpho Blue: what the liquidator likes; bad debt socialised


class SeizureRounding(StrEnum):
    """How seized collateral, capped repayment and fee are rounded."""

    BONUS_BEFORE_DIVISION = "bonus_before_division"  # Aave v2
    HALF_UP = "half_up"  # Aave v3.0 to v3.4
    DEBT_NEEDED_UP = "debt_needed_up"  # Aave v3.5 and v3.6
    DIRECTED = "directed"  # Aave v3.7


@dataclass(frozen=True, slots=True)
class LiquidationRules:
    """The liquidation rules of one market at one block.

    Parameters
    ----------
    family : str
        Key of the exact integer implementation (`protocols.exact.exact_rules`).
    version : str
        The release these rules describe, for people.
    health_formula, debt_accrual, sizing, seizure_rounding
        See the enumerations of this module.
    supply_balance_rounding, debt_balance_rounding, debt_value_rounding, borrow_limit_rounding : Rounding
        Rounding of scaled supply and debt to balances, of debt to base currency, and of
        collateral times average LTV.
    close_factor_bps : int
        Share one call may repay while the health factor is above ``full_close_below_wad``.
    full_close_below_wad : int
        Health factor (wad) at or below which the whole debt may be repaid.
    liquidatable_below_wad : int
        Health factor (wad) strictly below which an account may be liquidated.
    min_full_close_base_raw : int
        Base-currency value below which a side may be closed in full; 0 = no such rule.
    min_leftover_base_raw : int
        Smallest leftover value allowed on both sides after a partial call; 0 = no such rule.
    has_protocol_fee : bool
        Whether part of the bonus goes to the treasury.
    creates_deficit : bool
        Whether debt without collateral is burned and booked as the reserve's deficit.
    deficit_by_scaled : bool
        Whether "no collateral left" is judged by the scaled amounts really burned (Aave
        v3.7) and not by the value of the amount seized.
    counts_zero_threshold : bool
        Whether collateral with threshold 0 counts into the collateral sum.
    target_health_wad : int
        Health factor a call restores; 0 = no such rule.
    full_bonus_below_wad : int
        Health factor at or below which the whole bonus is paid; above it the bonus falls linearly.
    bonus_at_one_bps : int
        Share of the bonus left at health 1.
    """

    family: str
    version: str
    health_formula: HealthFormula
    debt_accrual: DebtAccrual
    supply_balance_rounding: Rounding
    debt_balance_rounding: Rounding
    debt_value_rounding: Rounding
    borrow_limit_rounding: Rounding
    sizing: SizingRule
    seizure_rounding: SeizureRounding
    close_factor_bps: int = 5_000
    full_close_below_wad: int = 95 * WAD // 100
    liquidatable_below_wad: int = WAD
    min_full_close_base_raw: int = 0
    min_leftover_base_raw: int = 0
    has_protocol_fee: bool = True
    creates_deficit: bool = False
    deficit_by_scaled: bool = False
    counts_zero_threshold: bool = False
    target_health_wad: int = 0
    full_bonus_below_wad: int = WAD
    bonus_at_one_bps: int = BPS

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values; integers as decimal strings."""
        return {k: str(v) if type(v) is int else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LiquidationRules:
        """Return the record `to_json` wrote; `ValueError` or `KeyError` if it is none."""
        return cls(
            family=str(data["family"]),
            version=str(data["version"]),
            health_formula=HealthFormula(data["health_formula"]),
            debt_accrual=DebtAccrual(data["debt_accrual"]),
            supply_balance_rounding=Rounding(data["supply_balance_rounding"]),
            debt_balance_rounding=Rounding(data["debt_balance_rounding"]),
            debt_value_rounding=Rounding(data["debt_value_rounding"]),
            borrow_limit_rounding=Rounding(data["borrow_limit_rounding"]),
            sizing=SizingRule(data["sizing"]),
            seizure_rounding=SeizureRounding(data["seizure_rounding"]),
            close_factor_bps=int(data["close_factor_bps"]),
            full_close_below_wad=int(data["full_close_below_wad"]),
            liquidatable_below_wad=int(data["liquidatable_below_wad"]),
            min_full_close_base_raw=int(data["min_full_close_base_raw"]),
            min_leftover_base_raw=int(data["min_leftover_base_raw"]),
            has_protocol_fee=bool(data["has_protocol_fee"]),
            creates_deficit=bool(data["creates_deficit"]),
            deficit_by_scaled=bool(data["deficit_by_scaled"]),
            counts_zero_threshold=bool(data["counts_zero_threshold"]),
            # Absent in snapshots written before there were such rules.
            target_health_wad=int(data.get("target_health_wad", 0)),
            full_bonus_below_wad=int(data.get("full_bonus_below_wad", WAD)),
            bonus_at_one_bps=int(data.get("bonus_at_one_bps", BPS)),
        )
