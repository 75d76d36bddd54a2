"""Requests and responses of the sandbox, independent of the HTTP server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal


@dataclass(frozen=True)
class Request:
    """
    A received request. Its ``repr`` contains neither headers nor body, which hold tokens and prompts.

    :param method: HTTP method
    :param path: path without the query
    :param headers: headers by lower-case name
    :param body: body as bytes
    :param query: the query's values by name
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def json(self) -> Any:
        """The body as JSON, or ``None`` if it isn't JSON."""
        try:
            return parse_json(self.body)
        except ValueError:
            return None


@dataclass
class Response:
    """
    A response before it is sent.

    :param status: HTTP status
    :param body: an object to send as JSON, or a string or bytes to send unchanged
    :param headers: headers in addition to those of the server
    :param events: server-sent events to send instead of the body, with ``[DONE]`` at the end
    :param delay: seconds before the response
    :param tokens: tokens that count against the rate limit
    :param portion: part of the body that is sent; unless it is ``all``, the connection is then closed
    """

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    events: Iterator[dict[str, Any]] | None = None
    delay: float = 0.0
    tokens: int = 0
    portion: Literal["all", "half", "nothing"] = "all"


class Refusal(Exception):
    """
    Refuses a request with an error response.

    :param response: the error response
    """

    def __init__(self, response: Response) -> None:
        super().__init__(f"refused with status {response.status}")
        self.response = response


def gateway_refusal(status: int, message: str, headers: dict[str, str] | None = None) -> Refusal:
    """
    Build the refusal of the API gateway, which handles a request before any model.

    The service's gateway responds like Kong: the body doesn't have an ``error`` object.

    :param status: HTTP status
    :param message: the error message
    :param headers: headers to add
    :return: the exception to raise
    """
    return Refusal(Response(status, {"message": message}, headers or {}))


def model_refusal(status: int, message: str, param: str | None = None, code: str | None = None) -> Refusal:
    """
    Build the refusal of an OpenAI-compatible model server.

    :param status: HTTP status
    :param message: the error message
    :param param: the invalid parameter
    :param code: short name of the error
    :return: the exception to raise
    """
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return Refusal(Response(status, {"error": error}))


def parse_json(body: bytes) -> Any:
    """
    Parse JSON strictly: unlike Python's parser, it refuses ``NaN`` and ``Infinity``.

    :param body: JSON in UTF-8
    :return: the value
    :raise ValueError: the body isn't JSON
    """
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
