"""
Everything that can go wrong between a task and the service, and what a retry would do about it.

::

    AIEndpointsError (AirflowException)
    |-- ConfigurationError     a connection or an argument cannot work; nothing was sent       a retry cannot help
    |   `-- InvalidInputError  a row to be read or written is not as it must be               a retry cannot help
    |-- ConnectionFailedError  no reply: name, refused, TLS, proxy, connection lost            retry
    |   `-- TimedOutError      no reply within the time allowed                                retry
    |-- StatusError            the service answered with an error                              retry
    |   |-- BadRequestError    400, 413, 422 and any other 4xx that is not below               a retry cannot help
    |   |-- TokenRefusedError  401, 403                                                        a retry cannot help
    |   |-- NotFoundError      404: no such model, or no such path                             a retry cannot help
    |   `-- RateLimitedError   429                                                             retry
    |-- InvalidReplyError      a reply that is not what the API promises                       retry
    |-- TruncatedReplyError    the answer was cut before its first word, and paid for          a retry cannot help
    |-- BudgetError            the task has used what it may                                    a retry cannot help
    |-- UnusableAnswerError    the answer has not the form asked for, and was paid for         retry
    |-- UnsafeContentError     a guard model judged it unsafe, and the task is to fail then     a retry cannot help
    `-- PartlyFailedError      of many requests some failed; the answers are in ``response``   as the failures say

An error that a retry cannot help is raised as an ``AirflowFailException`` as well, so that Airflow does not burn the
task's retries; ``fail_fast=False`` on hook or operator leaves that base out.
"""

from __future__ import annotations

from typing import Any, ClassVar

from .compat import AirflowException, AirflowFailException


class AIEndpointsError(AirflowException):
    """
    Base of every error of this provider.

    Safe to use from several threads once it is raised: nothing changes it then.

    :param message: what failed, why, and what to do, in sentences without a secret
    :param status: HTTP status, where there was a reply
    :param code: the service's own error code, where it named one
    :param request_id: the service's id of the request, for its support
    :param retry_after: seconds that the service asks to wait
    :param response: the reply's JSON, where one was paid for
    :param detail: the service's own words, where its reply was JSON
    :param sent: whether the service may have acted on the request
    """

    #: Whether trying again may succeed.
    retryable: ClassVar[bool] = True

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        response: dict[str, Any] | None = None,
        detail: str | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.response = response
        self.detail = detail
        self.sent = sent
        #: Attempts made before this was raised.
        self.attempts = 1
        #: Seconds until the TCP connection of the last one stood; None if it never did, or had stood before.
        self.opened: float | None = None

    def __str__(self) -> str:
        tail = f" (request id {self.request_id})" if self.request_id else ""
        return f"{self.args[0]}{tail}" + (f" Gave up after {self.attempts} attempts." if self.attempts > 1 else "")

    def for_airflow(self, *, fail_fast: bool) -> AIEndpointsError:
        """
        Give the form of this error that tells Airflow whether the task's retries make sense.

        :param fail_fast: whether an error that no retry can cure ends the task at once
        :return: this error, or the same one as an ``AirflowFailException`` too
        """
        if self.retryable or not fail_fast or isinstance(self, AirflowFailException):
            return self
        return _restore(type(self), self.args, self.__dict__).with_traceback(self.__traceback__)


