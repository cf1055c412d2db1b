from __future__ import annotations

import pytest

from risk.report.values import human


@pytest.mark.parametrize(
    ("parameter", "raw", "shown"),
    [
        ("ltv_bps", "8050", "80.5 %"),
        ("liquidation_bonus_bps", "10450", "4.5 %"),
        ("liquidation_bonus_bps", "0", "–"),
        ("supply_cap_tokens", "1200000", "1,200,000"),
        ("supply_cap_tokens", "0", "none"),
        ("debt_ceiling_usd_cents", "150000000", "$1.50M"),
        ("rate_model_slope1_ray", "45" + "0" * 24, "4.5 %"),
        ("liquidity_rate_ray", "0", "0 %"),
        ("liquidation_grace_until_s", "1760000000", "2025-10-09 08:53 UTC"),
        ("frozen", "true", "yes"),
        ("frozen", "false", "no"),
        ("emode_category", "2", "2"),
        ("label", "true", "true"),
        ("label", "12", "12"),
        ("label", "", "–"),
        ("feed_source", "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e", "0x2f39…4E9e"),
        ("feed_source", "", "–"),
        ("anything", None, "–"),
    ],
)
def test_a_value_is_shown_by_the_unit_in_its_name(parameter: str, raw: str | None, shown: str) -> None:
    assert human(parameter, raw) == shown


def test_hostile_text_stays_one_visible_line() -> None:
    assert "\n" not in human("label", "a\nb") + human("feed_source", "a\nb\u202e")
    assert human("label", "=1+1").startswith("'")
