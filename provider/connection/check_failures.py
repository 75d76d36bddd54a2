"""
Why a connection test failed: from a response or an error to the cause, the remedy and who has to act. Pure.

The test runs in the web server, which can reach services that its users can't. So a message must not expose their
content. It quotes only the error fields of a JSON response; of any other it names status, media type and page title.
"""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urlsplit

from .. import defaults
from ..client.http.error_meaning import (
    FORBIDDEN_MODEL,
    FORBIDDEN_NETWORK,
    FORBIDDEN_PAGE,
    FORBIDDEN_PAYMENT,
    choose_error_class,
    explain_forbidden,
)
from ..client.http.error_responses import server_words
from ..client.http.http_response import HTTPResponse, describe_page, describe_redirect
from ..client.http.json_body import read_json
from ..client.wait_headers import read_requested_wait
from ..errors import AIEndpointsError, APIConnectionError, APITimeoutError, QuotaExceededError
from ..redaction import excerpt, scrub, without_userinfo
from .check_report import ACCOUNT, NETWORK, QUOTA, SERVICE, SETTING, TOKEN, State, Step
from .settings import ConnectionSettings

_UNREACHED = {
    "dns": ("host name not found", SETTING),
    "refused": ("connection refused", SETTING),
    "unreachable": ("host not reachable", NETWORK),
    "tls": ("TLS certificate or handshake not accepted", SETTING),
}
_PARAMETERS = re.compile(r"model|messages|max_tokens|param")
_CREDENTIALS = re.compile(r"auth|credential|(?<!max_)token|\bkey\b|api.?key")


def was_not_reached(error: AIEndpointsError) -> bool:
    """
    Check if an attempt failed before its TCP connection was open.

    :param error: raised by the client
    :return: False if TLS failed, or anything after it
    """
    if not isinstance(error, APIConnectionError):
        return False
    if error.kind == "timeout":
        return error.connect_seconds is None and not error.may_have_been_processed
    return error.kind in {"dns", "refused", "unreachable", "proxy"}


def connection_failed(error: AIEndpointsError, settings: ConnectionSettings, seconds: float) -> Step:
    """
    Explain why there was no readable response.

    :param error: raised by the client
    :param settings: of the connection
    :param seconds: time limit of the whole test
    :return: a failed step
    """
    host = describe_host(settings)
    if isinstance(error, APITimeoutError):
        did = "did not complete its response" if error.may_have_been_processed else "could not be reached"
        detail = f"{host} {did} within the {seconds:g} s that a test may take. Check address, network and firewall."
        return Step("failed", "timed out", detail, SERVICE if error.may_have_been_processed else NETWORK)
    if not isinstance(error, APIConnectionError):
        detail = f"{host} sends more than a list of models has. Check 'Base URL'."
        return Step("failed", "response too large", detail, SETTING)
    if error.kind in _UNREACHED:
        headline, owner = _UNREACHED[error.kind]
        return Step("failed", headline, str(error), owner)
    if error.kind == "proxy":
        status = re.search(r"Tunnel connection failed: (\d{3})", str(error))
        return _proxy_failed(settings, f"answered {status.group(1)}" if status else "could not be used")
    detail = (
        f"{host} closed the connection, or does not speak HTTP. Check scheme and port of 'Base URL', and test again."
    )
    return Step("failed", "connection lost", detail, NETWORK)


def _proxy_failed(settings: ConnectionSettings, did: str) -> Step:
    proxy = urlsplit(without_userinfo(settings.client.proxy or "")).netloc
    remedy = "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment of this web server."
    return Step("failed", "proxy error", f"The proxy {proxy} {did}. {remedy}", NETWORK)


def explain_status(response: HTTPResponse, settings: ConnectionSettings, request: str, now: float) -> Step | None:
    """
    Explain an HTTP status that means the same for every request of the test.

    :param response: the response
    :param settings: of the connection
    :param request: description of the request, for the message
    :param now: seconds since the epoch, for dates in headers
    :return: a step that isn't ok, or None if the status alone proves nothing
    """
    description = _describe_response(response, settings, request)
    if 300 <= response.status < 400:
        return _redirected(response, settings)
    if response.status == 407:
        return _proxy_failed(settings, "answered 407: it asks for a user and password")
    words, code, _ = server_words(response) if _has_fields(response) else ("", None, False)
    is_credit_used_up = choose_error_class(response.status, words, code) is QuotaExceededError
    status = 402 if is_credit_used_up else response.status
    if status in {401, 403}:
        return _list_unauthorized(response, settings, description)
    if status == 429:
        wait = read_requested_wait(429, response.headers, now)
        pause = "in a minute" if wait is None else f"in {wait:.0f} s"
        headline = "request limit reached (429); the connection is not at fault"
        return Step("inconclusive", headline, f"{description} Test again {pause}.", QUOTA, wait=wait)
    if status in _UNDECIDED or status >= 500:
        headline, remedy, owner = _UNDECIDED.get(status, _FAULTY)
        state: State = "inconclusive" if settings.access == "token" else "failed"
        return Step(state, headline.format(response.status), f"{description} {remedy}", owner)
    return None


