"""Hypothesis profiles, the data folder and the chain fixtures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

from tests.chain_fixtures import (
    demo_chain,
    demo_session,
    local_chain_installed,
    oracle_chain,
    oracle_session,
    v2_chain,
    v2_session,
    v30_random_chain,
    v30_random_session,
    v36_chain,
    v36_compiled,
    v36_session,
)

__all__ = [
    "data_dir",
    "demo_chain",
    "demo_session",
    "local_chain_installed",
    "oracle_chain",
    "oracle_session",
    "v2_chain",
    "v2_session",
    "v30_random_chain",
    "v30_random_session",
    "v36_chain",
    "v36_compiled",
    "v36_session",
]

ROOT = Path(__file__).resolve().parent.parent

SLOW_IS_FINE = [HealthCheck.too_slow]
# What is required to be green draws the same cases every time; `make explore` draws new ones.
settings.register_profile(
    "default", max_examples=30, deadline=None, suppress_health_check=SLOW_IS_FINE, derandomize=True
)
settings.register_profile(
    "verify", max_examples=200, deadline=None, suppress_health_check=SLOW_IS_FINE, derandomize=True
)
settings.register_profile("explore", max_examples=200, deadline=None, suppress_health_check=SLOW_IS_FINE)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "default")
settings.load_profile(PROFILE)
if PROFILE != "explore":
    # Hypothesis also draws constants it finds in the modules loaded so far, which differ from worker to
    # worker; it has no setting for that (tests/test_draws.py tells when this line stops working).
    providers.is_local_module_file = lambda path: False


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data, or skip where it is absent."""
    folder = Path(os.environ.get("BREAKWATER_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data: set BREAKWATER_TEST_DATA to the data folder (looked for {folder.name}/)")
    return folder
