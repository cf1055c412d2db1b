"""Fixtures of the local chain: one small demo market a session, put back after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from examples.demo.world import DemoWorld, open_demo_market
from examples.localchain.artifacts import installed_or_reason

SEED = 7
ACCOUNTS = 40


@pytest.fixture(scope="session")
def demo_session() -> Iterator[DemoWorld]:
    """A demo market of 40 accounts for the whole session; take `demo_chain` instead."""
    if reason := installed_or_reason():
        pytest.skip(reason)
    with open_demo_market(seed=SEED, accounts=ACCOUNTS) as world:
        yield world


@pytest.fixture
def demo_chain(demo_session: DemoWorld) -> Iterator[DemoWorld]:
    """The demo market, undone to the same block when the test ends."""
    mark = demo_session.chain.snapshot()
    yield demo_session
    demo_session.chain.revert(mark)
