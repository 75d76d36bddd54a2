"""The sandbox as a library: start it, read its received requests, inject faults."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from ..defaults import RATE_LIMIT_TOKEN_RPM
from .connection import connection
from .http.http_server import Server
from .http.injected_faults import Fault, Faults, build_cut, build_delay, build_drop, build_failure
from .http.messages import Request, Response
from .service import Service

#: Default token of the sandbox.
TOKEN = "sandbox-token"  # noqa: S105 - opens nothing but the sandbox

#: Interval at which the accepting thread checks if it has to stop: closing takes no longer.
_POLL_S = 0.02


class Sandbox:
    """
    An AI Endpoints service on 127.0.0.1, running while its context lasts.

    Safe to use from several threads once it is started, and from any number of clients.

    :param port: port to listen on, 0 for any free one
    :param token: the one token that is accepted
    :param rate_limit: requests a minute with the token, for each model
    :param latency: seconds before each response
    :param batch_seconds: duration of a batch
    :param batch_expires: seconds after which a batch expires, None for never
    :param token_limit: tokens a minute for each model, None for no limit
    :param strict: whether to refuse optional fields, and messages whose tool calls don't fit together
    :param record: whether :attr:`requests` stores the received requests
    """

    def __init__(
        self,
        *,
        port: int = 0,
        token: str = TOKEN,
        rate_limit: int = RATE_LIMIT_TOKEN_RPM,
        latency: float = 0.0,
        batch_seconds: float = 0.0,
        batch_expires: float | None = None,
        token_limit: int | None = None,
        strict: bool = False,
        record: bool = True,
    ) -> None:
        self.port = port
        self.token = token
        self.requests: list[Request] = []
        self._record = record
        self._latency = latency
        self._service = Service(token, rate_limit, batch_seconds, batch_expires, token_limit, strict=strict)
        self._faults = Faults()
        self._stopping = threading.Event()
        self._server: Server | None = None

    def __repr__(self) -> str:
        return f"<Sandbox {self.base_url}>"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """
        Start to listen. If :attr:`port` was 0, it then holds the real port.

        :raise OSError: the port isn't available
        """
        self._stopping.clear()
        self._server = Server(self.port, self._answer)
        self.port = self._server.server_port
        threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="ai-endpoints-sandbox", daemon=True
        ).start()

    def close(self) -> None:
        """Stop listening and close all connections."""
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def base_url(self) -> str:
        """Address for a client of OpenAI's API, with the version path."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def connection(self) -> dict[str, Any]:
        """The Airflow connection to this sandbox, as the JSON of an ``AIRFLOW_CONN_`` variable has it."""
        return connection(self.port, self.token)

    @property
    def connection_json(self) -> str:
        """:attr:`connection` as a JSON string, ready for an environment variable."""
        return json.dumps(self.connection)

    @property
    def connections(self) -> int:
        """TCP connections accepted so far."""
        return self._server.accepted if self._server is not None else 0

    def clear(self) -> None:
        """Remove received requests and injected faults, and reset rate limits."""
        self.requests.clear()
        self._faults.clear()
        self._service.limiter.clear()

    def fail_next(
        self,
        status: int = 503,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        times: int = 1,
        path: str | None = None,
        delay: float = 0.0,
    ) -> None:
        """
        Answer the next requests with an error, or with any other response.

        :param status: HTTP status
        :param body: an object to send as JSON, a string or bytes; default: a gateway's message
        :param headers: headers of the response
        :param times: number of requests
        :param path: only requests to this path, such as ``/v1/embeddings``
        :param delay: seconds before the response
        """
        self._faults.add(build_failure(status, body, headers or {}, delay, path), times)

    def drop_next(self, *, times: int = 1, path: str | None = None) -> None:
        """
        Close the connection of the next requests without a response.

        :param times: number of requests
        :param path: only requests to this path
        """
        self._faults.add(build_drop(path), times)

    def cut_next(self, *, times: int = 1, path: str | None = None) -> None:
        """
        Close the connection of the next requests in the middle of the response.

        :param times: number of requests
        :param path: only requests to this path
        """
        self._faults.add(build_cut(path), times)

    def delay_next(self, seconds: float, *, times: int = 1, path: str | None = None) -> None:
        """
        Delay the response to the next requests.

        :param seconds: delay, in addition to the sandbox's latency
        :param times: number of requests
        :param path: only requests to this path; ``*`` matches any characters, as in ``/v1/files/*``
        """
        self._faults.add(build_delay(seconds, path), times)

    def _answer(self, request: Request) -> Response | None:
        if self._record:
            self.requests.append(request)
        response = self._response(request, self._faults.next(request.path))
        self._stopping.wait(self._latency + response.delay)
        return None if self._stopping.is_set() else response

    def _response(self, request: Request, fault: Fault | None) -> Response:
        if fault is None:
            return self._service.answer(request)
        return fault.apply(lambda: self._service.answer(request))
