"""Payloads of others: what is read, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from abis.errors import BreakwaterError, InputError, UnknownAsset
from abis.findings import Severity
from protocols.payload_calls import RawCall
from protocols.payload_file import read_payload
from risk.proposal.apply import applied
from risk.proposal.changes import read_changes
from risk.proposal.incoming import changes_of, read
from risk.proposal.payload import calls, safe_json
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
