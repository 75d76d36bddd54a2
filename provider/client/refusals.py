"""
Why the service did not do what it was asked: an error reply to an error with cause and remedy. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from .. import defaults
from ..errors import AIEndpointsError, NotFoundError, for_status
from .names import nearest
from .redact import excerpt, scrub
from .replies import Reply, facts, kind_of_page
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
    fields = facts(reply) | {"code": excerpt(scrub(code, token), 80) if code else None, "retry_after": wait}
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
            return kind_of_page(reply), None, False
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
