"""Laws of the prices of categories that have their own."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from protocols.emode_prices import emode_prices_raw, priced_emodes
from protocols.snapshot import Snapshot
from risk.engine.advance import engine_of
from risk.engine.model import prices_of
from risk.testing.snapshots import snapshots

PRICED = snapshots().filter(priced_emodes)
MOVES = st.integers(1, 3_000).map(lambda thousandths: thousandths / 1_000)


def moved(snapshot: Snapshot, factors: list[float]) -> list[int]:
    return [int(r.price_raw * f) for r, f in zip(snapshot.reserves, factors, strict=True)]


@given(PRICED)
def test_emp_1_still_markets(snapshot: Snapshot) -> None:
    """EMP-1: while no reserve moves, a category's own price is exactly the snapshot's."""
    still = [r.price_raw for r in snapshot.reserves]
    assert list(emode_prices_raw(snapshot, still)) == [e.price_raw for e in priced_emodes(snapshot)]


@given(PRICED, st.data())
def test_emp_2_no_further_than_members(snapshot: Snapshot, data: st.DataObject) -> None:
    """EMP-2: a category's own price is its reserve's, or moves no further than its members do."""
    prices = moved(snapshot, [data.draw(MOVES) for _ in snapshot.reserves])
    for emode, price in zip(priced_emodes(snapshot), emode_prices_raw(snapshot, prices), strict=True):
        if emode.price_reserve >= 0:
            assert price == prices[emode.price_reserve]
            continue
        ratios = [prices[i] / snapshot.reserves[i].price_raw for i in emode.collateral] or [1.0]
        slack = 1 + emode.price_raw * 1e-15
        assert emode.price_raw * min(ratios) - slack <= price <= emode.price_raw * max(ratios) + slack


@given(PRICED, st.lists(st.data(), min_size=1, max_size=4))
def test_emp_3_scenarios_apart(snapshot: Snapshot, draws: list[st.DataObject]) -> None:
    """EMP-3: a batch of scenarios has the prices of its scenarios, in the rules and in the engine."""
    rows = [moved(snapshot, [d.draw(MOVES) for _ in snapshot.reserves]) for d in draws]
    batch = np.array(rows, dtype=object)
    together = emode_prices_raw(snapshot, batch)
    for row, own in zip(rows, together, strict=True):
        assert list(own) == list(emode_prices_raw(snapshot, row))
    model = engine_of(snapshot).model
    usd = batch.astype(np.float64) * snapshot.base.usd_per_raw
    prices = prices_of(snapshot, model, batch, usd, usd, 0.0, 1.0)
    place = {e.id: p for p, e in enumerate(priced_emodes(snapshot))}
    for q, quote in enumerate(model.quote):
        emode = int(quote["emode"])
        column = together[:, place[emode]] if emode else batch[:, int(quote["asset"])]
        assert prices.rows["oracle"][:, q].tolist() == [float(x) for x in column]
        assert (prices.rows["market_usd"][:, q] == usd[:, int(quote["asset"])]).all()
