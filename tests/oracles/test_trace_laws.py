"""Whatever contracts answer, a trace of them ends, and claims only what their answers bear out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from abis.blocks import Header
from abis.calls import Call
from abis.findings import Finding
from abis.rounds import together
from oracles.headroom import Growth, headroom_of
from oracles.recognise import ZERO
from oracles.trace_check import follows, hold_against_rules
from oracles.trace_discover import SHAPES, discover, grow
from oracles.trace_settings import settings_of
from oracles.traced import Kind, Trace, TracedFeed, TracedPrice

NOW_S = 1_750_000_000
BLOCK = Header(number=7, hash="0x07", timestamp_s=NOW_S)
ADDRESSES = [f"0x{k:040x}" for k in range(1, 6)]
YEAR_S = 31_536_000
WAD = 10**18
AGGREGATOR = f"0x{99:040x}"
LATEST = "latestAnswer()(int256)"
LEGS = {
    f"{name}()(address)"
    for name in (
        "RATIO_PROVIDER",
        "BASE_TO_USD_AGGREGATOR",
        "ASSET_TO_USD_AGGREGATOR",
        "ASSET_TO_PEG",
        "PEG_TO_BASE",
        "BASE_TO_PEG",
    )
}

Answers = Mapping[str, Any]


class Contracts:
    """Answers calls from a table by address and signature; stands in for a chain's batch reads."""

    def __init__(self, table: Mapping[str, Answers]) -> None:
        self.table = table

    def together(self, block: Header, *readings: Any) -> list[Any]:
        return together(lambda calls: [self.answer(call) for call in calls], readings)

    def answer(self, call: Call) -> Any:
        return self.table.get(call.target, {}).get(call.signature)


numbers = st.one_of(
    st.sampled_from(
        [0, 1, 7, 8, 18, 77, 10**8, 9 * 10**7, 1_200 * 10**15, WAD, NOW_S - 86_400, NOW_S + 86_400]
    ),
    st.integers(-3, 2**16),
    st.sampled_from([-1, -(10**8), 2**103, 2**104, 2**191 - 1, 2**255 - 1]),
)
addresses = st.sampled_from([*ADDRESSES, ZERO])


def value_of(signature: str) -> st.SearchStrategy[Any]:
    """Return answers of the type a getter has."""
    _, _, out = signature.rpartition("(")
    if not signature.endswith(")") or signature.endswith("()"):
        return st.binary(max_size=96)  # text, undecoded
    out = out.removesuffix(")")
    if out == "address":
        return addresses
    if out == "bool":
        return st.booleans()
    if "," in out:
        return st.tuples(*[numbers] * 5)
    return st.integers(0, 255) if out == "uint8" else numbers


@st.composite
def contract(draw: st.DrawFn) -> Answers:
    """Return answers of a contract that has the getters of one kind, mostly with sense in them."""
    shape = draw(st.sampled_from(SHAPES))
    price = draw(numbers)
    table: dict[str, Any] = {
        LATEST: price,
        "decimals()(uint8)": draw(st.sampled_from([8, 18, 200])),
    }
    for signature in (*shape.marks, *shape.getters):
        table[signature] = draw(value_of(signature))
    for signature in (*shape.extras, *shape.foreign):
        if draw(st.integers(0, 9)) == 0:
            table[signature] = draw(value_of(signature))
    if draw(st.integers(0, 5)):
        _agree(table, draw)
    if draw(st.integers(0, 5)) == 0:
        del table[draw(st.sampled_from(sorted(table)))]
    return table


def _agree(table: dict[str, Any], draw: st.DrawFn) -> None:
    """Make answers agree with each other as the real contracts' do."""
    answer = table[LATEST]
    if "getRatio()(int256)" in table:
        ratio, growth = draw(st.sampled_from([10**18, 1_200 * 10**15, 2**103])), draw(st.integers(0, 9_999))
        table |= {
            "RATIO_DECIMALS()(uint8)": 18,
            "getSnapshotRatio()(uint256)": ratio,
            "getSnapshotTimestamp()(uint256)": NOW_S - draw(st.integers(0, YEAR_S)),
            "getMaxYearlyGrowthRatePercent()(uint256)": growth,
            "getMaxRatioGrowthPerSecond()(uint256)": ratio * growth // 10_000 // YEAR_S,
        }
    if "MATURITY()(uint256)" in table:
        table |= {"MATURITY()(uint256)": NOW_S, "getCurrentDiscount()(uint256)": 0}
    for signature in ("price()(int256)", "ONE_USD()(int256)"):
        if signature in table:
            table[signature] = answer
    if "aggregator()(address)" in table:
        table |= {"aggregator()(address)": AGGREGATOR, "phaseId()(uint16)": 1, "decimals()(uint8)": 8}
        table["phaseAggregators(uint16)(address)"] = AGGREGATOR
    phase = table.get("phaseId()(uint16)", 0)
    for signature in table:
        if signature.startswith("latestRoundData"):
            table[signature] = ((phase << 64) + 3, answer, NOW_S - 60, NOW_S - 60, 3)


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Answers]:
    """Return contracts that mostly read what was there before them and answer by their rule."""
    table: dict[str, Any] = {AGGREGATOR: {"decimals()(uint8)": 8, "minAnswer()(int192)": 1}}
    for k, address in enumerate(ADDRESSES):
        answers = dict(draw(contract()))
        if k and draw(st.integers(0, 4)):
            earlier = st.sampled_from(ADDRESSES[:k])
            answers |= {s: draw(earlier) for s in answers if s in LEGS}
        table[address] = answers
        [tree] = _grown(table, [address], [])
        expected = follows(tree, NOW_S)
        if expected is not None and draw(st.integers(0, 4)):
            answers[LATEST] = expected
    return table


def _grown(table: Mapping[str, Answers], roots: list[str], findings: list[Finding]) -> list[TracedFeed]:
    chain: Any = Contracts(table)
    found = discover(chain, BLOCK, roots)
    return [grow(a, found, findings) for a in roots]


def trees(table: Mapping[str, Answers]) -> tuple[list[TracedFeed], list[Finding]]:
    findings: list[Finding] = []
    grown = _grown(table, ADDRESSES, findings)
    return [hold_against_rules(tree, NOW_S, findings) for tree in grown], findings


@given(worlds())
def test_a_trace_ends_whatever_contracts_answer(table: Mapping[str, Answers]) -> None:
    """TRC-1: a trace ends whatever contracts answer, and every opaque step has a finding."""
    got, findings = trees(table)
    prices = tuple(TracedPrice(a, "X", tree.answer_raw, tree) for a, tree in zip(ADDRESSES, got, strict=True))
    trace = Trace(1, 7, "0x07", NOW_S, "", prices)
    settings_of(trace, {})
    for feed in trace.sources().values():
        json.dumps(feed.to_json())
        headroom_of(feed, NOW_S, Growth(0.05, NOW_S - 604_800, NOW_S))
        event(feed.kind.value)
    named = {f.subject for f in findings}
    opaque = {each.address for tree in got for each in tree.walk() if each.kind is Kind.OPAQUE}
    assert opaque <= named


@given(worlds())
def test_what_is_recognised_follows_its_rule(table: Mapping[str, Answers]) -> None:
    """TRC-2: every adapter left in a tree answers, to the unit, what its rule makes of its legs."""
    for tree in trees(table)[0]:
        for feed in tree.walk():
            if feed.legs:
                event(feed.kind.value)
                assert follows(feed, NOW_S) == feed.answer_raw
