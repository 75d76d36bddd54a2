"""
Decides when to send: all clients in a process share the rate limit of a token and a model.

The limit is learned from responses. While half of a minute's requests remain, no request waits, so that small work is
done at once. The other half is spread over the rest of the minute. If a service refuses without reporting a quota,
requests are sent at the rate that it was seen to accept. Until a response reports a quota or a refusal, no request
waits.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from ..fork_lock import create_fork_lock
from ..settings import ClientSettings
from .concurrency import ConcurrencyEstimate
from .rate_estimate import ROUNDING_S, AdvertisedLimit, EstimatedLimit, TokenMean
from .ratelimit_headers import MINUTE_S, TOKENS, WINDOWS_S, Quota, read_quotas, read_wait

log = logging.getLogger(__name__)

#: Seconds without a request after which the learned limit is forgotten.
FORGET_AFTER_S = 300.0

#: Times that a request refused with 429 is sent again, while others run, before that counts as a retry.
FREE_RATE_LIMIT_RETRIES = 3

#: Waits longer than this are logged.
LOG_WAITS_OVER_S = 5.0


@dataclass(frozen=True)
class Permit:
    """
    The permission to send a request, or the wait for it.

    :param wait: seconds until the next try to acquire; 0 if permitted
    :param moment: when it was given, in seconds on the monotonic clock
    :param number: number of requests sent by then, including this one
    """

    wait: float
    moment: float
    number: int = 0


class Pacer:
    """
    Decides when to send, and learns from responses. Safe to use from several threads and event loops.

    Moments are seconds on the monotonic clock. A sender enters the pacer as a context, so that running requests are
    counted.

    :param now: the moment
    """

    def __init__(self, now: float) -> None:
        self._running, self._last_used = 0, now
        self._forget()

    def _forget(self) -> None:
        self._request_count, self._last_sent, self._pause, self._logged_until = 0, 0.0, 0.0, 0.0
        self._advertised, self._token_mean = dict[tuple[str, str], AdvertisedLimit](), TokenMean()
        self._estimated = EstimatedLimit()
        self._concurrency, self._paced_until = ConcurrencyEstimate(), 0.0

    def __enter__(self) -> Pacer:
        with _lock:
            self._running += 1
        return self

    def __exit__(self, *error: object) -> None:
        with _lock:
            self._running -= 1

    def is_idle(self, now: float) -> bool:
        """
        Return whether the learned limit is out of date.

        :param now: the moment
        :return: True after some minutes without a request
        """
        return not self._running and now - self._last_used > FORGET_AFTER_S

    def acquire(self, settings: ClientSettings, now: float | None = None) -> Permit:
        """
        Acquire the permission to send one request.

        :param settings: the connection's limit, and the maximum wait: a request that would wait longer is sent at once,
            so that the service itself says how long to wait
        :param now: the moment
        :return: the permit, or how long to wait before the next try
        """
        now = time.monotonic() if now is None else now
        with _lock:
            if now - self._last_used > FORGET_AFTER_S:
                self._forget()
            self._last_used = max(now, self._last_used)
            moments = (
                *(each.moment(now, self._request_count, self._last_sent) for each in self._advertised.values()),
                self._estimated.moment(now),
                self._pause,
            )
            # A longer wait is left to the service, which says how long: it may be a limit a day.
            moment = max((each for each in moments if each - now <= settings.max_wait + ROUNDING_S), default=now)
            wait = max(moment, _free(settings, now)) - now
            if wait > 0:
                self._log_wait(wait, now)
                self._paced_until = now + wait
                return Permit(wait, now)
            self._request_count, self._last_sent = self._request_count + 1, now
            self._estimated.on_send(now)
            _spend(settings, now)
            return Permit(0.0, now, self._request_count)

    def observe(
        self,
        permit: Permit,
        settings: ClientSettings,
        status: int,
        headers: Mapping[str, str],
        now: float | None = None,
        *,
        tokens: int | None = None,
    ) -> bool:
        """
        Learn from a response.

        :param permit: the permit of its request
        :param settings: as for :meth:`acquire`
        :param status: status of the response
        :param headers: headers of the response, names in lower case
        :param now: the moment
        :param tokens: usage that the response reports, or None
        :return: True to acquire again without using up a retry: the request was refused while others run, and the
            requested wait is within the maximum
        """
        now, now_epoch = time.monotonic() if now is None else now, time.time()
        quotas, wait = read_quotas(headers, now_epoch), read_wait(status, headers, now_epoch)
        with _lock:
            for quota in quotas:
                self._update_limit(quota, permit, tokens)
            if wait is not None:
                self._pause = max(self._pause, now + wait)
            self._concurrency.update(
                now - permit.moment,
                now,
                self._running,
                self._find_rate(settings, now),
                is_paced=status == 429 or now <= self._paced_until,
                is_failure=status >= 500,
            )
            if status != 429:
                if status < 500:
                    self._estimated.on_success(permit.moment)
                return False
            self._estimated.on_refusal(permit.moment)
            if not any(self._is_used_up(quota) for quota in quotas):
                self._estimated.pause(permit.moment, now, wait)
            return self._running > 1 and (wait or 0.0) <= settings.max_wait

    def _update_limit(self, quota: Quota, permit: Permit, tokens: int | None) -> None:
        cost = 1.0
        if quota.unit == TOKENS:
            self._token_mean.update(quota, permit.number, tokens)
            # Until it is known what a request takes, only a quota that is used up counts.
            cost = self._token_mean.value or (quota.limit if quota.left <= 0 else 0.0)
        if cost:
            limit = self._advertised.setdefault((quota.unit, quota.name), AdvertisedLimit())
            limit.update(quota, permit.number, permit.moment, cost)

    def _is_used_up(self, quota: Quota) -> bool:
        cost = max(self._token_mean.value, 1.0) if quota.unit == TOKENS else 1.0
        return quota.left < cost and quota.reset is not None

    @property
    def concurrency(self) -> int:
        """
        The number of requests to have under way, so that the rate limit is used.
        """
        return self._concurrency.limit

    def find_rate(self, settings: ClientSettings) -> float | None:
        """
        Find the rate that the service allows.

        :param settings: as for :meth:`acquire`
        :return: requests a minute, or None if it is unknown
        """
        with _lock:
            return self._find_rate(settings, time.monotonic())

    def _find_rate(self, settings: ClientSettings, now: float) -> float | None:
        advertised = (each.rate(now, self._request_count) for each in self._advertised.values())
        rates = (*advertised, self._estimated.rate(now), settings.requests_per_minute)
        return min((float(rate) for rate in rates if rate), default=None)

    def _log_wait(self, wait: float, now: float) -> None:
        if wait > LOG_WAITS_OVER_S and now + wait > self._logged_until + ROUNDING_S:
            self._logged_until = now + wait
            quotas = ((each.quota, each.window) for each in self._advertised.values())
            limits = ", ".join(describe_quota(quota, window) for quota, window in quotas if quota)
            log.info("Rate limit%s: next request in %.0f s.", f" ({limits})" if limits else "", wait)


def describe_quota(quota: Quota, window: float) -> str:
    """
    Describe a limit for people.

    :param quota: the quota as reported
    :param window: seconds of its window
    :return: such as ``200,000 tokens a minute``
    """
    names = {seconds: "an hour" if name == "hour" else f"a {name}" for name, seconds in WINDOWS_S.items()}
    return f"{quota.limit:,.0f} {quota.unit} {names.get(window) or f'in {window:,.3g} s'}"


_lock = create_fork_lock()
_pacers: dict[tuple[str, str | None, str | None], Pacer] = {}
#: The next moment that the limit of a connection allows, by service and token; all models share it.
_caps: dict[tuple[str, str | None], float] = {}


def _free(settings: ClientSettings, now: float) -> float:
    return _caps.get((settings.base_url, settings.token), now) if settings.requests_per_minute else now


def _spend(settings: ClientSettings, now: float) -> None:
    if settings.requests_per_minute:
        _caps[settings.base_url, settings.token] = now + MINUTE_S / settings.requests_per_minute


def find_pacer(settings: ClientSettings, model: str | None) -> Pacer:
    """
    Return the pacer that all clients of one service, token and model in this process share.

    :param settings: the service and the token
    :param model: model id, or None
    :return: the pacer
    """
    key = settings.base_url, settings.token, model
    return _pacers.get(key) or _create_pacer(key)


def _create_pacer(key: tuple[str, str | None, str | None]) -> Pacer:
    now = time.monotonic()
    with _lock:
        # New tokens and models must not fill the memory of a process that runs for months.
        for old in [old for old, pacer in _pacers.items() if pacer.is_idle(now)]:
            del _pacers[old]
        for passed in [cap for cap, moment in _caps.items() if moment < now]:
            del _caps[passed]
        return _pacers.setdefault(key, Pacer(now))


def forget() -> None:
    """
    Forget all learned limits and counts.
    """
    with _lock:
        _pacers.clear()
        _caps.clear()


# The parent's running requests don't run in a forked process, and would be counted forever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pacers.clear)
