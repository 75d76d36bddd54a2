"""
Usage of requests as a value.
"""

from __future__ import annotations

from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.usage import Usage, read_stored_usage, read_usage
from hypothesis import given
from hypothesis import strategies as st

COUNT = st.none() | st.integers(0, 10**6)
USAGE = st.builds(
    Usage,
    requests=st.integers(0, 9),
    input_tokens=COUNT,
    output_tokens=COUNT,
    total_tokens=COUNT,
    reasoning_tokens=COUNT,
    cached_tokens=COUNT,
    audio_seconds=st.none() | st.integers(0, 100),
)


@pytest.mark.parametrize(
    ("usage", "is_complete"),
    [
        ({"prompt_tokens": 1, "completion_tokens": 2}, True),
        ({"prompt_tokens": 1}, True),
        ({"completion_tokens": 1}, False),
        ({"prompt_tokens": "1"}, False),
        ({"prompt_tokens": -1}, False),
        ({"prompt_tokens": 1, "completion_tokens": None}, False),
        (None, False),
        ([], False),
    ],
)
def test_missing_token_counts_are_counted(usage: Any, is_complete: bool) -> None:
    assert read_usage({"usage": usage}).missing_tokens == (not is_complete)


def test_response_of_a_chat_is_read() -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": 1}, "prompt_tokens_details": {"cached_tokens": 0}}
    usage = read_usage({"usage": {"prompt_tokens": 7, "completion_tokens": 2, **details}})
    assert usage == Usage(1, 7, 2, 9, reasoning_tokens=1, cached_tokens=0)
    assert str(usage) == "input_tokens=7 output_tokens=2"
    assert usage.as_dict() == {
        "requests": 1,
        "input_tokens": 7,
        "output_tokens": 2,
        "total_tokens": 9,
        "reasoning_tokens": 1,
        "cached_tokens": 0,
    }


def test_seconds_of_a_recording_are_read() -> None:
    usage = read_usage({"usage": {"type": "duration", "seconds": 61.5}})
    assert str(usage) == "audio_seconds=61.5"


@given(USAGE, USAGE, USAGE)
def test_usage_adds_up_in_any_order(one: Usage, two: Usage, three: Usage) -> None:
    assert (one + two) + three == three + (two + one)
    assert one + Usage() == one


@given(USAGE)
def test_stored_usage_is_read_back(usage: Usage) -> None:
    assert read_stored_usage(usage.as_dict()) == usage
