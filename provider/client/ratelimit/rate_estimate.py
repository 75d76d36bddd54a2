"""
The rate limit of a service: as it reports it, and as estimated from refusals. Pure.

Moments are seconds on the monotonic clock. Requests are numbered in the order in which they are sent.
"""

from __future__ import annotations

import math
from collections import deque

from .ratelimit_headers import MINUTE_S, Quota

#: Tolerance for times that the service rounds to whole seconds.
ROUNDING_S = 1.5

#: Weight of the last request in the mean number of tokens.
TOKEN_MEAN_WEIGHT = 0.1

#: Default pause after a refusal, doubled for each consecutive one, and its maximum.
FIRST_PAUSE_S, MAX_PAUSE_S = 1.0, 8.0

#: Interval of requests that probe whether a pause was long enough.
PROBE_INTERVAL_S = 1.0

#: Accepted requests needed for a first estimate, and for a new one. With fewer, the last rate is reduced by the factor.
MIN_SAMPLES_AT_FIRST, MIN_SAMPLES, BACKOFF_FACTOR = 2, 8, 0.7

#: Share of an estimated rate that is used at first, and its growth in the first minute. It grows with the cube of the
#: time, as TCP's CUBIC does, so that a rate that was far too low is corrected within minutes.
TARGET_UTILISATION, GROWTH_PER_MINUTE = 0.985, 0.02


class AdvertisedLimit:
    """
    A quota that responses report: while half of it remains, no request waits; the other half is spread over its window.
    """

    def __init__(self) -> None:
        #: Requests that the window allows, 0 before the first report; the window in seconds; and the quota as reported.
        self.limit, self.window = 0.0, MINUTE_S
        self.quota: Quota | None = None
        # The number of the last request allowed, until when, and the number of the request that reported it.
        self._end, self._until, self._quota_number = 0.0, 0.0, 0
        self._renewals = _Renewals()

    def update(self, quota: Quota, number: int, moment: float, cost: float = 1.0) -> None:
        """
        Update the quota from a response. It is as of the service's receipt of the request; more may have been sent
        since.

        :param quota: the reported quota
        :param number: number of the request
        :param moment: when it was sent
        :param cost: what a request takes of the quota: 1, or the mean number of tokens
        """
        end = number + quota.left / cost
        until = math.inf if quota.reset is None else moment + quota.reset
        if number > self._quota_number:
            self.window = quota.window or self._renewals.find_window(quota, moment)
            self.quota, self.limit = quota, quota.limit / cost
            self._end, self._until, self._quota_number = end, until, number
        elif until == self._until or abs(until - self._until) <= ROUNDING_S:
            # A request that was sent earlier, and counted later.
            self._end = min(self._end, end)

    def moment(self, now: float, request_count: int, last_sent: float) -> float:
        """
        Return the next moment at which a request may be sent.

        :param now: the current moment
        :param request_count: number of requests sent so far
        :param last_sent: when the last was sent
        :return: the moment, which may have passed
        """
        left = self._end - request_count
        if not self.limit:
            return now
        if now >= self._until:
            # The limit was reset, or allows only one more request: the next response will say.
            return self._until if last_sent < self._until else last_sent + self.window / self.limit
        if 2 * left >= self.limit:
            return now
        if self._until == math.inf:
            # Without a reset time, the other half must last at least as long as the window.
            return last_sent + 2 * self.window / self.limit
        return last_sent + (self._until - last_sent) / (left + 1) if left >= 1 else self._until

    def rate(self, now: float, request_count: int) -> float | None:
        """
        Return the rate that this limit allows.

        :param now: the current moment
        :param request_count: number of requests sent so far
        :return: requests a minute; None before the first report, and while half of a window of hours remains
        """
        is_far = self.window > MINUTE_S and (now >= self._until or 2 * (self._end - request_count) >= self.limit)
        return None if not self.limit or is_far else self.limit * MINUTE_S / self.window


class _Renewals:
    """
    Learns the window of a quota that doesn't state it, from the times between two renewals: a minute, unless they are
    seen to follow faster.
    """

    def __init__(self) -> None:
        self._left, self._until, self._max_reset, self._gap = -1.0, math.inf, 0.0, math.inf

    def find_window(self, quota: Quota, moment: float) -> float:
        if quota.reset is None:
            return MINUTE_S
        until = moment + quota.reset
        is_renewal = quota.left >= self._left >= 0 and until > self._until + ROUNDING_S
        if is_renewal:
            self._gap = min(self._gap, until - self._until)
        if is_renewal or self._left < 0:
            self._until = until
        self._left, self._max_reset = quota.left, max(self._max_reset, quota.reset)
        if self._gap >= MINUTE_S - ROUNDING_S:
            return MINUTE_S
        # Resets are rounded, so a gap may be longer than its window.
        window = self._max_reset if self._gap - self._max_reset <= ROUNDING_S else self._gap
        return max(window, 1.0)


