"""
How a shared pacer decides, by itself and under simulated services; see test_drivers.py for what both drivers share.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client import pacing
from apache_airflow_provider_ovhcloud_ai.client.pacing import MEMORY, Pacer, Turn, pacer_of
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import RateLimitedError
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import canary, throttles
from support.drivers import drive_blocking
from support.throttles import (
    CHAT,
    FixedWindow,
    Simulation,
    SlidingWindow,
    TokenBucket,
    Weighted,
    ietf,
    kong,
    limits_only,
    openai,
    retry_after,
    silent,
)
from support.wire import Server, reply

SETTINGS = ClientSettings()
KONG_400 = {"x-ratelimit-limit-minute": "400"}


@pytest.fixture(autouse=True)
def _nothing_learned() -> Iterator[None]:
    pacing._pacers.clear()
    pacing._caps.clear()
    yield
    pacing._pacers.clear()


def sent(pacer: Pacer, now: float, settings: ClientSettings = SETTINGS) -> Turn:
    """Wait for a place as long as it takes."""
    turn = pacer.reserve(settings, now)
    while turn.wait:
        turn = pacer.confirm(turn, settings, turn.moment)
    return turn


def gaps(moments: list[float]) -> list[float]:
    return [later - first for first, later in pairwise(moments)]


def learned(status: int, headers: dict[str, str], now: float = 100.0) -> Pacer:
    """A pacer that got one reply."""
    pacer = Pacer(now)
    pacer.learn(sent(pacer, now), SETTINGS, status, headers, now, 0.0)
    return pacer


# What was typed into the connection.


def test_cap_spreads_requests_over_the_minute() -> None:
    pacer, capped = Pacer(0.0), ClientSettings(requests_per_minute=120)
    assert [pacer.reserve(capped, 100.0).wait for _ in range(4)] == [0.0, 0.5, 1.0, 1.5]
    waits = [pacer.reserve(capped, now).wait for now in (101.0, 103.0, 103.2)]
    assert waits == pytest.approx([1.0, 0.0, 0.3])


def test_no_minute_holds_more_than_the_cap() -> None:
    pacer, capped = Pacer(0.0), ClientSettings(requests_per_minute=7)
    moments = [pacer.reserve(capped, n * 1.3).moment for n in range(60)]
    assert all(later - first >= 60.0 - 1e-6 for first, later in zip(moments, moments[7:], strict=False))


def test_cap_is_shared_by_service_and_token() -> None:
    def wait(base_url: str = "https://pacing.test/v1", token: str = "a", model: str = "m", cap: Any = 60) -> float:
        given = ClientSettings(base_url=base_url, token=token, requests_per_minute=cap)
        return round(pacer_of(given, model).reserve(given).wait)

    assert [wait(), wait(model="n"), wait(token="b"), wait(base_url="https://other.test"), wait()] == [0, 1, 0, 0, 2]
    assert [wait(cap=None) for _ in range(3)] == [0, 0, 0]


def test_threads_get_different_places() -> None:
    capped = ClientSettings(base_url="https://threads.test/v1", requests_per_minute=1)
    waits: list[float] = []
    work = lambda: waits.append(pacer_of(capped, "m").reserve(capped).wait)  # noqa: E731
    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [round(wait / 60) for wait in sorted(waits)] == list(range(20))


def test_cap_bounds_what_was_learned() -> None:
    capped = ClientSettings(requests_per_minute=60)
    pacer = learned(200, {"x-ratelimit-limit-minute": "6000"})
    assert [sent(pacer, 200.0, capped).moment for _ in range(3)] == [200.0, 201.0, 202.0]


# What is learned, and for whom.


def test_nobody_waits_before_anything_is_learned() -> None:
    pacer = Pacer(100.0)
    assert {pacer.reserve(SETTINGS, 100.0).wait for _ in range(1_000)} == {0.0}
    pacer.learn(pacer.reserve(SETTINGS, 100.0), SETTINGS, 200, {}, 101.0, 0.0)
    pacer.learn(pacer.reserve(SETTINGS, 100.0), SETTINGS, 503, {}, 101.0, 0.0)
    assert {pacer.reserve(SETTINGS, 101.0).wait for _ in range(1_000)} == {0.0}


def test_pacers_are_shared_by_service_token_and_model() -> None:
    first = ClientSettings(base_url="https://a.test", token="t", timeout=1.0)
    assert pacer_of(first, "m") is pacer_of(ClientSettings(base_url="https://a.test", token="t"), "m")
    others = [(first, "n"), (ClientSettings(base_url="https://a.test"), "m"), (ClientSettings(token="t"), "m")]
    assert len({id(pacer_of(*other)) for other in [(first, "m"), *others]}) == 4


def test_named_limit_is_spent_evenly_after_a_small_burst() -> None:
    pacer = learned(200, KONG_400)
    moments = [sent(pacer, 100.0).moment for _ in range(400)]
    assert 24 <= sum(moment == 100.0 for moment in moments) <= 32
    assert max(gaps(moments[40:300])) == pytest.approx(60 / 400 * 1.015)
    assert all(later - first >= 60.0 for first, later in zip(moments, moments[400:], strict=False))


def test_a_limit_for_a_second_is_one() -> None:
    pacer = learned(200, {"x-ratelimit-limit-second": "2"})
    moments = [sent(pacer, 200.0).moment for _ in range(20)]
    assert moments[-1] - moments[-2] == pytest.approx(0.5075)


def test_what_was_learned_is_forgotten_when_nothing_was_sent_for_a_while() -> None:
    pacer = learned(429, {"retry-after": "30", "x-ratelimit-limit-minute": "1"})
    assert pacer.reserve(SETTINGS, 101.0).wait == pytest.approx(29.0)
    assert [pacer.reserve(SETTINGS, 102.0 + MEMORY).wait for _ in range(9)] == [0.0] * 9


def test_pacers_of_long_ago_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(100):
        pacer_of(SETTINGS, f"model-{number}")
    later = pacing.time.monotonic() + MEMORY + 1
    monkeypatch.setattr(pacing.time, "monotonic", lambda: later)
    pacer_of(SETTINGS, "new")
    assert len(pacing._pacers) == 1


@pytest.mark.parametrize("value", ["0", "-3", "nan", "soon", "1e300"])
def test_nonsense_slows_nobody(value: str) -> None:
    names = ("x-ratelimit-limit-minute", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after")
    pacer = learned(200, dict.fromkeys(names, value))
    assert {pacer.reserve(SETTINGS, 100.0).wait for _ in range(100)} == {0.0}


# Pauses.


@pytest.mark.parametrize("status", [429, 503])
def test_everybody_pauses_as_long_as_the_service_asks_and_resumes_evenly(status: int) -> None:
    pacer = learned(200, KONG_400)
    refused, *waiting = [pacer.reserve(SETTINGS, 100.0) for _ in range(40)]
    pacer.learn(refused, SETTINGS, status, {**KONG_400, "retry-after": "20"}, 101.0, 0.0)
    assert pacer.reserve(SETTINGS, 105.0).wait == pytest.approx(16.0)
    # Those who had places before it ends find that these hold no more.
    turns = [pacer.confirm(turn, SETTINGS, turn.moment) for turn in waiting if turn.wait]
    assert len(turns) >= 7
    assert {turn.moment for turn in turns} == {121.0}
    moments = sorted(pacer.confirm(turn, SETTINGS, 121.0).moment for turn in turns)
    assert gaps(moments) == pytest.approx([60 / 400 * 1.015] * (len(turns) - 1))


def test_after_a_refusal_without_a_wait_one_tries_for_all() -> None:
    pacer = Pacer(100.0)
    turns = [pacer.reserve(SETTINGS, 100.0) for _ in range(8)]
    for turn in turns[2:]:
        pacer.learn(turn, SETTINGS, 429, {}, 100.1, 0.0)
    waiting = [pacer.reserve(SETTINGS, 100.2) for _ in range(8)]
    again = [pacer.confirm(turn, SETTINGS, turn.moment) for turn in waiting]
    assert [turn.wait for turn in again] == pytest.approx([0.0] + [1.0] * 7)
    pacer.learn(again[0], SETTINGS, 200, {}, again[0].moment + 0.1, 0.0)
    # Three were accepted in nine seconds.
    moments = [sent(pacer, again[0].moment + 0.2).moment for _ in range(3)]
    assert gaps(moments) == pytest.approx([3.0, 3.0], rel=0.05)


def test_a_pause_beyond_the_budget_is_not_waited_for() -> None:
    pacer = learned(429, {"retry-after": "3600"})
    assert pacer.reserve(ClientSettings(max_wait=60), 101.0).wait == 0.0
    assert pacer.reserve(ClientSettings(max_wait=4000), 101.0).wait == pytest.approx(3599.0)


def test_a_refusal_is_a_matter_of_pace_only_beside_others() -> None:
    pacer = Pacer(100.0)
    alone = pacer.reserve(SETTINGS, 100.0)
    assert not pacer.learn(alone, SETTINGS, 429, {"retry-after": "5"}, 100.1, 0.0)
    one, other = sent(pacer, 106.0), sent(pacer, 106.0)
    assert not pacer.learn(one, SETTINGS, 200, {}, 106.5, 0.0)
    assert pacer.learn(other, SETTINGS, 429, {"retry-after": "5"}, 106.6, 0.0)
    # Nor where it takes longer than the settings allow.
    one, other = sent(pacer, 120.0), sent(pacer, 120.0)
    pacer.learn(one, SETTINGS, 200, {}, 120.5, 0.0)
    assert not pacer.learn(other, SETTINGS, 429, {"retry-after": "500"}, 120.6, 0.0)


def test_what_others_spend_is_left_to_them() -> None:
    def quota(left: int, reset: int) -> dict[str, str]:
        return {**KONG_400, "ratelimit-remaining": str(left), "ratelimit-reset": str(reset)}

    pacer = learned(200, quota(399, 60))
    turn = sent(pacer, 101.0)
    pacer.learn(turn, SETTINGS, 200, quota(9, 50), 101.0, 0.0)
    moments = [sent(pacer, 101.0).moment for _ in range(8)]
    assert gaps(moments[1:]) == pytest.approx([5.0] * 6)
    turn = sent(pacer, 150.0)
    pacer.learn(turn, SETTINGS, 200, quota(0, 30), 150.0, 0.0)
    assert pacer.reserve(SETTINGS, 151.0).moment == turn.moment + 30


# A thousand requests against services of all kinds, on a clock that leaps.

KINDS: dict[str, Callable[[int], throttles.Limiter]] = {
    "fixed, at its beginning": FixedWindow,
    "fixed, at its end": lambda limit: FixedWindow(limit, gone=19.0),
    "sliding": SlidingWindow,
    "bucket": TokenBucket,
}
TOLD = [kong, ietf, openai, limits_only]
#: The same examples each time: what fails here fails for everybody.
quickly = settings(
    deadline=None, derandomize=True, database=None, max_examples=30, phases=[Phase.explicit, Phase.generate]
)


@quickly
@given(
    kind=st.sampled_from(sorted(KINDS)),
    headers=st.sampled_from(TOLD),
    limit=st.integers(30, 6_000),
    workers=st.integers(1, 32),
    slowness=st.floats(0.1, 0.6),
    seed=st.integers(0, 1_000),
)
def test_limits_that_are_named_are_reached_and_not_exceeded(
    kind: str, headers: throttles.Headers, limit: int, workers: int, slowness: float, seed: int
) -> None:
    latency = min(slowness * workers * 60 / limit, 5.0)
    run = Simulation(
        KINDS[kind](limit),
        headers,
        workers=workers,
        latency=(latency / 2, latency),
        refusal=(latency / 20, latency / 10),
        travel=(latency / 50, latency / 20),
        seed=seed,
    ).run()
    assert (len(run.passed), run.failed) == (1_000, [])
    assert run.rate >= 0.97
    # What was under way when the first limit was read counts apart.
    assert len(run.refused) <= max(0, workers - limit) + 9
    # Some travel longer than others.
    assert run.burst(60.0) <= limit + 2 + 0.01 * limit


@quickly
@given(
    kind=st.sampled_from(sorted(KINDS)),
    headers=st.sampled_from([retry_after, silent]),
    limit=st.integers(2, 600),
    workers=st.integers(2, 32),
    seed=st.integers(0, 1_000),
)
def test_limits_that_are_not_named_fail_no_request(
    kind: str, headers: throttles.Headers, limit: int, workers: int, seed: int
) -> None:
    run = Simulation(KINDS[kind](limit), headers, workers=workers, seed=seed, count=600).run()
    assert (len(run.passed), run.failed) == (600, [])
    assert len(run.refused) <= workers + 40


@pytest.mark.parametrize("workers", [8, 32])
@pytest.mark.parametrize("headers", [kong, ietf, openai, limits_only, retry_after, silent])
@pytest.mark.parametrize("kind", ["fixed, at its beginning", "fixed, at its end", "sliding"])
def test_a_thousand_prompts_at_four_hundred_a_minute(kind: str, headers: throttles.Headers, workers: int) -> None:
    run = Simulation(KINDS[kind](400), headers, workers=workers).run()
    assert (len(run.passed), run.failed) == (1_000, [])
    assert run.rate >= 0.97
    # Unless told, all that are under way when the limit is first met are refused.
    assert len(run.refused) <= (0 if headers in TOLD else 9 + workers // 8)


def test_a_minute_that_slides_by_approximation_is_not_taken_for_others() -> None:
    run = Simulation(Weighted(400), kong).run()
    assert (run.failed, run.refused) == ([], [])
    assert run.rate >= 0.97


@pytest.mark.parametrize("headers", [kong, retry_after, silent])
def test_two_a_minute_fail_no_request(headers: throttles.Headers) -> None:
    run = Simulation(SlidingWindow(2), headers, count=200).run()
    assert (len(run.passed), run.failed) == (200, [])
    assert run.rate >= 0.9
    # Six of the first eight, and a few that try.
    assert len(run.refused) <= 10


def test_a_small_bucket_is_not_taken_for_a_low_rate() -> None:
    run = Simulation(TokenBucket(400, size=10), retry_after, workers=32).run()
    assert (len(run.passed), run.failed) == (1_000, [])
    assert run.rate >= 0.93


@pytest.mark.parametrize("headers", [kong, limits_only, retry_after, silent])
def test_a_limit_shared_with_others_fails_no_request(headers: throttles.Headers) -> None:
    run = Simulation(FixedWindow(400, gone=20.0), headers, others=200).run()
    assert (len(run.passed), run.failed) == (1_000, [])
    assert run.rate >= 0.5
    assert run.refusals <= 0.015


def test_pauses_leave_the_retries_for_what_they_are_for() -> None:
    run = Simulation(TokenBucket(60), retry_after, workers=32, settings={"max_retries": 1}).run()
    assert (len(run.passed), run.failed) == (1_000, [])


# On a socket.


def test_drivers_learn_from_the_sandbox(drive: Callable[..., Any]) -> None:
    with Sandbox(rate_limit=10) as sandbox:
        given = ClientSettings(sandbox.base_url, sandbox.token)
        run = drive(given, *[throttles.chat("gpt-oss-20b")] * 3, throttles.chat("Qwen3.8-27B"))
        assert [outcome.status for outcome in run.outcomes] == [200] * 4
        # One may come early. The next waits for its tenth of a minute, on a clock that stands still; the last does not.
        assert sum(run.slept) == pytest.approx(60 / 10 * 1.015, abs=1.0)


def test_drivers_wait_for_one_another() -> None:
    with Server(reply(429, {"message": "x"}, {"Retry-After": "30"}), reply(200, {})) as server:
        given = ClientSettings(server.base_url, canary.TOKEN, max_retries=0)
        assert isinstance(drive_blocking(given, CHAT).error, RateLimitedError)
        run = drive_blocking(given, CHAT)
        assert run.last.status == 200
        assert run.slept == [pytest.approx(30.0, abs=1.0)]
