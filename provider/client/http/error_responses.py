"""
Turns an error response into an error with cause and remedy. Pure.
"""

from __future__ import annotations

import math
from urllib.parse import urlsplit

from ... import defaults
from ...errors import AIEndpointsError, APIStatusError, QuotaExceededError
from ...redaction import cut_at_space, excerpt, scrub
from ..wait_headers import read_requested_wait
from .error_body import read_error
from .error_meaning import choose_error_class, explain_forbidden, is_wrong_kind, names_missing_model
from .http_request import Request
from .http_response import HTTPResponse, describe_page, is_html_page
from .json_body import read_json

#: Characters read of an error in plain text, and bytes of one in JSON: looking for the token in 64 MB takes minutes.
_MAX_TEXT_CHARS, _MAX_JSON_BYTES = 2_000, 1_000_000

_REASONS = {
    400: "400 Bad Request",
    401: "401 Unauthorized",
    402: "402 Payment Required",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    407: "407 Proxy Authentication Required",
    408: "408 Request Timeout",
    413: "413 Payload Too Large",
    415: "415 Unsupported Media Type",
    422: "422 Unprocessable Entity",
    424: "424 Failed Dependency",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    502: "502 Bad Gateway",
    503: "503 Service Unavailable",
    504: "504 Gateway Timeout",
}


def parse_error(
    response: HTTPResponse, request: Request, base_url: str, token: str | None, now: float
) -> AIEndpointsError | None:
    """
    Build the error for an error response.

    :param response: the response
    :param request: its request
    :param base_url: the service's URL, for the message
    :param token: removed from everything that the server says
    :param now: seconds since the epoch, for dates in headers
    :return: the error, or None for a success
    """
    if response.status < 400:
        return None
    words, error_code, is_json = server_words(response)
    words, code = excerpt(scrub(words, token)), _clean(error_code, token)
    wait = read_requested_wait(response.status, response.headers, now)
    error_class = choose_error_class(response.status, words, code, wait)
    missing = request.model is not None and names_missing_model(response.status, words, code)
    did = "refused" if response.status < 500 else "failed at"
    headline = _headline(response, request, error_class, missing=missing)
    what = f"{headline}: {urlsplit(base_url).netloc} {did} the {request.description}"
    what += f" in a response with status {response.outer_status}" if response.outer_status else ""
    quotation = f" and says: {words.rstrip('.')}." if words else "."
    return error_class(
        f"{what}{quotation} {_remedy(response, words, error_class, missing=missing, wait=wait, token=token)}",
        status=response.status,
        code=code,
        request_id=_clean(response.request_id or _find_request_id(response.body), token),
        retry_after=wait,
        detail=words if is_json else None,
    )


def _clean(value: str | None, token: str | None) -> str | None:
    return excerpt(scrub(value, token), 80) if value else None


def server_words(response: HTTPResponse) -> tuple[str, str | None, bool]:
    """
    Extract the service's own message from an error response.

    :param response: the response
    :return: the words of its JSON, see :func:`.error_body.read_error`, else its text, or a description of an HTML page;
        the error code, or None; and whether it was JSON
    """
    is_json, value = read_json(response.body) if len(response.body) <= _MAX_JSON_BYTES else (False, None)
    if not is_json:
        if "content-encoding" in response.headers or is_html_page(response):
            return describe_page(response), None, False
        # A character has four bytes at most.
        head = response.body[: 4 * (_MAX_TEXT_CHARS + 1)].decode("utf-8", "replace")
        return cut_at_space(head, _MAX_TEXT_CHARS), None, False
    words, code, _ = read_error(value)
    return words, code, True


def _find_request_id(body: bytes) -> str | None:
    # Kong puts it in the body only.
    _, value = read_json(body)
    request_id = value.get("request_id") if isinstance(value, dict) else None
    return request_id if isinstance(request_id, str) else None


def _headline(response: HTTPResponse, request: Request, error_class: type[APIStatusError], *, missing: bool) -> str:
    if missing and request.model:
        return f"Model not found: {excerpt(request.model, 80)!r} ({response.status})"
    if error_class is QuotaExceededError and response.status != 402:
        return f"Credit used up ({response.status})"
    return _REASONS.get(response.status, str(response.status))


def _remedy(
    response: HTTPResponse,
    words: str,
    error_class: type[APIStatusError],
    *,
    missing: bool,
    wait: float | None,
    token: str | None,
) -> str:
    status = response.status
    if missing:
        return _MODEL_REMEDY
    if is_wrong_kind(status, words):
        return _KIND_REMEDY
    forbidden = explain_forbidden(words, is_page=is_html_page(response)) if status == 403 else None
    if error_class is QuotaExceededError:
        status = 402
    if forbidden is not None or status in {401, 403}:
        return forbidden.remedy if forbidden else _TOKEN_REMEDY if token else _NO_TOKEN_REMEDY
    return _REMEDIES.get(status) or _advise_to_wait(status, wait, token, retryable=error_class.retryable)


def _advise_to_wait(status: int, wait: float | None, token: str | None, *, retryable: bool) -> str:
    pause = "Try again later" if wait is None else f"Try again in {math.ceil(wait)} s"
    if status == 429:
        return f"{pause}, or send fewer: {defaults.SERVICE_NAME} allows {_LIMIT if token else _ANONYMOUS_LIMIT}."
    if not retryable:
        return "Correct the request; the same one will be refused again."
    return f"{pause}; whether the service has trouble stands at {defaults.STATUS_URL}"


_REMEDIES = {
    402: "Check the payment method and the credit of the project; waiting doesn't help.",
    404: "Check the base URL: it usually ends in /v1.",
    405: "Check the base URL: it usually ends in /v1.",
    407: "Check user and password of the proxy in HTTPS_PROXY or HTTP_PROXY.",
    413: "Send less in one request.",
}
_LIMIT = f"{defaults.RATE_LIMIT_TOKEN_RPM} requests a minute per project and model with a token"
_ANONYMOUS_LIMIT = f"{defaults.RATE_LIMIT_ANONYMOUS_RPM} requests a minute per model without a token"
_MODEL_REMEDY = f"Check the model id (upper and lower case matter) in the catalogue: {defaults.CATALOGUE_URL}"
_KIND_REMEDY = "The service has this model, but not for such requests: choose a model of another kind."
_TOKEN_REMEDY = "Check the API token of the connection: it may be mistyped, expired or revoked."  # noqa: S105  (a sentence)
_NO_TOKEN_REMEDY = "No token was sent: set 'API token' in the connection, and 'Access' to token."  # noqa: S105  (a sentence)
