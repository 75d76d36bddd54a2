"""
Reads responses: JSON of the promised shape, or the error that says why not. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from ...errors import InvalidResponseError
from ...redaction import excerpt, page_title, scrub
from ..settings import ClientSettings
from .error_body import find_error
from .http_request import Request
from .json_body import read_json

#: Headers with a request id, the most reliable first.
REQUEST_IDS = ("x-request-id", "request-id", "x-kong-request-id", "x-ovh-request-id", "x-correlation-id")


#: Characters of a redirect's target that are read.
MAX_LOCATION_CHARS = 20_000

#: The usage, which is at the end of the body, and the number of bytes to search.
_TOTAL_TOKENS, _USAGE_BYTES = re.compile(rb'"total_tokens"\s*:\s*(\d{1,9})\b'), 2_000


@dataclass(frozen=True)
class HTTPResponse:
    """
    One HTTP response, read to its end.

    Safe to use from several threads: nothing changes it.

    :param status: HTTP status
    :param headers: names in lower case
    :param body: bytes after decompression
    :param seconds: from the first byte sent to the last received, of the successful attempt
    :param attempts: number of attempts
    :param connect_seconds: seconds until TCP was connected, None for a reused connection
    :param secured: seconds until TLS was established, likewise
    :param outer_status: the status as sent, if the body is an error with another one; else None
    """

    status: int
    # Not in repr(): a server may echo the token in either, and answers are confidential.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    seconds: float = 0.0
    attempts: int = 1
    connect_seconds: float | None = None
    secured: float | None = None
    outer_status: int | None = None

    @property
    def request_id(self) -> str | None:
        """
        The service's id of the request, for its support.
        """
        value = next((self.headers[name] for name in REQUEST_IDS if self.headers.get(name)), None)
        return excerpt(value, 80) if value else None

    @property
    def total_tokens(self) -> int | None:
        """
        The usage that the end of the body reports, or None.
        """
        match = _TOTAL_TOKENS.search(self.body[-_USAGE_BYTES:])
        return int(match.group(1)) if match else None

    @property
    def content_type(self) -> str:
        """
        The media type without its parameters, in lower case.
        """
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse(
    response: HTTPResponse, request: Request, settings: ClientSettings, *, list_name: str | None = None
) -> dict[str, Any]:
    """
    Parse the JSON object of a successful response.

    :param response: the response
    :param request: its request
    :param settings: base URL, and the token, which is removed from everything that is quoted
    :param list_name: the field to return a bare list in, as some services send one; None to refuse it
    :return: the object
    :raises InvalidResponseError: if it is a redirect, isn't JSON, is an error, or isn't an object
    """
    host = urlsplit(settings.base_url).netloc
    if 300 <= response.status < 400:
        raise InvalidResponseError(_redirected(response, request, settings), **facts(response))
    is_json, value = read_json(response.body)
    if not is_json:
        page = scrub(describe_page(response), settings.token)
        raise InvalidResponseError(
            f"The {request.description} came back as {page} instead of JSON from {host} (status {response.status}): "
            "a proxy, a login page or another service may answer there. Check the base URL.",
            **facts(response),
        )
    if error := find_error(value):
        words = excerpt(scrub(error.words, settings.token)).rstrip(".") or "no message"
        raise InvalidResponseError(
            f"The {request.description} failed: {host} responded with status {response.status}, but the body is an "
            f"error and says: {words}. Try again later, or correct the request.",
            code=excerpt(scrub(error.code, settings.token), 80) if error.code else None,
            detail=words,
            **facts(response),
        )
    if list_name is not None and value and isinstance(value, list):
        return {list_name: value}
    if not isinstance(value, dict):
        raise InvalidResponseError(
            f"{_misshaped(request)} a {type(value).__name__} where an object belongs.", **facts(response)
        )
    return value


def facts(response: HTTPResponse) -> dict[str, Any]:
    """
    Return the fields that an error about a response carries.

    :param response: the response
    :return: status and request id
    """
    return {"status": response.status, "request_id": response.request_id}


def is_html_page(response: HTTPResponse) -> bool:
    """
    Return whether a response is an HTML page.

    :param response: the response
    :return: True for HTML and for what looks like it
    """
    return response.content_type in {"text/html", "application/xhtml+xml"} or response.body.lstrip()[:1] == b"<"


def describe_page(response: HTTPResponse) -> str:
    """
    Describe a body that should have been JSON.

    :param response: the response
    :return: such as ``an HTML page titled 'Sign in'``
    """
    head = response.body[:4000].decode("utf-8", "replace")
    if not head.strip():
        return "an empty body"
    if encoding := response.headers.get("content-encoding", "identity").replace("identity", ""):
        return f"data compressed as {excerpt(encoding, 20)!r}"
    if is_html_page(response):
        title = page_title(head)
        return f"an HTML page titled {title!r}" if title else "an HTML page"
    if response.content_type.endswith("json"):
        return "broken JSON"
    return excerpt(response.content_type, 60) or "text of no declared type"


def describe_redirect(response: HTTPResponse, settings: ClientSettings) -> str:
    """
    Describe the target of a redirect.

    :param response: the response
    :param settings: base URL, and the token, which is removed
    :return: scheme, host, port and path, without user, query and fragment, which may hold secrets
    """
    location = response.headers.get("location", "")
    if len(location) > MAX_LOCATION_CHARS:
        return "another address"  # a cut might leave a part of the token
    try:
        target = urlsplit(urljoin(settings.base_url, scrub(location, settings.token)))
    except ValueError:
        return "another address"
    return excerpt(f"{target.scheme}://{target.netloc.rpartition('@')[2]}{target.path}", 200)


def _redirected(response: HTTPResponse, request: Request, settings: ClientSettings) -> str:
    return (
        f"The {request.description} was redirected (status {response.status}) to "
        f"{describe_redirect(response, settings)}, and the token does not follow: put the service's own address into "
        "the base URL."
    )


def _misshaped(request: Request) -> str:
    return f"The {request.description} is not what an OpenAI-compatible service returns:"
