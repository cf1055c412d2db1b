"""Health of every account, integers deciding next to the threshold."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from protocols.exact import exact_rules
from protocols.snapshot import Snapshot
from risk.report.positions import positions
from risk.testing.snapshots import snapshots


@given(snapshots())
def test_who_is_liquidatable_agrees_with_the_exact_rules(snapshot: Snapshot) -> None:
    """RPT-5: the accounts reported liquidatable are those the exact rules call so."""
    at = positions(snapshot)
    exact = exact_rules(snapshot.rules)
    for i in range(len(snapshot.book)):
        data = exact.account_data(snapshot.position(i), snapshot.rules)
        expected = data.total_debt_base > 0 and data.health_factor < snapshot.rules.liquidatable_below_wad
        assert bool(at.liquidatable[i]) == expected


def test_values_of_the_made_market(snapshot: Snapshot) -> None:
    at = positions(snapshot)
    whale = snapshot.book.accounts.index("0x00000000000000000000000000000000000010b6")
    assert at.debt_usd[whale] == 5_000_000 + 400_000 * 0.9991
    assert at.counted_usd[whale] == 120 * 70_000 + 100_000 * 14.5
    weighted = 120 * 70_000 * 0.78 + 100_000 * 14.5 * 0.71
    assert np.isclose(at.health[whale], weighted / at.debt_usd[whale])
    assert np.isclose(at.distance[whale], 1 - at.debt_usd[whale] / weighted)
    assert at.liquidatable.sum() == 2


def test_an_account_without_debt_is_infinitely_healthy(snapshot: Snapshot) -> None:
    at = positions(snapshot)
    idle = snapshot.book.accounts.index("0x0000000000000000000000000000000000001000")
    assert np.isinf(at.health[idle])
    assert at.distance[idle] == 1.0
