"""
How to read what came back: JSON of the promised shape, or the error that says why not. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from ...errors import InvalidResponseError
from ...redaction import excerpt, page_title, scrub
from ..settings import ClientSettings
from .http_request import Request

#: Where a request id was seen, in the order it is believed.
REQUEST_IDS = ("x-request-id", "request-id", "x-kong-request-id", "x-ovh-request-id", "x-correlation-id")


#: Lists and objects within one another: no reply has ten, and Python writes or copies none of a thousand.
MAX_JSON_DEPTH = 100


@dataclass(frozen=True)
class Reply:
    """
    One HTTP reply, read to its end.

    Safe to use from several threads: nothing changes it.

    :param status: HTTP status
    :param headers: names in lower case
    :param body: bytes after decompression
    :param seconds: from the first byte sent to the last received, of the attempt that succeeded
    :param attempts: how many it took
    :param connect_seconds: seconds until the TCP connection stood, None where one stood before
    :param secured: seconds until TLS on it did, likewise
    """

    status: int
    # Neither is shown: a server may echo the token in them, and an answer is nobody else's business.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    seconds: float = 0.0
    attempts: int = 1
    connect_seconds: float | None = None
    secured: float | None = None

    @property
    def request_id(self) -> str | None:
        """
        The service's id of the request, for its support.
        """
        found = next((self.headers[name] for name in REQUEST_IDS if self.headers.get(name)), None)
        return excerpt(found, 80) if found else None

    @property
    def content_type(self) -> str:
        """
        The media type without its parameters, in lower case.
        """
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse(reply: Reply, request: Request, settings: ClientSettings) -> dict[str, Any]:
    """
    Read the JSON object of a successful reply.

    :param reply: the reply
    :param request: what it answers
    :param settings: where the request went, and the token, which is taken out of whatever is quoted
    :return: the object
    :raises InvalidResponseError: if it is a redirect, no JSON, or no object
    """
    host = urlsplit(settings.base_url).netloc
    if 300 <= reply.status < 400:
        raise InvalidResponseError(_redirected(reply, request, settings), **facts(reply))
    is_json, value = read_json(reply.body)
    if not is_json:
        found = scrub(describe_page(reply), settings.token)
        raise InvalidResponseError(
            f"The {request.description} came back as {found} instead of JSON from {host} (status {reply.status}): "
            "a proxy, a login page or another service may answer there. Check the base URL.",
            **facts(reply),
        )
    if not isinstance(value, dict):
        raise InvalidResponseError(
            f"{_misshaped(request)} a {type(value).__name__} where an object belongs.", **facts(reply)
        )
    return value


def read_json(body: bytes) -> tuple[bool, Any]:
    """
    Read JSON without an exception, which would hold the whole text.

    :param body: the text
    :return: whether it is JSON, no deeper than :data:`DEEPEST`, and its value
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return False, None
    return (False, None) if body.count(b"[") + body.count(b"{") > MAX_JSON_DEPTH and _is_deep(value) else (True, value)


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        held = (each.values() if isinstance(each, dict) else each for each in level)
        level = [inner for each in held for inner in each if isinstance(inner, (dict, list))]
        if not level:
            return False
    return True


def facts(reply: Reply) -> dict[str, Any]:
    """
    What an error about a reply carries.

    :param reply: the reply
    :return: status and request id
    """
    return {"status": reply.status, "request_id": reply.request_id}


def is_html_page(reply: Reply) -> bool:
    """
    Tell whether a reply is a page for people.

    :param reply: the reply
    :return: True for HTML and for what looks like it
    """
    return reply.content_type in {"text/html", "application/xhtml+xml"} or reply.body.lstrip()[:1] == b"<"


def describe_page(reply: Reply) -> str:
    """
    Name what came in the place of JSON.

    :param reply: the reply
    :return: such as ``an HTML page titled 'Sign in'``
    """
    head = reply.body[:4000].decode("utf-8", "replace")
    if not head.strip():
        return "an empty body"
    if encoding := reply.headers.get("content-encoding", "identity").replace("identity", ""):
        return f"data compressed as {excerpt(encoding, 20)!r}"
    if is_html_page(reply):
        title = page_title(head)
        return f"an HTML page titled {title!r}" if title else "an HTML page"
    if reply.content_type.endswith("json"):
        return "broken JSON"
    return excerpt(reply.content_type, 60) or "text of no declared type"


def _redirected(reply: Reply, request: Request, settings: ClientSettings) -> str:
    try:
        target = urlsplit(scrub(urljoin(settings.base_url, reply.headers.get("location", "")), settings.token))
        where = excerpt(f"{target.scheme}://{target.hostname or ''}", 100)
    except ValueError:
        where = "another address"
    return (
        f"The {request.description} was redirected (status {reply.status}) to {where}, and the token does not follow: "
        "put the service's own address into the base URL."
    )


def _misshaped(request: Request) -> str:
    return f"The {request.description} is not what an OpenAI-compatible service returns:"
