"""The JSON report: every figure with its unit, no NaN, exact integers as text."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings

from protocols.snapshot import Snapshot
from risk.report.json_ import portable, to_json
from risk.report.review import Review
from risk.report.units import unit_of, units_of
from risk.testing.snapshots import snapshots
from tests.risk.report.conftest import reviewed


@pytest.fixture(scope="module")
def body(review: Review) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(to_json(review))
    return loaded


def test_it_is_the_envelope(body: dict[str, Any]) -> None:
    assert list(body) == ["schema", "version", "inputs", "units", "data", "findings"]
    assert body["schema"] == "breakwater.review/1"
    assert body["inputs"]["snapshot_sha256"] == "ab" * 32
    assert re.fullmatch(r"[0-9a-f]{64}", body["inputs"]["scenarios_sha256"])
    assert body["inputs"]["seed"] == 7


def test_every_figure_is_there(review: Review, body: dict[str, Any]) -> None:
    assert {f.name for f in fields(review)} - {"inputs", "findings"} == set(body["data"])
    assert len(body["findings"]) == len(review.findings)


def test_every_leaf_has_a_unit(body: dict[str, Any]) -> None:
    assert units_of(body["data"]) == body["units"]
    assert body["units"]["caps[].headroom_usd"] == "USD"
    assert body["units"]["market.block_time_s"] == "unix time, seconds"
    assert body["units"]["completeness.rows[].total_scaled_raw"].startswith("smallest unit")


def test_a_field_without_a_unit_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="mystery"):
        unit_of("mystery")


def test_exact_integers_are_text(body: dict[str, Any]) -> None:
    row = body["data"]["completeness"]["rows"][0]
    assert row["found_scaled_raw"] == str(30_500 * 10**18)
    assert portable(2**60) == str(2**60)


def test_nothing_that_is_no_number_gets_out(review: Review) -> None:
    bad = replace(review, market=replace(review.market, debt_usd=float("nan")))
    with pytest.raises(ValueError, match="debt_usd"):
        to_json(bad)


def test_a_lone_surrogate_can_be_written(review: Review) -> None:
    bad = replace(review, market=replace(review.market, name="x\ud800"))
    assert to_json(bad).encode("utf-8")


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@settings(max_examples=15)
@given(snapshots())
def test_any_market_can_be_reviewed_and_written(snapshot: Snapshot) -> None:
    """RPT-9: any market with positions can be reviewed, without NaN and twice to the same bytes."""
    if not len(snapshot.book.collateral.reserve) and not len(snapshot.book.debt.reserve):
        return
    review = reviewed(snapshot)
    text = to_json(review)
    assert text == to_json(reviewed(snapshot))
    json.loads(text, parse_constant=_refuse)
