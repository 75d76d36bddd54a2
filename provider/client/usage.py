"""
What responses report about tokens. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

#: Tokens of one request: a million times what any model takes.
MAX_TOKENS = 10**12


def sum_usage(values: Iterable[Mapping[str, Any] | None]) -> dict[str, int]:
    """
    Add up what several responses used.

    :param values: responses; those that are None or tell no usage count as nothing
    :return: tokens by the names that the service gives them
    """
    total: Counter[str] = Counter()
    for value in values:
        usage = (value or {}).get("usage")
        counts = usage.items() if isinstance(usage, Mapping) else ()
        total.update({name: number for name, number in counts if is_count(number)})
    return dict(total)


def is_count(value: Any) -> TypeGuard[int]:
    """
    Tell whether something can be a number of tokens: one below nothing, or of a thousand digits, would spoil a sum.

    :param value: anything
    :return: whether it can
    """
    return type(value) is int and 0 <= value <= MAX_TOKENS
