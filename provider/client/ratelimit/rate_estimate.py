"""
How many requests a service allows, as it says itself and as its refusals let infer. Pure.

Moments are seconds on the monotonic clock; requests are numbered in the order in which they are sent.
"""

from __future__ import annotations

import math
from collections import deque

from .ratelimit_headers import MINUTE_S, Quota

#: Seconds by which moments may differ that the service rounds to whole ones.
ROUNDING_S = 1.5

#: Seconds of pause after a refusal that names none, doubled for each further one in a row up to the last number.
FIRST_PAUSE_S, MAX_PAUSE_S = 1.0, 8.0

#: Seconds between requests that try whether a pause was long enough.
PROBE_INTERVAL_S = 1.0

#: Fewer accepted requests tell no rate, or no other one; then so much of the last one is used.
MIN_SAMPLES_AT_FIRST, MIN_SAMPLES, BACKOFF_FACTOR = 2, 8, 0.7

#: Share of an inferred rate that is used at first, and the share by which it has grown a minute later; it grows with
#: the cube of the time, as TCP's CUBIC does, so that a rate that was too low by far is left within minutes.
TARGET_UTILISATION, GROWTH_PER_MINUTE = 0.985, 0.02


class AdvertisedLimit:
    """
    A quota as replies tell it: while half of it is left nobody waits, the other half is spread over its time.
    """

    def __init__(self) -> None:
        self.limit = 0.0
        # The number of the last request that passes, until when that is so, and the number of the one that told.
        self._end, self._until, self._quota_number = 0.0, 0.0, 0

    def update(self, quota: Quota, number: int, moment: float) -> None:
        """
        Take in what a reply says. It was so when the service got the request; more may have been sent since.

        :param quota: what it says
        :param number: of the request
        :param moment: when it was sent
        """
        end = number + quota.left
        until = math.inf if quota.reset is None else moment + quota.reset
        if number > self._quota_number:
            self.limit, self._end, self._until, self._quota_number = quota.limit, end, until, number
        elif until == self._until or abs(until - self._until) <= ROUNDING_S:
            # One that was sent before, and counted after.
            self._end = min(self._end, end)

    def moment(self, now: float, sent: int, last: float) -> float:
        """
        Find the next moment at which a request may go.

        :param now: the present
        :param sent: how many were sent so far
        :param last: when the last was sent
        :return: the moment, which may have passed
        """
        left = self._end - sent
        if not self.limit:
            return now
        if now >= self._until:
            # Whole again, or only one request more: the next reply will tell.
            return last + MINUTE_S / self.limit
        if 2 * left >= self.limit:
            return now
        if self._until == math.inf:
            # Nobody says for how long: the other half lasts a minute at least.
            return last + 2 * MINUTE_S / self.limit
        return last + (self._until - last) / (left + 1) if left >= 1 else self._until


class EstimatedLimit:
    """
    A rate as refusals let infer it: what was accepted, from one refusal to the end of the pause after the next.
    """

    def __init__(self) -> None:
        # When requests that were not refused were sent, in the last minute; and, of a refusal, before it.
        self._accepted, self._before = deque[float](), list[float]()
        # Requests a minute, since when they are allowed, and when the next may go.
        self._rate, self._since, self._next = 0.0, 0.0, 0.0
        # Refusals in a row, and the pause that follows the last.
        self._consecutive_429s, self._paused, self._pause = 0, 0.0, 0.0

    def moment(self, now: float) -> float:
        """
        Find the next moment at which a request may go.

        :param now: the present
        :return: the moment, which may have passed
        """
        return self._next if self._consecutive_429s or self._rate else now

    def on_send(self, now: float) -> None:
        """
        Count a request.

        :param now: when it is sent
        """
        # Who comes late may catch up with the pace, by a second's requests.
        self._next = max(self._next, now - PROBE_INTERVAL_S) + self._interval(now)
        self._accepted.append(now)
        while self._accepted[0] < now - MINUTE_S:
            self._accepted.popleft()

    def on_refusal(self, moment: float) -> None:
        """
        Take back a request.

        :param moment: when it was sent
        """
        for sent in (self._accepted, self._before):
            if moment in sent:
                sent.remove(moment)

    def pause(self, moment: float, now: float, wait: float | None) -> None:
        """
        Pause after a refusal that no quota explains. Others that were under way then count as the same.

        :param moment: when the request was sent
        :param now: the present
        :param wait: seconds that the service asks to wait, if it does
        """
        if moment >= self._paused:
            if not self._consecutive_429s:
                self._before = [sent for sent in self._accepted if sent >= self._since]
            self._consecutive_429s += 1
            pause = min(FIRST_PAUSE_S * 2.0 ** (self._consecutive_429s - 1), MAX_PAUSE_S) if wait is None else wait
            self._paused = now
            self._next = self._pause = now + pause

    def on_success(self, moment: float) -> None:
        """
        Infer the rate, if this is the first request after a pause to be accepted.

        :param moment: when it was sent
        """
        if not self._consecutive_429s or moment < self._pause:
            return
        used, passed = self._grown(self._paused), len(self._before)
        enough = passed >= (MIN_SAMPLES if used else MIN_SAMPLES_AT_FIRST)
        seen = passed * MINUTE_S / (moment - self._before[0]) if enough else BACKOFF_FACTOR * used
        # Other causes than a limit refuse as well: one refusal halves the rate at most.
        self._rate, self._since, self._consecutive_429s = max(seen, used / 2), moment, 0
        self._next = moment + self._interval(moment)

    def _interval(self, now: float) -> float:
        if self._consecutive_429s:
            return PROBE_INTERVAL_S
        return MINUTE_S / (TARGET_UTILISATION * self._grown(now)) if self._rate else 0.0

    def _grown(self, now: float) -> float:
        return self._rate * (1 + GROWTH_PER_MINUTE * ((now - self._since) / MINUTE_S) ** 3)
