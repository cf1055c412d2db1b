"""Encoding, linking and address derivation."""

from __future__ import annotations

import pytest
import rlp
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from examples.localchain.contracts import Artifact, Contract, created_address, named_address

ERC20 = [
    {
        "type": "function",
        "name": "transfer",
        "inputs": [{"name": "to", "type": "address"}, {"name": "amount", "type": "uint256"}],
        "outputs": [{"name": "", "type": "bool"}],
    },
    {"type": "function", "name": "mint", "inputs": [{"name": "amount", "type": "uint256"}], "outputs": []},
]
TOKEN = Contract("Token", "0x" + "11" * 20, ERC20)


@pytest.mark.parametrize(
    ("nonce", "expected"),
    [
        (0, "0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"),
        (1, "0x343c43a37d37dff08ae8c4a11544c718abb4fcf8"),
        (2, "0xf778b86fa74e846c4f0a1fbd1335fe81c00a0c91"),
        (3, "0xfffd933a0bc612844eaf0c6fe3e5b8e9b6c1d19c"),
    ],
)
def test_created_addresses_match_the_published_vectors(nonce: int, expected: str) -> None:
    sender = "0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"
    assert created_address(sender, nonce).lower() == expected


@pytest.mark.parametrize("nonce", [0, 1, 127, 128, 255, 256, 70_000])
def test_created_addresses_match_a_general_encoder(nonce: int) -> None:
    sender = bytes.fromhex("39" * 20)
    assert created_address("0x" + sender.hex(), nonce) == to_checksum_address(
        keccak(rlp.encode([sender, nonce]))[-20:]
    )


def test_a_call_is_selector_and_arguments() -> None:
    data = TOKEN.encode("transfer", "0x" + "22" * 20, 5)
    assert data == "0xa9059cbb" + "00" * 12 + "22" * 20 + f"{5:064x}"
    assert TOKEN.decode("transfer", 2, "0x" + f"{1:064x}") is True


def test_an_unknown_function_is_named() -> None:
    with pytest.raises(KeyError, match="Token has no function mint with 2 arguments"):
        TOKEN.encode("mint", "0x" + "22" * 20, 5)


def test_libraries_go_where_the_links_say() -> None:
    artifact = Artifact("Linked", [], "0x60" + "00" * 20 + "61" + "00" * 20, {"Logic": (1, 22)})
    code = artifact.creation_code([], {"Logic": "0x" + "ab" * 20})
    assert code == "0x60" + "ab" * 20 + "61" + "ab" * 20


def test_names_give_distinct_addresses() -> None:
    assert named_address("one") == named_address("one") != named_address("two")
