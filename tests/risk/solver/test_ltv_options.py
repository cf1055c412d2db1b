from __future__ import annotations

import pytest

from risk.solver.limits import read_limits
from risk.solver.ltv_options import ltv_options
from risk.solver.parameters import Parameters

NOW = Parameters(8000, 8300, 10500)
LADDER = "[box]\nltv_bps = 200\nltv_step_bps = 100\n"


def options(text: str = "", threshold: int = 8300, level: float = 1.0) -> list[int]:
    return ltv_options(NOW, threshold, level, read_limits(text))


def test_without_a_step_the_ltv_follows_its_threshold() -> None:
    assert options("[box]\nltv_bps = 200\n") == [8200]
    assert options("[box]\nltv_bps = 200\n", level=0.95) == [7850]


def test_nothing_below_the_ltv_in_force_is_searched_where_it_cannot_be_better() -> None:
    assert options(LADDER) == [8200, 8100, 8000]
    assert options(LADDER, threshold=7950) == [7900]
    assert options(f"{LADDER}[solver]\nrelever = [0.0]\n") == [8200]


@pytest.mark.parametrize(
    "text",
    [
        "[cap_fill]\nusd = 1e6\n",
        "[cap_fill]\nper_issuer_usd = 1e6\n",
        "[sanity]\nrelated_excess_bps = 0\n",
        "[solver]\nmigration = true\n",
        '[solver]\nobjective = "penalised_harm"\n',
        '[solver]\nobjective = ["borrow_power", "least_change"]\n',
    ],
)
def test_all_are_searched_where_a_lower_one_may_be_better(text: str) -> None:
    assert options(LADDER + text) == [8200, 8100, 8000, 7900, 7800]


def test_an_ltv_of_nothing_stays() -> None:
    none = Parameters(0, 8300, 10500)
    assert ltv_options(none, 8300, 1.0, read_limits(LADDER)) == [0]
