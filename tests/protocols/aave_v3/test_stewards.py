"""A steward's bounds from encoded answers of each published interface; the wire is real."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode as abi_encode

from abis.calls import Call, encode
from abis.chain import Chain, Header
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v3.addresses import Addresses
from protocols.aave_v3.governance import DOCUMENTED_DEFAULT, default_change_rules
from protocols.aave_v3.stewards import read_change_rules
from protocols.change_rules import ChangeRule, ChangeRules, StepKind
from protocols.snapshot import EMode, Reserve
from tests.abis.scripted_node import NodeError, ScriptedNode, serving

DAY_S = 86_400
STEWARD = "0x" + "55" * 20
POOL, PROVIDER, ORACLE, DATA = ("0x" + digit * 20 for digit in ("11", "22", "33", "44"))
WETH, USDC = "0x" + "aa" * 20, "0x" + "bb" * 20
MARKET = Addresses(PROVIDER, POOL, ORACLE, "")
BLOCK = Header(100, "0x" + "ab" * 32, 1_700_000_000)
EMODES = (EMode(3, "ETH", 9_300, 9_500, 10_100),)

# minDelay, maxPercentChange in the order of IRiskSteward.Config: collateral, e-mode, rates, caps, feeds.
COLLATERAL = [(3 * DAY_S, 51), (3 * DAY_S, 52), (3 * DAY_S, 53), (DAY_S, 2_000)]
EMODE = [(2 * DAY_S, 61), (2 * DAY_S, 62), (2 * DAY_S, 63)]
RATES = [(DAY_S, 71), (DAY_S, 72), (DAY_S, 73), (DAY_S, 74)]
CAPS = [(4 * DAY_S, 8_100), (5 * DAY_S, 8_200)]
FEEDS = [(DAY_S, 500), (DAY_S, 50), (DAY_S, 25 * 10**15)]
GROUPED = COLLATERAL + EMODE + RATES + CAPS + FEEDS
FLAT = COLLATERAL[:3] + CAPS + COLLATERAL[3:] + RATES + FEEDS[:2]
# Debounce: supplyCap, borrowCap, ltv, bonus, threshold, debtCeiling, base, slope1, slope2, optimal, priceCap.
TIMES = [1_001, 1_002, 1_003, 1_004, 1_005, 1_006, 1_007, 1_008, 1_009, 1_010, 1_011]
EMODE_TIMES = [2_001, 2_002, 2_003]  # ltv, bonus, threshold

Answers = Mapping[tuple[str, str, tuple[Any, ...]], bytes]


def asset(address: str, symbol: str) -> Reserve:
    return Reserve(address, symbol, 18, 10**8, 7_000, 7_500, 10_500)


def pairs(config: list[tuple[int, int]]) -> bytes:
    return abi_encode(["(uint40,uint256)"] * len(config), config)


def words(*values: int | str) -> bytes:
    return abi_encode(["address" if isinstance(v, str) else "uint256" for v in values], values)


def steward(config: list[tuple[int, int]]) -> dict[tuple[str, str, tuple[Any, ...]], bytes]:
    return {
        (STEWARD, "POOL()", ()): words(POOL),
        (STEWARD, "getRiskConfig()", ()): pairs(config),
        (STEWARD, "getTimelock(address)", (WETH,)): words(*TIMES),
        (STEWARD, "getTimelock(address)", (USDC,)): words(*[0] * 11),
        (STEWARD, "isAddressRestricted(address)", (WETH,)): words(0),
        (STEWARD, "isAddressRestricted(address)", (USDC,)): words(1),
        (STEWARD, "getEModeTimelock(uint8)", (3,)): words(*EMODE_TIMES),
        (STEWARD, "isEModeCategoryRestricted(uint8)", (3,)): words(0),
    }


def read(answers: Answers, address: str | None = STEWARD) -> tuple[ChangeRules, list[Finding]]:
    script = {
        (to.lower(), "0x" + encode(Call(to, signature, args)).hex()): data
        for (to, signature, args), data in answers.items()
    }

    def answer(method: str, params: list[Any]) -> Any:
        if method == "eth_getCode":
            return "0x"
        data = script.get((params[0]["to"].lower(), params[0]["data"]))
        return NodeError(3, "execution reverted") if data is None else "0x" + data.hex()

    findings: list[Finding] = []
    reserves = (asset(WETH, "WETH"), asset(USDC, "USDC"))
    with serving(ScriptedNode(answer)) as node:
        return read_change_rules(
            Chain(node.url), address, MARKET, reserves, EMODES, BLOCK, findings
        ), findings


def rule(rules: ChangeRules, parameter: str, subject: str) -> ChangeRule:
    found = rules.of(parameter, subject)
    assert found is not None
    return found


def test_every_bound_delay_and_last_update_stands_where_the_interface_puts_it() -> None:
    rules, findings = read(steward(GROUPED))
    assert findings == []
    assert {r.source for r in rules.rules} == {STEWARD}
    found = {
        r.parameter: (r.max_step, r.min_delay_s // DAY_S, r.last_change_s, r.step_kind.value)
        for r in rules.rules
        if r.subject in (WETH, "3")
    }
    assert found == {
        "ltv_bps": (51, 3, 1_003, "absolute"),
        "liquidation_threshold_bps": (52, 3, 1_005, "absolute"),
        "liquidation_bonus_bps": (53, 3, 1_004, "absolute"),
        "debt_ceiling_usd": (2_000, 1, 1_006, "relative"),
        "emode_ltv_bps": (61, 2, 2_001, "absolute"),
        "emode_liquidation_threshold_bps": (62, 2, 2_003, "absolute"),
        "emode_liquidation_bonus_bps": (63, 2, 2_002, "absolute"),
        "rate_base_bps": (71, 1, 1_007, "absolute"),
        "rate_slope1_bps": (72, 1, 1_008, "absolute"),
        "rate_slope2_bps": (73, 1, 1_009, "absolute"),
        "rate_optimal_bps": (74, 1, 1_010, "absolute"),
        "supply_cap_tokens": (8_100, 4, 1_001, "relative"),
        "borrow_cap_tokens": (8_200, 5, 1_002, "relative"),
    }
    assert (rules.ltv_at_most_threshold, rules.max_threshold_times_bonus_bps) == (True, 10_000)


def test_an_asset_of_no_rule_of_its_own_has_the_general_one() -> None:
    rules, _ = read(steward(GROUPED))
    general = rule(rules, "ltv_bps", "0x" + "cc" * 20)
    assert (general.subject, general.max_step, general.last_change_s) == ("*", 51, None)


def test_what_is_restricted_may_not_be_changed_and_0_is_no_update() -> None:
    answers = steward(GROUPED)
    answers[STEWARD, "isEModeCategoryRestricted(uint8)", (3,)] = words(1)
    rules, _ = read(answers)
    assert {r.max_step for r in rules.rules if r.subject in (USDC, "3")} == {0}
    assert {r.last_change_s for r in rules.rules if r.subject == USDC} == {0}
    assert rule(rules, "ltv_bps", WETH).max_step == 51


def test_the_grouped_shape_before_pendle_reads_the_same() -> None:
    assert read(steward(GROUPED[:-1]))[0] == read(steward(GROUPED))[0]


def test_the_flat_shape_leaves_e_modes_to_the_documented_defaults() -> None:
    answers = steward(FLAT)
    del answers[STEWARD, "POOL()", ()]
    answers[STEWARD, "POOL_DATA_PROVIDER()", ()] = words(DATA)
    answers[DATA, "ADDRESSES_PROVIDER()", ()] = words(PROVIDER)
    for address, barred in ((WETH, 0), (USDC, 1)):
        del answers[STEWARD, "isAddressRestricted(address)", (address,)]
        answers[STEWARD, "isAssetRestricted(address)", (address,)] = words(barred)
    rules, findings = read(answers)
    grouped, _ = read(steward(GROUPED))
    own = {r for r in rules.rules if r.source == STEWARD}
    assert own == {r for r in grouped.rules if not r.parameter.startswith("emode_")}
    assert {(r.parameter, r.subject) for r in rules.rules if r.source == DOCUMENTED_DEFAULT} == {
        (f"emode_{name}", "*") for name in ("ltv_bps", "liquidation_threshold_bps", "liquidation_bonus_bps")
    }
    (finding,) = findings
    assert (finding.kind, finding.severity) == (FindingKind.UNVERIFIED, Severity.LOW)
    assert "emode_ltv_bps" in finding.message


def test_without_a_steward_the_documented_defaults_stand_and_nothing_is_asked() -> None:
    rules, findings = read({}, None)
    assert (rules, findings) == (default_change_rules(), [])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({(STEWARD, "POOL()", ()): words(ORACLE)}, f"it changes pool {ORACLE}"),
        ({(STEWARD, "POOL()", ()): None}, "it names no pool"),
        ({(STEWARD, "getRiskConfig()", ()): None}, "no known shape"),
        ({(STEWARD, "getRiskConfig()", ()): b""}, "no known shape"),
        ({(STEWARD, "getRiskConfig()", ()): pairs(GROUPED[:14])}, "no known shape"),
        ({(STEWARD, "getRiskConfig()", ()): pairs(GROUPED) + b"\0"}, "no known shape"),
        ({(STEWARD, "getRiskConfig()", ()): words(*[2**41, 50] * 16)}, "no known shape"),
        ({(STEWARD, "getRiskConfig()", ()): words(*[DAY_S, 2**200] * 16)}, "no known shape"),
    ],
)
def test_a_steward_that_cannot_be_used_leaves_the_defaults_and_a_finding(
    change: dict[tuple[str, str, tuple[Any, ...]], bytes | None], says: str
) -> None:
    changed = {**steward(GROUPED), **change}
    rules, findings = read({key: data for key, data in changed.items() if data is not None})
    assert rules == default_change_rules()
    (finding,) = findings
    assert (finding.kind, finding.severity) == (FindingKind.UNVERIFIED, Severity.MEDIUM)
    assert finding.subject == STEWARD
    assert says.lower() in finding.message.lower()
    assert "documented default bounds are assumed" in finding.message


def test_a_data_provider_of_another_market_is_refused() -> None:
    answers = steward(FLAT)
    del answers[STEWARD, "POOL()", ()]
    answers[STEWARD, "POOL_DATA_PROVIDER()", ()] = words(DATA)
    answers[DATA, "ADDRESSES_PROVIDER()", ()] = words(ORACLE)
    rules, (finding,) = read(answers)
    assert rules == default_change_rules()
    assert "it changes the market of" in finding.message


def test_missing_times_are_unknown_and_noted() -> None:
    answers = steward(GROUPED)
    del answers[STEWARD, "getTimelock(address)", (WETH,)]
    answers[STEWARD, "getEModeTimelock(uint8)", (3,)] = words(1, 2)
    rules, findings = read(answers)
    assert rule(rules, "ltv_bps", WETH).last_change_s is None
    assert rule(rules, "emode_ltv_bps", "3").last_change_s is None
    assert [f.message for f in findings] == [
        f"The steward does not say when it last changed asset {WETH}.",
        "The steward does not say when it last changed e-mode 3.",
    ]


def test_the_rules_survive_the_manifest() -> None:
    rules, _ = read(steward(GROUPED))
    assert ChangeRules.from_json(rules.to_json()) == rules
    assert replace(rules.rules[0], step_kind=StepKind.ABSOLUTE) == rules.rules[0]
