"""
A client of the ``openai`` package whose requests go through our own HTTP client.

So the connection's token, certificates, proxy, timeout, retries and rate limit apply. The ``openai`` package and its
HTTP library never hold the token, and neither do their exceptions.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from weakref import WeakKeyDictionary

from ...client.http.async_client import AsyncClient
from ...client.http.http_request import Request
from ...client.http.http_response import HTTPResponse, parse
from ...client.settings import ClientSettings
from ...errors import AIEndpointsError

#: Headers that describe the bytes on the wire, not the decoded body.
_WIRE_HEADERS = {"content-length", "transfer-encoding", "connection"}

#: The content type of a streamed answer.
EVENTS = "text/event-stream"

#: Fields that the ``openai`` package and pydantic-ai add by themselves.
_ADDED_FIELDS = {"encoding_format": "base64", "stream_options": {"include_usage": True}}

#: Called with each request, and its response or error.
ResponseCallback = Callable[[Request, "HTTPResponse | AIEndpointsError"], None]


class _Sender:
    """
    Our HTTP client for the running event loop. Open connections belong to one event loop.

    :param settings: base URL, token, timeouts and retries
    """

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[float, AsyncClient]] = WeakKeyDictionary()

    async def send(self, request: Request, seconds: float | None) -> HTTPResponse | AIEndpointsError:
        """
        Send a request.

        :param request: the request
        :param seconds: timeout of one attempt; the connection's if None
        :return: the response, or the error
        """
        seconds = seconds or self._settings.timeout
        clients = self._clients.setdefault(asyncio.get_running_loop(), {})
        if seconds not in clients:
            clients[seconds] = AsyncClient(replace(self._settings, timeout=seconds))
        try:
            response = await clients[seconds].send(request)
            if response.content_type != EVENTS:
                parse(response, request, self._settings)
        except AIEndpointsError as error:
            return error.with_traceback(None)
        return response


def openai_client(settings: ClientSettings, on_response: ResponseCallback) -> Any:
    """
    Create the client.

    :param settings: base URL, token, timeouts and retries
    :param on_response: called with each request, and its response or error
    :return: an ``openai.AsyncOpenAI``
    """
    import openai

    # openai 3 uses the successor of httpx, and accepts clients of both for now. openai 2 has it as an extra.
    has_successor = hasattr(openai, "DefaultAsyncHttpx2Client") and find_spec("httpx2") is not None
    http: Any = import_module("httpx2" if has_successor else "httpx")
    sender = _Sender(settings)

    class Transport(http.AsyncBaseTransport):  # type: ignore[misc]  # of httpx or httpx2
        async def handle_async_request(self, request: Any) -> Any:
            our_request = _to_request(request.method, str(request.url), await request.aread(), settings)
            outcome = await sender.send(our_request, request.extensions.get("timeout", {}).get("read"))
            on_response(our_request, outcome)
            if isinstance(outcome, HTTPResponse):
                headers = {name: value for name, value in outcome.headers.items() if name not in _WIRE_HEADERS}
                return http.Response(outcome.status, headers=headers, content=outcome.body)
            if (outcome.status or 0) < 400:
                raise openai.APIConnectionError(message=str(outcome), request=request)
            return http.Response(outcome.status, headers=_build_error_headers(outcome), json=_build_error_body(outcome))

    return openai.AsyncOpenAI(
        base_url=settings.base_url,
        api_key="not used: the connection's own is sent",
        timeout=settings.timeout,
        max_retries=0,
        http_client=http.AsyncClient(transport=Transport(), trust_env=False),
    )


def _to_request(method: str, url: str, content: bytes, settings: ClientSettings) -> Request:
    path = url.removeprefix(settings.base_url)
    value = json.loads(content) if content else None
    body = value if isinstance(value, Mapping) else {}
    optional = tuple(name for name, added in _ADDED_FIELDS.items() if body.get(name) == added)
    is_chat = path == "/chat/completions"
    what = "chat completion" if is_chat else path.strip("/")
    return Request(method, path, what, body.get("model"), content or None, safe_to_retry=not is_chat, optional=optional)


def _build_error_body(error: AIEndpointsError) -> dict[str, Any]:
    return {"error": {"message": str(error), "code": error.code}}


def _build_error_headers(error: AIEndpointsError) -> dict[str, str]:
    return {} if error.retry_after is None else {"retry-after": f"{error.retry_after:g}"}
