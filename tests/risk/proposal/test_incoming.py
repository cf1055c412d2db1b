"""Payloads of others: what is read, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.calls import Call, encode
from abis.errors import BreakwaterError, InputError, UnknownAsset
from abis.findings import Severity
from protocols.payload_batches import unpacked
from protocols.payload_calls import KEEP_CURRENT, RawCall, Route
from protocols.payload_file import read_payload
from protocols.snapshot import Snapshot
from risk.proposal.apply import applied
from risk.proposal.changes import COLLATERAL_FIELDS, FIELDS, read_changes
from risk.proposal.incoming import changes_of, read
from risk.proposal.payload import ROUTES, calls, encoded, safe_json
from tests.risk.proposal.test_changes import WETH, made

TEXTS = ("WETH.ltv=70%", "WETH.liquidation_threshold=78%", "emode:1.ltv=89%", "USDC.borrow_cap=4M")


def payload(*texts: str) -> list[RawCall]:
    before = made()
    changes = read_changes(texts, before)
    return [RawCall(call.calldata) for call in calls(applied(before, changes), changes)]


def test_builder_lines_and_hex_say_the_same(tmp_path: Path) -> None:
    before = made()
    proposed = read_changes(TEXTS, before)
    sent = calls(applied(before, proposed), proposed)
    builder, lines = tmp_path / "safe.json", tmp_path / "calls.txt"
    builder.write_text(json.dumps(safe_json(sent, WETH, 1)))
    lines.write_text("\n".join(c.calldata for c in sent) + "\n")
    for path in (builder, lines):
        read = changes_of(read_payload(str(path), 1), before)
        assert sorted(read, key=lambda c: c.name) == sorted(proposed, key=lambda c: c.name)
    assert read_payload(sent[0].calldata, 1) == (RawCall(sent[0].calldata),)


def test_a_later_call_wins() -> None:
    before = made()
    twice = [*payload("WETH.ltv=70%"), *payload("WETH.ltv=71%")]
    assert [(c.name, c.after) for c in changes_of(twice, before)] == [("WETH.ltv", 7_100)]
    back = [*payload("USDC.borrow_cap=4M"), *payload("USDC.borrow_cap=4M")]
    assert len(changes_of(back, before)) == 1


def test_what_sets_everything_to_what_it_is_changes_nothing() -> None:
    after = applied(made(), read_changes(["WETH.ltv=70%"], made()))
    with pytest.raises(InputError, match="changes nothing"):
        changes_of(payload("WETH.ltv=70%"), after)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "holds no call"),
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "lists no transactions"),
        ('{"transactions": []}', "lists no transactions"),
        ('{"transactions": [{"to": "0x"}]}', "transaction 0 of"),
        ('{"transactions": [{"to": "0x1", "data": "0x"}]}', "no address"),
        ('{"transactions": [{"to": 7, "data": "0x"}]}', "names no address"),
        ('{"transactions": [7]}', "is no record"),
        ('{"transactions": [{"data": "0x", "value": "-1"}]}', "sends '-1'"),
        ('{"transactions": [{"data": null, "contractMethod": {"inputs": []}}]}', "names no method"),
        ('{"chainId": "10", "transactions": [{"data": "0x"}]}', "for chain '10'"),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, content: str, named: str) -> None:
    path = tmp_path / "payload"
    path.write_text(content)
    with pytest.raises(BreakwaterError, match=named):
        read_payload(str(path), 1)


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(BreakwaterError, match="cannot be read"):
        read_payload(str(tmp_path / "none"), 1)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(BreakwaterError, match="cannot be read"):
        read_payload(str(tmp_path / "bytes"), 1)


def test_a_reserve_of_another_market_is_refused() -> None:
    (call,) = payload("WETH.ltv=70%")
    with pytest.raises(UnknownAsset, match="0x3333"):
        changes_of([RawCall(call.data.replace("11" * 20, "33" * 20))], made())


def test_a_new_label_is_shown_and_not_taken_for_a_change() -> None:
    (category,) = payload("emode:1.ltv=89%")
    label = b"ETH correlated".hex()
    assert label in category.data
    found = read([RawCall(category.data.replace(label, b"ETH correlateD".hex()))], made())
    assert [c.name for c in found.changes] == ["emode:1.ltv"]
    (other,) = found.others
    assert (other.subject, other.before, other.setting.value) == (
        "emode:1",
        "ETH correlated",
        "ETH correlateD",
    )
    assert [(f.subject, f.severity) for f in found.findings] == [("emode:1", Severity.INFO)]


CONFIGURATOR, ELSEWHERE = "0x" + "Cc" * 20, "0x" + "dd" * 20


def call(signature: str, *arguments: object) -> str:
    return "0x" + encode(Call("", signature, arguments)).hex()


def known(version: str = "3.6") -> Snapshot:
    plain = made(version)
    return replace(plain, market=replace(plain.market, addresses={"configurator": CONFIGURATOR}))


CAP = call("setSupplyCap(address,uint256)", WETH, 5)


def test_an_unknown_call_is_shown_beside_what_is_compared() -> None:
    found = read([RawCall("0x12345678", ELSEWHERE, "call 1"), RawCall(CAP, CONFIGURATOR, "call 2")], known())
    assert [c.name for c in found.changes] == ["WETH.supply_cap"]
    (finding,) = found.findings
    assert finding.message.startswith("NOT DECODED: no call known here begins with 0x12345678")
    assert ELSEWHERE in finding.message
    assert (finding.subject, finding.severity) == ("call 1", Severity.HIGH)
    assert [decoded is None for _, decoded in found.calls] == [True, False]
    named = read([RawCall(call("execute()")), RawCall(CAP)], known())
    assert "execute() is not followed" in named.findings[0].message
    with pytest.raises(InputError, match="NOT DECODED"):
        read([RawCall("0x12345678")], known())


def test_a_call_to_another_pool_is_refused() -> None:
    with pytest.raises(InputError, match="for another pool"):
        read([RawCall(CAP, ELSEWHERE)], known())
    (finding,) = read([RawCall(CAP, ELSEWHERE)], made("3.6")).findings
    assert "not checked" in finding.message  # the snapshot does not name its configurator


def test_engine_and_steward_updates_are_compared() -> None:
    caps = call("updateCaps((address,uint256,uint256)[])", [(WETH, 7, KEEP_CURRENT)])
    bonus = call(
        "updateCollateralSide((address,uint256,uint256,uint256,uint256,uint256)[])",
        [(WETH, KEEP_CURRENT, KEEP_CURRENT, 600, KEEP_CURRENT, KEEP_CURRENT)],
    )
    found = read([RawCall(caps, ELSEWHERE), RawCall(bonus)], known())
    assert {(c.name, c.after) for c in found.changes} == {
        ("WETH.supply_cap", 7),
        ("WETH.liquidation_bonus", 10_600),
    }
    assert [f.severity for f in found.findings] == [Severity.LOW]


def test_settings_that_conflict_cannot_be_stored_or_send_ether_are_found() -> None:
    again = call("setSupplyCap(address,uint256)", WETH, 6)
    found = read([RawCall(CAP), RawCall(again, place="call 2")], known())
    assert [c.after for c in found.changes] == [6]
    assert "set to 5 before and to 6 here" in found.findings[0].message
    huge = call("setSupplyCap(address,uint256)", WETH, 2**36)
    found = read([RawCall(huge, place="call 2"), RawCall(again)], known())
    assert [(f.subject, f.severity) for f in found.findings] == [("call 2", Severity.CRITICAL)]
    with pytest.raises(InputError, match="cannot store"):
        read([RawCall(huge)], known())
    (finding,) = read([RawCall(CAP, value_wei=1)], known()).findings
    assert "1 wei" in finding.message


def test_what_decides_liquidations_and_is_not_followed_is_said_loudly() -> None:
    feed = call("setAssetSources(address[],address[])", [WETH], [ELSEWHERE])
    (finding,) = read([RawCall(feed)], known()).findings
    assert finding.severity is Severity.HIGH
    assert "can change who is liquidatable" in finding.message
    paused = call("setReserveFlashLoaning(address,bool)", WETH, False)
    (finding,) = read([RawCall(paused)], known()).findings
    assert finding.severity is Severity.INFO
    created = call("setEModeCategory(uint8,uint16,uint16,uint16,string)", 9, 9_000, 9_300, 10_100, "new")
    found = read([RawCall(created)], known())
    assert found.changes == ()
    assert {o.setting.parameter for o in found.others} >= {"ltv_bps", "label"}
    assert all(f.severity is Severity.HIGH for f in found.findings)


def test_an_ltv_that_waits_is_told() -> None:
    plain = known()
    frozen = replace(plain, reserves=(replace(plain.reserves[0], frozen=True, ltv_bps=0), plain.reserves[1]))
    triple = "configureReserveAsCollateral(address,uint256,uint256,uint256)"
    found = read([RawCall(call(triple, WETH, 7_000, 8_000, 10_500))], frozen)
    assert [f.severity for f in found.findings] == [Severity.INFO]
    assert "waits until it is unfrozen" in found.findings[0].message
    found = read([RawCall(call(triple, WETH, 0, 7_900, 10_500))], frozen)
    assert [f.severity for f in found.findings] == [Severity.MEDIUM]
    assert "replaces the LTV that waits" in found.findings[0].message


@given(st.data(), st.sampled_from(["3.0", "3.3", "3.6", "3.7"]), st.sampled_from(ROUTES))
def test_a_proposal_is_read_back_from_every_route(data: st.DataObject, version: str, route: Route) -> None:
    """PAY-4: reading the calls of a proposal, through any contract that can make it, gives the proposal."""
    before = known(version)
    fields = [("WETH", n) for n in FIELDS] + [("USDC", n) for n in FIELDS]
    fields += [("emode:1", n) for n in COLLATERAL_FIELDS]
    chosen = data.draw(st.lists(st.sampled_from(fields), min_size=1, max_size=6, unique=True))
    texts = []
    for subject, name in chosen:
        value = data.draw(st.integers(1, 9_999))
        texts.append(f"{subject}.{name}={value}" + ("" if "cap" in name else "bps"))
    try:
        changes = read_changes(texts, before)
    except InputError:
        return  # every value drawn is the one that is there
    made_ = next(e for e in encoded(applied(before, changes), changes) if e.route is route)
    if not made_.calls:
        assert made_.unavailable
        assert route is not Route.CONFIGURATOR
        return
    payload = [RawCall(c.calldata) for c in made_.calls]
    found = read(payload, before)
    assert sorted(found.changes, key=lambda c: c.name) == sorted(changes, key=lambda c: c.name)
    assert found.others == ()
    assert found.findings == ()
    batch = call("multicall(bytes[])", [bytes.fromhex(c.data[2:]) for c in payload])
    assert changes_of(unpacked([RawCall(batch)]), before) == found.changes
