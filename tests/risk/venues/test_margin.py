"""Liquidation prices against the published drops, and tiers that meet."""

from __future__ import annotations

import pytest

from abis.errors import InputError
from risk.venues.margin import LONG, SHORT, Tiers, bankruptcy_price, liquidation_price


@pytest.mark.parametrize(
    ("leverage", "rate", "drop"),
    [(10, 0.005, 0.0955), (20, 0.005, 0.0452), (25, 0.0125, 0.0279), (40, 0.0125, 0.0127), (50, 0.01, 0.0101),
     (100, 0.005, 0.0050)],
)  # fmt: skip
def test_drop_to_liquidation(leverage: float, rate: float, drop: float) -> None:
    broke = bankruptcy_price(100.0, leverage, LONG)
    assert 1.0 - liquidation_price(broke, rate, LONG) / 100.0 == pytest.approx(drop, abs=6e-5)


def test_a_short_is_liquidated_above() -> None:
    broke = bankruptcy_price(100.0, 20.0, SHORT)
    assert broke == pytest.approx(105.0)
    assert liquidation_price(broke, 0.005, SHORT) == pytest.approx(100.0 * (1 + 1 / 20) / 1.005)


def test_maintenance_margin_is_continuous_where_tiers_meet() -> None:
    tiers = Tiers((0.0, 1e5, 1e6), (0.01, 0.02, 0.05))
    for edge in (1e5, 1e6):
        below, above = tiers.at(edge * (1 - 1e-12)), tiers.at(edge)
        assert below[0] < above[0]
        assert edge * below[0] - below[1] == pytest.approx(edge * above[0] - above[1])


@pytest.mark.parametrize(
    ("edges", "rates"),
    [
        ((), ()),
        ((1.0,), (0.1,)),
        ((0.0, 0.0), (0.1, 0.2)),
        ((0.0, 1.0), (0.2, 0.1)),
        ((0.0,), (1.0,)),
        ((0.0, float("nan")), (0.1, 0.2)),
    ],
)
def test_impossible_tiers_are_refused(edges: tuple[float, ...], rates: tuple[float, ...]) -> None:
    with pytest.raises(InputError):
        Tiers(edges, rates)


@pytest.mark.parametrize(("entry", "leverage", "side"), [(100.0, 0.5, 1), (0.0, 2.0, 1), (1.0, 2.0, 0)])
def test_impossible_positions_are_refused(entry: float, leverage: float, side: int) -> None:
    with pytest.raises(InputError):
        bankruptcy_price(entry, leverage, side)
