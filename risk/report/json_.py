"""Writes ``review.json``: every figure, its unit, and the hashes of the inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from risk.cli.envelope import envelope
from risk.report.review import Review
from risk.report.units import units_of

SCHEMA = "breakwater.review/1"
DIGITS = 10  # significant digits of a float: sums of floats carry no more
LARGEST_INT = 2**53


def to_json(review: Review) -> str:
    """Return the review in the JSON envelope.

    Raises
    ------
    ValueError
        If a figure is NaN or infinite.
    """
    data = portable(asdict(review))
    inputs, findings = data.pop("inputs"), review.findings
    del data["findings"]  # the envelope carries them
    options = inputs.pop("options")
    return envelope(SCHEMA, data, inputs={**inputs, **options}, units=units_of(data), findings=findings)


def portable(value: Any) -> Any:
    """Return ``value`` as JSON-ready data: floats cut, big integers and lone surrogates as text."""
    if isinstance(value, Mapping):
        return {str(key): portable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [portable(item) for item in value]
    if isinstance(value, np.generic):
        return portable(value.item())
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if type(value) is int and abs(value) > LARGEST_INT:
        return str(value)
    return value
