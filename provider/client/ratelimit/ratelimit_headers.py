"""
What the headers of a reply say about limits, in the spellings of the gateways. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..wait_headers import parse_seconds, read_requested_wait

#: Limit, what is left of it, and seconds until it is whole again. Kong (which fronts the service) sends the first pair
#: with the second's reset; the others are the IETF's draft, OpenAI's, and GitHub's, which many gateways copy.
_SPELLINGS = (
    ("x-ratelimit-limit-minute", "x-ratelimit-remaining-minute", "ratelimit-reset"),
    ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
    ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
)

#: Seconds for which a limit counts where nothing else is said.
MINUTE_S = 60.0


@dataclass(frozen=True)
class Quota:
    """
    What may still be sent, as a service counts it.

    :param limit: requests that it allows a minute, 1 or more
    :param left: requests of these that it still accepts
    :param reset: seconds until it accepts them all again, or None where it does not say
    """

    limit: float
    left: float
    reset: float | None


def read_quota(headers: Mapping[str, str], now_epoch: float) -> Quota | None:
    """
    Read what a reply says about requests a minute.

    :param headers: of the reply, names in lower case
    :param now_epoch: seconds since the epoch, against which moments are read
    :return: the quota, or None where none is named that makes sense; longer ones, a day's say, are not for waiting
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
    Read for how long a service that is out of requests asks everybody to wait.

    :param status: of the reply
    :param headers: of the reply, names in lower case
    :param now_epoch: seconds since the epoch, against which dates are read
    :return: seconds; None where it asks for nothing, or does so with a success
    """
    return read_requested_wait(status, headers, now_epoch) if status in (429, 503) else None


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    # Also false for nan; a larger number limits nothing.
    return number if 0 <= number <= 1e9 else None
