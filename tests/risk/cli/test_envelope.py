"""The JSON envelope."""

from __future__ import annotations

import json
from typing import Any

import pytest

from abis.findings import Finding, FindingKind, Severity
from risk.cli.envelope import envelope


def test_the_envelope_has_exactly_its_six_fields() -> None:
    finding = Finding(FindingKind.STALE, Severity.LOW, "WETH", "old")
    text = envelope("breakwater.x/1", [{"a": "1"}], inputs={"h": "0"}, units={"a": "wei"}, findings=[finding])
    body = json.loads(text)
    assert list(body) == ["schema", "version", "inputs", "units", "data", "findings"]
    assert body["findings"][0]["severity"] == "low"
    assert text.endswith("}\n")


@pytest.mark.parametrize(
    ("value", "where"),
    [({"x": [float("nan")]}, r"\$\.data\.x\[0\]"), ({"x": float("inf")}, "data.x"), ([2**60], r"data\[0\]")],
)
def test_what_json_cannot_carry_is_refused_by_path(value: Any, where: str) -> None:
    with pytest.raises(ValueError, match=where):
        envelope("s/1", value, inputs={}, units={})


def test_booleans_are_no_big_integers() -> None:
    assert json.loads(envelope("s/1", [True], inputs={}, units={}))["data"] == [True]
