from __future__ import annotations

import math
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.quotas import Quota, quota_of
from hypothesis import given, settings
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
        ({}, Quota()),
        (KONG, Quota(per_minute=400, left=12, reset=34)),
        ({"x-ratelimit-limit-minute": "2", "x-ratelimit-remaining-minute": "0"}, Quota(per_minute=2)),
        ({"x-ratelimit-limit-second": "5", "x-ratelimit-limit-hour": "9"}, Quota(per_second=5)),
        # Without a unit it counts a minute, unless it is over too soon for one.
        (openai(500, 499, "120ms"), Quota(per_minute=500, left=499, reset=pytest.approx(0.12))),
        (openai(500, 400, "1m30s"), Quota(per_minute=500, left=400, reset=90)),
        (openai(10, 9, "1s"), Quota(left=9, reset=1)),
        ({"ratelimit-remaining": "9", "ratelimit-reset": "10"}, Quota(left=9, reset=10)),
        (
            {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "7", "x-ratelimit-reset": f"{NOW + 5:.0f}"},
            Quota(per_minute=60, left=7, reset=5),
        ),
    ],
)
def test_limits(headers: dict[str, str], quota: Quota) -> None:
    assert quota_of(200, headers, NOW) == quota


def test_wait_is_read_from_refusals_alone() -> None:
    assert [quota_of(status, KONG, NOW).wait for status in (200, 429, 503)] == [None, 34.0, 34.0]
    assert quota_of(429, {**KONG, "retry-after": "3"}, NOW).wait == 3.0


@pytest.mark.parametrize(
    "nonsense", ["", " ", "many", "-1", "0", "nan", "inf", "-inf", "1e12", "400, 400;w=60", "0x10"]
)
def test_nonsense_limits_are_ignored(nonsense: str) -> None:
    headers = {f"x-ratelimit-limit-{unit}": nonsense for unit in ("second", "minute", "hour")}
    assert quota_of(200, {**headers, "ratelimit-limit": nonsense}, NOW) == Quota()


@settings(deadline=None, derandomize=True, database=None)
@given(
    st.dictionaries(st.sampled_from([*KONG, *openai(1, 1, ""), "retry-after", "x-ratelimit-limit-second"]), st.text())
)
def test_no_header_value_is_fatal(headers: dict[str, Any]) -> None:
    for value in vars(quota_of(429, headers, NOW)).values():
        assert value is None or (math.isfinite(value) and value >= 0)
