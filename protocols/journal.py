"""What scans of a market's events have found so far: kept in a file, a scan can go on from there.

Two things are kept apart.  *Who was found* only ever grows: an account too many costs a
read and changes nothing.  *What was scanned* counts only while the block it ended with is
still part of the chain, or was so deep that no chain replaces it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abis.linelog import append, records

_SETTLED_BLOCKS = 10_000  # beyond what any chain takes back


@dataclass(frozen=True, slots=True)
class Scan:
    """Blocks whose events of some contracts are known.

    Parameters
    ----------
    blocks : range
        Block numbers, step 1.
    addresses : frozenset of str or None
        Contracts, lower case; None for every contract of the market that existed then.
    last_hash : str
        Hash of the last block; empty where no reorganisation can reach it.
    """

    blocks: range
    addresses: frozenset[str] | None
    last_hash: str


class Journal:
    """Scans of one market.

    Parameters
    ----------
    path : Path, optional
        File to continue and to keep; in memory only by default.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._scans: list[Scan] = []
        self._found: dict[str, set[str]] = {}
        self._groups: set[str] = set()
        self._first_block: int | None = None
        groups: dict[str, frozenset[str]] = {}
        for record in records(path) if path else ():
            self._take(record, groups)
        self._groups.update(groups)

    @property
    def found(self) -> Mapping[str, set[str]]:
        """Contract -> accounts its events named, all lower case."""
        return self._found

    @property
    def first_block(self) -> int | None:
        """Block the market was deployed in, if known."""
        return self._first_block

    @first_block.setter
    def first_block(self, number: int) -> None:
        self._first_block = number
        self._write({"first_block": number})

    def add(self, scan: Scan, found: Mapping[str, Iterable[str]], head: int) -> None:
        """Note what a scan found; it is in the file when this returns.

        Parameters
        ----------
        scan : Scan
            What was scanned, its contracts named.
        found : mapping
            Contract -> accounts, lower case.
        head : int
            Number of the newest block, to tell how deep the scan lies.
        """
        fresh = {c: sorted(set(who) - self._found.get(c, set())) for c, who in found.items()}
        fresh = {c: who for c, who in fresh.items() if who}
        last = scan.blocks.stop - 1
        last_hash = "" if last < head - _SETTLED_BLOCKS else scan.last_hash
        addresses = sorted(scan.addresses or ())
        group = hashlib.sha256(",".join(addresses).encode()).hexdigest()[:16]
        if group not in self._groups:
            self._groups.add(group)
            self._write({"group": group, "addresses": addresses})
        self._write(
            {"from": scan.blocks.start, "to": last, "hash": last_hash, "of": group, "found": fresh},
        )
        self.assume(Scan(scan.blocks, scan.addresses, last_hash), fresh)

    def assume(self, scan: Scan, found: Mapping[str, Iterable[str]]) -> None:
        """Take over what is known from elsewhere; it is not written to the file."""
        self._scans.append(scan)
        for contract, accounts in found.items():
            self._found.setdefault(contract, set()).update(accounts)

    def check(self, hashes: Callable[[Sequence[int]], list[str | None]]) -> None:
        """Stop counting scans that ended in a block that was replaced.

        Parameters
        ----------
        hashes : callable
            Returns the hashes that blocks have now.
        """
        open_ = sorted({s.blocks.stop - 1 for s in self._scans if s.last_hash})
        now = dict(zip(open_, hashes(open_), strict=True)) if open_ else {}
        self._scans = [s for s in self._scans if not s.last_hash or now[s.blocks.stop - 1] == s.last_hash]

    def missing(self, addresses: Iterable[str], blocks: range) -> list[tuple[tuple[str, ...], range]]:
        """Return which contracts still have to be scanned over which blocks."""
        by_gaps: dict[tuple[range, ...], list[str]] = {}
        for address in sorted(addresses):
            known = [s.blocks for s in self._scans if s.addresses is None or address in s.addresses]
            by_gaps.setdefault(tuple(_gaps(blocks, known)), []).append(address)
        return [(tuple(who), gap) for gaps, who in by_gaps.items() for gap in gaps]

    def _take(self, record: dict[str, Any], groups: dict[str, frozenset[str]]) -> None:
        if "first_block" in record:
            self._first_block = record["first_block"]
        elif "group" in record:
            groups[record["group"]] = frozenset(record["addresses"])
        elif record["of"] in groups:
            blocks = range(record["from"], record["to"] + 1)
            self.assume(Scan(blocks, groups[record["of"]], record["hash"]), record["found"])

    def _write(self, record: dict[str, Any]) -> None:
        """Append to the file.  One that cannot be written is given up: it only saves time."""
        if self._path is not None:
            try:
                append(self._path, record)
            except OSError:
                self._path = None


def _gaps(blocks: range, known: Iterable[range]) -> list[range]:
    """Return the parts of ``blocks`` that no range of ``known`` covers."""
    gaps, next_ = [], blocks.start
    for each in sorted(known, key=lambda r: r.start):
        if each.start > next_:
            gaps.append(range(next_, min(each.start, blocks.stop)))
        next_ = max(next_, each.stop)
        if next_ >= blocks.stop:
            break
    return [*gaps, range(next_, blocks.stop)] if next_ < blocks.stop else gaps
