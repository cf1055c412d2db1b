"""Who a proposal touches, and what makes an account safe again."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from protocols.exact import exact_rules
from protocols.snapshot import Snapshot
from risk.proposal.affected import (
    COLUMNS,
    AffectedRow,
    affected,
    affected_csv,
    least,
    statuses_csv,
    wad_decimal,
)
from risk.proposal.apply import applied
from risk.proposal.changes import read_changes
from risk.proposal.effects import Effects, effects
from risk.scenarios.build import from_shocks
from tests.risk.engine.markets import Account, market
from tests.risk.proposal.test_changes import made

LOWER = ("WETH.liquidation_threshold=78%",)


def both(*texts: str, snapshot: Snapshot | None = None) -> tuple[Snapshot, Snapshot, Effects]:
    before = snapshot or made()
    after = applied(before, read_changes(texts, before))
    return before, after, effects(before, after, from_shocks(["WETH=-2%", "WETH=-5%"], before))


def rows_of(*texts: str, snapshot: Snapshot | None = None) -> tuple[AffectedRow, ...]:
    return affected(*both(*texts, snapshot=snapshot))


def test_everybody_the_threshold_governs_is_listed_and_nobody_else() -> None:
    before, after, found = both(*LOWER)
    rows = affected(before, after, found)
    assert [r.account for r in rows] == ["000001", "000000"]  # 000002 is in the category
    exact = exact_rules(before.rules)
    for row in rows:
        place = before.book.accounts.index(row.account)
        assert row.health_before_wad == exact.account_data(before.position(place), before.rules).health_factor
        assert row.health_after_wad == exact.account_data(after.position(place), after.rules).health_factor
    assert (rows[0].status_before, rows[0].status_after) == ("safe", "liquidatable")
    assert rows[0].newly_in == ()  # a fall of 2 % takes it either way
    assert rows[1].newly_in == ()
    assert rows_of("WETH.liquidation_threshold=74%")[1].newly_in == ("WETH -2%", "WETH -5%")


def test_an_ltv_moves_nobody() -> None:
    assert rows_of("WETH.ltv=70%") == ()
    text = affected_csv(made(), ())
    assert text == ",".join(COLUMNS) + "\n"


@given(debt=st.integers(15_701, 16_000), threshold=st.integers(7_000, 7_800))
def test_the_remedy_is_the_least_that_makes_safe(debt: int, threshold: int) -> None:
    """EVD-2: what an affected account is told to repay or add makes it safe, one unit less does not."""
    plain = made()
    alone = market(plain.reserves, [Account({0: 10.0}, {1: float(debt)})], "3.3")
    before, after, found = both(f"WETH.liquidation_threshold={threshold}bps", snapshot=alone)
    (row,) = affected(before, after, found)
    exact, rules = exact_rules(after.rules), after.rules
    position = after.position(0)
    repay, add = row.remedy.repay_raw, row.remedy.add_raw
    assert repay is not None
    assert add is not None

    def safe(repaid: int, added: int) -> bool:
        (held,), (owed,) = position.collateral, position.debt
        changed = replace(
            position,
            collateral=(replace(held, balance_raw=held.balance_raw + added),),
            debt=(replace(owed, balance_raw=owed.balance_raw - repaid),),
        )
        return exact.account_data(changed, rules).health_factor >= rules.liquidatable_below_wad

    assert safe(repay, 0)
    assert not safe(repay - 1, 0)
    assert safe(0, add)
    assert not safe(0, add - 1)


@given(at=st.integers(0, 10**30), most=st.integers(0, 10**30))
def test_least_finds_where_it_begins(at: int, most: int) -> None:
    assert least(lambda n: n >= at, most) == (at if at <= most else None)


def test_cells_are_exact_decimals() -> None:
    before, after, found = both(*LOWER)
    rows = affected(before, after, found)
    table = list(csv.DictReader(io.StringIO(affected_csv(before, rows))))
    assert [int(t["health_after"].replace(".", "").ljust(19, "0")) for t in table] == [
        r.health_after_wad for r in rows
    ]
    assert table[0]["repay_asset"] == "USDC"
    assert round(float(table[0]["repay_tokens"]) * 1e6) == rows[0].remedy.repay_raw
    assert table[1]["repay_tokens"] == table[1]["add_tokens"] == ""
    assert [wad_decimal(w) for w in (0, 1, 10**18, 15 * 10**17)] == ["0", "0.000000000000000001", "1", "1.5"]


def test_statuses_list_every_change_of_status() -> None:
    before, _, found = both("WETH.liquidation_threshold=74%")
    table = list(csv.DictReader(io.StringIO(statuses_csv(before, found))))
    assert len(table) == found.moved_scenario.size
    moved = {(t["scenario"], t["account"]) for t in table if t["liquidatable_after"] == "yes"}
    assert ("now", "000001") in moved
    for k, name in enumerate(found.names):
        count = sum(t["scenario"] == name and t["liquidatable_after"] == "yes" for t in table)
        assert count == found.new_accounts[k]


def test_no_cell_is_a_formula() -> None:
    before = made()
    evil = '=HYPERLINK("http://x")'
    listed = (before.reserves[0], replace(before.reserves[1], symbol=evil))
    book = replace(before.book, accounts=("\t=1", "+1", "@SUM(A1)"))
    hostile = replace(before, reserves=listed, book=book)
    _, after, found = both(*LOWER, snapshot=hostile)
    for text in (affected_csv(hostile, affected(hostile, after, found)), statuses_csv(hostile, found)):
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert cells
        assert not [c for c in cells if c.startswith(("=", "+", "-", "@", "\t", "\r"))]
        assert "HYPERLINK" not in text or "'=HYPERLINK" in text
