"""The hand-made market, reviewed once a session."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.report.details import page
from risk.report.page import Page
from risk.report.review import Inputs, Review, build
from risk.scenarios.standard import standard_set
from tests.risk.report import made

HOSTILE = (
    "<script>alert(1)</script>",
    "a|b](http://evil.example) ![x](y)",
    "=cmd()|'/C calc'!A0",
    "USDC",
    "@all\u202e\n# h",
    '"><img src=x onerror=alert(1)>',
)
HOSTILE_MODE = "</script><script>alert(2)</script>`*_~$x$"


def reviewed(snapshot: Snapshot) -> Review:
    """Return the review of a snapshot with the plain count as outcome."""
    scenarios = standard_set(snapshot)
    outcome = made.counted_outcome(snapshot, scenarios)
    inputs = Inputs("ab" * 32, scenarios.sha256, None, 7, None)
    return build(snapshot, scenarios, outcome, Depth.infinite_for(snapshot), inputs)


@pytest.fixture(scope="session")
def snapshot() -> Snapshot:
    return made.market()


@pytest.fixture(scope="session")
def review(snapshot: Snapshot) -> Review:
    return reviewed(snapshot)


@pytest.fixture(scope="session")
def report(review: Review) -> Page:
    return page(review)


@pytest.fixture(scope="session")
def hostile_snapshot() -> Snapshot:
    return made.market(HOSTILE, HOSTILE_MODE)


@pytest.fixture(scope="session")
def hostile(hostile_snapshot: Snapshot) -> Page:
    market = replace(hostile_snapshot.market, name="<b>market</b>|x")
    return page(reviewed(replace(hostile_snapshot, market=market)))
