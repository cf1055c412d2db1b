"""What an executor sends: a proposal as calls of Aave v3's PoolConfigurator.

Three shapes: a list of calls with readable arguments, their hex calldata, and the JSON of Safe's
transaction builder.  Values are those the chain stores: a bonus includes 10000 here, unlike in
the config engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.address import is_address, to_checksum_address

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.proposal.changes import COLLATERAL_FIELDS, FIELDS, Change, Field

COLLATERAL = "configureReserveAsCollateral(address,uint256,uint256,uint256)"
CATEGORY_TYPES = {  # the price source left with v3.2, the isolation flag came with v3.7
    "old": "setEModeCategory(uint8,uint16,uint16,uint16,address,string)",
    "new": "setEModeCategory(uint8,uint16,uint16,uint16,string)",
    "isolated": "setEModeCategory(uint8,uint16,uint16,uint16,string,bool)",
}
SINGLE = {
    "supply_cap": "setSupplyCap(address,uint256)",
    "borrow_cap": "setBorrowCap(address,uint256)",
    "reserve_factor": "setReserveFactor(address,uint256)",
    "liquidation_protocol_fee": "setLiquidationProtocolFee(address,uint256)",
}
_NO_PRICE = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the configurator.

    Parameters
    ----------
    signature : str
    arguments : tuple
        As ABI values.
    """

    signature: str
    arguments: tuple[Any, ...]

    @property
    def calldata(self) -> str:
        """Return the call as hex."""
        selector = function_signature_to_4byte_selector(self.signature)
        return "0x" + (selector + encode(_types(self.signature), self.arguments)).hex()

    def text(self) -> str:
        """Return the call as people read it."""
        name = self.signature.partition("(")[0]
        return f"{name}({', '.join(repr(a) if isinstance(a, str) else str(a) for a in self.arguments)})"


def calls(after: Snapshot, changes: Sequence[Change]) -> tuple[Call, ...]:
    """Return the calls that make a proposal, in an order every step of which is valid.

    Parameters
    ----------
    after : Snapshot
        The market as the changes leave it.
    changes : sequence of Change

    Raises
    ------
    InputError
        If the market is not of Aave v3 or Spark.
    """
    if not after.market.protocol.replace("-", "_").startswith(("aave_v3", "spark")):
        raise InputError(
            f"calls for {after.market.protocol} are not known.", remedy="Use a snapshot of an Aave v3 market."
        )
    return tuple(_calls(after, changes))


def _calls(after: Snapshot, changes: Sequence[Change]) -> Iterator[Call]:
    for is_emode, place in dict.fromkeys(
        (c.is_emode, c.place) for c in changes if c.field.name in COLLATERAL_FIELDS
    ):
        yield call_of_category(after, place) if is_emode else _collateral(after, place)
    for change in changes:
        if change.field.name in SINGLE:
            yield Call(SINGLE[change.field.name], (after.reserves[change.place].asset, change.after))


def _collateral(after: Snapshot, place: int) -> Call:
    r = after.reserves[place]
    numbers = (r.ltv_bps, r.liquidation_threshold_bps, r.liquidation_bonus_bps)
    return Call(COLLATERAL, (r.asset, *numbers))


def call_of_category(after: Snapshot, place: int) -> Call:
    """Return the call that sets a category to what it is in ``after``."""
    m = after.emodes[place]
    numbers = (m.id, m.ltv_bps, m.liquidation_threshold_bps, m.liquidation_bonus_bps)
    shape = _shape(after.market.version)
    if shape == "old":
        return Call(
            CATEGORY_TYPES[shape], (*numbers, to_checksum_address(m.price_source or _NO_PRICE), m.label)
        )
    if shape == "new":
        return Call(CATEGORY_TYPES[shape], (*numbers, m.label))
    return Call(CATEGORY_TYPES[shape], (*numbers, m.label, m.isolated))


