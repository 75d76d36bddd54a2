"""The rate limiter: counts requests and tokens a minute for each caller and model, as the service's gateway does."""

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

    :param limit: requests or tokens that a window allows
    :param count: how many are in this window, including this request
    :param reset: seconds until the next window
    """

    limit: int
    count: int
    reset: float

    @property
    def left(self) -> int:
        """How many remain in this window."""
        return max(0, self.limit - self.count)

    @property
    def is_granted(self) -> bool:
        """Whether the request is within the limit."""
        return self.count <= self.limit

    @property
    def headers(self) -> dict[str, str]:
        """The headers that Kong's rate limiting adds to every response, with ``Retry-After`` if it refuses."""
        limit, remaining = str(self.limit), str(self.left)
        reset = str(max(1, math.ceil(self.reset)))
        headers = {
            "x-ratelimit-limit-minute": limit,
            "x-ratelimit-remaining-minute": remaining,
            "RateLimit-Limit": limit,
            "RateLimit-Remaining": remaining,
            "RateLimit-Reset": reset,
        }
        return headers if self.is_granted else {**headers, "Retry-After": reset}

    @property
    def token_headers(self) -> dict[str, str]:
        """The headers of a limit by tokens, as OpenAI has them."""
        return {
            "x-ratelimit-limit-tokens": str(self.limit),
            "x-ratelimit-remaining-tokens": str(self.left),
            "x-ratelimit-reset-tokens": f"{max(1, math.ceil(self.reset))}s",
        }


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

    def take(self, caller: str, model: str, limit: int, count: int = 1) -> Quota:
        """
        Count one request, or tokens.

        :param caller: ``token`` or ``anonymous``; another name for what is counted apart
        :param model: model id
        :param limit: requests or tokens a window for this caller
        :param count: how many to count
        :return: the state of the limit
        """
        with self._lock:
            now = self._clock()
            begin, total = self._windows.get((caller, model), (now, 0))
            if now - begin >= WINDOW_S:
                begin, total = now, 0
            self._windows[caller, model] = begin, total + count
            return Quota(limit, total + count, begin + WINDOW_S - now)

    def clear(self) -> None:
        """Reset all counts."""
        with self._lock:
            self._windows.clear()
