"""
Token usage that responses report. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

#: Tokens of one request: a million times the maximum of any model.
MAX_TOKENS = 10**12


def sum_usage(values: Iterable[Mapping[str, Any] | None]) -> dict[str, int]:
    """
    Add up the token usage of several responses.

    :param values: responses; those that are None or don't report usage are skipped
    :return: tokens by the service's names for them
    """
    total: Counter[str] = Counter()
    for value in values:
        usage = (value or {}).get("usage")
        counts = usage.items() if isinstance(usage, Mapping) else ()
        total.update({name: number for name, number in counts if is_count(number)})
    return dict(total)


def is_count(value: Any) -> TypeGuard[int]:
    """
    Return whether a value can be a number of tokens: a negative one, or one of a thousand digits, would spoil a sum.

    :param value: any value
    :return: True if it can
    """
    return type(value) is int and 0 <= value <= MAX_TOKENS
