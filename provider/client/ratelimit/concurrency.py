"""
How many requests to have under way, so that the rate limit is used at any latency. Pure.

By Little's law, a rate needs as many requests under way as arrive during one response. The rate is the limit of the
service if it reports one. Otherwise the number grows until a request waits for the rate limit, or responses slow down.
"""

from __future__ import annotations

from collections import deque

#: Requests under way at first, and the fewest.
MIN_REQUESTS = 8

#: Share above what the rate needs, as latencies vary, and requests above it.
HEADROOM, EXTRA_REQUESTS = 1.25, 2

#: Responses that the mean latency is of, at least.
MIN_WINDOW_RESPONSES = 32

#: If the mean latency exceeds the lowest mean so far by this factor, the service has slowed down.
SLOWDOWN = 2.0

#: Factor of the number after a slowdown, or after an error of the service.
BACKOFF = 0.8

#: If responses are no faster than this share of before, fewer requests didn't help.
NO_GAIN = 0.9


class ConcurrencyEstimate:
    """
    The number of requests to have under way.
    """

    def __init__(self) -> None:
        self._limit = float(MIN_REQUESTS)
        self._latencies: deque[float] = deque(maxlen=MIN_WINDOW_RESPONSES)
        self._lowest_mean: float | None = None
        #: The mean latency at the last decrease, unless it is known whether that helped.
        self._mean_at_decrease: float | None = None
        #: Responses until the next decision: the first ones after it are to requests from before.
        self._settling = 0

    @property
    def limit(self) -> int:
        """
        The number of requests.
        """
        return int(self._limit)

    def update(self, seconds: float, running: int, rate: float | None, *, is_paced: bool, is_failure: bool) -> None:
        """
        Update the number after a response.

        :param seconds: time from sending the request to the end of the response
        :param running: number of requests under way, with those that wait for the rate limit
        :param rate: requests a minute that the service allows, or None if it is unknown
        :param is_paced: whether a request waits for the rate limit
        :param is_failure: whether the service reports an error of its own
        """
        self._settling -= 1
        window = max(MIN_WINDOW_RESPONSES, self.limit)
        if self._latencies.maxlen != window:
            self._latencies = deque(self._latencies, window)
        self._latencies.append(seconds)
        mean = sum(self._latencies) / len(self._latencies)
        if self._settling > 0:
            return
        if is_failure or self._has_slowed_down(mean):
            self._decrease(mean)
        elif rate is not None:
            self._limit = max(MIN_REQUESTS, HEADROOM * rate / 60 * mean + EXTRA_REQUESTS)
        elif not is_paced and running >= self.limit:
            self._limit += 1

    def _has_slowed_down(self, mean: float) -> bool:
        if len(self._latencies) < MIN_REQUESTS:
            return False
        before, self._mean_at_decrease = self._mean_at_decrease, None
        if before is not None and mean > NO_GAIN * before:
            # Fewer requests were no faster: the answers are longer, or the service is slow by itself.
            self._lowest_mean = mean
        self._lowest_mean = min(mean, self._lowest_mean or mean)
        return mean > SLOWDOWN * self._lowest_mean

    def _decrease(self, mean: float) -> None:
        self._mean_at_decrease = mean
        self._settling = self._latencies.maxlen or 0
        self._limit = max(MIN_REQUESTS, BACKOFF * self._limit)
