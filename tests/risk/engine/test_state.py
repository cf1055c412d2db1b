"""Memory of a block of scenarios stays bounded."""

from __future__ import annotations

import numpy as np

from benchmarks.bench_engine import market_of
from risk.engine import state as states
from risk.engine.advance import engine_of, start

ENGINE = engine_of(market_of(1, 50))


def test_blocks_shrink_with_the_book_the_path_and_the_budget() -> None:
    model = ENGINE.model
    assert states.block_size(model, 256) == 256
    small = states.block_size(model, 256, budget_bytes=200_000)
    assert 1 < small < 256
    assert states.block_size(model, 256, times=100, budget_bytes=200_000) < small
    assert states.block_size(model, 256, times=10**9) == 1


def test_a_block_takes_no_more_than_was_reckoned() -> None:
    per_scenario = sum(v.nbytes for v in start(ENGINE, 10)) / 10
    assert states.block_size(ENGINE.model, 10**6, budget_bytes=int(per_scenario * 1_000)) <= 1_000


def test_a_copy_is_independent() -> None:
    state = start(ENGINE, 2)
    other = states.copy(state)
    for field in other:
        field.view(np.uint8)[...] = 1
    assert not state.flags.any()
    assert not state.scenario["calls"].any()
    assert not state.account_loss_usd.any()
