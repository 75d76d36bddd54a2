"""
The connection pool of ``requests``, with connections that an :class:`.attempt_timer.AttemptTimer` can shut down.
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
    Skips all interim responses; http.client skips only 100 (RFC 9110, 15.2).
    """

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # not in the types of typeshed
            if not 102 <= status < 200:
                return version, status, reason
            parse_headers(self.fp)


class _LastResponse(_SkipInterimResponse):
    """
    The response to a request that asked to close the connection, even if the server doesn't say that it will.

    http.client otherwise keeps the connection, which the server closes under the next request (RFC 9112, 9.6).
    """

    def _check_close(self) -> bool:
        return True


class _Bounded:
    """
    Limits the time for connecting as a whole, and registers the socket with the attempt's timer.
    """

    response_class: Any = _SkipInterimResponse

    def _new_conn(self: Any) -> socket.socket:
        attempt = current_attempt()
        try:
            sock = open_socket(self.host, self.port, attempt.left() if attempt else self.timeout)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        for option in self.socket_options or ():
            sock.setsockopt(*option)
        if attempt:
            attempt.on_connect(sock)
            sock.settimeout(attempt.left())
        return sock

    def connect(self: Any) -> None:
        super().connect()  # type: ignore[misc]  # of the class that this is mixed into
        _mark_ready(self)

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            _mark_ready(self)
        closes = (kwargs.get("headers") or {}).get("Connection") == "close"
        self.response_class = _LastResponse if closes else _SkipInterimResponse
        super().request(*args, **kwargs)  # type: ignore[misc]  # likewise


def _mark_ready(connection: Any) -> None:
    attempt = current_attempt()
    if attempt:
        attempt.on_ready(connection.sock)
        # Until now the socket's timeout was that for connecting; sending a large body may take longer.
        connection.timeout = attempt.left()
        connection.sock.settimeout(connection.timeout)


class _BoundedHTTP(_Bounded, HTTPConnection):
    pass


class _BoundedHTTPS(_Bounded, HTTPSConnection):
    pass


class _LifoOpenConnections(LifoQueue[Any]):
    """
    Returns open connections before new ones.

    For each broken connection, urllib3 puts a placeholder on top of the open ones. These would be used less and less,
    and increase: 69 in ten minutes of faults with 32 callers.
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
    The adapter that a session mounts; it doesn't retry, as the driver does.
    """

    def __init__(self) -> None:
        super().__init__(pool_connections=4, pool_maxsize=MAX_POOL_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """
        Give the pool manager connections that can be shut down.
        """
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """
        Give a proxy's pool manager the same connections.
        """
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class NoRedirectSession(Session):
    """
    A session that returns a redirect as an ordinary response.

    Even with ``allow_redirects=False``, ``requests`` reads its body without any limit and fails for an invalid address.
    """

    def get_redirect_target(self, resp: Response) -> None:
        """
        Return None: nothing to follow.
        """


class TokenAuth(AuthBase):
    """
    Sets the Authorization header, or removes it: a ``.netrc`` can neither replace nor add one.

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