def _shape(version: str) -> str:
    release = tuple(int(part) for part in version.split(".")[:2])
    if release < (3, 2):
        return "old"
    return "new" if release < (3, 7) else "isolated"


def decoded(calldata: str, snapshot: Snapshot, *, keep_same: bool = False) -> tuple[Change, ...]:
    """Return what one call of the configurator changes, beside the market's values.

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
    made = _changes(*_decoded(calldata), snapshot)
    return made if keep_same else tuple(c for c in made if c.before != c.after)


def _changes(signature: str, arguments: tuple[Any, ...], snapshot: Snapshot) -> tuple[Change, ...]:
    name = signature.partition("(")[0]
    if name == "setEModeCategory":
        place = next((k for k, m in enumerate(snapshot.emodes) if m.id == arguments[0]), None)
        if place is None:
            raise InputError(
                f"the market has no category {arguments[0]}.", remedy="Use this market's snapshot."
            )
        mode = snapshot.emodes[place]
        if call_of_category(snapshot, place).arguments[4:] != _comparable(arguments[4:]):
            raise InputError(
                f"category {mode.id} also changes its label, price source or isolation: {arguments[4:]!r}.",
                remedy="Review that part by hand; only LTV, threshold and bonus are compared here.",
            )
        return _triple(f"emode:{mode.id}", place, True, mode, arguments[1:4])
    place = snapshot.asset_index(arguments[0])
    reserve, subject = snapshot.reserves[place], snapshot.asset_names[place]
    if signature == COLLATERAL:
        return _triple(subject, place, False, reserve, arguments[1:4])
    field = FIELDS[next(f for f, s in SINGLE.items() if s == signature)]
    return (_change(subject, place, False, field, reserve, int(arguments[1])),)


def _decoded(calldata: str) -> tuple[str, tuple[Any, ...]]:
    try:
        raw = bytes.fromhex(calldata.strip().removeprefix("0x"))
    except ValueError as error:
        raise InputError(
            f"{calldata[:20]!r} is no hex.", remedy="Give calldata such as 0x7c4e560b…."
        ) from error
    for signature in (COLLATERAL, *CATEGORY_TYPES.values(), *SINGLE.values()):
        if raw[:4] == function_signature_to_4byte_selector(signature):
            try:
                return signature, decode(_types(signature), raw[4:])
            except (DecodingError, UnicodeDecodeError) as error:
                raise InputError(f"the arguments of {signature} cannot be read: {error}.") from error
    raise InputError(
        f"no call known here begins with 0x{raw[:4].hex()}.",
        remedy="Known: configureReserveAsCollateral, setEModeCategory, " + ", ".join(SINGLE.values()) + ".",
    )


def _comparable(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return arguments with addresses as a snapshot writes them."""
    return tuple(to_checksum_address(a) if isinstance(a, str) and is_address(a) else a for a in arguments)


def _triple(
    subject: str, place: int, is_emode: bool, holder: Any, values: Sequence[int]
) -> tuple[Change, ...]:
    pairs = zip(COLLATERAL_FIELDS, values, strict=True)
    return tuple(_change(subject, place, is_emode, FIELDS[name], holder, int(v)) for name, v in pairs)


def _change(subject: str, place: int, is_emode: bool, field: Field, holder: Any, after: int) -> Change:
    return Change(subject, place, is_emode, field, int(getattr(holder, field.attribute)), after)


def safe_json(made: Sequence[Call], configurator: str, chain_id: int) -> dict[str, Any]:
    """Return the calls as Safe's transaction builder reads them."""
    return {
        "version": "1.0",
        "chainId": str(chain_id),
        "createdAt": 0,
        "meta": {"name": "Breakwater proposal", "description": f"{len(made)} calls of PoolConfigurator"},
        "transactions": [
            {
                "to": configurator,
                "value": "0",
                "data": c.calldata,
                "contractMethod": None,
                "contractInputsValues": None,
            }
            for c in made
        ],
    }


def _types(signature: str) -> list[str]:
    return signature.partition("(")[2].removesuffix(")").split(",")
