"""
The non-blocking driver: the same requests and decisions as :mod:`.blocking`, for code that runs on an event loop.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import random
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from ..errors import AIEndpointsError
from .faults import no_reply, timed_out, too_large
from .pacing import shared_pacer
from .refusals import error_of
from .replies import Reply
from .requests import Request
from .retry import pause_before_next
from .settings import ClientSettings

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)


class AsyncClient:
    """
    HTTP to an OpenAI-compatible service from one event loop.

    :param settings: where, as whom, and how patiently
    :param sleep: how to wait between attempts
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
        Close the connections that are kept open.
        """
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def send(self, request: Request) -> Reply:
        """
        Send a request, again where that makes sense.

        :param request: what to send
        :return: the reply, whose status is below 400
        :raises AIEndpointsError: if no attempt succeeded
        """
        waited = 0.0
        for attempt in itertools.count(1):
            try:
                return replace(await self.send_once(request), attempts=attempt)
            except AIEndpointsError as error:
                error.attempts = attempt
                pause = pause_before_next(
                    error,
                    attempt=attempt,
                    waited=waited,
                    repeatable=request.repeatable,
                    max_retries=self.settings.max_retries,
                    max_wait=self.settings.max_wait,
                    jitter=random.random(),  # noqa: S311  (spreads retries, guards nothing)
                )
                if pause is None:
                    raise
                log.info("Attempt %d failed: %s Next in %.1f s.", attempt, error.args[0], pause)
            await self._sleep(pause)
            waited += pause
        raise AssertionError("unreachable")

    async def send_once(self, request: Request, timeout: float | None = None) -> Reply:
        """
        Make one attempt.

        :param request: what to send
        :param timeout: seconds it may take, from name lookup to the last byte
        :return: the reply, whose status is below 400
        :raises AIEndpointsError: if it did not succeed
        """
        if self.settings.requests_per_minute:
            pacer = shared_pacer(self.settings.base_url, self.settings.token, self.settings.requests_per_minute)
            await self._sleep(pacer.reserve())
        outcome = await self._exchange(request, timeout or self.settings.timeout)
        if isinstance(outcome, Reply):
            error = error_of(outcome, request, self.settings.base_url, self.settings.token, time.time())
            if error is None:
                return outcome
            outcome = error
        # Raised out of any except block: an exception of httpx holds the headers, and with them the token.
        raise outcome

    async def _exchange(self, request: Request, seconds: float) -> Reply | AIEndpointsError:
        import httpx

        started = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                outcome = await self._read(request, seconds)
        except httpx.ConnectTimeout:
            return timed_out(request, self.settings, min(self.settings.connect_timeout, seconds), connected=False)
        except (httpx.TimeoutException, TimeoutError):
            return timed_out(request, self.settings, seconds, connected=True)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exception:
            sent = not isinstance(exception, (httpx.ConnectError, httpx.ProxyError))
            return no_reply(exception, request, self.settings, sent=sent)
        if outcome is None:
            return too_large(request, self.settings)
        return replace(outcome, seconds=time.monotonic() - started)

    async def _read(self, request: Request, seconds: float) -> Reply | None:
        import httpx

        headers = {"Content-Type": "application/json"} if request.content is not None else None
        timeout = httpx.Timeout(seconds, connect=min(self.settings.connect_timeout, seconds))
        url = self.settings.base_url + request.path
        async with self._open().stream(
            request.method, url, content=request.content, headers=headers, timeout=timeout
        ) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self.settings.max_reply_bytes:
                    return None
            names = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status_code, names, bytes(body))

    def _open(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = _new_client(self.settings)
        return self._http


def _new_client(settings: ClientSettings) -> httpx.AsyncClient:
    import httpx

    class TokenAuth(httpx.Auth):
        async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            request.headers.pop("Authorization", None)
            if settings.token:
                request.headers["Authorization"] = f"Bearer {settings.token}"
            yield request

    return httpx.AsyncClient(
        auth=TokenAuth(),
        headers={"User-Agent": settings.user_agent, "Accept": "application/json"},
        verify=_trust(settings.ca_bundle),
        proxy=settings.proxy,
        # Proxy and certificates were read from the environment once, for both drivers; a .netrc is not read at all.
        trust_env=False,
        follow_redirects=False,
    )


def _trust(ca_bundle: str | None) -> ssl.SSLContext | bool:
    if ca_bundle is None:
        return True
    if os.path.isdir(ca_bundle):
        return ssl.create_default_context(capath=ca_bundle)
    return ssl.create_default_context(cafile=ca_bundle)
