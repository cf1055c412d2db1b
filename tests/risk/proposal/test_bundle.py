"""Manifests of strangers, and what differs first."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import LimitBroken, MalformedFile, UnknownSchema
from risk.proposal.bundle import Manifest, check_bytes, check_same, hashes, manifest_of, plain_name, sha256

FILES = {"post.md": b"a\nb\n", "pictures/steps-1.svg": b"<svg/>"}
MADE = Manifest(
    version="1",
    code_sha256="0" * 64,
    settings={"command": "propose"},
    snapshot_sha256="1" * 64,
    snapshot_parts={"accounts": "2" * 64},
    scenarios_sha256="3" * 64,
    seed=None,
    resampling_seed=0,
    inputs={},
    outputs=hashes(FILES),
)


def test_a_manifest_reads_back() -> None:
    assert manifest_of(json.loads(MADE.text())) == MADE
    assert list(MADE.files) == ["pictures/steps-1.svg", "post.md"]


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/passwd",
        "a/../b",
        "a//b",
        "..",
        ".hidden",
        "a\\b",
        "C:x",
        "a/b/c/d",
        "",
        "x" * 101,
        "a\nb",
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(MalformedFile, match="no name of an output"):
        hashes({name: b""})
    body = json.loads(MADE.text())
    body["outputs"] = {name: "0" * 64}
    with pytest.raises(MalformedFile, match="no name of an output"):
        manifest_of(body)


@given(st.text(max_size=300))
def test_any_name_stays_inside_or_is_refused(name: str) -> None:
    """EVD-3: a name of an output is refused or stays inside its folder."""
    try:
        shown = plain_name(name)
    except MalformedFile:
        return
    parts = shown.split("/")
    assert shown == name
    assert shown.isascii()
    assert all(p and p not in (".", "..") and not p.startswith(".") for p in parts)
    assert not set(shown) & set("\\:\0")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"schema": None}, "schema"),
        ({"seeds": 1}, "seeds"),
        ({"outputs": {"post.md": "0"}}, "outputs"),
        ({"outputs": []}, "outputs"),
        ({"snapshot_sha256": "x" * 64}, "snapshot_sha256"),
        ({"settings": []}, "settings"),
    ],
)
def test_a_manifest_that_is_none_is_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises((MalformedFile, UnknownSchema), match=named):
        manifest_of({**json.loads(MADE.text()), **change})
    for body in ([], "x", None, {}):
        with pytest.raises(MalformedFile):
            manifest_of(body)


def test_a_changed_or_missing_file_is_named() -> None:
    check_bytes(MADE, FILES)
    with pytest.raises(LimitBroken, match=r"post\.md was changed"):
        check_bytes(MADE, {**FILES, "post.md": b"a\nc\n"})
    with pytest.raises(LimitBroken, match=r"steps-1\.svg is missing"):
        check_bytes(MADE, {"post.md": FILES["post.md"]})


def test_the_first_line_that_differs_is_shown() -> None:
    check_same(FILES, FILES, MADE.files)
    with pytest.raises(LimitBroken, match="line 2 differs first: 'b' is there, 'c' is computed"):
        check_same(FILES, {**FILES, "post.md": b"a\nc\n"}, MADE.files)
    with pytest.raises(LimitBroken, match="3 lines are there, 4 are computed"):
        check_same(FILES, {**FILES, "post.md": b"a\nb\n\n"}, MADE.files)
    with pytest.raises(LimitBroken, match=r"post\.md .* no such file"):
        check_same(FILES, {"pictures/steps-1.svg": b"<svg/>"}, MADE.files)
    with pytest.raises(LimitBroken, match=r"more\.csv is missing"):
        check_same(FILES, {**FILES, "more.csv": b""}, MADE.files)


def test_hashes_are_of_bytes() -> None:
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert replace(MADE, outputs={}).files == {}
