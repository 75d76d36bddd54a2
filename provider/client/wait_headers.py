"""
Reads from headers how long a service asks to wait. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: Statuses of requests that the service didn't process, as it is out of quota or capacity: sending any of them again
#: is free. 498 is Groq's, 529 Anthropic's.
NOT_PROCESSED = frozenset({429, 498, 503, 529})


#: Characters of a header's value: a date with its zone has some 40. Looking for durations in 60 kB takes minutes.
_MAX_CHARS = 100

#: The same of a structured header, which lists several limits.
_MAX_STRUCTURED_CHARS = 1_000


_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


#: Headers with the reset of a limit, and those with what remains of it and the limit, the most reliable first: Kong's
#: (which fronts the service), then OpenAI's and those of gateways that copy it, then Anthropic's.
_RESETS = (
    ("ratelimit-reset", "ratelimit-remaining", "ratelimit-limit"),
    ("x-ratelimit-reset", "x-ratelimit-remaining", "x-ratelimit-limit"),
    *(
        (f"x-ratelimit-reset-{unit}", f"x-ratelimit-remaining-{unit}", f"x-ratelimit-limit-{unit}")
        for unit in ("requests", "tokens")
    ),
    *(
        (f"{name}-reset", f"{name}-remaining", f"{name}-limit")
        for name in (f"anthropic-ratelimit-{unit}" for unit in ("requests", "tokens", "input-tokens", "output-tokens"))
    ),
)

#: The reset and the rest of the IETF's structured header: ``RateLimit: "default";r=0;t=30``.
_STRUCTURED = re.compile(r";\s*([rt])=(\d{1,9})")


def read_requested_wait(status: int, headers: Mapping[str, str], now: float) -> float | None:
    """
    Read how long the service asks to wait.

    :param status: status of the response; a reset header is a request to wait only with :data:`NOT_PROCESSED`
    :param headers: headers of the response, names in lower case
    :param now: seconds since the epoch, for dates
    :return: seconds; None if the headers don't say so in a valid form. Of several resets, that of the limit of which
        the smallest share remains: requests or tokens
    """
    milliseconds = parse_seconds(headers.get("retry-after-ms", ""), now)
    if milliseconds is not None:
        return milliseconds / 1000
    seconds = parse_seconds(headers.get("retry-after", ""), now)
    if seconds is not None or status not in NOT_PROCESSED:
        return seconds
    resets = [*_read_structured(headers.get("ratelimit", "")), *_read_resets(headers, now)]
    # The longest of those that are used up; else the first of those with the smallest share.
    return min(resets, key=lambda each: (each[0], -each[1] if each[0] == 0 else 0.0))[1] if resets else None


def _read_resets(headers: Mapping[str, str], now: float) -> Iterator[tuple[float, float]]:
    """
    Read the share that remains of each limit, and the seconds until its reset.
    """
    for reset, left, limit in _RESETS:
        seconds = parse_seconds(headers.get(reset, ""), now)
        if seconds is not None:
            yield _read_share(headers.get(left, ""), headers.get(limit, "")), seconds


def _read_share(left: str, limit: str) -> float:
    try:
        return min(float(left) / max(float(limit), 1.0), 1.0) if float(left) > 0 else 0.0
    except ValueError:
        return 1.0


def _read_structured(value: str) -> Iterator[tuple[float, float]]:
    for item in value[:_MAX_STRUCTURED_CHARS].split(","):
        fields = dict(_STRUCTURED.findall(item))
        if "t" in fields:
            yield (0.0 if fields.get("r") == "0" else 1.0), float(fields["t"])


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
