"""The file format of Safe's transaction builder, with the checksum it recomputes when it loads a file.

Reference: safe-global/safe-react-apps, apps/tx-builder/src/lib/checksum.ts: keccak-256 of a canonical
text in which the batch's name counts as null.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from eth_utils.crypto import keccak

_VERSION = "1.0"
_BUILDER = "1.18.0"
NAME = "Breakwater proposal"


def builder_json(
    calldata: Sequence[str], to: str, chain_id: int, at_s: int, description: str
) -> dict[str, Any]:
    """Return a batch of calls of one contract.

    Parameters
    ----------
    calldata : sequence of str
        Hex.
    to : str
        The contract, checksummed.
    chain_id : int
    at_s : int
        Unix time to put as the time of creation: the snapshot's, so that the bytes repeat.
    description : str
    """
    batch = {
        "version": _VERSION,
        "chainId": str(chain_id),
        "createdAt": at_s * 1000,
        "meta": {
            "name": NAME,
            "description": description,
            "txBuilderVersion": _BUILDER,
            "createdFromSafeAddress": "",
            "createdFromOwnerAddress": "",
        },
        "transactions": [
            {"to": to, "value": "0", "data": data, "contractMethod": None, "contractInputsValues": None}
            for data in calldata
        ],
    }
    return {**batch, "meta": {**batch["meta"], "checksum": checksum(batch)}}  # type: ignore[dict-item]


def checksum(batch: dict[str, Any]) -> str:
    """Return the checksum of a batch; one that it carries does not count."""
    meta = {key: value for key, value in batch.get("meta", {}).items() if key != "checksum"}
    return "0x" + keccak(text=_canonical({**batch, "meta": {**meta, "name": None}})).hex()


def _canonical(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if isinstance(value, dict):
        keys = sorted(value)
        head = json.dumps(keys, ensure_ascii=False, separators=(",", ":"))
        return "{" + head + "".join(_canonical(value[key]) + "," for key in keys) + "}"
    return json.dumps(value, ensure_ascii=False)
