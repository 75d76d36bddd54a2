"""
Bounds on what the page does outside: a few things at a time in a process, and one run of each at most.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from .user import HTTPError

#: Tests, model lists and trials at a time. Each takes ten seconds at most.
AT_ONCE = 4

#: Waiting for their turn; the next one is told to come back.
WAITING = 16


_BUSY = (429, "Too much is under way here: try again in some seconds.")


class WorkPool:
    """
    Runs things in threads of their own, so that those of the web server stay free.

    :param at_once: how many at a time
    :param waiting: how many may wait
    """

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="ai-endpoints-console")
        self._at_once = at_once
        self._most = at_once + waiting
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, Future[Any]] = {}

    def join(self, key: Hashable, work: Callable[[], Any]) -> Future[Any]:
        """
        Start work, or join the run of it that is under way.

        :param key: what makes two runs the same
        :param work: what to do
        :return: its result to come
        :raises Refused: if too many wait
        """
        with self._lock:
            return self._under_way.get(key) or self._started(key, work)

    def stream(self, key: Hashable, work: Iterable[Any]) -> Iterator[Any]:
        """
        Start work that gives results as it goes, unless it is under way.

        :param key: what makes two runs the same
        :param work: what to do
        :return: its results; when nobody asks for them any more, the work ends
        :raises Refused: if it is under way, or would have to wait: whoever reads the results holds a thread
        """
        results: SimpleQueue[Any] = SimpleQueue()
        gone = threading.Event()

        def run() -> None:
            try:
                for result in work:
                    if gone.is_set():
                        break
                    results.put(result)
            except Exception as error:  # noqa: BLE001  (whoever reads the results is told)
                results.put(error)

        with self._lock:
            if key in self._under_way:
                raise HTTPError(409, "This is under way already: wait for its end.")
            if len(self._under_way) >= self._at_once:
                raise HTTPError(*_BUSY)
            future = self._started(key, run)
        # When it no longer counts as under way: whoever has read to the end may start it again.
        future.add_done_callback(lambda _: results.put(_END))
        return _iter_results(results, gone)

    def _started(self, key: Hashable, work: Callable[[], Any]) -> Future[Any]:
        if len(self._under_way) >= self._most:
            raise HTTPError(*_BUSY)

        def run() -> Any:
            try:
                return work()
            finally:
                with self._lock:
                    del self._under_way[key]

        future = self._under_way[key] = self._pool.submit(run)
        return future


_END = object()


def _iter_results(results: SimpleQueue[Any], gone: threading.Event) -> Iterator[Any]:
    try:
        while (result := results.get()) is not _END:
            if isinstance(result, Exception):
                raise result
            yield result
    finally:
        gone.set()


#: Of this process.
POOL = WorkPool()
