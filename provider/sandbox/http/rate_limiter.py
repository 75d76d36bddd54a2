"""The rate limiter: counts requests a minute for each caller and model, as the service's gateway does."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

#: Seconds of one counting window.
WINDOW_S = 60.0


@dataclass(frozen=True)
class Quota:
    """
    The state of a rate limit after one request.

    :param limit: requests that a window allows
    :param count: requests in this window, including this one
    :param reset: seconds until the next window
    """

    limit: int
    count: int
    reset: float

    @property
    def is_granted(self) -> bool:
        """Whether the request is within the limit."""
        return self.count <= self.limit

    @property
    def headers(self) -> dict[str, str]:
        """The headers that Kong's rate limiting adds to every response, with ``Retry-After`` if it refuses."""
        limit, remaining = str(self.limit), str(max(0, self.limit - self.count))
        reset = str(max(1, math.ceil(self.reset)))
        headers = {
            "x-ratelimit-limit-minute": limit,
            "x-ratelimit-remaining-minute": remaining,
            "RateLimit-Limit": limit,
            "RateLimit-Remaining": remaining,
            "RateLimit-Reset": reset,
        }
        return headers if self.is_granted else {**headers, "Retry-After": reset}


class RateLimiter:
    """
    Counts requests in fixed windows, which begin with the first request of a caller to a model.

    The service's windows begin with each minute of the clock. Here, three quick requests are always in one window.

    :param clock: returns monotonic seconds
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}

    def take(self, caller: str, model: str, limit: int) -> Quota:
        """
        Count one request.

        :param caller: ``token`` or ``anonymous``
        :param model: model id
        :param limit: requests a window for this caller
        :return: the state of the limit
        """
        with self._lock:
            now = self._clock()
            begin, count = self._windows.get((caller, model), (now, 0))
            if now - begin >= WINDOW_S:
                begin, count = now, 0
            self._windows[caller, model] = begin, count + 1
            return Quota(limit, count + 1, begin + WINDOW_S - now)

    def clear(self) -> None:
        """Reset all counts."""
        with self._lock:
            self._windows.clear()
