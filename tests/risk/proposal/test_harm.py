"""The ledger of both sides, and when it has intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from risk.confidence import is_sample
from risk.measures import expected_shortfall, value_at_risk
from risk.outcome import Outcome
from risk.proposal.harm import MEASURES, STATISTICS, harm
from risk.scenarios.scenarios import Scenarios
from tests.risk.engine.markets import moves
from tests.risk.outcomes import outcome
from tests.risk.proposal.test_changes import made


def drawn(n: int, seed: int | None = 7) -> Scenarios:
    return replace(moves(made(), np.ones((n, 2))), seed=seed)


def sides(n: int) -> tuple[Outcome, Outcome]:
    rng = np.random.default_rng(3)
    losses = rng.exponential(1e6, n)
    both = np.stack([losses, losses / 3], axis=1)
    return outcome(both.tolist()), outcome((both * 1.5).tolist())


def test_named_shocks_have_no_interval_and_say_why() -> None:
    for scenarios, why in (
        (drawn(50, seed=None), "chosen, not drawn"),
        (replace(drawn(50), groups=("user",) * 50), "chosen, not drawn"),
        (replace(drawn(50, seed=None), groups=("history",) * 50), "overlap"),
    ):
        found = harm(scenarios, *sides(50))
        assert not is_sample(scenarios)
        assert not found.drawn
        assert f"no interval: {'scenarios are ' if 'chosen' in why else ''}" in found.basis
        assert why in found.basis
        assert all(r.before_interval is r.after_interval is r.change_interval is None for r in found.rows)


def test_a_sample_has_intervals_around_its_figures() -> None:
    before, after = sides(400)
    found = harm(drawn(400), before, after)
    assert found.drawn
    assert "seed 7" in found.basis
    assert len(found.rows) == len(MEASURES) * len(STATISTICS)
    rows = {(r.measure, r.statistic): r for r in found.rows}
    losses = before.bad_debt_usd.sum(axis=1)
    for label, expected in (
        ("mean", losses.mean()),
        ("VaR 95 %", value_at_risk(losses, 0.95)),
        ("CVaR 95 %", expected_shortfall(losses, 0.95)),
    ):
        row = rows["bad debt", label]
        assert row.before == expected
        np.testing.assert_allclose(row.after, 1.5 * row.before)
        for interval, figure in (
            (row.before_interval, row.before),
            (row.after_interval, row.after),
            (row.change_interval, row.after - row.before),
        ):
            assert interval is not None
            low, high = interval
            assert low is not None
            assert high is not None
            assert low <= figure <= high
            assert high - low > 0
    # Both sides are resampled together: the change is surer than either side.
    mean = rows["bad debt", "mean"]
    assert mean.change_interval is not None
    assert mean.after_interval is not None
    width = [b - a for a, b in (mean.change_interval, mean.after_interval) if a is not None and b is not None]
    assert width[0] < width[1]


def test_what_no_draw_shows_is_bounded_by_how_often_not_by_nothing() -> None:
    none = outcome([[0.0, 0.0]] * 300)
    found = harm(drawn(300), none, none)
    (mean,) = (r for r in found.rows if (r.measure, r.statistic) == ("bad debt", "mean"))
    assert mean.before_interval == mean.after_interval == (0.0, None)
    assert mean.change_interval == (None, None)
    row = next(f for f in found.frequencies if f.measure == "bad debt")
    assert (row.scenarios, row.before, row.after) == (300, 0, 0)
    assert 2.9 / 300 < row.after_at_most_share < 3.0 / 300
    assert (
        "bad debt in 0 of 300 after the change (0 before), so its probability is at most 0.99%" in found.basis
    )
    weighted = replace(none, weight=np.arange(1.0, 301.0))
    assert harm(drawn(300), weighted, weighted).frequencies == ()


def test_too_few_samples_leave_an_end_open() -> None:
    found = harm(drawn(40), *sides(40))
    (row,) = (r for r in found.rows if (r.measure, r.statistic) == ("bad debt", "VaR 99 %"))
    assert row.before_interval is not None
    assert row.before_interval[1] is None


def test_the_worst_scenario_and_the_lenders_it_hits() -> None:
    before, after = sides(30)
    found = harm(drawn(30), before, after)
    worst = next(w for w in found.worst if w.measure == "bad debt")
    k = int(np.argmax(after.bad_debt_usd.sum(axis=1)))
    assert (worst.after_scenario, worst.after) == (after.names[k], after.bad_debt_usd[k].sum())
    assert [(r.asset, r.after_usd) for r in found.lenders] == [
        (after.assets[j], after.bad_debt_usd[:, j].max())
        for j in np.argsort(-after.bad_debt_usd.max(axis=0), kind="stable")
        if after.bad_debt_usd[:, j].max() > 0
    ]
