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
    ],
)
def test_bad_limits(text: str, named: str) -> None:
    with pytest.raises(InputError) as caught:
        read_limits(text)
    assert named in str(caught.value) + (caught.value.remedy or "")
