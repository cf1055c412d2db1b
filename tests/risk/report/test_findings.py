"""Rules that turn figures into findings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abis.findings import FindingKind, Severity
from protocols.releases import rules_of
from protocols.snapshot import Snapshot
from risk.report import findings as rules
from risk.report.book import CompletenessFigures, completeness
from risk.report.findings_stress import reverse_findings
from risk.report.reverse import ReverseRow
from risk.report.review import Review
from tests.risk.report.conftest import reviewed
from tests.risk.report.made import LINK, USDC


def _about(review: Review, kind: FindingKind, subject: str) -> list[str]:
    return [f.message for f in review.findings if f.kind is kind and f.subject == subject]


def test_findings_are_ranked_and_keep_those_of_the_snapshot(review: Review, snapshot: Snapshot) -> None:
    severities = [f.severity for f in review.findings]
    assert severities == sorted(severities, reverse=True)
    assert set(snapshot.findings) <= set(review.findings)
    assert len(set(review.findings)) == len(review.findings)


def test_every_finding_says_what_and_gives_a_remedy_of_ours(review: Review, snapshot: Snapshot) -> None:
    for f in set(review.findings) - set(snapshot.findings):
        assert f.message.endswith(".")
        assert f.remedy or f.kind is FindingKind.UNVERIFIED


def test_the_made_market_is_read_as_it_was_made(review: Review) -> None:
    assert _about(review, FindingKind.STALE, "WBTC") == [
        "its price was updated 1 h 30 min before the block; the configured heartbeat is 1 h."
    ]
    assert "$120k" in _about(review, FindingKind.BUFFER, "book")[0]
    assert "0.9646" in _about(review, FindingKind.TOXIC, "ETH correlated")[0]
    assert "$1.25k is booked" in _about(review, FindingKind.BUFFER, "USDC")[0]
    assert _about(review, FindingKind.UNVERIFIED, "wstETH, GHO and LINK") == [
        "deviation or heartbeat assumed for 3 feeds, not read or fitted."
    ]
    assert any("INFINITE DEPTH ASSUMED" in f.message for f in review.findings)
    assert any(f.kind is FindingKind.MISSING and f.subject == "supply side" for f in review.findings)


def test_one_borrower_is_a_worse_finding_when_close(review: Review) -> None:
    by_account = {f.subject: f for f in review.findings if f.kind is FindingKind.EXPOSURE}
    assert by_account["0x0000000000000000000000000000000000001015"].severity is Severity.HIGH
    assert by_account["0x00000000000000000000000000000000000010b6"].severity is Severity.MEDIUM


def test_a_full_reserve_is_a_liquidity_finding(snapshot: Snapshot) -> None:
    rows = list(snapshot.reserves)
    rows[USDC] = replace(rows[USDC], available_liquidity_raw=10_000 * 10**6)
    review = reviewed(replace(snapshot, reserves=tuple(rows)))
    assert any("99.9 % is lent out" in m for m in _about(review, FindingKind.LIQUIDITY, "USDC"))


def test_reserves_without_supply_cap_are_one_high_finding(snapshot: Snapshot) -> None:
    rows = [replace(r, supply_cap_tokens=0) for r in snapshot.reserves]
    review = reviewed(replace(snapshot, reserves=tuple(rows)))
    (found,) = [f for f in review.findings if f.kind is FindingKind.CAP]
    assert found.severity is Severity.HIGH
    assert found.subject == "WETH, wstETH, WBTC and 2 more"
    assert found.value_usd == max(r.fill_loss_usd for r in review.caps)


def test_unchecked_totals_cast_doubt_on_what_rests_on_them(snapshot: Snapshot) -> None:
    rows = tuple(replace(r, supply_cap_tokens=0) for r in snapshot.reserves)
    review = reviewed(replace(snapshot, reserves=rows, completeness=()))
    (found,) = [f for f in review.findings if f.kind is FindingKind.CAP]
    assert found.severity is Severity.LOW
    assert found.message.endswith("the book may be a part of the market.")


def test_rules_that_always_repay_half_are_toxic_only_near_health_one(snapshot: Snapshot) -> None:
    review = reviewed(replace(snapshot, rules=rules_of("aave", "2.0")))
    assert {f.subject for f in review.findings if f.kind is FindingKind.TOXIC and "partial" in f.message} == {
        "ETH correlated"
    }


def test_scenarios_that_do_the_same_are_found_once(review: Review) -> None:
    toxic = [f.subject for f in review.findings if f.kind is FindingKind.TOXIC and "repaid" in f.message]
    assert len(toxic) == len(set(toxic)) <= 3


def test_a_move_of_ordinary_size_that_exhausts_the_cover_is_found() -> None:
    row = ReverseRow("ETH", "fall", -0.12, -0.95, 6e6, True, "USDC", 5e6)
    (found,) = reverse_findings([row, replace(row, move_share=-0.5)], 5e6)
    assert "a fall of 12 % exhausts the cover of $5.00M" in found.message


def test_collateral_that_cannot_be_taken_out_is_found(snapshot: Snapshot) -> None:
    rows = list(snapshot.reserves)
    rows[0] = replace(rows[0], available_liquidity_raw=10**18)
    review = reviewed(replace(snapshot, reserves=tuple(rows)))
    assert any(
        "is at risk but $1.40k can be withdrawn" in m for m in _about(review, FindingKind.LIQUIDITY, "WETH")
    )


def test_an_unreadable_price_is_found(snapshot: Snapshot) -> None:
    rows = list(snapshot.reserves)
    rows[LINK] = replace(rows[LINK], price_raw=0)
    review = reviewed(replace(snapshot, reserves=tuple(rows)))
    assert any("unreadable" in m for m in _about(review, FindingKind.MISSING, "LINK"))


@pytest.mark.parametrize(
    ("share", "severity"), [(0.98, Severity.HIGH), (0.995, Severity.MEDIUM), (0.9995, Severity.LOW)]
)
def test_missing_positions_weigh_by_their_share(share: float, severity: Severity) -> None:
    figures = CompletenessFigures(share, 1.0, 5.0, 0.0, ())
    assert [f.severity for f in rules.completeness_findings(figures)] == [severity]


def test_unchecked_completeness_is_found(snapshot: Snapshot) -> None:
    found = list(rules.completeness_findings(completeness(replace(snapshot, completeness=()))))
    assert [f.kind for f in found] == [FindingKind.UNVERIFIED]


def test_a_market_in_order_gives_no_findings_of_ours() -> None:
    assert list(rules.completeness_findings(CompletenessFigures(1.0, 1.0, 0.0, 0.0, ()))) == []
    assert list(rules.under_water_findings(0, 0.0)) == []
