"""
Log lines and counts of a task that processes many items.
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
    Counts items, and logs the counts every few seconds while it is open, and once at the end.

    :param log: a logger, Airflow's or Python's
    :param what: beginning of each log line
    :param total: number of items, or None if it is unknown
    :param every: seconds between two log lines
    """

    def __init__(self, log: Any, what: str, total: int | None = None, every: float = LOG_INTERVAL_S) -> None:
        self._log = log
        self._what = what
        self._total = total
        self._every = every
        self._lock = threading.Lock()
        self._ended = threading.Event()
        # A thread of its own, as the task may be waiting for the rate limit or for the service.
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
        self._log_line(f"ended after {_format_duration(time.monotonic() - self._started)}: ")

    def watch(
        self,
        work: Callable[[Item], Value],
        *,
        size: Callable[[Item], int] = lambda _: 1,
        response: Callable[[Any], Mapping[str, Any]] = lambda value: value,
    ) -> Callable[[Item], Value]:
        """
        Wrap a function so that its calls are counted, from any thread.

        :param work: processes an item, or raises an :class:`AIEndpointsError`
        :param size: gives the number that an item counts for; 1 unless given
        :param response: gives the response of a result, for its usage; the result itself unless given
        :return: the wrapped function
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
        Count items whose results come from an earlier try.

        :param count: number of items
        """
        self._count("reused", count, None)

    @property
    def counts(self) -> Counter[str]:
        """
        The counts so far: ``done``, ``failed``, ``reused`` and token counts by name.
        """
        with self._lock:
            return self._counts.copy()

    @property
    def summary(self) -> dict[str, Any]:
        """
        The fields of a manifest: ``rows_reused``, the rows from an earlier try, and ``usage``.
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
        self._log.info("%s: %s%s", self._what, first, format_line(self.counts, self._total, seconds))


def format_line(counts: Mapping[str, int], total: int | None, seconds: float) -> str:
    """
    Format the progress as one log line.

    :param counts: ``done``, ``failed``, ``reused`` and token counts by name
    :param total: number of items, or None if it is unknown
    :param seconds: seconds since the start
    :return: the line
    """
    done, failed = counts.get("done", 0), counts.get("failed", 0)
    a_minute = 60 * (done + failed) / seconds if seconds > 0 else 0.0
    reused = counts.get("reused", 0)
    parts = [
        f"{done:,} of {total:,} done" if total is not None else f"{done:,} done",
        f"{failed:,} failed",
        f"{a_minute:,.0f} a minute",
        f"{counts.get('prompt_tokens', 0):,} tokens in",
        f"{counts.get('completion_tokens', 0):,} out",
    ]
    if reused:
        parts.insert(1, f"{reused:,} already done")
    left = (total or 0) - done - failed - reused
    if left > 0 and a_minute:
        parts.append(f"about {_format_duration(60 * left / a_minute)} left")
    return ", ".join(parts)


def _format_duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
