"""Who may hold a position in an Aave market: its pool and its tokens say."""

from __future__ import annotations

from collections.abc import Sequence

from abis.chain import Chain, Header, Progress
from protocols.aave_v3.addresses import ZERO
from protocols.aave_v3.reserves import ListedReserve
from protocols.discovery import EVENTS, Holders, deployment_block, find_holders
from protocols.journal import Journal
from protocols.registry import MarketSpec


def read_holders(
    chain: Chain,
    spec: MarketSpec,
    pool: str,
    listed: Sequence[ListedReserve],
    block: Header,
    progress: Progress,
    journal: Journal,
    events: Sequence[str] = EVENTS,
) -> Holders:
    """Return every account that events since the deployment name; errors as in `find_holders`."""
    first = spec.first_block
    if first is None:
        first = journal.first_block
    if first is None:
        first = journal.first_block = deployment_block(chain, spec.address, block)
    tokens = [t for r in listed for t in (r.reserve.a_token, r.reserve.debt_token) if t != ZERO]
    tokens += [r.stable_debt_token for r in listed if r.stable_debt_token]
    return find_holders(chain, pool, tokens, range(first, block.number + 1), progress, journal, events)
