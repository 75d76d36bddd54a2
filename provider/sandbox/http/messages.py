"""What goes in and out of the sandbox, apart from how it travels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal


@dataclass(frozen=True)
class Request:
    """
    A request as it arrived. Its ``repr`` shows neither headers nor body, which hold tokens and prompts.

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
        """The body as JSON, or ``None`` where it is not JSON."""
        try:
            return parse_json(self.body)
        except ValueError:
            return None


@dataclass
class Reply:
    """
    A reply before it is sent.

    :param status: HTTP status
    :param body: an object sent as JSON, or text or bytes sent as they are
    :param headers: headers beside those of the transport
    :param events: where given, sent instead of the body as server-sent events, with ``[DONE]`` at the end
    :param delay: seconds to wait before sending
    :param sent: how much is sent before the connection is closed
    """

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    events: Iterator[dict[str, Any]] | None = None
    delay: float = 0.0
    sent: Literal["all", "half", "nothing"] = "all"


class Refusal(Exception):
    """
    Ends the work on a request with an error reply.

    :param reply: what is sent
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"refused with status {reply.status}")
        self.reply = reply


def gateway_refusal(status: int, message: str, headers: dict[str, str] | None = None) -> Refusal:
    """
    Refuse as the API gateway does, before any model is asked.

    The service's answers of this kind look like Kong's, whose body has no ``error`` object.

    :param status: HTTP status
    :param message: what went wrong
    :param headers: headers to add
    :return: the refusal to raise
    """
    return Refusal(Reply(status, {"message": message}, headers or {}))


def model_refusal(status: int, message: str, param: str | None = None, code: str | None = None) -> Refusal:
    """
    Refuse as an OpenAI-compatible model server does.

    :param status: HTTP status
    :param message: what went wrong
    :param param: the request parameter at fault
    :param code: short name of the error
    :return: the refusal to raise
    """
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return Refusal(Reply(status, {"error": error}))


def parse_json(body: bytes) -> Any:
    """
    Read JSON strictly: ``NaN`` and ``Infinity``, which Python would take, are refused.

    :param body: the text, in UTF-8
    :return: the value
    :raise ValueError: it is not JSON
    """
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
