"""
Many pieces of work, a few at a time, with results in the order of the work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar, cast

from ..errors import AIEndpointsError

Item = TypeVar("Item")
Value = TypeVar("Value")

#: Pieces begun ahead of the one whose result is next, for each that runs: a slow answer holds nobody up until this many
#: later ones are there. Results wait in memory meanwhile.
LOOK_AHEAD = 16


@dataclass(frozen=True)
class Outcome(Generic[Item, Value]):
    """
    How one piece of work ended: with a value, or with an error.

    Safe to use from several threads: nothing changes it.

    :param item: what the work was done with
    :param value: its result
    :param error: why there is none
    """

    item: Item
    value: Value | None = None
    error: AIEndpointsError | None = None

    def result(self) -> Value:
        """
        Give the value, or raise the error.

        :return: the value
        :raises AIEndpointsError: if there is none
        """
        if self.error is not None:
            raise self.error
        return cast("Value", self.value)


def map_ordered(
    items: Iterable[Item], work: Callable[[Item], Value], concurrency: int
) -> Generator[Outcome[Item, Value], None, None]:
    """
    Do work with each item, a few at a time.

    Items are taken as they are needed, so that there may be any number of them. When nobody asks for further outcomes,
    what has not begun is left; what has begun was paid for by then, and is waited for.

    :param items: to work with
    :param work: safe to call from several threads
    :param concurrency: how many at a time
    :return: an outcome for each item, in their order
    :raises Exception: what ``work`` raises beyond an :class:`AIEndpointsError`
    """
    begun: deque[tuple[Item, Future[Value]]] = deque()
    with _pool(concurrency) as pool:
        for item in items:
            begun.append((item, pool.submit(work, item)))
            if len(begun) > concurrency * LOOK_AHEAD:
                yield _outcome(*begun.popleft())
        while begun:
            yield _outcome(*begun.popleft())


def as_completed(
    items: Iterable[Item], work: Callable[[Item], Value], concurrency: int
) -> Generator[Outcome[Item, Value], None, None]:
    """
    Do work with each item as :func:`each` does, and give each outcome as soon as there is one.

    :param items: to work with
    :param work: safe to call from several threads
    :param concurrency: how many at a time; as many again have begun to wait
    :return: an outcome for each item, in the order in which they ended
    :raises Exception: what ``work`` raises beyond an :class:`AIEndpointsError`
    """
    begun: dict[Future[Value], Item] = {}
    ended: SimpleQueue[Future[Value]] = SimpleQueue()
    with _pool(concurrency) as pool:
        for item in items:
            future = pool.submit(work, item)
            begun[future] = item
            future.add_done_callback(ended.put)
            if len(begun) >= 2 * concurrency:
                future = ended.get()
                yield _outcome(begun.pop(future), future)
        while begun:
            future = ended.get()
            yield _outcome(begun.pop(future), future)


@contextmanager
def _pool(concurrency: int) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="ai-endpoints")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _outcome(item: Item, future: Future[Value]) -> Outcome[Item, Value]:
    try:
        return Outcome(item, future.result())
    except AIEndpointsError as error:
        return Outcome(item, error=error)
