"""
Many requests in one task: what stops all of them, and what they come to together.
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

#: What to do about a failure: raise after all have run, leave it at that, or raise at once.
ON_ERROR = ("fail", "skip", "raise")

#: Every further request would be answered alike.
FATAL_ERRORS = (AuthenticationError, NotFoundError, BudgetExceededError)

#: Failures in a row that a retry may cure, after which the service counts as down: each took up to three attempts.
MAX_CONSECUTIVE_FAILURES = 25


def check_on_error(value: Any) -> None:
    """
    Check what to do about a failure.

    :param value: one of :data:`ON_ERROR`
    :raises ConfigurationError: if it is none of them
    """
    if value not in ON_ERROR:
        raise ConfigurationError(f"on_error must be 'fail', 'skip' or 'raise', not {quote(value)}.")


def stop_on_fatal(outcomes: Iterable[Outcome[Item, Value]], on_error: str) -> Iterator[Outcome[Item, Value]]:
    """
    Pass outcomes on until one says that the next will be no better.

    :param outcomes: as they come
    :param on_error: ``raise`` stops at the first failure
    :return: the same outcomes
    :raises AIEndpointsError: the failure that stops all
    """
    in_a_row = 0
    for outcome in outcomes:
        error = outcome.error
        yield outcome
        in_a_row = in_a_row + 1 if error is not None and error.retryable else 0
        if error is not None and (
            on_error == "raise" or isinstance(error, FATAL_ERRORS) or in_a_row == MAX_CONSECUTIVE_FAILURES
        ):
            raise error


def find_max_retry_after(errors: Iterable[AIEndpointsError]) -> float | None:
    """
    Tell how long the service asks to wait before all that failed is tried again.

    :param errors: the failures
    :return: seconds, None where it asks for none
    """
    return max((error.retry_after for error in errors if error.retry_after is not None), default=None)


class BulkResult:
    """
    What many requests come to together.
    """

    def __init__(self) -> None:
        self._outcomes: list[Outcome[Any, dict[str, Any]]] = []

    def add(self, outcome: Outcome[Any, dict[str, Any]]) -> None:
        """
        Take one more.

        :param outcome: of the next request
        """
        self._outcomes.append(Outcome(None, outcome.value, outcome.error))

    def as_response(self) -> dict[str, Any]:
        """
        Put all together.

        :return: ``responses`` in order, None for one that failed; ``errors``, each with ``index``, ``error`` and
            ``status``; ``usage``, summed
        """
        # An answer that was cut before its first word is an error, but it was paid for.
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
        Raise if any failed.

        :raises PartialFailureError: naming the first
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
