"""What price feedback costs: a block of paths in the coupled loop against the same without.

Feedback of which no share reaches the market goes through the same loop and must change nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.bench_engine import market_of
from benchmarks.timing import best_of, row
from benchmarks.walks import walks
from oracles.graph import graph_of
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine.feedback import Feedback
from risk.engine.stress import stress
from risk.outcome import Outcome

SEED = 20_260_315
ACCOUNTS, PATHS, STEPS = 10_000, 64, 96
SHARE = 0.5
SOLD = np.array([0.0, 0.01, 0.02, 0.05, 0.1])  # of what is held of a reserve
PRICE = np.array([0.99, 0.97, 0.9, 0.8])  # between those, of the market's
EQUAL = ("liquidated_accounts", "repaid_usd", "seized_usd", "bad_debt_usd", "avoidable_loss_usd")


def depth_of(snapshot: Snapshot) -> Depth:
    """Return curves of every reserve that is collateral."""
    own, held = snapshot.book.collateral, np.zeros(len(snapshot.reserves))
    np.add.at(held, own.reserve, own.amount_raw.astype(np.float64) / snapshot.unit[own.reserve])
    tokens = np.outer(held, SOLD)
    usd = np.zeros_like(tokens)
    usd[:, 1:] = np.cumsum(np.diff(tokens, axis=1) * PRICE, axis=1) * snapshot.price_usd[:, None]
    count = np.where(held > 0, len(SOLD), 0)
    return replace(Depth.infinite_for(snapshot), count=count, size_tokens=tokens, proceeds_usd=usd)


def block(accounts: int, paths: int, steps: int, feedback: Feedback | None) -> Outcome:
    """Return the outcome of one block of paths through the market's feeds."""
    snapshot = market_of(SEED, accounts)
    graph = graph_of(snapshot.asset_names, [""] * len(snapshot.reserves), 8)
    shocks, depth = walks(snapshot, SEED, paths, steps), depth_of(snapshot)
    return stress(snapshot, shocks, oracles=graph, depth=depth, feedback=feedback)


def rows() -> list[dict[str, Any]]:
    """Return the comparison."""
    sizes = (ACCOUNTS, PATHS, STEPS)
    unmoved = block(*sizes, Feedback(0.0))  # and compiled
    ways = [lambda: block(*sizes, None), lambda: block(*sizes, Feedback(SHARE))]
    (without, coupled), (plain, moved) = best_of(1, ways)
    equal = all(np.array_equal(getattr(plain, k), getattr(unmoved, k)) for k in EQUAL)
    further = int(moved.liquidated_accounts.sum()) - int(plain.liquidated_accounts.sum())
    size = f"{ACCOUNTS} accounts x {PATHS} paths x {STEPS} steps, a block; {further} more liquidated"
    return [row("coupled loop", size, coupled, "without feedback", without, equal and further > 0)]
