"""Reading, applying, checking and encoding proposals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from abis.errors import InputError, UnknownAsset
from protocols.change_rules import ChangeRule, ChangeRules, StepKind
from protocols.exact import exact_rules
from protocols.snapshot import EMode, Snapshot
from risk.proposal.apply import applied
from risk.proposal.changes import read_changes
from risk.proposal.check import Verdict, checks
from risk.proposal.dossier import Dossier
from risk.proposal.effects import effects
from risk.proposal.evidence import evidence_of
from risk.proposal.payload import calls, decoded, safe_json
from risk.proposal.post import post
from risk.proposal.report import page
from risk.scenarios.build import from_shocks
from tests.risk.engine.markets import Account, market, reserve

WETH = "0x" + "11" * 20
USDC = "0x" + "22" * 20
CATEGORY = EMode(1, "ETH correlated", 9_000, 9_300, 10_100, collateral=(0,), borrowable=(1,))


def made(version: str = "3.3", emodes: tuple[EMode, ...] = (CATEGORY,)) -> Snapshot:
    """Ether at 2000 against dollars: healths of 1.10, 1.02 and, in the category, 1.05."""
    listed = [
        reserve("WETH", 2_000.0, 0.80, 0.05, asset=WETH, total_supply_raw=10**20),
        reserve("USDC", 1.0, 0.75, 0.04, decimals=6, asset=USDC),
    ]
    accounts = [
        Account({0: 10.0}, {1: 16_000 / 1.10}),
        Account({0: 10.0}, {1: 16_000 / 1.02}),
        Account({0: 10.0}, {1: 18_600 / 1.05}, emode=1),
    ]
    return market(listed, accounts, version, emodes=emodes)


def test_units_and_subjects() -> None:
    texts = ["WETH.ltv=70%", "WETH.liquidation_bonus=6.5%", "emode:1.ltv=8950bps", "WETH.supply_cap=1.2M"]
    changes = read_changes(texts, made())
    assert [(c.name, c.after) for c in changes] == [
        ("WETH.ltv", 7_000),
        ("WETH.liquidation_bonus", 10_650),
        ("emode:1.ltv", 8_950),
        ("WETH.supply_cap", 1_200_000),
    ]
    assert changes[1].shown == ("5.00 %", "6.50 %")
    assert changes[3].shown == ("none", "1,200,000")
    by_label = read_changes(["emode:ETH correlated.ltv=8950bps", f"{WETH}.ltv=70%"], made())
    assert [c.name for c in by_label] == ["emode:1.ltv", "WETH.ltv"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("WETH.ltv", "is no change"),
        ("WETH.colour=1%", "'colour'"),
        ("WETH.ltv=70", "no unit"),
        ("WETH.ltv=101%", "cannot be stored"),
        ("WETH.ltv=70.001%", "cannot be stored"),
        ("WETH.ltv=-5%", "cannot be stored"),
        ("WETH.ltv=much", "'much'"),
        ("WETH.supply_cap=5%", "no amount"),
        ("WETH.supply_cap=1e99", "no value"),
        ("WETH.supply_cap=100000000000", "cannot be stored"),
        ("emode:7.ltv=90%", "'7' is no e-mode"),
        ("emode:1.supply_cap=5", "no parameter of a category"),
        ("WETH.ltv=75%", "nothing would change"),
    ],
)
def test_bad_changes_are_named(text: str, named: str) -> None:
    with pytest.raises(InputError, match=named):
        read_changes([text], made())


def test_unknown_reserve_and_a_parameter_set_twice() -> None:
    with pytest.raises(UnknownAsset):
        read_changes(["WETHH.ltv=70%"], made())
    with pytest.raises(InputError, match="set twice"):
        read_changes(["WETH.ltv=70%", f"{WETH}.ltv=71%"], made())


def test_a_reserve_governs_outside_and_a_category_inside() -> None:
    before = made()
    after = applied(before, read_changes(["WETH.liquidation_threshold=78%"], before))
    np.testing.assert_array_equal(after.book.collateral.threshold_bps, [7_800, 7_800, 9_300])
    after = applied(before, read_changes(["emode:1.liquidation_threshold=92%"], before))
    np.testing.assert_array_equal(after.book.collateral.threshold_bps, [8_000, 8_000, 9_200])
    np.testing.assert_array_equal(before.book.collateral.threshold_bps, [8_000, 8_000, 9_300])


def test_an_ltv_of_zero_from_elsewhere_stays_zero() -> None:
    plain = made()
    ltv = plain.book.collateral.ltv_bps.copy()
    ltv[0] = 0
    block = replace(plain.book.collateral, ltv_bps=ltv)
    frozen = replace(plain, book=replace(plain.book, collateral=block))
    after = applied(frozen, read_changes(["WETH.ltv=70%"], frozen))
    np.testing.assert_array_equal(after.book.collateral.ltv_bps[:2], [0, 7_000])


def verdicts(*texts: str, snapshot: Snapshot | None = None) -> dict[str, Verdict]:
    before = snapshot or made()
    changes = read_changes(texts, before)
    return {c.rule: c.verdict for c in checks(before, applied(before, changes), changes)}


def test_the_configurator_refuses() -> None:
    assert verdicts("WETH.ltv=81%")["LTV at most the threshold"] is Verdict.FAIL
    assert verdicts("WETH.liquidation_bonus=0%")["bonus above 100 %"] is Verdict.FAIL
    # 80 % times 125 % is 100 %; half-up rounding lets half a basis point more through.
    product = "threshold times bonus at most 100 %"
    assert verdicts("WETH.liquidation_bonus=25%")[product] is Verdict.PASS
    assert verdicts("WETH.liquidation_bonus=25.01%")[product] is Verdict.FAIL
    closing = verdicts("WETH.ltv=0%", "WETH.liquidation_threshold=0%", "WETH.liquidation_bonus=0%")
    assert closing["nobody supplies what stops to be collateral"] is Verdict.FAIL
    assert verdicts("emode:1.ltv=0%")["a category lends"] is Verdict.FAIL
    assert "LTV at most the threshold" not in verdicts("WETH.supply_cap=5")
    old = made("3.0")
    members = "a category gives more than its members"
    assert verdicts("emode:1.ltv=70%", snapshot=old)[members] is Verdict.FAIL
    assert verdicts("emode:1.ltv=91%", snapshot=old)[members] is Verdict.PASS


def test_the_steward_may_do_less() -> None:
    before = made()
    rule = ChangeRule("ltv_bps", "*", 1, StepKind.ABSOLUTE, 50, 259_200, None, "test")
    step, wait = "within the steward's step", "waiting time is over"
    for change, last, expected in (
        ("WETH.ltv=75.5%", 0, (Verdict.PASS, Verdict.PASS)),
        ("WETH.ltv=75.51%", 0, (Verdict.FAIL, Verdict.PASS)),
        ("WETH.ltv=75.5%", before.block.timestamp_s - 259_200, (Verdict.PASS, Verdict.PASS)),
        ("WETH.ltv=75.5%", before.block.timestamp_s - 259_199, (Verdict.PASS, Verdict.FAIL)),
        ("WETH.ltv=75.5%", None, (Verdict.PASS, Verdict.NOT_KNOWN)),
    ):
        rules = ChangeRules((replace(rule, last_change_s=last),))
        found = verdicts(change, snapshot=replace(before, change_rules=rules))
        assert (found[step], found[wait]) == expected
    assert verdicts("WETH.ltv=75.5%")[step] is Verdict.NOT_KNOWN


def test_effects_are_what_the_exact_rules_say() -> None:
    before = made()
    after = applied(before, read_changes(["WETH.liquidation_threshold=78%"], before))
    found = effects(before, after, from_shocks(["WETH=-5%", "WETH=+5%"], before))
    assert found.names[0] == "now"
    assert found.accounts_before.tolist() == [0, 2, 0]  # 1.02 and 1.05 do not survive 5 %
    assert found.accounts_after.tolist() == [1, 2, 0]
    assert found.new_accounts.tolist() == [1, 0, 0]
    (hit,) = found.enacted
    assert hit.account == before.book.accounts[1]
    exact = exact_rules(after.rules).account_data(after.position(1), after.rules)
    assert hit.health_after_wad == exact.health_factor < 10**18 < hit.health_before_wad
    assert hit.repay_usd == pytest.approx(16_000 / 1.02 - 15_600, rel=1e-6)
    assert found.released == ()
    back = effects(after, before, from_shocks(["WETH=-5%"], before))
    assert [row.account for row in back.released] == [hit.account]


@pytest.mark.parametrize("version", ["3.0", "3.3", "3.7"])
def test_calls_are_read_back_as_the_changes_they_make(version: str) -> None:
    before = made(version)
    texts = [
        "WETH.ltv=70%",
        "WETH.liquidation_threshold=78%",
        "WETH.liquidation_bonus=6%",
        "emode:1.liquidation_threshold=92%",
        "USDC.supply_cap=5M",
        "USDC.borrow_cap=4M",
        "USDC.reserve_factor=12%",
        "WETH.liquidation_protocol_fee=9%",
    ]
    changes = read_changes(texts, before)
    sent = calls(applied(before, changes), changes)
    read = [change for call in sent for change in decoded(call.calldata, before)]
    assert sorted(read, key=lambda c: c.name) == sorted(changes, key=lambda c: c.name)
    builder = safe_json(sent, WETH, 1)
    assert [t["data"] for t in builder["transactions"]] == [c.calldata for c in sent]


@pytest.mark.parametrize(
    ("calldata", "named"),
    [
        ("0xzz", "no hex"),
        ("0x12345678", "no call known here begins with 0x12345678"),
        ("0x7c4e560b00", "cannot be read"),
    ],
)
def test_bad_calldata_is_named(calldata: str, named: str) -> None:
    with pytest.raises(InputError, match=named):
        decoded(calldata, made())


def test_other_protocols_have_no_calls_here() -> None:
    plain = made()
    other = replace(plain, market=replace(plain.market, protocol="morpho"))
    with pytest.raises(InputError, match="morpho"):
        calls(other, read_changes(["WETH.ltv=70%"], other))


def test_hostile_symbols_stay_text() -> None:
    before = made()
    evil = "|[x](javascript:1)<script>"
    named = replace(before, reserves=(replace(before.reserves[0], symbol=evil), before.reserves[1]))
    changes = read_changes([f"{WETH}.liquidation_threshold=78%"], named)
    after = applied(named, changes)
    evidence = evidence_of(named, changes, from_shocks(["market=-5%"], named), vary_depth=False)
    dossier = Dossier(named, after, evidence, checks(named, after, changes), ())
    shown = post(dossier, page(dossier))
    rows = [line for line in shown.splitlines() if "liquidation_threshold" in line and line.startswith("|")]
    assert rows[0].replace("\\|", "").count("|") == 6  # five columns
    assert "`" in rows[0]
