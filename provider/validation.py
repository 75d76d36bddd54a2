"""
Converts and checks numbers, strings and flags from parameters, rendered templates and JSON.
"""

from __future__ import annotations

import math
import re
from typing import Any

from .errors import ConfigurationError

_TRUE = frozenset({"y", "yes", "t", "true", "on", "1"})
_FALSE = frozenset({"n", "no", "f", "false", "off", "0"})

#: What tokens look like, and words do not: a long run of letters and digits, or one with dashes of all three kinds.
_SECRET = re.compile(
    r"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z\d]{20}"
    r"|(?=[\w-]{0,31}\d)(?=[\w-]{0,31}[a-z])(?=[\w-]{0,31}[A-Z])[\w-]{32}",
    re.ASCII,
)


def number(value: Any, name: str, low: float, high: float = math.inf) -> float:
    """
    Convert a value to a finite number and check its bounds.

    :param value: a number, or a string that spells one
    :param name: name of the parameter, for the error
    :param low: minimum
    :param high: maximum; unlimited by default
    :return: the number
    :raises ConfigurationError: if it isn't a number, or is out of bounds
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ConfigurationError(f"{name} must be a number {_bounds(low, high)}, not {quote(value)}.") from None
    if not math.isfinite(result) or not low <= result <= high:
        raise ConfigurationError(f"{name} must be a number {_bounds(low, high)}, not {quote(value)}.")
    return result


def integer(value: Any, name: str, low: int, high: float = math.inf) -> int:
    """
    Convert a value to a whole number and check its bounds.

    :param value: a number, or a string that spells one
    :param name: name of the parameter, for the error
    :param low: minimum
    :param high: maximum; unlimited by default
    :return: the number
    :raises ConfigurationError: if it isn't a number, or is out of bounds
    """
    result = number(value, name, low, high)
    if result != int(result):
        raise ConfigurationError(f"{name} must be a whole number {_bounds(low, high)}, not {quote(value)}.")
    return int(result)


def text(value: Any, name: str) -> str:
    """
    Check that a value is a string with more than whitespace.

    :param value: the string
    :param name: name of the parameter, for the error
    :return: the string, unchanged
    :raises ConfigurationError: if it isn't a string, or is blank
    """
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a text, not {quote(value)}.")
    if not value.strip():
        raise ConfigurationError(f"{name} must not be empty.")
    return value


def boolean(value: Any, name: str) -> bool:
    """
    Convert a value to a boolean.

    :param value: True, False, or a string that spells one, such as ``y`` or ``false``
    :param name: name of the parameter, for the error
    :return: the boolean
    :raises ConfigurationError: if it is neither
    """
    spelled = str(value).strip().lower()
    if spelled in _TRUE:
        return True
    if spelled in _FALSE:
        return False
    raise ConfigurationError(f"{name} must be true or false, not {quote(value)}.")


def quote(value: Any) -> str:
    """
    Format a value for an error, shortened to fit there.

    :param value: any value
    :return: its type and, for short plain values, the value; never one that may be a misplaced token
    """
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, (bool, int, float, type(None))):
        return repr(value)
    if isinstance(value, str) and may_be_secret(value):
        return f"a text of {len(value)} characters that may be a token"
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:37] + "...")
    return f"a value of type {type(value).__name__}"


def may_be_secret(value: str) -> bool:
    """
    Return whether a string looks like a token, or contains one.

    :param value: the string
    :return: True if it does
    """
    return bool(_SECRET.search(value) or re.match(r"(?i)\s*(authorization\b|bearer\b)", value))


def _bounds(low: float, high: float) -> str:
    return f"of at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
