"""
What the page does outside is bounded, and one at a time of each.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.ui.console.web.user import HTTPError
from apache_airflow_provider_ovhcloud_ai.ui.console.web.work_pool import WorkPool


class Work:
    """
    Work that lasts until it is let go.
    """

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()
        self.most = self.now = 0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.begun.release()
        assert self.go.wait(30)
        with self._lock:
            self.now -= 1
        return "done"


def test_one_run_of_each() -> None:
    runs, work = WorkPool(), Work()
    first = runs.join("a", work)
    assert runs.join("a", work) is first
    work.go.set()
    assert first.result(30) == "done"
    assert work.most == 1


def test_so_many_at_a_time_and_the_rest_wait() -> None:
    runs, work = WorkPool(max_running=2, max_waiting=3), Work()
    futures = [runs.join(key, work) for key in range(5)]
    for _ in range(2):
        assert work.begun.acquire(timeout=30)
    with pytest.raises(HTTPError) as raised:
        runs.join(5, work)
    assert raised.value.status == 429
    work.go.set()
    assert [future.result(30) for future in futures] == ["done"] * 5
    assert work.most == 2
    assert runs.join(5, work).result(30) == "done"


def test_what_streams_does_not_wait() -> None:
    runs, work = WorkPool(max_running=1), Work()
    future = runs.join("a", work)
    with pytest.raises(HTTPError) as raised:
        runs.stream("b", ["never"])
    assert raised.value.status == 429
    work.go.set()
    assert future.result(30) == "done"


def test_failure_makes_room() -> None:
    runs = WorkPool(max_running=1, max_waiting=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            runs.join("a", lambda: 1 // 0).result(30)


def test_stream_gives_results_as_they_come() -> None:
    come = threading.Event()

    def work() -> Iterator[int]:
        yield 1
        assert come.wait(30)
        yield 2

    stream = WorkPool().stream("a", work())
    assert next(stream) == 1
    come.set()
    assert list(stream) == [2]


def test_second_stream_of_the_same_is_refused_until_the_first_ends() -> None:
    runs, go = WorkPool(), threading.Event()

    def work() -> Iterator[bool]:
        yield go.wait(30)

    first = runs.stream("a", work())
    with pytest.raises(HTTPError) as raised:
        runs.stream("a", work())
    assert raised.value.status == 409
    other = runs.stream("b", work())
    go.set()
    assert (list(first), list(other)) == ([True], [True])


def test_reader_that_is_gone() -> None:
    closed, more = threading.Event(), threading.Event()
    went_on: list[int] = []

    def work() -> Iterator[int]:
        try:
            yield 1
            assert more.wait(30)
            yield 2
            went_on.append(3)
        finally:
            closed.set()

    stream = WorkPool().stream("a", work())
    assert next(stream) == 1
    stream.close()
    more.set()
    assert closed.wait(30)
    assert went_on == []


def test_failure_of_a_stream_reaches_its_reader() -> None:
    def work() -> Iterator[Any]:
        yield 1
        raise ZeroDivisionError

    stream = WorkPool().stream("a", work())
    assert next(stream) == 1
    with pytest.raises(ZeroDivisionError):
        next(stream)


def test_reader_of_the_last_line_may_start_it_again() -> None:
    runs = WorkPool()
    for number in range(500):
        assert list(runs.stream("trial", [number])) == [number]
