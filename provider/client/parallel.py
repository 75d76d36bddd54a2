"""
Runs work in a few threads, with results in the order of the items or as they complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeAlias, TypeVar, cast

from ..defaults import MAX_CONCURRENCY
from ..errors import AIEndpointsError

Item = TypeVar("Item")
Value = TypeVar("Value")

#: Items started ahead of the next result, for each thread: a slow item delays the others only once so many later ones
#: are done. Their results wait in memory.
LOOK_AHEAD_ITEMS = 16


#: Open files that other parts of a task may need.
RESERVED_FILES = 256

#: Number of items to run at a time, or a function that returns it.
Concurrency: TypeAlias = "int | Callable[[], int]"


@dataclass(frozen=True)
class Outcome(Generic[Item, Value]):
    """
    The result of the work on one item: a value, or an error.

    Safe to use from several threads: nothing changes it.

    :param item: the item
    :param value: its result
    :param error: the error in place of a result
    """

    item: Item
    value: Value | None = None
    error: AIEndpointsError | None = None

    def result(self) -> Value:
        """
        Return the value, or raise the error.

        :return: the value
        :raises AIEndpointsError: if there was one
        """
        if self.error is not None:
            raise self.error
        return cast("Value", self.value)


def map_ordered(
    items: Iterable[Item], work: Callable[[Item], Value], concurrency: Concurrency
) -> Generator[Outcome[Item, Value], None, None]:
    """
    Call a function for each item, a few at a time.

    Items are read as they are needed, so there may be any number of them. If the caller stops reading, items that
    haven't started are dropped; those that have are billed anyway, and are waited for.

    :param items: the items
    :param work: safe to call from several threads
    :param concurrency: number of threads, or a function that returns the number of items to run now
    :return: an outcome for each item, in their order
    :raises Exception: any other than :class:`AIEndpointsError` that ``work`` raises
    """
    pending: deque[tuple[Item, Future[Value]]] = deque()
    completed: SimpleQueue[Future[Value]] = SimpleQueue()
    running = 0
    with _pool(concurrency) as pool:
        for item in items:
            future = _submit(pool, concurrency, work, item)
            future.add_done_callback(completed.put)
            pending.append((item, future))
            running += 1
            while running >= _find_limit(concurrency) or len(pending) > LOOK_AHEAD_ITEMS * _find_limit(concurrency):
                completed.get()
                running -= 1
                while pending and pending[0][1].done():
                    yield _outcome(*pending.popleft())
        while pending:
            yield _outcome(*pending.popleft())


def as_completed(
    items: Iterable[Item], work: Callable[[Item], Value], concurrency: Concurrency
) -> Generator[Outcome[Item, Value], None, None]:
    """
    Call a function for each item as :func:`map_ordered` does, and return each outcome as soon as it is there.

    :param items: the items
    :param work: safe to call from several threads
    :param concurrency: number of threads, with as many items again in a queue; or a function that returns the number of
        items to run now
    :return: an outcome for each item, in the order of completion
    :raises Exception: any other than :class:`AIEndpointsError` that ``work`` raises
    """
    pending: dict[Future[Value], Item] = {}
    completed: SimpleQueue[Future[Value]] = SimpleQueue()
    with _pool(concurrency) as pool:
        for item in items:
            future = _submit(pool, concurrency, work, item)
            pending[future] = item
            future.add_done_callback(completed.put)
            while len(pending) >= _find_limit(concurrency):
                future = completed.get()
                yield _outcome(pending.pop(future), future)
            while not completed.empty():
                future = completed.get()
                yield _outcome(pending.pop(future), future)
        while pending:
            future = completed.get()
            yield _outcome(pending.pop(future), future)


@contextmanager
def _pool(concurrency: Concurrency) -> Iterator[ThreadPoolExecutor]:
    threads = concurrency if isinstance(concurrency, int) else MAX_CONCURRENCY
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ai-endpoints")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(
    pool: ThreadPoolExecutor, concurrency: Concurrency, work: Callable[[Item], Value], item: Item
) -> Future[Value]:
    """
    Submit an item, with at most as many threads as items may run.

    A thread that has just finished an item isn't idle yet, and the pool would start another in its place: 400 threads
    where 8 items run at a time.
    """
    if not isinstance(concurrency, int):
        pool._max_workers = max(concurrency(), 1)
    return pool.submit(work, item)


def limit_by_open_files(concurrency: int) -> int:
    """
    Limit a number of concurrent requests to those that the process may have open files for: each takes two.

    :param concurrency: number of requests
    :return: this number, or a smaller one
    """
    try:
        import resource

        open_files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    except ImportError:  # Windows
        return concurrency
    if open_files == resource.RLIM_INFINITY:
        return concurrency
    return max(1, min(concurrency, (open_files - RESERVED_FILES) // 2))


def _find_limit(concurrency: Concurrency) -> int:
    """
    Return the number of items to submit: with a fixed number of threads, twice as many, so that none is idle.
    """
    return 2 * concurrency if isinstance(concurrency, int) else concurrency()


def _outcome(item: Item, future: Future[Value]) -> Outcome[Item, Value]:
    try:
        return Outcome(item, future.result())
    except AIEndpointsError as error:
        return Outcome(item, error=error)
