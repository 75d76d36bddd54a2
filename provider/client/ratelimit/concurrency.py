"""
How many requests to have under way, so that the rate limit is used at any latency. Pure.

By Little's law, a rate needs as many requests under way as arrive during one response. So the number follows the rate
limit and the mean latency. Without a rate limit it doubles. If more requests under way don't bring more responses a
second, the service is at its capacity, and the number returns to less than before.
"""

from __future__ import annotations

import math
from collections import deque

#: Requests under way at first, and the fewest.
MIN_REQUESTS = 8

#: Share above what the rate needs, as latencies vary and half of a quota may go at once, and requests above it.
HEADROOM, EXTRA_REQUESTS = 1.5, 2

#: Responses that the mean latency is of, and that a measurement has, at least.
MIN_WINDOW_RESPONSES, MIN_MEASURED_RESPONSES = 128, 16

#: The shortest measurement in seconds, as the throughput of a fast service varies.
MIN_MEASUREMENT_S = 1.0

#: Factor by which the number may grow between two measurements, and the share of that growth that the throughput has
#: to follow.
GROWTH, MIN_GAIN = 2.0, 0.4

#: Factor of the number after growth that didn't help, or if the service fails.
BACKOFF = 0.8

#: Share of responses with errors of the service, and share that waits for the rate limit, that is ignored.
MAX_SHARE = 0.1

#: Growth that is too small to measure, and the share of requests that the caller may lag behind.
TOLERANCE = 1.25


class ConcurrencyEstimate:
    """
    The number of requests to have under way.
    """

    def __init__(self) -> None:
        self._limit = self._maximum = float(MIN_REQUESTS)
        self._latencies, self._total_latency = deque[float](), 0.0
        self._response_count = 0
        #: The number before it grew, and its responses a second; None if unknown.
        self._before: tuple[float, float] | None = None
        self._restart(1)

    @property
    def limit(self) -> int:
        """
        The number of requests.
        """
        return int(self._limit)

    def update(
        self, seconds: float, now: float, running: int, rate: float | None, *, is_paced: bool, is_failure: bool
    ) -> None:
        """
        Update the number after a response.

        :param seconds: time from sending the request to the end of the response
        :param now: the moment
        :param running: number of requests under way, with those that wait for the rate limit
        :param rate: requests a minute that the service allows, or None if it is unknown
        :param is_paced: whether a request waits for the rate limit
        :param is_failure: whether the service reports an error of its own
        """
        self._response_count += 1
        need = self._find_need(seconds, rate)
        if rate is not None and self._response_count <= MIN_REQUESTS and seconds >= MIN_MEASUREMENT_S:
            # A slow service has the capacity for its rate limit, until measured otherwise: measuring takes long.
            self._maximum = max(self._maximum, GROWTH * need)
        if running * TOLERANCE < self._limit:
            self._restart(self._limit)
        elif self._settling > 0:
            self._settling -= 1
            self._started = now
        else:
            self._measured += 1
            self._paced += is_paced
            self._failures += is_failure
            # As many responses as requests are under way, so that it doesn't matter if they come in bursts.
            has_enough = self._measured >= max(MIN_MEASURED_RESPONSES, self._limit)
            if has_enough and now - self._started >= MIN_MEASUREMENT_S:
                self._decide(now, has_rate=rate is not None)
        self._limit = max(MIN_REQUESTS, min(need, self._maximum))
        if self._limit > TOLERANCE * self._measured_limit:
            self._restart(self._measured_limit)

    def _find_need(self, seconds: float, rate: float | None) -> float:
        self._latencies.append(seconds)
        self._total_latency += seconds
        while len(self._latencies) > max(MIN_WINDOW_RESPONSES, self._limit):
            self._total_latency -= self._latencies.popleft()
        if rate is None:
            return math.inf
        return HEADROOM * rate / 60 * max(self._total_latency, 0.0) / len(self._latencies) + EXTRA_REQUESTS

    def _restart(self, settling: float) -> None:
        """
        Begin a measurement.

        :param settling: number of responses to ignore first: they are to requests from before
        """
        self._measured_limit = self._limit
        self._settling, self._started = int(settling), 0.0
        self._measured = self._paced = self._failures = 0

    def _decide(self, now: float, *, has_rate: bool) -> None:
        """
        Decide how far the number may grow, or reduce it.
        """
        throughput = self._measured / max(now - self._started, 1e-9)
        limit, before = self._before or (self._limit, 0.0)
        growth = self._limit / limit
        few = MAX_SHARE * self._measured
        if self._failures > few:
            self._decrease(self._limit)
            return
        if self._paced > few:
            # The service keeps up with its rate limit, if most requests wait for it.
            if has_rate and 2 * self._paced > self._measured:
                self._before, self._maximum = None, GROWTH * self._limit
        elif growth > TOLERANCE and before / GROWTH < throughput < before * (1 + MIN_GAIN * (growth - 1)):
            self._decrease(limit)
            return
        else:
            # If the throughput has halved, answers have become longer.
            self._before, self._maximum = (self._limit, throughput), GROWTH * self._limit
        self._restart(1)

    def _decrease(self, limit: float) -> None:
        settling = self._limit
        self._before = None
        self._limit = self._maximum = max(MIN_REQUESTS, BACKOFF * limit)
        self._restart(settling)
