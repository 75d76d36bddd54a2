"""
A retry policy of Airflow 3.3: a task is tried again when the service says that it may be, and never in vain.

Earlier releases have no retry policies: importing this module there says so, and nothing else here imports it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .compat import RetryDecision, RetryPolicy
from .errors import AIEndpointsError
from .validation import number

if TYPE_CHECKING:
    from .compat import Context

#: What Airflow itself waits at most where it doubles a delay.
ONE_DAY = timedelta(days=1)

#: A century. Airflow's scheduler adds the delay to a date, and cannot write one after the year 9999.
_MAX_DELAY = timedelta(days=36_525)


class OVHCloudAIEndpointsRetryPolicy(RetryPolicy):
    """
    Try a task again after the wait that the service asks for; fail at once where no retry can help.

    Where neither is known, and for errors that are not this provider's, it leaves the decision to the task's
    ``retry_delay``, or to the next policy of a chain. An error raised ``from`` one of :mod:`.errors` counts as that.
    How many tries there are stays with the task's ``retries``.

    Safe to use from several threads: nothing changes it.

    :param max_delay: the longest wait, as timedelta or in seconds: a task that is to wait longer fails at once, because
        the service would refuse an earlier try; None for no bound
    """

    def __init__(self, *, max_delay: timedelta | float | None = ONE_DAY) -> None:
        self.max_delay = None if max_delay is None else _delay(max_delay)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(max_delay={self.max_delay!r})"

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """
        Decide about the task's next try; Airflow asks in the worker, when a try has failed.

        :param exception: what the task raised
        :param try_number: which try that was, from 1; not needed here
        :param max_tries: how many there may be; not needed here
        :param context: the task's context; not needed here
        :return: retry after a delay, fail, or Airflow's default
        """
        error = find_provider_error(exception)
        if error is None:
            return RetryDecision.default()
        return decide(error, _MAX_DELAY if self.max_delay is None else self.max_delay)

    def serialize(self) -> dict[str, Any]:
        """
        Describe the policy as JSON.

        :return: what :meth:`deserialize` takes
        """
        seconds = None if self.max_delay is None else self.max_delay.total_seconds()
        return {"__type": type(self).__name__, "max_delay": seconds}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> OVHCloudAIEndpointsRetryPolicy:
        """
        Make a policy of its description.

        :param data: what :meth:`serialize` gave
        :return: the policy
        """
        return cls(max_delay=data["max_delay"])


def decide(error: AIEndpointsError, longest: timedelta) -> RetryDecision:
    """
    Decide about the next try after an error of this provider. Pure.

    :param error: how the try ended
    :param longest: the longest wait that makes sense
    :return: retry after a delay, fail, or Airflow's default
    """
    name = type(error).__name__ + (f" ({error.status})" if error.status else "")
    if not error.retryable:
        return RetryDecision.fail(f"{name}: a retry cannot help.")
    wait = error.retry_after
    # "At once" names no time: retries that go by it would all be used up within seconds.
    if wait is None or not wait > 0:
        return RetryDecision.default()
    asked = f"{name}: the service asks to wait {wait:,.10g} s"
    if wait > longest.total_seconds():
        return RetryDecision.fail(f"{asked}, longer than the {longest.total_seconds():,.10g} s that a retry may wait.")
    return RetryDecision.retry(timedelta(seconds=wait), f"{asked}.")


def find_provider_error(exception: BaseException) -> AIEndpointsError | None:
    """
    Find the error of this provider that an exception is, or was raised ``from``. Pure.

    What an exception merely came after (``__context__``) is not why it was raised, and is not looked at.

    :param exception: what a task raised
    :return: the error, or None
    """
    seen: set[int] = set()
    current: BaseException | None = exception
    while current is not None and id(current) not in seen:
        if isinstance(current, AIEndpointsError):
            return current
        seen.add(id(current))  # two exceptions may name each other
        current = current.__cause__
    return None


def _delay(value: Any) -> timedelta:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    return timedelta(seconds=number(seconds, "max_delay, in seconds,", 0, _MAX_DELAY.total_seconds()))
