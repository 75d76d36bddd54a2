"""
How to read what came back: JSON of the promised shape, or the error that says why not. Pure.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import sys
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from .. import defaults
from ..errors import AIEndpointsError, InvalidReplyError, NotFoundError, TruncatedReplyError, for_status
from .redact import excerpt, page_title, scrub
from .requests import Request
from .retry import requested_wait

_REASONS = {
    400: "400 Bad Request",
    401: "401 Unauthorized",
    402: "402 Payment Required",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    408: "408 Request Timeout",
    413: "413 Payload Too Large",
    415: "415 Unsupported Media Type",
    422: "422 Unprocessable Entity",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    502: "502 Bad Gateway",
    503: "503 Service Unavailable",
    504: "504 Gateway Timeout",
}

#: Where a request id was seen, in the order it is believed.
_REQUEST_IDS = ("x-request-id", "request-id", "x-kong-request-id", "x-ovh-request-id", "x-correlation-id")


@dataclass(frozen=True)
class Reply:
    """
    One HTTP reply, read to its end.

    :param status: HTTP status
    :param headers: names in lower case
    :param body: bytes after decompression
    :param seconds: from the first byte sent to the last received, of the attempt that succeeded
    :param attempts: how many it took
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0
    attempts: int = 1

    @property
    def request_id(self) -> str | None:
        """
        The service's id of the request, for its support.
        """
        found = next((self.headers[name] for name in _REQUEST_IDS if self.headers.get(name)), None)
        return excerpt(found, 80) if found else None

    @property
    def content_type(self) -> str:
        """
        The media type without its parameters, in lower case.
        """
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse(reply: Reply, request: Request, base_url: str) -> dict[str, Any]:
    """
    Read the JSON object of a successful reply.

    :param reply: the reply
    :param request: what it answers
    :param base_url: where the request went
    :return: the object
    :raises InvalidReplyError: if it is a redirect, no JSON, or no object
    """
    host = urlsplit(base_url).netloc
    if 300 <= reply.status < 400:
        raise InvalidReplyError(_redirected(reply, request, base_url), **_facts(reply))
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):
        found = _kind_of_page(reply)
        raise InvalidReplyError(
            f"The {request.what} came back as {found} instead of JSON from {host} (status {reply.status}): "
            "a proxy, a login page or another service answers there. Check the base URL.",
            **_facts(reply),
        ) from None
    if not isinstance(value, dict):
        raise InvalidReplyError(f"{_misshaped(request)} a {type(value).__name__} where an object belongs.", **_facts(reply))
    return value


def error_of(reply: Reply, request: Request, base_url: str, token: str | None, now: float) -> AIEndpointsError | None:
    """
    Read why the service did not do what it was asked.

    :param reply: the reply
    :param request: what it answers
    :param base_url: where the request went
    :param token: taken out of whatever the server says
    :param now: seconds since the epoch, for dates in headers
    :return: the error, or None for a success
    """
    if reply.status < 400:
        return None
    words, code, is_json = server_words(reply)
    words = excerpt(scrub(words, token))
    kind = for_status(reply.status)
    wait = requested_wait(reply.status, reply.headers, now)
    did = "refused" if reply.status < 500 else "failed at"
    what = f"{_headline(reply.status, request, words)}: {urlsplit(base_url).netloc} {did} the {request.what}"
    said = f" and says: {words.rstrip('.')}." if words else "."
    fields = _facts(reply) | {"code": excerpt(scrub(code, token), 80) if code else None, "retry_after": wait}
    fields["detail"] = words if is_json else None
    return kind(f"{what}{said} {_remedy(reply.status, request, wait, token)}", **fields)


def server_words(reply: Reply) -> tuple[str, str | None, bool]:
    """
    Find the service's own words in an error reply.

    :param reply: the reply
    :return: ``error.message``, ``error`` as a text, ``message`` or ``detail`` of its JSON, else its text; a page is
        named as such; the error code, if any; and whether it was JSON
    """
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):
        if reply.content_type in {"text/html", "application/xhtml+xml"} or reply.body.lstrip()[:1] == b"<":
            return _kind_of_page(reply), None, False
        return reply.body[:2000].decode("utf-8", "replace"), None, False
    if not isinstance(value, dict):
        return (value if isinstance(value, str) else ""), None, True
    error = value.get("error")
    if isinstance(error, dict):
        code = error.get("code") or error.get("type")
        words = error.get("message") or error
    else:
        code = value.get("code")
        words = error or value.get("message") or value.get("detail") or ""
    return _as_text(words), None if code is None else str(code), True


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _facts(reply: Reply) -> dict[str, Any]:
    return {"status": reply.status, "request_id": reply.request_id}


def _headline(status: int, request: Request, words: str) -> str:
    if status == 404 and request.model and is_about_model(words):
        return f"Model not found: {excerpt(request.model, 80)!r} (404)"
    return _REASONS.get(status, str(status))


def is_about_model(words: str) -> bool:
    """
    Tell whether a server's words speak of the model.

    :param words: what it said
    :return: True if so
    """
    return "model" in words.lower()


def _remedy(status: int, request: Request, wait: float | None, token: str | None) -> str:
    if status in {401, 403}:
        return _TOKEN_REMEDY if token else _NO_TOKEN_REMEDY
    if status == 404:
        return (
            f"Check the model id (upper and lower case matter) in the catalogue: {defaults.CATALOGUE_URL}"
            if request.model
            else "Check the base URL: it usually ends in /v1."
        )
    if status == 413:
        return "Send less in one request."
    if status == 429:
        limit = (
            f"{defaults.RATE_LIMIT_TOKEN} requests a minute per project and model with a token"
            if token
            else f"{defaults.RATE_LIMIT_ANONYMOUS} requests a minute without a token"
        )
        pause = f"Wait {wait:.0f} s and try again" if wait is not None else "Try again later"
        return f"{pause}, or send fewer; the service allows {limit}."
    if status < 500:
        return "Correct the request; the same one will be refused again."
    return f"The fault is on the service's side: try again later, or see {defaults.STATUS_URL}"


