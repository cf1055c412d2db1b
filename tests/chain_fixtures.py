"""Fixtures of the local chain: small markets, one of a kind a session, put back after each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from examples.demo.world import DemoWorld
    from examples.localchain.adapters import OracleWorld
    from examples.localchain.random_world import RandomWorld

SEED = 7
ACCOUNTS = 40
RANDOM_ACCOUNTS = 110  # five or more in every special state


@pytest.fixture(scope="session")
def local_chain_installed() -> None:
    """Skip, with the reason, where the npm packages of the local chain are absent."""
    from examples.localchain.artifacts import installed_or_reason

    if reason := installed_or_reason():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def v36_compiled() -> None:
    """Skip, with the reason, where the Aave v3.6 market cannot be deployed."""
    from examples.localchain.artifacts import compiled_or_reason

    if reason := compiled_or_reason():
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


def _random_session(version: str) -> Iterator[RandomWorld]:
    from examples.localchain.random_world import open_random_market

    with open_random_market(version, seed=SEED, accounts=RANDOM_ACCOUNTS) as world:
        yield world


def _put_back(world: RandomWorld) -> Iterator[RandomWorld]:
    mark = world.chain.snapshot()
    yield world
    world.chain.revert(mark)


@pytest.fixture(scope="session")
def v2_session(local_chain_installed: None) -> Iterator[RandomWorld]:
    """A v2 market of random accounts for the whole session; take `v2_chain` instead."""
    yield from _random_session("2.0")


@pytest.fixture(scope="session")
def v30_random_session(local_chain_installed: None) -> Iterator[RandomWorld]:
    """A v3.0 market of random accounts for the whole session; take `v30_random_chain` instead."""
    yield from _random_session("3.0")


@pytest.fixture(scope="session")
def v36_session(v36_compiled: None) -> Iterator[RandomWorld]:
    """A v3.6 market of random accounts for the whole session; take `v36_chain` instead."""
    yield from _random_session("3.6")


@pytest.fixture
def v2_chain(v2_session: RandomWorld) -> Iterator[RandomWorld]:
    """The v2 market, undone to the same block when the test ends."""
    yield from _put_back(v2_session)


@pytest.fixture
def v30_random_chain(v30_random_session: RandomWorld) -> Iterator[RandomWorld]:
    """The v3.0 market of random accounts, undone to the same block when the test ends."""
    yield from _put_back(v30_random_session)


@pytest.fixture
def v36_chain(v36_session: RandomWorld) -> Iterator[RandomWorld]:
    """The v3.6 market, undone to the same block when the test ends."""
    yield from _put_back(v36_session)


@pytest.fixture(scope="session")
def oracle_session(local_chain_installed: None) -> Iterator[OracleWorld]:
    """A market with composed prices for the whole session; take `oracle_chain` instead."""
    from examples.localchain.adapters import open_oracle_market

    with open_oracle_market() as world:
        yield world


@pytest.fixture
def oracle_chain(oracle_session: OracleWorld) -> Iterator[OracleWorld]:
    """The market with composed prices, undone to the same block when the test ends."""
    mark = oracle_session.chain.snapshot()
    yield oracle_session
    oracle_session.chain.revert(mark)
