"""
A client of the ``openai`` package that sends nothing itself: each of its requests goes through our own driver.

So the connection decides about token, certificates, proxy, time, retries and pace there as it does everywhere else. The
``openai`` package never holds the token, and neither does an exception of its or of the HTTP library under it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

from ...client.http.async_client import AsyncClient
from ...client.http.http_request import Request
from ...client.http.http_response import Reply, parse
from ...client.settings import ClientSettings
from ...errors import AIEndpointsError

#: What is true of the bytes on the wire, and no longer of those that were read.
_OF_THE_WIRE = {"content-length", "transfer-encoding", "connection"}

#: The type of an answer in pieces.
EVENTS = "text/event-stream"

#: Told of each answer, and of each request that was given up.
ResponseCallback = Callable[[Request, "Reply | AIEndpointsError"], None]


class _Sender:
    """
    Our driver, for whichever event loop runs: connections that are kept open belong to one.

    :param settings: where, as whom, and how patiently
    """

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[float, AsyncClient]] = WeakKeyDictionary()

    async def send(self, request: Request, seconds: float | None) -> Reply | AIEndpointsError:
        """
        Send a request.

        :param request: what to send
        :param seconds: for one attempt
        :return: the reply, or why there is none that can be read
        """
        seconds = seconds or self._settings.timeout
        clients = self._clients.setdefault(asyncio.get_running_loop(), {})
        if seconds not in clients:
            clients[seconds] = AsyncClient(replace(self._settings, timeout=seconds))
        try:
            reply = await clients[seconds].send(request)
            if reply.content_type != EVENTS:
                parse(reply, request, self._settings)
        except AIEndpointsError as error:
            return error.with_traceback(None)
        return reply


def openai_client(settings: ClientSettings, on_response: ResponseCallback) -> Any:
    """
    Make the client.

    :param settings: where, as whom, and how patiently
    :param on_response: told of each answer, and of each request that was given up
    :return: an ``openai.AsyncOpenAI``
    """
    import openai

    # openai 3 left httpx for its successor, and takes the clients of both for a while.
    http: Any = import_module("httpx2" if hasattr(openai, "DefaultAsyncHttpx2Client") else "httpx")
    sender = _Sender(settings)

    class Transport(http.AsyncBaseTransport):  # type: ignore[misc]  # of httpx or httpx2
        async def handle_async_request(self, request: Any) -> Any:
            sent = _request(request.method, str(request.url), await request.aread(), settings)
            outcome = await sender.send(sent, request.extensions.get("timeout", {}).get("read"))
            on_response(sent, outcome)
            if isinstance(outcome, Reply):
                headers = {name: value for name, value in outcome.headers.items() if name not in _OF_THE_WIRE}
                return http.Response(outcome.status, headers=headers, content=outcome.body)
            if (outcome.status or 0) < 400:
                raise openai.APIConnectionError(message=str(outcome), request=request)
            return http.Response(outcome.status, headers=_wait(outcome), json=_refusal(outcome))

    return openai.AsyncOpenAI(
        base_url=settings.base_url,
        api_key="not used: the connection's own is sent",
        timeout=settings.timeout,
        max_retries=0,
        http_client=http.AsyncClient(transport=Transport(), trust_env=False),
    )


def _request(method: str, url: str, content: bytes, settings: ClientSettings) -> Request:
    path = url.removeprefix(settings.base_url)
    body = json.loads(content) if content else None
    model = body.get("model") if isinstance(body, Mapping) else None
    is_chat = path == "/chat/completions"
    what = "chat completion" if is_chat else path.strip("/")
    return Request(method, path, what, model, content or None, safe_to_retry=not is_chat)


def _refusal(error: AIEndpointsError) -> dict[str, Any]:
    return {"error": {"message": str(error), "code": error.code}}


def _wait(error: AIEndpointsError) -> dict[str, str]:
    return {} if error.retry_after is None else {"retry-after": f"{error.retry_after:g}"}