_FAULTY = (
    "the service answered {}",
    f"The fault is on the service's side: test again later, or see {defaults.STATUS_URL}",
    SERVICE,
)
_UNDECIDED = {
    402: (
        "payment required ({})",
        "Check the payment method and the credit of the project that the token belongs to.",
        ACCOUNT,
    ),
    408: _FAULTY,
    424: _FAULTY,
    498: _FAULTY,
    499: _FAULTY,
}


def _redirected(response: HTTPResponse, settings: ConnectionSettings) -> Step:
    remedy = "The token must not follow. Put the service's own address into 'Base URL'."
    return Step(
        "failed",
        f"redirected ({response.status})",
        f"{describe_host(settings)} sends on to {describe_redirect(response, settings.client)}. {remedy}",
        SETTING,
    )


def _list_unauthorized(response: HTTPResponse, settings: ConnectionSettings, description: str) -> Step:
    reason = "401 Unauthorized" if response.status == 401 else "403 Forbidden"
    is_page = not _has_fields(response) and _page(response, settings).startswith("an HTML page")
    if is_page or response.status == 403:
        cause = explain_forbidden(server_words(response)[0] if _has_fields(response) else "", is_page=is_page)
        if cause is not None:
            state: State = "inconclusive" if cause is FORBIDDEN_MODEL else "failed"
            owner = _FORBIDDEN_OWNERS[cause]
            return Step(state, cause.headline.format(reason), f"{description} {cause.remedy}", owner)
    if settings.access == "anonymous":
        remedy = "Set 'Access' to token and paste a token into 'API token'."
        return Step("failed", f"anonymous access refused ({reason})", f"{description} {remedy}", SETTING)
    remedy = "Check 'API token' in the connection: it may be mistyped, expired or revoked."
    return Step("failed", f"token refused ({reason})", f"{description} {remedy}", TOKEN)


#: Who can mend what forbids a request.
_FORBIDDEN_OWNERS = {
    FORBIDDEN_PAGE: NETWORK,
    FORBIDDEN_PAYMENT: ACCOUNT,
    FORBIDDEN_MODEL: TOKEN,
    FORBIDDEN_NETWORK: NETWORK,
}


def list_failed(response: HTTPResponse, settings: ConnectionSettings) -> Step:
    """
    Explain a response that isn't a list of models.

    :param response: the response, for which :func:`explain_status` returns None
    :param settings: of the connection
    :return: a failed step
    """
    if response.status == 404:
        headline, remedy = "no list of models there (404)", "Check 'Base URL': it usually ends in /v1."
    elif response.status >= 400:
        headline = f"list of models refused ({response.status})"
        remedy = "Check 'Base URL': it must be that of an OpenAI-compatible API."
    elif _has_fields(response):
        headline = "not an OpenAI-compatible list of models"
        remedy = "It has no list 'data' of models with an id. Check 'Base URL'."
    else:
        headline = f"{_page(response, settings).partition(' titled ')[0]} instead of a list of models"
        remedy = "A proxy, a login page or another service answers there. Check 'Base URL': it usually ends in /v1."
    description = _describe_response(response, settings, "the list of models")
    return Step("failed", headline, f"{description} {remedy}", SETTING)


def unclear_response(response: HTTPResponse, settings: ConnectionSettings, request: str) -> Step:
    """
    Report a response that proves nothing about the access.

    :param response: the response
    :param settings: of the connection
    :param request: description of the request, for the message
    :return: an inconclusive step
    """
    description = _describe_response(response, settings, request)
    return Step(
        "inconclusive", f"the service answered {response.status}", f"{description} Is 'Base URL' complete?", SETTING
    )


def speaks_of_request(response: HTTPResponse) -> bool:
    """
    Check if an error is about the model or a parameter, which proves that the service accepted the token.

    :param response: the response to a request for a model that doesn't exist
    :return: False if the error is about anything else, or may be about a credential
    """
    if response.status not in {400, 404, 422} or not _has_fields(response):
        return False
    words, code, _ = server_words(response)
    text = f"{words} {code or ''}".lower()
    return bool(_PARAMETERS.search(text)) and not _CREDENTIALS.search(text)


def describe_host(settings: ConnectionSettings) -> str:
    """
    Name the service under test.

    :param settings: of the connection
    :return: host, with its port unless that is the default
    """
    return excerpt(urlsplit(settings.client.base_url).netloc, 100)


def _describe_response(response: HTTPResponse, settings: ConnectionSettings, request: str) -> str:
    status = f"{response.status}" + (f" within a {response.outer_status}" if response.outer_status else "")
    return f"{describe_host(settings)} answered {status} to {request}{_words(response, settings)}."


def _words(response: HTTPResponse, settings: ConnectionSettings) -> str:
    if not _has_fields(response):
        return f" with {_page(response, settings)}"
    words = excerpt(scrub(server_words(response)[0], settings.client.token)).rstrip(".")
    return f" and says: {words}" if words else ""


def _page(response: HTTPResponse, settings: ConnectionSettings) -> str:
    # The token is removed before the text is cut: half a token would no longer match.
    token = settings.client.token
    body = scrub(response.body[:4000].decode("utf-8", "replace"), token).encode()
    headers = {name: scrub(value, token) for name, value in response.headers.items()}
    return describe_page(replace(response, body=body, headers=headers))


def _has_fields(response: HTTPResponse) -> bool:
    return isinstance(read_json(response.body)[1], (dict, list))
