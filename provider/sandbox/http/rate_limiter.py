"""Requests a minute, counted as the service's gateway counts them: for each caller and model."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

#: Seconds of one counting window.
WINDOW = 60.0


@dataclass(frozen=True)
class Allowance:
    """
    What one request found.

    :param limit: requests that a window allows
    :param used: requests in this window, this one included
    :param reset: seconds until the next window
    """

    limit: int
    used: int
    reset: float

    @property
    def is_granted(self) -> bool:
        """Whether the request may pass."""
        return self.used <= self.limit

    @property
    def headers(self) -> dict[str, str]:
        """What Kong's rate limiting sends with every reply, and ``Retry-After`` with a refusal."""
        limit, remaining = str(self.limit), str(max(0, self.limit - self.used))
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
    Fixed windows that begin with the first request of a caller to a model.

    The service's windows follow the clock's minutes; with these, three quick requests never straddle two.

    :param clock: seconds that only grow
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}

    def take(self, caller: str, model: str, limit: int) -> Allowance:
        """
        Count one request.

        :param caller: who asks
        :param model: which model is asked
        :param limit: requests a window for this caller
        :return: whether it passes, and what the headers say
        """
        with self._lock:
            now = self._clock()
            begin, used = self._windows.get((caller, model), (now, 0))
            if now - begin >= WINDOW:
                begin, used = now, 0
            self._windows[caller, model] = begin, used + 1
            return Allowance(limit, used + 1, begin + WINDOW - now)

    def clear(self) -> None:
        """Forget all that was counted."""
        with self._lock:
            self._windows.clear()
