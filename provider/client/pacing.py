"""
A cap on requests a minute that everything in one process shares.
"""

from __future__ import annotations

import threading
import time

from .settings import ClientSettings


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


_pacers: dict[tuple[str, str | None, int], Pacer] = {}


def wait_for_turn(settings: ClientSettings) -> float:
    """
    Take the next free moment under the cap that all clients of one service and token in this process share.

    :param settings: the service, the token and the cap
    :return: seconds to wait until it; 0 without a cap
    """
    if not settings.requests_per_minute:
        return 0.0
    key = (settings.base_url, settings.token, settings.requests_per_minute)
    return _pacers.setdefault(key, Pacer(settings.requests_per_minute)).reserve()
