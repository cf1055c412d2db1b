"""The Aave rules against a real v3.0 market of random accounts, to the wei."""

from __future__ import annotations

import pytest

from examples.localchain.random_world import RandomWorld
from tests.differential.random_trials import (
    Record,
    check_account_data,
    check_large_market,
    check_liquidations,
)
from tests.differential.snapshots import check_snapshot

pytestmark = pytest.mark.chain


def test_all_six_values_of_every_account_after_every_move_and_at_later_times(
    v30_random_chain: RandomWorld, record_property: Record
) -> None:
    check_account_data(v30_random_chain, record_property)


def test_random_liquidations_do_what_the_rules_say(
    v30_random_chain: RandomWorld, record_property: Record
) -> None:
    check_liquidations(v30_random_chain, record_property)


def test_a_snapshot_holds_every_account_exactly(
    v30_random_chain: RandomWorld, record_property: Record
) -> None:
    record_property("fields_compared", check_snapshot(v30_random_chain))


@pytest.mark.verify
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_thousand_random_liquidations_in_three_large_markets(
    seed: int, local_chain_installed: None, record_property: Record
) -> None:
    check_large_market("3.0", seed=seed, record=record_property)
