"""
The blocking driver: sends what :mod:`.requests` built, on one pooled session, until :mod:`.retry` says stop.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import BinaryIO

from ...errors import AIEndpointsError, APITimeoutError
from ..ratelimit.pacer import FREE_RATE_LIMIT_RETRIES, Pacer, Permit, find_pacer
from ..settings import ClientSettings
from . import response_reader
from .attempt_timer import AttemptTimer
from .error_responses import parse_error
from .http_request import Request
from .http_response import Reply, parse
from .network_errors import build_connection_error, build_silence_error, build_timeout_error
from .retry import pause_before_next
from .session import PooledSession

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
        self._session = PooledSession(settings)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """
        Close the connections that are kept open.
        """
        self._session.close()

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

    def send_stream(self, request: Request, on_response: Callable[[Reply], None]) -> Iterator[str]:
        """
        Send a request, again where that makes sense until its first event has come, and give its events as they come.

        The time limit of an attempt is one for silence: an answer that keeps coming has all the time it needs.

        :param request: what to send
        :param on_response: told of the status and headers of a reply, before its first event
        :return: the data of each event; of a reply that is no event stream, its body as one
        :raises AIEndpointsError: if no attempt succeeded, or the one that did broke
        """
        tries = _Tries()
        while True:
            begun = False
            try:
                for data in self._stream_in_turn(request, tries, on_response):
                    begun = True
                    yield data
                return
            except AIEndpointsError as error:
                error.attempts = tries.count
                if begun or not self._tries_again(error, request, tries):
                    raise

    def _stream_in_turn(self, request: Request, tries: _Tries, on_response: Callable[[Reply], None]) -> Iterator[str]:
        with find_pacer(self.settings, request.model) as pacer:
            turn = self._turn(pacer, tries.due)

            def head(reply: Reply) -> None:
                pacer.observe(turn, self.settings, reply.status, reply.headers)
                if reply.status < 400:
                    on_response(replace(reply, attempts=tries.count))

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
        with find_pacer(self.settings, request.model) as pacer:
            for _ in range(1 + FREE_RATE_LIMIT_RETRIES):
                turn = self._turn(pacer, due)
                reply = self.exchange(request, seconds + request.extra_timeout, sink)
                if not pacer.observe(turn, self.settings, reply.status, reply.headers):
                    break
        error = parse_error(reply, request, self.settings.base_url, self.settings.token, time.time())
        if error is not None:
            raise error
        return reply

    def _turn(self, pacer: Pacer, due: float) -> Permit:
        turn = pacer.acquire(self.settings, max(time.monotonic(), due))
        while turn.wait:
            self._sleep(turn.wait)
            turn = pacer.acquire(self.settings, max(time.monotonic(), turn.moment + turn.wait))
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

        seconds = timeout or self.settings.timeout
        fault: AIEndpointsError | Reply | None = None
        with AttemptTimer(seconds, self.settings.connect_timeout) as attempt:
            try:
                response = self._session.send(request, seconds)
                head(response_reader.read_head(response))
                if response_reader.is_event_stream(response):
                    with response:
                        events = response_reader.iter_events(response, request, self.settings)
                        yield from _patiently(events, attempt) if patient else events
                else:
                    fault = response_reader.read_response(response, request, self.settings)
            except (RequestException, HTTPError, OSError) as exception:
                fault = build_connection_error(
                    exception, request, self.settings, seconds=seconds, connected=attempt.connected
                )
        if attempt.expired:
            fault = build_timeout_error(request, self.settings, seconds, connected=attempt.connected)
        if patient and attempt.connected and isinstance(fault, APITimeoutError):
            fault = build_silence_error(request, self.settings, seconds)
        if isinstance(fault, Reply):
            error = parse_error(fault, request, self.settings.base_url, self.settings.token, time.time())
            if error is None:
                yield json.dumps(parse(fault, request, self.settings))
            fault = error
        # Raised out of any except block, as in `exchange`.
        if fault is not None:
            raise fault

    def _exchange(self, request: Request, seconds: float, sink: BinaryIO | None) -> Reply | AIEndpointsError:
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        started = time.monotonic()
        with AttemptTimer(seconds, self.settings.connect_timeout) as attempt:
            try:
                response = self._session.send(request, seconds)
                if sink is None or response.status_code >= 300:
                    outcome = response_reader.read_response(response, request, self.settings)
                else:
                    outcome = response_reader.save_response(response, request, self.settings, sink)
            except (RequestException, HTTPError, OSError) as exception:
                outcome = build_connection_error(
                    exception, request, self.settings, seconds=seconds, connected=attempt.connected
                )
        # A connection that was cut may look like one that failed, or even like the end of a reply.
        if attempt.expired:
            outcome = build_timeout_error(request, self.settings, seconds, connected=attempt.connected)
        if isinstance(outcome, AIEndpointsError):
            outcome.connect_seconds = attempt.connect_seconds
            return outcome
        taken = time.monotonic() - started
        return replace(outcome, seconds=taken, connect_seconds=attempt.connect_seconds, secured=attempt.secured)


def _patiently(events: Iterator[str], attempt: AttemptTimer) -> Iterator[str]:
    for data in events:
        attempt.pause()
        yield data
        attempt.restart()
