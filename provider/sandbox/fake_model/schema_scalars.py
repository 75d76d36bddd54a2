"""The strings and numbers of a minimal instance of a JSON schema."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

#: Value of every string without a ``format``.
WORD = "sandbox"

#: Longest string and list that a schema can require.
_MAX_LENGTH = 1000

_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "sandbox@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


class Unsatisfiable(ValueError):
    """The sandbox can't make an instance of this schema; the message names the reason."""


def string(schema: dict[str, Any]) -> str:
    """
    Make a string.

    :param schema: schema of a string
    :return: a string that is valid for it
    :raise Unsatisfiable: the sandbox finds none
    """
    value = _FORMATS.get(str(schema.get("format")), WORD)
    value = value.ljust(length(schema, "minLength"), ".")
    if "maxLength" in schema:
        value = value[: length(schema, "maxLength")]
    try:
        matches = "pattern" not in schema or re.search(schema["pattern"], value)
    except (re.error, TypeError):
        raise Unsatisfiable("a 'pattern' is no regular expression") from None
    if not matches:
        raise Unsatisfiable(f"the sandbox makes no text for the pattern {schema['pattern']!r}")
    return value


def number(schema: dict[str, Any], whole: bool) -> float:
    """
    Make a number, zero if that is valid.

    :param schema: schema of a number
    :param whole: whether it must be an integer
    :return: a number that is valid for it
    :raise Unsatisfiable: the sandbox finds none
    """
    low = max(_bound(schema, "minimum", -math.inf), _bound(schema, "exclusiveMinimum", -math.inf))
    high = min(_bound(schema, "maximum", math.inf), _bound(schema, "exclusiveMaximum", math.inf))
    step = _bound(schema, "multipleOf", 1)
    if step <= 0:
        raise Unsatisfiable("'multipleOf' must be above zero")
    for value in _candidates(low, high, step):
        fitting = int(value) if float(value).is_integer() else value
        if _fits(fitting, schema, whole):
            return fitting
    raise Unsatisfiable("no number fits the bounds")


def _candidates(low: float, high: float, step: float) -> Iterator[float]:
    yield 0
    for bound, inward in ((low, 1), (high, -1)):
        if math.isfinite(bound):
            multiple = math.floor(bound / step) * step
            yield from (bound, multiple, multiple + step, multiple + 2 * inward * step, bound + inward)
    if math.isfinite(low) and math.isfinite(high):
        yield (low + high) / 2


def _fits(value: float, schema: dict[str, Any], whole: bool) -> bool:
    step = schema.get("multipleOf")
    return (
        (isinstance(value, int) or not whole)
        and _bound(schema, "minimum", -math.inf) <= value <= _bound(schema, "maximum", math.inf)
        and _bound(schema, "exclusiveMinimum", -math.inf) < value < _bound(schema, "exclusiveMaximum", math.inf)
        and (step is None or (value / step).is_integer())
    )


def _bound(schema: dict[str, Any], keyword: str, default: float) -> float:
    value = schema.get(keyword, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unsatisfiable(f"'{keyword}' must be a number")
    return value


def length(schema: dict[str, Any], keyword: str) -> int:
    """
    Read a limit of a length.

    :param schema: schema of a string or a list
    :param keyword: such as ``minLength``
    :return: the limit, zero if the schema has none
    :raise Unsatisfiable: the limit isn't a length, or exceeds the sandbox's own
    """
    value = schema.get(keyword, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Unsatisfiable(f"'{keyword}' must be a whole number")
    if keyword.startswith("min") and value > _MAX_LENGTH:
        raise Unsatisfiable(f"the sandbox makes at most {_MAX_LENGTH} for '{keyword}'")
    return value
