"""The HTTP/1.1 server: reads requests, sends responses, keeps connections open."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from ...defaults import BATCH_BYTES, MAX_REQUEST_BYTES_IMAGES
from .messages import Refusal, Request, Response, gateway_refusal

logger = logging.getLogger(__name__)

#: A body that is too large is read up to this size: many clients read the response only after that.
_MAX_DRAINED_BYTES = 64 * 1024 * 1024

#: A file is sent in a form, which needs some more bytes.
_MAX_FORM_BYTES = BATCH_BYTES + 10_000


class Server(ThreadingHTTPServer):
    """
    A server on the loopback interface; closing it closes its connections.

    :param port: port to listen on, 0 for any free one
    :param answer: builds the response to a request; ``None`` means that the server is stopping
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, answer: Callable[[Request], Response | None]) -> None:
        self.answer = answer
        self.accepted = 0
        self.request_ids = itertools.count(1)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        """Bind without a DNS query for this machine's name, which the base class would send."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count a connection and remember it until it is closed."""
        with self._lock:
            self.accepted += 1
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that is closed."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close the listening socket and every connection still open."""
        super().server_close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Don't log clients that closed the connection early."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    #: With the base class's 0.9, the response to an invalid request would have no status line.
    default_request_version = "HTTP/1.0"
    disable_nagle_algorithm = True
    #: Buffered, so that head and body leave in one packet.
    wbufsize = -1
    #: Replaced once the request line is parsed.
    path = command = ""

    def _serve(self) -> None:
        try:
            body = self._body()
        except Refusal as refusal:
            self.close_connection = True
            self._send(refusal.response)
            return
        # A client of HTTP/1.0 may ask to keep the connection open, but would expect a header that confirms it.
        self.close_connection |= self.request_version < "HTTP/1.1"
        headers = {name.lower(): value for name, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        response = self.server.answer(Request(self.command, path, headers, body, dict(parse_qsl(query))))
        if response is None or response.portion == "nothing":
            self.close_connection = True
        else:
            self._send(response)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve

    def _body(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            raise gateway_refusal(411, "Length Required: send a Content-Length")
        stated = self.headers.get("Content-Length", "0").strip()
        if not (stated.isascii() and stated.isdigit()) or len(stated) > 15:
            raise gateway_refusal(400, "Content-Length is not a number")
        length = int(stated)
        max_bytes = _MAX_FORM_BYTES if self.path.startswith(("/v1/files", "/v1/audio")) else MAX_REQUEST_BYTES_IMAGES
        if length > max_bytes:
            self._drain(min(length, _MAX_DRAINED_BYTES))
            message = f"Request body is {length} bytes, more than {max_bytes}"
            raise gateway_refusal(413, message)
        body = self.rfile.read(length)
        if len(body) < length:
            raise gateway_refusal(400, f"The body ended after {len(body)} of {length} bytes")
        return body

    def _drain(self, length: int) -> None:
        while length > 0 and (part := self.rfile.read(min(length, 65536))):
            length -= len(part)

    def _send(self, response: Response) -> None:
        if response.events is not None:
            self._send_events(response, response.events)
            return
        body = _encode(response.body)
        self._head(response, "application/json" if _is_json(response.body) else "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if response.portion == "half":
            body = body[: len(body) // 2]
            self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_events(self, response: Response, events: Iterable[dict[str, Any]]) -> None:
        chunked = self.request_version >= "HTTP/1.1"
        self._head(response, "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        texts = [*(json.dumps(event, ensure_ascii=False) for event in events), "[DONE]"]
        half = response.portion == "half"
        for text in texts[: len(texts) // 2] if half else texts:
            self._write_event(f"data: {text}\n\n".encode("utf-8", "replace"), chunked)
        if half:
            self.close_connection = True
        elif chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _write_event(self, event: bytes, chunked: bool) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event) if chunked else event)
        self.wfile.flush()

    def _head(self, response: Response, content_type: str) -> None:
        self.send_response(response.status)
        own = {"content-type": content_type, "x-request-id": f"sandbox-{next(self.server.request_ids):06d}"}
        if self.close_connection:
            own["connection"] = "close"
        names = {name.lower() for name in response.headers}
        own = {name: value for name, value in own.items() if name not in names}
        for name, value in (response.headers | own).items():
            self.send_header(name, value)

    def handle_expect_100(self) -> bool:
        """Send ``100 Continue`` at once: the client waits for it, so it must not wait in the buffer."""
        ready = super().handle_expect_100()
        self.wfile.flush()
        return ready

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer an invalid HTTP request with JSON instead of the base class's HTML page."""
        self.close_connection = True
        self._send(Response(code, {"message": message or explain or HTTPStatus(code).phrase}))

    def version_string(self) -> str:
        """Name the sandbox in the ``Server`` header."""
        return "ai-endpoints-sandbox"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log method, path and status only: anything else may contain secrets."""
        code = code.value if isinstance(code, HTTPStatus) else code
        logger.debug("%s %a %s", self.command, self.path.partition("?")[0], code)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        """Log the base class's messages, which it would write to standard error."""
        logger.debug(format, *args)


def _is_json(body: Any) -> bool:
    return not isinstance(body, str | bytes)


def _encode(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return text.encode("utf-8", "replace")
