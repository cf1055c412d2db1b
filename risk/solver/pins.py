"""Pins: parameters a team has decided, each with one value; the rest is chosen around them."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.proposal.changes import Change, Unit, read_change
from risk.solver.limits import Limits

# Field of a proposal -> where limits.toml says how far it may move.
BOX = {
    "ltv": "box.ltv_bps",
    "liquidation_threshold": "box.threshold_bps",
    "liquidation_bonus": "box.bonus_bps",
    "supply_cap": "box.supply_cap_pct",
    "borrow_cap": "box.borrow_cap_pct",
}


@dataclass(frozen=True)
class Pins:
    """What is pinned, as the chain stores it."""

    values: Mapping[tuple[bool, int, str], int]

    def of(self, is_emode: bool, place: int) -> dict[str, int]:
        """Return the pinned fields of a reserve or a category."""
        return {name: v for (kind, k, name), v in self.values.items() if (kind, k) == (is_emode, place)}


def pins_of(snapshot: Snapshot, limits: Limits) -> Pins:
    """Read the pins of the limits for a market.

    Raises
    ------
    UnknownAsset
        If a reserve is not listed.
    InputError
        If a category or field is none, a value cannot be stored, lies outside the box, or is for what
        ``keep`` leaves as it is.
    """
    found: dict[tuple[bool, int, str], int] = {}
    for name, value in limits.pins.items():
        change = read_change(f"{name}={value}", snapshot)
        key = (change.is_emode, change.place, change.field.name)
        if key in found:
            raise InputError(f"{change.name} is pinned twice.", remedy="Pin each parameter once.")
        _check(change, limits)
        found[key] = change.after
    return Pins(found)


def check_chosen(pins: Pins, chosen: Set[tuple[bool, int, str]], snapshot: Snapshot) -> None:
    """Refuse pins of what the solver does not choose: no collateral, a cap of none, a closed reserve.

    Raises
    ------
    InputError
        Naming the first.
    """
    for is_emode, place, name in pins.values:
        if (is_emode, place, name) not in chosen:
            subject = f"emode:{snapshot.emodes[place].id}" if is_emode else snapshot.asset_names[place]
            raise InputError(
                f"{subject}.{name} is pinned, and is nothing that may be chosen in this market.",
                remedy="Pin what is collateral, or a cap that is there and open; raise its box.",
            )


def _check(change: Change, limits: Limits) -> None:
    name = change.field.name
    if name not in BOX:
        raise InputError(f"{change.name} is not chosen here.", remedy=f"Pin one of {', '.join(BOX)}.")
    if change.subject in limits.keep and change.after != change.before:
        raise InputError(
            f"{change.name} is pinned to another value, and solver.keep leaves {change.subject} as it is.",
            remedy="Drop one of the two.",
        )
    reach = limits[BOX[name]]
    if change.field.unit is Unit.TOKENS:
        reach = reach * change.before / 100
    if abs(change.after - change.before) > reach:
        raise InputError(
            f"the pin {change.name} = {change.shown[1]} lies outside the box around {change.shown[0]}.",
            remedy=f"Raise {BOX[name]}, or pin it nearer.",
        )
