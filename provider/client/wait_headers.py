"""
How long the headers of a response ask to wait. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: The service said that it did nothing: sending again is free for any request.
_NOT_PROCESSED = frozenset({429, 503})


#: Characters of a distance in time: a date with its zone has some 40. To look for durations in 60 kB takes minutes.
_MAX_CHARS = 100


_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


#: In the order they are believed. ``Retry-After`` is HTTP's own, the second Kong's (which fronts the service), the
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

    :param status: of the reply; only 429 and 503 speak of limits, elsewhere a reset header is news, not a request
    :param headers: of the reply, names in lower case
    :param now: seconds since the epoch, against which dates are read
    :return: seconds, or None where no header says so in a way that makes sense
    """
    for name in _WAIT_HEADERS if status in _NOT_PROCESSED else _WAIT_HEADERS[:1]:
        seconds = parse_seconds(headers.get(name, ""), now)
        if seconds is not None:
            return seconds
    return None


def parse_seconds(value: str, now: float) -> float | None:
    """
    Read a distance in time: seconds, a duration such as ``1m30s``, a date, or a moment since 1970.

    :param value: of a header
    :param now: seconds since the epoch
    :return: seconds from 0, or None where it makes no sense
    """
    value = value.strip()
    if len(value) > _MAX_CHARS:
        return None
    try:
        seconds = _distance(float(value), now)
    except ValueError:
        seconds = _duration(value) if _DURATION.match(value) else _date(value, now)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _distance(seconds: float, now: float) -> float:
    # Some gateways send the moment instead, in seconds or milliseconds since 1970; no distance is thirty years long.
    moment = seconds / 1000 if seconds > 1e11 else seconds
    return max(moment - now, 0.0) if moment > 1e9 else seconds


def _duration(value: str) -> float:
    parts = _DURATION.findall(value)
    if "".join(n + unit for n, unit in parts) != value:
        return math.nan
    return sum(float(n) * _UNITS[unit] for n, unit in parts)


def _date(value: str, now: float) -> float:
    try:
        moment = datetime.fromisoformat(value) if value[:4].isdigit() else parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(moment.timestamp() - now, 0.0)
    except (TypeError, ValueError, OverflowError):
        return math.nan
