"""
A small HTTP proxy, for plain requests and for CONNECT, that resolves names of its own.
"""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from support.scripted_server import Received, Wire, read_request

USER, PASSWORD = "someone", "Proxy-Canary-7731"
_WANTED = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Proxy:
    """
    Listens on 127.0.0.1 while its context lasts, and wants user and password.

    :param ports: the port of 127.0.0.1 behind each name; a CONNECT to any other name is answered 502
    :param hang: whether it says nothing at all
    """

    def __init__(self, ports: Mapping[str, int], *, hang: bool = False) -> None:
        self.requests: list[Received] = []
        self._ports = ports
        self._hang = hang
        self._closing = threading.Event()
        self._lines: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]

    def url(self, password: str = PASSWORD) -> str:
        return f"http://{USER}:{password}@127.0.0.1:{self.port}"

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for line in [self._listening, *self._lines]:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._listening.accept()
                self._lines.append(line)
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        # Unbuffered: what follows a CONNECT belongs to the tunnel.
        with suppress(OSError), line, line.makefile("rb", buffering=0) as incoming:
            if self._hang:
                Wire(line, self._closing).hang()
            while request := read_request(incoming):
                self.requests.append(request)
                if not self._handle(line, request):
                    return

    def _handle(self, line: socket.socket, request: Received) -> bool:
        if request.headers.get("proxy-authorization") != _WANTED:
            line.sendall(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
            return True
        target = urlsplit(f"//{request.path}" if request.method == "CONNECT" else request.path)
        port = self._ports.get(target.hostname or "")
        if port is None:
            line.sendall(b"HTTP/1.1 502 No such host\r\nContent-Length: 0\r\n\r\n")
            return True
        with socket.create_connection(("127.0.0.1", port)) as onward:
            if request.method == "CONNECT":
                line.sendall(b"HTTP/1.1 200 Through\r\n\r\n")
            else:
                onward.sendall(_rewritten(request, target.path))
            back = threading.Thread(target=_pump, args=(onward, line), daemon=True)
            back.start()
            _pump(line, onward)
            back.join(30)
        return False


def _rewritten(request: Received, path: str) -> bytes:
    headers = {name: value for name, value in request.headers.items() if not name.startswith("proxy-")}
    head = [f"{request.method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*head, "", ""]).encode() + request.body


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
