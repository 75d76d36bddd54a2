"""
Where a request goes, when it is wrong before the first byte: addresses, certificates, proxies.
"""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import trustme
from support.proxy import PASSWORD, USER, Proxy
from support.scripted_server import Manner, Server, Wire, refusing, swallowing


@dataclass
class Place:
    """
    A place, and how it is reached.

    :param base_url: what the connection names
    :param settings: fields of the client's settings
    :param server: what counts the requests, where one arrives
    """

    base_url: str
    settings: dict[str, Any] = field(default_factory=dict)
    server: Any = None


@cache
def _authority() -> tuple[trustme.CA, str]:
    authority = trustme.CA()
    file = f"{mkdtemp(prefix='authority-')}/authority.pem"
    authority.cert_pem.write_to_path(file)
    return authority, file


def _context(*names: str, expired: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ended = {"not_after": datetime.datetime(2020, 1, 1)} if expired else {}
    _authority()[0].issue_cert(*names, **ended).configure_cert(context)
    return context


@contextmanager
def _tls(manner: Manner, *names: str, expired: bool = False, trusted: bool = True) -> Iterator[Place]:
    with Server(manner, tls=_context(*names, expired=expired)) as server:
        yield Place(server.base_url, {"ca_bundle": _authority()[1]} if trusted else {}, server)


@contextmanager
def _closed_port(_: Manner) -> Iterator[Place]:
    with refusing() as port:
        yield Place(f"http://127.0.0.1:{port}/v1")


@contextmanager
def _full(_: Manner) -> Iterator[Place]:
    with swallowing() as port:
        yield Place(f"http://127.0.0.1:{port}/v1")


@contextmanager
def _nameless(_: Manner) -> Iterator[Place]:
    yield Place("https://no-such.invalid/v1")


@contextmanager
def _plain_behind_https(manner: Manner) -> Iterator[Place]:
    def answer(connection: Wire) -> None:
        connection.line.recv(10)
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Server(manner, first=answer) as server:
        yield Place(f"https://127.0.0.1:{server.port}/v1")


@contextmanager
def _silent_tls(manner: Manner) -> Iterator[Place]:
    with Server(manner, first=Wire.hang) as server:
        yield Place(f"https://127.0.0.1:{server.port}/v1")


@contextmanager
def _tls_behind_plain(manner: Manner) -> Iterator[Place]:
    with Server(manner, tls=_context("127.0.0.1")) as server:
        yield Place(f"http://127.0.0.1:{server.port}/v1")


@contextmanager
def _version_six(manner: Manner) -> Iterator[Place]:
    with Server(manner) as server:
        six = socket.create_server(("::1", 0), family=socket.AF_INET6)
        # A thread that waits on a socket is not woken by its end alone.
        server._listening.shutdown(socket.SHUT_RDWR)
        server._listening.close()
        server._listening = six
        server._run(server._accept)
        yield Place(f"http://[::1]:{six.getsockname()[1]}/v1", server=server)


@contextmanager
def _proxied(manner: Manner, *, hang: bool = False) -> Iterator[Place]:
    with Server(manner) as server, Proxy({"service.test": server.port}, hang=hang) as proxy:
        yield Place("http://service.test/v1", {"proxy": proxy.url()}, server)


@contextmanager
def _proxied_tls(manner: Manner, *, password: str = PASSWORD, host: str = "service.test") -> Iterator[Place]:
    with (
        Server(manner, tls=_context("service.test")) as server,
        Proxy({"service.test": server.port}) as proxy,
    ):
        yield Place(f"https://{host}/v1", {"proxy": proxy.url(password), "ca_bundle": _authority()[1]}, server)


@contextmanager
def _no_proxy_there(_: Manner) -> Iterator[Place]:
    with refusing() as port:
        yield Place("https://service.test/v1", {"proxy": f"http://{USER}:{PASSWORD}@127.0.0.1:{port}"})


@contextmanager
def _bundle_that_is_none(manner: Manner) -> Iterator[Place]:
    with Server(manner, tls=_context("127.0.0.1")) as server:
        yield Place(server.base_url, {"ca_bundle": str(Path(__file__))})


#: Place -> how it is made, and the error's ``kind``; nothing where there is an answer.
PLACES: dict[str, tuple[Callable[[Manner], Any], str]] = {
    "nobody listens": (_closed_port, "refused"),
    "nobody accepts": (_full, "timeout"),
    "a name that is none": (_nameless, "dns"),
    "IPv6": (_version_six, ""),
    "TLS of a private authority": (lambda manner: _tls(manner, "127.0.0.1"), ""),
    "TLS of an unknown authority": (lambda manner: _tls(manner, "127.0.0.1", trusted=False), "tls"),
    "TLS of another host": (lambda manner: _tls(manner, "other.test"), "tls"),
    "TLS that has expired": (lambda manner: _tls(manner, "127.0.0.1", expired=True), "tls"),
    "TLS that is silent": (_silent_tls, "timeout"),
    "TLS behind plain HTTP": (_tls_behind_plain, "lost"),
    "plain HTTP behind TLS": (_plain_behind_https, "tls"),
    "a CA bundle that is none": (_bundle_that_is_none, "tls"),
    "a proxy": (_proxied, ""),
    "a proxy before TLS": (_proxied_tls, ""),
    "a proxy that is not there": (_no_proxy_there, "proxy"),
    "a proxy that says nothing": (lambda manner: _proxied(manner, hang=True), "timeout"),
    "a proxy before TLS that wants another password": (lambda manner: _proxied_tls(manner, password="wrong"), "proxy"),
    "a proxy before TLS that finds nobody": (lambda manner: _proxied_tls(manner, host="nobody.test"), "proxy"),
}
