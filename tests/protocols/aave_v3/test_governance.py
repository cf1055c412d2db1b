from __future__ import annotations

import pytest
from hypothesis import given

from protocols.aave_v3 import governance
from protocols.aave_v3.governance import default_change_rules, validate_collateral, validate_emode
from protocols.change_rules import ChangeRules, StepKind
from risk.testing.positions import risk_parameters


@pytest.mark.parametrize(
    ("parameter", "kind", "max_step"),
    [
        # aave-v3-risk-stewards DeployStewards.s.sol
        ("ltv_bps", StepKind.ABSOLUTE, 50),
        ("liquidation_threshold_bps", StepKind.ABSOLUTE, 50),
        ("liquidation_bonus_bps", StepKind.ABSOLUTE, 50),
        ("emode_ltv_bps", StepKind.ABSOLUTE, 50),
        ("emode_liquidation_threshold_bps", StepKind.ABSOLUTE, 10),
        ("emode_liquidation_bonus_bps", StepKind.ABSOLUTE, 50),
        ("supply_cap_tokens", StepKind.RELATIVE, 10_000),
        ("borrow_cap_tokens", StepKind.RELATIVE, 10_000),
    ],
)
def test_the_default_bounds_are_the_documented_ones(parameter: str, kind: StepKind, max_step: int) -> None:
    rule = default_change_rules().of(parameter, "0xAnything")
    assert rule is not None
    assert (rule.step_kind, rule.max_step, rule.grid) == (kind, max_step, 1)
    assert (rule.min_delay_s, rule.last_change_s) == (259_200, None)
    assert rule.source == "documented default"


def test_the_default_bounds_survive_json_and_leave_the_rest_unbounded() -> None:
    rules = default_change_rules()
    assert ChangeRules.from_json(rules.to_json()) == rules
    assert rules.of("liquidation_protocol_fee_bps", "*") is None
    assert (rules.ltv_at_most_threshold, rules.max_threshold_times_bonus_bps) == (True, 10_000)


@pytest.mark.parametrize(
    ("ltv", "threshold", "bonus", "failed"),
    [
        (8050, 8300, 10500, []),
        (8300, 8300, 10500, []),
        (8301, 8300, 10500, [governance.LTV_AT_MOST_THRESHOLD]),
        (8000, 8300, 10000, [governance.BONUS_ABOVE_PAR]),
        (8000, 8300, 10001, []),
        # Half up: 9524 x 1.05 = 10000.2 passes, 9525 x 1.0499 = 10000.3 too, 9525 x 1.05 = 10001.25 fails;
        # 9999 x 1.0001 = 9999.9999 and 9091 x 1.1 = 10000.1 pass, 9500 x 1.0527 = 10000.65 fails.
        (9000, 9524, 10500, []),
        (9000, 9525, 10500, [governance.THRESHOLD_TIMES_BONUS_AT_MOST_PAR]),
        (9000, 9091, 11000, []),
        (9000, 9500, 10526, []),
        (9000, 9500, 10527, [governance.THRESHOLD_TIMES_BONUS_AT_MOST_PAR]),
        (9999, 9999, 10001, []),
        (0, 0, 0, []),
        (0, 0, 10500, [governance.NO_BONUS_WITHOUT_THRESHOLD]),
        (1, 0, 0, [governance.LTV_AT_MOST_THRESHOLD]),
        (-1, 8300, 10500, [governance.FITS_16_BITS]),
        (0, 1, 65536, [governance.FITS_16_BITS]),
    ],
)
def test_a_reserves_values_fail_what_the_configurator_checks(
    ltv: int, threshold: int, bonus: int, failed: list[str]
) -> None:
    assert validate_collateral(ltv, threshold, bonus) == failed


@pytest.mark.parametrize(
    ("ltv", "threshold", "bonus", "failed"),
    [
        (9300, 9500, 10100, []),
        (0, 9500, 10100, [governance.LTV_NOT_ZERO]),
        (0, 0, 10100, [governance.LTV_NOT_ZERO, governance.THRESHOLD_NOT_ZERO]),
        (9501, 9500, 10100, [governance.LTV_AT_MOST_THRESHOLD]),
        (9300, 9500, 10000, [governance.BONUS_ABOVE_PAR]),
        (9300, 9800, 10300, [governance.THRESHOLD_TIMES_BONUS_AT_MOST_PAR]),
    ],
)
def test_a_categorys_values_fail_what_the_configurator_checks(
    ltv: int, threshold: int, bonus: int, failed: list[str]
) -> None:
    assert validate_emode(ltv, threshold, bonus) == failed


@pytest.mark.parametrize(
    ("member", "failed"),
    [((9299, 9499), []), ((9300, 9499), ["above_members"]), ((9299, 9500), ["above_members"])],
)
def test_a_category_had_to_exceed_its_members_before_3_2(member: tuple[int, int], failed: list[str]) -> None:
    assert validate_emode(9300, 9500, 10100, members=[(0, 0), member]) == failed


@given(risk_parameters())
def test_drawn_parameters_are_the_ones_the_configurator_takes(values: tuple[int, int, int]) -> None:
    assert validate_collateral(*values) == []
