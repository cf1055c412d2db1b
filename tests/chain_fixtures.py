"""Fixtures of the local chain: one small demo market a session, put back after each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from examples.demo.world import DemoWorld

SEED = 7
ACCOUNTS = 40


@pytest.fixture(scope="session")
def local_chain_installed() -> None:
    """Skip, with the reason, where the npm packages of the local chain are absent."""
    from examples.localchain.artifacts import installed_or_reason

    if reason := installed_or_reason():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def demo_session(local_chain_installed: None) -> Iterator[DemoWorld]:
    """A demo market of 40 accounts for the whole session; take `demo_chain` instead."""
    from examples.demo.world import open_demo_market

    with open_demo_market(seed=SEED, accounts=ACCOUNTS) as world:
        yield world


@pytest.fixture
def demo_chain(demo_session: DemoWorld) -> Iterator[DemoWorld]:
    """The demo market, undone to the same block when the test ends."""
    mark = demo_session.chain.snapshot()
    yield demo_session
    demo_session.chain.revert(mark)
