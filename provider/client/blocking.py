"""
The blocking driver: sends what :mod:`.requests` built, on one pooled session, until :mod:`.retry` says stop.
"""

from __future__ import annotations

import json
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from .. import defaults
from ..errors import AIEndpointsError, InvalidReplyError, TimedOutError
from .bodies import ACCEPT_ENCODING, PIECE, receive
from .deadline import Attempt
from .events import EventReader
from .faults import fell_silent, no_reply, timed_out, too_large
from .pacing import SPARED, Pacer, Turn, pacer_of
from .refusals import error_of
from .replies import Reply, parse
from .requests import Request
from .retry import pause_before_next
from .settings import ClientSettings

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

log = logging.getLogger(__name__)


@dataclass
class _Tries:
    """
    How often a request was sent, the seconds waited in between, and when the next attempt may begin.
    """

    count: int = 1
    waited: float = 0.0
    due: float = 0.0


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
        self._blank: PreparedRequest | None = None
        self._process = 0
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

    def send(self, request: Request, sink: BinaryIO | None = None) -> Reply:
        """
        Send a request, again where that makes sense.

        :param request: what to send
        :param sink: an empty file for the body of the reply, of any size, in place of memory
        :return: the reply, whose status is below 400
        :raises AIEndpointsError: if no attempt succeeded
        """
        tries = _Tries()
        while True:
            try:
                return replace(self._in_turn(request, self.settings.timeout, tries.due, sink), attempts=tries.count)
            except AIEndpointsError as error:
                if not self._tries_again(error, request, tries):
                    raise

    def send_stream(self, request: Request, heard: Callable[[Reply], None]) -> Iterator[str]:
        """
        Send a request, again where that makes sense until its first event has come, and give its events as they come.

        The time limit of an attempt is one for silence: an answer that keeps coming has all the time it needs.

        :param request: what to send
        :param heard: told of the status and headers of a reply, before its first event
        :return: the data of each event; of a reply that is no event stream, its body as one
        :raises AIEndpointsError: if no attempt succeeded, or the one that did broke
        """
        tries = _Tries()
        while True:
            begun = False
            try:
                for data in self._stream_in_turn(request, tries, heard):
                    begun = True
                    yield data
                return
            except AIEndpointsError as error:
                error.attempts = tries.count
                if begun or not self._tries_again(error, request, tries):
                    raise

    def _stream_in_turn(self, request: Request, tries: _Tries, heard: Callable[[Reply], None]) -> Iterator[str]:
        with pacer_of(self.settings, request.model) as pacer:
            turn = self._turn(pacer, tries.due)

            def head(reply: Reply) -> None:
                pacer.learn(turn, self.settings, reply.status, reply.headers)
                if reply.status < 400:
                    heard(replace(reply, attempts=tries.count))

            yield from self.stream(request, head=head, patient=True)

    def _tries_again(self, error: AIEndpointsError, request: Request, tries: _Tries) -> bool:
        """
        Wait before the next attempt, if there is to be one.
        """
        error.attempts = tries.count
        jitter = random.random()  # noqa: S311  (spreads retries, guards nothing)
        pause = pause_before_next(
            error, request, self.settings, attempt=tries.count, waited=tries.waited, jitter=jitter
        )
        if pause is None:
            return False
        log.info("Attempt %d failed: %s Next in %.1f s.", tries.count, error.args[0], pause)
        tries.due = time.monotonic() + pause
        self._sleep(pause)
        tries.count, tries.waited = tries.count + 1, tries.waited + pause
        return True

    def send_once(self, request: Request, timeout: float | None = None) -> Reply:
        """
        Make one attempt.

        :param request: what to send
        :param timeout: seconds it may take, from name lookup to the last byte
        :return: the reply, whose status is below 400
        :raises AIEndpointsError: if it did not succeed
        """
        return self._in_turn(request, timeout or self.settings.timeout)

    def _in_turn(self, request: Request, seconds: float, due: float = 0.0, sink: BinaryIO | None = None) -> Reply:
        """
        Make one attempt when the pacer gives leave.
        """
        with pacer_of(self.settings, request.model) as pacer:
            for _ in range(1 + SPARED):
                turn = self._turn(pacer, due)
                reply = self.exchange(request, seconds + request.more_seconds, sink)
                if not pacer.learn(turn, self.settings, reply.status, reply.headers):
                    break
        error = error_of(reply, request, self.settings.base_url, self.settings.token, time.time())
        if error is not None:
            raise error
        return reply

    def _turn(self, pacer: Pacer, due: float) -> Turn:
        turn = pacer.ask(self.settings, max(time.monotonic(), due))
        while turn.wait:
            self._sleep(turn.wait)
            turn = pacer.ask(self.settings, max(time.monotonic(), turn.moment + turn.wait))
        return turn

    def exchange(self, request: Request, timeout: float | None = None, sink: BinaryIO | None = None) -> Reply:
        """
        Make one attempt and take the reply whatever its status, for a caller that reads errors in its own way.

        :param request: what to send
        :param timeout: seconds it may take, from name lookup to the last byte
        :param sink: a file for the body of a success, in place of memory
        :return: the reply
        :raises AIEndpointsError: if none came, or one too large
        """
        outcome = self._exchange(request, timeout or self.settings.timeout, sink)
        # Raised out of any except block: an exception of requests holds the headers, and with them the token.
        if isinstance(outcome, AIEndpointsError):
            raise outcome
        return outcome

    def stream(
        self,
        request: Request,
        timeout: float | None = None,
        *,
        head: Callable[[Reply], None] = lambda _: None,
        patient: bool = False,
    ) -> Iterator[str]:
        """
        Make one attempt, and give the events of the reply as they come.

        :param request: what to send
        :param timeout: seconds that it may take, from name lookup to the last byte
        :param head: told of the status and headers of the reply, before its first event
        :param patient: whether the time begins anew with each event, and does not run between them for the caller
        :return: the data of each event; of a reply that is no event stream, its body as one
        :raises AIEndpointsError: if it did not succeed, or broke
        """
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        session, seconds = self._open(), timeout or self.settings.timeout
        fault: AIEndpointsError | Reply | None = None
        with Attempt(seconds, self.settings.connect_timeout) as attempt:
            try:
                response = self._start(session, request, seconds)
                head(Reply(response.status_code, _lower(response), b""))
                if _is_event_stream(response):
                    with response:
                        events = _events(response, request, self.settings)
                        yield from _patiently(events, attempt) if patient else events
                else:
                    fault = self._read(response, request)
            except (RequestException, HTTPError, OSError) as exception:
                fault = no_reply(exception, request, self.settings, seconds=seconds, connected=attempt.connected)
        if attempt.expired:
            fault = timed_out(request, self.settings, seconds, connected=attempt.connected)
        if patient and attempt.connected and isinstance(fault, TimedOutError):
            fault = fell_silent(request, self.settings, seconds)
        if isinstance(fault, Reply):
            error = error_of(fault, request, self.settings.base_url, self.settings.token, time.time())
            if error is None:
                yield json.dumps(parse(fault, request, self.settings))
            fault = error
        # Raised out of any except block, as in `exchange`.
        if fault is not None:
            raise fault

    def _exchange(self, request: Request, seconds: float, sink: BinaryIO | None) -> Reply | AIEndpointsError:
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        session = self._open()
        started = time.monotonic()
        with Attempt(seconds, self.settings.connect_timeout) as attempt:
            try:
                outcome = self._read(self._start(session, request, seconds), request, sink)
            except (RequestException, HTTPError, OSError) as exception:
                outcome = no_reply(exception, request, self.settings, seconds=seconds, connected=attempt.connected)
        # A connection that was cut may look like one that failed, or even like the end of a reply.
        if attempt.expired:
            outcome = timed_out(request, self.settings, seconds, connected=attempt.connected)
        if isinstance(outcome, AIEndpointsError):
            outcome.opened = attempt.opened
            return outcome
        taken = time.monotonic() - started
        return replace(outcome, seconds=taken, opened=attempt.opened, secured=attempt.secured)

    def _start(self, session: Session, request: Request, seconds: float) -> Response:
        return session.send(self._prepare(session, request), timeout=seconds, allow_redirects=False, stream=True)

    def _prepare(self, session: Session, request: Request) -> PreparedRequest:
        """
        Make a request out of one that was prepared once: preparing took a fifth of a call to a near service.
        """
        from requests import Request as Draft

        if self._blank is None:
            self._blank = session.prepare_request(Draft("GET", self.settings.base_url))
        prepared = self._blank.copy()
        prepared.method, prepared.url = request.method, f"{self._blank.url}".rstrip("/") + request.path
        if request.content is not None:
            prepared.headers["Content-Type"] = "application/json"
            prepared.prepare_body(request.content, None)
        if request.form is not None:
            prepared.headers["Content-Type"] = request.form.content_type
            prepared.prepare_body(request.form, None)
        if request.streamed:
            # Compressed events would wait for one another.
            prepared.headers.update({"Accept": "text/event-stream, application/json", "Accept-Encoding": "identity"})
            # llama.cpp's server closes about one connection in twenty just after a stream, under the next request.
            prepared.headers["Connection"] = "close"
        return prepared

    def _read(self, response: Response, request: Request, sink: BinaryIO | None = None) -> Reply | AIEndpointsError:
        body = bytearray()
        with response:
            if sink is not None and response.status_code < 300:
                if not _save(response, sink, defaults.MAX_FILE_BYTES):
                    return InvalidReplyError(
                        f"The {request.what} is larger than {defaults.MAX_FILE_BYTES:,} bytes and was not read to its "
                        "end."
                    )
                return receive(response.status_code, _without_encoding(response), b"", request, self.settings)
            for piece in response.raw.stream(PIECE, decode_content=False):
                body += piece
                if len(body) > self.settings.max_reply_bytes:
                    break
        return receive(response.status_code, response.headers.items(), bytes(body), request, self.settings)

    def _open(self) -> Session:
        with self._lock:
            # A forked process leaves the connections to its parent: both would read each other's replies.
            if self._session is None or self._process != os.getpid():
                self._session, self._process = _new_session(self.settings), os.getpid()
            return self._session


