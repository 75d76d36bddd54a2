"""
The errors of this provider, and whether a retry can help.

::

    AIEndpointsError
    |-- ConfigurationError      a connection or an argument is invalid; nothing was sent      a retry cannot help
    |   `-- InvalidInputError   a row can't be read, or can't be written in the format        a retry cannot help
    |-- APIConnectionError      no response: DNS, refused, TLS, proxy, connection lost        retry
    |   `-- APITimeoutError     no response within the timeout                                retry
    |-- APIStatusError          the service responded with an error status                    retry
    |   |-- BadRequestError     400, 413, 422 and any other 4xx not listed here               a retry cannot help
    |   |-- AuthenticationError 401, 403                                                      a retry cannot help
    |   |-- NotFoundError       404: no such model, or no such path                           a retry cannot help
    |   `-- RateLimitError      429                                                           retry
    |       `-- QuotaExceededError  402, and 429 or 403 if the credit is used up              a retry cannot help
    |-- InvalidResponseError    the response isn't what the API promises                      retry
    |-- OutputTruncatedError    the answer was cut before its first word or in a tool call    a retry cannot help
    |-- BudgetExceededError     the task reached max_cost or max_total_tokens                 a retry cannot help
    |-- InvalidOutputError      the answer isn't usable, or not in the requested format       retry
    |   `-- AnswerWithheldError the model refused to answer, or a content filter withheld it  a retry cannot help
    |-- UnsafeContentError      a guard model judged the content unsafe                       a retry cannot help
    `-- PartialFailureError     some of many requests failed                                  as the failures say

The classes are plain exceptions, so that nothing below the hook imports Airflow. The hook raises each as an
``AirflowException`` too, and as an ``AirflowFailException`` if a retry can't help, so that Airflow doesn't use up the
task's retries; see :mod:`.hooks.airflow_errors`. ``fail_fast=False`` on the hook or operator leaves the latter out.
"""

from __future__ import annotations

from typing import Any


class ToolError(Exception):
    """
    Raise this in a tool to report a problem to the model instead of failing the task.

    Safe to use from several threads once it is raised: nothing changes it then.
    """


class AIEndpointsError(Exception):
    """
    Base of every error of this provider.

    Safe to use from several threads once it is raised: nothing changes it then.

    :param message: what failed, why, and what to do, in sentences without a secret
    :param status: HTTP status; None without a response
    :param code: the service's own error code, or None
    :param request_id: the service's id of the request, for its support
    :param retry_after: seconds that the service asks to wait, or None
    :param response: the response's JSON if it was billed, or None
    :param detail: the service's own message if its response was JSON, or None
    :param may_have_been_processed: whether the service may have acted on the request
    """

    #: Whether a retry may succeed.
    retryable: bool = True

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
        may_have_been_processed: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.response = response
        self.detail = detail
        self.may_have_been_processed = may_have_been_processed
        #: Attempts made before this was raised.
        self.attempts = 1
        #: Seconds that the last attempt took to connect over TCP; None if it didn't, or reused a connection.
        self.connect_seconds: float | None = None

    def __str__(self) -> str:
        tail = f" (request id {self.request_id})" if self.request_id else ""
        return f"{self.args[0]}{tail}" + (f" Gave up after {self.attempts} attempts." if self.attempts > 1 else "")


class ConfigurationError(AIEndpointsError):
    """
    A connection or an argument is invalid; nothing was sent.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class InvalidInputError(ConfigurationError):
    """
    A row can't be read, or can't be written in the output's format; earlier rows may have been sent.

    Safe to use from several threads once it is raised: nothing changes it then.
    """


class APIConnectionError(AIEndpointsError):
    """
    There was no response: the name lookup, the connection, TLS or a proxy failed, or the connection was lost.

    Safe to use from several threads once it is raised: nothing changes it then.

    :param kind: ``dns``, ``refused``, ``unreachable``, ``tls``, ``proxy``, ``timeout`` or ``lost``
    """

    def __init__(self, message: str, *, kind: str = "lost", **fields: Any) -> None:
        super().__init__(message, **fields)
        self.kind = kind


class APITimeoutError(APIConnectionError):
    """
    There was no response within the timeout.

    Safe to use from several threads once it is raised: nothing changes it then.
    """


class APIStatusError(AIEndpointsError):
    """
    The service responded with an error status: 408, 424, 498, 499, 5xx, and the base of the classes for other statuses.

    Safe to use from several threads once it is raised: nothing changes it then.
    """


class BadRequestError(APIStatusError):
    """
    The service doesn't accept the request: 400, 413, 422 and other 4xx.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class AuthenticationError(APIStatusError):
    """
    The service refused the API token: 401 or 403.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class NotFoundError(APIStatusError):
    """
    The service doesn't have this model or path: 404, and 400 or 403 with a message that says so of the model.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class RateLimitError(APIStatusError):
    """
    Too many requests: 429.

    Safe to use from several threads once it is raised: nothing changes it then.
    """


class QuotaExceededError(RateLimitError):
    """
    The account's credit, balance or quota is used up: 402, and 400, 403 or 429 with a message that says so.

    Waiting doesn't help, and neither does another model, until the account's owner pays or raises the limit.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class InvalidResponseError(AIEndpointsError):
    """
    The response isn't what the API promises: not JSON, another shape, too large, or a redirect.

    Safe to use from several threads once it is raised: nothing changes it then.
    """


class OutputTruncatedError(AIEndpointsError):
    """
    The answer reached ``max_tokens`` before its first word or within a tool call; it was billed and is in ``response``.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class BudgetExceededError(AIEndpointsError):
    """
    The task reached ``max_cost`` or ``max_total_tokens``; nothing more was sent.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class InvalidOutputError(AIEndpointsError):
    """
    The answer is empty or incomplete, or doesn't match the requested format; it was billed and is in ``response``.

    Safe to use from several threads once it is raised: nothing changes it then.
    """


class AnswerWithheldError(InvalidOutputError):
    """
    The model refused to answer, or a content filter withheld the answer; it was billed and is in ``response``.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class UnsafeContentError(AIEndpointsError):
    """
    A guard model judged the content unsafe; the verdict is in ``response``.

    Safe to use from several threads once it is raised: nothing changes it then.
    """

    retryable = False


class PartialFailureError(AIEndpointsError):
    """
    Some of many requests failed; the results of the others are in ``response``.

    Safe to use from several threads once it is raised: nothing changes it then.

    :param retryable: whether a retry may help at least one of the failed requests
    """

    retryable = False

    def __init__(self, message: str, *, retryable: bool = False, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.retryable = retryable


#: Statuses with an error of their own; see :func:`for_status` for the rest.
_BY_STATUS = {
    401: AuthenticationError,
    402: QuotaExceededError,
    403: AuthenticationError,
    404: NotFoundError,
    429: RateLimitError,
}

#: 4xx that may succeed later: request timeout, conflict, inference failed (TGI), too early, no capacity (Groq), and a
#: connection that a gateway closed.
_TRANSIENT = frozenset({408, 409, 424, 425, 498, 499})


def for_status(status: int) -> type[APIStatusError]:
    """
    Return the error class for an HTTP status.

    :param status: an HTTP status of 400 or more
    :return: the class to raise
    """
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return BadRequestError if status < 500 and status not in _TRANSIENT else APIStatusError
