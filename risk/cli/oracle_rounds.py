"""How oracle commands read rounds from a chain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abis.chain import Chain
    from oracles.history import RoundHistory

_PHASES = {"rounds": "Events of the aggregators, blocks"}


def rounds_from_chain(
    urls: Sequence[str], address: str, from_block: int, to_block: str
) -> tuple[RoundHistory, str, dict[str, Any]]:
    """Return a feed's rounds, its description, and what determined them.

    Raises
    ------
    InputError
        If the address or a block is none, or the range holds no rounds.
    ChainError
        As `abis.chain.Chain`.
    """
    import re

    from abis.errors import InputError
    from oracles.round_events import describe, read_round_events
    from risk.cli.blocks import block_choice, default_block
    from risk.cli.connection import open_chain
    from risk.cli.progress import reporting

    if not re.fullmatch("0x[0-9a-fA-F]{40}", address):
        raise InputError(f"{address!r} is no address.", remedy="Give --feed the proxy's address.")
    which = block_choice(to_block)
    chain = open_chain(urls, False, 4, 0.0)
    chain_id = chain.connect()
    last = chain.block(which or default_block(chain_id))
    feed = describe(chain, address, last)
    with reporting(_PHASES) as report:
        blocks = range(from_block, last.number + 1)
        history = read_round_events(chain, feed, blocks, _journals(chain), report)
    chain.confirm(last)
    source = {
        "chain_id": chain_id,
        "feed": address.lower(),
        "first_block": from_block,
        "last_block": last.number,
        "last_block_hash": last.hash,
        "aggregators": [a for _, a in feed.aggregators],
    }
    return history, feed.description, source


def _journals(chain: Chain) -> Any:
    """Return where the rounds of an aggregator are remembered, by its address."""
    from risk.cli.connection import cache_folder

    folder = cache_folder(chain.chain_id)
    (genesis,) = chain.hashes([0])
    start = (genesis or "unknown").removeprefix("0x")[:16]

    def path(aggregator: str) -> Path | None:
        return None if folder is None else folder / "rounds" / f"{chain.chain_id}-{start}-{aggregator}.log"

    return path
