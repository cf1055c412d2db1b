"""Who may hold a position: accounts and (token, account) pairs from event logs.

A balance can only come to be where an event named its holder: the pool's ``Supply`` and
``Borrow`` name ``onBehalfOf`` (flash loans left open and delegated credit included), a
token's ``Mint`` and ``Transfer`` name the receiver.  All of them put the holder in the
second indexed argument, so one filter finds them all; on Aave v2 only names differ.  What
was found is checked against the tokens' totals afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eth_utils.address import to_checksum_address

from abis.calls import topic
from abis.chain import Chain, Header, Progress, silent
from abis.errors import BadReturn
from abis.logs import Piece, topic_address
from abis.state import first_block_with_code
from protocols.journal import Journal, Scan

SUPPLY = topic("Supply(address,address,address,uint256,uint16)")
BORROW = topic("Borrow(address,address,address,uint256,uint8,uint256,uint16)")
MINT = topic("Mint(address,address,uint256,uint256,uint256)")
TRANSFER = topic("Transfer(address,address,uint256)")
EVENTS = (SUPPLY, BORROW, MINT, TRANSFER)
_HOLDER = 2  # place of onBehalfOf and of the receiver among the topics
_NOBODY = "0x" + "0" * 40


@dataclass(frozen=True, slots=True)
class Holders:
    """Who was found.

    Parameters
    ----------
    accounts : tuple of str
        Every account named, checksummed, sorted.
    by_token : mapping
        Token (lower case) -> checksummed accounts an event of that token named.
    """

    accounts: tuple[str, ...]
    by_token: Mapping[str, frozenset[str]]

    def of(self, token: str) -> frozenset[str]:
        """Return the accounts an event of ``token`` named."""
        return self.by_token.get(token.lower(), frozenset())


def find_holders(
    chain: Chain,
    pool: str,
    tokens: Iterable[str],
    blocks: range,
    progress: Progress = silent,
    journal: Journal | None = None,
    events: Sequence[str] = EVENTS,
) -> Holders:
    """Return every account that events of ``blocks`` name as holder.

    Parameters
    ----------
    chain : Chain
        Where to read.
    pool : str
        Contract that emits ``Supply`` and ``Borrow``.
    tokens : iterable of str
        Supply and debt tokens of the pool.
    blocks : range
        From the pool's deployment to the block of the snapshot, inclusive.
    progress : callable
        Told the blocks finished, phase ``events``.
    journal : Journal, optional
        What is known already; extended by what is read.
    events : sequence of str
        Topics of the events that name a holder in their second indexed argument.

    Raises
    ------
    BadReturn
        If a log names no holder.
    RpcFailed, BlockUnavailable
        If the node refuses the logs.
    """
    journal = journal or Journal()
    addresses = {address.lower() for address in (pool, *tokens)}
    journal.check(chain.hashes)
    gaps = journal.missing(addresses, blocks)
    total = sum(len(gap) for _, gap in gaps)
    done = 0
    for contracts, gap in gaps:
        for piece in chain.logs(contracts, [list(events)], gap):
            scan = Scan(piece.blocks, frozenset(contracts), piece.last_hash)
            journal.add(scan, _named(piece), head=blocks.stop - 1)
            done += len(piece.blocks)
            progress("events", done, total)
    if not gaps:
        progress("events", 0, 0)
    return _holders(pool, addresses, journal)


def deployment_block(chain: Chain, address: str, block: Header) -> int:
    """Return the block that brought ``address`` its code, or 0 if the node cannot tell."""
    return first_block_with_code(lambda number: chain.has_code(address, number), block.number)


def _named(piece: Piece) -> dict[str, set[str]]:
    """Return contract -> accounts that its events name."""
    named: dict[str, set[str]] = {}
    for log in piece.logs:
        if len(log.topics) <= _HOLDER:
            raise BadReturn(f"an event of {log.address} in block {log.block} names no holder.")
        named.setdefault(log.address, set()).add(topic_address(log.topics[_HOLDER]))
    return named


def _holders(pool: str, addresses: set[str], journal: Journal) -> Holders:
    found = {contract: who for contract, who in journal.found.items() if contract in addresses}
    everyone = {a: str(to_checksum_address(a)) for a in set().union(*found.values()) - {_NOBODY}}
    by_token = {
        token: frozenset(everyone[a] for a in accounts if a in everyone)
        for token, accounts in found.items()
        if token != pool.lower()
    }
    return Holders(tuple(sorted(everyone.values())), by_token)
