"""Joins a trace of prices with the snapshot of the same block."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from abis.errors import InputError
from oracles.feed_audit_trace import TraceFile, read_trace
from protocols.snapshot import Snapshot


def trace_facts(path: Path, snapshot: Snapshot) -> dict[str, Mapping[str, Any]]:
    """Return what a trace says of each asset's price, as `risk.audit.feeds_file.FeedFile.facts`.

    Parameters
    ----------
    path : Path
        What ``breakwater oracle trace --json`` wrote.
    snapshot : Snapshot
        Of the same chain and block.

    Raises
    ------
    MalformedFile
        If the file is no trace.
    InputError, UnknownAsset
        As `joined`.
    """
    return joined(read_trace(path), snapshot, path.name)


def joined(trace: TraceFile, snapshot: Snapshot, name: str) -> dict[str, Mapping[str, Any]]:
    """Return a trace's facts by the snapshot's names of assets; errors call the trace ``name``.

    Raises
    ------
    InputError
        If it is of another chain or block.
    UnknownAsset
        If it prices an asset the market does not list.
    """
    at, here = (trace.chain_id, trace.block_number), (snapshot.market.chain_id, snapshot.block.number)
    if at != here:
        raise InputError(
            f"'{name}' is of chain {at[0]} at block {at[1]}, the snapshot of {here[0]} at {here[1]}.",
            remedy=f"Trace it with --block {here[1]}.",
        )
    return {snapshot.asset_names[snapshot.asset_index(name)]: found for name, found in trace.facts.items()}


def merged(traced: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts of one asset: what a file states wins over the trace, in legs field by field."""
    own, given = traced.get("legs", ()), stated.get("legs", ())
    legs = [
        {**(own[k] if k < len(own) else {}), **(given[k] if k < len(given) else {})}
        for k in range(max(len(own), len(given)))
    ]
    return {**traced, **stated, **({"legs": tuple(legs)} if legs else {})}
