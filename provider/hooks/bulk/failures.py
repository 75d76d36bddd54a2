"""
Failed rows of a run: when to stop, and what to report at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ...errors import (
    AIEndpointsError,
    AuthenticationError,
    BudgetExceededError,
    ConfigurationError,
    NotFoundError,
    PartialFailureError,
    QuotaExceededError,
)
from ...validation import number, quote

#: What to do about a failure: raise after all requests have run, don't raise, or raise at once.
ON_ERROR = ("fail", "skip", "raise")

#: Errors that every further request would get, too.
FATAL_ERRORS = (AuthenticationError, NotFoundError, QuotaExceededError, BudgetExceededError)

#: Retryable failures in a row after which the service counts as down; each took up to three attempts.
MAX_CONSECUTIVE_FAILURES = 25

#: If so many rows fail alike before any succeeds, the rest would, too.
MAX_FIRST_FAILURES = 25

#: Rows after which a share of failed rows means something.
MIN_ROWS_FOR_SHARE = 100


class RowError(NamedTuple):
    """
    The error of a row.

    :param number: number of the row, from 0
    :param error: the error
    """

    number: int
    error: AIEndpointsError


class Failures:
    """
    Counts failed rows, and stops the run when it makes no sense to go on.

    Not safe to use from several threads: the thread that collects the outcomes uses it.

    :param on_error: one of :data:`ON_ERROR`
    :param max_failures: number of failed rows, or their share if it is below 1, up to which the run goes on; None stops
        it if the first :data:`MAX_FIRST_FAILURES` rows fail alike
    :param stops: whether to stop before all rows have a result; otherwise the limit applies at the end
    :raises ConfigurationError: if a parameter is invalid
    """

    def __init__(self, on_error: Any, max_failures: Any = None, *, stops: bool = True) -> None:
        if on_error not in ON_ERROR:
            raise ConfigurationError(f"on_error must be 'fail', 'skip' or 'raise', not {quote(on_error)}.")
        self._on_error = on_error
        self._limit = None if max_failures is None else number(max_failures, "max_failures", 0)
        self._stops = stops
        self._rows = self._failed = self._consecutive = 0
        self._retry_after = 0.0
        self._alike: set[tuple[Any, ...]] = set()
        self._retryable = False
        #: The first failed row, or None.
        self.first: RowError | None = None

    def __len__(self) -> int:
        return self._failed

    def add(self, rows: int, errors: Sequence[RowError]) -> None:
        """
        Count the rows of one request.

        :param rows: number of its rows
        :param errors: those that failed
        :raises AIEndpointsError: the error that stops the run
        """
        self._rows += rows
        if len(errors) < rows:
            self._consecutive = 0
        for row_error in errors:
            self._add(row_error)
        if errors and self._stops:
            self._check(errors[-1])

    def _add(self, row_error: RowError) -> None:
        error = row_error.error
        self._failed += 1
        self.first = self.first or row_error
        self._retryable = self._retryable or error.retryable
        self._retry_after = max(self._retry_after, error.retry_after or 0)
        self._consecutive = self._consecutive + 1 if error.retryable else 0
        self._alike.add((type(error), error.status, error.code))

    def _check(self, last: RowError) -> None:
        error = last.error
        if (
            self._on_error == "raise"
            or isinstance(error, FATAL_ERRORS)
            or self._consecutive >= MAX_CONSECUTIVE_FAILURES
        ):
            raise error
        if self._limit is None:
            if self._failed == self._rows >= MAX_FIRST_FAILURES and len(self._alike) == 1:
                raise self._build_error(f"The first {self._rows:,} rows failed alike, so the rest was not asked")
            return
        if not 0 < self._limit < 1 or self._rows >= MIN_ROWS_FOR_SHARE:
            self._check_limit()

    def _check_limit(self) -> None:
        limit = self._limit or 0
        if self._failed > (limit * self._rows if 0 < limit < 1 else limit):
            raise self._build_error(f"{self._failed:,} of {self._rows:,} rows failed, more than max_failures allows")

    def finish(self, log: Any) -> None:
        """
        Report the failures at the end of the run.

        :param log: logger of the task, for a warning if failed rows are skipped
        :raises PartialFailureError: if rows failed, unless they are skipped
        """
        if self.first is None:
            return
        summary = f"{self._failed:,} of {self._rows:,} rows failed"
        if self._on_error == "fail":
            raise self._build_error(summary)
        if self._limit is not None:
            self._check_limit()
        log.warning("%s; the first one, row %d: %s", summary, self.first.number, self.first.error)

    def _build_error(self, summary: str) -> PartialFailureError:
        assert self.first is not None  # noqa: S101  (a row failed)
        return PartialFailureError(
            f"{summary}; the first one, row {self.first.number}: {self.first.error}",
            retryable=self._retryable,
            retry_after=self._retry_after or None,
        )
