"""
Reads rate limits from a response's headers, in the spellings of the gateways. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ..wait_headers import NOT_PROCESSED, parse_seconds, read_requested_wait

#: The common windows of a limit in seconds, by the names that Kong uses (which fronts the service).
WINDOWS_S = {"second": 1.0, "minute": 60.0, "hour": 3_600.0, "day": 86_400.0}
MINUTE_S = WINDOWS_S["minute"]

REQUESTS, TOKENS = "requests", "tokens"

#: Headers with the limit, what remains of it, and the seconds until it resets. Of each unit, the first spelling that
#: a response has counts: gateways repeat a limit in several. The first of requests is the IETF's draft, which Kong
#: sends too; the others are OpenAI's (with Azure and Groq), GitHub's, which many gateways copy, and Anthropic's.
_REQUEST_SPELLINGS = (
    ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
    ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
    (
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ),
)
#: OpenAI's, Anthropic's, and Together's.
_TOKEN_SPELLINGS = (
    ("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("x-tokenlimit-limit", "x-tokenlimit-remaining", "x-ratelimit-reset"),
)

#: Characters of a structured header, such as ``"default";r=50;t=30``, and one of its items and parameters.
_MAX_CHARS = 1_000
_ITEM = re.compile(r'"([^"]{0,80})"((?:\s*;\s*\w+=[^;,]{1,40})*)')
_PARAMETER = re.compile(r"(\w+)=\"?([\w.-]+)")


@dataclass(frozen=True)
class Quota:
    """
    A quota as a service reports it.

    :param limit: requests or tokens allowed in a window, 1 or more
    :param left: how many of these remain
    :param reset: seconds until the limit resets; None if the service doesn't say
    :param window: seconds of the window; None if the service doesn't say
    :param unit: :data:`REQUESTS` or :data:`TOKENS`
    :param name: distinguishes the limits of a service
    """

    limit: float
    left: float
    reset: float | None
    window: float | None = None
    unit: str = REQUESTS
    name: str = ""


def read_quotas(headers: Mapping[str, str], now_epoch: float) -> list[Quota]:
    """
    Read the quotas from a response, of all windows.

    :param headers: headers of the response, names in lower case
    :param now_epoch: seconds since the epoch, for dates
    :return: the quotas, those without valid numbers left out
    """
    structured = list(_read_structured(headers))
    requests = [
        *_read_named_windows(headers, now_epoch),
        *(quota for quota in structured if quota.unit == REQUESTS),
    ]
    tokens = [quota for quota in structured if quota.unit == TOKENS]
    quotas = [
        *(requests or _read_first(_REQUEST_SPELLINGS, REQUESTS, headers, now_epoch)),
        *(tokens or _read_first(_TOKEN_SPELLINGS, TOKENS, headers, now_epoch)),
    ]
    return [checked for quota in quotas if (checked := _check(quota))]


def _read_named_windows(headers: Mapping[str, str], now_epoch: float) -> Iterator[Quota]:
    """
    Read Kong's, with the window in the name. Its reset is that of the window with the fewest requests left.
    """
    stated = headers.get("ratelimit-limit"), headers.get("ratelimit-remaining")
    for window, seconds in WINDOWS_S.items():
        limit, left = (headers.get(f"x-ratelimit-{name}-{window}") for name in ("limit", "remaining"))
        if limit is not None and left is not None:
            belongs = stated == (limit, left) or (stated == (None, None) and window == "minute")
            reset = parse_seconds(headers.get("ratelimit-reset", ""), now_epoch) if belongs else None
            yield Quota(_number(limit), _number(left), reset, seconds, name=window)


def _read_structured(headers: Mapping[str, str]) -> Iterator[Quota]:
    """
    Read the IETF's draft, version 8 and later: ``RateLimit: "default";r=50;t=30``, with the limit in a policy.
    """
    policies = _read_items(headers.get("ratelimit-policy", ""))
    for name, item in _read_items(headers.get("ratelimit", "")).items():
        policy = policies.get(name, {})
        unit = TOKENS if "token" in f"{name} {policy.get('qu', '')}".lower() else REQUESTS
        window = parse_seconds(policy.get("w", ""), 0.0)
        reset = parse_seconds(item.get("t", ""), 0.0)
        yield Quota(_number(policy.get("q")), _number(item.get("r")), reset, window or None, unit, name)


def _read_items(value: str) -> dict[str, dict[str, str]]:
    items = _ITEM.findall(value[:_MAX_CHARS])
    return {name: dict(_PARAMETER.findall(parameters)) for name, parameters in items}


def _read_first(
    spellings: tuple[tuple[str, str, str], ...], unit: str, headers: Mapping[str, str], now_epoch: float
) -> Iterator[Quota]:
    for limit, left, reset in spellings:
        if limit in headers and left in headers:
            # An older draft appends the window: "100, 100;w=60".
            stated, _, policy = headers[limit].partition(",")
            window = parse_seconds(dict(_PARAMETER.findall(policy[:_MAX_CHARS])).get("w", ""), 0.0)
            seconds = parse_seconds(headers.get(reset, ""), now_epoch)
            yield Quota(_number(stated), _number(headers[left]), seconds, window or None, unit, limit)
            return


def _check(quota: Quota) -> Quota | None:
    """
    Return a quota whose numbers make sense, or None. A reset in hours means a window of hours.
    """
    window, reset = quota.window, quota.reset
    if window is None and reset is not None and reset > MINUTE_S:
        window = next((seconds for seconds in WINDOWS_S.values() if reset <= seconds), None)
        if window is None:
            return None
    makes_sense = quota.limit >= 1 and 0 <= quota.left <= quota.limit
    return replace(quota, window=window) if makes_sense else None


def read_wait(status: int, headers: Mapping[str, str], now_epoch: float) -> float | None:
    """
    Read how long a service that is overloaded or out of quota asks all clients to wait.

    :param status: status of the response
    :param headers: headers of the response, names in lower case
    :param now_epoch: seconds since the epoch, for dates
    :return: seconds; None without such a header, or for a success
    """
    return read_requested_wait(status, headers, now_epoch) if status in NOT_PROCESSED else None


def _number(value: str | None) -> float:
    try:
        number = float(value or "")
    except ValueError:
        return -1.0
    # False for nan too; a larger number isn't a limit.
    return number if 0 <= number <= 1e9 else -1.0