class ConfigurationError(AIEndpointsError):
    """
    A connection or an argument cannot work; nothing was sent.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class InvalidInputError(ConfigurationError):
    """
    A row cannot be read, or not be written in the format asked for; what came before it may have been sent.

    Safe to use from several threads once it is raised: nothing changes it then.
    """


class ConnectionFailedError(AIEndpointsError):
    """
    No reply came: the name, the connection, TLS or a proxy failed, or the connection was lost.

    Safe to use from several threads once it is raised: nothing changes it then.

    :param kind: ``dns``, ``refused``, ``unreachable``, ``tls``, ``proxy``, ``timeout`` or ``lost``
    """

    def __init__(self, message: str, *, kind: str = "lost", **fields: Any) -> None:
        super().__init__(message, **fields)
        self.kind = kind


class TimedOutError(ConnectionFailedError):
    """
    No reply came within the time allowed.

    Safe to use from several threads once it is raised: nothing changes it then.
    """


class StatusError(AIEndpointsError):
    """
    The service answered with an error status: 408, 5xx, and the parent of the others.

    Safe to use from several threads once it is raised: nothing changes it then.
    """


class BadRequestError(StatusError):
    """
    The service does not accept the request: 400, 413, 422 and kin.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class TokenRefusedError(StatusError):
    """
    The service refused the API token: 401 or 403.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class NotFoundError(StatusError):
    """
    The service has no such model, or no such path: 404.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class RateLimitedError(StatusError):
    """
    Too many requests: 429.

    Safe to use from several threads once it is raised: nothing changes it then.
    """


class InvalidReplyError(AIEndpointsError):
    """
    The reply is not what the API promises: no JSON, another shape, too large, a redirect.

    Safe to use from several threads once it is raised: nothing changes it then.
    """


class TruncatedReplyError(AIEndpointsError):
    """
    The answer reached ``max_tokens`` before its first word; it was paid for and is in ``response``.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class BudgetError(AIEndpointsError):
    """
    The task has used the cost or the tokens that it may; nothing more was sent.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class UnusableAnswerError(AIEndpointsError):
    """
    The answer has not the form that was asked for, or does not come to its end; it was paid for and is in ``response``.

    Safe to use from several threads once it is raised: nothing changes it then.
    """


class UnsafeContentError(AIEndpointsError):
    """
    A guard model judged content unsafe, and the task was told to fail then; the verdict is in ``response``.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class PartlyFailedError(AIEndpointsError):
    """
    Of many requests some failed; what the others came to is in ``response``.

    Safe to use from several threads once it is raised: nothing changes it then.

    :param curable: whether a retry may cure at least one of the failures
    """

    retryable = False

    def __init__(self, message: str, *, curable: bool = False, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.curable = curable

    def for_airflow(self, *, fail_fast: bool) -> AIEndpointsError:
        """
        Leave it to the task's retries where one may help.

        :param fail_fast: whether an error that no retry can cure ends the task at once
        :return: this error, or the same one as an ``AirflowFailException`` too
        """
        return self if self.curable else super().for_airflow(fail_fast=fail_fast)


_FATAL: dict[type[AIEndpointsError], type[AIEndpointsError]] = {}


def _fatal(kind: type[AIEndpointsError]) -> type[AIEndpointsError]:
    def reduce(self: AIEndpointsError) -> tuple[Any, ...]:
        return _restore, (kind, self.args, self.__dict__)

    if kind not in _FATAL:
        body = {"__module__": kind.__module__, "__doc__": kind.__doc__, "__reduce__": reduce}
        _FATAL[kind] = type(kind.__name__, (kind, AirflowFailException), body)
    return _FATAL[kind]


def _restore(kind: type[AIEndpointsError], args: tuple[Any, ...], state: dict[str, Any]) -> AIEndpointsError:
    error = _fatal(kind)(*args)
    error.__dict__.update(state)
    return error


#: Statuses with an error of their own; see :func:`for_status` for the rest.
_BY_STATUS = {401: TokenRefusedError, 403: TokenRefusedError, 404: NotFoundError, 429: RateLimitedError}

#: 4xx that may pass by themselves: request timeout, conflict, too early.
_PASSING = frozenset({408, 409, 425})


def for_status(status: int) -> type[StatusError]:
    """
    Tell which error stands for an HTTP status.

    :param status: an HTTP status of 400 or more
    :return: the class to raise
    """
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return BadRequestError if status < 500 and status not in _PASSING else StatusError
