"""Rounds of a feed from its aggregators' ``AnswerUpdated`` events.

Events come from the aggregator, never the proxy, and a proxy that changed its aggregator
has one for each phase (EACAggregatorProxy.sol, ``phaseAggregators``).  A phase counts until
the first round of the next one in the range: aggregators run on after they are replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from abis.calls import Call, topic
from abis.chain import Chain, Header, Progress, silent
from abis.errors import BadReturn, FeedError, InputError
from abis.logs import Log
from oracles.history import RoundHistory, read_rounds
from oracles.round_journal import RoundEvent, Stretch, keep, missing, recall

_ANSWER_UPDATED = topic("AnswerUpdated(int256,uint256,uint256)")
_PHASE_SHIFT = 40  # keeps round numbers of two phases apart, within int64
_MOST_PHASES = 64
_SIGN = 1 << 255

JournalOf = Callable[[str], Path | None]  # aggregator to the file that remembers its rounds


@dataclass(frozen=True, slots=True)
class FeedOnChain:
    """A feed as the chain describes it.

    Parameters
    ----------
    description : str
        Untrusted text.
    decimals : int
    aggregators : tuple of (phase, address)
        Oldest first; phase 1 and the address itself where there is no proxy.
    """

    description: str
    decimals: int
    aggregators: tuple[tuple[int, str], ...]


def describe(chain: Chain, address: str, block: Header) -> FeedOnChain:
    """Return what a proxy or aggregator says about itself.

    Raises
    ------
    FeedError
        If there is no such contract.
    ChainError
        As `abis.chain.Chain.read`.
    """
    asked = ("description()(string)", "decimals()(uint8)", "aggregator()(address)", "phaseId()(uint16)")
    description, decimals, aggregator, phase = chain.read(
        [Call(address, signature, optional=True) for signature in asked], block
    )
    if decimals is None:
        raise FeedError(
            f"{address} is no price feed at block {block.number}.", remedy="Give the proxy's address."
        )
    if aggregator is None:
        return FeedOnChain(description or address, decimals, ((1, address.lower()),))
    numbers = range(1, min(phase or 0, _MOST_PHASES) + 1)
    found = chain.read(
        [Call(address, "phaseAggregators(uint16)(address)", (n,), optional=True) for n in numbers], block
    )
    phases = [(n, a.lower()) for n, a in zip(numbers, found, strict=True) if a and int(a, 16)]
    return FeedOnChain(description or address, decimals, tuple(phases or [(1, aggregator.lower())]))


def read_round_events(
    chain: Chain,
    feed: FeedOnChain,
    blocks: range,
    journal_of: JournalOf = lambda _: None,
    progress: Progress = silent,
) -> RoundHistory:
    """Return the rounds of a feed in a range of blocks.

    Parameters
    ----------
    chain : Chain
    feed : FeedOnChain
    blocks : range
        Block numbers, step 1.
    journal_of : callable
        Where to remember the rounds of an aggregator; None for nowhere.
    progress : callable
        Told ``("rounds", blocks done, blocks to do)``.

    Raises
    ------
    InputError
        If the range is empty.
    MalformedFile
        If it has fewer than two rounds.
    ChainError
        As `abis.chain.Chain.logs`.
    """
    if not blocks:
        raise InputError(
            f"blocks {blocks.start} to {blocks.stop - 1} are no range.", remedy="Give the lower one first."
        )
    total, done = len(blocks) * len(feed.aggregators), 0
    phases: list[tuple[int, list[RoundEvent]]] = []
    for phase, aggregator in feed.aggregators:
        start = done

        def told(_: str, so_far: int, _of: int, start: int = start) -> None:
            progress("rounds", start + so_far, total)

        events = _events(chain, aggregator, blocks, journal_of(aggregator), told)
        phases.append((phase, events))
        done += len(blocks)
        progress("rounds", done, total)
    return read_rounds(_table(phases, feed.decimals))


def _events(
    chain: Chain, aggregator: str, blocks: range, journal: Path | None, progress: Progress
) -> list[RoundEvent]:
    known = recall(journal, chain.hashes)
    gaps = missing(blocks, known)
    done = len(blocks) - sum(len(gap) for gap in gaps)
    found = {e for s in known for e in s.events if e.block in blocks}
    for gap in gaps:
        for piece in chain.logs([aggregator], [_ANSWER_UPDATED], gap):
            events = tuple(round_event(log) for log in piece.logs)
            keep(journal, Stretch(piece.blocks, piece.last_hash, events))
            found.update(events)
            done += len(piece.blocks)
            progress("rounds", done, len(blocks))
    return sorted(found, key=lambda e: (e.block, e.round_id))


def round_event(log: Log) -> RoundEvent:
    """Return what an ``AnswerUpdated(int256 indexed, uint256 indexed, uint256)`` says.

    Raises
    ------
    BadReturn
        If it does not decode.
    """
    try:
        if len(log.topics) != 3 or len(log.data) != 66:
            raise ValueError("wrong length")
        answer, number, updated_at = (int(word, 16) for word in (*log.topics[1:], log.data))
    except ValueError:
        raise BadReturn(
            f"an AnswerUpdated in block {log.block} does not decode.",
            remedy="The node is at fault; try another.",
        ) from None
    return RoundEvent(log.block, answer - 2 * (answer & _SIGN), number, updated_at)


def _table(phases: list[tuple[int, list[RoundEvent]]], decimals: int) -> pd.DataFrame:
    rows: list[tuple[int, str, int]] = []
    until = float("inf")
    for phase, events in reversed(phases):
        rows += [
            (e.updated_at_s, str(e.answer_raw), (phase << _PHASE_SHIFT) + e.round_id)
            for e in events
            if e.updated_at_s < until and e.round_id < 1 << _PHASE_SHIFT
        ]
        until = min([until, *(e.updated_at_s for e in events)])
    table = pd.DataFrame(rows, columns=["time", "answer_raw", "aggregator_round_id"])
    table["time"] = pd.to_datetime(table["time"], unit="s", utc=True)
    return table.assign(decimals=decimals)
