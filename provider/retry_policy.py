"""
A retry policy for Airflow 3.3: retries when the service's ``Retry-After`` header says, and only if that can help.

Earlier releases don't have retry policies. There, importing this module raises an error that says so; no other module
of this provider imports it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .compat import RetryDecision, RetryPolicy
from .errors import AIEndpointsError
from .validation import number

if TYPE_CHECKING:
    from .compat import Context

#: Airflow's own maximum for exponential backoff.
ONE_DAY = timedelta(days=1)

#: A century. Airflow's scheduler adds the delay to a date, and cannot write one after the year 9999.
_MAX_DELAY = timedelta(days=36_525)


class OVHCloudAIEndpointsRetryPolicy(RetryPolicy):
    """
    Retry a task after the wait that the service asks for; fail at once if a retry can't help.

    If the error says neither, or isn't one of this provider's, the task's ``retry_delay`` or the next policy of a chain
    decides. An error raised ``from`` one of :mod:`.errors` counts as that error. The number of retries remains the
    task's ``retries``.

    Safe to use from several threads: nothing changes it.

    :param max_delay: the longest wait, as timedelta or in seconds; None for no limit. A task that would wait longer
        fails at once, because the service would refuse an earlier try
    """

    def __init__(self, *, max_delay: timedelta | float | None = ONE_DAY) -> None:
        self.max_delay = None if max_delay is None else _delay(max_delay)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(max_delay={self.max_delay!r})"

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """
        Decide about the task's next try. Airflow calls this in the worker after a failed try.

        :param exception: the exception that the task raised
        :param try_number: number of the failed try, from 1; unused
        :param max_tries: maximum number of tries; unused
        :param context: the task's context; unused
        :return: retry after a delay, fail, or Airflow's default
        """
        error = find_provider_error(exception)
        if error is None:
            return RetryDecision.default()
        return decide(error, _MAX_DELAY if self.max_delay is None else self.max_delay)

    def serialize(self) -> dict[str, Any]:
        """
        Return the policy as JSON.

        :return: the input of :meth:`deserialize`
        """
        seconds = None if self.max_delay is None else self.max_delay.total_seconds()
        return {"__type": type(self).__name__, "max_delay": seconds}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> OVHCloudAIEndpointsRetryPolicy:
        """
        Create a policy from its JSON.

        :param data: the output of :meth:`serialize`
        :return: the policy
        """
        return cls(max_delay=data["max_delay"])


def decide(error: AIEndpointsError, max_delay: timedelta) -> RetryDecision:
    """
    Decide about the next try after an error of this provider. Pure.

    :param error: the error that ended the try
    :param max_delay: the longest wait after which a retry makes sense
    :return: retry after a delay, fail, or Airflow's default
    """
    name = type(error).__name__ + (f" ({error.status})" if error.status else "")
    if not error.retryable:
        return RetryDecision.fail(f"{name}: a retry cannot help.")
    wait = error.retry_after
    # "At once" names no time: retries that go by it would all be used up within seconds.
    if wait is None or not wait > 0:
        return RetryDecision.default()
    reason = f"{name}: the service asks to wait {wait:,.10g} s"
    max_s = max_delay.total_seconds()
    if wait > max_s:
        return RetryDecision.fail(f"{reason}, longer than the {max_s:,.10g} s that a retry may wait.")
    return RetryDecision.retry(timedelta(seconds=wait), f"{reason}.")


def find_provider_error(exception: BaseException) -> AIEndpointsError | None:
    """
    Find the error of this provider that an exception is, or was raised ``from``. Pure.

    An exception's ``__context__`` isn't followed: it came before, but needn't be the cause.

    :param exception: the exception that a task raised
    :return: the error, or None
    """
    visited: set[int] = set()
    current: BaseException | None = exception
    while current is not None and id(current) not in visited:
        if isinstance(current, AIEndpointsError):
            return current
        visited.add(id(current))  # two exceptions may be each other's cause
        current = current.__cause__
    return None


def _delay(value: Any) -> timedelta:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    return timedelta(seconds=number(seconds, "max_delay, in seconds,", 0, _MAX_DELAY.total_seconds()))
