"""
JSON values that every store can hold: XCom, databases, files, and the messages of a later request. Pure.

Models return characters and numbers that JSON, UTF-8 or PostgreSQL don't allow: half of a surrogate pair, NUL, NaN.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

#: Bytes in JSON that may stand for such a character or number; numbers with three digits of exponent may be infinite.
_SUSPECT = re.compile(rb"\\u0000|\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]|NaN|Infinity|[eE]\+?\d{3}")


def is_suspect(body: bytes) -> bool:
    """
    Return whether JSON may contain a value that :func:`make_storable` replaces. Much faster than looking at each value.

    :param body: the JSON
    :return: False if it doesn't contain any
    """
    return _SUSPECT.search(body) is not None


def make_storable(value: Any) -> tuple[Any, int]:
    """
    Replace characters and numbers that some store can't hold.

    :param value: a JSON value
    :return: a copy with U+FFFD in place of each lone surrogate and NUL, and None in place of each number that isn't
        finite; and the number of changed strings and numbers
    """
    changes = 0

    def change(scalar: Any) -> Any:
        nonlocal changes
        storable = replace_non_finite(clean_text(scalar))
        changes += storable is not scalar
        return storable

    return map_scalars(value, change), changes


def clean_text(value: Any) -> Any:
    """
    Replace the characters of a string that some store can't hold.

    :param value: any value
    :return: the string with U+FFFD in place of each lone surrogate and NUL; any other value unchanged
    """
    value = replace_surrogates(value)
    return value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value


def replace_surrogates(value: Any) -> Any:
    """
    Replace lone surrogates, which UTF-8 can't encode and some models return, in a string.

    :param value: any value
    :return: the string with U+FFFD for each lone surrogate; any other value unchanged
    """
    if not isinstance(value, str) or value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def replace_non_finite(value: Any) -> Any:
    """
    Replace a number that JSON doesn't allow.

    :param value: any value
    :return: None for NaN and infinity; any other value unchanged
    """
    return None if isinstance(value, float) and not math.isfinite(value) else value


def map_scalars(value: Any, change: Callable[[Any], Any]) -> Any:
    """
    Apply a function to each scalar within a value.

    :param value: a JSON value
    :param change: function from an old to a new scalar
    :return: a changed copy
    """
    if isinstance(value, Mapping):
        return {map_scalars(name, change): map_scalars(item, change) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [map_scalars(item, change) for item in value]
    return change(value)
