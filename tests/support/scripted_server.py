"""
A server that treats a connection as a test asks: the sandbox answers well, this one badly.

Each request is met by the next *manner* of a script, the last of which stays. A manner gets the connection and the
request, and says whether the connection is kept.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """
    One accepted connection, and the event that ends the server.
    """

    def __init__(self, line: socket.socket, closing: threading.Event) -> None:
        self.line = line
        self.closing = closing

    def send(self, data: bytes) -> None:
        self.line.sendall(data)

    def drip(self, data: bytes, pause: float = 0.05) -> None:
        for byte in data:
            self.send(bytes([byte]))
            if self.closing.wait(pause):
                return

    def hang(self) -> None:
        self.closing.wait(60)


Manner = Callable[[Wire, Received], bool]


class Server:
    """
    Listens on 127.0.0.1 while its context lasts.

    :param manners: what happens to the first request, the second, ...; the last stays
    :param tls: makes it speak TLS
    :param first: what happens to a connection before anything is read from it
    :param window: bytes that the system takes in before anything is read
    """

    def __init__(
        self,
        *manners: Manner,
        tls: ssl.SSLContext | None = None,
        first: Callable[[Wire], None] | None = None,
        window: int | None = None,
    ) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self._manners = list(manners)
        self._tls = tls
        self._first = first
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._lines: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        if window:
            self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.port: int = self._listening.getsockname()[1]

    @property
    def base_url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Server:
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for line in self._lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(30)

    def _run(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True, name="scripted-server")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._lines.append(line)
            self._run(self._serve, line)

    def _serve(self, line: socket.socket) -> None:
        with suppress(OSError), line:
            if self._first:
                self._first(Wire(line, self._closing))
            if self._tls:
                line = self._tls.wrap_socket(line, server_side=True)
            with line:
                self._converse(line)

    def _converse(self, line: socket.socket) -> None:
        with line.makefile("rb") as incoming:
            keep_alive = True
            while keep_alive and (request := read_request(incoming)):
                with self._lock:
                    self.requests.append(request)
                    manner = self._manners.pop(0) if len(self._manners) > 1 else self._manners[0]
                keep_alive = manner(Wire(line, self._closing), request) and not self._closing.is_set()


def read_request(incoming: Any) -> Received | None:
    start = incoming.readline().decode("latin-1").split()
    if len(start) != 3:
        return None
    lines = iter(lambda: incoming.readline().decode("latin-1").rstrip("\r\n"), "")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Received(start[0], start[1], headers, incoming.read(int(headers.get("content-length", 0))))


def message(status: int = 200, body: Any = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """
    Write an HTTP response, of JSON unless the body is text or bytes.
    """
    plain = isinstance(body, (str, bytes))
    content = body.encode() if isinstance(body, str) else body if plain else json.dumps(body).encode()
    own = {"Content-Type": "text/plain" if plain else "application/json", "Content-Length": str(len(content))}
    lines = [f"HTTP/1.1 {status} Scripted"]
    lines += [f"{name}: {value}" for name, value in (own | dict(headers or {})).items() if value is not None]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def respond(status: int = 200, body: Any = b"", headers: Mapping[str, str] | None = None) -> Manner:
    def manner(wire: Wire, _: Received) -> bool:
        wire.send(message(status, body, headers))
        return True

    return manner


def echo(status: int, spell: Callable[[str], str], **headers: str) -> Manner:
    """
    Send the token of a request back, in a spelling of one's own.
    """

    def manner(wire: Wire, request: Received) -> bool:
        token = spell(request.headers["authorization"].removeprefix("Bearer "))
        named = {name.replace("_", "-"): value.replace("TOKEN", token) for name, value in headers.items()}
        wire.send(message(status, {"error": {"message": f"Not known: {token}", "code": f"no_{token}"}}, named))
        return True

    return manner


def hang(wire: Wire, _: Received) -> bool:
    wire.hang()
    return False


def drip_headers(wire: Wire, _: Received) -> bool:
    wire.drip(message(200, {}, {"X-Long": "x" * 2_000}))
    return False


def drip_body(wire: Wire, _: Received) -> bool:
    start, _, body = message(200, "x" * 2_000).partition(b"\r\n\r\n")
    wire.send(start + b"\r\n\r\n")
    wire.drip(body)
    return False


def drip_unbounded_body(wire: Wire, _: Received) -> bool:
    """
    Drip a body that only the end of the connection ends, so that cutting it looks like its end.
    """
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{}")
    wire.drip(b" " * 2_000)
    return False


def drip_chunks(wire: Wire, _: Received) -> bool:
    wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    wire.drip(b"1\r\nx\r\n" * 500)
    return False


def vanish(_: Wire, __: Received) -> bool:
    """
    Close without a word.
    """
    return False


def stop_halfway(wire: Wire, _: Received) -> bool:
    whole = message(200, {"object": "list", "data": []})
    wire.send(whole[:-10])
    return False


def reset(wire: Wire, _: Received) -> bool:
    wire.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def raw(data: bytes, *, keep_alive: bool = False) -> Manner:
    def manner(wire: Wire, _: Received) -> bool:
        wire.send(data)
        return keep_alive

    return manner


@contextmanager
def refusing() -> Iterator[int]:
    """
    A port of 127.0.0.1 where nothing listens.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]


@contextmanager
def swallowing() -> Iterator[int]:
    """
    A port whose queue is full, so that the kernel lets no client connect.
    """
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(8)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]
        for each in waiting:
            each.close()