class TokenMean:
    """
    The mean number of tokens that a request takes of a quota.
    """

    def __init__(self) -> None:
        #: The mean, 0 if it is unknown.
        self.value = 0.0
        self._last: tuple[int, float] | None = None

    def update(self, quota: Quota, number: int, usage: int | None) -> None:
        """
        Update the mean from a response. A service may count more than a response used, such as its ``max_tokens``.

        :param quota: the reported quota of tokens
        :param number: number of the request
        :param usage: tokens that the response reports, or None
        """
        last_number, last_left = self._last or (number, quota.left)
        if number < last_number:
            return
        self._last = number, quota.left
        drop = (last_left - quota.left) / (number - last_number) if number > last_number else 0.0
        tokens = max(drop, float(usage or 0))
        if tokens > 0:
            self.value += (tokens - self.value) * (TOKEN_MEAN_WEIGHT if self.value else 1.0)


class EstimatedLimit:
    """
    A rate estimated from refusals: the requests accepted between one refusal and the end of the pause after the next.
    """

    def __init__(self) -> None:
        # When accepted requests of the last minute were sent; and those of them before a refusal.
        self._accepted, self._before = deque[float](), list[float]()
        # Requests a minute, since when this rate applies, and when the next may be sent.
        self._rate, self._since, self._next = 0.0, 0.0, 0.0
        # Consecutive refusals, when the last came, and the end of the pause after it.
        self._consecutive_429s, self._paused, self._pause = 0, 0.0, 0.0

    def moment(self, now: float) -> float:
        """
        Return the next moment at which a request may be sent.

        :param now: the current moment
        :return: the moment, which may have passed
        """
        return self._next if self._consecutive_429s or self._rate else now

    def rate(self, now: float) -> float | None:
        """
        Return the estimated rate.

        :param now: the current moment
        :return: requests a minute, or None before the first refusal
        """
        return TARGET_UTILISATION * self._current_rate(now) if self._rate else None

    def on_send(self, now: float) -> None:
        """
        Count a request.

        :param now: when it is sent
        """
        # A late request may catch up, by at most a second's requests.
        self._next = max(self._next, now - PROBE_INTERVAL_S) + self._interval(now)
        self._accepted.append(now)
        while self._accepted[0] < now - MINUTE_S:
            self._accepted.popleft()

    def on_refusal(self, moment: float) -> None:
        """
        Remove a refused request from the count.

        :param moment: when it was sent
        """
        for moments in (self._accepted, self._before):
            if moment in moments:
                moments.remove(moment)

    def pause(self, moment: float, now: float, wait: float | None) -> None:
        """
        Pause after a refusal that a quota doesn't explain. Refusals of requests sent before it count as the same one.

        :param moment: when the request was sent
        :param now: the current moment
        :param wait: seconds that the service asks to wait, or None
        """
        if moment >= self._paused:
            if not self._consecutive_429s:
                self._before = [sent_at for sent_at in self._accepted if sent_at >= self._since]
            self._consecutive_429s += 1
            pause = min(FIRST_PAUSE_S * 2.0 ** (self._consecutive_429s - 1), MAX_PAUSE_S) if wait is None else wait
            self._paused = now
            self._next = self._pause = now + pause

    def on_success(self, moment: float) -> None:
        """
        Estimate the rate, if this is the first request accepted after a pause.

        :param moment: when it was sent
        """
        if not self._consecutive_429s or moment < self._pause:
            return
        previous, samples = self._current_rate(self._paused), len(self._before)
        enough = samples >= (MIN_SAMPLES if previous else MIN_SAMPLES_AT_FIRST)
        rate = samples * MINUTE_S / (moment - self._before[0]) if enough else BACKOFF_FACTOR * previous
        # A refusal may have another cause than a limit: one refusal halves the rate at most.
        self._rate, self._since, self._consecutive_429s = max(rate, previous / 2), moment, 0
        self._next = moment + self._interval(moment)

    def _interval(self, now: float) -> float:
        if self._consecutive_429s:
            return PROBE_INTERVAL_S
        rate = self.rate(now)
        return MINUTE_S / rate if rate else 0.0

    def _current_rate(self, now: float) -> float:
        return self._rate * (1 + GROWTH_PER_MINUTE * ((now - self._since) / MINUTE_S) ** 3)
