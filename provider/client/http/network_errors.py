"""
Turns an exception of either HTTP library into the error that says why there was no response. Pure.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from ...errors import APIConnectionError, APITimeoutError, InvalidResponseError
from ...redaction import excerpt, scrub, without_userinfo
from ..settings import ClientSettings
from .http_request import Request

_WHY = {
    "dns": "its name is not known here",
    "refused": "nothing listens there",
    "unreachable": "there is no way there from this machine",
    "tls": "its certificate or TLS was not accepted",
    "proxy": "the proxy did not let the request through",
    "lost": "the connection was lost before the response was complete",
}
_REMEDY = {
    "dns": "Check the base URL for a typing error, and the name servers of this machine.",
    "refused": "Check host and port of the base URL, and that the service runs.",
    "unreachable": "Check the network, the firewall and the proxy settings of this machine.",
    "tls": "For a service with its own certificate authority set 'CA bundle' in the connection.",
    "proxy": "Check HTTPS_PROXY and NO_PROXY in the environment of this process.",
    "lost": "The network or the service dropped it; trying again may help.",
}


#: What both libraries say of headers that are more, or longer, than they read.
_TOO_MANY_HEADERS = re.compile(r"got more than \d+ (headers|bytes when reading header line)|Receive buffer too long")


def build_connection_error(
    exception: BaseException, request: Request, settings: ClientSettings, *, seconds: float, connected: bool
) -> APIConnectionError | InvalidResponseError:
    """
    Build the error for a failure of the network.

    :param exception: the HTTP library's exception
    :param request: the request
    :param settings: base URL, proxy and token
    :param seconds: timeout of the attempt
    :param connected: whether the request may have reached the service
    :return: the error
    """
    if any(isinstance(cause, TimeoutError) for cause in _causes(exception)):
        return build_timeout_error(request, settings, seconds, connected=connected)
    if connected and (match := _TOO_MANY_HEADERS.search(_deepest(exception))):
        return InvalidResponseError(
            f"The response to the {request.description} from {_name_service(settings)} was not read: it has too many "
            f"headers, or too long ones ({match.group()}). Check the service, and any gateway or proxy before it."
        )
    # An error after sending began is a lost connection, however the library names it.
    kind = "lost" if connected else classify_network_error(exception, through_proxy=settings.proxy is not None)
    detail = excerpt(scrub(_deepest(exception), settings.token), 160)
    return APIConnectionError(
        f"No response from {_name_service(settings, through_proxy=kind == 'proxy')} to the {request.description}: "
        f"{_WHY[kind]} ({detail}). {_remedy(kind, settings)}",
        kind=kind,
        may_have_been_processed=connected,
    )


def build_silence_error(request: Request, settings: ClientSettings, seconds: float) -> APITimeoutError:
    """
    Build the error for a stream that stopped.

    :param request: the request
    :param settings: base URL
    :param seconds: seconds without data
    :return: the error
    """
    return APITimeoutError(
        f"Timed out: {_name_service(settings)} sent nothing of its response to the {request.description} for "
        f"{seconds:g} s. Raise the timeout, or try again later.",
        kind="timeout",
    )


def build_timeout_error(
    request: Request, settings: ClientSettings, seconds: float, *, connected: bool
) -> APITimeoutError:
    """
    Build the error for a timeout.

    :param request: the request
    :param settings: base URL, proxy and connect timeout
    :param seconds: timeout of the attempt
    :param connected: whether the service had been reached
    :return: the error
    """
    if connected:
        return APITimeoutError(
            f"Timed out: {_name_service(settings)} did not complete its response to the {request.description} within "
            f"{seconds:g} s. Raise the timeout, ask for less, or try again later.",
            kind="timeout",
        )
    return APITimeoutError(
        f"Timed out: {_name_service(settings, through_proxy=True)} could not be reached within "
        f"{min(seconds, settings.connect_timeout):g} s for the {request.description}. {_REMEDY['unreachable']}",
        kind="timeout",
        may_have_been_processed=False,
    )


def build_size_error(request: Request, settings: ClientSettings) -> InvalidResponseError:
    """
    Build the error for a response that is too large.

    :param request: the request
    :param settings: base URL, and the largest body allowed
    :return: the error
    """
    return InvalidResponseError(
        f"The response to the {request.description} from {_name_service(settings)} is larger than "
        f"{settings.max_response_bytes:,} bytes and was not read to its end. Ask for less in one request."
    )


def _name_service(settings: ClientSettings, *, through_proxy: bool = False) -> str:
    host = urlsplit(settings.base_url).netloc
    if through_proxy and settings.proxy:
        host += f" through the proxy {urlsplit(without_userinfo(settings.proxy)).netloc}"
    return host


def _remedy(kind: str, settings: ClientSettings) -> str:
    if kind == "tls" and settings.ca_bundle:
        return f"Check that {settings.ca_bundle} is readable and holds the authority that signed its certificate."
    return _REMEDY[kind]


def classify_network_error(exception: BaseException, *, through_proxy: bool = False) -> str:
    """
    Return what kept the service from being reached.

    Each HTTP library has its own exceptions for this; both chain the standard library's exception.

    :param exception: the exception
    :param through_proxy: whether the request used a proxy
    :return: a ``kind`` of :class:`APIConnectionError`
    """
    causes = list(_causes(exception))
    kind = next((kind for kind, types in _KINDS if any(isinstance(cause, types) for cause in causes)), "unreachable")
    # Through a proxy, name and address are the proxy's own; only TLS is between us and the service.
    return "proxy" if through_proxy and kind != "tls" else kind


_KINDS: tuple[tuple[str, type[BaseException]], ...] = (
    ("dns", socket.gaierror),
    ("tls", ssl.SSLError),
    ("refused", ConnectionRefusedError),
    ("lost", ConnectionError),
)


def _causes(exception: BaseException) -> Iterator[BaseException]:
    visited: set[int] = set()
    todo: list[BaseException] = [exception]
    while todo:
        current = todo.pop(0)
        if id(current) in visited:
            continue
        visited.add(id(current))
        yield current
        linked = (
            current.__cause__,
            current.__context__,
            getattr(current, "reason", None),
            *getattr(current, "exceptions", ()),
            *current.args,
        )
        todo += [link for link in linked if isinstance(link, BaseException)]


def _deepest(exception: BaseException) -> str:
    *_, last = _causes(exception)
    return str(last) or type(last).__name__
