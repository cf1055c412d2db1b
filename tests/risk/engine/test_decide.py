"""Where rounding can decide, integers do; what floats decided later is counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import risk
from abis.findings import FindingKind
from protocols.snapshot import Snapshot, raw_array
from risk.engine.advance import Inputs, advance, engine_of, prices_at, start
from risk.engine.classify import classify
from risk.engine.jit import over_scenarios
from risk.engine.state import BELOW, NOT_SURE
from tests.risk.engine.markets import FREE, Account, market, moves, reserve

TOKENS = 3 * 10**9  # whole tokens: values of 3e17 base units, far beyond exact floats


def borderline(short_raw: int, version: str) -> Snapshot:
    """Health factor exactly 1, less ``short_raw`` base units of weighted collateral."""
    listed = [reserve("X", threshold=0.80, decimals=8), reserve("D", decimals=8)]
    snapshot = market(listed, [Account({0: TOKENS}, {1: 1.0})], version)
    owed = TOKENS * 10**8 * 8 // 10 + short_raw
    debt = replace(snapshot.book.debt, amount_raw=raw_array([owed]), scaled_raw=raw_array([owed]))
    return replace(snapshot, book=replace(snapshot.book, debt=debt))


@pytest.mark.parametrize("version", ["2.0", "3.0", "3.5", "3.7"])
@pytest.mark.parametrize(("short_raw", "below"), [(-1, False), (0, False), (1, True)])
def test_one_base_unit_decides(version: str, short_raw: int, below: bool) -> None:
    snapshot = borderline(short_raw, version)
    engine, raw = engine_of(snapshot, FREE), np.full((1, 2), 10**8)
    usd = np.ones((1, 2))
    state = start(engine, 1)
    over_scenarios(classify, 1, prices_at(engine, Inputs(raw, usd, usd, 0.0, 1.0)), engine.model, state)
    assert state.status[0, 0] & NOT_SURE  # floats cannot tell
    state, _ = advance(engine, start(engine, 1), Inputs(raw, usd, usd, 0.0, 1.0))
    assert state.scenario["eligible_accounts"][0] == below
    assert state.scenario["unsure"][0] == 0


def test_accounts_far_from_one_need_no_integers() -> None:
    snapshot = market([reserve("X"), reserve("D")], [Account({0: 1_000.123456789123}, {1: 801.723456789123})])
    engine, raw, usd = engine_of(snapshot, FREE), np.full((1, 2), 10**8), np.ones((1, 2))
    state = start(engine, 1)
    over_scenarios(classify, 1, prices_at(engine, Inputs(raw, usd, usd, 0.0, 1.0)), engine.model, state)
    assert state.status[0, 0] & BELOW
    assert not state.status[0, 0] & NOT_SURE


def test_a_later_decision_at_the_threshold_is_counted() -> None:
    """v2 repays half: 1,150 at threshold .80 against 1,000 becomes 625 against 500, health factor 1."""
    snapshot = market([reserve("X"), reserve("D")], [Account({0: 1_150.0}, {1: 1_000.0})], "2.0")
    got = risk.stress(snapshot, moves(snapshot, [[1.0, 1.0]]), liquidators=FREE)
    assert got.repaid_usd.sum() == pytest.approx(500)
    (finding,) = got.findings
    assert finding.kind is FindingKind.UNVERIFIED
    assert finding.message.startswith("1 decisions")