def _save(response: Response, sink: BinaryIO, most: int) -> bool:
    """
    Save a body, and tell whether that was all of it.
    """
    sink.seek(0)
    sink.truncate()
    for piece in response.raw.stream(PIECE, decode_content=True):
        most -= sink.write(piece)
        if most < 0:
            return False
    return True


def _without_encoding(response: Response) -> list[tuple[str, str]]:
    return [(name, value) for name, value in response.headers.items() if name.lower() != "content-encoding"]


def _lower(response: Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _is_event_stream(response: Response) -> bool:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return response.status_code == 200 and kind == "text/event-stream"


def _events(response: Response, request: Request, settings: ClientSettings) -> Iterator[str]:
    reader, room = EventReader(), settings.max_reply_bytes
    # read1 gives what there is, without waiting for more.
    while piece := response.raw.read1(PIECE, decode_content=False):
        room -= len(piece)
        if room < 0:
            raise too_large(request, settings)
        yield from reader.feed(piece)


def _patiently(events: Iterator[str], attempt: Attempt) -> Iterator[str]:
    for data in events:
        attempt.pause()
        yield data
        attempt.restart()


def _new_session(settings: ClientSettings) -> Session:
    from .transport import BoundedAdapter, StayingSession, TokenAuth

    session = StayingSession()
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
