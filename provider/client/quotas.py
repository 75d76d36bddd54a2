"""
What the headers of a reply say about limits, in the spellings of the gateways. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .retry import requested_wait, seconds_of

#: Limit, what is left of it and until when: Kong and the IETF's draft, OpenAI, GitHub and many gateways.
_SPELLINGS = (
    ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
    ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
)


@dataclass(frozen=True)
class Quota:
    """
    Limits as a service names them; what it leaves out, or what makes no sense, is None.

    :param per_second: requests allowed in a second
    :param per_minute: requests allowed in a minute
    :param left: requests that may still be sent
    :param reset: seconds for which that is so
    :param wait: seconds that the service asks to wait
    """

    per_second: float | None = None
    per_minute: float | None = None
    left: float | None = None
    reset: float | None = None
    wait: float | None = None


def quota_of(status: int, headers: Mapping[str, str], wall: float) -> Quota:
    """
    Read what a reply says about limits.

    :param status: of the reply
    :param headers: of the reply, names in lower case
    :param wall: seconds since the epoch, against which dates are read
    :return: the limits that make sense
    """
    per_second = _number(headers, "x-ratelimit-limit-second", 1)
    per_minute = _number(headers, "x-ratelimit-limit-minute", 1)
    limit = left = reset = None
    for limit_name, left_name, reset_name in _SPELLINGS:
        if left_name in headers:
            limit, left = _number(headers, limit_name, 1), _number(headers, left_name, 0)
            reset = seconds_of(headers.get(reset_name, ""), wall)
            break
    if not per_second and not per_minute and _counts_a_minute(limit, left, reset):
        per_minute = limit
    return Quota(per_second, per_minute, left, reset, requested_wait(status, headers, wall))


def _counts_a_minute(limit: float | None, left: float | None, reset: float | None) -> bool:
    """
    Tell whether a limit without a unit may be taken for one of a minute, as nearly all are.

    What is over after a second or two may be a second's limit, unless it refills at the pace of a minute's.
    """
    if limit is None or left is None or reset is None:
        return False
    return reset > 2.0 or (limit - left) * 60.0 <= 2.0 * limit * reset


def _number(headers: Mapping[str, str], name: str, least: float) -> float | None:
    try:
        number = float(headers[name])
    except (KeyError, ValueError):
        return None
    # Also false for nan; a larger number limits nothing.
    return number if least <= number <= 1e9 else None
