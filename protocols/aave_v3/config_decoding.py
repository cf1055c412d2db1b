"""From the log of a configuration event to the values it states."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from eth_utils.crypto import keccak

from abis.calls import decode_values
from abis.errors import BadReturn
from abis.logs import Log
from protocols.aave_v3.config_events import EVENTS, ROLES, Argument, ConfigEvent, Field
from protocols.texts import LONGEST_TEXT

_RATE_DATA = ("uint16", "uint32", "uint32", "uint32")  # IDefaultInterestRateStrategyV2.InterestRateData
_ROLE_NAMES = MappingProxyType({keccak(text=name): name for name in ROLES} | {bytes(32): "DEFAULT_ADMIN"})


@dataclass(frozen=True, slots=True)
class Statement:
    """What an event says of one parameter; ``old`` is None where it does not say."""

    kind: str
    subject: str
    parameter: str
    old: str | None
    new: str
    hint: str = ""  # a contract that knows the old value


def statements(log: Log) -> list[Statement] | None:
    """Return what a log states, or None if its event is not known or does not decode."""
    event = EVENTS.get(log.topics[0]) if log.topics else None
    if event is None:
        return None
    try:
        values = _arguments(event, log)
    except (BadReturn, ValueError):
        return None
    subject = ":".join(_text(values[name]) for name in event.subject)
    hint = str(values.get("strategy", ""))
    return [
        Statement(event.kind, subject, f.parameter, _old(f, values), _new(f, values), hint)
        for f in event.fields
    ]


def _arguments(event: ConfigEvent, log: Log) -> dict[str, Any]:
    indexed = [a for a in event.arguments if a.indexed]
    plain = [a for a in event.arguments if not a.indexed]
    if len(log.topics) != len(indexed) + 1:
        raise BadReturn(f"{event.name} has {len(indexed)} indexed arguments, not {len(log.topics) - 1}.")
    values = {a.name: _topic(a, text) for a, text in zip(indexed, log.topics[1:], strict=True)}
    data = bytes.fromhex(log.data.removeprefix("0x"))
    if plain:
        decoded = decode_values(tuple(_wire(a) for a in plain), data, event.name)
        values |= {a.name: v for a, v in zip(plain, decoded, strict=True)}
    elif data:
        raise BadReturn(f"{event.name} has no data, not {len(data)} bytes.")
    if isinstance(values.get("data"), bytes):
        rates = decode_values(_RATE_DATA, values["data"], event.name)
        values |= {f"data.{k}": rate for k, rate in enumerate(rates)}
    return values


def _topic(argument: Argument, text: str) -> Any:
    kind = "bytes32" if argument.kind == "string" else argument.kind
    return decode_values((kind,), bytes.fromhex(text.removeprefix("0x")), argument.name)[0]


def _wire(argument: Argument) -> str:
    # Labels are free text and need not be UTF-8.
    return "bytes" if argument.kind == "string" else argument.kind


def _old(field: Field, values: dict[str, Any]) -> str | None:
    if field.old:
        return _text(values[field.old])
    return field.old_text


def _new(field: Field, values: dict[str, Any]) -> str:
    if field.new_text is not None:
        return field.new_text
    value = values[field.new]
    return label_text(value) if field.parameter == "label" else _text(value)


def label_text(value: bytes) -> str:
    """Return a category's label; it is untrusted text."""
    return value.decode("utf-8", "replace")[:LONGEST_TEXT]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return _ROLE_NAMES.get(value, _id_text(value))
    return str(value)


def _id_text(value: bytes) -> str:
    """Return a bytes32 as the ASCII name it holds, or as hex."""
    name = value.rstrip(b"\0")
    return name.decode() if name and name.isascii() and name.decode().isprintable() else "0x" + value.hex()
