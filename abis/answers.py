"""Answers of contracts at one block, kept on disk: what a block says never changes.

Files are named by chain and block hash, and hold neither URLs nor keys: a digest of
contract and call data, and the bytes answered.  Refusals are not kept, for some depend on
how much gas an endpoint allows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from abis.calls import Call, encode
from abis.linelog import append, records

LIMIT_BYTES = 512 * 2**20  # of all files together; the oldest go first


class Answers:
    """Known answers at one block.

    Parameters
    ----------
    folder : Path
        Where the files are; made when the first answer comes.
    chain_id : int
        Chain of the block.
    block_hash : str
        The block.
    """

    def __init__(self, folder: Path, chain_id: int, block_hash: str) -> None:
        self._path: Path | None = folder / f"{chain_id}-{block_hash.removeprefix('0x')[:64]}.log"
        self._known: dict[str, bytes] = {}
        for record in records(self._path):
            self._known.update((key, bytes.fromhex(data)) for key, data in record.items())
        if not self._known:
            _prune(folder)

    def of(self, calls: Sequence[Call]) -> list[bytes | None]:
        """Return the raw answer of each call, None where it is not known."""
        return [self._known.get(_key(call)) for call in calls] if self._known else [None] * len(calls)

    def keep(self, calls: Sequence[Call], raw: Sequence[bytes | None]) -> None:
        """Add answers.  A file that cannot be written is given up: it only saves time."""
        fresh = {_key(c): data.hex() for c, data in zip(calls, raw, strict=True) if data is not None}
        if self._path is None or not fresh:
            return
        try:
            append(self._path, fresh)
        except OSError:
            self._path = None


def _key(call: Call) -> str:
    return hashlib.sha256(call.target.lower().encode() + encode(call)).hexdigest()[:32]


def _prune(folder: Path) -> None:
    """Delete the oldest files beyond the limit."""
    try:
        files = sorted(folder.glob("*.log"), key=lambda p: p.stat().st_mtime, reverse=True)
        total = 0
        for path in files:
            total += path.stat().st_size
            if total > LIMIT_BYTES:
                path.unlink()
    except OSError:
        return
