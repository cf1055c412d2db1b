"""`limits.toml`: what is read, and what is refused by name."""

from __future__ import annotations

import math

import pytest

from abis.errors import InputError
from risk.solver.limits import KEYS, Objective, read_limits, template


def test_silence_is_the_default() -> None:
    limits = read_limits("")
    assert limits["tail.level"] == 0.99
    assert math.isinf(limits["bad_debt.cvar_usd"])
    assert limits.objective is Objective.BORROW_POWER
    assert limits.to_json()["bad_debt.cvar_usd"] is None


def test_template_is_read_as_the_default_and_uncommented_too() -> None:
    """Every line of the template is a key that exists, at its default."""
    assert read_limits(template()) == read_limits("")
    bare = "\n".join(
        line[2:] if line.startswith("# ") and " = " in line else line for line in template().splitlines()
    )
    assert read_limits(bare) == read_limits("")
    assert all(name in template() for keys in KEYS.values() for name in keys)


def test_values() -> None:
    limits = read_limits(
        '[solver]\nobjective = "least_change"\nrelever = [1, 0]\nkeep = ["WETH"]\n[bad_debt]\ncvar_usd = 1e6'
    )
    assert limits["bad_debt.cvar_usd"] == 1e6
    assert limits.relever == (0.0, 1.0)
    assert limits.keep == ("WETH",)


def test_tables_with_names() -> None:
    """A name may hold dots and quotes; what is read is written back under its full name."""
    limits = read_limits(
        "[bad_debt.per_reserve.USDC]\ncvar_usd = 5\ncover_usd = 3\n"
        "[bad_debt.per_reserve.'a.b \"c\"']\ncvar_usd = 6\n[avoidable_loss.per_emode.1]\ncvar_usd = 7\n"
        "[pin]\n'WETH.ltv' = 8000\n'emode:1.ltv' = '93%'\n'WETH.supply_cap' = 1200000"
    )
    assert limits.named("bad_debt.per_reserve") == ("USDC", 'a.b "c"')
    assert limits.named("avoidable_loss.per_emode") == ("1",)
    assert limits.named("avoidable_loss.per_collateral") == ()
    assert limits["bad_debt.per_reserve.USDC.cover_usd"] == 3
    assert limits.to_json()['bad_debt.per_reserve.a.b "c".cvar_usd'] == 6
    assert limits.to_json()["pin"] == {
        "WETH.ltv": "8000bps",
        "emode:1.ltv": "93%",
        "WETH.supply_cap": "1200000",
    }


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[bad_det]", "bad_debt"),
        ("[bad_debt]\ncvar = 1", "cvar_usd"),
        ("[bad_debt]\ncvar_usd = -1", "-1"),
        ("[bad_debt]\ncvar_usd = nan", "nan"),
        ("[bad_debt]\ncvar_usd = true", "True"),
        ('[tail]\nlevel = "x"', "'x'"),
        ("[tail]\nlevel = 1.0", "1.0"),
        ("tail = 3", "tail"),
        ("[new_position]\nhorizon_days = 8", "1, 7 or 30"),
        ('[solver]\nobjective = "profit"', "borrow_power"),
        ("[solver]\nrelever = []", "relever"),
        ("[solver]\nrelever = [2]", "relever"),
        ("[solver]\nkeep = [1]", "keep"),
        ("[[[", "no TOML"),
        ("[bad_debt]\nprobability = 0.01", "size_usd"),
        ("[avoidable_loss]\nsize_usd = 5", "probability"),
        ("[liquidations]\ncvar_usd = 1\nquantile_usd = 2", "can never bind"),
        ("[bad_debt.per_reserve.USDC]\ncover_usd = 2", "limits nothing"),
        ("[bad_debt.per_reserve.USDC]\ncvar_usd = 2\ncover_usd = -1", "-1"),
        ("[bad_debt.per_reserve.USDC]\ncover = 2", "cover_usd"),
        ("[bad_debt]\nper_reserve = 3", "per_reserve"),
        ("[bad_debt]\nper_collateral = {}", "per_reserve"),
        ("[solver]\nmigration = 1", "true or false"),
        ("[participation]\ngas_usd = inf\ncall_usd = inf", "finite"),
        ("[enactment]\ndust_usd = inf", "finite"),
        ("[objective]\nbad_debt_weight = inf", "finite"),
        ("[bad_debt.per_reserve.USDC]\ncvar_usd = 2\ncover_usd = inf", "finite"),
        (f"[bad_debt]\ncvar_usd = {'9' * 400}", "bad_debt.cvar_usd is 999"),
        (f"[bad_debt]\ncvar_usd = {'9' * 5000}", "no TOML"),
        (f"[solver]\nrelever = [{'9' * 400}]", "relever"),
        ("[pin]\n'WETH.ltv' = true", "True"),
        ("[pin]\n'WETH.ltv' = 80.5", "80.5"),
        ("[box]\nthreshold_bps = 100.5", "whole basis points"),
        ("[box]\nthreshold_bps = 10", "box.threshold_step_bps, 50: nothing could move"),
        ("[box]\nltv_bps = 40", "box.threshold_step_bps, 50"),
        ("[box]\nltv_bps = 40\nltv_step_bps = 45", "box.ltv_step_bps, 45"),
        ("[box]\nborrow_cap_pct = 5", "Raise box.borrow_cap_pct, or lower box.borrow_cap_step_pct"),
    ],
)
def test_bad_limits(text: str, named: str) -> None:
    with pytest.raises(InputError) as caught:
        read_limits(text)
    assert named in str(caught.value) + (caught.value.remedy or "")
