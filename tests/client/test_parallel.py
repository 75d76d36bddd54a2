from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.parallel import LOOK_AHEAD_ITEMS, as_completed, map_ordered
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError


def test_outcomes_come_in_order_of_the_inputs() -> None:
    first_may_end = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert first_may_end.wait(30)
        if number == 7:
            first_may_end.set()
        return number * 10

    outcomes = list(map_ordered(range(20), work, 4))
    assert [(outcome.item, outcome.value) for outcome in outcomes] == [(n, n * 10) for n in range(20)]


def test_no_more_at_a_time_than_asked_for_and_no_fewer() -> None:
    running, most = 0, 0
    lock, together = threading.Lock(), threading.Barrier(3)

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(30)  # three are there at once, or this breaks
        with lock:
            running -= 1

    assert len(list(map_ordered(range(12), work, 3))) == 12
    assert most == 3


@pytest.mark.parametrize("run", [map_ordered, as_completed])
@pytest.mark.parametrize("concurrency", [3, lambda: 3], ids=["number", "function"])
def test_no_more_threads_than_items_at_a_time(run: Any, concurrency: Any) -> None:
    threads = {outcome.result() for outcome in run(range(3_000), lambda _: threading.get_ident(), concurrency)}
    assert 1 <= len(threads) <= 3


def test_an_error_of_ours_is_an_outcome_and_does_not_stop_others() -> None:
    def work(number: int) -> int:
        if number % 3 == 0:
            raise ConfigurationError(f"not {number}")
        return number

    outcomes = list(map_ordered(range(7), work, 2))
    assert [outcome.value for outcome in outcomes] == [None, 1, 2, None, 4, 5, None]
    assert [str(outcome.error) for outcome in outcomes if outcome.error] == ["not 0", "not 3", "not 6"]


def test_any_other_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(map_ordered([1, 0], lambda number: 1 / number, 1))


def test_items_are_taken_as_they_are_needed() -> None:
    count = 0

    def endless() -> Iterator[int]:
        nonlocal count
        while True:
            count += 1
            yield count

    outcomes = map_ordered(endless(), lambda number: number, 2)
    assert [next(outcomes).value for _ in range(3)] == [1, 2, 3]
    assert count <= 2 * LOOK_AHEAD_ITEMS + 4
    outcomes.close()


def test_what_has_begun_is_waited_for_and_the_rest_is_left() -> None:
    begun: list[int] = []
    ended: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        if number:
            time.sleep(0.2)
        ended.append(number)

    outcomes = map_ordered(range(100), work, 2)
    next(outcomes)
    outcomes.close()
    assert sorted(begun) == sorted(ended)
    assert len(begun) < 10
    assert not [each for each in threading.enumerate() if each.name.startswith("ai-endpoints_")]


class TestAsTheyEnd:
    def test_outcome_that_is_done_first_comes_first(self) -> None:
        last = threading.Event()

        def work(number: int) -> int:
            if number == 0:
                assert last.wait(30)
            if number == 2:
                raise ConfigurationError("not 2")
            return number * 10

        outcomes = []
        for outcome in as_completed(range(50), work, 2):
            outcomes.append(outcome)
            if len(outcomes) == 49:
                last.set()
        assert outcomes[-1].item == 0
        assert {each.item: each.value for each in outcomes if not each.error} == {
            n: n * 10 for n in range(50) if n != 2
        }
        assert [each.item for each in outcomes if each.error] == [2]

    def test_items_are_taken_as_they_are_needed(self) -> None:
        numbers: list[int] = []

        def endless() -> Iterator[int]:
            while True:
                numbers.append(len(numbers))
                yield numbers[-1]

        outcomes = as_completed(endless(), lambda number: number, 3)
        assert len({next(outcomes).value for _ in range(20)}) == 20
        assert len(numbers) <= 20 + 2 * 3
        outcomes.close()
        assert not [each for each in threading.enumerate() if each.name.startswith("ai-endpoints_")]
