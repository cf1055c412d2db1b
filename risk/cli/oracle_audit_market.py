"""Reads from the chain what ``breakwater oracle audit`` audits: a market and how its prices are made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abis.chain import Chain, Header
    from oracles.traced import Trace
    from protocols.snapshot import Snapshot


def read_and_trace(
    market: str, registry: Path | None, urls: Sequence[str], block: str, keep: bool
) -> tuple[Snapshot, bytes]:
    """Return a market and the JSON trace of its prices, both of the same block.

    Parameters
    ----------
    market : str
        Registry name or ``protocol:0xAddress``.
    registry : Path or None
        TOML file with markets of the user's own.
    urls : sequence of str
        JSON-RPC endpoints.
    block : str
        Number, tag, or empty for the default.
    keep : bool
        Whether to use and keep what was read before, as ``breakwater snapshot`` does.

    Returns
    -------
    Snapshot
        What ``breakwater snapshot`` would write.
    bytes
        What ``breakwater oracle trace --json`` would write of the block.

    Raises
    ------
    NotAMarket, UnsupportedVersion
        If there is no such market, or its protocol has no reader.
    InputError
        If there is no URL, or ``block`` is no block.
    """
    from protocols.registry import read_market
    from risk.cli.blocks import block_choice, default_block
    from risk.cli.connection import open_chain
    from risk.cli.market_reading import PHASES, at_block, remembered, spec_of, summarise
    from risk.cli.oracle_trace import PHASES as TRACE_PHASES
    from risk.cli.oracle_trace import talk, trace_of
    from risk.cli.progress import reporting

    spec = spec_of(market, registry)
    which = block_choice(block)
    chain = open_chain(urls, False, 4, 0.0)
    chain_id = chain.connect(spec.chain_id)
    journal = remembered(chain, spec, keep)

    def read(header: Header) -> tuple[Snapshot, bytes]:
        with reporting(PHASES) as report:
            taken = read_market(chain, spec, header, report, journal)
        summarise(taken, chain.requests)
        before = chain.requests
        with reporting(TRACE_PHASES) as report:
            traced = trace_of(chain, header, spec, [], report)
        written = _written(chain, header, market, traced)
        talk(traced, chain.requests - before)
        return taken, written

    return at_block(chain, which or default_block(chain_id), read)


def _written(chain: Chain, header: Header, market: str, traced: Trace) -> bytes:
    """Return the trace as a file holds it, so that no path to the audit can differ from the other."""
    from oracles.headroom import read_growth
    from oracles.trace_settings import settings_of
    from risk.cli.oracle_trace_json import trace_json

    growth = read_growth(chain, header, traced.sources().values())
    inputs = {"market": market, "feeds": {}}
    return trace_json(inputs, traced, growth, settings_of(traced, {})).encode()
