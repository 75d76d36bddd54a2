"""
When to send: all that runs in one process shares what a service allows for a token and a model.

What is allowed is learned from the replies. While half of a minute's requests are left nobody waits, so that small work
is done at once; the other half is spread over the rest of the minute. A service that refuses without saying what is
left is sent as many as it was seen to accept. As long as nothing was said or refused, nobody waits.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from ..fork_lock import create_fork_lock
from ..settings import ClientSettings
from .rate_estimate import ROUNDING_S, AdvertisedLimit, EstimatedLimit
from .ratelimit_headers import MINUTE_S, read_quota, read_wait

log = logging.getLogger(__name__)

#: Seconds without a request after which what was learned is forgotten.
FORGET_AFTER_S = 300.0

#: A refused request takes so many further turns while others run, before it loses a retry: that is a matter of pace.
FREE_RATE_LIMIT_RETRIES = 3

#: Seconds; waiting for longer is told.
LOG_WAITS_OVER_S = 5.0


@dataclass(frozen=True)
class Permit:
    """
    Leave to send.

    :param wait: seconds until one may ask again; 0 for leave
    :param moment: when it was given, in seconds on the monotonic clock
    :param number: how many requests were sent by then, this one included
    """

    wait: float
    moment: float
    number: int = 0


class Pacer:
    """
    Tells when to send, and learns from the replies. Safe to use from several threads and event loops.

    Moments are seconds on the monotonic clock. Whoever sends enters it as a context, so that it knows how many do.

    :param now: the moment
    """

    def __init__(self, now: float) -> None:
        self._running, self._seen = 0, now
        self._forget()

    def _forget(self) -> None:
        self._sent, self._last, self._pause, self._logged_until = 0, 0.0, 0.0, 0.0
        self._advertised, self._estimated = AdvertisedLimit(), EstimatedLimit()

    def __enter__(self) -> Pacer:
        with _lock:
            self._running += 1
        return self

    def __exit__(self, *error: object) -> None:
        with _lock:
            self._running -= 1

    def is_idle(self, now: float) -> bool:
        """
        Tell whether all that was learned is too old.

        :param now: the moment
        :return: True after some minutes without a request
        """
        return not self._running and now - self._seen > FORGET_AFTER_S

    def acquire(self, settings: ClientSettings, now: float | None = None) -> Permit:
        """
        Ask for leave to send one request.

        :param settings: the cap, and how long the service may be waited for: rather than for longer a request goes at
            once, so that the service itself says how long it takes
        :param now: the moment
        :return: leave, or how long to wait before asking again
        """
        now = time.monotonic() if now is None else now
        with _lock:
            if now - self._seen > FORGET_AFTER_S:
                self._forget()
            self._seen = max(now, self._seen)
            moment = max(self._advertised.moment(now, self._sent, self._last), self._estimated.moment(now), self._pause)
            if moment - now > settings.max_wait + ROUNDING_S:
                moment = now
            wait = max(moment, _free(settings, now)) - now
            if wait > 0:
                self._log_wait(wait, now)
                return Permit(wait, now)
            self._sent, self._last = self._sent + 1, now
            self._estimated.on_send(now)
            _spend(settings, now)
            return Permit(0.0, now, self._sent)

    def observe(
        self, turn: Permit, settings: ClientSettings, status: int, headers: Mapping[str, str], now: float | None = None
    ) -> bool:
        """
        Take in what a reply says.

        :param turn: the leave that its request had
        :param settings: as for :meth:`acquire`
        :param status: of the reply
        :param headers: of the reply, names in lower case
        :param now: the moment
        :return: whether it was refused beside others that run, and for no longer than may be waited, so that another
            turn may do
        """
        now, now_epoch = time.monotonic() if now is None else now, time.time()
        quota, wait = read_quota(headers, now_epoch), read_wait(status, headers, now_epoch)
        with _lock:
            if quota:
                self._advertised.update(quota, turn.number, turn.moment)
            if wait is not None:
                self._pause = max(self._pause, now + wait)
            if status != 429:
                if status < 500:
                    self._estimated.on_success(turn.moment)
                return False
            self._estimated.on_refusal(turn.moment)
            if not quota or quota.left > 0 or quota.reset is None:
                self._estimated.pause(turn.moment, now, wait)
            return self._running > 1 and (wait or 0.0) <= settings.max_wait

    def _log_wait(self, wait: float, now: float) -> None:
        if wait > LOG_WAITS_OVER_S and now + wait > self._logged_until + ROUNDING_S:
            self._logged_until = now + wait
            allowed = f" ({self._advertised.limit:.0f} requests a minute)" if self._advertised.limit else ""
            log.info("Rate limit%s: next request in %.0f s.", allowed, wait)


_lock = create_fork_lock()
_pacers: dict[tuple[str, str | None, str | None], Pacer] = {}
#: The next moment under the cap of a service and token, which all models share.
_caps: dict[tuple[str, str | None], float] = {}


def _free(settings: ClientSettings, now: float) -> float:
    return _caps.get((settings.base_url, settings.token), now) if settings.requests_per_minute else now


def _spend(settings: ClientSettings, now: float) -> None:
    if settings.requests_per_minute:
        _caps[settings.base_url, settings.token] = now + MINUTE_S / settings.requests_per_minute


def find_pacer(settings: ClientSettings, model: str | None) -> Pacer:
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
        # Ever new tokens and models must not fill the memory of a process that lives for months.
        for old in [old for old, pacer in _pacers.items() if pacer.is_idle(now)]:
            del _pacers[old]
        for passed in [cap for cap, moment in _caps.items() if moment < now]:
            del _caps[passed]
        return _pacers.setdefault(key, Pacer(now))


def forget() -> None:
    """
    Forget what was learned, and what was sent.
    """
    with _lock:
        _pacers.clear()
        _caps.clear()


# Requests that run in the process that forked this one do not run here, and would for ever seem to.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pacers.clear)
