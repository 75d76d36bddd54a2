"""
The connection pool beneath ``requests``, with connections that an :class:`.deadline.Attempt` can cut.
"""

from __future__ import annotations

import socket
from http.client import HTTPResponse, parse_headers
from queue import LifoQueue
from typing import Any

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from ...defaults import MAX_POOL_CONNECTIONS
from .attempt_timer import current_attempt, open_socket


class _SkipInterimResponse(HTTPResponse):
    """
    Passes over the interim responses that nobody asked for: http.client does so with 100 alone (RFC 9110, 15.2).
    """

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # not in the types of typeshed
            if not 102 <= status < 200:
                return version, status, reason
            parse_headers(self.fp)


class _Bounded:
    """
    What both kinds of connection add: connecting is bounded as a whole, and the attempt learns what it may cut.
    """

    response_class: Any = _SkipInterimResponse

    def _new_conn(self: Any) -> socket.socket:
        attempt = current_attempt()
        try:
            line = open_socket(self.host, self.port, attempt.left() if attempt else self.timeout)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        for option in self.socket_options or ():
            line.setsockopt(*option)
        if attempt:
            attempt.on_connect(line)
            line.settimeout(attempt.left())
        return line

    def connect(self: Any) -> None:
        super().connect()  # type: ignore[misc]  # of the class that this is mixed into
        _mark_ready(self)

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            _mark_ready(self)
        super().request(*args, **kwargs)  # type: ignore[misc]  # likewise


def _mark_ready(connection: Any) -> None:
    attempt = current_attempt()
    if attempt:
        attempt.on_ready(connection.sock)
        # Until here the socket waits as long as connecting may take; sending a large body may take longer.
        connection.timeout = attempt.left()
        connection.sock.settimeout(connection.timeout)


class _BoundedHTTP(_Bounded, HTTPConnection):
    pass


class _BoundedHTTPS(_Bounded, HTTPSConnection):
    pass


class _LifoOpenConnections(LifoQueue[Any]):
    """
    Gives out what is open before there is a new connection.

    For each connection that broke, urllib3 puts a place for another on top of those that are open. These would be used
    less and less, and become more: 69 in ten minutes of faults for 32 callers.
    """

    def _put(self, item: Any) -> None:
        self.queue.insert(0 if item is None else len(self.queue), item)


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _BoundedHTTP
    QueueCls = _LifoOpenConnections


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedHTTPS
    QueueCls = _LifoOpenConnections


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class BoundedAdapter(HTTPAdapter):
    """
    The adapter that a session mounts; the retries are the driver's.
    """

    def __init__(self) -> None:
        super().__init__(pool_connections=4, pool_maxsize=MAX_POOL_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """
        Give the pool manager connections that can be cut.
        """
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """
        Give the manager of a proxy's connections the same.
        """
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class NoRedirectSession(Session):
    """
    A session to which a redirect is a reply like any other.

    Even when told not to follow one, ``requests`` reads its body without any bound and stumbles over an address that
    is none.
    """

    def get_redirect_target(self, resp: Response) -> None:
        """
        Find nothing to follow.
        """


class TokenAuth(AuthBase):
    """
    Sets the Authorization header, or takes care that there is none: a ``.netrc`` can neither replace nor add one.

    :param token: API token, or None for anonymous access
    """

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """
        Set or remove the header.
        """
        request.headers.pop("Authorization", None)
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request
