"""The JSON envelope every machine-readable output is wrapped in."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from abis.findings import Finding


def envelope(
    schema: str,
    data: Any,
    *,
    inputs: Mapping[str, Any],
    units: Mapping[str, str],
    findings: Iterable[Finding] = (),
) -> str:
    """Return ``{schema, version, inputs, units, data, findings}`` as JSON text.

    Parameters
    ----------
    schema : str
        Name and number of the layout, ``breakwater.accounts/1``.
    data : JSON-ready value
        Integers above 2**53 must already be decimal strings.
    inputs : mapping
        Hashes and options that determine the output; no paths of this machine.
    units : mapping
        Unit of each field of ``data``.
    findings : iterable of Finding
        What a reader must know beside the data.

    Raises
    ------
    ValueError
        If ``data`` holds NaN or an infinity, or an integer a double cannot hold.
    """
    body = {
        "schema": schema,
        "version": version("breakwater"),
        "inputs": dict(inputs),
        "units": dict(units),
        "data": data,
        "findings": [f.to_json() for f in findings],
    }
    _refuse_unportable(body)
    return json.dumps(body, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _refuse_unportable(value: Any, path: str = "$") -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _refuse_unportable(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _refuse_unportable(item, f"{path}[{index}]")
    elif (isinstance(value, float) and not math.isfinite(value)) or (
        type(value) is int and abs(value) > 2**53
    ):
        raise ValueError(f"{path} is {value}: write it as a string or null")
