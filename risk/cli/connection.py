"""How ``breakwater snapshot`` reaches a chain, and what it remembers between runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abis.chain import Chain
    from protocols.journal import Journal
    from protocols.registry import MarketSpec

LOCAL_CHAIN_ID = 31337
_FOLDER_VARIABLE = "BREAKWATER_CACHE"
_ATTEMPTS_WITH_OTHERS = 3  # per endpoint, before the next takes over


def open_chain(urls: Sequence[str], cross_check: bool, concurrency: int, requests_per_second: float) -> Chain:
    """Return the chain behind ``urls``; nothing is sent yet.

    Raises
    ------
    InputError
        If there is no URL, or only one to check against itself.
    """
    from abis.chain import Chain
    from abis.errors import InputError

    if not urls:
        raise InputError("no RPC URL given.", remedy="Pass --rpc URL or set ETH_RPC_URL.")
    if cross_check and len(urls) < 2:
        raise InputError("--cross-check needs two endpoints.", remedy="Give --rpc twice.")

    def reader(*of: str, witness: Chain | None = None) -> Chain:
        return Chain(
            *of,
            attempts=_ATTEMPTS_WITH_OTHERS if len(of) > 1 else 6,
            concurrency=concurrency,
            requests_per_second=requests_per_second,
            witness=witness,
        )

    if cross_check:
        return reader(urls[0], *urls[2:], witness=reader(urls[1]))
    return reader(*urls)


def cache_folder(chain_id: int) -> Path | None:
    """Return where to remember things, or None on a local chain.

    There, state can be edited without a new block.  A folder named by ``BREAKWATER_CACHE``
    is always used.
    """
    named = os.environ.get(_FOLDER_VARIABLE, "")
    if named:
        return Path(named).expanduser()
    return None if chain_id == LOCAL_CHAIN_ID else Path("~/.cache/breakwater").expanduser()


def open_journal(chain: Chain, spec: MarketSpec, folder: Path) -> Journal:
    """Return the journal of a market, named by chain, genesis block and address."""
    from protocols.journal import Journal

    (genesis,) = chain.hashes([0])
    start = (genesis or "unknown").removeprefix("0x")[:16]
    return Journal(folder / "journals" / f"{chain.chain_id}-{start}-{spec.address.lower()}.log")
