"""The payloads of an Aave v3 market: what settings look like as calls, and what calls set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from abis.calls import function
from protocols.aave_v3 import configurator_calls, engine_calls
from protocols.aave_v3.versions import since
from protocols.payload_calls import (
    DecodedCall,
    PayloadCall,
    Route,
    Setting,
    arguments_of,
)
from protocols.snapshot import Reserve, Snapshot

# Known by name, and not read: what they list or replace is no setting of a market that is there.
_UNREAD = (
    "initReserves((address,address,address,string,string,string,string,bytes,bytes)[])",
    "setPoolPause(bool,uint40)",
    "disableLiquidationGracePeriod(address)",
    "updateFlashloanPremium(uint128)",
    "updateFlashloanPremiumTotal(uint128)",
    "updateFlashloanPremiumToProtocol(uint128)",
    "updateBridgeProtocolFee(uint256)",
    "createEModeCategories((uint256,uint256,uint256,string,address[],address[])[])",
    "createEModeCategories((uint256,uint256,uint256,string,address[],address[],bool)[])",
    "setCapParameters((uint104,uint48,uint16))",
    "setPriceCap(int256)",
    "grantRole(bytes32,address)",
    "revokeRole(bytes32,address)",
    "addPoolAdmin(address)",
    "addRiskAdmin(address)",
    "execute()",
)


def encode(route: Route, after: Snapshot, settings: Sequence[Setting]) -> tuple[PayloadCall, ...]:
    """Return the calls that make ``settings`` through ``route``.

    Parameters
    ----------
    route : Route
    after : Snapshot
        The market as the settings leave it.
    settings : sequence of Setting

    Raises
    ------
    InputError
        If the contract cannot make a setting; the message names it.
    """
    if route is Route.CONFIGURATOR:
        return configurator_calls.calls(after, settings)
    return engine_calls.calls(route, after.market.version, settings)


def decode(data: bytes, version: str) -> DecodedCall | None:
    """Return what one call sets, or None if no function known here begins so.

    Parameters
    ----------
    data : bytes
        Calldata with its selector.
    version : str
        Release of the market; a call in the shape of another is noted.

    Raises
    ------
    ValueError
        If the function is known and its arguments are not what they should be.
    """
    own = _functions().get(data[:4])
    if own is not None:
        arguments = arguments_of(own.signature, data[4:])
        call = PayloadCall(own.signature, arguments, own.names)
        return DecodedCall(call, (own.route,), tuple(own.settings(arguments)), _notes_of(own, version))
    found = _updates().get(data[:4])
    if found is None:
        return None
    update, signature, routes = found
    (records,) = arguments_of(signature, data[4:])
    kept = [r for r in records if not engine_calls.skipped(update, r)]
    notes = [] if update.fits(version) else [_misfit(update.first, update.last, version)]
    if len(kept) < len(records):
        notes.append("records with a threshold of 0 are passed over by the engine: they set nothing")
    settings = tuple(s for r in kept for s in update.read(r))
    return DecodedCall(PayloadCall(signature, (records,), update.names), routes, settings, tuple(notes))


def name_of(selector: bytes) -> str:
    """Return the name of a function that is known and not read; empty if it is not known."""
    return next((s for s in _UNREAD if function(s).selector == selector), "")


def keeps_ltv_for_later(snapshot: Snapshot, reserve: Reserve) -> bool:
    """Return whether a new LTV of ``reserve`` waits until it is unfrozen (PoolConfigurator.sol from v3.1)."""
    return reserve.frozen and since(snapshot.market.version, "3.1")


def _notes_of(own: configurator_calls.Function, version: str) -> tuple[str, ...]:
    shapes = {
        configurator_calls.CATEGORY_UNTIL_31: ("3.0", "3.1"),
        configurator_calls.CATEGORY_UNTIL_36: ("3.2", "3.6"),
        configurator_calls.CATEGORY_SINCE_37: ("3.7", ""),
    }
    first, last = shapes.get(own.signature, ("3.0", ""))
    fits = since(version, first) and (not last or since(last, version))
    return () if fits else (_misfit(first, last, version),)


def _misfit(first: str, last: str, version: str) -> str:
    releases = f"{first} to {last}" if last else f"{first} on"
    return f"this shape is of releases {releases}; the market runs {version} and would revert"


@cache
def _functions() -> dict[bytes, configurator_calls.Function]:
    return {function(f.signature).selector: f for f in configurator_calls.FUNCTIONS}


@cache
def _updates() -> dict[bytes, tuple[engine_calls.Update, str, tuple[Route, ...]]]:
    found: dict[bytes, tuple[engine_calls.Update, str, tuple[Route, ...]]] = {}
    for update, name, route in _named():
        signature = update.signature(name)
        selector = function(signature).selector
        routes = (*found[selector][2], route) if selector in found else (route,)
        found[selector] = (update, signature, routes)
    return found


def _named() -> Iterator[tuple[engine_calls.Update, str, Route]]:
    for update in engine_calls.UPDATES:
        for name, route in ((update.engine, Route.ENGINE), (update.steward, Route.STEWARD)):
            if name:
                yield update, name, route
