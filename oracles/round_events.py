"""Rounds of a feed from its aggregators' ``AnswerUpdated`` events.

Events come from the aggregator, never the proxy, and a proxy that changed its aggregator
has one for each phase (EACAggregatorProxy.sol, ``phaseAggregators``).  Aggregators run before
they are confirmed and on after they are replaced, and the proxy emits nothing when it changes
over: the block in which a phase began is searched in the chain's state.  Where a node keeps
no state that old, a phase is taken to begin with its first round, and a finding says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from abis.calls import Call, topic
from abis.chain import Chain, Header, Progress, silent
from abis.errors import BadReturn, BlockUnavailable, FeedError, InputError
from abis.findings import Finding, FindingKind, Severity
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
    address : str
        Proxy or aggregator, lower case.
    description : str
        Untrusted text.
    decimals : int
    aggregators : tuple of (phase, address)
        Oldest first; phase 1 and the address itself where there is no proxy.
    """

    address: str
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
        return FeedOnChain(address.lower(), description or address, decimals, ((1, address.lower()),))
    numbers = range(1, min(phase or 0, _MOST_PHASES) + 1)
    found = chain.read(
        [Call(address, "phaseAggregators(uint16)(address)", (n,), optional=True) for n in numbers], block
    )
    phases = [(n, a.lower()) for n, a in zip(numbers, found, strict=True) if a and int(a, 16)]
    aggregators = tuple(phases or [(1, aggregator.lower())])
    return FeedOnChain(address.lower(), description or address, decimals, aggregators)


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
    begins = phase_begins(chain, feed, blocks)
    read = [(phase, a) for phase, a in feed.aggregators if begins is None or phase in begins]
    total, done = len(blocks) * len(read), 0
    phases: list[tuple[int, list[RoundEvent]]] = []
    for phase, aggregator in read:
        start = done

        def told(_: str, so_far: int, _of: int, start: int = start) -> None:
            progress("rounds", start + so_far, total)

        events = _events(chain, aggregator, blocks, journal_of(aggregator), told)
        phases.append((phase, events))
        done += len(blocks)
        progress("rounds", done, total)
    history = read_rounds(_table(phases, begins, feed.decimals))
    return history if begins is not None else replace(history, notes=(*history.notes, _unseen(feed)))


def phase_begins(chain: Chain, feed: FeedOnChain, blocks: range) -> dict[int, int] | None:
    """Return the first block within ``blocks`` of each phase the proxy was in.

    Returns
    -------
    dict of int to int, or None
        None if the node does not have the state of a block that decides it.

    Raises
    ------
    ChainError
        As `abis.chain.Chain.read`, other faults.
    """
    if len(feed.aggregators) == 1:
        return {feed.aggregators[0][0]: blocks.start}
    known: dict[int, int] = {}

    def phase_at(number: int) -> int:
        if number not in known:
            call = Call(feed.address, "phaseId()(uint16)", optional=True)
            known[number] = chain.read([call], chain.block(number))[0] or 0
        return known[number]

    try:
        first, last = phase_at(blocks.start), phase_at(blocks.stop - 1)
        begins = {first: blocks.start}
        for phase in range(first + 1, last + 1):
            low, high = begins[phase - 1], blocks.stop - 1
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if phase_at(middle) >= phase else (middle + 1, high)
            begins[phase] = low
    except BlockUnavailable:
        return None
    return begins


def _unseen(feed: FeedOnChain) -> Finding:
    return Finding(
        FindingKind.UNVERIFIED,
        Severity.LOW,
        feed.description,
        "the node has no state old enough to say when the proxy changed its aggregator; each one is taken to "
        "begin with its first round.",
        remedy="Ask an archive node.",
    )


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


def _table(
    phases: list[tuple[int, list[RoundEvent]]], begins: dict[int, int] | None, decimals: int
) -> pd.DataFrame:
    """Return the rounds the proxy answered with, as `read_rounds` takes them."""
    if begins is None:
        begins = {phase: events[0].block for phase, events in phases if events}
    rows: list[tuple[int, str, int]] = []
    for phase, events in phases:
        ends = min((b for later, b in begins.items() if later > phase), default=math.inf)
        rows += [
            (e.updated_at_s, str(e.answer_raw), (phase << _PHASE_SHIFT) + e.round_id)
            for e in events
            if begins[phase] <= e.block < ends and e.round_id < 1 << _PHASE_SHIFT
        ]
    table = pd.DataFrame(rows, columns=["time", "answer_raw", "aggregator_round_id"])
    table["time"] = pd.to_datetime(table["time"], unit="s", utc=True)
    return table.assign(decimals=decimals)
