"""The search over permitted changes against every single one of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles.update_safety_line import CapLine, Held, MarketLine, holds, is_below
from oracles.update_safety_rules import (
    DAY_S,
    SCALED,
    SETTERS,
    WHOLE,
    Adapter,
    Box,
    CapValues,
    Setter,
    growth_a_second,
    permitted,
)
from oracles.update_safety_search import (
    Limit,
    Market,
    Verdict,
    below_market_bps,
    least_of,
    line_of,
    search,
    search_box,
)

NOW_S = 1_773_143_160
STORED = CapValues(1157209899495068171, 1708004591, 968)
RATIO = 1228900000000000000
MARKET = Market(NOW_S, RATIO, RATIO, 300)
TEN_BPS_30_DAYS = Limit(10, 30 * DAY_S)

spans = st.integers(0, 3)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    """Boxes of at most 64 values around a cap that can matter within seconds."""
    ratio = draw(st.integers(10**3, 10**6) | st.integers(10**11, 10**12))
    at_s = NOW_S - draw(st.integers(3, 30) | st.integers(3, 180 * DAY_S))
    growth = draw(st.integers(0, 3_000) | st.integers(60_000, 65_000))
    return Box((ratio, ratio + draw(spans)), (at_s, at_s + draw(spans)), (growth, growth + draw(spans)))


@st.composite
def questions(draw: st.DrawFn) -> tuple[Box, int, Market, Limit, bool]:
    """A box and a market whose ratio lies about where the caps of the box are."""
    box, scale = draw(boxes()), draw(st.sampled_from([SCALED, WHOLE]))
    corners = [line_of(CapValues(*c), scale).at(NOW_S) for c in product(*box)]
    ratio = max(1, draw(st.integers(min(corners) - 3, max(corners) + 3)))
    below_bps = draw(st.sampled_from([0, 0, 1, 10]))
    market = min(ratio + draw(st.integers(0, 2)), ratio * 10_000 // (10_000 - below_bps))
    growth = draw(st.just(0) | st.integers(0, 4_000) | st.integers(60_000, 66_000))
    limit = Limit(below_bps, draw(st.integers(0, 40)))
    return box, scale, Market(NOW_S, ratio, market, growth), limit, draw(st.booleans())


def every(box: Box) -> list[CapValues]:
    return [CapValues(*values) for values in product(*(range(low, high + 1) for low, high in box))]


def breaks(values: CapValues, scale: int, market: Market, limit: Limit) -> list[int]:
    """The seconds at which a cap breaks the limit, one by one."""
    line, least = line_of(values, scale), least_of(market, limit)
    return [t for t in range(market.now_s, market.now_s + limit.for_s + 1) if is_below(line, least, t)]


@given(questions())
def test_upd_1_no_permitted_change_that_breaks_the_limit_is_overlooked(
    question: tuple[Box, int, Market, Limit, bool],
) -> None:
    """UPD-1: the search proves a limit exactly where no permitted change breaks it at any second."""
    box, scale, market, limit, refuses_capped = question
    found = search_box(box, scale, market, limit, refuses_capped=refuses_capped)
    allowed = [
        v for v in every(box) if not refuses_capped or line_of(v, scale).at(market.now_s) >= market.ratio_raw
    ]
    breaking = [v for v in allowed if breaks(v, scale, market, limit)]
    assert found.verdict is (Verdict.REFUTED if breaking else Verdict.PROVEN)
    if found.verdict is Verdict.REFUTED:
        assert found.witness in breaking
        assert found.witness_at_s in breaks(found.witness, scale, market, limit)


@given(boxes(), st.sampled_from([SCALED, WHOLE]), st.integers(0, 10**7))
def test_upd_2_one_corner_is_lowest(box: Box, scale: int, later_s: int) -> None:
    """UPD-2: over a box the cap is lowest at the smallest ratio and growth and the latest snapshot."""
    corner = line_of(CapValues(box.ratio[0], box.at_s[1], box.growth[0]), scale).at(NOW_S + later_s)
    assert corner == min(line_of(v, scale).at(NOW_S + later_s) for v in every(box))


@given(questions())
def test_upd_3_without_a_look_at_the_cap_the_witness_is_the_worst(
    question: tuple[Box, int, Market, Limit, bool],
) -> None:
    """UPD-3: without a look at isCapped() one box decides, and the change shown is the worst one."""
    box, scale, market, limit, _ = question
    found = search_box(box, scale, market, limit, refuses_capped=False)
    assert found.boxes == 1
    if found.witness is not None and found.witness_at_s is not None:
        at_s = found.witness_at_s
        worst = max(below_market_bps(v, scale, market, at_s) for v in every(box))
        assert below_market_bps(found.witness, scale, market, at_s) == worst


@given(
    st.integers(0, 50),
    st.integers(0, 2 * 10**6),
    st.integers(1, 50),
    st.integers(0, 66_000),
    st.integers(0, 300),
)
@example(start=10, growth=999_999, market=10, yearly_bps=0, last=3)
def test_a_line_is_below_exactly_if_it_is_at_some_second(
    start: int, growth: int, market: int, yearly_bps: int, last: int
) -> None:
    # So many smallest units a year that the market's line moves a unit within the stretch.
    market_raw = market * 10**6
    cap = CapLine(start * 10**6, growth, SCALED, 0)
    least = MarketLine(market_raw, yearly_bps, 0, 0)
    seconds = [t for t in range(last + 1) if is_below(cap, least, t)]
    held, when = holds(cap, least, 0, last)
    assert held is (Held.NO if seconds else Held.YES)
    assert when is None or when in seconds


def test_lines_that_run_together_for_longer_than_one_looks_stay_undecided() -> None:
    # Both grow by three units a second from the same start.
    market = MarketLine(3 * 31_536_000, 10_000, 0, 0)
    cap = CapLine(3 * 31_536_000, 3 * SCALED, SCALED, 0)
    assert holds(cap, market, 0, 10)[0] is Held.YES
    assert holds(cap, market, 0, 2_000_000)[0] is Held.UNDECIDED


def test_what_the_agent_could_set_on_10_march_2026_is_refuted_in_one_look() -> None:
    found = search(Adapter(STORED), SETTERS["capo-agent"], MARKET, TEN_BPS_30_DAYS)
    assert (found.verdict, found.boxes) == (Verdict.REFUTED, 1)
    # Three percent down, ten percent less growth, a snapshot as young as may be.
    assert found.witness == CapValues(1122493602510216126, NOW_S - 7 * DAY_S, 872)
    assert below_market_bps(found.witness, SCALED, MARKET, NOW_S) == pytest.approx(851, abs=1)


def test_a_steward_that_looks_at_the_cap_afterwards_is_proven_safe() -> None:
    found = search(Adapter(STORED), SETTERS["risk-steward"], MARKET, TEN_BPS_30_DAYS)
    assert found.verdict is Verdict.PROVEN


def test_looking_at_the_cap_afterwards_does_not_help_where_the_ratio_outgrows_it() -> None:
    fast = replace(MARKET, growth_bps=1_200)
    found = search(Adapter(STORED), SETTERS["risk-steward"], fast, TEN_BPS_30_DAYS)
    assert found.verdict is Verdict.REFUTED
    assert found.witness is not None
    line = line_of(found.witness, SCALED)
    assert line.at(NOW_S) >= RATIO
    assert below_market_bps(found.witness, SCALED, fast, NOW_S + 30 * DAY_S) > 10


@given(st.integers(1, 60), st.integers(0, 40), st.integers(0, 10_000), st.integers(0, 10_000))
def test_upd_4_the_box_is_what_the_rules_accept(
    ratio: int, growth: int, ratio_step: int, growth_step: int
) -> None:
    """UPD-4: the box holds exactly the values that adapter and setter accept one by one."""
    now_s = 200
    adapter = Adapter(CapValues(ratio, 150, growth), min_delay_s=7, max_term_s=40)
    setter = Setter("any", "", ratio_step, growth_step, 0, True, True)
    ratio_now = 30

    def accepted(new: CapValues) -> bool:
        old, age = adapter.stored, now_s - new.at_s
        return (
            0 < new.ratio_raw <= ratio_now
            and abs(new.ratio_raw - old.ratio_raw) <= ratio_step * old.ratio_raw // 10_000
            and old.at_s < new.at_s
            and 7 <= age <= 40
            and new.growth_bps > 0
            and abs(new.growth_bps - old.growth_bps) <= growth_step * old.growth_bps // 10_000
        )

    box = permitted(adapter, setter, ratio_now, now_s)
    around = product(range(1, 125), (155, 159, 160, 161, 193, 194), range(82))
    inside = set() if box is None else set(every(box))
    # Ratios and growths double at most, so everything acceptable is among these.
    for values in (CapValues(*v) for v in around):
        assert accepted(values) == (values in inside)


def test_growth_is_rounded_as_the_adapters_round_it() -> None:
    assert growth_a_second(STORED, SCALED) == 1157209899495068171 * 968 * 10**6 // 10**4 // 31_536_000
    assert growth_a_second(STORED, WHOLE) == 1157209899495068171 * 968 // 10**4 // 31_536_000


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (
            lambda: search(Adapter(STORED), SETTERS["capo-agent"], Market(NOW_S, 99, 100), Limit(10, 0)),
            "without",
        ),
        (lambda: Market(NOW_S, 0, 1), "ratio 0"),
        (lambda: Market(NOW_S, 1, 1, -1), "growth"),
        (lambda: Limit(10_000, 0), "10000"),
        (lambda: Limit(0, 11 * 365 * DAY_S), "ahead"),
        (lambda: Adapter(CapValues(0, 1, 1)), "snapshot ratio 0"),
        (lambda: Adapter(CapValues(1, 1, 70_000)), "70000"),
        (lambda: Adapter(STORED, scale=10), "scale"),
        (lambda: Adapter(STORED, max_term_s=1), "old"),
        (lambda: Setter("s", "", ratio_step_bps=-1), "step"),
    ],
)
def test_impossible_questions_are_refused(make: object, word: str) -> None:
    with pytest.raises(FeedError, match=word):
        make()  # type: ignore[operator]


def test_where_nothing_may_be_set_the_limit_is_proven() -> None:
    young = Adapter(replace(STORED, at_s=NOW_S - 3 * DAY_S))
    found = search(young, SETTERS["capo-agent"], MARKET, TEN_BPS_30_DAYS)
    assert (found.verdict, found.box) == (Verdict.PROVEN, None)
