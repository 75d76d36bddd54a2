"""
When to send: all that runs in one process shares the rate that a service allows for a token and a model.

The rate is learned. A service that names its limit is sent that many requests a minute, evenly; one that only refuses
is sent as many as it was seen to accept. A refusal makes everybody pause. Before anything was learned, and again after
some minutes without requests, nobody waits.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from .quotas import Quota, quota_of
from .rates import MINUTE, Estimate, Recent
from .settings import ClientSettings

#: Seconds without requests after which what was learned is forgotten.
MEMORY = 300.0

#: Share of the rate that is left unused, so that requests which travel up to 0.9 s longer than others still find room
#: in their minute.
SPARE = 0.015

#: Requests that may be sent at once after a rest, to a service that named its limit and never refused, and to others;
#: but no more than this share of a minute's.
BURST, CAREFUL_BURST, BURST_SHARE = 32, 4, 0.08

#: Requests, and share of a limit, that may be gone without having been sent from here before others are taken to spend
#: it too: services that only approximate a sliding minute are off by so much.
STRAY, STRAY_SHARE = 2, 0.1

#: Seconds of pause after the first and the second refusal in a row that name none: they find limits that refill all
#: the time. Others count a minute, so that the next pause ends a minute after the first request counted; if that was
#: in vain, each further one lasts so long.
PAUSES, LATER_PAUSE = (1.0, 8.0), 5.0

#: A limit whose wait is not longer than that refills all the time.
REFILL = 2.0

#: Seconds between requests that try whether a pause was long enough, until one of them is answered.
TRIAL = 1.0

#: Seconds for which places are given ahead. Who would have to wait longer asks again by then, as rates change.
HORIZON = 2.0

#: Refusals of one request, for each that counts, that do not.
SPARED = 3


class Turn(NamedTuple):
    """
    A place in the order of requests.

    :param wait: seconds to wait
    :param moment: when the wait is over, on the monotonic clock
    :param era: how many pauses came before; -1 if another place is to be asked for after the wait
    :param sent: how many requests were sent by then, this one included
    :param accepted: how many of them were known to be accepted
    """

    wait: float
    moment: float
    era: int = -1
    sent: int = 0
    accepted: int = 0


class Pacer:
    """
    Tells when to send, and learns from the replies how many requests a service allows.

    Moments are seconds on the monotonic clock. Safe to use from several threads and event loops.

    :param now: the moment
    """

    def __init__(self, now: float) -> None:
        self._seen = now
        self._era = 0
        # How many wait for a place.
        self._waiting = 0
        self._forget(now)

    def _forget(self, now: float) -> None:
        # Whoever still waits for a place asks for another.
        self._era += 1
        self._sent = self._accepted = 0
        self._recent = Recent()
        # The next place in an even order.
        self._next = now
        # Seconds between requests, and requests a minute, by the limits that the service names.
        self._told, self._per_minute = 0.0, math.inf
        # Seconds between requests while others spend the limit too, and until when.
        self._scarcity, self._scarce_until = 0.0, now
        # The rate that refusals let infer.
        self._estimate = Estimate(now)
        # Refusals in a row, since when the minute before them counts, and whether the limit refills all the time.
        self._row, self._first, self._refills = 0, now, False
        self._ever_refused = False
        # Nobody sends before the first; one by one from the second, until a request is accepted.
        self._pause_until = now
        self._trial: float | None = None

    def is_idle(self, now: float) -> bool:
        """
        Tell whether all that was learned is too old.

        :param now: the moment
        :return: True after some minutes without a request
        """
        return now - self._seen > MEMORY

    def reserve(self, settings: ClientSettings, now: float | None = None) -> Turn:
        """
        Take the next free place. Whoever has to wait for it asks :meth:`confirm` after that.

        :param settings: the cap, and how long a pause is waited for: during a longer one a request goes out at once,
            so that the service itself says how long it is
        :param now: the moment
        :return: the place
        """
        now = time.monotonic() if now is None else now
        with _lock:
            if self.is_idle(now):
                self._forget(now)
            self._seen = max(now, self._seen)
            return self._counted(self._place(settings, now))

    def confirm(self, turn: Turn, settings: ClientSettings, now: float | None = None) -> Turn:
        """
        Ask after the wait whether the place still holds.

        :param turn: the place that was waited for
        :param settings: as for :meth:`reserve`
        :param now: the moment; that of the place has passed, whatever the clock says
        :return: the same place without a wait, or another to wait for
        """
        now = max(time.monotonic() if now is None else now, turn.moment)
        with _lock:
            self._waiting -= 1
            return self._counted(self._leave(now) if turn.era == self._era else self._place(settings, now))

    def learn(
        self,
        turn: Turn,
        settings: ClientSettings,
        status: int,
        headers: Mapping[str, str],
        now: float | None = None,
        wall: float | None = None,
    ) -> bool:
        """
        Take in what a reply says.

        :param turn: the place that its request had
        :param settings: as for :meth:`reserve`
        :param status: of the reply
        :param headers: of the reply, names in lower case
        :param now: the moment
        :param wall: seconds since the epoch, against which dates in headers are read
        :return: whether the request should take another place: it was refused, but the service accepts others or others
            wait as well, so that this is a matter of pace, and it asks for no longer wait than the settings allow
        """
        now = time.monotonic() if now is None else now
        quota = quota_of(status, headers, time.time() if wall is None else wall)
        with _lock:
            self._seen = max(now, self._seen)
            self._heed(quota, now)
            if status == 429:
                self._refused(turn, quota.wait, now)
                others = self._waiting > 0 or self._accepted > turn.accepted
                return others and (quota.wait or 0.0) <= settings.max_wait
            if status == 503 and quota.wait is not None:
                self._pause(now + quota.wait, now)
            else:
                self._granted(turn, now)
                self._ration(quota, turn, now)
            return False

    def _place(self, settings: ClientSettings, now: float) -> Turn:
        moment = now
        if now < self._pause_until:
            if self._pause_until - now <= settings.max_wait + 1:
                return self._again(self._pause_until, now)
        elif self._trial is not None:
            if now < self._trial:
                return self._again(self._trial, now)
            self._trial = now + TRIAL
        else:
            moment = self._free(now)
            if moment > now + HORIZON:
                return self._again(now + HORIZON, now)
            self._next = max(self._next, moment) + self._interval(now)
        if settings.requests_per_minute:
            moment = _under_cap(settings, moment)
        self._recent.add(moment)
        return self._leave(now) if moment <= now else Turn(moment - now, moment, self._era)

    def _counted(self, turn: Turn) -> Turn:
        self._waiting += turn.wait > 0
        return turn

    def _again(self, moment: float, now: float) -> Turn:
        return Turn(moment - now, moment)

    def _leave(self, now: float) -> Turn:
        self._sent += 1
        self._estimate.send()
        return Turn(0.0, now, self._era, self._sent, self._accepted)

    def _free(self, now: float) -> float:
        """
        Tell the next moment that keeps the order even and the last minute within the limit.
        """
        interval = self._interval(now)
        if not interval:
            return now
        moment = max(now, self._next - self._ahead(interval))
        count, first = self._recent.since(now)
        if count >= self._per_minute and first + MINUTE > moment:
            moment = first + MINUTE
            self._next = moment + self._ahead(interval)
        return moment

    def _interval(self, now: float) -> float:
        interval = self._told or (MINUTE / self._estimate.rate if self._estimate.rate else 0.0)
        interval *= 1 + SPARE
        return max(interval, self._scarcity) if now < self._scarce_until else interval

    def _ahead(self, interval: float) -> float:
        """
        Tell how many seconds before its place in the even order a request may go.
        """
        if not interval or self._row or not (self._told or self._estimate.certain):
            return 0.0
        share = math.floor(BURST_SHARE * MINUTE / interval)
        if self._ever_refused or not self._told:
            return min(CAREFUL_BURST, share) * interval
        # Even of two a minute, the second need not wait for half a minute.
        return min(BURST, max(share, 1)) * interval

    def _heed(self, quota: Quota, now: float) -> None:
        told = max(1.0 / (quota.per_second or math.inf), MINUTE / (quota.per_minute or math.inf))
        if told and not self._told:
            # What was sent before the limit was known counts as well.
            count, first = self._recent.since(now)
            self._next = first + count * told
        if told:
            self._told, self._per_minute = told, quota.per_minute or math.inf

    def _ration(self, quota: Quota, turn: Turn, now: float) -> None:
        """
        Spread what is left, where others spend it too or nobody said for how long a limit counts.
        """
        if quota.left is None or quota.reset is None or quota.reset > MINUTE:
            return
        ours, _ = self._recent.since(now)
        if self._per_minute - quota.left <= ours + STRAY + STRAY_SHARE * self._per_minute < math.inf:
            return
        # The headers speak of the moment when the service got the request, and more were sent since.
        until, left = turn.moment + quota.reset, quota.left - (self._sent - turn.sent)
        if left >= 1:
            self._scarcity, self._scarce_until = (until - now) / (left + 1), until
        elif until > now and turn.era == self._era:
            self._exhausted(until - now, now)

    def _granted(self, turn: Turn, now: float) -> None:
        self._accepted += 1
        if self._row and turn.era == self._era:
            free = self._next - self._ahead(self._interval(now))
            self._row, self._trial = 0, None
            self._estimate.settle(now, refills=self._refills)
            interval = self._interval(now)
            self._next = max(free, turn.moment + interval) + self._ahead(interval)

    def _refused(self, turn: Turn, wait: float | None, now: float) -> None:
        self._ever_refused = True
        self._recent.remove(turn.moment)
        self._estimate.refuse()
        if turn.era == self._era:
            self._exhausted(wait, now)
        else:
            # Sent before the pause that is on.
            if self._row == 1:
                self._estimate.correct()
            if wait is not None:
                self._pause(now + wait, now)

    def _exhausted(self, wait: float | None, now: float) -> None:
        if not self._row:
            count, self._first = self._recent.since(now)
            self._estimate.exhaust(count)
        self._row += 1
        pause = self._unnamed(now) if wait is None else wait
        # A pause that ends a minute after the first request counted says nothing of the sort.
        whole = 1 < self._first + MINUTE - now <= pause + 1
        self._refills = not whole and (pause <= REFILL if wait is not None else self._row <= len(PAUSES))
        self._pause(now + pause, now)
        if wait is None or self._row > 1:
            self._trial = self._pause_until

    def _unnamed(self, now: float) -> float:
        """
        Choose a pause where the service names none.
        """
        minute = self._first + MINUTE - now
        if self._row > len(PAUSES):
            return minute if minute > 1 else LATER_PAUSE
        pause = PAUSES[self._row - 1]
        return max(min(pause, minute) if minute > 1 else pause, self._interval(now))

    def _pause(self, until: float, now: float) -> None:
        if until > max(now, self._pause_until):
            self._era += 1
            self._pause_until = until
            self._recent.remove_after(now)
            self._next = until + self._ahead(self._interval(now))


_lock = threading.Lock()
_pacers: dict[tuple[str, str | None, str | None], Pacer] = {}
#: The next moment under each cap, which all models share.
_caps: dict[tuple[str, str | None, int], float] = {}


def _under_cap(settings: ClientSettings, moment: float) -> float:
    cap = settings.requests_per_minute or 1
    key = settings.base_url, settings.token, cap
    moment = max(moment, _caps.get(key, moment))
    _caps[key] = moment + MINUTE / cap
    return moment


def pacer_of(settings: ClientSettings, model: str | None) -> Pacer:
    """
    Find the pacer that all clients of one service, token and model in this process share.

    :param settings: the service and the token
    :param model: the model, if any
    :return: the pacer
    """
    key = settings.base_url, settings.token, model
    return _pacers.get(key) or _new_pacer(key)


def _new_pacer(key: tuple[str, str | None, str | None]) -> Pacer:
    now = time.monotonic()
    with _lock:
        # Who comes with ever new tokens and models must not fill the memory of a process that lives for months.
        for old in [old for old, pacer in _pacers.items() if pacer.is_idle(now)]:
            del _pacers[old]
        for passed in [cap for cap, moment in _caps.items() if moment < now]:
            del _caps[passed]
        return _pacers.setdefault(key, Pacer(now))
