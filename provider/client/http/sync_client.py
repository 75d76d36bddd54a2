"""
The blocking driver: sends requests on one pooled session, until :mod:`.retry` decides to stop.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import BinaryIO

from ...errors import AIEndpointsError, APITimeoutError, QuotaExceededError
from ..ratelimit.pacer import FREE_RATE_LIMIT_RETRIES, Pacer, Permit, find_pacer
from ..settings import ClientSettings
from . import response_reader
from .attempt_timer import AttemptTimer
from .error_responses import parse_error
from .http_request import Request
from .http_response import HTTPResponse, parse
from .network_errors import build_connection_error, build_silence_error, build_timeout_error
from .optional_fields import OptionalFields
from .retry import pause_before_next
from .session import PooledSession

log = logging.getLogger(__name__)


@dataclass
class _Tries:
    """
    The number of attempts, the seconds waited between them, and the time before which the next may not begin.
    """

    count: int = 1
    waited: float = 0.0
    due: float = 0.0


class Client:
    """
    HTTP to an OpenAI-compatible service; safe to use from several threads.

    :param settings: base URL, token, timeouts and retries
    :param sleep: waits between attempts; :func:`time.sleep` by default
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
        Close the open connections.
        """
        self._session.close()

    def send(self, request: Request, sink: BinaryIO | None = None) -> HTTPResponse:
        """
        Send a request, and retry it if that makes sense.

        :param request: the request
        :param sink: an empty file for the body of the response, of any size, in place of memory
        :return: the response, whose status is below 400
        :raises AIEndpointsError: if no attempt succeeded
        """
        tries = _Tries()
        while True:
            try:
                return replace(self._in_turn(request, self.settings.timeout, tries.due, sink), attempts=tries.count)
            except AIEndpointsError as error:
                if not self._tries_again(error, request, tries):
                    raise

    def send_stream(self, request: Request, on_response: Callable[[HTTPResponse], None]) -> Iterator[str]:
        """
        Send a request, and iterate over its events as they arrive. Retries until the first event has arrived.

        The timeout of an attempt applies to the time between events: a stream may take any time in all.

        :param request: the request
        :param on_response: called with the status and headers of the response, before its first event
        :return: the data of each event; the whole body if the response isn't an event stream
        :raises AIEndpointsError: if no attempt succeeded, or the stream broke
        """
        tries = _Tries()
        while True:
            has_data = False
            try:
                for data in self._stream_in_turn(request, tries, on_response):
                    has_data = True
                    yield data
                return
            except AIEndpointsError as error:
                error.attempts = tries.count
                if has_data or not self._tries_again(error, request, tries):
                    raise

    def _stream_in_turn(
        self, request: Request, tries: _Tries, on_response: Callable[[HTTPResponse], None]
    ) -> Iterator[str]:
        with find_pacer(self.settings, request.model) as pacer:
            permit = self._acquire(pacer, tries.due)

            def head(response: HTTPResponse) -> None:
                pacer.observe(permit, self.settings, response.status, response.headers)
                if response.status < 400:
                    on_response(replace(response, attempts=tries.count))

            yield from self.stream(request, head=head, patient=True)

    def _tries_again(self, error: AIEndpointsError, request: Request, tries: _Tries) -> bool:
        """
        Wait before the next attempt, if there is one.
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

    def send_once(self, request: Request, timeout: float | None = None) -> HTTPResponse:
        """
        Make one attempt.

        :param request: the request
        :param timeout: seconds for the attempt, from name lookup to the last byte; the settings' timeout by default
        :return: the response, whose status is below 400
        :raises AIEndpointsError: if the attempt failed
        """
        return self._in_turn(request, timeout or self.settings.timeout)

    def _in_turn(
        self, request: Request, seconds: float, due: float = 0.0, sink: BinaryIO | None = None
    ) -> HTTPResponse:
        """
        Make one attempt when the pacer permits, or two if the service refuses optional fields.
        """
        fields = OptionalFields(request, self.settings)
        response = self._exchange_in_turn(fields.request, seconds, due, sink)
        if fields.observe(response):
            response = self._exchange_in_turn(fields.request, seconds, due, sink)
            fields.observe(response)
        error = parse_error(response, request, self.settings.base_url, self.settings.token, time.time())
        if error is not None:
            raise error
        return response

    def _exchange_in_turn(self, request: Request, seconds: float, due: float, sink: BinaryIO | None) -> HTTPResponse:
        with find_pacer(self.settings, request.model) as pacer:
            for _ in range(1 + FREE_RATE_LIMIT_RETRIES):
                permit = self._acquire(pacer, due)
                response = self.exchange(request, seconds + request.extra_timeout, sink)
                error = parse_error(response, request, self.settings.base_url, self.settings.token, time.time())
                # That the credit is used up says nothing about the rate.
                if isinstance(error, QuotaExceededError) or not pacer.observe(
                    permit, self.settings, response.status, response.headers, tokens=response.total_tokens
                ):
                    break
        return response

    def _acquire(self, pacer: Pacer, due: float) -> Permit:
        permit = pacer.acquire(self.settings, max(time.monotonic(), due))
        while permit.wait:
            self._sleep(permit.wait)
            permit = pacer.acquire(self.settings, max(time.monotonic(), permit.moment + permit.wait))
        return permit

    def exchange(self, request: Request, timeout: float | None = None, sink: BinaryIO | None = None) -> HTTPResponse:
        """
        Make one attempt and return the response with any status, for a caller that handles errors itself.

        :param request: the request
        :param timeout: seconds for the attempt, from name lookup to the last byte; the settings' timeout by default
        :param sink: a file for the body of a success, in place of memory
        :return: the response
        :raises AIEndpointsError: if there was no response, or it is too large
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
        head: Callable[[HTTPResponse], None] = lambda _: None,
        patient: bool = False,
    ) -> Generator[str, None, None]:
        """
        Make one attempt, and iterate over the events of the response as they arrive.

        :param request: the request
        :param timeout: seconds for the attempt, from name lookup to the last byte; the settings' timeout by default
        :param head: called with the status and headers of the response, before its first event
        :param patient: whether the timeout starts again with each event, and excludes the caller's time between them
        :return: the data of each event; the whole body if the response isn't an event stream
        :raises AIEndpointsError: if the attempt failed, or the stream broke
        """
        fields = OptionalFields(request, self.settings)

        def begin(response: HTTPResponse) -> None:
            # The body of JSON may be an error.
            if response.status < 400 and "json" not in response.content_type:
                fields.observe(response)
            head(response)

        seconds = timeout or self.settings.timeout
        outcome = yield from self._stream(fields.request, seconds, begin, patient=patient)
        if isinstance(outcome, HTTPResponse) and fields.observe(outcome):
            outcome = yield from self._stream(fields.request, seconds, begin, patient=patient)
            if isinstance(outcome, HTTPResponse):
                fields.observe(outcome)
        if isinstance(outcome, HTTPResponse):
            error = parse_error(outcome, request, self.settings.base_url, self.settings.token, time.time())
            if error is None:
                yield json.dumps(parse(outcome, request, self.settings))
            outcome = error
        # Raised out of any except block, as in `exchange`.
        if outcome is not None:
            raise outcome

    def _stream(
        self, request: Request, seconds: float, head: Callable[[HTTPResponse], None], *, patient: bool
    ) -> Generator[str, None, AIEndpointsError | HTTPResponse | None]:
        """
        Make one attempt. Returns the error, or the response if it isn't a stream of events.
        """
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        outcome: AIEndpointsError | HTTPResponse | None = None
        with AttemptTimer(seconds, self.settings.connect_timeout) as attempt:
            try:
                with self._session.send(request, seconds) as response:
                    head(response_reader.read_head(response))
                    if response.status_code == 200:
                        events = response_reader.iter_stream(response, request, self.settings)
                        yield from _patiently(events, attempt) if patient else events
                    else:
                        outcome = response_reader.read_response(response, request, self.settings)
            except response_reader.WholeBody as body:
                outcome = body.outcome
            except (RequestException, HTTPError, OSError) as exception:
                outcome = build_connection_error(
                    exception, request, self.settings, seconds=seconds, connected=attempt.connected
                )
        if attempt.expired:
            outcome = build_timeout_error(request, self.settings, seconds, connected=attempt.connected)
        if patient and attempt.connected and isinstance(outcome, APITimeoutError):
            outcome = build_silence_error(request, self.settings, seconds)
        return outcome

    def _exchange(self, request: Request, seconds: float, sink: BinaryIO | None) -> HTTPResponse | AIEndpointsError:
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
        # A connection that the timer shut down may look like one that failed, or even like the end of a response.
        if attempt.expired:
            outcome = build_timeout_error(request, self.settings, seconds, connected=attempt.connected)
        if isinstance(outcome, AIEndpointsError):
            outcome.connect_seconds = attempt.connect_seconds
            return outcome
        elapsed = time.monotonic() - started
        return replace(outcome, seconds=elapsed, connect_seconds=attempt.connect_seconds, secured=attempt.secured)


def _patiently(events: Iterator[str], attempt: AttemptTimer) -> Iterator[str]:
    for data in events:
        attempt.pause()
        yield data
        attempt.restart()
