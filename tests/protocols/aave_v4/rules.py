"""Liquidation rules of a made-up Aave v4 spoke."""

from __future__ import annotations

from dataclasses import replace

from abis.units import WAD
from protocols.aave_v4.liquidation import USD
from protocols.liquidation_rules import HealthFormula, Rounding, SeizureRounding, SizingRule
from protocols.releases import rules_of

RULES = replace(
    rules_of("aave", "3.7"),
    family="aave_v4",
    version="4",
    health_formula=HealthFormula.FULL_PRECISION,
    debt_value_rounding=Rounding.UP,
    sizing=SizingRule.TO_TARGET_HEALTH,
    seizure_rounding=SeizureRounding.BONUS_BEFORE_DIVISION,
    min_full_close_base_raw=0,
    min_leftover_base_raw=1_000 * USD,
    target_health_wad=105 * WAD // 100,
    full_bonus_below_wad=9 * WAD // 10,
    bonus_at_one_bps=5_000,
)
