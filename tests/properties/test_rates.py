"""
Headers about limits: whatever spelling a moment has, it is the same wait; whatever makes no sense is none.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from apache_airflow_provider_ovhcloud_ai.client.wait_headers import parse_seconds, read_requested_wait
from hypothesis import given
from hypothesis import strategies as st

from .anything import TEXTS

NOW = 1_790_000_000.0
SECONDS = st.integers(0, 86_400)
ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(SECONDS, ZONES)
def test_a_wait_is_the_same_in_every_spelling(seconds: int, zone: timezone) -> None:
    moment = datetime.fromtimestamp(NOW + seconds, zone)
    hours, rest = divmod(seconds, 3600)
    spellings = [
        f"{seconds}",
        f" {seconds}.0 ",
        f"{seconds}s",
        f"{seconds * 1000}ms",
        f"{hours}h{rest // 60}m{rest % 60}s",
        f"{NOW + seconds:.0f}",
        f"{(NOW + seconds) * 1000:.0f}",
        format_datetime(moment),
        format_datetime(moment.astimezone(UTC), usegmt=True),
        moment.isoformat(),
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        moment.astimezone(UTC).strftime("%A, %d-%b-%y %H:%M:%S GMT"),
    ]
    assert {spelling: parse_seconds(spelling, NOW) for spelling in spellings} == pytest.approx(
        dict.fromkeys(spellings, seconds)
    )


@given(st.floats(0, NOW, exclude_max=True))
def test_a_moment_that_has_passed_is_no_wait(before: float) -> None:
    moment = datetime.fromtimestamp(NOW - before, UTC)
    assert parse_seconds(format_datetime(moment, usegmt=True), NOW) == 0


@given(
    TEXTS | st.text("0123456789.:-+eETZ,msdhGMTJan ") | st.floats().map(str) | st.integers().map(str), st.floats(0, 4e9)
)
def test_a_wait_is_a_number_of_seconds_or_none(value: str, now: float) -> None:
    seconds = parse_seconds(value, now)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


@given(st.dictionaries(st.sampled_from(["retry-after", "ratelimit-reset", "x-ratelimit-reset"]), SECONDS.map(str)))
def test_the_first_header_is_believed_and_only_of_a_refusal(headers: dict[str, str]) -> None:
    first = next(
        (float(headers[name]) for name in ("retry-after", "ratelimit-reset", "x-ratelimit-reset") if name in headers),
        None,
    )
    assert read_requested_wait(429, headers, NOW) == read_requested_wait(503, headers, NOW) == first
    after = headers.get("retry-after")
    assert read_requested_wait(500, headers, NOW) == (float(after) if after else None)


@pytest.mark.parametrize("value", ["1s" + "1" * 60_000, "1" * 60_000, "1s" * 30_000 + "x", "Mon, " * 12_000])
def test_a_header_of_60_kilobytes_is_read_at_once(value: str) -> None:
    # To look for durations at each of its places would take minutes.
    assert parse_seconds(value, NOW) is None
