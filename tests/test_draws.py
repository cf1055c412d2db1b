"""Required runs draw the same random cases, whatever was loaded before."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers

from tests.conftest import PROFILE


def drawn() -> list[int]:
    """The cases one law sees."""
    seen: list[int] = []

    @settings(database=None)
    @given(st.integers())
    def law(value: int) -> None:
        seen.append(value)

    law()
    return seen


def test_same_draws() -> None:
    """Two runs of a law see the same cases, and no constant of our modules is among their sources."""
    if PROFILE == "explore":
        assert drawn()
        return
    assert drawn() == drawn()
    assert not len(providers._get_local_constants())
