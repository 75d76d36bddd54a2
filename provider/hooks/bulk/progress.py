"""
What a task that does many things says while it does them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from ...client.usage import sum_usage
from ...errors import AIEndpointsError

Item = TypeVar("Item")
Value = TypeVar("Value")

#: Seconds between two lines in the log.
LOG_INTERVAL_S = 5.0


class Progress:
    """
    Counts what is done, and says so every few seconds for as long as it is open, and once more at its end.

    :param log: a logger, Airflow's or Python's
    :param what: what is counted, at the beginning of each line
    :param total: how many there will be, or None where nobody knows yet
    :param every: seconds between two lines
    """

    def __init__(self, log: Any, what: str, total: int | None = None, every: float = LOG_INTERVAL_S) -> None:
        self._log = log
        self._what = what
        self._total = total
        self._every = every
        self._lock = threading.Lock()
        self._ended = threading.Event()
        # A task may wait for its turn or for the service: the lines come from a thread of their own.
        self._thread = threading.Thread(target=self._log_periodically, name="ai-endpoints-progress", daemon=True)
        self._started = 0.0
        self._counts: Counter[str] = Counter()

    def __enter__(self) -> Progress:
        self._started = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._log_line(f"ended after {_span(time.monotonic() - self._started)}: ")

    def watch(
        self,
        work: Callable[[Item], Value],
        *,
        size: Callable[[Item], int] = lambda _: 1,
        response: Callable[[Any], Mapping[str, Any]] = lambda value: value,
    ) -> Callable[[Item], Value]:
        """
        Count what a function does, each call from whatever thread.

        :param work: does a piece of it, or raises an :class:`AIEndpointsError`
        :param size: how much an item counts
        :param response: where a result tells its tokens; a result that is a response needs none
        :return: the same function, counted
        """

        def watched(item: Item) -> Value:
            try:
                value = work(item)
            except AIEndpointsError as error:
                self._count("failed", size(item), error.response)
                raise
            self._count("done", size(item), response(value))
            return value

        return watched

    def add_reused(self, count: int) -> None:
        """
        Count what was done before.

        :param count: how much
        """
        self._count("reused", count, None)

    @property
    def counts(self) -> Counter[str]:
        """
        What was counted so far: ``done``, ``failed``, ``reused`` and tokens by their names.
        """
        with self._lock:
            return self._counts.copy()

    @property
    def summary(self) -> dict[str, Any]:
        """
        What a manifest tells of it: ``rows_reused``, which an earlier try had done, and ``usage``.
        """
        counts = self.counts
        usage = {name: number for name, number in counts.items() if name.endswith("_tokens")}
        return {"rows_reused": counts["reused"], "usage": usage}

    def _count(self, ended: str, count: int, response: Mapping[str, Any] | None) -> None:
        tokens = sum_usage([response])
        with self._lock:
            self._counts.update({ended: count, **tokens})

    def _log_periodically(self) -> None:
        while not self._ended.wait(self._every):
            self._log_line()

    def _log_line(self, first: str = "") -> None:
        seconds = time.monotonic() - self._started
        self._log.info("%s: %s%s", self._what, first, line(self.counts, self._total, seconds))


def line(counts: Mapping[str, int], total: int | None, seconds: float) -> str:
    """
    Say in one line how far it is.

    :param counts: ``done``, ``failed``, ``reused`` and tokens by their names
    :param total: how many there will be, or None
    :param seconds: since the beginning
    :return: the line
    """
    done, failed = counts.get("done", 0), counts.get("failed", 0)
    a_minute = 60 * (done + failed) / seconds if seconds > 0 else 0.0
    found = counts.get("reused", 0)
    parts = [
        f"{done:,} of {total:,} done" if total is not None else f"{done:,} done",
        f"{failed:,} failed",
        f"{a_minute:,.0f} a minute",
        f"{counts.get('prompt_tokens', 0):,} tokens in",
        f"{counts.get('completion_tokens', 0):,} out",
    ]
    if found:
        parts.insert(1, f"{found:,} already done")
    left = (total or 0) - done - failed - found
    if left > 0 and a_minute:
        parts.append(f"about {_span(60 * left / a_minute)} left")
    return ", ".join(parts)


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
