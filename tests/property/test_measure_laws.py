"""Laws of measures (MEA)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.measures import (
    account_totals,
    cover_two,
    distance_buckets,
    expected_shortfall,
    herfindahl,
    reverse_stress,
    top_share,
    weighted_quantile,
)
from risk.testing.snapshots import snapshots
from tests.risk.markets import market
from tests.risk.outcomes import outcome

losses = st.lists(st.floats(0, 1e9), min_size=1, max_size=30).map(np.array)
levels = st.floats(0, 0.999)


@st.composite
def weighted(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Draw losses with whole weights, at least one of them positive."""
    x = draw(losses)
    w = draw(st.lists(st.integers(0, 5), min_size=len(x), max_size=len(x)))
    w[draw(st.integers(0, len(x) - 1))] = 1
    return x, np.array(w, dtype=np.float64)


@given(weighted(), levels)
def test_shortfall_is_at_least_the_quantile(sample: tuple[np.ndarray, np.ndarray], level: float) -> None:
    """MEA-01: min <= VaR <= CVaR <= max at every level."""
    x, w = sample
    var, cvar = weighted_quantile(x, level, w), expected_shortfall(x, level, w)
    assert x.min() <= var <= cvar * (1 + 1e-9) + 1e-9
    assert cvar <= x[w > 0].max() * (1 + 1e-9)


@given(weighted(), levels, levels)
def test_measures_grow_with_the_level(sample: tuple[np.ndarray, np.ndarray], a: float, b: float) -> None:
    """MEA-02: VaR and CVaR do not fall when the level rises."""
    x, w = sample
    low, high = sorted((a, b))
    assert weighted_quantile(x, low, w) <= weighted_quantile(x, high, w)
    assert expected_shortfall(x, low, w) <= expected_shortfall(x, high, w) * (1 + 1e-9) + 1e-9


@given(weighted(), levels, st.floats(0, 1e6), st.floats(0.1, 10))
def test_measures_follow_shifts_and_scales(
    sample: tuple[np.ndarray, np.ndarray], level: float, shift: float, scale: float
) -> None:
    """MEA-03: adding a certain loss adds it, scaling losses scales the measure."""
    x, w = sample
    for measure in (weighted_quantile, expected_shortfall):
        moved = measure(scale * x + shift, level, w)
        assert moved == pytest.approx(scale * measure(x, level, w) + shift, rel=1e-9, abs=1e-6)


@given(weighted(), levels)
def test_shortfall_is_a_minimum(sample: tuple[np.ndarray, np.ndarray], level: float) -> None:
    """MEA-04: CVaR equals the Rockafellar-Uryasev minimum."""
    x, w = sample
    excess = np.maximum(x[None, :] - x[:, None], 0) @ w / w.sum()
    minimum = (x + excess / (1 - level)).min()
    assert expected_shortfall(x, level, w) == pytest.approx(minimum, rel=1e-6, abs=1e-6)


@given(weighted(), levels)
def test_weights_are_repetitions(sample: tuple[np.ndarray, np.ndarray], level: float) -> None:
    """MEA-05: a weight of n counts as n scenarios of the same loss."""
    x, w = sample
    repeated = np.repeat(x, w.astype(np.int64))
    expected = expected_shortfall(repeated, level)
    assert expected_shortfall(x, level, w) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(losses, st.integers(1, 40))
def test_concentration_is_a_share(amounts: np.ndarray, n: int) -> None:
    """MEA-06: top-n shares grow with n within 0 .. 1, the Herfindahl index is at least 1/n."""
    assert 0 <= top_share(amounts, n) <= top_share(amounts, n + 1) <= 1 + 1e-12
    if amounts.sum() > 1e-100:
        assert 1 / len(amounts) - 1e-9 <= herfindahl(amounts) <= 1 + 1e-9


@given(snapshots())
def test_buckets_part_the_indebted_accounts(snapshot: Snapshot) -> None:
    """MEA-07: every account with debt is in exactly one bucket of distance."""
    debt, _, _ = account_totals(snapshot)
    table = distance_buckets(snapshot)
    assert table["accounts"].sum() == int((debt > 0).sum())
    assert table["debt_usd"].sum() == pytest.approx(float(debt.sum()))


@given(st.floats(0.01, 1), st.floats(0.3, 1))
def test_less_depth_never_covers_more(scale: float, factor: float) -> None:
    """MEA-08: the cover-two shortfall does not fall when depth or prices fall."""
    snapshot = market()
    n = len(snapshot.reserves)
    size = np.tile([0.0, 1.0, 1e3, 1e9], (n, 1))
    got = size * snapshot.price_usd[:, None] * np.array([1, 1, 0.9, 1e-3])
    points = np.full(n, 4, dtype=np.int64)
    zero = np.zeros(n, dtype=np.int64)
    depth = Depth(snapshot.asset_names, points, size, got, snapshot.price_usd, zero, ("made",) * n)
    fallen = np.where(np.arange(n) == 2, factor, 1.0)  # WBTC, which nobody owes
    base = cover_two(snapshot, depth).shortfall_usd
    assert cover_two(snapshot, depth.scaled(scale)).shortfall_usd >= base - 1e-6
    assert cover_two(snapshot, depth, fallen).shortfall_usd >= base - 1e-6
    assert base >= cover_two(snapshot).shortfall_usd


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_larger_cover_is_exhausted_later(values: list[float], a: float, b: float) -> None:
    """MEA-09: raising the cover never makes the exhausting scenario milder."""
    made = outcome([[v] for v in values])
    low, high = (reverse_stress(made, range(len(values)), cover) for cover in sorted((a, b)))
    assert low.reached or not high.reached
    if high.reached:
        assert low.scenario <= high.scenario
        assert high.loss_usd > high.cover_usd
