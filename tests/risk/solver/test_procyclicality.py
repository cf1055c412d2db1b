"""Haircuts that do not jump: worked by hand, and what holds of any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from abis.errors import InputError
from risk.solver.limits import read_limits
from risk.solver.procyclicality import Tempering, movement, needed, published, target, within_steps

DAYS = st.integers(1, 40)
SHARE = st.floats(0, 0.9)


@st.composite
def series(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what is needed, what stress asks for and what calm does, day by day."""
    n = draw(DAYS)
    wanted = draw(arrays(np.float64, n, elements=SHARE))
    return wanted, np.full(n, draw(SHARE)), np.full(n, draw(SHARE))


def test_a_buffer_is_used_up_before_the_haircut_rises_and_built_again_in_calm() -> None:
    wanted = np.array([0.20, 0.22, 0.25, 0.30, 0.28, 0.24, 0.20, 0.20])
    out = published(wanted, np.full(8, 0.5), np.full(8, 0.20), buffer=0.25)
    # 25 % is published in calm; 22 % and 25 % are needed and covered; 30 % is more than the buffer holds.
    np.testing.assert_allclose(out, [0.25, 0.25, 0.25, 0.30, 0.30, 0.30, 0.25, 0.25])


def test_governance_moves_a_step_every_so_many_days() -> None:
    wanted = np.array([0.20, 0.30, 0.30, 0.30, 0.30, 0.20, 0.20, 0.203])
    out = within_steps(wanted, step_bps=50, every_days=3)
    np.testing.assert_allclose(out, [0.20, 0.205, 0.205, 0.205, 0.21, 0.21, 0.21, 0.205])


def test_movement_is_measured_within_stretches() -> None:
    haircut = np.array([0.2, 0.3, 0.1, 0.5])
    found = movement(haircut, np.array([0, 0, 1, 1]))
    assert (found.lowest, found.highest, found.moves) == (0.1, 0.5, 2)
    assert found.rises == (pytest.approx(0.4), 0.0)
    assert found.largest_move == pytest.approx(0.4)
    assert found.peak_to_trough == pytest.approx(5.0)


@given(series(), st.floats(0, 1))
def test_what_is_published_lies_between_need_and_target(
    days: tuple[np.ndarray, np.ndarray, np.ndarray], buffer: float
) -> None:
    """APC-1: without a speed limit what is published covers the need, and is the need without a buffer."""
    wanted, stressed, calm = days
    out = published(wanted, stressed, calm, buffer=buffer)
    assert (out >= wanted).all()
    assert (out <= target(wanted, stressed, buffer)).all()
    assert (out <= np.maximum(wanted, stressed)).all()
    np.testing.assert_array_equal(published(wanted, stressed, calm), wanted)


@given(series(), st.floats(0, 1), st.floats(0.01, 500))
def test_it_moves_no_faster_than_the_limit_and_rests_on_its_buffer(
    days: tuple[np.ndarray, np.ndarray, np.ndarray], buffer: float, bps: float
) -> None:
    """APC-2: a haircut moves at most its speed limit a day, and rests while its buffer covers the need."""
    wanted, stressed, calm = days
    out = published(wanted, stressed, calm, buffer=buffer, bps_per_day=bps)
    assert (np.abs(np.diff(out)) <= bps / 10_000 * (1 + 1e-9) + 1e-15).all()
    full = target(wanted, stressed, buffer)
    for t in range(1, len(out)):
        if wanted[t] > calm[t] and wanted[t] <= out[t - 1] <= full[t]:
            assert out[t] == out[t - 1]


@given(series(), arrays(np.float64, 40, elements=SHARE), st.floats(0.25, 1))
def test_a_floor_is_a_floor_and_a_weight_of_one_is_stress(
    days: tuple[np.ndarray, np.ndarray, np.ndarray], floors: np.ndarray, weight: float
) -> None:
    """APC-3: no haircut is below the floor, a stressed weight only moves it to stress, one of 1 is stress."""
    day, stressed, _ = days
    floor = floors[: len(day)]
    assert (needed(day, stressed, floor, Tempering(weight, 365)) >= floor).all()
    mixed = needed(day, stressed, floor, Tempering(weight))
    assert (mixed >= np.minimum(day, stressed) - 1e-12).all()
    assert (mixed <= np.maximum(day, stressed) + 1e-12).all()
    np.testing.assert_array_equal(needed(day, stressed, floor, Tempering(1.0)), stressed)
    np.testing.assert_array_equal(needed(day, stressed, floor, Tempering()), day)


def test_options_come_from_the_limits() -> None:
    asked = read_limits("[procyclicality]\nstressed_weight = 0.5\nrelease_buffer = 0.1\n")
    assert Tempering.of(asked) == Tempering(0.5, 0, 0.1)
    assert Tempering.of(read_limits("")) == Tempering()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stressed_weight = 0.2", "at least 0.25"),
        ("stressed_weight = 1\nrelease_buffer = 0.25", "nothing to be used up for"),
        ("hold_days = 1.5", "whole number"),
        ("release_bps_per_day = 0", "0.01"),
        ("stresed_weight = 0.5", "Did you mean 'stressed_weight'"),
    ],
)
def test_rules_that_are_none_are_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_limits(f"[procyclicality]\n{text}\n")


def test_a_speed_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="publish nothing"):
        published(np.ones(2), np.ones(2), np.ones(2), bps_per_day=0.0)
