from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocols.change_rules import ChangeRule, ChangeRules, StepKind
from protocols.snapshot import Snapshot
from risk.solver.cap_options import Kind, cap_options, cap_places
from risk.solver.limits import Limits, read_limits
from risk.solver.menu import accounts_of, menu_of, supplied_usd
from tests.risk.markets import RESERVES, market

LINK = RESERVES[5]  # 1,000,000 may be supplied, 400,000 is


def box(supply: float = 50, step: float = 20, borrow: float = 0) -> Limits:
    return read_limits(
        f"[box]\nsupply_cap_pct = {supply}\nsupply_cap_step_pct = {step}\nborrow_cap_pct = {borrow}\n"
    )


def test_options_are_whole_tokens_around_the_cap_in_force_which_is_first() -> None:
    found = cap_options(LINK, Kind.SUPPLY_CAP, box())
    assert found == (1_000_000, 600_000, 800_000, 1_200_000, 1_400_000)
    odd = replace(LINK, supply_cap_tokens=999_999)
    assert cap_options(odd, Kind.SUPPLY_CAP, box(20)) == (999_999, 799_999, 1_199_998)


def test_no_option_is_below_what_is_in_use_and_closing_is_one() -> None:
    wide = cap_options(LINK, Kind.SUPPLY_CAP, box(80))
    assert wide == (1_000_000, 400_000, 600_000, 800_000, 1_200_000, 1_400_000, 1_600_000, 1_800_000)
    dust = replace(LINK, total_supply_raw=LINK.total_supply_raw + 1)
    assert cap_options(dust, Kind.SUPPLY_CAP, box(80))[1] == 400_001
    # A cap below use is legal where it is in force, and stays on the menu.
    closed = replace(LINK, supply_cap_tokens=390_000)
    assert cap_options(closed, Kind.SUPPLY_CAP, box(20, 10)) == (390_000, 400_000, 429_000, 468_000)


def test_no_option_is_beyond_what_the_chain_stores() -> None:
    largest = replace(LINK, supply_cap_tokens=2**36 - 1)
    assert max(cap_options(largest, Kind.SUPPLY_CAP, box())) == 2**36 - 1


@pytest.mark.parametrize(
    "change",
    [{"supply_cap_tokens": 0}, {"frozen": True}, {"paused": True}, {"active": False}, {"ltv_bps": 0}],
)
def test_caps_that_cannot_move_are_no_rows(change: dict[str, Any]) -> None:
    assert 5 in moving(market(positions=()), box())
    closed = [*RESERVES[:5], replace(LINK, **change), RESERVES[6]]
    assert 5 not in moving(market(positions=(), reserves=closed), box())


def test_a_bound_that_allows_no_step_allows_no_row() -> None:
    shut = ChangeRule("supply_cap_tokens", LINK.asset, 1, StepKind.RELATIVE, 0, 0, None, "read")
    bounded = replace(market(positions=()), change_rules=ChangeRules((shut,)))
    assert moving(bounded, box()) == {0, 1, 2, 3, 4}


def test_caps_stay_unless_the_box_says_otherwise() -> None:
    assert list(cap_places(market(), read_limits(""))) == []


def test_borrow_caps_are_of_what_is_lent() -> None:
    capped = [replace(r, borrow_cap_tokens=200_000) for r in RESERVES]
    capped[6] = replace(capped[6], borrowing_enabled=False)
    found = cap_places(market(positions=(), reserves=capped), box(0, 20, 50))
    assert {(kind, place) for kind, place, _ in found} == {(Kind.BORROW_CAP, k) for k in range(6)}


def test_rows_of_caps_stand_behind_those_of_collateral_and_govern_no_account() -> None:
    snapshot = market()
    plain, capped = menu_of(snapshot, read_limits("")), menu_of(snapshot, box())
    assert capped.rows[: len(plain.rows)] == plain.rows
    names = [row.name for row in capped.rows[len(plain.rows) :]]
    assert names == [f"{r.symbol}.supply_cap" for r in RESERVES[:6]]
    assert accounts_of(snapshot, capped).c_row.tolist() == accounts_of(snapshot, plain).c_row.tolist()
    assert not supplied_usd(snapshot, capped)[len(plain.rows) :].any()
    row = capped.rows[-1]
    (change,) = row.changes(1)
    assert (change.name, change.before, change.after) == ("LINK.supply_cap", 1_000_000, 600_000)
    kept = replace(box(), keep=("LINK",))
    assert "LINK.supply_cap" not in [row.name for row in menu_of(snapshot, kept).rows]


def moving(snapshot: Snapshot, limits: Limits) -> set[int]:
    return {place for _, place, _ in cap_places(snapshot, limits)}
