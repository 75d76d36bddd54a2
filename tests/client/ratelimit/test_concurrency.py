"""
How many requests the estimate has under way, against simulated services on a clock that jumps.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.ratelimit.concurrency import (
    BACKOFF,
    EXTRA_REQUESTS,
    HEADROOM,
    MIN_REQUESTS,
    ConcurrencyEstimate,
)
from apache_airflow_provider_ovhcloud_ai.client.ratelimit.pacer import Pacer, Permit
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.defaults import MAX_CONCURRENCY
from hypothesis import given
from hypothesis import strategies as st
from support.rate_limiters import FixedWindow, Headers, Limiter, SlidingWindow, TokenBucket, kong, retry_after, silent

SETTINGS = ClientSettings()

#: Seconds of an answer: a function of its number from 0, the requests that the service works on, and a random source.
Latency = Callable[[int, int, random.Random], float]


def vary(mean: float, share: float = 0.5) -> Latency:
    return lambda number, busy, dice: mean * dice.uniform(1 - share, 1 + share)


@dataclass
class Service:
    """
    A simulated service, and a run that sends it as many requests as the pacer says.

    :param latency: seconds of an answer
    :param limiter: the rate limit
    :param headers: headers of its responses
    :param fails: returns whether the answer with a number is an error of the service
    """

    latency: Latency
    limiter: Limiter = field(default_factory=lambda: FixedWindow(10**9))
    headers: Headers = silent
    fails: Callable[[int], bool] = lambda number: False
    #: When requests passed, the number of refused ones, and (moment, requests under way, estimate) over time.
    passed: list[float] = field(default_factory=list)
    refused: int = 0
    history: list[tuple[float, int, int]] = field(default_factory=list)

    def run(self, seconds: float, seed: int = 0) -> Service:
        """Send requests for so many seconds of the simulation."""
        self._dice, self._pacer, self._now, self._busy = random.Random(seed), Pacer(0.0), 0.0, 0
        #: Responses, or None for a request that waits for the rate limit; and their order.
        self._events: list[tuple[float, int, tuple[Permit, int, dict[str, str]] | None]] = []
        self._order, self._numbers, pending = itertools.count(), itertools.count(), 0
        while self._now < seconds:
            while pending < min(self._pacer.concurrency, MAX_CONCURRENCY):
                pending += 1
                self._pacer.__enter__()
                self._send()
            self.history.append((self._now, self._busy, self._pacer.concurrency))
            self._now, _, response = heapq.heappop(self._events)
            pending -= self._receive(response)
        return self

    def _schedule(self, seconds: float, response: Any = None) -> None:
        heapq.heappush(self._events, (self._now + seconds, next(self._order), response))

    def _send(self) -> None:
        permit = self._pacer.acquire(SETTINGS, self._now)
        if permit.wait:
            self._schedule(permit.wait)
            return
        passes, remaining, reset = self.limiter.take(self._now)
        headers = self.headers(self.limiter, passes, remaining, reset)
        if not passes:
            self.refused += 1
            self._schedule(0.05, (permit, 429, headers))
            return
        self.passed.append(self._now)
        self._busy += 1
        number = next(self._numbers)
        status = 500 if self.fails(number) else 200
        self._schedule(self.latency(number, self._busy, self._dice), (permit, status, headers))

    def _receive(self, response: tuple[Permit, int, dict[str, str]] | None) -> bool:
        """Return whether a request has ended, and isn't sent again."""
        if response is not None:
            permit, status, headers = response
            self._pacer.observe(permit, SETTINGS, status, headers, self._now)
            if status != 429:
                self._busy -= 1
                self._pacer.__exit__()
                return True
        self._send()
        return False

    def find_rate(self, start: float, end: float) -> float:
        """Requests a minute that passed."""
        return sum(start <= moment < end for moment in self.passed) / (end - start) * 60

    def find_limits(self, start: float, end: float) -> list[int]:
        """The estimates."""
        return [limit for moment, _, limit in self.history if start <= moment < end]

    def find_mean_busy(self, start: float, end: float) -> float:
        """The mean number of requests under way, over time."""
        steps = [(moment, busy) for moment, busy, _ in self.history if start <= moment < end]
        seconds = [later - moment for (moment, _), (later, _) in itertools.pairwise(steps)]
        return sum(busy * each for (_, busy), each in zip(steps, seconds, strict=False)) / sum(seconds)


