"""Lets Hypothesis drive the state machine through a market of a release."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from examples.localchain.random_world import open_random_market
from tests.differential.machine import AaveMachine
from tests.differential.machine_market import prepare


def drive(version: str, *, examples: int, steps: int) -> Counter[str]:
    """Let Hypothesis drive a market of a release, always the same way; return what happened how often."""
    counts: Counter[str] = Counter()
    with open_random_market(version, seed=1, accounts=0) as world:
        prepare(world)
        machine = type(f"Machine{version}", (AaveMachine,), {"world": world, "counts": counts})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    return counts


def drive_at_length(version: str) -> Counter[str]:
    """Drive as long as ``make verify`` does; liquidations of both kinds are to be among it."""
    counts = drive(version, examples=60, steps=40)
    assert counts["actions accepted"] > 300
    assert counts["liquidated"] > 20
    assert counts["liquidation: in tokens"] > 0
    return counts
