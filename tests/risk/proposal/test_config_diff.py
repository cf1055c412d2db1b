"""Value before, value after: as reviewers read it, and raw."""

from __future__ import annotations

import json
from dataclasses import replace

from protocols.payload_calls import Setting, SettingKind
from protocols.snapshot import Feed, RateModel, Snapshot
from risk.proposal.apply import applied
from risk.proposal.changes import read_changes
from risk.proposal.config_diff import PENDING, differences, human, proposed, to_json, to_markdown
from risk.proposal.incoming import as_other
from tests.risk.proposal.test_changes import USDC, WETH, made

TEXTS = (
    "WETH.ltv=70%",
    "WETH.liquidation_bonus=6.5%",
    "emode:1.liquidation_threshold=92%",
    "USDC.supply_cap=1.2M",
    "USDC.borrow_cap=4M",
)


def test_what_is_proposed_is_what_differs_afterwards() -> None:
    before = made()
    changes = read_changes(TEXTS, before)
    rows = proposed(before, changes)
    assert {(r.section, r.identity, r.parameter, r.before, r.after) for r in rows} == {
        (r.section, r.identity, r.parameter, r.before, r.after)
        for r in differences(before, applied(before, changes))
    }
    assert differences(before, before) == ()


def test_the_page_reads_as_reviewers_expect() -> None:
    before = made()
    page = to_markdown(proposed(before, read_changes(TEXTS, before)), "Configuration of m")
    assert "## Reserves altered\n\n### WETH (`" in page or f"### WETH ({WETH})" in page
    assert "| ltv\\_bps | 75 % [7500] | 70 % [7000] |" in page
    assert "| liquidation\\_bonus\\_bps | 5 % [10500] | 6.5 % [10650] |" in page
    assert "| supply\\_cap\\_tokens | none [0] | 1,200,000 |" in page
    assert "## E-modes altered" in page
    raw = json.loads(page.partition("```json\n")[2].partition("\n```")[0])
    assert raw["reserve"][WETH]["ltv_bps"] == {
        "before_raw": "7500",
        "after_raw": "7000",
        "before": "75 % [7500]",
        "after": "70 % [7000]",
    }
    assert to_markdown((), "t") == "# t\n\nNothing differs.\n\n## Raw difference\n\n```json\n{}\n```\n"


def test_values_as_people_write_them() -> None:
    assert human("ltv_bps", 8_250) == "82.5 % [8250]"
    assert human("liquidation_bonus_bps", 0) == "0 % [0]"
    assert human("debt_ceiling_usd_cents", 2_500_000_00) == "$2,500,000 [250000000]"
    assert human("frozen", True) == "true"
    assert human("price_source", "") == "none"
    assert human("price_cap_raw", None) == "not known"


def test_feeds_rates_flags_and_members_differ_too() -> None:
    before = with_feed(made("3.6"), "0x" + "aa" * 20)
    model = RateModel(8 * 10**26, 0, 4 * 10**25, 6 * 10**26)
    weth = replace(before.reserves[0], rate_model=model)
    before = replace(before, reserves=(weth, before.reserves[1]))
    steeper = replace(weth, rate_model=replace(model, slope1_ray=5 * 10**25), frozen=True)
    mode = replace(before.emodes[0], collateral=(0, 1), label="Ether")
    after = replace(with_feed(before, "0x" + "bb" * 20), emodes=(mode,))
    after = replace(after, reserves=(replace(steeper, feed=after.reserves[0].feed), after.reserves[1]))
    found = {(r.section, r.parameter): (r.before, r.after) for r in differences(before, after)}
    assert found == {
        ("reserve", "frozen"): (False, True),
        ("reserve", "rate_slope1_bps"): (400, 500),
        ("emode", "label"): ("ETH correlated", "Ether"),
        ("emode_asset", "collateral"): (False, True),
        ("feed", "feed_source"): ("0x" + "aa" * 20, "0x" + "bb" * 20),
    }


def with_feed(snapshot: Snapshot, source: str) -> Snapshot:
    feed = Feed(source, "ETH / USD", 8, 2_000 * 10**8, 1)
    return replace(snapshot, reserves=(replace(snapshot.reserves[0], feed=feed), snapshot.reserves[1]))


def test_the_ltv_of_a_frozen_reserve_waits() -> None:
    plain = made("3.6")
    frozen = replace(plain, reserves=(replace(plain.reserves[0], frozen=True, ltv_bps=0), plain.reserves[1]))
    changes = read_changes(["WETH.ltv=70%"], frozen)
    assert applied(frozen, changes).reserves[0].ltv_bps == 0
    rows = {r.parameter: (r.before, r.after) for r in proposed(frozen, changes)}
    assert rows == {"ltv_bps": (0, 0), PENDING: (None, 7_000)}
    assert "stores the new one as pending" in to_markdown(proposed(frozen, changes), "t")
    old = replace(frozen, market=replace(frozen.market, version="3.0"))
    assert applied(old, read_changes(["WETH.ltv=70%"], old)).reserves[0].ltv_bps == 7_000


def test_other_settings_and_hostile_text() -> None:
    before = made("3.6")
    evil = "`|\n[x](javascript:1)<script>alert(1)</script>"
    other = as_other(Setting(SettingKind.EMODE, "1", "label", evil), before)
    page = to_markdown(proposed(before, (), (other,)), "t")
    table = next(line for line in page.splitlines() if line.startswith("| label"))
    assert table.replace("\\|", "").count("|") == 4
    assert "<script>" not in table.replace("`", "\0").split("\0")[0]
    assert page.count("```") == 2  # nothing ends the code block early
    body = to_json(proposed(before, (), (other,)))
    assert body["emode"]["1"]["label"]["after_raw"] == evil
    member = as_other(Setting(SettingKind.EMODE_ASSET, f"1:{USDC}", "collateral", True), before)
    (row,) = proposed(before, (), (member,))
    assert (row.section, row.subject, row.before, row.after) == ("emode_asset", "emode:1:USDC", False, True)
    assert member.decisive
