"""Payloads of strangers: batches taken apart, forms encoded, and what cannot be is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError, MalformedFile
from protocols.payload_batches import DEEPEST, unpacked
from protocols.payload_calls import RawCall
from protocols.payload_file import read_payload
from protocols.payload_form import calldata_of

A, B = "0x" + "Aa" * 20, "0x" + "11" * 20
CHECKSUMMED = "0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa"


def call(signature: str, *arguments: object) -> bytes:
    types = signature.partition("(")[2].removesuffix(")")
    depth, parts, part = 0, [], ""
    for c in types + ",":
        depth += (c == "(") - (c == ")")
        if c == "," and not depth:
            parts.append(part)
            part = ""
        else:
            part += c
    return keccak(text=signature)[:4] + encode(parts, arguments)


def multisend(*inner: tuple[int, str, int, bytes]) -> bytes:
    packed = b"".join(
        bytes([op]) + bytes.fromhex(to[2:]) + wei.to_bytes(32, "big") + len(data).to_bytes(32, "big") + data
        for op, to, wei, data in inner
    )
    return call("multiSend(bytes)", packed)


ONE, TWO = bytes.fromhex("12345678"), bytes.fromhex("9abcdef0") + bytes(32)


@pytest.mark.parametrize(
    "batch",
    [
        multisend((0, A, 0, ONE), (0, B, 0, TWO)),
        call("aggregate((address,bytes)[])", [(A, ONE), (B, TWO)]),
        call("tryAggregate(bool,(address,bytes)[])", True, [(A, ONE), (B, TWO)]),
        call("aggregate3((address,bool,bytes)[])", [(A, True, ONE), (B, False, TWO)]),
        call("aggregate3Value((address,bool,uint256,bytes)[])", [(A, True, 0, ONE), (B, False, 0, TWO)]),
    ],
)
def test_batches_are_taken_apart(batch: bytes) -> None:
    found = unpacked((RawCall("0x" + batch.hex(), B, "call 1"),))
    assert [(c.to, c.data, c.place) for c in found] == [
        (CHECKSUMMED, "0x" + ONE.hex(), "call 1.1"),
        (B, "0x" + TWO.hex(), "call 1.2"),
    ]


def test_wrappers_of_one_call() -> None:
    own = call("multicall(bytes[])", [ONE, TWO])
    assert [(c.to, c.data) for c in unpacked((RawCall("0x" + own.hex(), B),))] == [
        (B, "0x" + ONE.hex()),
        (B, "0x" + TWO.hex()),
    ]
    zero = "0x" + "00" * 20
    safe = call(
        "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)",
        *(A, 5, ONE, 1, 0, 0, 0, zero, zero, b"sig"),
    )
    (inner,) = unpacked((RawCall("0x" + safe.hex()),))
    assert (inner.to, inner.data, inner.value_wei, inner.delegated) == (
        CHECKSUMMED,
        "0x" + ONE.hex(),
        5,
        True,
    )
    executor = call("executeTransaction(address,uint256,string,bytes,bool)", A, 0, "pause()", b"", True)
    (inner,) = unpacked((RawCall("0x" + executor.hex()),))
    assert (inner.data, inner.delegated) == ("0x" + keccak(text="pause()")[:4].hex(), True)


def test_what_only_looks_like_a_batch_stays() -> None:
    cut = multisend((0, A, 0, ONE))[:-40]
    packed = call("multiSend(bytes)", b"\0" + bytes(20) + bytes(32) + (10**9).to_bytes(32, "big"))
    for data in (cut, packed, ONE, b""):
        raw = RawCall("0x" + data.hex())
        assert unpacked((raw,)) == (raw,)
    assert unpacked((RawCall("0xzz"),)) == (RawCall("0xzz"),)


def test_too_deep_a_batch_is_refused() -> None:
    data = ONE
    for _ in range(DEEPEST):
        data = call("multicall(bytes[])", [data])
    assert [c.data for c in unpacked((RawCall("0x" + data.hex()),))] == ["0x" + ONE.hex()]
    data = call("multicall(bytes[])", [data])
    with pytest.raises(InputError, match="deeper than 8"):
        unpacked((RawCall("0x" + data.hex()),))


@given(st.lists(st.tuples(st.sampled_from([A, B]), st.binary(max_size=70)), max_size=5))
def test_multisend_gives_back_what_was_packed(inner: list[tuple[str, bytes]]) -> None:
    """PAY-1: taking a batch apart gives the calls it was made of, in order."""
    inner = [(to, b"\1\2\3\4" + data) for to, data in inner]
    data = multisend(*((0, to, 7, data) for to, data in inner))
    found = unpacked((RawCall("0x" + data.hex()),))
    assert [(c.to.lower(), c.data, c.value_wei) for c in found] == [
        (to.lower(), "0x" + data.hex(), 7) for to, data in inner
    ]


def test_a_form_is_encoded_as_its_method() -> None:
    method = {
        "name": "updateCaps",
        "inputs": [
            {
                "name": "updates",
                "type": "tuple[]",
                "components": [
                    {"name": "asset", "type": "address"},
                    {"name": "supplyCap", "type": "uint256"},
                    {"name": "label", "type": "string"},
                    {"name": "on", "type": "bool"},
                ],
            }
        ],
    }
    values = {"updates": json.dumps([[B, "5", "a", True], [B, 2**200, "b", "false"]])}
    expected = call(
        "updateCaps((address,uint256,string,bool)[])", [(B, 5, "a", True), (B, 2**200, "b", False)]
    )
    assert calldata_of(method, values) == "0x" + expected.hex()


@pytest.mark.parametrize(
    ("type_", "value", "named"),
    [
        ("uint256", "-1", "do not fit"),
        ("uint256", "1.5", "whole number"),
        ("uint8", "256", "do not fit"),
        ("bool", "yes", "true or false"),
        ("address", "0x12", "do not fit"),
        ("uint256[]", "5", "no list"),
        ("uint256[]", "[", "no JSON"),
        ("bytes", "0xz", "hexadecimal"),
        ("tuple", "[]", "without fields"),
        ("nonsense", "1", "nonsense"),
    ],
)
def test_a_form_that_does_not_fit_is_refused(tmp_path: Path, type_: str, value: str, named: str) -> None:
    method = {"name": "f", "inputs": [{"name": "x", "type": type_}]}
    with pytest.raises(ValueError, match=named):
        calldata_of(method, {"x": value})
    path = tmp_path / "safe.json"
    transaction = {"to": B, "data": None, "contractMethod": method, "contractInputsValues": {"x": value}}
    path.write_text(json.dumps({"transactions": [transaction]}))
    with pytest.raises(MalformedFile, match="transaction 0"):
        read_payload(str(path), 1)


def test_files_with_targets(tmp_path: Path) -> None:
    path = tmp_path / "payload.json"
    path.write_text(json.dumps([{"to": A.lower(), "data": "0x12345678", "value": "3"}, {"data": "0xff"}]))
    assert read_payload(str(path), 1) == (
        RawCall("0x12345678", CHECKSUMMED, "call 1", 3),
        RawCall("0xff", "", "call 2"),
    )