@pytest.mark.parametrize("kind", [FixedWindow, TokenBucket])
@pytest.mark.parametrize("seconds", [1, 5, 20, 60])
@pytest.mark.slow
def test_rate_limit_is_used_at_any_latency(kind: Callable[[int], Limiter], seconds: float) -> None:
    service = Service(vary(seconds), kind(400), kong).run(600)
    assert service.refused == 0
    assert service.find_rate(60, 600) >= 0.95 * 400
    # By Little's law.
    need = 400 / 60 * seconds
    assert service.find_mean_busy(180, 600) == pytest.approx(need, rel=0.1)
    assert need <= min(service.find_limits(180, 600)) <= max(service.find_limits(180, 600)) < 1.75 * need + 4


@pytest.mark.parametrize(("seconds", "headers"), [(5, silent), (20, retry_after)])
@pytest.mark.parametrize("kind", [FixedWindow, SlidingWindow, TokenBucket])
@pytest.mark.slow
def test_rate_limit_without_headers_is_approached(
    kind: Callable[[int], Limiter], seconds: float, headers: Headers
) -> None:
    service = Service(vary(seconds), kind(400), headers).run(900)
    assert service.find_rate(480, 900) >= 0.8 * 400
    assert service.refused < 0.05 * len(service.passed)


@pytest.mark.parametrize(
    "latency",
    [
        lambda number, busy, dice: dice.expovariate(1 / 20),
        lambda number, busy, dice: 10 * dice.lognormvariate(0, 1),
        lambda number, busy, dice: 30 if dice.random() < 0.1 else 1,
        lambda number, busy, dice: 5,
    ],
    ids=["exponential", "lognormal", "few long ones", "constant"],
)
def test_rate_limit_is_used_if_latencies_differ(latency: Latency) -> None:
    assert Service(latency, FixedWindow(400), kong).run(900).find_rate(60, 900) >= 0.95 * 400


def share_slots(slots: int, seconds: float, share: float = 0.2) -> Latency:
    """Answers get slower in proportion, if the service works on more of them than it has slots."""
    return lambda number, busy, dice: seconds * max(1, busy / slots) * dice.uniform(1 - share, 1 + share)


@pytest.mark.parametrize("seconds", [1, 5, 20])
@pytest.mark.parametrize("slots", [16, 64, 150])
def test_service_at_its_capacity_gets_no_more_requests(slots: int, seconds: float) -> None:
    service = Service(share_slots(slots, seconds)).run(400 * seconds)
    assert max(service.find_limits(0, 400 * seconds)) <= 3.5 * slots
    assert service.find_mean_busy(60 * seconds, 400 * seconds) <= 2.5 * slots
    # And its capacity is used.
    assert service.find_rate(60 * seconds, 400 * seconds) >= 0.8 * slots * 60 / seconds


def test_service_below_its_rate_limit_gets_fewer_requests_again() -> None:
    service = Service(share_slots(16, 5), FixedWindow(400), kong).run(1_800)
    assert max(service.find_limits(0, 300)) > 100
    assert max(service.find_limits(1_200, 1_800)) <= 6 * 16
    assert service.find_rate(600, 1_800) >= 0.8 * 16 * 60 / 5


