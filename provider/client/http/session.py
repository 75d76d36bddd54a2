"""
The blocking driver's session: one connection pool in each process.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..fork_lock import create_fork_lock
from ..settings import ClientSettings
from .decompression import ACCEPT_ENCODING
from .http_request import Request

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

_lock = create_fork_lock()

#: Sessions of the parent process. Closing them would wait for locks that a thread of the parent may have held during
#: the fork.
_inherited: list[Session] = []


class PooledSession:
    """
    Sends one request at a time for each thread, on connections that are kept open; safe to use from several threads.

    :param settings: base URL, token, certificates and proxy
    """

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self._session: Session | None = None
        self._blank: PreparedRequest | None = None
        self._process = 0

    def close(self) -> None:
        """
        Close the open connections.
        """
        with _lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def send(self, request: Request, seconds: float) -> Response:
        """
        Send a request, and read the status and headers of the response.

        :param request: the request
        :param seconds: timeout for each byte of the head
        :return: the response, whose body isn't read; the caller closes it
        :raises requests.RequestException: without a response
        """
        session = self._open()
        return session.send(self._prepare(session, request), timeout=seconds, allow_redirects=False, stream=True)

    def _open(self) -> Session:
        with _lock:
            # A forked process leaves the connections to its parent: both would read each other's responses.
            if self._session is not None and self._process != os.getpid():
                _inherited.append(self._session)
                self._session = None
            if self._session is None:
                self._session, self._process = _new_session(self._settings), os.getpid()
            return self._session

    def _prepare(self, session: Session, request: Request) -> PreparedRequest:
        """
        Copy a prepared request and fill it in: preparing each took a fifth of a call to a nearby service.
        """
        from requests import Request as Draft

        if self._blank is None:
            self._blank = session.prepare_request(Draft("GET", self._settings.base_url))
        prepared = self._blank.copy()
        prepared.method, prepared.url = request.method, f"{self._blank.url}".rstrip("/") + request.path
        if request.content is not None:
            prepared.headers["Content-Type"] = "application/json"
            prepared.prepare_body(request.content, None)
        if request.form is not None:
            prepared.headers["Content-Type"] = request.form.content_type
            prepared.prepare_body(request.form, None)
        if request.streamed:
            # A server would hold events back to compress them.
            prepared.headers.update({"Accept": "text/event-stream, application/json", "Accept-Encoding": "identity"})
            # llama.cpp's server closes about one connection in twenty just after a stream, under the next request.
            prepared.headers["Connection"] = "close"
        return prepared


def _new_session(settings: ClientSettings) -> Session:
    from .transport import BoundedAdapter, NoRedirectSession, TokenAuth

    session = NoRedirectSession()
    # Proxy and certificates were read from the environment once, for both drivers; a .netrc is not read at all.
    session.trust_env = False
    session.auth = TokenAuth(settings.token)
    session.verify = settings.ca_bundle or True
    session.proxies = {"all": settings.proxy} if settings.proxy else {}
    session.headers["User-Agent"] = settings.user_agent
    session.headers["Accept"] = "application/json"
    session.headers["Accept-Encoding"] = ACCEPT_ENCODING
    adapter = BoundedAdapter()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
