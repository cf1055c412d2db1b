"""Reads through a faulty proxy: they complete exactly, or end in one of our own errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from examples.demo.world import DemoWorld
from tests.faults.proxy import Kind
from tests.faults.trials import Tally, Trials

pytestmark = pytest.mark.chain
# The node goes on being wrong: nothing is left but to say so.
MAY_REFUSE = {
    Kind.WRONG_CHAIN: {"BadReturn", "WrongChain"},
    Kind.REORG: {"Reorganised"},
    Kind.OLD_BLOCK: {"BlockUnavailable"},
    Kind.BROKEN: {"ChainUnreachable"},
}


# With every fault at once, refusals of several kinds in a row can use up a request's retries.
AT_ONCE = frozenset({"Refused"})


def check(
    tally: Tally,
    kinds: Sequence[Kind],
    record_property: Callable[[str, object], None],
    also: frozenset[str] = frozenset(),
) -> None:
    record_property("tally", repr(tally))
    assert tally.wrong == 0
    assert sum(tally.injected.values()) > 0
    assert set(tally.refused) <= set(also).union(*(MAY_REFUSE.get(k, set()) for k in kinds))
    assert tally.completed + sum(tally.refused.values()) == tally.reads
    assert tally.completed > 0


@pytest.mark.parametrize("kind", list(Kind), ids=lambda k: k.name)
def test_a_read_survives_each_fault(
    demo_chain: DemoWorld, kind: Kind, record_property: Callable[[str, object], None]
) -> None:
    check(Trials(demo_chain).run([kind], range(2)), [kind], record_property)


def test_reads_survive_all_faults_at_once(
    demo_chain: DemoWorld, record_property: Callable[[str, object], None]
) -> None:
    tally = Trials(demo_chain).run(list(Kind), range(4))
    check(tally, list(Kind), record_property, AT_ONCE)


@pytest.mark.verify
@pytest.mark.parametrize("kind", list(Kind), ids=lambda k: k.name)
def test_many_reads_survive_each_fault(
    demo_chain: DemoWorld, kind: Kind, record_property: Callable[[str, object], None]
) -> None:
    check(Trials(demo_chain).run([kind], range(100, 130)), [kind], record_property)


@pytest.mark.verify
def test_many_reads_survive_all_faults_at_once(
    demo_chain: DemoWorld, record_property: Callable[[str, object], None]
) -> None:
    tally = Trials(demo_chain).run(list(Kind), range(100, 200), 0.3)
    check(tally, list(Kind), record_property, AT_ONCE)
