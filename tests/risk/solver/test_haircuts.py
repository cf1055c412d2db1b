from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from abis.errors import InputError
from abis.findings import FindingKind
from risk.depth import Depth
from risk.solver.haircuts import SeedOptions, cover_two_tokens, seed_haircuts
from risk.solver.parameters import emode_row, parameters_of
from risk.solver.returns import DAY_S, HOUR_S, LEVELS, PairReturns, Statistic, shipped_returns
from tests.risk.markets import NOW_S, RESERVES, market


def flat(base: str, quote: str, horizon_s: int, statistic: Statistic, level: float) -> PairReturns:
    return PairReturns(base, quote, horizon_s, statistic, np.full(len(LEVELS), level), 0.8, 9, 9, "made")


def table(**level: float) -> dict[tuple[str, str, int, str], PairReturns]:
    rows = []
    for pair, value in level.items():
        base, quote = pair.split("_")
        rows += [
            flat(base, quote, HOUR_S, "minimum", value),
            flat(base, quote, 7 * DAY_S, "minimum", value - 0.1),
        ]
    return {r.key: r for r in rows}


ONE = market([("0x1", 0, {0: 100}, {4: 150_000})])


def test_the_seed_is_the_stated_formula() -> None:
    (row,) = seed_haircuts(ONE, table=table(ETH_USD=0.9)).rows
    assert row.needed is not None
    assert row.needed.threshold == pytest.approx(0.9 / 1.05)
    assert row.needed.ltv == pytest.approx(0.9 / 1.05 * 0.8)
    assert (row.coverage, row.worst_debt, row.infinite_depth) == (1, "USDC", True)
    assert row.current.haircut == pytest.approx(0.195)
    assert row.current.protocol_buffer == pytest.approx(1 / 1.05 - 0.83)


def test_slippage_of_the_two_largest_borrowers_lowers_the_threshold(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text(f"asset,size_tokens,proceeds_usd,time,source\nWETH,200,450000,{NOW_S},x\n")
    (row,) = seed_haircuts(ONE, table=table(ETH_USD=0.9), depth=Depth.load(path, ONE)).rows
    assert row.slippage == pytest.approx(0.1)
    assert row.needed is not None
    assert row.needed.threshold == pytest.approx(0.9 * 0.9 / 1.05)
    assert not row.infinite_depth


def test_pairs_count_by_their_debt() -> None:
    book = [("0x1", 0, {1: 100}, {0: 50, 4: 125_000})]
    known = table(wstETH_ETH=1.0, ETH_USD=0.5)
    (row,) = seed_haircuts(market(book), table=known).rows
    assert row.needed is not None
    # Half of the debt is in USDC: 0.1 % of all debt is 0.2 % of that half, still at the fall of 0.5.
    assert row.needed.threshold == pytest.approx(0.5 / 1.06, rel=1e-6)
    assert row.worst_debt == "USDC"
    tiny = [("0x1", 0, {1: 100}, {0: 110, 4: 1})]
    (row,) = seed_haircuts(market(tiny), table=known).rows
    assert row.needed is not None
    assert row.needed.threshold == pytest.approx(1 / 1.06)


def test_returns_above_one_give_no_credit() -> None:
    (row,) = seed_haircuts(ONE, table=table(ETH_USD=1.3)).rows
    assert row.needed is not None
    assert row.needed.protocol_buffer == 0
    assert row.needed.user_buffer == 0


def test_pairs_without_returns_are_not_invented() -> None:
    book = [("0x1", 0, {2: 10}, {3: 5}), ("0x2", 0, {4: 100}, {6: 50})]
    haircuts = seed_haircuts(market(book))
    assert [row.needed for row in haircuts.rows] == [None, None]
    assert [row.coverage for row in haircuts.rows] == [0, 0]
    missing = [f for f in haircuts.findings if f.kind is FindingKind.MISSING]
    assert {f.subject for f in missing} == {"WBTC", "USDC"}
    assert all("not available" in f.message for f in missing)


def test_rows_are_apart_by_emode_and_labelled_diagnostic() -> None:
    haircuts = seed_haircuts(market())
    assert haircuts.label == "diagnostic"
    assert ("wstETH", "ETH correlated") in {(r.collateral, r.emode) for r in haircuts.rows}
    frame = haircuts.frame()
    names = ["ltv", "user_buffer", "protocol_buffer", "bonus_wedge"]
    for side in ("current", "needed"):
        np.testing.assert_allclose(frame[[f"{side}_{n}" for n in names]].sum(axis=1), 1)
    assert frame["debt_usd"].sum() == pytest.approx(1_040_000)


def test_a_buffer_that_is_too_small_is_found() -> None:
    findings = seed_haircuts(ONE, table=table(ETH_USD=0.8)).findings
    (buffer,) = [f for f in findings if f.kind is FindingKind.BUFFER]
    assert buffer.value_usd == pytest.approx(150_000)
    assert "19.0%" in buffer.message
    assert "12.2%" in buffer.message
    assert not [
        f for f in seed_haircuts(ONE, table=table(ETH_USD=0.95)).findings if f.kind is FindingKind.BUFFER
    ]


def test_collateral_without_a_bonus_is_named_and_left_out() -> None:
    reserves = [replace(RESERVES[0], liquidation_bonus_bps=0), *RESERVES[1:]]
    haircuts = seed_haircuts(market([("0x1", 0, {0: 100}, {4: 150_000})], reserves))
    assert haircuts.rows == ()
    assert [f.kind for f in haircuts.findings] == [FindingKind.INCONSISTENT]


def test_an_empty_book_has_no_rows() -> None:
    assert seed_haircuts(market(positions=())).rows == ()


def test_pair_returns_beat_gaussian_ones_in_usd() -> None:
    """For wstETH against WETH, 24 h at 1 %: USD at 80 % volatility gives .870, the pair is near .985."""
    book = [("0x1", 1, {1: 100}, {0: 110})]
    options = SeedOptions(DAY_S, 0.01, 7 * DAY_S, 0.05, "terminal")
    (row,) = seed_haircuts(market(book), options=options).rows
    assert row.needed is not None
    pair = shipped_returns()["wstETH", "ETH", DAY_S, "terminal"]
    assert row.needed.threshold == pytest.approx(pair.quantile(0.01) / 1.01)
    assert 0.975 < row.needed.threshold < 0.99


def test_options_are_checked() -> None:
    with pytest.raises(InputError, match="60 s"):
        SeedOptions(delay_s=60)
    with pytest.raises(InputError, match="probability"):
        SeedOptions(bad_debt_probability=0.0)


def test_cover_two_sizes_and_governing_parameters() -> None:
    book = [
        ("0x1", 0, {0: 10}, {4: 9_000}),
        ("0x2", 0, {0: 20}, {4: 30_000}),
        ("0x3", 0, {0: 40}, {4: 20_000}),
        ("0x4", 0, {0: 1000}, {}),
        ("0x5", 1, {0: 1, 2: 1}, {4: 1}),
    ]
    snapshot = market(book)
    assert cover_two_tokens(snapshot)[0] == 60
    assert emode_row(snapshot).tolist() == [0, 0, 0, 0, 1, 0]
    assert parameters_of(snapshot, 0, 1).threshold_bps == 9500
    assert parameters_of(snapshot, 0, 0).bonus == pytest.approx(0.05)
