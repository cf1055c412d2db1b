"""The transaction builder's format: its checksum is the one the builder computes."""

from __future__ import annotations

import json
from typing import Any

from risk.proposal.safe_builder import builder_json, checksum

# A batch exported by the builder, version 1.18.2, as published in 5afe/safe-cli-nodejs
# (TRANSACTION_BUILDER_FORMAT_ANALYSIS.md).
EXPORTED: dict[str, Any] = {
    "version": "1.0",
    "chainId": "1",
    "createdAt": 1761326849944,
    "meta": {
        "name": "Transactions Batch",
        "description": "",
        "txBuilderVersion": "1.18.2",
        "createdFromSafeAddress": "0xA77DE01e157f9f57C7c4A326eeE9C4874D0598b6",
        "createdFromOwnerAddress": "",
        "checksum": "0x8b5032f716845c8b08bab3d63dbd9ba92e056f3557793cd041e59b84e16aa989",
    },
    "transactions": [
        {
            "to": "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
            "value": "0",
            "data": None,
            "contractMethod": {
                "inputs": [
                    {"internalType": "address", "name": "spender", "type": "address"},
                    {"internalType": "uint256", "name": "value", "type": "uint256"},
                ],
                "name": "approve",
                "payable": False,
            },
            "contractInputsValues": {
                "spender": "0x474e5Ded6b5D078163BFB8F6dBa355C3aA5478C8",
                "value": "100000000000",
            },
        }
    ],
}


def test_checksum_is_that_of_an_exported_batch() -> None:
    assert checksum(EXPORTED) == EXPORTED["meta"]["checksum"]
    renamed = {**EXPORTED, "meta": {**EXPORTED["meta"], "name": "another"}}
    assert checksum(renamed) == EXPORTED["meta"]["checksum"]
    other = {**EXPORTED, "chainId": "10"}
    assert checksum(other) != EXPORTED["meta"]["checksum"]


def test_a_batch_carries_its_checksum_and_repeats() -> None:
    made = builder_json(["0x12345678", "0xff"], "0x" + "11" * 20, 10, 1_700_000_000, "2 calls")
    assert made == builder_json(["0x12345678", "0xff"], "0x" + "11" * 20, 10, 1_700_000_000, "2 calls")
    assert made["meta"]["checksum"] == checksum(made)
    assert (made["chainId"], made["createdAt"]) == ("10", 1_700_000_000_000)
    assert [t["data"] for t in made["transactions"]] == ["0x12345678", "0xff"]
    assert checksum(json.loads(json.dumps(made))) == made["meta"]["checksum"]
