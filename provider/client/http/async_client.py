"""
The non-blocking driver: the same requests and decisions as :mod:`.sync_client`, for code that runs on an event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ...defaults import MAX_POOL_CONNECTIONS
from ...errors import AIEndpointsError, QuotaExceededError
from ..ratelimit.pacer import FREE_RATE_LIMIT_RETRIES, find_pacer
from ..settings import ClientSettings
from .decompression import ACCEPT_ENCODING, receive
from .error_responses import parse_error
from .http_request import Request
from .http_response import HTTPResponse
from .network_errors import build_connection_error
from .optional_fields import OptionalFields
from .retry import pause_before_next

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)


class AsyncClient:
    """
    HTTP to an OpenAI-compatible service from one event loop.

    Not safe to use from several threads: its connections belong to one event loop, whose tasks may share it.

    :param settings: base URL, token, timeouts and retries
    :param sleep: waits between attempts; :func:`asyncio.sleep` by default
    """

    def __init__(self, settings: ClientSettings, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self.settings = settings
        self._sleep = sleep
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """
        Close the open connections.
        """
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def send(self, request: Request) -> HTTPResponse:
        """
        Send a request, and retry it if that makes sense.

        :param request: the request
        :return: the response, whose status is below 400
        :raises AIEndpointsError: if no attempt succeeded
        """
        attempt, waited, due = 1, 0.0, 0.0
        while True:
            try:
                return replace(await self._in_turn(request, self.settings.timeout, due), attempts=attempt)
            except AIEndpointsError as error:
                error.attempts = attempt
                jitter = random.random()  # noqa: S311  (spreads retries, guards nothing)
                pause = pause_before_next(error, request, self.settings, attempt=attempt, waited=waited, jitter=jitter)
                if pause is None:
                    raise
                log.info("Attempt %d failed: %s Next in %.1f s.", attempt, error.args[0], pause)
            due = time.monotonic() + pause
            await self._sleep(pause)
            attempt, waited = attempt + 1, waited + pause

    async def send_once(self, request: Request, timeout: float | None = None) -> HTTPResponse:
        """
        Make one attempt.

        :param request: the request
        :param timeout: seconds for the attempt, from name lookup to the last byte; the settings' timeout by default
        :return: the response, whose status is below 400
        :raises AIEndpointsError: if the attempt failed
        """
        return await self._in_turn(request, timeout or self.settings.timeout)

    async def _in_turn(self, request: Request, seconds: float, due: float = 0.0) -> HTTPResponse:
        """
        Make one attempt when the pacer permits, or two if the service refuses optional fields.
        """
        fields = OptionalFields(request, self.settings)
        outcome = await self._exchange_in_turn(fields.request, seconds, due)
        if isinstance(outcome, HTTPResponse) and fields.observe(outcome):
            outcome = await self._exchange_in_turn(fields.request, seconds, due)
            if isinstance(outcome, HTTPResponse):
                fields.observe(outcome)
        if isinstance(outcome, HTTPResponse):
            error = parse_error(outcome, request, self.settings.base_url, self.settings.token, time.time())
            if error is None:
                return outcome
            outcome = error
        # Raised out of any except block: an exception of httpx holds the headers, and with them the token.
        raise outcome

    async def _exchange_in_turn(self, request: Request, seconds: float, due: float) -> HTTPResponse | AIEndpointsError:
        with find_pacer(self.settings, request.model) as pacer:
            for _ in range(1 + FREE_RATE_LIMIT_RETRIES):
                permit = pacer.acquire(self.settings, max(time.monotonic(), due))
                while permit.wait:
                    await self._sleep(permit.wait)
                    permit = pacer.acquire(self.settings, max(time.monotonic(), permit.moment + permit.wait))
                outcome = await self._exchange(request, seconds)
                if isinstance(outcome, AIEndpointsError):
                    return outcome
                error = parse_error(outcome, request, self.settings.base_url, self.settings.token, time.time())
                # That the credit is used up says nothing about the rate.
                if isinstance(error, QuotaExceededError) or not pacer.observe(
                    permit, self.settings, outcome.status, outcome.headers, tokens=outcome.total_tokens
                ):
                    break
        return outcome

    async def _exchange(self, request: Request, seconds: float) -> HTTPResponse | AIEndpointsError:
        import httpx

        progress = _Progress(min(self.settings.connect_timeout, seconds), seconds)
        try:
            client = self._open()
            started = time.monotonic()
            async with progress:
                outcome = await self._read(client, request, progress)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exception:
            return build_connection_error(
                exception, request, self.settings, seconds=seconds, connected=progress.connected
            )
        return replace(outcome, seconds=time.monotonic() - started) if isinstance(outcome, HTTPResponse) else outcome

    async def _read(
        self, client: httpx.AsyncClient, request: Request, progress: _Progress
    ) -> HTTPResponse | AIEndpointsError:
        headers = {"Content-Type": "application/json"} if request.content is not None else None
        url = self.settings.base_url + request.path
        body = bytearray()
        async with client.stream(
            request.method, url, content=request.content, headers=headers, extensions={"trace": progress}
        ) as response:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self.settings.max_response_bytes:
                    break
        return receive(response.status_code, response.headers.items(), bytes(body), request, self.settings)

    def _open(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = _new_client(self.settings)
        return self._http


class _Progress:
    """
    Enforces the timeouts of one attempt: the one for connecting until httpcore's events show that the request is being
    sent, then the whole one.
    """

    def __init__(self, connect_seconds: float, seconds: float) -> None:
        self.connected = False
        self._limit = asyncio.timeout(connect_seconds)
        self._more = seconds - connect_seconds
        self._stream: Any = None

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()

    async def __aexit__(self, *error: Any) -> None:
        try:
            await self._limit.__aexit__(*error)
        finally:
            if self._stream is not None and not self.connected:
                # httpcore forgets a socket whose TLS handshake is cancelled.
                await self._stream.aclose()

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith("connect_tcp.complete"):
            self._stream = info["return_value"]
            if self._limit.expired():
                # anyio (4.15) takes a cancellation at the moment of connecting for one of its own, and continues: the
                # attempt would wait for its response for ever.
                raise asyncio.CancelledError
        leaves = event.endswith("send_request_headers.started") and info["request"].method != b"CONNECT"
        if leaves and not self._limit.expired():
            self.connected = True
            self._limit.reschedule((self._limit.when() or 0.0) + self._more)
        if event.endswith("receive_response_headers.complete"):
            # httpcore logs this value at DEBUG, and a service may echo the token in a header.
            info["return_value"] = None


def _new_client(settings: ClientSettings) -> httpx.AsyncClient:
    import httpx

    class TokenAuth(httpx.Auth):
        async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            request.headers.pop("Authorization", None)
            if settings.token:
                request.headers["Authorization"] = f"Bearer {settings.token}"
            yield request

    class Transport(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            # httpx logs it, and a service may echo the token in it.
            response.extensions.pop("reason_phrase", None)
            return response

    return httpx.AsyncClient(
        auth=TokenAuth(),
        headers={
            "User-Agent": settings.user_agent,
            "Accept": "application/json",
            "Accept-Encoding": ACCEPT_ENCODING,
        },
        # One clock bounds each attempt: the one above.
        timeout=None,  # noqa: S113  (that clock bounds reads as well)
        transport=Transport(
            verify=_trust(settings.ca_bundle),
            limits=httpx.Limits(max_connections=MAX_POOL_CONNECTIONS, max_keepalive_connections=MAX_POOL_CONNECTIONS),
            proxy=settings.proxy,
            # Proxy and certificates were read from the environment once, for both drivers.
            trust_env=False,
        ),
        # Nor is a .netrc read.
        trust_env=False,
        follow_redirects=False,
    )


def _trust(ca_bundle: str | None) -> ssl.SSLContext | bool:
    if ca_bundle is None:
        return True
    if os.path.isdir(ca_bundle):
        return ssl.create_default_context(capath=ca_bundle)
    return ssl.create_default_context(cafile=ca_bundle)
