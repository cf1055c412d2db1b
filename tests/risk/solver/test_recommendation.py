from __future__ import annotations

import pytest

from abis.errors import InputError
from protocols.change_rules import ChangeRule, StepKind
from risk.solver.recommendation import Label, Recommendation, Step, largest_step, stage

DAY_S = 86_400


def rule(
    kind: StepKind, max_step: int, *, grid: int = 1, delay_s: int = 3 * DAY_S, last: int | None = None
) -> ChangeRule:
    return ChangeRule("ltv_bps", "*", grid, kind, max_step, delay_s, last, "a steward")


def test_steps_are_as_large_and_as_soon_as_allowed() -> None:
    steps = stage(8050, 7930, rule(StepKind.ABSOLUTE, 50, last=1_000), 1_000 + DAY_S)
    assert [s.value for s in steps] == [8000, 7950, 7930]
    assert [s.not_before_s for s in steps] == [1_000 + k * 3 * DAY_S for k in (1, 2, 3)]


def test_an_emode_cut_of_two_points_takes_sixty_days() -> None:
    """E-mode LT 95 to 93 % at 10 bps per 3 days: the 20th update's delay ends on day 60."""
    steps = stage(9500, 9300, rule(StepKind.ABSOLUTE, 10), 0)
    assert len(steps) == 20
    assert steps[-1].not_before_s + 3 * DAY_S == 60 * DAY_S


def test_relative_steps_follow_the_value() -> None:
    steps = stage(100, 500, rule(StepKind.RELATIVE, 10_000), 0)
    assert [s.value for s in steps] == [200, 400, 500]
    steps = stage(1_000, 490, rule(StepKind.RELATIVE, 3_000), 0)
    assert [s.value for s in steps] == [700, 490]
    assert largest_step(777, rule(StepKind.RELATIVE, 3_000, grid=100)) == 200


def test_nothing_to_do_and_nothing_in_the_way() -> None:
    assert stage(80, 80, rule(StepKind.ABSOLUTE, 0), 5) == ()
    assert stage(80, 10, None, 5) == (Step(10, 5),)


@pytest.mark.parametrize(
    ("old", "new", "bound"),
    [
        (80, -1, rule(StepKind.ABSOLUTE, 50)),
        (80, 85, rule(StepKind.ABSOLUTE, 50, grid=10)),
        (80, 85, rule(StepKind.ABSOLUTE, 0)),
        (0, 85, rule(StepKind.RELATIVE, 10_000)),
    ],
)
def test_impossible_ways_are_refused(old: int, new: int, bound: ChangeRule) -> None:
    with pytest.raises(InputError):
        stage(old, new, bound, 0)


def test_a_recommendation_says_how_far_it_may_be_trusted() -> None:
    steps = stage(8050, 8000, rule(StepKind.ABSOLUTE, 50), 0)
    made = Recommendation("ltv_bps", "WETH", 8050, 8000, "bps", "none", steps, Label.DIAGNOSTIC)
    assert (made.label, made.certificate) == ("diagnostic", None)
