"""
Services that allow so many requests a minute, and a clock that jumps: an hour of requests in a second.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import selectors
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Protocol

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat import chat_request
from apache_airflow_provider_ovhcloud_ai.client.http import async_client
from apache_airflow_provider_ovhcloud_ai.client.http.async_client import AsyncClient
from apache_airflow_provider_ovhcloud_ai.client.http.http_request import Request
from apache_airflow_provider_ovhcloud_ai.client.http.http_response import HTTPResponse
from apache_airflow_provider_ovhcloud_ai.client.ratelimit import pacer
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError

MINUTE = 60.0
_numbers = itertools.count()


def chat(model: str) -> Request:
    """A prompt."""
    return chat_request.chat(model, [{"role": "user", "content": "Hi"}])


CHAT = chat("some-model")


class Limiter(Protocol):
    """Counts requests: returns whether one passes, how many more would, and the seconds until there are more."""

    limit: int

    def take(self, now: float) -> tuple[bool, int, float]: ...


@dataclass
class FixedWindow:
    """Kong's: calendar minutes, the first of which began ``gone`` seconds ago; refusals do not count."""

    limit: int
    gone: float = 0.0
    seconds: float = MINUTE
    _window: int = -1
    _count: int = 0

    def take(self, now: float) -> tuple[bool, int, float]:
        window, since = divmod(now + self.gone, self.seconds)
        if window != self._window:
            self._window, self._count = int(window), 0
        passes = self._count < self.limit
        self._count += passes
        return passes, self.limit - self._count, max(1.0, self.seconds - math.floor(since))


