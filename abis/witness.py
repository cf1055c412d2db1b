"""Whether a second endpoint says the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from abis.calls import Call
from abis.errors import EndpointsDisagree
from abis.logs import Log


def same_answers(
    calls: Sequence[Call], ours: Sequence[bytes | None], theirs: Sequence[bytes | None], block: int, who: str
) -> None:
    """Refuse answers that differ, naming the first call.

    Raises
    ------
    EndpointsDisagree
        If any does.
    """
    for call, mine, other in zip(calls, ours, theirs, strict=True):
        if mine != other:
            raise disagree(f"{call} at block {block}", _short(mine), _short(other), who)


def same_logs(blocks: range, ours: Iterable[Log], theirs: Iterable[Log], who: str) -> None:
    """Refuse logs that differ, order aside; errors as in `same_answers`."""
    mine, other = sorted(ours, key=_place), sorted(theirs, key=_place)
    if mine != other:
        what = f"the events of blocks {blocks.start} to {blocks.stop - 1}"
        raise disagree(what, f"{len(mine)} events", f"{len(other)} events", who)


def disagree(what: str, ours: object, theirs: object, who: str) -> EndpointsDisagree:
    """Return the error of two endpoints that say different things."""
    return EndpointsDisagree(
        f"the endpoints disagree about {what}: {ours}, but {theirs} says {who}.",
        remedy="One of them is wrong or lags: ask a third, or read a finalized block.",
    )


def _place(log: Log) -> tuple[int, str, tuple[str, ...], str]:
    return log.block, log.address, log.topics, log.data


def _short(data: bytes | None) -> str:
    if data is None:
        return "a revert"
    return f"0x{data[:32].hex()}{'...' if len(data) > 32 else ''}"
