"""
A cap on requests a minute that everything in one process shares.
"""

from __future__ import annotations

import threading
import time
from functools import cache


class Pacer:
    """
    Spreads requests evenly over a minute.

    :param per_minute: requests to let through in any minute
    """

    def __init__(self, per_minute: int) -> None:
        self._interval = 60.0 / per_minute
        self._lock = threading.Lock()
        self._next = 0.0

    def reserve(self, now: float | None = None) -> float:
        """
        Take the next free moment.

        :param now: seconds on the monotonic clock
        :return: seconds to wait until it
        """
        now = time.monotonic() if now is None else now
        with self._lock:
            moment = max(now, self._next)
            self._next = moment + self._interval
        return moment - now


@cache
def shared_pacer(base_url: str, token: str | None, per_minute: int) -> Pacer:
    """
    Find the pacer of a service and token in this process.

    :param base_url: the service
    :param token: whose limit it is
    :param per_minute: requests a minute
    :return: the same pacer for the same arguments
    """
    return Pacer(per_minute)
