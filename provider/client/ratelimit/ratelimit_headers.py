"""
Reads rate limits from a response's headers, in the spellings of the gateways. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..wait_headers import NOT_PROCESSED, parse_seconds, read_requested_wait

#: Limit, remaining requests, and seconds until the limit resets. Kong (which fronts the service) sends the first pair
#: with the second's reset; the others are the IETF's draft, OpenAI's, and GitHub's, which many gateways copy.
_SPELLINGS = (
    ("x-ratelimit-limit-minute", "x-ratelimit-remaining-minute", "ratelimit-reset"),
    ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
    ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
)

#: Default window of a limit in seconds.
MINUTE_S = 60.0


@dataclass(frozen=True)
class Quota:
    """
    A quota as a service reports it.

    :param limit: requests allowed in a minute, 1 or more
    :param left: requests of these that remain
    :param reset: seconds until the limit resets; None if the service doesn't say
    """

    limit: float
    left: float
    reset: float | None


def read_quota(headers: Mapping[str, str], now_epoch: float) -> Quota | None:
    """
    Read the quota of requests a minute from a response.

    :param headers: headers of the response, names in lower case
    :param now_epoch: seconds since the epoch, for dates
    :return: the quota; None without valid headers. Quotas of longer windows, such as a day, are ignored
    """
    for limit_name, left_name, reset_name in _SPELLINGS:
        limit, left = _number(headers.get(limit_name)), _number(headers.get(left_name))
        if limit is not None and left is not None:
            reset = parse_seconds(headers.get(reset_name, ""), now_epoch)
            makes_sense = limit >= 1 and left <= limit and (reset is None or reset <= MINUTE_S)
            return Quota(limit, left, reset) if makes_sense else None
    return None


def read_wait(status: int, headers: Mapping[str, str], now_epoch: float) -> float | None:
    """
    Read how long a service that is overloaded or out of quota asks all clients to wait.

    :param status: status of the response
    :param headers: headers of the response, names in lower case
    :param now_epoch: seconds since the epoch, for dates
    :return: seconds; None without such a header, or for a success
    """
    return read_requested_wait(status, headers, now_epoch) if status in NOT_PROCESSED else None


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    # False for nan too; a larger number isn't a limit.
    return number if 0 <= number <= 1e9 else None
