"""What may change on an Aave v3 market: the configurator's checks and the stewards' documented bounds.

The checks are exact (PoolConfigurator.sol ``configureReserveAsCollateral`` and
``setEModeCategory``).  The bounds are those of the public deployment script of the risk
stewards (aave-v3-risk-stewards DeployStewards.s.sol); a live steward may hold others, read
its ``getRiskConfig()``.
"""

from __future__ import annotations

from collections.abc import Iterable

from abis.units import BPS, percent_mul_half_up
from protocols.change_rules import ChangeRule, ChangeRules, StepKind

DOCUMENTED_DEFAULT = "documented default"

LTV_AT_MOST_THRESHOLD = "ltv_at_most_threshold"
BONUS_ABOVE_PAR = "bonus_above_par"
THRESHOLD_TIMES_BONUS_AT_MOST_PAR = "threshold_times_bonus_at_most_par"
NO_BONUS_WITHOUT_THRESHOLD = "no_bonus_without_threshold"
LTV_NOT_ZERO = "ltv_not_zero"
THRESHOLD_NOT_ZERO = "threshold_not_zero"
FITS_16_BITS = "fits_16_bits"
ABOVE_MEMBERS = "above_members"

_DELAY_S = 3 * 86_400
_FIELD_MAX = 2**16 - 1
# Parameter, step kind, largest step: bps, for the relative caps bps of the old value.
_DEFAULT_STEPS = (
    ("ltv_bps", StepKind.ABSOLUTE, 50),
    ("liquidation_threshold_bps", StepKind.ABSOLUTE, 50),
    ("liquidation_bonus_bps", StepKind.ABSOLUTE, 50),
    ("emode_ltv_bps", StepKind.ABSOLUTE, 50),
    ("emode_liquidation_threshold_bps", StepKind.ABSOLUTE, 10),
    ("emode_liquidation_bonus_bps", StepKind.ABSOLUTE, 50),
    ("supply_cap_tokens", StepKind.RELATIVE, 10_000),
    ("borrow_cap_tokens", StepKind.RELATIVE, 10_000),
)


def default_change_rules() -> ChangeRules:
    """Return the risk stewards' documented bounds, for every asset and category.

    Steps are symmetric; nothing is known about the last change.
    """
    rules = tuple(
        ChangeRule(
            parameter=parameter,
            subject="*",
            grid=1,
            step_kind=kind,
            max_step=max_step,
            min_delay_s=_DELAY_S,
            last_change_s=None,
            source=DOCUMENTED_DEFAULT,
        )
        for parameter, kind, max_step in _DEFAULT_STEPS
    )
    return ChangeRules(rules=rules, ltv_at_most_threshold=True, max_threshold_times_bonus_bps=BPS)


def validate_collateral(ltv_bps: int, threshold_bps: int, bonus_bps: int) -> list[str]:
    """Return the names of the checks these values of a reserve fail; empty if the chain takes them.

    Parameters
    ----------
    ltv_bps, threshold_bps : int
        Loan-to-value and liquidation threshold; a threshold of 0 ends the asset's use as
        collateral, which also needs a reserve without suppliers (not checked here).
    bonus_bps : int
        Liquidation bonus including 10000, 0 with a threshold of 0.

    Notes
    -----
    ``threshold_times_bonus_at_most_par`` rounds half up as the chain does: 9524 times 10500
    is 10000.2 and passes.
    """
    failed = _range(ltv_bps, threshold_bps, bonus_bps)
    if ltv_bps > threshold_bps:
        failed.append(LTV_AT_MOST_THRESHOLD)
    if threshold_bps == 0:
        return failed + ([NO_BONUS_WITHOUT_THRESHOLD] if bonus_bps else [])
    return failed + _bonus(threshold_bps, bonus_bps)


def validate_emode(
    ltv_bps: int, threshold_bps: int, bonus_bps: int, members: Iterable[tuple[int, int]] = ()
) -> list[str]:
    """Return the names of the checks these values of a category fail; empty if the chain takes them.

    Parameters
    ----------
    ltv_bps, threshold_bps : int
        Loan-to-value and liquidation threshold of the category; neither may be 0.
    bonus_bps : int
        Liquidation bonus including 10000.
    members : iterable of (int, int)
        LTV and threshold of the member reserves on a market before v3.2, where the category
        has to exceed them; none from v3.2 on.
    """
    failed = _range(ltv_bps, threshold_bps, bonus_bps)
    if ltv_bps == 0:
        failed.append(LTV_NOT_ZERO)
    if threshold_bps == 0:
        failed.append(THRESHOLD_NOT_ZERO)
    if ltv_bps > threshold_bps:
        failed.append(LTV_AT_MOST_THRESHOLD)
    failed += _bonus(threshold_bps, bonus_bps)
    if any(ltv_bps <= ltv or threshold_bps <= threshold for ltv, threshold in members):
        failed.append(ABOVE_MEMBERS)
    return failed


def _range(*values_bps: int) -> list[str]:
    return [] if all(0 <= value <= _FIELD_MAX for value in values_bps) else [FITS_16_BITS]


def _bonus(threshold_bps: int, bonus_bps: int) -> list[str]:
    failed = [] if bonus_bps > BPS else [BONUS_ABOVE_PAR]
    if percent_mul_half_up(threshold_bps, bonus_bps) > BPS:
        failed.append(THRESHOLD_TIMES_BONUS_AT_MOST_PAR)
    return failed
