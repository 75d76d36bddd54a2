"""
How a shared pacer decides, by itself and under simulated services on a clock that leaps.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.ratelimit import pacer as pacer_module
from apache_airflow_provider_ovhcloud_ai.client.ratelimit.pacer import FORGET_AFTER_S, Pacer, Permit, find_pacer
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.errors import RateLimitError
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import canary, rate_limiters
from support.drivers import drive_blocking
from support.rate_limiters import (
    CHAT,
    FixedWindow,
    Simulation,
    SlidingWindow,
    TokenBucket,
    TokenWindow,
    Weighted,
    ietf,
    kong,
    limits_only,
    openai,
    retry_after,
    silent,
    structured,
    tokens,
)
from support.scripted_server import Server, respond

SETTINGS = ClientSettings()


def quota(left: int, reset: int, limit: int = 400) -> dict[str, str]:
    """What a service like Kong says."""
    return {
        "x-ratelimit-limit-minute": f"{limit}",
        "x-ratelimit-remaining-minute": f"{left}",
        "ratelimit-reset": f"{reset}",
    }


def acquire_permit(pacer: Pacer, now: float, settings: ClientSettings = SETTINGS) -> Permit:
    """Wait for leave as long as it takes."""
    turn = pacer.acquire(settings, now)
    while turn.wait:
        turn = pacer.acquire(settings, turn.moment + turn.wait)
    return turn


def moments(pacer: Pacer, now: float, count: int, settings: ClientSettings = SETTINGS) -> list[float]:
    """When so many requests go, one after the other."""
    times: list[float] = []
    for _ in range(count):
        times.append(now := acquire_permit(pacer, now, settings).moment)
    return times


def gaps(moments: list[float]) -> list[float]:
    return [later - first for first, later in pairwise(moments)]


def make_pacer(status: int, headers: dict[str, str], now: float = 100.0) -> Pacer:
    """A pacer that got one response."""
    pacer = Pacer(now)
    pacer.observe(acquire_permit(pacer, now), SETTINGS, status, headers, now)
    return pacer


# What was typed into the connection.


def test_cap_spreads_requests_over_the_minute() -> None:
    capped = ClientSettings(base_url="https://cap.test", requests_per_minute=120)
    pacer = find_pacer(capped, "m")
    assert moments(pacer, 100.0, 4, capped) == [100.0, 100.5, 101.0, 101.5]
    assert [pacer.acquire(capped, now).wait for now in (101.9, 103.0, 103.2)] == pytest.approx([0.1, 0.0, 0.3])


@given(st.integers(1, 60), st.lists(st.floats(0.0, 20.0), min_size=70, max_size=70))
def test_no_minute_holds_more_than_the_cap(cap: int, pauses: list[float]) -> None:
    pacer_module.forget()
    capped, now, times = ClientSettings(requests_per_minute=cap), 0.0, []
    for pause in pauses:
        times.append(now := acquire_permit(find_pacer(capped, "m"), now + pause, capped).moment)
    assert all(later - first >= 60.0 - 1e-6 for first, later in zip(times, times[cap:], strict=False))


def test_cap_is_shared_by_service_and_token() -> None:
    def wait(base_url: str = "https://pacing.test/v1", token: str = "a", model: str = "m", cap: Any = 60) -> float:
        settings = ClientSettings(base_url=base_url, token=token, requests_per_minute=cap)
        return round(find_pacer(settings, model).acquire(settings, 1e9).wait)

    assert [wait(), wait(model="n"), wait(token="b"), wait(base_url="https://other.test"), wait()] == [0, 1, 0, 0, 1]
    assert [wait(cap=None) for _ in range(3)] == [0, 0, 0]


def test_threads_get_different_turns() -> None:
    capped = ClientSettings(base_url="https://threads.test/v1", requests_per_minute=1)
    pacer, times = find_pacer(capped, "m"), list[float]()
    threads = [
        threading.Thread(target=lambda: times.append(acquire_permit(pacer, 100.0, capped).moment)) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(times) == [100.0 + 60 * n for n in range(20)]


# What is learned, and for whom.


def test_first_request_does_not_wait() -> None:
    pacer = Pacer(100.0)
    assert {pacer.acquire(SETTINGS, 100.0).wait for _ in range(1_000)} == {0.0}
    for status in (200, 404, 500, 503):
        pacer.observe(pacer.acquire(SETTINGS, 100.0), SETTINGS, status, {}, 101.0)
    assert {pacer.acquire(SETTINGS, 101.0).wait for _ in range(1_000)} == {0.0}


def test_pacers_are_shared_by_service_token_and_model() -> None:
    first = ClientSettings(base_url="https://a.test", token="t", timeout=1.0)
    assert find_pacer(first, "m") is find_pacer(ClientSettings(base_url="https://a.test", token="t"), "m")
    others = [(first, "n"), (ClientSettings(base_url="https://a.test"), "m"), (ClientSettings(token="t"), "m")]
    assert len({id(find_pacer(*other)) for other in [(first, "m"), *others]}) == 4


def test_half_of_a_quota_goes_at_once_and_the_other_evenly_until_it_is_whole_again() -> None:
    times = moments(make_pacer(200, quota(399, 60)), 100.0, 399)
    assert sum(moment == 100.0 for moment in times) == 200
    assert max(gaps(times)) == pytest.approx(60 / 200, rel=0.01) == pytest.approx(min(gaps(times[200:])), rel=0.01)
    assert 159.0 < times[-1] < 160.0


def test_of_two_a_minute_the_second_need_not_wait() -> None:
    pacer = make_pacer(200, quota(1, 60, limit=2))
    second = acquire_permit(pacer, 101.0)
    pacer.observe(second, SETTINGS, 200, quota(0, 59, limit=2), 101.5)
    assert (second.moment, acquire_permit(pacer, 102.0).moment) == (101.0, 160.0)


def test_responses_that_overtake_one_another_count_once() -> None:
    pacer = Pacer(100.0)
    turns = [acquire_permit(pacer, 100.0) for _ in range(6)]
    for left, number in zip((5, 4, 3, 2, 1, 0), (3, 1, 2, 5, 6, 4), strict=True):
        pacer.observe(turns[number - 1], SETTINGS, 200, quota(left, 60, limit=6), 100.5)
    assert acquire_permit(pacer, 101.0).moment == 160.0


def test_what_others_spend_is_left_to_them() -> None:
    pacer = make_pacer(200, quota(399, 60))
    pacer.observe(acquire_permit(pacer, 101.0), SETTINGS, 200, quota(9, 50), 101.0)
    assert gaps([101.0, *moments(pacer, 101.0, 8)]) == pytest.approx([5.0] * 8)


def test_after_a_minute_one_response_limits_the_next() -> None:
    pacer = make_pacer(200, quota(0, 5))
    assert gaps(moments(pacer, 100.0, 4)) == pytest.approx([60 / 400] * 3)
    pacer.observe(acquire_permit(pacer, 106.0), SETTINGS, 200, quota(398, 59), 106.1)
    assert {pacer.acquire(SETTINGS, 106.2).wait for _ in range(190)} == {0.0}


def test_what_was_learned_is_forgotten_when_nothing_was_sent_for_a_while() -> None:
    pacer = make_pacer(429, {"retry-after": "30"})
    assert pacer.acquire(SETTINGS, 101.0).wait == pytest.approx(29.0)
    assert [pacer.acquire(SETTINGS, 102.0 + FORGET_AFTER_S).wait for _ in range(9)] == [0.0] * 9


def test_pacers_of_long_ago_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(100):
        find_pacer(SETTINGS, f"model-{number}")
    with find_pacer(SETTINGS, "model-7"):
        later = pacer_module.time.monotonic() + FORGET_AFTER_S + 1
        monkeypatch.setattr(pacer_module.time, "monotonic", lambda: later)
        find_pacer(SETTINGS, "new")
    assert sorted(str(model) for _, _, model in pacer_module._pacers) == ["model-7", "new"]


@pytest.mark.parametrize("value", ["0", "-3", "nan", "soon", "1e300"])
def test_invalid_headers_cause_no_wait(value: str) -> None:
    names = ("x-ratelimit-limit-minute", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after")
    pacer = make_pacer(200, dict.fromkeys(names, value))
    assert {pacer.acquire(SETTINGS, 100.0).wait for _ in range(100)} == {0.0}


# Pauses.


@pytest.mark.parametrize("status", [429, 503])
def test_everybody_pauses_as_long_as_the_service_asks(status: int) -> None:
    pacer = make_pacer(200, quota(398, 60))
    pacer.observe(pacer.acquire(SETTINGS, 100.0), SETTINGS, status, {"retry-after": "20"}, 101.0)
    assert pacer.acquire(SETTINGS, 105.0).wait == pytest.approx(16.0)
    assert acquire_permit(pacer, 105.0).moment == 121.0


def test_after_a_refusal_without_a_wait_one_tries_for_all() -> None:
    pacer = Pacer(100.0)
    turns = [pacer.acquire(SETTINGS, 100.0) for _ in range(16)]
    for turn in turns[10:]:
        pacer.observe(turn, SETTINGS, 429, {}, 100.1)
    trial = acquire_permit(pacer, 100.2)
    assert (trial.moment, pacer.acquire(SETTINGS, 101.2).wait) == pytest.approx((101.1, 0.9))
    pacer.observe(trial, SETTINGS, 200, {}, 101.1)
    # Ten were accepted in 1.1 s.
    assert gaps([trial.moment, *moments(pacer, 101.1, 3)]) == pytest.approx([0.11 / 0.985] * 3, rel=0.01)


def test_pauses_grow_while_nothing_is_accepted() -> None:
    pacer, times = make_pacer(429, {}), [100.0]
    for _ in range(5):
        turn = acquire_permit(pacer, times[-1])
        pacer.observe(turn, SETTINGS, 429, {}, turn.moment)
        times.append(turn.moment)
    assert gaps(times) == [1.0, 2.0, 4.0, 8.0, 8.0]


def test_a_pause_beyond_the_budget_is_not_waited_for() -> None:
    waits = [
        make_pacer(429, {"retry-after": "3600"}).acquire(ClientSettings(max_wait=n), 101.0).wait for n in (60, 4000)
    ]
    assert waits == pytest.approx([0.0, 3599.0])


def test_a_refusal_is_a_matter_of_pace_only_beside_others() -> None:
    pacer = Pacer(100.0)
    with pacer:
        assert not pacer.observe(acquire_permit(pacer, 100.0), SETTINGS, 429, {"retry-after": "5"}, 100.1)
        with pacer:
            assert pacer.observe(acquire_permit(pacer, 106.0), SETTINGS, 429, {"retry-after": "5"}, 106.6)
            assert not pacer.observe(acquire_permit(pacer, 120.0), SETTINGS, 200, {}, 120.5)
            # Nor where it takes longer than the settings allow.
            assert not pacer.observe(acquire_permit(pacer, 121.0), SETTINGS, 429, {"retry-after": "500"}, 121.6)


def test_a_long_wait_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "apache_airflow_provider_ovhcloud_ai")
    pacer = make_pacer(200, quota(0, 40, limit=2))
    for now in (101.0, 101.1, 102.0):
        pacer.acquire(SETTINGS, now)
    (line,) = caplog.messages
    assert line == "Rate limit (2 requests a minute): next request in 39 s."


def test_limits_of_a_wait_are_logged_with_their_units(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "apache_airflow_provider_ovhcloud_ai")
    by_tokens = {
        "x-ratelimit-limit-tokens": "200000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "7s",
    }
    pacer = make_pacer(200, quota(399, 60) | by_tokens)
    pacer.acquire(SETTINGS, 100.0)
    (line,) = caplog.messages
    assert line == "Rate limit (400 requests a minute, 200,000 tokens a minute): next request in 7 s."


def test_rate_is_that_of_the_tightest_limit() -> None:
    by_tokens = {"x-ratelimit-limit-tokens": "6000", "x-ratelimit-remaining-tokens": "5900"}
    pacer = Pacer(100.0)
    pacer.observe(acquire_permit(pacer, 100.0), SETTINGS, 200, quota(399, 60) | by_tokens, 100.0, tokens=100)
    assert pacer._find_rate(SETTINGS, 100.0) == pytest.approx(60.0)
    # A limit a day isn't a rate while most of it remains.
    day = {"x-ratelimit-limit-day": "1440", "x-ratelimit-remaining-day": "1400"}
    pacer.observe(acquire_permit(pacer, 100.0), SETTINGS, 200, quota(398, 60) | day, 100.0)
    assert pacer._find_rate(SETTINGS, 100.0) == pytest.approx(60.0)


# A thousand requests against services of all kinds.

KINDS: dict[str, Callable[[int], rate_limiters.Limiter]] = {
    "fixed": FixedWindow,
    "fixed, at its end": lambda limit: FixedWindow(limit, gone=30.0),
    "sliding": SlidingWindow,
    "bucket": TokenBucket,
}
quickly = settings(max_examples=40, phases=[Phase.explicit, Phase.generate])


@quickly
@given(
    kind=st.sampled_from(sorted(KINDS)),
    headers=st.sampled_from([kong, ietf, openai]),
    limit=st.integers(30, 2_000),
    workers=st.integers(2, 32),
    slowness=st.floats(0.1, 0.9),
    seed=st.integers(0, 1_000),
)
@pytest.mark.slow
def test_limits_in_headers_are_reached_and_not_exceeded(
    kind: str, headers: rate_limiters.Headers, limit: int, workers: int, slowness: float, seed: int
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
    assert run.rate >= 0.95
    # Requests under way at the first report count apart. Each time that the quota of a sliding minute comes back, only
    # the next response says whether one or all requests may go.
    assert len(run.refused) <= max(0, workers - limit) + 9 + (30 + 4_000 // limit if kind == "sliding" else 0)


@quickly
@given(
    kind=st.sampled_from(sorted(KINDS)),
    headers=st.sampled_from([retry_after, silent, limits_only]),
    limit=st.integers(30, 600),
    workers=st.integers(2, 32),
    seed=st.integers(0, 1_000),
)
@pytest.mark.slow
def test_limits_without_headers_fail_no_request(
    kind: str, headers: rate_limiters.Headers, limit: int, workers: int, seed: int
) -> None:
    run = Simulation(KINDS[kind](limit), headers, workers=workers, seed=seed, count=600).run()
    assert (len(run.passed), run.failed) == (600, [])
    # A worker sends 60 a minute at least, but for a wait between them.
    assert run.rate >= 0.5 * min(1, workers * 60 / limit)
    assert len(run.refused) <= 2 * workers + 30


@pytest.mark.parametrize("workers", [8, 32])
@pytest.mark.parametrize("kind", ["fixed", "fixed, at its end", "sliding"])
def test_a_thousand_prompts_at_four_hundred_a_minute(kind: str, workers: int) -> None:
    run = Simulation(KINDS[kind](400), kong, workers=workers).run()
    assert (len(run.passed), run.failed) == (1_000, [])
    assert run.rate >= 0.97
    assert run.refusals < 0.01


def test_small_work_is_done_as_fast_as_without_a_limit() -> None:
    paced, free = (Simulation(FixedWindow(limit), kong, count=200).run() for limit in (400, 1_000_000))
    assert (len(paced.passed), paced.refused) == (200, [])
    assert paced.passed[-1] - paced.passed[0] == pytest.approx(free.passed[-1] - free.passed[0])


def test_an_approximate_sliding_minute_refuses_no_request() -> None:
    run = Simulation(Weighted(400), kong).run()
    assert (run.failed, run.refused) == ([], [])
    assert run.rate >= 0.8


@pytest.mark.parametrize("headers", [kong, retry_after])
def test_two_a_minute_fail_no_request(headers: rate_limiters.Headers) -> None:
    run = Simulation(FixedWindow(2), headers, count=60).run()
    assert (len(run.passed), run.failed) == (60, [])
    assert run.rate >= 0.9


@pytest.mark.parametrize("headers", [kong, limits_only, retry_after])
def test_a_limit_shared_with_others_fails_no_request(headers: rate_limiters.Headers) -> None:
    run = Simulation(FixedWindow(400, gone=20.0), headers, others=200).run()
    assert (len(run.passed), run.failed) == (1_000, [])
    assert run.rate >= 0.45
    assert run.refusals <= 0.03


def test_structured_headers_are_learned_from() -> None:
    run = Simulation(FixedWindow(400), structured).run()
    assert (len(run.passed), run.failed) == (1_000, [])
    assert run.rate >= 0.97
    assert run.refusals < 0.01


@pytest.mark.parametrize("workers", [1, 8])
def test_limit_a_second_is_not_taken_for_one_a_minute(workers: int) -> None:
    run = Simulation(FixedWindow(5, seconds=1.0), ietf, count=300, workers=workers, latency=(0.05, 0.1)).run()
    assert (len(run.passed), run.failed) == (300, [])
    # Five a second are 60 s; two requests a second would be 150 s.
    assert run.passed[-1] - run.passed[0] <= 120


@pytest.mark.parametrize("workers", [2, 8, 32])
@pytest.mark.parametrize("limit", [60, 400])
def test_limit_by_tokens_is_paced_by(workers: int, limit: int) -> None:
    run = Simulation(TokenWindow(limit), tokens, count=600, workers=workers).run()
    assert (len(run.passed), run.failed) == (600, [])
    assert run.refusals < 0.05
    assert run.rate >= 0.85 * min(1.0, workers * 60 / limit)


# On a socket.


def test_drivers_learn_a_limit_by_tokens_from_the_sandbox(drive: Callable[..., Any]) -> None:
    with Sandbox(token_limit=400) as sandbox:
        settings = ClientSettings(sandbox.base_url, sandbox.token)
        run = drive(settings, *[rate_limiters.chat("gpt-oss-20b")] * 6)
        assert [outcome.status for outcome in run.outcomes] == [200] * 6
        cost = 400 - int(run.outcomes[0].headers["x-ratelimit-remaining-tokens"])
        assert run.outcomes[0].total_tokens == cost
        assert len(run.slept) == len([n for n in range(6) if 2 * (400 - n * cost) < 400])


def test_used_up_tokens_are_waited_for_not_the_requests(drive: Callable[..., Any]) -> None:
    headers = {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "499",
        "x-ratelimit-reset-requests": "120ms",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "3s",
    }
    with Server(respond(429, {"message": "x"}, headers), respond(200, {})) as server:
        run = drive(ClientSettings(server.base_url, canary.TOKEN), CHAT)
    assert (run.last.status, run.slept) == (200, [3.0])


def test_wait_in_milliseconds_is_read_first(drive: Callable[..., Any]) -> None:
    headers = {"retry-after-ms": "1500", "Retry-After": "2"}
    with Server(respond(429, {"message": "x"}, headers), respond(200, {})) as server:
        run = drive(ClientSettings(server.base_url, canary.TOKEN), CHAT)
    assert (run.last.status, run.slept) == (200, [1.5])


def test_limit_a_day_is_not_waited_for(drive: Callable[..., Any]) -> None:
    body = {"error": {"message": "Rate limit reached on requests per day (RPD)", "code": "rate_limit_exceeded"}}
    with Server(respond(429, body, {"x-ratelimit-reset-requests": "7h12m"})) as server:
        run = drive(ClientSettings(server.base_url, canary.TOKEN), CHAT)
    assert (type(run.error), run.error.retryable, run.error.retry_after) == (RateLimitError, True, 25_920.0)
    assert (run.slept, len(server.requests)) == ([], 1)


def test_drivers_learn_from_the_sandbox(drive: Callable[..., Any]) -> None:
    with Sandbox(rate_limit=10) as sandbox:
        settings = ClientSettings(sandbox.base_url, sandbox.token)
        run = drive(settings, *[rate_limiters.chat("gpt-oss-20b")] * 8, rate_limiters.chat("Qwen3.8-27B"))
        assert [outcome.status for outcome in run.outcomes] == [200] * 9
        # Six go at once, then the minute is spread over the four that are left. Another model has a quota of its own.
        assert run.slept == [pytest.approx(12.0, abs=1.0), pytest.approx(24.0, abs=4.0)]


def test_clients_wait_for_one_another() -> None:
    with Server(respond(429, {"message": "x"}, {"Retry-After": "30"}), respond(200, {})) as server:
        settings = ClientSettings(server.base_url, canary.TOKEN, max_retries=0)
        assert isinstance(drive_blocking(settings, CHAT).error, RateLimitError)
        run = drive_blocking(settings, CHAT)
        assert run.last.status == 200
        assert run.slept == [pytest.approx(30.0, abs=1.0)]


@pytest.mark.parametrize(("refusals", "status", "sends"), [(1, 200, 2), (3, 200, 4), (9, 429, 4)])
def test_beside_others_a_refused_request_takes_other_turns_first(
    drive: Callable[..., Any], refusals: int, status: int, sends: int
) -> None:
    refusal = respond(429, {"message": "x"}, {"Retry-After": "1"})
    with Server(*[refusal] * refusals, respond(200, {})) as server:
        settings = ClientSettings(server.base_url, canary.TOKEN, max_retries=0)
        with find_pacer(settings, CHAT.model):
            run = drive(settings, CHAT)
        assert (run.last.status, run.last.attempts, len(server.requests)) == (status, 1, sends)
