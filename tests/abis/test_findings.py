"""Findings: round trip and ranking."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from abis.findings import Finding, FindingKind, Severity, ranked

FINDING = st.builds(
    Finding,
    kind=st.sampled_from(FindingKind),
    severity=st.sampled_from(Severity),
    subject=st.text(max_size=20),
    message=st.text(max_size=40),
    value_usd=st.none() | st.floats(0, 1e12),
    remedy=st.text(max_size=20),
)


@given(FINDING)
def test_json_round_trip(finding: Finding) -> None:
    """FND-1: a finding survives JSON."""
    assert Finding.from_json(json.loads(json.dumps(finding.to_json()))) == finding


@given(st.lists(FINDING, max_size=8))
def test_ranking_is_a_sort_by_severity(findings: list[Finding]) -> None:
    """FND-2: ranking loses nothing, is order-free, worst first."""
    got = ranked(findings)
    assert sorted(map(repr, got)) == sorted(map(repr, findings))
    assert got == ranked(reversed(findings))
    assert all(a.severity >= b.severity for a, b in pairwise(got))
