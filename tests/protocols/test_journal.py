from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.chain import Chain
from protocols.discovery import TRANSFER, find_holders
from protocols.journal import Journal, Scan
from tests.abis.scripted_node import ScriptedNode, serving

POOL, TOKEN, NEW_TOKEN = "0x" + "aa" * 20, "0x" + "bb" * 20, "0x" + "cc" * 20
SPARSE = 997
RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20), st.sampled_from([(POOL,), (TOKEN,), (POOL, TOKEN)])),
    max_size=6,
)


def scans_of(spans: Sequence[tuple[int, int, Sequence[str]]]) -> list[Scan]:
    return [Scan(range(a, a + n), frozenset(who), f"0x{a + n - 1:x}") for a, n, who in spans]


def missing_blocks(journal: Journal, blocks: range) -> set[tuple[str, int]]:
    return {(a, n) for who, gap in journal.missing((POOL, TOKEN), blocks) for a in who for n in gap}


@given(spans=RANGES, first=st.integers(0, 40), length=st.integers(0, 60))
def test_scan_1_what_is_missing_is_exactly_what_was_not_scanned(
    spans: list[tuple[int, int, Sequence[str]]], first: int, length: int
) -> None:
    """SCAN-1: scanned and missing blocks of a contract cover what is asked for, without overlap."""
    journal, blocks = Journal(), range(first, first + length)
    for scan in scans_of(spans):
        journal.add(scan, {}, head=100)
    known = {(a, n) for s in scans_of(spans) for a in s.addresses or () for n in s.blocks}
    wanted = {(a, n) for a in (POOL, TOKEN) for n in blocks}
    assert missing_blocks(journal, blocks) == wanted - known
    count = sum(len(who) * len(gap) for who, gap in journal.missing((POOL, TOKEN), blocks))
    assert count == len(wanted - known)


@given(spans=RANGES, share=st.floats(0, 1))
def test_scan_2_a_journal_cut_anywhere_claims_nothing_it_does_not_hold(
    spans: list[tuple[int, int, Sequence[str]]], share: float
) -> None:
    """SCAN-2: a journal cut at any byte claims only scans whose accounts it still holds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        journal = Journal(path)
        for i, scan in enumerate(scans_of(spans)):
            journal.add(scan, {TOKEN: [f"0x{i:040x}"]}, head=100)
        if spans:
            whole = path.read_bytes()
            path.write_bytes(whole[: round(share * len(whole))])
        again = Journal(path)
        kept = len(again.found.get(TOKEN, ()))
        expected = Journal()
        for scan in scans_of(spans)[:kept]:
            expected.add(scan, {}, head=100)
        assert missing_blocks(again, range(100)) == missing_blocks(expected, range(100))


def test_scans_that_ended_in_a_replaced_block_count_no_more_but_their_accounts_stay() -> None:
    journal = Journal()
    journal.add(Scan(range(10), frozenset({POOL}), "0x9"), {POOL: ["0x1"]}, head=30)
    journal.add(Scan(range(10, 20), frozenset({POOL}), "0x13"), {POOL: ["0x2"]}, head=30)
    journal.check(lambda numbers: ["0x9" if n == 9 else "0xother" for n in numbers])
    assert journal.missing([POOL], range(30)) == [((POOL,), range(10, 30))]
    assert journal.found == {POOL: {"0x1", "0x2"}}
    journal.check(lambda numbers: [None for _ in numbers])
    assert journal.missing([POOL], range(30)) == [((POOL,), range(30))]


def test_what_no_reorganisation_reaches_is_not_checked_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.add(Scan(range(10), frozenset({POOL}), "0x9"), {}, head=50_000)
    asked: list[int] = []
    again = Journal(tmp_path / "j")
    again.check(lambda numbers: [asked.append(n) for n in numbers])  # type: ignore[func-returns-value]
    assert asked == []
    assert again.missing([POOL], range(12)) == [((POOL,), range(10, 12))]


def test_the_deployment_block_is_remembered(tmp_path: Path) -> None:
    assert Journal(tmp_path / "j").first_block is None
    Journal(tmp_path / "j").first_block = 17
    assert Journal(tmp_path / "j").first_block == 17


def test_a_journal_that_cannot_be_written_still_works(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "j")
    journal.add(Scan(range(5), frozenset({POOL}), "0x4"), {POOL: ["0x1"]}, head=5)
    assert journal.missing([POOL], range(5)) == []


class Log:
    """A chain with a transfer now and then, each to another account; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def __call__(self, method: str, params: list[Any]) -> Any:
        if method == "eth_getBlockByNumber":
            return {"number": params[0], "hash": f"0x{int(params[0], 16):064x}", "timestamp": "0x1"}
        where = params[0]
        blocks = range(int(where["fromBlock"], 16), int(where["toBlock"], 16) + 1)
        self.asked += [(a, n) for a in where["address"] for n in blocks]
        return [
            {
                "address": TOKEN,
                "topics": [TRANSFER, "0x" + "0" * 64, f"0x{n + 1:064x}"],
                "data": "0x",
                "blockNumber": hex(n),
            }
            for n in blocks
            if TOKEN in where["address"] and n % SPARSE == 0
        ]


def test_an_interrupted_scan_goes_on_and_reads_nothing_twice(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(phase: str, done: int, total: int) -> None:
        if done > 25_000:
            raise Stop

    blocks, log = range(3, 60_000), Log()

    with serving(ScriptedNode(log)) as node:
        with pytest.raises(Stop):
            find_holders(Chain(node.url, concurrency=1), POOL, [TOKEN], blocks, stop, Journal(tmp_path / "j"))
        before = len(log.asked)
        assert 0 < before < 2 * len(blocks)
        found = find_holders(Chain(node.url), POOL, [TOKEN], blocks, journal=Journal(tmp_path / "j"))
        assert len(log.asked) == len(set(log.asked)) == 2 * len(blocks)
        assert len(found.accounts) == sum(n % SPARSE == 0 for n in blocks)
        later = range(3, 61_000)
        find_holders(Chain(node.url), POOL, [TOKEN, NEW_TOKEN], later, journal=Journal(tmp_path / "j"))
    assert len(log.asked) == len(set(log.asked)) == 3 * len(later)
