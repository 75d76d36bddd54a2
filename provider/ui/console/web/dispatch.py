"""
From a request to its answer, for whichever web framework carries both.
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
    What goes back.

    :param status: HTTP status
    :param data: JSON
    :param file: a file to download, in place of JSON
    :param lines: JSON, a line at a time, in place of both
    """

    status: int = 200
    data: Any = None
    file: File | None = None
    lines: Iterator[bytes] | None = None


def refusal(route: Route, headers: Mapping[str, str], hosts: set[str]) -> Answer | None:
    """
    Refuse what did not come from the page's own script.

    :param route: the address
    :param headers: of the request, names in lower case
    :param hosts: what this server is reached by
    :return: the refusal, or None
    """
    fault = csrf.fault(headers, hosts) if route.method == "POST" else None
    return Answer(fault[0], {"error": fault[1]}) if fault else None


def read_params(route: Route, query: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """
    Read what a request brings.

    :param route: the address, which knows its fields
    :param query: of a GET
    :param body: of a POST
    :return: the fields
    :raises Refused: if it is not JSON, or holds a field that the address does not know
    """
    fields = dict(query) if route.method == "GET" else _parse_body(body)
    unknown = sorted(set(fields) - route.fields)
    if unknown:
        raise HTTPError(422, f"Unknown field {unknown[0][:60]!r}: this address takes {sorted(route.fields)}.")
    return fields


def _parse_body(body: bytes) -> dict[str, Any]:
    if len(body) > csrf.MAX_BODY:
        raise HTTPError(413, f"That is more than {csrf.MAX_BODY:,} bytes.")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise HTTPError(422, "The body must be a JSON object.")
    return value


def begin(route: Route, call: Callable[[], Call]) -> Answer | tuple[Job, Future[Any]]:
    """
    Do what an address does, as far as it is done here.

    :param route: the address
    :param call: reads the request
    :return: the answer, or work that is under way, for :func:`finish`
    """
    try:
        result = route.action(call())
        if isinstance(result, Job):
            return result, POOL.join(result.key, result.run)
        if isinstance(result, Trial):
            return Answer(lines=_lines(POOL.stream(result.key, result.lines())))
    except Exception as error:  # noqa: BLE001  (each becomes a sentence)
        return failed(error)
    return Answer(file=result) if isinstance(result, File) else Answer(data=result)


def finish(work: Job, future: Future[Any]) -> Answer:
    """
    Answer with the result of work.

    :param work: the work
    :param future: its result, which is there
    :return: the answer
    """
    try:
        return Answer(data=work.finish(future.result()))
    except Exception as error:  # noqa: BLE001  (each becomes a sentence)
        return failed(error)


def failed(error: Exception) -> Answer:
    """
    Say why there is no other answer.

    :param error: what was raised; only a refusal's own sentence is passed on
    :return: the answer
    """
    if isinstance(error, HTTPError):
        return Answer(error.status, {"error": error.sentence})
    log.error("The page failed.", exc_info=error)
    return Answer(500, {"error": _OURS})


def _lines(results: Iterator[Any]) -> Iterator[bytes]:
    try:
        yield from map(_line, results)
    except Exception as error:  # noqa: BLE001  (the answer has begun: all that is left is its last line)
        yield _line(failed(error).data)


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"
