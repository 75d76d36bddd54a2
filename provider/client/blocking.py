"""
The blocking driver: sends what :mod:`.requests` built, on one pooled session, until :mod:`.retry` says stop.
"""

from __future__ import annotations

import itertools
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..errors import AIEndpointsError
from .deadline import Attempt
from .faults import no_reply, timed_out, too_large
from .pacing import shared_pacer
from .refusals import error_of
from .replies import Reply
from .requests import Request
from .retry import pause_before_next
from .settings import ClientSettings

if TYPE_CHECKING:
    from requests import Response, Session

log = logging.getLogger(__name__)


class Client:
    """
    HTTP to an OpenAI-compatible service; safe to use from several threads.

    :param settings: where, as whom, and how patiently
    :param sleep: how to wait between attempts
    """

    def __init__(self, settings: ClientSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self._sleep = sleep
        self._session: Session | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """
        Close the connections that are kept open.
        """
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def send(self, request: Request) -> Reply:
        """
        Send a request, again where that makes sense.

        :param request: what to send
        :return: the reply, whose status is below 400
        :raises AIEndpointsError: if no attempt succeeded
        """
        waited = 0.0
        for attempt in itertools.count(1):
            try:
                return replace(self.send_once(request), attempts=attempt)
            except AIEndpointsError as error:
                error.attempts = attempt
                pause = self._pause(error, request, attempt, waited)
                if pause is None:
                    raise
                log.info("Attempt %d failed: %s Next in %.1f s.", attempt, error.args[0], pause)
            self._sleep(pause)
            waited += pause
        raise AssertionError("unreachable")

    def _pause(self, error: AIEndpointsError, request: Request, attempt: int, waited: float) -> float | None:
        return pause_before_next(
            error,
            attempt=attempt,
            waited=waited,
            repeatable=request.repeatable,
            max_retries=self.settings.max_retries,
            max_wait=self.settings.max_wait,
            jitter=random.random(),  # noqa: S311  (spreads retries, guards nothing)
        )

    def send_once(self, request: Request, timeout: float | None = None) -> Reply:
        """
        Make one attempt.

        :param request: what to send
        :param timeout: seconds it may take, from name lookup to the last byte
        :return: the reply, whose status is below 400
        :raises AIEndpointsError: if it did not succeed
        """
        if self.settings.requests_per_minute:
            pacer = shared_pacer(self.settings.base_url, self.settings.token, self.settings.requests_per_minute)
            self._sleep(pacer.reserve())
        reply = self.exchange(request, timeout)
        error = error_of(reply, request, self.settings.base_url, self.settings.token, time.time())
        if error is not None:
            raise error
        return reply

    def exchange(self, request: Request, timeout: float | None = None) -> Reply:
        """
        Make one attempt and take the reply whatever its status, for a caller that reads errors in its own way.

        :param request: what to send
        :param timeout: seconds it may take, from name lookup to the last byte
        :return: the reply
        :raises AIEndpointsError: if none came, or one too large
        """
        outcome = self._exchange(request, timeout or self.settings.timeout)
        # Raised out of any except block: an exception of requests holds the headers, and with them the token.
        if isinstance(outcome, AIEndpointsError):
            raise outcome
        return outcome

    def _exchange(self, request: Request, seconds: float) -> Reply | AIEndpointsError:
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        session = self._open()
        started = time.monotonic()
        with Attempt(seconds, self.settings.connect_timeout) as attempt:
            try:
                outcome = self._read(self._start(session, request, attempt))
            except (RequestException, HTTPError, OSError) as exception:
                if _is_connect_timeout(exception) and not attempt.expired:
                    return timed_out(request, self.settings, attempt.connect_seconds, connected=False)
                if not attempt.expired and not _is_read_timeout(exception):
                    return no_reply(exception, request, self.settings, sent=attempt.connected)
                attempt.expired = True
            if attempt.expired:
                return timed_out(request, self.settings, seconds, connected=attempt.connected)
        if outcome is None:
            return too_large(request, self.settings)
        return replace(outcome, seconds=time.monotonic() - started)

    def _start(self, session: Session, request: Request, attempt: Attempt) -> Response:
        return session.request(
            request.method,
            self.settings.base_url + request.path,
            data=request.content,
            headers={"Content-Type": "application/json"} if request.content is not None else None,
            timeout=(attempt.connect_seconds, attempt.left()),
            allow_redirects=False,
            stream=True,
        )

    def _read(self, response: Response) -> Reply | None:
        with response:
            body = response.raw.read(self.settings.max_reply_bytes + 1, decode_content=True)
            if len(body) > self.settings.max_reply_bytes:
                return None
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status_code, headers, body)

    def _open(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = _new_session(self.settings)
            return self._session


def _new_session(settings: ClientSettings) -> Session:
    from requests import Session

    from .transport import BoundedAdapter, TokenAuth

    session = Session()
    # Proxy and certificates were read from the environment once, for both drivers; a .netrc is not read at all.
    session.trust_env = False
    session.auth = TokenAuth(settings.token)
    session.verify = settings.ca_bundle or True
    session.proxies = {"all": settings.proxy} if settings.proxy else {}
    session.headers["User-Agent"] = settings.user_agent
    session.headers["Accept"] = "application/json"
    adapter = BoundedAdapter()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _is_connect_timeout(exception: Any) -> bool:
    from requests import ConnectTimeout

    return isinstance(exception, ConnectTimeout)


def _is_read_timeout(exception: Any) -> bool:
    from requests import ReadTimeout
    from urllib3.exceptions import ReadTimeoutError

    return isinstance(exception, (ReadTimeout, ReadTimeoutError, TimeoutError))
