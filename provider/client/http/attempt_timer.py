"""
Enforces the timeout of one attempt over name lookup, every address, the handshake, and a response that trickles.

``requests`` limits each wait for a byte, not their sum. Here, one thread in each process shuts down the TCP connection
of an attempt that has expired, so that all reads and writes on it fail. An ordinary call pays some microseconds to
enter and leave a set; a timer of its own cost it a third of a millisecond.
"""

from __future__ import annotations

import contextlib
import math
import os
import socket
import threading
import time
from typing import Any

_Addresses = list[tuple[Any, ...]]


class AttemptTimer:
    """
    The timer of one attempt, as a context manager.

    :param seconds: timeout of the attempt, from name lookup to the last byte
    :param connect_seconds: timeout until the service is reached, including TLS and a proxy
    """

    def __init__(self, seconds: float, connect_seconds: float) -> None:
        started = time.monotonic()
        self._seconds = seconds
        self._last = started + seconds
        #: When it expires: first the deadline for connecting, then that for the whole response.
        self.ends = started + min(connect_seconds, seconds)
        #: Whether the service was reached.
        self.connected = False
        #: Seconds until TCP was connected, and until TLS was; None for a reused connection.
        self.connect_seconds: float | None = None
        self.secured: float | None = None
        self._started = started
        #: Whether the timeout has passed.
        self.expired = False
        self._sock_fd: int | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> AttemptTimer:
        _watcher().add(self)
        _current.attempt = self
        return self

    def __exit__(self, *_: object) -> None:
        _watcher().remove(self)
        _current.attempt = None
        with self._lock:
            self._release()

    def left(self) -> float:
        """
        Return the seconds that remain; at least a millisecond, as socket timeouts must be positive.
        """
        return max(self.ends - time.monotonic(), 0.001)

    def on_connect(self, sock: socket.socket) -> None:
        """
        Record that TCP is connected; the rest of the connect timeout is for TLS.

        :param sock: the connected socket
        """
        self.connect_seconds = time.monotonic() - self._started
        self.watch(sock)

    def watch(self, sock: socket.socket) -> None:
        """
        Shut down this connection if the attempt expires.

        :param sock: the socket, or the TLS around it
        """
        with self._lock:
            self._release()
            # A duplicate, as TLS takes the socket over, and a response may outlive it.
            self._sock_fd = os.dup(sock.fileno())
            if self.expired:
                self._shut()

    def on_ready(self, sock: socket.socket) -> None:
        """
        Record that the connection is ready; from now on the timeout of the whole attempt applies.

        :param sock: the socket, or the TLS around it
        """
        if self.connect_seconds is not None and not self.connected:
            self.secured = time.monotonic() - self._started
        self.connected = True
        self.ends = self._last
        self.watch(sock)

    def pause(self) -> None:
        """
        Stop the timer while the caller does something other than read the response.
        """
        self.ends = math.inf

    def restart(self) -> None:
        """
        Start the timer again with the whole timeout.
        """
        self.ends = time.monotonic() + self._seconds
        _watcher().add(self)

    def abort(self) -> None:
        """
        Expire now: all reads and writes on the connection fail.
        """
        with self._lock:
            self.expired = True
            self._shut()

    def _shut(self) -> None:
        if self._sock_fd is not None:
            with socket.socket(fileno=self._sock_fd) as sock, contextlib.suppress(OSError):
                self._sock_fd = None
                sock.shutdown(socket.SHUT_RDWR)

    def _release(self) -> None:
        if self._sock_fd is not None:
            os.close(self._sock_fd)
            self._sock_fd = None


class _Watcher(threading.Thread):
    """
    Sleeps until the first of the running attempts expires.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True, name="ai-endpoints-deadlines")
        self._changed = threading.Condition()
        self._attempts: set[AttemptTimer] = set()
        self._wakes = math.inf

    def add(self, attempt: AttemptTimer) -> None:
        with self._changed:
            self._attempts.add(attempt)
            if attempt.ends < self._wakes:
                self._changed.notify()

    def remove(self, attempt: AttemptTimer) -> None:
        with self._changed:
            self._attempts.discard(attempt)

    def run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for attempt in [attempt for attempt in self._attempts if attempt.ends <= now]:
                    self._attempts.discard(attempt)
                    attempt.abort()
                # An attempt that ended early leaves an early waking behind, so that the next one need not wake us.
                self._wakes = min((attempt.ends for attempt in self._attempts), default=math.inf)
                self._changed.wait(None if math.isinf(self._wakes) else self._wakes - now)


_lock = threading.Lock()
_running: _Watcher | None = None


def _watcher() -> _Watcher:
    global _running  # noqa: PLW0603  (one a process)
    with _lock:
        if _running is None:
            _running = _Watcher()
            _running.start()
        return _running


def _forget() -> None:
    # Threads do not survive a fork, and a lock may have been held while it happened.
    global _running, _lock
    _running, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

_current = threading.local()


def current_attempt() -> AttemptTimer | None:
    """
    Return the timer of this thread's current attempt, or None.
    """
    return getattr(_current, "attempt", None)


def open_socket(host: str, port: int, seconds: float) -> socket.socket:
    """
    Connect to the first address of a host that answers.

    :param host: name or address
    :param port: TCP port
    :param seconds: timeout for the name lookup and all addresses together
    :return: the connected socket
    :raises TimeoutError: if the timeout passed
    :raises OSError: if no address could be reached: the error of the last one
    """
    ends = time.monotonic() + seconds
    fault: OSError = OSError(f"{host} has no address")
    addresses = _resolve(host, port, seconds)
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            # Each address gets its share, so that one that drops packets leaves time for the next.
            sock.settimeout(max((ends - time.monotonic()) / (len(addresses) - position), 0.001))
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            fault = error
    raise fault


def _resolve(host: str, port: int, seconds: float) -> _Addresses:
    results: list[_Addresses | OSError] = []

    def look_up() -> None:
        try:
            results.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            results.append(error if isinstance(error, OSError) else socket.gaierror(str(error)))

    # getaddrinfo can't be interrupted. A daemon thread that is no longer needed ends with the resolver's own timeout.
    thread = threading.Thread(target=look_up, daemon=True, name="ai-endpoints-name-lookup")
    thread.start()
    thread.join(seconds)
    if not results:
        raise TimeoutError(f"the lookup of {host} took longer than {seconds:g} s")
    if isinstance(results[0], OSError):
        raise results[0]
    return results[0]
