"""JSON from strangers."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.strict_json import MAX_DEPTH, loads

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='[]{}"\\a', max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('[{"', max_size=3), inner, max_size=3)
    ),
)


@given(VALUES)
def test_sane_json_is_read_as_ever(value: Any) -> None:
    """FND-3: what the standard parser reads, brackets in strings included, is read the same."""
    assert loads(json.dumps(value).encode()) == value


def test_brackets_in_strings_are_no_nesting() -> None:
    value = {"name": "[{" * MAX_DEPTH + '\\"['}
    assert loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize("opener", [b"[", b'{"a":'])
def test_deep_nesting_is_refused_under_any_recursion_limit(opener: bytes) -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)  # as a dependency of web3 does
    try:
        with pytest.raises(ValueError, match="nests deeper than 100 levels"):
            loads(opener * 300_000)
    finally:
        sys.setrecursionlimit(before)


def test_the_deepest_allowed_is_read() -> None:
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
