from __future__ import annotations

import threading
from typing import Any

import pytest

from abis.transport import Mismatched, PerThread


class Provider:
    """Answers with the ids it was given, shifted by ``off``."""

    def __init__(self, off: int) -> None:
        self.off = off
        self.request_counter: Any = iter(())

    def make_request(self, method: str, params: Any) -> Any:
        return {"id": next(self.request_counter) + self.off, "result": method}

    def make_batch_request(self, requests: Any) -> Any:
        return [self.make_request(method, None) for method, _ in requests]


def test_answers_carry_the_ids_of_their_requests() -> None:
    transport = PerThread(lambda: Provider(0))
    assert transport.make_request("a", [])["result"] == "a"
    assert [b["id"] for b in transport.make_batch_request([("a", []), ("b", [])])] == [1, 2]
    assert transport.make_request("c", [])["id"] == 3


def test_an_answer_to_another_request_is_refused() -> None:
    transport = PerThread(lambda: Provider(-1))
    with pytest.raises(Mismatched):
        transport.make_request("a", [])
    with pytest.raises(Mismatched):
        transport.make_batch_request([("a", []), ("b", [])])


def test_a_connection_that_is_an_answer_behind_is_given_up() -> None:
    offs = iter([-1, 0])
    transport = PerThread(lambda: Provider(next(offs)))
    with pytest.raises(Mismatched):
        transport.make_request("a", [])
    assert transport.make_request("b", [])["result"] == "b"


def test_errors_need_no_id() -> None:
    class Refusing(Provider):
        def make_request(self, method: str, params: Any) -> Any:
            return {"id": None, "error": {"code": -32005, "message": "rate limit"}}

    assert "error" in PerThread(lambda: Refusing(0)).make_request("a", [])


def test_every_thread_has_a_provider_and_no_id_is_used_twice() -> None:
    made: list[Provider] = []
    ids: list[int] = []

    def make() -> Provider:
        made.append(Provider(0))
        return made[-1]

    transport = PerThread(make)

    def work() -> None:
        ids.extend(transport.make_request("a", [])["id"] for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert sorted(ids) == list(range(200))
