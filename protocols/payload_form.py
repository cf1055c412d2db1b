"""Calldata of a transaction that Safe's builder wrote as a form: a method and texts for its inputs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from abis.calls import Call, encode

_ARRAY = re.compile(r"(?P<item>.+)\[(?P<size>\d*)\]")
_MOST_INPUTS = 100


def calldata_of(method: Any, values: Any) -> str:
    """Return the calldata of a filled form.

    Parameters
    ----------
    method : JSON value
        ``{"name": ..., "inputs": [{"name": ..., "type": ..., "components": [...]}]}``.
    values : JSON value
        Text of each input by name; lists and records as JSON.

    Raises
    ------
    ValueError
        If the form is incomplete or a text does not fit its type.
    """
    if not isinstance(method, Mapping) or not isinstance(method.get("name"), str):
        raise ValueError("names no method")
    inputs = method.get("inputs", [])
    if not isinstance(inputs, list) or len(inputs) > _MOST_INPUTS:
        raise ValueError("has no list of inputs")
    filled = values if isinstance(values, Mapping) else {}
    types, arguments = [], []
    for entry in inputs:
        if not isinstance(entry, Mapping) or entry.get("name") not in filled:
            raise ValueError("leaves an input empty")
        types.append(_type(entry))
        arguments.append(_value(filled[entry["name"]], str(entry.get("type")), entry))
    return "0x" + encode(Call("", f"{method['name']}({','.join(types)})", tuple(arguments))).hex()


def _type(entry: Mapping[str, Any]) -> str:
    text = str(entry.get("type"))
    if not text.startswith("tuple"):
        return text
    return f"({','.join(_type(c) for c in _components(entry))}){text.removeprefix('tuple')}"


def _components(entry: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    components = entry.get("components")
    if not isinstance(components, list) or not all(isinstance(c, Mapping) for c in components):
        raise ValueError("has a record without fields")
    return components


def _value(text: Any, type_: str, entry: Mapping[str, Any]) -> Any:
    array = _ARRAY.fullmatch(type_)
    if array is not None:
        return [_value(item, array["item"], entry) for item in _list(text)]
    if type_ == "tuple":
        components, items = _components(entry), _list(text)
        if len(items) != len(components):
            raise ValueError("has a record of another length")
        return tuple(_value(i, str(c.get("type")), c) for i, c in zip(items, components, strict=True))
    if type_ == "string":
        return str(text)
    plain = str(text).strip()
    if type_ == "bool":
        if plain.lower() not in ("true", "false"):
            raise ValueError(f"has {plain[:20]!r} where true or false belongs")
        return plain.lower() == "true"
    if type_.startswith(("uint", "int")):
        if not re.fullmatch(r"-?\d{1,78}|0x[0-9a-fA-F]{1,64}", plain):
            raise ValueError(f"has {plain[:20]!r} where a whole number belongs")
        return int(plain, 0) if plain.startswith("0x") else int(plain)
    if type_.startswith("bytes"):
        return bytes.fromhex(plain.removeprefix("0x"))
    return plain


def _list(value: Any) -> list[Any]:
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise ValueError("has a list that is no JSON") from None
    if not isinstance(found, list):
        raise ValueError("has no list where one belongs")
    return found
