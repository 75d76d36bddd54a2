"""Faults that a test orders: the next requests get them instead of an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from http.client import responses
from typing import Any

from .messages import Reply


@dataclass(frozen=True)
class Fault:
    """
    What happens to one request.

    :param path: the address it waits for, with ``*`` for any characters; ``None`` for any address
    :param apply: makes the faulty reply, given how the ordinary one is made
    """

    path: str | None
    apply: Callable[[Callable[[], Reply]], Reply]


class Faults:
    """The faults still to come, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault, times: int) -> None:
        """
        Ask for a fault.

        :param fault: what shall happen
        :param times: to how many requests
        """
        with self._lock:
            self._waiting += [fault] * times

    def next(self, path: str) -> Fault | None:
        """
        Take the fault of a request.

        :param path: the address of the request
        :return: the first fault that waits for it
        """
        with self._lock:
            found = next((fault for fault in self._waiting if fnmatchcase(path, fault.path or "*")), None)
            if found:
                self._waiting.remove(found)
            return found

    def clear(self) -> None:
        """Forget the faults still to come."""
        with self._lock:
            self._waiting.clear()


def failure(status: int, body: Any, headers: Mapping[str, str], delay: float, path: str | None) -> Fault:
    """
    Make a fault that answers with an error, or with anything else.

    :param status: HTTP status
    :param body: an object sent as JSON, text or bytes; by default a gateway's message
    :param headers: headers of the reply
    :param delay: seconds before it is sent
    :param path: the address it waits for
    :return: the fault
    """
    content = {"message": responses.get(status, "Error")} if body is None else body
    return Fault(path, lambda _: Reply(status, content, dict(headers), delay=delay))


def dropped(path: str | None) -> Fault:
    """
    Make a fault that closes the connection without a reply.

    :param path: the address it waits for
    :return: the fault
    """
    return Fault(path, lambda _: Reply(200, sent="nothing"))


def cut(path: str | None) -> Fault:
    """
    Make a fault that closes the connection in the middle of the ordinary reply.

    :param path: the address it waits for
    :return: the fault
    """
    return Fault(path, lambda ordinary: replace(ordinary(), sent="half"))


def delayed(seconds: float, path: str | None) -> Fault:
    """
    Make a fault that sends the ordinary reply late.

    :param seconds: how late
    :param path: the address it waits for
    :return: the fault
    """
    return Fault(path, lambda ordinary: replace(ordinary(), delay=seconds))
