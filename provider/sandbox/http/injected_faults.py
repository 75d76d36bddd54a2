"""Injected faults: a test adds them, and the next requests get them instead of an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from http.client import responses
from typing import Any

from .messages import Response


@dataclass(frozen=True)
class Fault:
    """
    A fault for one request.

    :param path: path of the request, with ``*`` for any characters; ``None`` for any path
    :param apply: builds the faulty response; its argument builds the ordinary one
    """

    path: str | None
    apply: Callable[[Callable[[], Response]], Response]


class Faults:
    """The queue of faults, in the order in which they were added."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault, times: int) -> None:
        """
        Add a fault to the queue.

        :param fault: the fault
        :param times: number of requests that get it
        """
        with self._lock:
            self._waiting += [fault] * times

    def next(self, path: str) -> Fault | None:
        """
        Remove the first fault for a request from the queue.

        :param path: path of the request
        :return: the fault, or ``None`` if there isn't one
        """
        with self._lock:
            match = next((fault for fault in self._waiting if fnmatchcase(path, fault.path or "*")), None)
            if match:
                self._waiting.remove(match)
            return match

    def clear(self) -> None:
        """Remove all faults from the queue."""
        with self._lock:
            self._waiting.clear()


def build_failure(status: int, body: Any, headers: Mapping[str, str], delay: float, path: str | None) -> Fault:
    """
    Build a fault that answers with an error, or with any other response.

    :param status: HTTP status
    :param body: an object to send as JSON, a string or bytes; None sends a gateway's message
    :param headers: headers of the response
    :param delay: seconds before the response
    :param path: path of the request, as in :class:`Fault`
    :return: the fault
    """
    content = {"message": responses.get(status, "Error")} if body is None else body
    return Fault(path, lambda _: Response(status, content, dict(headers), delay=delay))


def build_drop(path: str | None) -> Fault:
    """
    Build a fault that closes the connection without a response.

    :param path: path of the request, as in :class:`Fault`
    :return: the fault
    """
    return Fault(path, lambda _: Response(200, portion="nothing"))


def build_cut(path: str | None) -> Fault:
    """
    Build a fault that closes the connection in the middle of the ordinary response.

    :param path: path of the request, as in :class:`Fault`
    :return: the fault
    """
    return Fault(path, lambda ordinary: replace(ordinary(), portion="half"))


def build_delay(seconds: float, path: str | None) -> Fault:
    """
    Build a fault that delays the ordinary response.

    :param seconds: delay
    :param path: path of the request, as in :class:`Fault`
    :return: the fault
    """
    return Fault(path, lambda ordinary: replace(ordinary(), delay=seconds))
