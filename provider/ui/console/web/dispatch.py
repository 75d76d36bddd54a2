"""
Run an action for a request and build the answer, for both web frameworks.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from ..actions import Call, File, Job, Route
from ..views.playground import Trial
from . import csrf
from .user import HTTPError
from .work_pool import POOL

log = logging.getLogger(__name__)

_OURS = (
    "The page itself failed, on Airflow's side: this says nothing about the connection or the service. The log of this "
    "server has the details."
)


@dataclass(frozen=True)
class Answer:
    """
    The response to a request.

    :param status: HTTP status
    :param data: value of the JSON body
    :param file: a file to download, instead of JSON
    :param lines: JSON lines, instead of both
    """

    status: int = 200
    data: Any = None
    file: File | None = None
    lines: Iterator[bytes] | None = None


def check_origin(route: Route, headers: Mapping[str, str], hosts: set[str]) -> Answer | None:
    """
    Refuse a POST that doesn't come from the page's own script.

    :param route: the route of the request
    :param headers: of the request, names in lower case
    :param hosts: each ``host[:port]`` of this server
    :return: the answer if the request is refused, else None
    """
    error = csrf.fault(headers, hosts) if route.method == "POST" else None
    return Answer(error[0], {"error": error[1]}) if error else None


def read_params(route: Route, query: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """
    Read the parameters of a request.

    :param route: the route of the request
    :param query: query of a GET
    :param body: body of a POST
    :return: the parameters
    :raises HTTPError: if the body isn't a JSON object, or a parameter isn't one of the route's
    """
    fields = dict(query) if route.method == "GET" else _parse_body(body)
    unknown = sorted(set(fields) - route.fields)
    if unknown:
        raise HTTPError(422, f"Unknown field {unknown[0][:60]!r}: this address takes {sorted(route.fields)}.")
    return fields


def _parse_body(body: bytes) -> dict[str, Any]:
    if len(body) > csrf.MAX_BODY_BYTES:
        raise HTTPError(413, f"That is more than {csrf.MAX_BODY_BYTES:,} bytes.")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise HTTPError(422, "The body must be a JSON object.")
    return value


def begin(route: Route, call: Callable[[], Call]) -> Answer | tuple[Job, Future[Any]]:
    """
    Run the action of a route.

    :param route: the route of the request
    :param call: reads the request
    :return: the answer, or a job and its future, for :func:`finish`
    """
    try:
        result = route.action(call())
        if isinstance(result, Job):
            return result, POOL.join(result.key, result.run)
        if isinstance(result, Trial):
            return Answer(lines=_lines(POOL.stream(result.key, result.lines())))
    except Exception as error:  # noqa: BLE001  (each becomes a message)
        return build_error(error)
    return Answer(file=result) if isinstance(result, File) else Answer(data=result)


def finish(job: Job, future: Future[Any]) -> Answer:
    """
    Build the answer from the result of a job.

    :param job: the job
    :param future: its future, which is done
    :return: the answer
    """
    try:
        return Answer(data=job.finish(future.result()))
    except Exception as error:  # noqa: BLE001  (each becomes a message)
        return build_error(error)


def build_error(error: Exception) -> Answer:
    """
    Build the answer for an exception.

    :param error: the exception; only the message of an :class:`HTTPError` is passed on
    :return: the answer
    """
    if isinstance(error, HTTPError):
        return Answer(error.status, {"error": error.message})
    log.error("The page failed.", exc_info=error)
    return Answer(500, {"error": _OURS})


def _lines(results: Iterator[Any]) -> Iterator[bytes]:
    try:
        yield from map(_line, results)
    except Exception as error:  # noqa: BLE001  (the answer has begun: all that is left is its last line)
        yield _line(build_error(error).data)


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"
