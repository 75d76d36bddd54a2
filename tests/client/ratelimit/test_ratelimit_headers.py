from __future__ import annotations

import math
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.ratelimit.ratelimit_headers import Quota, read_quota, read_wait
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_790_000_000.0

KONG = {
    "x-ratelimit-limit-minute": "400",
    "x-ratelimit-remaining-minute": "12",
    "ratelimit-limit": "400",
    "ratelimit-remaining": "12",
    "ratelimit-reset": "34",
}


def openai(limit: int, remaining: int, reset: str) -> dict[str, str]:
    values = {"limit": str(limit), "remaining": str(remaining), "reset": reset}
    return {f"x-ratelimit-{name}-requests": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        ({}, None),
        (KONG, Quota(400, 12, 34)),
        ({"x-ratelimit-limit-minute": "2", "x-ratelimit-remaining-minute": "0"}, Quota(2, 0, None)),
        # A day's quota says nothing about pace, and a limit alone nothing about what is left.
        (openai(10_000, 3, "6h0m0s"), None),
        ({"x-ratelimit-limit-minute": "400"}, None),
        (openai(500, 499, "120ms"), Quota(500, 499, pytest.approx(0.12))),
        ({"ratelimit-limit": "60", "ratelimit-remaining": "9", "ratelimit-reset": "10"}, Quota(60, 9, 10)),
        (
            {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "7", "x-ratelimit-reset": f"{NOW + 5:.0f}"},
            Quota(60, 7, 5),
        ),
    ],
)
def test_quota_in_the_spellings_of_the_gateways(headers: dict[str, str], quota: Quota | None) -> None:
    assert read_quota(headers, NOW) == quota


def test_wait_is_read_from_refusals_alone() -> None:
    assert [read_wait(status, KONG, NOW) for status in (200, 429, 500, 503)] == [None, 34.0, None, 34.0]
    assert read_wait(429, {**KONG, "retry-after": "3"}, NOW) == 3.0


@pytest.mark.parametrize(
    "nonsense", ["", " ", "many", "-1", "0", "nan", "inf", "-inf", "1e12", "400, 400;w=60", "0x10"]
)
def test_nonsense_limits_are_ignored(nonsense: str) -> None:
    headers = {"x-ratelimit-limit-minute": nonsense, "x-ratelimit-remaining-minute": "1"}
    assert read_quota(headers, NOW) is None


@given(st.dictionaries(st.sampled_from([*KONG, *openai(1, 1, ""), "retry-after"]), st.text()))
def test_no_header_value_is_fatal(headers: dict[str, Any]) -> None:
    quota, wait = read_quota(headers, NOW), read_wait(429, headers, NOW)
    assert quota is None or (quota.limit >= 1 and quota.limit >= quota.left >= 0)
    assert wait is None or (math.isfinite(wait) and wait >= 0)
