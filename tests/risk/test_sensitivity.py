"""What a conclusion is worth when depth is not what it was taken to be."""

from __future__ import annotations

from risk.depth import Depth
from risk.engine.liquidity import Liquidity
from risk.engine.stress import stress
from risk.outcome import Outcome
from risk.sensitivity import VARIANTS, Sensitivity, depth_sensitivity
from tests.risk.engine.markets import FREE, Account, market, moves, reserve
from tests.risk.engine.test_stress import depth_of


def sensitivity(debts: list[float], tokens: float) -> Sensitivity:
    """Accounts of 10 X worth 1,000 that fall by 7 or 20 %; the market buys ``tokens`` X at 99 %."""
    listed = [reserve("X", 100.0), reserve("USD", 1.0)]
    snapshot = market(listed, [Account({0: 10.0}, {1: debt}) for debt in debts], "3.0")
    path = moves(snapshot, [[0.93, 1.0], [0.80, 1.0]])

    def run(depth: Depth, liquidity: Liquidity | None) -> Outcome:
        chosen = liquidity or Liquidity.UNLIMITED
        return stress(snapshot, path, depth=depth, liquidators=FREE, liquidity=chosen)

    return depth_sensitivity(run, depth_of(snapshot, [tokens], [tokens * 99.0]))


def test_nothing_hangs_on_depth_where_nobody_is_liquidated() -> None:
    got = sensitivity([100.0, 200.0], tokens=10.0)
    assert got.table.variant.tolist() == list(VARIANTS)
    assert got.conclusions.holds.all()
    assert (got.conclusions.fails == "").all()


def test_a_market_that_just_takes_it_all_is_told() -> None:
    """20 X must be sold after -20 %: a third of 21 does not take them, three times does."""
    got = sensitivity([745.0, 746.0], tokens=21.0)
    rows = got.table.set_index("variant")
    assert rows.max_bad_debt_usd["depth x 1/3"] > 100
    assert rows.max_bad_debt_usd["as given"] < 1
    assert rows.max_bad_debt_usd["depth x 3"] < 1
    verdict = got.conclusions.set_index("conclusion")
    bad = verdict.loc["0 of 2 scenarios leave bad debt"]
    assert not bad.holds
    assert "depth x 1/3" in bad.fails
    assert "depth -86 %" in bad.fails
    assert "depth x 3" not in bad.fails
    assert rows.max_repaid_usd["utilisation 100 %"] == 0
    assert got.infinite_depth  # of the other reserve
