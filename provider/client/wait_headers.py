"""
Reads from headers how long a service asks to wait. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: Statuses of requests that the service didn't process, as it is out of quota or capacity: sending any of them again
#: is free. 498 is Groq's, 529 Anthropic's.
NOT_PROCESSED = frozenset({429, 498, 503, 529})


#: Characters of a header's value: a date with its zone has some 40. Looking for durations in 60 kB takes minutes.
_MAX_CHARS = 100


_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


#: The most reliable first. ``Retry-After`` is HTTP's own, the second Kong's (which fronts the service), the
#: rest are OpenAI's and those of gateways that copy it.
_WAIT_HEADERS = (
    "retry-after",
    "ratelimit-reset",
    "x-ratelimit-reset",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
)


def read_requested_wait(status: int, headers: Mapping[str, str], now: float) -> float | None:
    """
    Read how long the service asks to wait.

    :param status: status of the response; a reset header is a request to wait only with :data:`NOT_PROCESSED`
    :param headers: headers of the response, names in lower case
    :param now: seconds since the epoch, for dates
    :return: seconds; None if the headers don't say so in a valid form
    """
    for name in _WAIT_HEADERS if status in NOT_PROCESSED else _WAIT_HEADERS[:1]:
        seconds = parse_seconds(headers.get(name, ""), now)
        if seconds is not None:
            return seconds
    return None


def parse_seconds(value: str, now: float) -> float | None:
    """
    Parse a wait: seconds, a duration such as ``1m30s``, a date, or a time since 1970.

    :param value: the header's value
    :param now: seconds since the epoch
    :return: seconds from 0; None if the value is invalid
    """
    value = value.strip()
    if len(value) > _MAX_CHARS:
        return None
    try:
        seconds = _to_wait(float(value), now)
    except ValueError:
        seconds = _parse_duration(value) if _DURATION.match(value) else _parse_date(value, now)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _to_wait(seconds: float, now: float) -> float:
    # Some gateways send a time instead, in seconds or milliseconds since 1970; a wait is never thirty years.
    moment = seconds / 1000 if seconds > 1e11 else seconds
    return max(moment - now, 0.0) if moment > 1e9 else seconds


def _parse_duration(value: str) -> float:
    parts = _DURATION.findall(value)
    if "".join(n + unit for n, unit in parts) != value:
        return math.nan
    return sum(float(n) * _UNIT_SECONDS[unit] for n, unit in parts)


def _parse_date(value: str, now: float) -> float:
    try:
        moment = datetime.fromisoformat(value) if value[:4].isdigit() else parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(moment.timestamp() - now, 0.0)
    except (TypeError, ValueError, OverflowError):
        return math.nan
