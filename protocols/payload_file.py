"""A proposal's calls from calldata, a list of it, or Safe's transaction builder: files of strangers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from abis.errors import InputError, MalformedFile
from abis.strict_json import loads
from protocols.payload_batches import renumbered, unpacked
from protocols.payload_calls import RawCall
from protocols.payload_form import calldata_of
from protocols.registry import checksummed_address

LARGEST_BYTES = 10_000_000


def read_payload(text: str, chain_id: int) -> tuple[RawCall, ...]:
    """Return the calls of a payload, batches taken apart.

    Parameters
    ----------
    text : str
        Hex calldata, or the name of a file: JSON of Safe's transaction builder, a JSON list of
        ``{"to": ..., "data": ...}``, or one calldata a line.
    chain_id : int
        Of the market; a payload that names another is refused.

    Raises
    ------
    InputError, MalformedFile
        If it is neither, the file is missing, too large or holds no call, or the chain is another.
    """
    if text.strip().lower().startswith("0x"):
        return unpacked((RawCall(text.strip()),))
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
        return unpacked(renumbered(tuple(_from_json(_json(content, path), path, chain_id))))
    calls = tuple(RawCall(line.strip()) for line in content.splitlines() if line.strip())
    if not calls:
        raise MalformedFile(f"'{path}' holds no call.", remedy="Write one calldata a line.")
    return unpacked(renumbered(calls))


def _json(content: str, path: Path) -> Any:
    try:
        return loads(content.encode())
    except ValueError as error:
        raise MalformedFile(
            f"'{path}' is no JSON.", remedy="Export it from the transaction builder again."
        ) from error


def _from_json(body: Any, path: Path, chain_id: int) -> Iterator[RawCall]:
    """Yield the calls of Safe's format; what it writes as a form is encoded."""
    remedy = "Give the transaction builder's JSON, with the data or the method of every transaction."
    body = {"transactions": body} if isinstance(body, list) else body
    transactions = body.get("transactions") if isinstance(body, dict) else None
    if not isinstance(transactions, list) or not transactions:
        raise MalformedFile(f"'{path}' lists no transactions.", remedy=remedy)
    named = body.get("chainId")
    if named is not None and str(named) != str(chain_id):
        raise InputError(
            f"the payload is for chain {str(named)[:20]!r}, the market is on {chain_id}.",
            remedy="Use a snapshot of that chain.",
        )
    for k, transaction in enumerate(transactions):
        if not isinstance(transaction, dict):
            raise MalformedFile(f"transaction {k} of '{path}' is no record.", remedy=remedy)
        data = transaction.get("data")
        if data is None and transaction.get("contractMethod") is not None:
            try:
                data = calldata_of(transaction["contractMethod"], transaction.get("contractInputsValues"))
            except ValueError as error:
                raise MalformedFile(
                    f"the form of transaction {k} of '{path}' {error}.", remedy=remedy
                ) from None
        if not isinstance(data, str):
            raise MalformedFile(f"transaction {k} of '{path}' has no data.", remedy=remedy)
        to = transaction.get("to", "")
        if not isinstance(to, str):
            raise MalformedFile(f"transaction {k} of '{path}' names no address.", remedy=remedy)
        yield RawCall(data, checksummed_address(to) if to else "", value_wei=_wei(transaction, k, path))


def _wei(transaction: dict[str, Any], k: int, path: Path) -> int:
    value = str(transaction.get("value") or "0")
    if not value.isdecimal() or len(value) > 78:  # 2**256 has as many digits
        raise MalformedFile(
            f"transaction {k} of '{path}' sends {value[:20]!r}.", remedy="Write whole wei as digits."
        )
    return int(value)
