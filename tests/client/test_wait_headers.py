from __future__ import annotations

import random
import string
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.wait_headers import read_requested_wait
from apache_airflow_provider_ovhcloud_ai.errors import APIStatusError

NOW = 1_790_000_000.0


def date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(NOW + seconds, UTC), usegmt=True)


#: Limits of which the same share remains.
OPENAI = {
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-remaining-requests": "450",
    "x-ratelimit-reset-requests": "120ms",
    "x-ratelimit-limit-tokens": "1000",
    "x-ratelimit-remaining-tokens": "900",
    "x-ratelimit-reset-tokens": "3s",
}


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        # Retry-After, as a number of seconds.
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "86400"}, 86_400.0),
        # As a date; the past is now.
        ({"retry-after": date(30)}, 30.0),
        ({"retry-after": date(-30)}, 0.0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, pytest.approx(251_612_300_799)),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": date(30).replace("GMT", "-0000")}, 30.0),
        ({"x-ratelimit-reset": datetime.fromtimestamp(NOW + 12, UTC).isoformat()}, 12.0),
        ({"x-ratelimit-reset": datetime.fromtimestamp(NOW + 12, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}, 12.0),
        # As a moment: seconds or milliseconds since the epoch.
        ({"x-ratelimit-reset": str(int(NOW) + 42)}, 42.0),
        ({"x-ratelimit-reset": str((int(NOW) + 42) * 1000)}, 42.0),
        ({"x-ratelimit-reset": str(int(NOW) - 42)}, 0.0),
        # As a duration.
        ({"x-ratelimit-reset-requests": "1s"}, 1.0),
        ({"x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-reset-tokens": "1h2m3.5s"}, 3_723.5),
        ({"x-ratelimit-reset-tokens": "1d"}, 86_400.0),
        # In milliseconds, which are more exact.
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        # Of several limits, that which is used up, or nearly so.
        (OPENAI | {"x-ratelimit-remaining-tokens": "0"}, 3.0),
        (OPENAI | {"x-ratelimit-remaining-tokens": "50"}, 3.0),
        (OPENAI | {"x-ratelimit-remaining-requests": "0"}, 0.12),
        (OPENAI | {"x-ratelimit-remaining-requests": "0", "x-ratelimit-remaining-tokens": "0"}, 3.0),
        (OPENAI, 0.12),
        ({"ratelimit": '"burst";r=1;t=1, "day";r=0;t=40'}, 40.0),
        ({"anthropic-ratelimit-input-tokens-reset": date(9), "anthropic-ratelimit-input-tokens-remaining": "0"}, 9.0),
        # Kong's, which fronts the service.
        ({"ratelimit-reset": "13"}, 13.0),
        # The first that makes sense wins.
        ({"retry-after": "5", "ratelimit-reset": "9"}, 5.0),
        ({"retry-after": "soon", "ratelimit-reset": "9"}, 9.0),
        ({"retry-after": "-1", "ratelimit-reset": "9"}, 9.0),
        # What makes no sense is as good as nothing.
        *[
            ({"retry-after": nonsense}, None)
            for nonsense in (
                "",
                " ",
                "nan",
                "NaN",
                "inf",
                "-inf",
                "Infinity",
                "-1",
                "-0.5",
                "1e999",
                "soon",
                "5 s",
                "1s2",
            )
        ],
        *[
            ({"retry-after": nonsense}, None)
            for nonsense in ("Fri, 99 Foo 2026 25:61:61 GMT", "2026-99-99", "0x10", "5, 5")
        ],
        ({}, None),
    ],
    ids=lambda value: "; ".join(value.values()) if isinstance(value, dict) else None,
)
def test_requested_wait(headers: dict[str, str], wait: Any) -> None:
    assert read_requested_wait(429, headers, NOW) == wait
    assert read_requested_wait(503, headers, NOW) == wait


@pytest.mark.parametrize(
    ("status", "wait"), [(408, None), (500, None), (502, None), (504, None), (200, None), (429, 9.0), (503, 9.0)]
)
def test_reset_headers_count_only_where_a_limit_was_met(status: int, wait: float | None) -> None:
    assert read_requested_wait(status, {"ratelimit-reset": "9"}, NOW) == wait
    assert read_requested_wait(status, {"retry-after": "4"}, NOW) == 4.0


def test_no_header_value_is_fatal() -> None:
    dice = random.Random(3)
    alphabet = string.printable + "\u00e9\u0663\x00" + "0123456789:smhd-" * 5
    for _ in range(5_000):
        value = "".join(dice.choices(alphabet, k=dice.randint(0, 24)))
        wait = read_requested_wait(429, {"retry-after": value}, NOW)
        assert wait is None or 0 <= wait < float("inf")


def status(number: int, retry_after: float | None = None) -> APIStatusError:
    return APIStatusError("x", status=number, retry_after=retry_after)
