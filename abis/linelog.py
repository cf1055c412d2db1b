"""Append-only files of JSON records that survive a kill at any moment.

Each line is a checksum and a record.  A line that was cut off fails its checksum and is
passed over; the next record starts on a line of its own.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the whole records of a file; none if it is missing or cannot be read."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        checksum, _, body = line.partition(b" ")
        if checksum == _checksum(body):
            yield json.loads(body)


def append(path: Path, record: dict[str, Any]) -> None:
    """Add a record; it is on disk when this returns.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    body = json.dumps(record, separators=(",", ":")).encode()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        # One write a record, so that two readers of one market cannot mix theirs.
        os.write(file, (b"\n" if torn else b"") + _checksum(body) + b" " + body + b"\n")
        os.fsync(file)
    finally:
        os.close(file)


def _checksum(body: bytes) -> bytes:
    return b"%08x" % zlib.crc32(body)
