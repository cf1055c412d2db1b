"""What an executor sends: a proposal as calls, through each contract that can make it.

Three routes: calls of the configurator itself, updates of the config engine that governance's payload
contracts delegate to, and updates of a risk steward.  Each is a list of calls with readable arguments,
their hex calldata, and, where a Safe can send them, the JSON of Safe's transaction builder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from abis.errors import InputError
from protocols.payload_calls import PayloadCall, Route, Setting, SettingKind
from protocols.payloads import codec_of
from protocols.snapshot import Snapshot
from risk.proposal.changes import Change
from risk.proposal.incoming import read_calls
from risk.proposal.safe_builder import builder_json

Call = PayloadCall
ROUTES = (Route.CONFIGURATOR, Route.ENGINE, Route.STEWARD)
CONTRACTS = {
    Route.CONFIGURATOR: "PoolConfigurator",
    Route.ENGINE: "AaveV3ConfigEngine",
    Route.STEWARD: "RiskSteward",
    Route.ORACLE: "AaveOracle",
}
WHOSE = {
    Route.CONFIGURATOR: "PoolConfigurator: sent by the pool's or risk administrator.",
    Route.ENGINE: "AaveV3ConfigEngine: delegated to by a payload contract that holds the administrator's "
    "role; a Safe cannot send it.",
    Route.STEWARD: "RiskSteward: sent by its risk council, within its bounds.",
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A proposal through one contract.

    Parameters
    ----------
    route : Route
    calls : tuple of PayloadCall
        Empty if the contract cannot make it.
    unavailable : str
        Why not; empty if it can.
    """

    route: Route
    calls: tuple[PayloadCall, ...]
    unavailable: str = ""


def calls(after: Snapshot, changes: Sequence[Change]) -> tuple[PayloadCall, ...]:
    """Return the configurator's calls that make a proposal, in an order every step of which is valid.

    Parameters
    ----------
    after : Snapshot
        The market as the changes leave it.
    changes : sequence of Change

    Raises
    ------
    InputError
        If payloads of the market's protocol are not known.
    """
    return codec_of(after.market).encode(Route.CONFIGURATOR, after, settings_of(changes, after))


def encoded(after: Snapshot, changes: Sequence[Change]) -> tuple[Encoded, ...]:
    """Return a proposal through every route, each with its calls or why it has none.

    Raises
    ------
    InputError
        If payloads of the market's protocol are not known.
    """
    codec, settings = codec_of(after.market), settings_of(changes, after)
    found = []
    for route in ROUTES:
        try:
            found.append(Encoded(route, codec.encode(route, after, settings)))
        except InputError as error:
            found.append(Encoded(route, (), error.message))
    return tuple(found)


def settings_of(changes: Sequence[Change], snapshot: Snapshot) -> tuple[Setting, ...]:
    """Return changes as the settings they make on the chain."""
    return tuple(
        Setting(SettingKind.EMODE, str(snapshot.emodes[c.place].id), c.field.attribute, c.after)
        if c.is_emode
        else Setting(SettingKind.RESERVE, snapshot.reserves[c.place].asset, c.field.attribute, c.after)
        for c in changes
    )


def decoded(calldata: str, snapshot: Snapshot, *, keep_same: bool = False) -> tuple[Change, ...]:
    """Return what one call changes, beside the market's values.

    Parameters
    ----------
    calldata : str
        Hex, with or without 0x.
    snapshot : Snapshot
    keep_same : bool
        Also return what is set to the value it has.

    Raises
    ------
    InputError
        If it is no hex, no call known here, or about a reserve or category the market does not have.
    """
    return read_calls(calldata, snapshot, keep_same=keep_same)


def safe_json(
    made: Sequence[PayloadCall], to: str, chain_id: int, *, at_s: int = 0, contract: str = "PoolConfigurator"
) -> dict[str, Any]:
    """Return the calls as Safe's transaction builder reads them; see `risk.proposal.safe_builder`."""
    description = f"{len(made)} calls of {contract}"
    return builder_json([c.calldata for c in made], to, chain_id, at_s, description)


def payload_data(after: Snapshot, changes: Sequence[Change], targets: Mapping[Route, str]) -> dict[str, Any]:
    """Return every route as JSON-ready values.

    Parameters
    ----------
    after : Snapshot
    changes : sequence of Change
    targets : mapping of Route to str
        Address of each contract that is known.
    """
    return {
        e.route.value: {
            "sent_by": WHOSE[e.route],
            "to": targets.get(e.route, ""),
            "unavailable": e.unavailable,
            "calls": [{"call": c.text(), "signature": c.signature, "calldata": c.calldata} for c in e.calls],
        }
        for e in encoded(after, changes)
    }
