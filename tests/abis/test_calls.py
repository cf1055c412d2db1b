from __future__ import annotations

import pytest
from eth_abi.abi import encode as abi_encode
from hypothesis import given
from hypothesis import strategies as st

from abis.calls import Call, decode, decode_text, encode, function, topic
from abis.errors import BadReturn

A = "0xcA11bde05977b3631167028862bE2a173976CA11"


@pytest.mark.parametrize(
    ("signature", "selector"),
    [
        ("getReservesList()(address[])", "d1946dbc"),
        ("getReserveData(address)", "35ea6a75"),
        ("getUserAccountData(address)(uint256,uint256,uint256,uint256,uint256,uint256)", "bf92857c"),
        ("aggregate3((address,bool,bytes)[])((bool,bytes)[])", "82ad56cb"),
        ("liquidationCall(address,address,address,uint256,bool)", "00a718a9"),
        ("POOL_REVISION()(uint256)", "0148170e"),
    ],
)
def test_selectors_are_those_of_the_deployed_contracts(signature: str, selector: str) -> None:
    assert function(signature).selector.hex() == selector


def test_event_topics_are_those_of_the_deployed_contracts() -> None:
    assert topic("Transfer(address,address,uint256)") == (
        "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    )


def test_nested_types_are_split_at_the_top_level_only() -> None:
    described = function("f(uint256,(address,bool)[],string)(int8,(bool,bytes)[])")
    assert described.inputs == ("uint256", "(address,bool)[]", "string")
    assert described.outputs == ("int8", "(bool,bytes)[]")
    assert function("symbol()").outputs is None
    assert function("ping()()").outputs == ()


@pytest.mark.parametrize("text", ["", "f", "f(", "f(uint256", "(uint256)", "f(nonsense!)", "1f()"])
def test_a_text_that_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no function signature|no list of ABI types"):
        function(text)


@pytest.mark.parametrize("args", [(), (A, A), ("0x12",), (5,)])
def test_arguments_that_do_not_fit_are_refused_naming_the_call(args: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="balanceOf"):
        encode(Call(A, "balanceOf(address)(uint256)", args))


@given(
    number=st.integers(0, 2**256 - 1),
    small=st.integers(0, 2**40 - 1),
    signed=st.integers(-(2**255), 2**255 - 1),
    flag=st.booleans(),
    text=st.text(max_size=40),
    items=st.lists(st.integers(0, 2**128 - 1), max_size=5),
)
def test_abi_1_decoding_inverts_encoding(
    number: int, small: int, signed: int, flag: bool, text: str, items: list[int]
) -> None:
    """ABI-1: decoding gives back every value that was encoded, of every type used."""
    kinds = ("uint256", "uint40", "int256", "bool", "string", "uint128[]", "address")
    call = Call(A, f"f()({','.join(kinds)})")
    values = (number, small, signed, flag, text, tuple(items), A)
    assert decode(call, abi_encode(kinds, values)) == values


@given(data=st.binary(max_size=200), value=st.integers(0, 2**256 - 1))
def test_abi_2_an_answer_of_another_length_never_reads_as_a_number(data: bytes, value: int) -> None:
    """ABI-2: only 32 bytes read as one number; any other length is refused, naming the call."""
    call = Call(A, "f()(uint256)")
    assert decode(call, value.to_bytes(32, "big")) == value
    if len(data) != 32:
        with pytest.raises(BadReturn, match=r"f\(\) on 0xcA11"):
            decode(call, data)


@given(
    kinds=st.lists(
        st.sampled_from(["uint256", "uint8", "address", "bool", "string", "bytes", "(bool,bytes)[]"]),
        min_size=1,
        max_size=4,
    ),
    data=st.binary(max_size=400),
)
def test_abi_3_any_bytes_decode_to_what_encodes_to_them_or_are_refused(kinds: list[str], data: bytes) -> None:
    """ABI-3: any bytes either decode to values whose encoding they are, or are refused."""
    try:
        decoded = decode(Call(A, f"f()({','.join(kinds)})"), data)
    except BadReturn:
        return
    values = decoded if len(kinds) > 1 else (decoded,)
    assert abi_encode(kinds, values) == data


@pytest.mark.parametrize(
    ("kinds", "data"),
    [
        ("bool", (2).to_bytes(32, "big")),  # no boolean
        ("uint8", (256).to_bytes(32, "big")),  # too wide
        ("address", b"\xff" * 32),  # dirty upper bytes
        ("uint256,uint256", b"\0" * 32),  # short
        ("uint256", b"\0" * 64),  # trailing
        ("string", abi_encode(["bytes"], [b"\xff\xfe"])),  # no UTF-8
        ("string", (2**255).to_bytes(32, "big") + b"\0" * 32),  # pointer outside
        ("uint256[]", (32).to_bytes(32, "big") + (2**60).to_bytes(32, "big")),  # absurd length
    ],
)
def test_answers_of_another_shape_are_refused(kinds: str, data: bytes) -> None:
    with pytest.raises(BadReturn):
        decode(Call(A, f"f()({kinds})"), data)


def test_an_address_without_code_is_named() -> None:
    with pytest.raises(BadReturn, match=r"answered nothing.*expected contract"):
        decode(Call(A, "f()(address)"), b"")


def test_addresses_come_back_checksummed() -> None:
    lower = A.lower()
    assert decode(Call(A, "f()(address)"), abi_encode(["address"], [lower])) == A
    assert decode(Call(A, "f()(address[])"), abi_encode(["address[]"], [[lower, lower]])) == (A, A)


def test_text_reads_both_kinds_of_symbol() -> None:
    assert decode_text(abi_encode(["string"], ["wstETH"])) == "wstETH"
    assert decode_text(b"MKR".ljust(32, b"\0")) == "MKR"
    assert decode_text(abi_encode(["string"], [""])) == ""
    assert decode_text(abi_encode(["bytes"], [b"a\xffb"])) == "a�b"


@given(data=st.binary(max_size=200))
def test_abi_4_text_decoding_answers_or_refuses_but_never_breaks(data: bytes) -> None:
    """ABI-4: reading a symbol out of any bytes gives a text or a refusal, never another error."""
    try:
        assert len(decode_text(data)) <= len(data)
    except BadReturn:
        assert len(data) != 32
