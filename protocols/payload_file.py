"""Calldata of a proposal from a text, a list, or Safe's transaction builder: files of strangers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from abis.errors import InputError, MalformedFile
from abis.strict_json import loads

LARGEST_BYTES = 10_000_000


def read_payload(text: str, chain_id: int) -> tuple[str, ...]:
    """Return the calldata of a payload, one hex string a call.

    Parameters
    ----------
    text : str
        Hex calldata, or the name of a file: JSON of Safe's transaction builder, or one calldata a line.
    chain_id : int
        Of the market; a payload that names another is refused.

    Raises
    ------
    InputError, MalformedFile
        If it is neither, the file is missing, too large or holds no call, or the chain is another.
    """
    if text.strip().lower().startswith("0x"):
        return (text.strip(),)
    path = Path(text)
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise MalformedFile(f"'{path}' is too large.", remedy=f"Give at most {LARGEST_BYTES:,} bytes.")
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedFile(
            f"'{path}' cannot be read.", remedy="Give calldata (0x...) or a text file."
        ) from error
    if content.lstrip().startswith(("{", "[")):
        return tuple(_from_builder(_json(content, path), path, chain_id))
    calls = tuple(line.strip() for line in content.splitlines() if line.strip())
    if not calls:
        raise MalformedFile(f"'{path}' holds no call.", remedy="Write one calldata a line.")
    return calls


def _json(content: str, path: Path) -> Any:
    try:
        return loads(content.encode())
    except ValueError as error:
        raise MalformedFile(
            f"'{path}' is no JSON.", remedy="Export it from the transaction builder again."
        ) from error


def _from_builder(body: Any, path: Path, chain_id: int) -> Iterator[str]:
    """Yield the calldata of Safe's format; what it leaves to be encoded by its own form is refused."""
    remedy = "Give the transaction builder's JSON, with the data of every transaction."
    if (
        not isinstance(body, dict)
        or not isinstance(body.get("transactions"), list)
        or not body["transactions"]
    ):
        raise MalformedFile(f"'{path}' lists no transactions.", remedy=remedy)
    named = body.get("chainId")
    if named is not None and str(named) != str(chain_id):
        raise InputError(
            f"the payload is for chain {str(named)[:20]!r}, the market is on {chain_id}.",
            remedy="Use a snapshot of that chain.",
        )
    for k, transaction in enumerate(body["transactions"]):
        data = transaction.get("data") if isinstance(transaction, dict) else None
        if not isinstance(data, str):
            raise MalformedFile(f"transaction {k} of '{path}' has no data.", remedy=remedy)
        yield data
