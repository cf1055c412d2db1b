from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.chunks import ChunkSize, in_pieces
from abis.rpc import Refused
from abis.rpc_faults import Fault


@given(
    first=st.integers(0, 50),
    length=st.integers(0, 300),
    limit=st.integers(1, 80),
    size=st.integers(1, 200),
    workers=st.integers(1, 5),
)
def test_rpc_1_pieces_cover_everything_once(
    first: int, length: int, limit: int, size: int, workers: int
) -> None:
    """RPC-1: whatever size is accepted, the pieces cover what was asked for, each place once."""

    def read(piece: range) -> list[int]:
        if len(piece) > limit:
            raise Refused("too much", Fault.TOO_LARGE)
        return list(piece)

    todo = range(first, first + length)
    got = list(in_pieces(todo, read, ChunkSize(size, 1000), workers))
    assert sorted(x for _, found in got for x in found) == list(todo)
    assert all(list(piece) == found for piece, found in got)


def test_several_pieces_are_under_way_once_a_size_has_proven_acceptable() -> None:
    meeting = threading.Barrier(3, timeout=10)
    alone = []

    def read(piece: range) -> int:
        if piece.start == 0:
            alone.append(piece)
        else:
            meeting.wait()  # passes only if three are here at a time
        return piece.start

    size = ChunkSize(10, 10)
    assert sorted(start for _, start in in_pieces(range(40), read, size, 3)) == [0, 10, 20, 30]
    assert alone == [range(10)]


@pytest.mark.parametrize("error", [Refused("no", Fault.OTHER), ValueError("odd")])
@pytest.mark.parametrize("workers", [1, 4])
def test_other_errors_come_out(error: Exception, workers: int) -> None:
    def read(piece: range) -> int:
        if 25 in piece:
            raise error
        return 0

    with pytest.raises(type(error)):
        list(in_pieces(range(40), read, ChunkSize(10, 10), workers))


def test_one_item_that_is_refused_is_an_error_and_not_a_loop() -> None:
    def read(piece: range) -> int:
        raise Refused("never", Fault.TOO_LARGE)

    with pytest.raises(Refused, match="never"):
        list(in_pieces(range(64), read, ChunkSize(16, 16), 2))


def test_one_bad_item_does_not_slow_the_rest_down() -> None:
    requests = []

    def read(piece: range) -> int:
        requests.append(piece)
        if 700 in piece and len(piece) > 1:
            raise Refused("it burns the gas", Fault.OUT_OF_GAS)
        return 0

    size = ChunkSize(500, 500)
    list(in_pieces(range(5_000), read, size, 1))
    assert size.now == 500
    assert len(requests) <= 10 + 2 * 10  # the bisection to the bad one, and nothing more


def test_a_fixed_limit_is_learned() -> None:
    refusals = 0

    def read(piece: range) -> int:
        nonlocal refusals
        if len(piece) > 130:
            refusals += 1
            raise Refused("too much", Fault.TOO_LARGE)
        return 0

    size = ChunkSize(1000, 2000)
    list(in_pieces(range(10_000), read, size, 1))
    assert 60 <= size.now <= 170
    assert refusals <= 12
