"""What a proposal's payload consists of: calls, and the settings they make, in no protocol's own terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eth_utils.address import is_address, to_checksum_address

from abis.calls import Call, decode_values, encode, function
from abis.errors import BadReturn


class Route(StrEnum):
    """Which contract a proposal goes through."""

    CONFIGURATOR = "configurator"  # the market's own, for its administrators
    ENGINE = "engine"  # a helper that governance's payload contracts delegate to
    STEWARD = "steward"  # a contract that lets a council make small steps
    ORACLE = "oracle"  # the market's price oracle, for its administrators


class SettingKind(StrEnum):
    """What a setting is about."""

    RESERVE = "reserve"
    EMODE = "emode"
    EMODE_ASSET = "emode_asset"
    FEED = "feed"
    MARKET = "market"


@dataclass(frozen=True, slots=True)
class Setting:
    """One parameter given one value.

    Parameters
    ----------
    kind : SettingKind
    subject : str
        A reserve's asset address, a category's id, ``id:asset``, a feed's address, or empty for the market.
    parameter : str
        As the snapshot names it where it holds it: ``ltv_bps``, ``supply_cap_tokens``.
    value : int, bool or str
        As the chain stores it: a bonus includes 10000, a debt ceiling counts cents.
    """

    kind: SettingKind
    subject: str
    parameter: str
    value: int | bool | str


@dataclass(frozen=True, slots=True)
class PayloadCall:
    """One call that an executor sends.

    Parameters
    ----------
    signature : str
        ``name(types)``.
    arguments : tuple
        As ABI values.
    names : tuple of str
        What each argument is called, or each field of its one list of records; may be empty.
    """

    signature: str
    arguments: tuple[Any, ...]
    names: tuple[str, ...] = ()

    @property
    def calldata(self) -> str:
        """Return the call as hex."""
        return "0x" + encode(Call("", self.signature, self.arguments)).hex()

    def text(self) -> str:
        """Return the call as people read it."""
        name = self.signature.partition("(")[0]
        if len(self.arguments) == 1 and isinstance(self.arguments[0], (list, tuple)):
            records = ", ".join(f"{{{_joined(r, self.names)}}}" for r in self.arguments[0])
            return f"{name}([{records}])"
        return f"{name}({_joined(self.arguments, self.names)})"


@dataclass(frozen=True, slots=True)
class DecodedCall:
    """One call of somebody's payload, understood.

    Parameters
    ----------
    call : PayloadCall
    routes : tuple of Route
        Contracts that have such a function.
    settings : tuple of Setting
        What it sets; what it keeps is left out.
    notes : tuple of str
        What a reader must know: a call that does nothing, a shape of another release.
    """

    call: PayloadCall
    routes: tuple[Route, ...]
    settings: tuple[Setting, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RawCall:
    """One call as a payload carries it.

    Parameters
    ----------
    data : str
        Calldata, hex.
    to : str
        Address it goes to, checksummed; empty where the payload does not tell.
    place : str
        Where it stands: ``call 2``, or ``call 2.1`` inside a batch.
    value_wei : int
        Ether sent with it.
    delegated : bool
        Whether the code is run in the sender's place.
    """

    data: str
    to: str = ""
    place: str = "call 1"
    value_wei: int = 0
    delegated: bool = False


# Sentinels of Aave's EngineFlags.sol, spelled as there wherever they are shown.
KEEP_CURRENT = 2**256 - 1 - 42
KEEP_CURRENT_STRING = "KEEP_CURRENT_STRING"
KEEP_CURRENT_ADDRESS = "0x0000000000000000000000000000000000000050"
KEPT = (KEEP_CURRENT, KEEP_CURRENT_STRING, KEEP_CURRENT_ADDRESS)


def arguments_of(signature: str, data: bytes) -> tuple[Any, ...]:
    """Return the arguments of calldata without its selector; addresses checksummed, at any depth.

    Raises
    ------
    ValueError
        If the bytes are not exactly the encoding of such arguments.
    """
    types = function(signature).inputs
    try:
        values = decode_values(types, data, "the call")
    except BadReturn:
        raise ValueError(f"its {len(data)} bytes are no plain encoding of ({','.join(types)})") from None
    return tuple(checksummed(v) for v in values)


def checksummed(value: Any) -> Any:
    """Return a decoded value with every address in it as a snapshot writes it."""
    if isinstance(value, (list, tuple)):
        return tuple(checksummed(v) for v in value)
    if isinstance(value, str) and is_address(value):
        return to_checksum_address(value)
    return value


def _joined(values: Sequence[Any], names: Sequence[str]) -> str:
    if not isinstance(values, (list, tuple)):
        return _shown(values)
    flat = [v for value in values for v in (value if isinstance(value, (list, tuple)) else (value,))]
    if len(names) != len(flat):
        return ", ".join(_shown(v) for v in values)
    return ", ".join(f"{n}: {_shown(v)}" for n, v in zip(names, flat, strict=True))


def _shown(value: Any) -> str:
    if value == KEEP_CURRENT:
        return "KEEP_CURRENT"
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, (list, tuple)):
        return f"({', '.join(_shown(v) for v in value)})"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, str) and not is_address(value) else str(value)
