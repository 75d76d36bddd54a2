"""
Log lines and counts of a task that processes many items.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sized
from types import TracebackType
from typing import Any

from ...client.usage import Usage

#: Seconds between two lines in the log.
LOG_INTERVAL_S = 5.0


class Progress:
    """
    Counts items, and logs the counts every few seconds while it is open, and once at the end.

    :param log: a logger, Airflow's or Python's
    :param what: beginning of each log line
    :param total: number of items, or None if it is unknown
    :param every: seconds between two log lines
    :param find_rate: returns the rows a minute that the rate limit allows, or None if it is unknown
    """

    def __init__(
        self,
        log: Any,
        what: str,
        total: int | None = None,
        every: float = LOG_INTERVAL_S,
        find_rate: Callable[[], float | None] = lambda: None,
    ) -> None:
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
        self._usage = Usage()
        self._find_rate = find_rate
        #: Number of answers that were cut at their limit of tokens.
        self.cut = 0

    def __enter__(self) -> Progress:
        self._started = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._log_line(f"ended after {_format_duration(time.monotonic() - self._started)}: ")
        if self.cut:
            self._log.warning(
                "%s: answers cut at the token limit (finish_reason 'length'): %s. Raise max_tokens.",
                self._what,
                f"{self.cut:,}",
            )

    def add_cut(self) -> None:
        """
        Count an answer that was cut at its limit of tokens. Safe to call from several threads.
        """
        with self._lock:
            self.cut += 1

    def add(self, **counts: int) -> None:
        """
        Count rows. Safe to call from several threads.

        :param counts: numbers of rows: ``done``, ``failed``, ``reused`` from an earlier run, or ``duplicate``
        """
        with self._lock:
            self._counts.update(counts)

    def add_usage(self, usage: Usage) -> None:
        """
        Count the usage of requests. Safe to call from several threads.

        :param usage: their usage
        """
        with self._lock:
            self._usage += usage

    @property
    def counts(self) -> Counter[str]:
        """
        The numbers of rows so far: ``done``, ``failed``, ``reused`` and ``duplicate``.
        """
        with self._lock:
            return self._counts.copy()

    @property
    def run_counts(self) -> dict[str, Any]:
        """
        The counts that are added up over the tries of a run: the usage, and the number of answers that were cut.
        """
        return {**self.usage.as_dict(), "cut": self.cut}

    @property
    def usage(self) -> Usage:
        """
        The usage so far.
        """
        with self._lock:
            return self._usage

    @property
    def summary(self) -> dict[str, Any]:
        """
        The fields of a manifest: ``rows_reused`` from an earlier run, ``rows_duplicate`` and ``usage``.
        """
        counts = self.counts
        return {
            "rows_reused": counts["reused"],
            "rows_duplicate": counts["duplicate"],
            "usage": self.usage.as_dict(),
        }

    def _log_periodically(self) -> None:
        while not self._ended.wait(self._every):
            self._log_line()

    def _log_line(self, first: str = "") -> None:
        seconds = time.monotonic() - self._started
        line = format_line(self.counts, self.usage, self._total, seconds, self._find_rate())
        self._log.info("%s: %s%s", self._what, first, line)


def format_line(
    counts: Mapping[str, int], usage: Usage, total: int | None, seconds: float, allowed_rate: float | None = None
) -> str:
    """
    Format the progress as one log line.

    :param counts: numbers of rows: ``done``, ``failed``, ``reused`` and ``duplicate``
    :param usage: usage so far
    :param total: number of rows, or None if it is unknown
    :param seconds: seconds since the start
    :param allowed_rate: rows a minute that the rate limit allows, or None if it is unknown
    :return: the line
    """
    done, failed, reused = counts.get("done", 0), counts.get("failed", 0), counts.get("reused", 0)
    rate = 60 * (done + failed) / seconds if seconds > 0 else 0.0
    parts = [
        f"{done:,} of {total:,} done" if total is not None else f"{done:,} done",
        *([f"{reused:,} already done"] if reused else []),
        *([f"{counts['duplicate']:,} equal to another"] if counts.get("duplicate") else []),
        f"{failed:,} failed",
        f"{rate:,.0f} a minute",
        f"{usage.input_tokens or 0:,} tokens in",
        f"{usage.output_tokens or 0:,} out",
    ]
    left = (total or 0) - sum(counts.values())
    # At first, a service accepts requests faster than its limit.
    rate = min(rate, allowed_rate or rate)
    if left > 0 and rate:
        parts.append(f"about {_format_duration(60 * left / rate)} left")
    return ", ".join(parts)


def _format_duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def estimate_total(rows: Any) -> int | None:
    """
    Estimate the number of rows without reading them.

    :param rows: a list, the rows of files, or any other iterable
    :return: the number, or None if it is unknown
    """
    if isinstance(rows, Sized):
        return len(rows)
    estimate = getattr(rows, "estimate_total", None)
    return None if estimate is None else estimate()
