"""The files that say what a proposal changes and what an executor sends."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from protocols.payload_calls import Route
    from protocols.snapshot import Snapshot
    from risk.proposal.changes import Change
    from risk.proposal.config_diff import Row

DIFF_FILE, DIFF_JSON = "config_diff.md", "config_diff.json"
PAYLOAD_FILE = "payload.json"
SAFE_FILE, SAFE_STEWARD_FILE = "safe.json", "safe_steward.json"
PAYLOAD_FILES = (DIFF_FILE, DIFF_JSON, PAYLOAD_FILE, SAFE_FILE, SAFE_STEWARD_FILE)
_DIFF_SCHEMA, _PAYLOAD_SCHEMA = "breakwater.config-diff/1", "breakwater.payload/1"


def diff_files(
    market: Snapshot, changes: Sequence[Change], others: Sequence[Row], inputs: Mapping[str, Any]
) -> dict[str, str]:
    """Return the difference in configuration, for people and as JSON.

    Parameters
    ----------
    market : Snapshot
        As it is.
    changes : sequence of Change
    others : sequence of Row
        What a payload sets too.
    inputs : mapping
        Hashes for the envelope.
    """
    from risk.cli.envelope import envelope
    from risk.proposal.config_diff import in_order, proposed, to_json, to_markdown
    from risk.report.markdown import cell

    rows = in_order((*proposed(market, changes), *others))
    units = {"*_raw": "as the chain stores it; a bonus includes 10000", "*_bps": "basis points"}
    return {
        DIFF_FILE: to_markdown(rows, f"Configuration of {cell(market.market.name)}"),
        DIFF_JSON: envelope(_DIFF_SCHEMA, to_json(rows), inputs=inputs, units=units),
    }


def payload_files(
    after: Snapshot, changes: Sequence[Change], targets: Mapping[Route, str], inputs: Mapping[str, Any]
) -> dict[str, str]:
    """Return every route's calls, and those a Safe can send as its transaction builder reads them.

    Parameters
    ----------
    after : Snapshot
        The market as the changes leave it.
    changes : sequence of Change
    targets : mapping of Route to str
        Address of each contract that is known.
    inputs : mapping
        Hashes for the envelope.
    """
    from protocols.payload_calls import Route
    from risk.cli.envelope import envelope
    from risk.proposal.payload import CONTRACTS, encoded, payload_data, safe_json

    files = {
        PAYLOAD_FILE: envelope(
            _PAYLOAD_SCHEMA,
            payload_data(after, changes, targets),
            inputs=inputs,
            units={"calldata": "hex", "call": "percentages in basis points, caps in whole tokens"},
        )
    }
    safes = {Route.CONFIGURATOR: SAFE_FILE, Route.STEWARD: SAFE_STEWARD_FILE}
    market, at_s = after.market, after.block.timestamp_s
    for route in encoded(after, changes):
        if route.route in safes and route.route in targets and route.calls:
            to, contract = targets[route.route], CONTRACTS[route.route]
            body = safe_json(route.calls, to, market.chain_id, at_s=at_s, contract=contract)
            files[safes[route.route]] = json.dumps(body, indent=2) + "\n"
    return files


def targets_of(market: Snapshot, configurator: str | None, steward: str | None) -> dict[Route, str]:
    """Return the contracts that are known: those given, then those of the snapshot and of listed markets.

    Raises
    ------
    NotAMarket
        If a given text is no address.
    """
    from protocols.payload_calls import Route
    from protocols.registry import MARKETS, checksummed_address

    listed = MARKETS.get(market.market.name)
    found = {
        Route.CONFIGURATOR: configurator or market.market.addresses.get("configurator"),
        Route.STEWARD: steward or (listed.steward if listed is not None else None),
    }
    return {route: checksummed_address(address) for route, address in found.items() if address}
