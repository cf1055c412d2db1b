"""A proposed change of a cap: the seven checks, the price, and histories of a ratio."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abis.errors import FeedError
from oracles.update_safety import check_update
from oracles.update_safety_history import around, history_of, largest_growth_bps
from oracles.update_safety_predicates import State
from oracles.update_safety_rules import DAY_S, SETTERS, WHOLE, Adapter, CapValues
from oracles.update_safety_search import Limit, Market, Verdict
from oracles.update_safety_simple import NewSource, check_source, check_stable_cap

NOW_S = 1_773_143_160
RATIO = 1228900000000000000
OLD = CapValues(1157209899495068171, 1708004591, 968)
NEW = CapValues(1191926196479920216, NOW_S - 7 * DAY_S, 875)
MARKET = Market(NOW_S, RATIO, RATIO, 300)
LIMIT = Limit(10, 30 * DAY_S)
AGENT = SETTERS["capo-agent"]


def states(new: CapValues, **more: object) -> list[str]:
    report = check_update(Adapter(OLD), AGENT, MARKET, LIMIT, proposed=new, **more)  # type: ignore[arg-type]
    assert report.change is not None
    return [p.state.value for p in report.change.predicates]


@pytest.mark.parametrize(
    ("growth", "cap", "below"), [(968, 1194138933988782665, 283), (875, 1193926346604150218, 285)]
)
def test_the_published_caps_of_10_march_2026(growth: int, cap: int, below: float) -> None:
    report = check_update(
        Adapter(OLD), AGENT, MARKET, LIMIT, proposed=replace(NEW, growth_bps=growth), last_set_s=0
    )
    change = report.change
    assert change is not None
    assert (change.cap_raw, change.effective_raw, change.refused) == (cap, cap, True)
    assert change.below_now_bps == pytest.approx(below, abs=0.6)
    assert change.breaks_limit_at_s == NOW_S
    assert all(p.state is State.PASS for p in change.setter_checks)
    assert report.found.verdict is Verdict.REFUTED


def test_seven_checks_pass_for_a_true_snapshot_and_each_can_fail() -> None:
    history = history_of([(NOW_S - 8 * DAY_S, 1228100000000000000), (NOW_S, RATIO)])
    good = CapValues(1228200000000000000, NOW_S - 7 * DAY_S, 968)
    assert states(good, history=history) == ["PASS"] * 7
    assert states(good)[0] == "NOT KNOWN"
    failing = {
        0: replace(good, ratio_raw=1220000000000000000),
        1: replace(good, ratio_raw=RATIO + 1),
        2: NEW,
        3: replace(good, growth_bps=871),
        4: replace(good, at_s=NOW_S - 7 * DAY_S + 1),
        5: replace(good, at_s=NOW_S - 180 * DAY_S - 1),
        6: replace(good, at_s=OLD.at_s),
    }
    for place, new in failing.items():
        assert states(new, history=history)[place] == "FAIL"


def test_old_adapters_round_growth_to_whole_units_and_know_no_term() -> None:
    report = check_update(Adapter(OLD, WHOLE, 0, None), AGENT, MARKET, LIMIT, proposed=NEW)
    assert report.change is not None
    assert report.change.predicates[5].state is State.NOT_KNOWN
    assert report.change.cap_raw == NEW.ratio_raw + NEW.ratio_raw * 875 // 10**4 // 31_536_000 * 7 * DAY_S


def test_a_snapshot_in_the_future_is_refused_not_priced() -> None:
    assert states(replace(NEW, at_s=NOW_S + 5))[2] == "FAIL"


def test_a_cap_that_is_outgrown_later_is_refused_now() -> None:
    slow = CapValues(RATIO, NOW_S - 7 * DAY_S, 100)
    report = check_update(Adapter(OLD), SETTERS["risk-admin"], MARKET, LIMIT, proposed=slow)
    assert report.change is not None
    assert report.change.below_now_bps == 0
    assert report.change.breaks_limit_at_s == NOW_S + 30 * DAY_S
    assert report.change.reasons == ("price stays within 10 bps of the market",)


def test_readings_around_a_time() -> None:
    history = history_of([(30, 3), (10, 1), (20, 2)])
    assert [around(history, t) for t in (9, 10, 15, 30, 31)] == [None, (1, 1), (1, 2), (3, 3), None]


def test_growth_is_the_fastest_that_lasted_as_long_as_the_look_ahead() -> None:
    # A jump of 1 % within a day, in a year that otherwise stood still.
    rows = [(day * DAY_S, 10_000 if day < 100 else 10_100) for day in range(366)]
    assert largest_growth_bps(history_of(rows), DAY_S) == 36_500
    assert largest_growth_bps(history_of(rows), 365 * DAY_S) == 100
    assert largest_growth_bps(history_of([(0, 100), (2 * DAY_S, 90)]), DAY_S) == 0


@pytest.mark.parametrize("rows", [[], [(1, 0)], [(1, 5), (1, 6)]])
def test_impossible_histories_are_refused(rows: list[tuple[int, int]]) -> None:
    with pytest.raises(FeedError):
        history_of(rows)


def test_the_lowest_stable_cap_decides_for_all() -> None:
    safe = check_stable_cap(104_000_000, 104_000_000, 100_000_000, 100_000_000, 50, 10)
    assert (safe.lowest_raw, safe.highest_raw, safe.refused, safe.rules_refuted) == (
        103_480_000,
        104_520_000,
        False,
        False,
    )
    # A feed at 0.95 after a fall: the adapter would now take a cap below the dollar.
    fallen = check_stable_cap(96_000_000, 96_000_000, 95_000_000, 100_000_000, 50, 10)
    assert fallen.rules_refuted
    assert fallen.worst_below_bps == pytest.approx(448)


def test_a_new_source_is_held_to_decimals_age_bounds_and_the_old_one() -> None:
    def check(new: NewSource) -> list[str]:
        found = check_source(
            new, decimals=8, old_raw=2 * 10**11, market_raw=2 * 10**11, below_bps=50, now_s=10_000
        )
        return [c.state.value for c in found]

    good = NewSource(2 * 10**11, 8, 9_000, 3_600, 1, 10**15)
    assert check(good) == ["PASS"] * 6
    assert check(replace(good, updated_at_s=None, min_answer_raw=None))[4:] == ["NOT KNOWN"] * 2
    assert check(replace(good, decimals=18))[0] == "FAIL"
    assert check(replace(good, answer_raw=0))[1:4] == ["FAIL"] * 3
    assert check(replace(good, answer_raw=199 * 10**9 - 10**9))[2] == "FAIL"
    assert check(replace(good, answer_raw=112_000_000))[3] == "FAIL"
    assert check(replace(good, updated_at_s=6_000))[4] == "FAIL"
    assert check(replace(good, min_answer_raw=10**11))[5] == "FAIL"