@pytest.mark.parametrize(("limiter", "headers"), [(FixedWindow(400), kong), (FixedWindow(10**9), silent)])
@pytest.mark.parametrize(
    "latency",
    [
        lambda number, busy, dice: (1 + number * 0.005) * dice.uniform(0.8, 1.2),
        lambda number, busy, dice: (2 if number < 500 else 20) * dice.uniform(0.8, 1.2),
    ],
    ids=["sorted", "suddenly"],
)
def test_longer_answers_do_not_reduce_the_number(limiter: Limiter, headers: Headers, latency: Latency) -> None:
    service = Service(latency, FixedWindow(limiter.limit), headers).run(900)
    mean = sum(latency(number, 0, random.Random(1)) for number in range(len(service.passed) - 100, len(service.passed)))
    need = min(400 / 60 * mean / 100, 400)
    assert min(service.find_limits(600, 900)) >= 0.8 * need
    assert service.find_rate(300, 900) >= 0.95 * 400


def observe(estimate: ConcurrencyEstimate, count: int, now: float = 0.0, **changes: Any) -> float:
    """So many responses of 5 s."""
    values: dict[str, Any] = {"seconds": 5.0, "rate": None, "is_paced": False, "is_failure": False, **changes}
    for _ in range(count):
        now += 5 / estimate.limit
        estimate.update(now=now, **{"running": estimate.limit, **values})
    return now


class TestEstimate:
    def test_first_response_with_a_rate_limit_is_enough(self) -> None:
        estimate = ConcurrencyEstimate()
        observe(estimate, 1, rate=400.0, seconds=20.0)
        assert estimate.limit == int(HEADROOM * 400 / 60 * 20 + EXTRA_REQUESTS)

    def test_without_a_rate_limit_it_doubles_with_the_throughput(self) -> None:
        estimate, limits = ConcurrencyEstimate(), []
        now = 0.0
        for _ in range(2_000):
            now = observe(estimate, 1, now)
            limits.append(estimate.limit)
        assert sorted(limits) == limits
        assert {8, 16, 32, 64} <= set(limits)

    def test_errors_of_the_service_reduce_it(self) -> None:
        estimate = ConcurrencyEstimate()
        now = observe(estimate, 20, rate=400.0)
        before = estimate.limit
        now = observe(estimate, 2 * before, now, rate=400.0, is_failure=True)
        assert estimate.limit == pytest.approx(BACKOFF * before, abs=1)
        now = observe(estimate, 1_000, now, rate=400.0, is_failure=True)
        assert estimate.limit == MIN_REQUESTS
        observe(estimate, 1_000, now, rate=400.0)
        assert estimate.limit == before

    def test_few_errors_do_not(self) -> None:
        service = Service(vary(5), FixedWindow(400), kong, fails=lambda number: number % 20 == 0).run(600)
        assert service.find_rate(60, 600) >= 0.95 * 400

    def test_requests_that_are_missing_are_no_measure_of_the_service(self) -> None:
        """As at the end of the rows, or with a caller that sends fewer."""
        estimate = ConcurrencyEstimate()
        observe(estimate, 1_000, running=4)
        assert estimate.limit == MIN_REQUESTS

    @given(
        st.lists(
            st.tuples(
                st.floats(0, 600),
                st.floats(0, 1_000),
                st.integers(0, 1_000),
                st.none() | st.floats(1, 1e4),
                st.booleans(),
                st.booleans(),
            ),
            max_size=200,
        )
    )
    def test_bounds(self, responses: list[tuple[float, float, int, float | None, bool, bool]]) -> None:
        estimate, now, rates, longest = ConcurrencyEstimate(), 0.0, [0.0], 0.0
        for seconds, pause, running, rate, is_paced, is_failure in responses:
            now += pause
            before = estimate.limit
            estimate.update(seconds, now, running, rate, is_paced=is_paced, is_failure=is_failure)
            rates.append(rate or 0.0)
            longest = max(longest, seconds)
            assert estimate.limit >= MIN_REQUESTS
            if rate is not None:
                assert estimate.limit <= max(MIN_REQUESTS, HEADROOM * rate / 60 * longest + EXTRA_REQUESTS)
            elif rates[-2:-1] == [0.0]:
                assert estimate.limit <= 2 * before + 1
