from __future__ import annotations

from dataclasses import fields

import pytest

from abis.errors import UnsupportedVersion
from protocols.aave_v3.versions import RELEASE_BY_REVISION, RELEASES, release_of, rules_for, since
from protocols.exact import exact_rules
from protocols.liquidation_rules import (
    DebtAccrual,
    HealthFormula,
    LiquidationRules,
    Rounding,
    SeizureRounding,
    SizingRule,
)

# What the release notes (aave-v3-origin docs/3.1 to docs/3.7) say changed, release by release.
CHANGED = {
    "3.0": {"debt_accrual", "sizing", "seizure_rounding", "has_protocol_fee"},
    "3.1": set(),
    "3.2": set(),
    "3.3": {"sizing", "min_full_close_base_raw", "min_leftover_base_raw", "creates_deficit"},
    "3.4": {"debt_accrual"},
    "3.5": {
        "health_formula",
        "supply_balance_rounding",
        "debt_balance_rounding",
        "debt_value_rounding",
        "borrow_limit_rounding",
        "seizure_rounding",
    },
    "3.6": {"counts_zero_threshold"},
    "3.7": {"seizure_rounding", "deficit_by_scaled"},
}


@pytest.mark.parametrize("version", sorted(CHANGED))
def test_each_release_changes_what_its_notes_say(version: str) -> None:
    new, old = rules_for(version), rules_for(RELEASES[RELEASES.index(version) - 1])
    changed = {f.name for f in fields(LiquidationRules) if getattr(new, f.name) != getattr(old, f.name)}
    assert changed == CHANGED[version] | {"version"}
    assert new.version == version


def test_the_newest_release_holds_every_rule() -> None:
    assert rules_for("3.7") == LiquidationRules(
        family="aave",
        version="3.7",
        health_formula=HealthFormula.FULL_PRECISION,
        debt_accrual=DebtAccrual.TAYLOR,
        supply_balance_rounding=Rounding.DOWN,
        debt_balance_rounding=Rounding.UP,
        debt_value_rounding=Rounding.UP,
        borrow_limit_rounding=Rounding.DOWN,
        sizing=SizingRule.POSITION_WIDE,
        seizure_rounding=SeizureRounding.DIRECTED,
        close_factor_bps=5_000,
        full_close_below_wad=950000000000000000,
        liquidatable_below_wad=1000000000000000000,
        min_full_close_base_raw=200000000000,
        min_leftover_base_raw=100000000000,
        has_protocol_fee=True,
        creates_deficit=True,
        deficit_by_scaled=True,
        counts_zero_threshold=True,
    )


@pytest.mark.parametrize("version", RELEASES)
def test_rules_survive_json_and_find_their_implementation(version: str) -> None:
    rules = rules_for(version)
    assert LiquidationRules.from_json(rules.to_json()) == rules
    assert callable(exact_rules(rules).liquidate)


def test_revisions_name_known_releases_in_order() -> None:
    assert [release_of(n) for n in (1, 3, 4, 5, 6, 7, 8, 9, 10, 11)] == [
        "3.0", "3.0", "3.1", "3.2", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7",
    ]  # fmt: skip
    order = [RELEASES.index(release) for _, release in sorted(RELEASE_BY_REVISION.items())]
    assert order == sorted(order)


def test_since_orders_releases() -> None:
    assert since("3.6", "3.6")
    assert since("3.6", "3.2")
    assert not since("2.0", "3.0")


@pytest.mark.parametrize("version", ["3", "3.8", "3.0.2", ""])
def test_unknown_releases_are_refused(version: str) -> None:
    with pytest.raises(UnsupportedVersion, match=rf"'{version}'.*Known: 2\.0, 3\.0"):
        rules_for(version)


def test_unknown_revisions_are_refused() -> None:
    with pytest.raises(UnsupportedVersion, match=r"revision 12.*1 to 11"):
        release_of(12)
