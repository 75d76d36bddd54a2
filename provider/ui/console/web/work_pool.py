"""
The work pool: limits the requests of the page to services, and runs each job only once at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from .user import HTTPError

#: Tests, model lists and trials that run at a time. Each takes ten seconds at most.
MAX_RUNNING = 4

#: Jobs that may wait; the next one is refused.
MAX_WAITING = 16


_BUSY = (429, "Too much is under way here: try again in some seconds.")


class WorkPool:
    """
    Runs jobs in its own threads, so that those of the web server stay free.

    :param max_running: jobs that run at a time
    :param max_waiting: jobs that may wait
    """

    def __init__(self, max_running: int = MAX_RUNNING, max_waiting: int = MAX_WAITING) -> None:
        self._pool = ThreadPoolExecutor(max_running, thread_name_prefix="ai-endpoints-console")
        self._max_running = max_running
        self._max_jobs = max_running + max_waiting
        self._lock = threading.Lock()
        self._futures: dict[Hashable, Future[Any]] = {}

    def join(self, key: Hashable, work: Callable[[], Any]) -> Future[Any]:
        """
        Start a job, or join the running one with the same key.

        :param key: identity of the job
        :param work: does the job
        :return: the job's future
        :raises HTTPError: if too many jobs wait
        """
        with self._lock:
            return self._futures.get(key) or self._start(key, work)

    def stream(self, key: Hashable, work: Iterable[Any]) -> Iterator[Any]:
        """
        Start a job that yields results while it runs.

        :param key: identity of the job
        :param work: yields the results
        :return: the results; closing the iterator ends the job
        :raises HTTPError: if a job with this key is running, or if this one would have to wait: its reader holds a
            thread of the web server
        """
        results: SimpleQueue[Any] = SimpleQueue()
        abandoned = threading.Event()

        def run() -> None:
            try:
                for result in work:
                    if abandoned.is_set():
                        break
                    results.put(result)
            except Exception as error:  # noqa: BLE001  (raised again in the reader)
                results.put(error)

        with self._lock:
            if key in self._futures:
                raise HTTPError(409, "This is under way already: wait for its end.")
            if len(self._futures) >= self._max_running:
                raise HTTPError(*_BUSY)
            future = self._start(key, run)
        # Called once the key is free again, so that a reader of the last result can start the job again.
        future.add_done_callback(lambda _: results.put(_END))
        return _iter_results(results, abandoned)

    def _start(self, key: Hashable, work: Callable[[], Any]) -> Future[Any]:
        if len(self._futures) >= self._max_jobs:
            raise HTTPError(*_BUSY)

        def run() -> Any:
            try:
                return work()
            finally:
                with self._lock:
                    del self._futures[key]

        future = self._futures[key] = self._pool.submit(run)
        return future


_END = object()


def _iter_results(results: SimpleQueue[Any], abandoned: threading.Event) -> Iterator[Any]:
    try:
        while (result := results.get()) is not _END:
            if isinstance(result, Exception):
                raise result
            yield result
    finally:
        abandoned.set()


#: Of this process.
POOL = WorkPool()
