"""Everything users do in a real market, driven by Hypothesis, against the rules."""

from __future__ import annotations

import pytest

from tests.differential.machine_drive import drive, drive_at_length
from tests.differential.random_trials import Record

pytestmark = pytest.mark.chain


@pytest.mark.parametrize("version", ["3.6"])  # the others at length below
def test_whatever_users_do_is_predicted(version: str, v36_compiled: None, record_property: Record) -> None:
    """AAV-16: whatever users do in whatever order, refusals, balances, bits and values are as predicted."""
    counts = drive(version, examples=8, steps=25)
    for what, count in sorted(counts.items()):
        record_property(what, count)
    assert counts["actions accepted"] > 30
    assert counts["liquidated"] > 0


@pytest.mark.verify
@pytest.mark.parametrize("version", ["2.0", "3.0", "3.6"])
def test_whatever_users_do_at_length_is_predicted(
    version: str, v36_compiled: None, record_property: Record
) -> None:
    """AAV-16: whatever users do in whatever order, refusals, balances, bits and values are as predicted."""
    for what, count in sorted(drive_at_length(version).items()):
        record_property(what, count)
