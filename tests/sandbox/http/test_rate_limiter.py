from __future__ import annotations

from apache_airflow_provider_ovhcloud_ai.sandbox.http.rate_limiter import RateLimiter


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_window_begins_with_the_first_request_and_ends_after_a_minute() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    assert [limiter.take("token", "m", 2).is_granted for _ in range(3)] == [True, True, False]
    clock.now += 58.5
    late = limiter.take("token", "m", 2)
    assert not late.is_granted
    assert late.headers["Retry-After"] == late.headers["RateLimit-Reset"] == "2"
    clock.now += 1.5
    fresh = limiter.take("token", "m", 2)
    assert fresh.is_granted
    assert fresh.headers["RateLimit-Remaining"] == "1"
    assert fresh.headers["RateLimit-Reset"] == "60"


def test_callers_and_models_are_counted_apart() -> None:
    limiter = RateLimiter(Clock())
    assert limiter.take("token", "m", 1).is_granted
    assert limiter.take("token", "other", 1).is_granted
    assert limiter.take("anonymous", "m", 1).is_granted
    assert not limiter.take("token", "m", 1).is_granted


def test_clear_forgets() -> None:
    limiter = RateLimiter(Clock())
    limiter.take("token", "m", 1)
    limiter.clear()
    assert limiter.take("token", "m", 1).is_granted


def test_tokens_are_counted_as_many_at_once() -> None:
    limiter = RateLimiter(Clock())
    assert limiter.take("tokens", "m", 100, 0).left == 100
    quota = limiter.take("tokens", "m", 100, 130)
    assert (quota.left, quota.token_headers) == (
        0,
        {
            "x-ratelimit-limit-tokens": "100",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "60s",
        },
    )
