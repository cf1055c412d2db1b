"""Which liquidation rules each Aave release applies: one base record and what each release changed.

``POOL_REVISION()`` of the pool tells the release.  Forks number their pools as they like,
so a revision is a hint to be checked against the getters the pool answers.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any

from abis.errors import UnsupportedVersion
from protocols.liquidation_rules import (
    DebtAccrual,
    HealthFormula,
    LiquidationRules,
    Rounding,
    SeizureRounding,
    SizingRule,
)

RELEASES = ("2.0", "3.0", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7")

# aave-v3-origin PoolInstance.sol, POOL_REVISION per tag; 2, 3 and 6 are patch releases.
RELEASE_BY_REVISION = MappingProxyType(
    {
        1: "3.0",
        2: "3.0",
        3: "3.0",
        4: "3.1",
        5: "3.2",
        6: "3.2",
        7: "3.3",
        8: "3.4",
        9: "3.5",
        10: "3.6",
        11: "3.7",
    }
)

# LiquidationLogic.sol MIN_BASE_MAX_CLOSE_FACTOR_THRESHOLD, MIN_LEFTOVER_BASE: hard-coded for a
# base currency of US dollars with 8 decimals.
MIN_FULL_CLOSE_BASE_RAW = 2_000 * 10**8
MIN_LEFTOVER_BASE_RAW = 1_000 * 10**8

_V2 = LiquidationRules(
    family="aave",
    version="2.0",
    health_formula=HealthFormula.TRUNCATED_AVERAGE,
    debt_accrual=DebtAccrual.RATE_PER_SECOND,
    supply_balance_rounding=Rounding.HALF_UP,
    debt_balance_rounding=Rounding.HALF_UP,
    debt_value_rounding=Rounding.DOWN,
    borrow_limit_rounding=Rounding.HALF_UP,
    sizing=SizingRule.HALF_OF_RESERVE,
    seizure_rounding=SeizureRounding.BONUS_BEFORE_DIVISION,
    has_protocol_fee=False,
)

_CHANGES: dict[str, dict[str, Any]] = {
    "2.0": {},
    "3.0": {
        "debt_accrual": DebtAccrual.SQUARED_RATE,
        "sizing": SizingRule.HALF_OR_FULL_OF_RESERVE,
        "seizure_rounding": SeizureRounding.HALF_UP,
        "has_protocol_fee": True,
    },
    "3.1": {},
    "3.2": {},
    "3.3": {
        "sizing": SizingRule.POSITION_WIDE,
        "min_full_close_base_raw": MIN_FULL_CLOSE_BASE_RAW,
        "min_leftover_base_raw": MIN_LEFTOVER_BASE_RAW,
        "creates_deficit": True,
    },
    "3.4": {"debt_accrual": DebtAccrual.TAYLOR},
    "3.5": {
        "health_formula": HealthFormula.FULL_PRECISION,
        "supply_balance_rounding": Rounding.DOWN,
        "debt_balance_rounding": Rounding.UP,
        "debt_value_rounding": Rounding.UP,
        "borrow_limit_rounding": Rounding.DOWN,
        "seizure_rounding": SeizureRounding.DEBT_NEEDED_UP,
    },
    "3.6": {"counts_zero_threshold": True},
    "3.7": {"seizure_rounding": SeizureRounding.DIRECTED, "deficit_by_scaled": True},
}


@cache
def rules_for(version: str) -> LiquidationRules:
    """Return the liquidation rules of a release.

    Parameters
    ----------
    version : str
        Major and minor number, one of `RELEASES`.

    Raises
    ------
    UnsupportedVersion
        If the release is not known.

    References
    ----------
    aave-v3-origin, tags v3.1.0 to v3.7.0: GenericLogic, LiquidationLogic, TokenMath, MathUtils;
    aave-v3-core 1.19; protocol-v2.
    """
    rules = _V2
    for release in RELEASES[: _order(version) + 1]:
        rules = replace(rules, version=release, **_CHANGES[release])
    return rules


def since(version: str, first: str) -> bool:
    """Return whether ``version`` is release ``first`` or a later one.

    Raises
    ------
    UnsupportedVersion
        If either release is not known.
    """
    return _order(version) >= _order(first)


def release_of(revision: int) -> str:
    """Return the release a pool of this ``POOL_REVISION()`` runs.

    Raises
    ------
    UnsupportedVersion
        If the revision is not known.
    """
    try:
        return RELEASE_BY_REVISION[revision]
    except KeyError:
        known = f"{min(RELEASE_BY_REVISION)} to {max(RELEASE_BY_REVISION)}"
        raise UnsupportedVersion(
            f"pool revision {revision} has no known rules.",
            remedy=f"Known revisions: {known}; name the release if you know it.",
        ) from None


def _order(version: str) -> int:
    if version not in RELEASES:
        raise UnsupportedVersion(
            f"Aave release '{version}' has no known rules.", remedy=f"Known: {', '.join(RELEASES)}."
        )
    return RELEASES.index(version)
