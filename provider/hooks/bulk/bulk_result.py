"""
Many requests in one task: when to stop all of them, and their combined result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from ...client.parallel import Outcome
from ...client.usage import sum_usage
from ...errors import (
    AIEndpointsError,
    AuthenticationError,
    BudgetExceededError,
    ConfigurationError,
    NotFoundError,
    PartialFailureError,
)
from ...validation import quote

Item = TypeVar("Item")
Value = TypeVar("Value")

#: What to do about a failure: raise after all requests have run, don't raise, or raise at once.
ON_ERROR = ("fail", "skip", "raise")

#: Errors that every further request would get, too.
FATAL_ERRORS = (AuthenticationError, NotFoundError, BudgetExceededError)

#: Retryable failures in a row after which the service counts as down; each took up to three attempts.
MAX_CONSECUTIVE_FAILURES = 25


def check_on_error(value: Any) -> None:
    """
    Validate ``on_error``.

    :param value: one of :data:`ON_ERROR`
    :raises ConfigurationError: if it is anything else
    """
    if value not in ON_ERROR:
        raise ConfigurationError(f"on_error must be 'fail', 'skip' or 'raise', not {quote(value)}.")


def stop_on_fatal(outcomes: Iterable[Outcome[Item, Value]], on_error: str) -> Iterator[Outcome[Item, Value]]:
    """
    Iterate over outcomes, and raise if further requests can't succeed.

    :param outcomes: outcomes of requests, in any order
    :param on_error: ``raise`` stops at the first failure
    :return: the same outcomes
    :raises AIEndpointsError: the failure that stops all requests
    """
    consecutive_failures = 0
    for outcome in outcomes:
        error = outcome.error
        yield outcome
        consecutive_failures = consecutive_failures + 1 if error is not None and error.retryable else 0
        if error is not None and (
            on_error == "raise" or isinstance(error, FATAL_ERRORS) or consecutive_failures == MAX_CONSECUTIVE_FAILURES
        ):
            raise error


def find_max_retry_after(errors: Iterable[AIEndpointsError]) -> float | None:
    """
    Find how long to wait before all failed requests can be retried.

    :param errors: errors of the failed requests
    :return: the longest ``Retry-After`` in seconds, or None if the service sent none
    """
    return max((error.retry_after for error in errors if error.retry_after is not None), default=None)


class BulkResult:
    """
    The combined result of many requests.
    """

    def __init__(self) -> None:
        self._outcomes: list[Outcome[Any, dict[str, Any]]] = []

    def add(self, outcome: Outcome[Any, dict[str, Any]]) -> None:
        """
        Add the outcome of the next request.

        :param outcome: its response or error
        """
        self._outcomes.append(Outcome(None, outcome.value, outcome.error))

    def as_response(self) -> dict[str, Any]:
        """
        Return all outcomes in one dictionary.

        :return: ``responses`` in order, with None for a failed request; ``errors``, each with ``index``, ``error`` and
            ``status``; ``usage``, summed
        """
        # An answer that was cut before its first word is an error, but it was billed.
        paid = (outcome.error.response if outcome.error else outcome.value for outcome in self._outcomes)
        return {
            "responses": [outcome.value for outcome in self._outcomes],
            "errors": [
                {"index": index, "error": str(error), "status": error.status} for index, error in self._failed()
            ],
            "usage": sum_usage(paid),
        }

    def check(self) -> None:
        """
        Raise if any request failed.

        :raises PartialFailureError: with the number and message of the first failure
        """
        failed = list(self._failed())
        if failed:
            (index, first), total = failed[0], len(self._outcomes)
            raise PartialFailureError(
                f"{len(failed):,} of {total:,} failed; the first one, number {index}: {first}",
                retryable=any(error.retryable for _, error in failed),
                retry_after=find_max_retry_after(error for _, error in failed),
            )

    def _failed(self) -> Iterator[tuple[int, AIEndpointsError]]:
        return ((i, outcome.error) for i, outcome in enumerate(self._outcomes) if outcome.error is not None)
