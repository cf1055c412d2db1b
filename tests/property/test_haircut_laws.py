"""Laws of the haircut diagnostics (HC)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from abis.errors import InputError
from protocols.change_rules import ChangeRule, StepKind
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.solver.cap_fill import cap_fill, cap_fill_families
from risk.solver.curves import threshold_curve
from risk.solver.haircuts import SeedOptions, seed_haircuts
from risk.solver.new_position import new_positions
from risk.solver.pairs import pair_debt
from risk.solver.recommendation import largest_step, stage
from risk.solver.returns import HORIZONS_S, mixture_quantile, shipped_returns
from risk.testing.snapshots import snapshots
from tests.risk.markets import RESERVES, market

SNAPSHOT = market()
probabilities = st.floats(1e-4, 0.5)


def haircuts(snapshot: Snapshot, depth: Depth | None = None, **options: float) -> list[float]:
    rows = seed_haircuts(snapshot, depth=depth, options=SeedOptions(**options)).rows  # type: ignore[arg-type]
    by_name = sorted(rows, key=lambda r: (r.collateral, r.emode))
    return [row.needed.haircut for row in by_name if row.needed is not None]


@given(snapshots())
def test_four_slices_make_one(snapshot: Snapshot) -> None:
    """HC-01: the four slices sum to one, and no needed buffer is negative."""
    for row in seed_haircuts(snapshot).rows:
        for cut in filter(None, (row.current, row.needed)):
            total = cut.ltv + cut.user_buffer + cut.protocol_buffer + cut.bonus_wedge
            assert total == pytest.approx(1)
        if row.needed is not None:
            assert min(row.needed.user_buffer, row.needed.protocol_buffer) >= -1e-12


@given(st.tuples(probabilities, probabilities), st.tuples(probabilities, probabilities))
def test_more_confidence_never_lowers_a_haircut(
    bad_debt: tuple[float, float], liquidation: tuple[float, float]
) -> None:
    """HC-02: a smaller allowed probability never lowers a needed haircut."""
    strict, loose = (
        haircuts(SNAPSHOT, bad_debt_probability=pick(bad_debt), liquidation_probability=pick(liquidation))
        for pick in (min, max)
    )
    assert (np.array(strict) >= np.array(loose) - 1e-12).all()


@given(st.floats(1, 1e4))
def test_more_depth_never_raises_a_haircut(scale: float) -> None:
    """HC-03: deeper markets never raise a needed haircut; infinite depth gives the lowest."""
    n = len(SNAPSHOT.reserves)
    size = np.tile([0.0, 1.0, 1e2, 1e4], (n, 1))
    got = size * SNAPSHOT.price_usd[:, None] * np.array([1, 0.99, 0.9, 0.1])
    points, zero = np.full(n, 4, dtype=np.int64), np.zeros(n, dtype=np.int64)
    depth = Depth(SNAPSHOT.asset_names, points, size, got, SNAPSHOT.price_usd, zero, ("made",) * n)
    shallow, deep, infinite = (np.array(haircuts(SNAPSHOT, d)) for d in (depth, depth.scaled(scale), None))
    assert (deep <= shallow + 1e-12).all()
    assert (infinite <= deep + 1e-12).all()


@given(snapshots())
def test_debt_is_attributed_once(snapshot: Snapshot) -> None:
    """HC-04: the debt attributed to pairs is the debt of accounts with weighted collateral."""
    block, owed = snapshot.book.collateral, snapshot.book.debt
    weight = snapshot.collateral_usd * block.threshold_bps * block.counted
    backed = np.bincount(block.account, weights=weight, minlength=len(snapshot.book)) > 0
    expected = snapshot.debt_usd[backed[owed.account]].sum() if len(owed.account) else 0.0
    assert pair_debt(snapshot)["debt_usd"].sum() == pytest.approx(expected)


@given(snapshots(), st.lists(st.integers(1, 9_999), min_size=2, max_size=6))
def test_a_higher_threshold_liquidates_no_more(snapshot: Snapshot, tried: list[int]) -> None:
    """HC-05: at fixed prices, liquidatable accounts and debt do not grow with the threshold."""
    for i, reserve in enumerate(snapshot.reserves):
        if reserve.liquidation_threshold_bps:
            curve = threshold_curve(snapshot, reserve=i, candidates_bps=tried)
            assert (np.diff(curve.accounts) <= 0).all()
            assert (np.diff(curve.debt_usd) <= 0).all()


@given(
    st.integers(1, 10_000),
    st.integers(1, 10_000),
    st.sampled_from(StepKind),
    st.integers(1, 3_000),
    st.integers(1, 20),
    st.integers(0, 10**6),
    st.none() | st.integers(0, 10**6),
)
def test_schedules_obey_the_rules(
    old: int, new: int, kind: StepKind, bound: int, grid: int, delay_s: int, last: int | None
) -> None:
    """HC-06: a schedule ends at the new value, monotonically, each step allowed and not too soon."""
    rule = ChangeRule("x", "*", grid, kind, bound, delay_s, last, "made")
    try:
        steps = stage(old, new, rule, 500)
    except InputError:
        # Refused only off the grid or where some value on the way allows no step.
        assert (new - old) % grid or largest_step(min(old, new), rule) == 0 or largest_step(old, rule) == 0
        return
    assert (steps[-1].value if steps else old) == new
    value, at = old, last if last is not None else -(10**9)
    for step in steps:
        assert 0 < abs(step.value - value) <= largest_step(value, rule)
        assert (step.value - value) * (new - old) > 0
        assert (step.value - old) % grid == 0
        assert step.not_before_s >= max(500, at + delay_s)
        value, at = step.value, step.not_before_s


@given(
    probabilities, st.floats(0.01, 1), st.sampled_from(HORIZONS_S), st.sampled_from(["minimum", "terminal"])
)
def test_a_mixture_lies_between_its_parts(p: float, w: float, horizon_s: int, statistic: str) -> None:
    """HC-07: the quantile of a mixture lies between those of its parts, and is one where parts agree."""
    table = shipped_returns()
    a, b = (table[base, "ETH", horizon_s, statistic] for base in ("USD", "wstETH"))
    mixed = mixture_quantile([(w, a), (1, b)], p)
    low, high = sorted((a.quantile(p), b.quantile(p)))
    assert low - 1e-9 <= mixed <= high + 1e-9
    assert mixture_quantile([(w, a), (1, a)], p) == pytest.approx(a.quantile(p), rel=1e-9)


@given(st.integers(400_000, 10**7), st.integers(400_000, 10**7))
def test_a_lower_cap_never_loses_more(a: int, b: int) -> None:
    """HC-08: the cap-fill loss grows with the cap and never exceeds what can be borrowed."""
    low, high = (
        {
            f.subject: f.loss_usd
            for fills in (cap_fill, cap_fill_families)
            for f in fills(market((), [replace(r, supply_cap_tokens=cap) for r in RESERVES]))
        }
        for cap in sorted((a, b))
    )
    assert all(low.get(subject, 0.0) <= loss for subject, loss in high.items())
    for fill in cap_fill(market(())):
        assert fill.loss_usd <= min(fill.power_usd, fill.lendable_usd)


@given(st.integers(1, 8_300), st.integers(1, 8_300))
def test_a_lower_ltv_is_never_liquidated_sooner(a: int, b: int) -> None:
    """HC-09: the probability that a new account is liquidated grows with the LTV it opens at."""
    assume(a != b)
    low, high = (
        {
            (p.collateral, p.debt): (p.empirical, p.gbm)
            for p in new_positions(market((), [replace(RESERVES[0], ltv_bps=ltv), *RESERVES[1:]]))
            if p.empirical is not None and not p.emode
        }
        for ltv in sorted((a, b))
    )
    for pair, (empirical, gbm) in low.items():
        assert empirical <= high[pair][0]
        assert gbm <= high[pair][1] + 1e-12