_TOKEN_REMEDY = "Check the API token of the connection: it may be mistyped, expired or revoked."  # noqa: S105
_NO_TOKEN_REMEDY = "No token was sent: set 'API token' in the connection, and 'Access' to token."  # noqa: S105


def _kind_of_page(reply: Reply) -> str:
    head = reply.body[:4000].decode("utf-8", "replace")
    if not head.strip():
        return "an empty body"
    if reply.content_type == "text/html" or head.lstrip()[:1] == "<":
        title = page_title(head)
        return f"an HTML page titled {title!r}" if title else "an HTML page"
    return excerpt(reply.content_type, 60) or "text of no declared type"


def _redirected(reply: Reply, request: Request, base_url: str) -> str:
    target = urlsplit(urljoin(base_url, reply.headers.get("location", "")))
    where = excerpt(f"{target.scheme}://{target.hostname or ''}", 100)
    return (
        f"The {request.what} was redirected (status {reply.status}) to {where}, and the token does not follow: "
        "put the service's own address into the base URL."
    )


def _misshaped(request: Request) -> str:
    return f"The {request.what} is not what an OpenAI-compatible service returns:"


def check_chat(value: dict[str, Any], reply: Reply, request: Request) -> dict[str, Any]:
    """
    Check that a chat completion holds an answer.

    :param value: the reply's JSON
    :param reply: the reply
    :param request: what it answers
    :return: the same JSON
    :raises InvalidReplyError: if it has no choices with a message
    :raises TruncatedReplyError: if the answer was cut before its first word
    """
    choices = value.get("choices")
    if not isinstance(choices, list) or not choices:
        raise InvalidReplyError(f"{_misshaped(request)} it has no choices.", **_facts(reply))
    for choice in choices:
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            raise InvalidReplyError(f"{_misshaped(request)} a choice has no message.", **_facts(reply))
    if all(_cut_before_its_first_word(choice) for choice in choices):
        raise TruncatedReplyError(
            f"The answer of {request.model} reached its token limit before the first word (finish_reason 'length', "
            "no content), and was billed. Raise max_tokens, or leave it out: a reasoning model spends tokens on "
            "thinking first.",
            response=value,
            **_facts(reply),
        )
    return value


def _cut_before_its_first_word(choice: dict[str, Any]) -> bool:
    message = choice["message"]
    return choice.get("finish_reason") == "length" and not message.get("content") and not message.get("tool_calls")


def check_models(value: dict[str, Any], reply: Reply, request: Request) -> list[dict[str, Any]]:
    """
    Check that a list of models is one.

    :param value: the reply's JSON
    :param reply: the reply
    :param request: what it answers
    :return: the models, each with its ``id``
    :raises InvalidReplyError: if it is no list of objects with an id
    """
    data = value.get("data")
    if not isinstance(data, list) or not all(isinstance(m, dict) and isinstance(m.get("id"), str) for m in data):
        raise InvalidReplyError(f"{_misshaped(request)} it has no list 'data' of models with an id.", **_facts(reply))
    return data


def check_embeddings(value: dict[str, Any], count: int, reply: Reply, request: Request) -> list[list[float]]:
    """
    Check that a reply embeds each text that was sent, and decode its vectors.

    :param value: the reply's JSON
    :param count: texts that were sent
    :param reply: the reply
    :param request: what it answers
    :return: a vector for each text, in the order sent
    :raises InvalidReplyError: if one is missing, doubled, or no vector
    """
    data = value.get("data")
    if not isinstance(data, list) or len(data) != count:
        found = len(data) if isinstance(data, list) else "no"
        raise InvalidReplyError(f"{_misshaped(request)} {found} vectors for {count} texts.", **_facts(reply))
    vectors: dict[int, list[float]] = {}
    for position, item in enumerate(data):
        index = item.get("index", position) if isinstance(item, dict) else None
        vector = _vector(item.get("embedding")) if isinstance(item, dict) else None
        if not isinstance(index, int) or not 0 <= index < count or index in vectors or not vector:
            raise InvalidReplyError(f"{_misshaped(request)} vector {position} is none, or not in its place.", **_facts(reply))
        vectors[index] = vector
    return [vectors[index] for index in range(count)]


def _vector(value: Any) -> list[float] | None:
    if isinstance(value, list):
        return value if all(type(x) is float or type(x) is int for x in value) else None
    if not isinstance(value, str):
        return None
    try:
        floats = array("f", base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return None
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tolist()


def nearest(wanted: str, names: Iterable[str], count: int = 3) -> list[str]:
    """
    Find the names that somebody may have meant.

    :param wanted: what was typed
    :param names: what there is
    :param count: how many at most
    :return: the nearest first
    """
    by_lower = {name.lower(): name for name in names}
    return [by_lower[key] for key in difflib.get_close_matches(wanted.lower(), by_lower, n=count, cutoff=0.5)]


def with_suggestions(error: NotFoundError, wanted: str, names: Iterable[str]) -> NotFoundError:
    """
    Add the nearest model names to an error that misses one.

    :param error: the error
    :param wanted: the model that was asked for
    :param names: the models that are served
    :return: the same error
    """
    close = nearest(wanted, names)
    if close:
        error.args = (f"{error.args[0]} Did you mean {' or '.join(close)}?",)
    return error
