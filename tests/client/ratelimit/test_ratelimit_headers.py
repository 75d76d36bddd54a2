from __future__ import annotations

import math
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.ratelimit.ratelimit_headers import (
    MINUTE_S,
    REQUESTS,
    TOKENS,
    Quota,
    read_quotas,
    read_wait,
)
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


def spell(pattern: str, limit: int, remaining: int, reset: str) -> dict[str, str]:
    return {
        pattern.format("limit"): str(limit),
        pattern.format("remaining"): str(remaining),
        pattern.format("reset"): reset,
    }


def openai(limit: int, remaining: int, reset: str, unit: str = REQUESTS) -> dict[str, str]:
    return spell(f"x-ratelimit-{{}}-{unit}", limit, remaining, reset)


#: Headers, and each quota as limit, rest, reset, window and unit.
SPELLINGS: dict[str, tuple[dict[str, str], list[tuple[Any, ...]]]] = {
    "none": ({}, []),
    "Kong": (KONG, [(400, 12, 34, MINUTE_S, REQUESTS)]),
    "Kong without a reset": (
        {"x-ratelimit-limit-minute": "2", "x-ratelimit-remaining-minute": "0"},
        [(2, 0, None, MINUTE_S, REQUESTS)],
    ),
    "Kong, several windows": (
        {
            "x-ratelimit-limit-second": "5",
            "x-ratelimit-remaining-second": "4",
            "x-ratelimit-limit-hour": "1000",
            "x-ratelimit-remaining-hour": "2",
            "ratelimit-limit": "1000",
            "ratelimit-remaining": "2",
            "ratelimit-reset": "1800",
        },
        [(5, 4, None, 1.0, REQUESTS), (1000, 2, 1800, 3600.0, REQUESTS)],
    ),
    "a limit alone": ({"x-ratelimit-limit-minute": "400"}, []),
    "IETF, old": (spell("ratelimit-{}", 60, 9, "10"), [(60, 9, 10, None, REQUESTS)]),
    "IETF, old, with a window": (
        {"ratelimit-limit": "5, 5;w=1", "ratelimit-remaining": "4", "ratelimit-reset": "1"},
        [(5, 4, 1, 1.0, REQUESTS)],
    ),
    "IETF": (
        {"ratelimit": '"default";r=50;t=30', "ratelimit-policy": '"default";q=100;w=60'},
        [(100, 50, 30, 60.0, REQUESTS)],
    ),
    "IETF, several": (
        {
            "ratelimit": '"burst";r=5;t=1, "tokens-day";r=70;t=4000',
            "ratelimit-policy": '"burst";q=10;w=1,"tokens-day";q=100;w=86400;qu="tokens"',
        },
        [(10, 5, 1, 1.0, REQUESTS), (100, 70, 4000, 86_400.0, TOKENS)],
    ),
    "IETF without a policy": ({"ratelimit": '"default";r=50;t=30'}, []),
    "OpenAI": (
        openai(500, 499, "120ms") | openai(30_000, 29_000, "2s", TOKENS),
        [(500, 499, pytest.approx(0.12), None, REQUESTS), (30_000, 29_000, 2, None, TOKENS)],
    ),
    "Groq, requests a day": (openai(14_400, 14_370, "2m59.56s"), [(14_400, 14_370, 179.56, 3_600.0, REQUESTS)]),
    "longer than a day": (openai(10_000, 3, "30h"), []),
    "GitHub": (spell("x-ratelimit-{}", 60, 7, f"{NOW + 5:.0f}"), [(60, 7, 5, None, REQUESTS)]),
    "Anthropic": (
        spell("anthropic-ratelimit-requests-{}", 50, 49, "2026-09-21T14:13:25Z")
        | spell("anthropic-ratelimit-tokens-{}", 40_000, 39_000, "2026-09-21T14:13:25Z"),
        [(50, 49, 5, None, REQUESTS), (40_000, 39_000, 5, None, TOKENS)],
    ),
}


@pytest.mark.parametrize("sender", SPELLINGS)
def test_quotas_in_the_spellings_of_the_gateways(sender: str) -> None:
    headers, expected = SPELLINGS[sender]
    quotas = read_quotas(headers, NOW)
    assert [(each.limit, each.left, each.reset, each.window, each.unit) for each in quotas] == expected


def test_wait_is_read_from_refusals_alone() -> None:
    statuses = (200, 429, 498, 500, 503, 529)
    assert [read_wait(status, KONG, NOW) for status in statuses] == [None, 34.0, 34.0, None, 34.0, 34.0]
    assert read_wait(429, {**KONG, "retry-after": "3"}, NOW) == 3.0


@pytest.mark.parametrize(
    "nonsense", ["", " ", "many", "-1", "0", "nan", "inf", "-inf", "1e12", "400, 400;w=60", "0x10"]
)
def test_nonsense_limits_are_ignored(nonsense: str) -> None:
    headers = {"x-ratelimit-limit-minute": nonsense, "x-ratelimit-remaining-minute": "1"}
    assert read_quotas(headers, NOW) == []


@given(
    st.dictionaries(
        st.sampled_from([*KONG, *openai(1, 1, ""), *openai(1, 1, "", TOKENS), "ratelimit", "ratelimit-policy"]),
        st.text() | st.text(alphabet='"d;rtqw=19, .'),
    )
)
def test_no_header_value_is_fatal(headers: dict[str, Any]) -> None:
    quotas, wait = read_quotas(headers, NOW), read_wait(429, headers, NOW)
    assert all(quota.limit >= 1 and quota.limit >= quota.left >= 0 for quota in quotas)
    assert all(quota.window is None or quota.window > 0 for quota in quotas)
    assert all(isinstance(quota, Quota) and quota.unit in {REQUESTS, TOKENS} for quota in quotas)
    assert wait is None or (math.isfinite(wait) and wait >= 0)
