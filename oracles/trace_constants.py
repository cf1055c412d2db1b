"""Recognise answers written into the code of a contract, and read what only storage tells."""

from __future__ import annotations

from dataclasses import replace

from abis.calls import Call, encode
from abis.chain import Chain, Header
from abis.errors import RpcFailed
from abis.findings import Finding, FindingKind, Severity
from abis.units import YEAR_S
from oracles.recognise import Found
from oracles.touched import Toucher
from oracles.trace_inside import ANSWER
from oracles.traced import FeedSettings, Kind

# DualAggregator.sol, version 1.0.0: storage slot 18 holds the cut-off in its lowest four
# bytes and the most rounds looked back in the next four.
_DUAL = "DualAggregator 1.0.0"
_CUTOFF_SLOT = 18
_FOUR_BYTES = 2**32
_LONGEST_CUTOFF_S = 3_600
_MOST_ROUNDS_BACK = 1_000


def with_constants(chain: Chain, block: Header, found: Found, toucher: Toucher) -> Found:
    """Return an unrecognised source as `Kind.CONSTANT` if its answer can depend on nothing.

    That is so if it reads no storage and no other contract, and answers the same a year
    later; a node that cannot say either leaves it unrecognised.
    """
    if found.kind is not Kind.OPAQUE or found.answer_raw is None or found.decimals is None:
        return found
    touched = toucher.of(Call(found.address, ANSWER))
    if touched is None or touched.reads_storage or touched.contracts != {found.address}:
        return found
    if _answer_at(chain, block, found.address, block.timestamp_s + YEAR_S) != found.answer_raw:
        return found
    return replace(found, kind=Kind.CONSTANT, findings=())


def _answer_at(chain: Chain, block: Header, address: str, time_s: int) -> int | None:
    """Return the answer as of another block time, None where the node cannot tell."""
    transaction = {"to": address, "data": "0x" + encode(Call(address, ANSWER)).hex()}
    try:
        answer = chain.request("eth_call", [transaction, hex(block.number), {}, {"time": hex(time_s)}])
        return int(answer, 16)
    except (RpcFailed, TypeError, ValueError):
        return None


def with_cutoff(chain: Chain, block: Header, found: Found) -> Found:
    """Return an SVR feed with its cut-off, which no getter tells, or with a finding."""
    if found.kind is not Kind.SVR_FEED or not isinstance(found.settings, FeedSettings):
        return found
    cutoff_s = _cutoff_s(chain, block, found.settings)
    if cutoff_s is not None:
        return replace(found, settings=replace(found.settings, cutoff_s=cutoff_s))
    finding = Finding(
        FindingKind.MISSING,
        Severity.LOW,
        found.address,
        "How long the private path of this feed may lag the public one could not be read.",
        remedy="Read the cut-off from the aggregator's CutoffTimeSet events.",
    )
    return replace(found, findings=(*found.findings, finding))


def _cutoff_s(chain: Chain, block: Header, settings: FeedSettings) -> int | None:
    if settings.type_and_version != _DUAL:
        return None  # another version may keep it elsewhere
    try:
        params = [settings.aggregator, hex(_CUTOFF_SLOT), hex(block.number)]
        word = int(chain.request("eth_getStorageAt", params), 16)
    except (RpcFailed, TypeError, ValueError):
        return None
    cutoff_s, rounds_back = word % _FOUR_BYTES, word // _FOUR_BYTES
    sane = 0 < cutoff_s <= _LONGEST_CUTOFF_S and 0 < rounds_back <= _MOST_ROUNDS_BACK
    return cutoff_s if sane else None
