"""One answer of a read is spoiled at random, somewhere inside: a typed error, or the truth, or a finding."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from abis.chain import Chain
from abis.errors import BreakwaterError
from examples.demo.world import DemoWorld
from protocols.aave_v3.adapter import read_market
from protocols.registry import resolve
from protocols.snapshot import Snapshot
from protocols.store import encode
from tests.abis.scripted_node import ScriptedNode, serving
from tests.risk.cli.test_snapshot import answers_of

pytestmark = pytest.mark.chain


def junk(draws: random.Random) -> Any:
    """Return anything JSON can hold."""
    length = draws.choice((0, 1, 20, 31, 32, 33, 64, 200))
    return draws.choice(
        (
            *(None, True, 0, -1, 1.5, 10**80, [], {}, [None], {"hash": "0x"}, "", "0x", "0xzz", "\ud800"),
            *("0x" + draws.randbytes(length).hex(), draws.randbytes(length).decode("latin-1")),
        )
    )


def spoiled(value: Any, draws: random.Random) -> Any:
    """Return ``value`` with one place inside replaced, cut or made longer."""
    if isinstance(value, dict) and value and draws.random() < 0.8:
        key = draws.choice(sorted(value))
        return value | {key: spoiled(value[key], draws)}
    if isinstance(value, list) and value and draws.random() < 0.8:
        place = draws.randrange(len(value))
        return [*value[:place], spoiled(value[place], draws), *value[place + 1 :]]
    if isinstance(value, str) and len(value) > 66 and draws.random() < 0.6:
        cut = draws.randrange(2, len(value))
        return draws.choice(
            (value[:cut], value + "00" * draws.randint(1, 40), value[:cut] + value[cut + 2 :])
        )
    return junk(draws)


def read(url: str, world: DemoWorld) -> Snapshot:
    chain = Chain(url, concurrency=1, attempts=2, sleep=lambda _: None)
    chain.connect()
    return read_market(chain, resolve(f"aave-v3:{world.market.provider.address}"), chain.block("latest"))


def outcomes(world: DemoWorld, seeds: Iterable[int]) -> Counter[str]:
    """Read once a seed with one answer spoiled, and count what came of it."""
    truth = read(world.chain.node.url, world)
    with serving(ScriptedNode(answers_of(world))) as node:
        assert encode(read(node.url, world)) == encode(truth)
        total = sum(len(seen) if isinstance(seen, list) else 1 for seen in node.seen)
    came = Counter[str]()
    for seed in seeds:
        with serving(ScriptedNode(Spoiling(answers_of(world), total, random.Random(seed)))) as node:
            came[outcome(node.url, world, truth)] += 1
    return came


@dataclass
class Spoiling:
    """Answers as ``honest`` does, but for one of about ``total`` answers."""

    honest: Callable[[str, list[Any]], Any]
    total: int
    draws: random.Random
    asked: int = 0

    def __post_init__(self) -> None:
        self.victim = self.draws.randrange(self.total)

    def __call__(self, method: str, params: list[Any]) -> Any:
        answer, place = self.honest(method, params), self.asked
        self.asked += 1
        return spoiled(answer, self.draws) if place == self.victim else answer


def outcome(url: str, world: DemoWorld, truth: Snapshot) -> str:
    """Return the error's class, ``true``, ``told`` or ``wrong``."""
    try:
        taken = read(url, world)
    except BreakwaterError as error:
        return type(error).__name__
    if encode(taken) == encode(truth):
        return "true"
    return "told" if len(taken.findings) > len(truth.findings) else "wrong"


def check(came: Counter[str], reads: int, record_property: Callable[[str, object], None]) -> None:
    record_property("outcomes", dict(came))
    assert came["wrong"] == 0
    assert came.total() == reads
    assert came["BadReturn"] > 0


def test_a_spoiled_answer_is_noticed_or_told(
    demo_chain: DemoWorld, record_property: Callable[[str, object], None]
) -> None:
    check(outcomes(demo_chain, range(12)), 12, record_property)


@pytest.mark.verify
def test_many_spoiled_answers_are_noticed_or_told(
    demo_chain: DemoWorld, record_property: Callable[[str, object], None]
) -> None:
    check(outcomes(demo_chain, range(1_000, 1_500)), 500, record_property)
