"""The close factor of the collateral manager in force."""

from __future__ import annotations

import pytest

from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v2.closing import with_close_factor
from protocols.exact import exact_rules
from protocols.position import CollateralLeg, DebtLeg, Position
from protocols.releases import rules_of

PUBLISHED = rules_of("aave", "2.0")


@pytest.mark.parametrize(
    ("manager", "close_factor_bps", "notes"),
    [
        ("0x368e6441bB27159c6e8e6d3bbd9147BEcBA915E3", 5_000, 0),
        ("0xcc9632725266473ab5d42320E8Ae00437A1df3bB", 10_000, 0),
        ("0x" + "12" * 20, 5_000, 1),
        ("", 5_000, 1),
    ],
)
def test_a_known_manager_decides_and_an_unknown_one_is_assumed_to_be_the_published_one(
    manager: str, close_factor_bps: int, notes: int
) -> None:
    findings: list[Finding] = []
    rules = with_close_factor(PUBLISHED, manager, findings)
    assert rules.close_factor_bps == close_factor_bps
    assert [(f.kind, f.severity) for f in findings] == [(FindingKind.UNVERIFIED, Severity.LOW)] * notes


@pytest.mark.parametrize("owed", [10**17 + 1, 10**18, 10**18 + 1])
def test_the_later_manager_lets_one_call_repay_the_whole_debt(owed: int) -> None:
    whole = with_close_factor(PUBLISHED, "0xcc9632725266473ab5d42320E8Ae00437A1df3bB", [])
    held = CollateralLeg(0, 10**20, 10**18, 10**18, 1, 0, 10_500, 0, True)
    position = Position((held,), (DebtLeg(1, owed, 1, 1),))
    for rules, repaid in ((whole, owed), (PUBLISHED, (owed + 1) // 2)):
        result = exact_rules(rules).liquidate(position, 0, 0, 2 * owed, rules)
        assert result.refusal is None
        assert result.debt_repaid_raw == repaid
