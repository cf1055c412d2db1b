"""Rounds already read from a chain, kept in a file, so that a second run asks for the rest only.

Each record is a stretch of blocks with the hash of its last one and the events in it.
Whatever ended in a block that left the chain is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abis.linelog import append, records


@dataclass(frozen=True, slots=True)
class RoundEvent:
    """One ``AnswerUpdated``: its block, the aggregator's answer, round number and time."""

    block: int
    answer_raw: int
    round_id: int
    updated_at_s: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """The events of an aggregator in ``blocks``, and the hash of the last of these."""

    blocks: range
    last_hash: str
    events: tuple[RoundEvent, ...]


def recall(path: Path | None, hashes: Callable[[Sequence[int]], list[str | None]]) -> list[Stretch]:
    """Return what the file holds that is still part of the chain."""
    stretches = [s for s in map(_stretch, records(path) if path else ()) if s is not None]
    now = hashes([s.blocks.stop - 1 for s in stretches]) if stretches else []
    return [s for s, hash_ in zip(stretches, now, strict=True) if s.last_hash == hash_]


def keep(path: Path | None, stretch: Stretch) -> None:
    """Add a stretch to the file; nothing if there is none.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    if path is not None:
        events = [[e.block, str(e.answer_raw), e.round_id, e.updated_at_s] for e in stretch.events]
        blocks = [stretch.blocks.start, stretch.blocks.stop]
        append(path, {"blocks": blocks, "hash": stretch.last_hash, "events": events})


def missing(wanted: range, known: Sequence[Stretch]) -> list[range]:
    """Return the parts of ``wanted`` that no stretch covers, in order."""
    gaps, at = [], wanted.start
    for blocks in sorted((s.blocks for s in known), key=lambda b: b.start):
        if at < min(blocks.start, wanted.stop):
            gaps.append(range(at, min(blocks.start, wanted.stop)))
        at = max(at, blocks.stop)
    if at < wanted.stop:
        gaps.append(range(at, wanted.stop))
    return gaps


def _stretch(record: dict[str, Any]) -> Stretch | None:
    """Return a record's stretch; None if it was written by something else."""
    try:
        first, stop = (int(b) for b in record["blocks"])
        events = tuple(RoundEvent(*(int(v) for v in row)) for row in record["events"])
        return Stretch(range(first, stop), str(record["hash"]), events) if first < stop else None
    except (KeyError, TypeError, ValueError):
        return None
