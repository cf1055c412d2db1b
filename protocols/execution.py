"""Executes a payload on a node of the user's own and tells what the market says then.

The state is put back; see `abis.fork` for what is sent to whom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType

from abis.chain import Chain, Header, Progress, silent
from abis.errors import InputError
from abis.fork import Fork, Sent
from protocols.extend import assume_snapshot
from protocols.journal import Journal
from protocols.payload_calls import RawCall
from protocols.payloads import codec_of
from protocols.registry import MarketSpec, read_market
from protocols.snapshot import Snapshot

_FAMILIES = {"aave-v3": "protocols.aave_v3.execution", "spark": "protocols.aave_v3.execution"}
_LOCAL_CHAIN_ID = 31337  # what test nodes call their chain unless told otherwise


@dataclass(frozen=True, slots=True)
class State:
    """A market at one moment, and what its pool says of every borrower.

    Parameters
    ----------
    snapshot : Snapshot
    health_wad : dict of str to int or None
        Health factor of each account with debt, computed by the pool; None where it reverts.
    pending_ltv_bps : dict of str to int or None
        LTV that waits, of each frozen reserve.
    """

    snapshot: Snapshot
    health_wad: dict[str, int | None]
    pending_ltv_bps: dict[str, int | None]


@dataclass(frozen=True, slots=True)
class Execution:
    """A payload executed.

    Parameters
    ----------
    sent : tuple of Sent
        Every call, those that gave roles included.
    without, executed : State
        The market at one and the same time, without the payload and with it.
    """

    sent: tuple[Sent, ...]
    without: State
    executed: State


def execute(
    fork: Fork,
    chain: Chain,
    taken: Snapshot,
    payload: Sequence[RawCall],
    engine: str | None = None,
    progress: Progress = silent,
) -> Execution:
    """Execute a payload and return the market with and without it.

    Parameters
    ----------
    fork : Fork
    chain : Chain
        Reader of the same node.
    taken : Snapshot
        Of the market; its accounts need not be searched again.
    payload : sequence of RawCall
    engine : str or None
        Config engine, for calls that name no target.
    progress : callable
        Told of the phases of reading.

    Raises
    ------
    InputError
        If the node is of another chain, does not have the snapshot's block, or a call names no target.
    ChainError
        If the node cannot be read or put back.
    """
    codec_of(taken.market)
    actors: ModuleType = import_module(_FAMILIES[taken.market.protocol.replace("_", "-")])
    head = _head(chain, taken)
    with fork.put_back():
        fork.set_code(actors.DELEGATE, actors.DELEGATE_CODE)
        sent = fork.send(actors.steps_of(chain, payload, taken, head, engine))
        at_s = chain.block("latest").timestamp_s
        executed = _state(chain, taken, progress, actors)
    with fork.put_back():
        fork.mine(at_s)
        without = _state(chain, taken, progress, actors)
    return Execution(sent, without, executed)


def _head(chain: Chain, taken: Snapshot) -> Header:
    served = chain.connect()
    if served not in (taken.market.chain_id, _LOCAL_CHAIN_ID):
        raise InputError(
            f"{chain.masked_url} is on chain {served}, the market on {taken.market.chain_id}.",
            remedy="Fork the market's chain.",
        )
    head = chain.block("latest")
    if head.number < taken.block.number or chain.hashes([taken.block.number]) != [taken.block.hash]:
        raise InputError(
            f"{chain.masked_url} at block {head.number} does not have the snapshot's block "
            f"{taken.block.number}.",
            remedy="Fork at the snapshot's block or later, or take a snapshot of the fork.",
        )
    return head


def _state(chain: Chain, taken: Snapshot, progress: Progress, actors: ModuleType) -> State:
    market = taken.market
    spec = MarketSpec(
        market.name, market.protocol.replace("_", "-"), market.addresses["provider"], release=market.version
    )
    journal = Journal()
    here = replace(taken, market=replace(market, chain_id=chain.chain_id))
    assume_snapshot(journal, here, spec, chain.chain_id)
    block = chain.block("latest")
    snapshot = read_market(chain, spec, block, progress, journal)
    debtors = sorted({snapshot.book.accounts[int(k)] for k in snapshot.book.debt.account})
    frozen = [r.asset for r in snapshot.reserves if r.frozen]
    return State(
        snapshot,
        dict(actors.health_factors(chain, snapshot, debtors, block, progress)),
        actors.pending_ltvs(chain, snapshot, frozen, block),
    )