@dataclass
class TokenWindow:
    """Calendar minutes of tokens, in which requests of some 500 tokens on average pass while any are left."""

    limit: int
    mean: int = 500
    _window: int = -1
    _tokens_gone: int = 0
    _dice: random.Random = field(default_factory=lambda: random.Random(1))

    def take(self, now: float) -> tuple[bool, int, float]:
        window, since = divmod(now, MINUTE)
        if window != self._window:
            self._window, self._tokens_gone = int(window), 0
        passes = self._tokens_gone < self.limit * self.mean
        self._tokens_gone += passes * self._dice.randint(self.mean // 5, 2 * self.mean - self.mean // 5)
        return passes, max(0, self.limit * self.mean - self._tokens_gone), math.ceil(MINUTE - since)


@dataclass
class SlidingWindow:
    """Any sixty seconds; more are allowed when the oldest is a minute old."""

    limit: int
    _passed: deque[float] = field(default_factory=deque)

    def take(self, now: float) -> tuple[bool, int, float]:
        while self._passed and self._passed[0] <= now - MINUTE:
            self._passed.popleft()
        passes = len(self._passed) < self.limit
        if passes:
            self._passed.append(now)
        return passes, self.limit - len(self._passed), math.ceil(self._passed[0] + MINUTE - now)


@dataclass
class Weighted:
    """A sliding window as it is often approximated: the last window counts as far as it is still in sight."""

    limit: int
    _window: int = -2
    _counts: tuple[int, int] = (0, 0)

    def take(self, now: float) -> tuple[bool, int, float]:
        window, since = divmod(now, MINUTE)
        if window != self._window:
            self._counts = (self._counts[1] if window == self._window + 1 else 0, 0)
            self._window = int(window)
        before, here = self._counts
        count = before * (1 - since / MINUTE) + here
        passes = count + 1 <= self.limit
        self._counts = before, here + passes
        return passes, max(0, math.floor(self.limit - count - passes)), math.ceil(MINUTE - since)


@dataclass
class TokenBucket:
    """Refills evenly; reset is when it is full (OpenAI), or when the next token comes."""

    limit: int
    size: float = 0.0
    _tokens: float = -1.0
    _then: float = 0.0

    def take(self, now: float) -> tuple[bool, int, float]:
        size = self.size or self.limit
        if self._tokens < 0:
            self._tokens = size
        self._tokens = min(size, self._tokens + (now - self._then) * self.limit / MINUTE)
        self._then = now
        passes = self._tokens >= 1
        self._tokens -= passes
        missing = size - self._tokens if passes else 1 - self._tokens
        return passes, int(self._tokens), missing * MINUTE / self.limit


Headers = Callable[[Limiter, bool, int, float], dict[str, str]]


def kong(limiter: Limiter, passes: bool, remaining: int, reset: float) -> dict[str, str]:
    seconds = str(max(1, math.ceil(reset)))
    headers = {
        "x-ratelimit-limit-minute": str(limiter.limit),
        "x-ratelimit-remaining-minute": str(remaining),
        "ratelimit-limit": str(limiter.limit),
        "ratelimit-remaining": str(remaining),
        "ratelimit-reset": seconds,
    }
    return headers if passes else {**headers, "retry-after": seconds}


def openai(limiter: Limiter, passes: bool, remaining: int, reset: float) -> dict[str, str]:
    return {
        "x-ratelimit-limit-requests": str(limiter.limit),
        "x-ratelimit-remaining-requests": str(remaining),
        "x-ratelimit-reset-requests": f"{reset * 1000:.0f}ms",
    }


def tokens(limiter: Limiter, passes: bool, remaining: int, reset: float) -> dict[str, str]:
    limit = limiter.limit * getattr(limiter, "mean", 1)
    values = {"limit": str(limit), "remaining": str(remaining), "reset": f"{reset:.0f}s"}
    # The requests are far from their own limit.
    requests = openai(FixedWindow(1_000_000), passes, 999_000, 0.001)
    return requests | {f"x-ratelimit-{name}-tokens": value for name, value in values.items()}


def structured(limiter: Limiter, passes: bool, remaining: int, reset: float) -> dict[str, str]:
    return {
        "ratelimit": f'"default";r={remaining};t={math.ceil(reset)}',
        "ratelimit-policy": f'"default";q={limiter.limit};w=60',
    }


def ietf(limiter: Limiter, passes: bool, remaining: int, reset: float) -> dict[str, str]:
    return {name: value for name, value in kong(limiter, passes, remaining, reset).items() if name[0] != "x"}


def limits_only(limiter: Limiter, passes: bool, remaining: int, reset: float) -> dict[str, str]:
    return {name: value for name, value in kong(limiter, passes, remaining, reset).items() if name[0] == "x"}


def retry_after(limiter: Limiter, passes: bool, remaining: int, reset: float) -> dict[str, str]:
    return {} if passes else {"retry-after": str(max(1, math.ceil(reset)))}


def silent(limiter: Limiter, passes: bool, remaining: int, reset: float) -> dict[str, str]:
    return {}


class _Leap(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        self.now += timeout or 0.0
        return super().select(0)


def run_leaping(main: Callable[[Callable[[], float]], Any]) -> Any:
    """Run a coroutine on an event loop whose clock jumps to the next event."""
    leap = _Leap()
    loop = asyncio.SelectorEventLoop(leap)
    loop.time = lambda: leap.now
    try:
        return loop.run_until_complete(main(loop.time))
    finally:
        loop.close()


@dataclass
class Result:
    """What became of a run: moments at which requests passed, and refusals, as the service saw them."""

    limit: int
    passed: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    failed: list[AIEndpointsError] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Of the allowed one, reached from the first request to the last that passed."""
        return (len(self.passed) - 1) / max((self.passed[-1] - self.passed[0]) * self.limit / MINUTE, 1e-9)

    @property
    def refusals(self) -> float:
        return len(self.refused) / (len(self.passed) + len(self.refused))

    def burst(self, seconds: float) -> int:
        """The most that passed within so many seconds."""
        first, most = 0, 0
        for last, moment in enumerate(self.passed):
            while self.passed[first] < moment - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most


@dataclass
class Simulation:
    """
    Workers that send a thousand requests through the real driver, to a service that a limiter stands for.

    :param latency: bounds of the seconds that an answer takes
    :param refusal: the same of a refusal
    :param travel: the same of a request's way to the service
    :param others: requests a minute that other clients send
    """

    limiter: Limiter
    headers: Headers
    count: int = 1_000
    workers: int = 8
    latency: tuple[float, float] = (0.3, 1.2)
    refusal: tuple[float, float] = (0.02, 0.1)
    travel: tuple[float, float] = (0.005, 0.1)
    others: float = 0.0
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)

    def run(self) -> Result:
        """Send all, and return their outcomes."""
        random.seed(self.seed)
        self._dice = random.Random(self.seed)
        self._result = Result(self.limiter.limit)
        run_leaping(self._main)
        return self._result

    async def _main(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        settings = ClientSettings(base_url=f"https://simulated-{next(_numbers)}.test", **self.settings)
        todo = iter(range(self.count))
        with pytest.MonkeyPatch.context() as patch:
            time = SimpleNamespace(monotonic=clock, time=lambda: 1_790_000_000 + clock())
            for module in (pacer, async_client):
                patch.setattr(module, "time", time)
            rival = asyncio.ensure_future(self._compete())
            async with _SimulatedClient(self, settings) as client:
                await asyncio.gather(*(self._work(client, todo) for _ in range(self.workers)))
            rival.cancel()

    async def _work(self, client: AsyncClient, todo: Iterable[int]) -> None:
        for _ in todo:
            try:
                await client.send(CHAT)
            except AIEndpointsError as error:
                self._result.failed.append(error)

    async def _compete(self) -> None:
        while self.others:
            await asyncio.sleep(self._dice.expovariate(self.others / MINUTE))
            self.limiter.take(self._clock())

    async def answer(self) -> HTTPResponse:
        """What one request gets."""
        await asyncio.sleep(self._dice.uniform(*self.travel))
        passes, remaining, reset = self.limiter.take(self._clock())
        (self._result.passed if passes else self._result.refused).append(self._clock())
        await asyncio.sleep(self._dice.uniform(*(self.latency if passes else self.refusal)))
        return HTTPResponse(200 if passes else 429, self.headers(self.limiter, passes, remaining, reset), b"{}")


class _SimulatedClient(AsyncClient):
    def __init__(self, simulation: Simulation, settings: ClientSettings) -> None:
        super().__init__(settings)
        self._simulation = simulation

    async def _exchange(self, request: Request, seconds: float) -> HTTPResponse:
        return await self._simulation.answer()
