"""
Rows as JSON, one form to compare and one to keep, and vectors of 32-bit floats. Pure.
"""

from __future__ import annotations

import base64
import json
import math
import sys
from array import array
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from ..errors import InvalidInputError

#: Columns by name: of what was read, and of what is kept, which has those of the result as well.
Row: TypeAlias = dict[str, Any]

#: 32-bit floats, ``array("f")``: an eighth of what a list of Python's floats takes.
Vector: TypeAlias = "array[float]"


def read_text_column(row: Row, number: int, column: str) -> str:
    """
    Take the text of a row.

    :param row: the row
    :param number: which one it is, from 0, for the error
    :param column: where the text is
    :return: the text
    :raises InvalidInputError: if there is none, or a blank one
    """
    value = row.get(column)
    if isinstance(value, str) and value.strip():
        return value
    known = ", ".join(map(str, row))[:300] or "none"
    has = f"a value of type {type(value).__name__}" if column in row else f"no such column, but {known}"
    has = "a blank one" if isinstance(value, str) else has
    raise InvalidInputError(
        f"Row {number} has no text in the column {column!r}: it has {has}. text_column names the column with the text."
    )


def vector(value: bytes | Iterable[float]) -> Vector:
    """
    Make a vector.

    :param value: little-endian 32-bit floats, or numbers
    :return: the vector
    """
    floats = array("f", value)
    if sys.byteorder == "big" and isinstance(value, bytes):
        floats.byteswap()
    return floats


def little_endian(floats: Vector) -> memoryview:
    """
    Show a vector as bytes, without a copy where it is none of other byte order.

    :param floats: the vector
    :return: four bytes a number
    """
    if sys.byteorder == "big":
        floats = floats[:]
        floats.byteswap()
    return memoryview(floats).cast("B")


def canonical(value: Any, what: str) -> bytes:
    """
    Write a value so that equal values, and no others, give equal bytes.

    :param value: anything that JSON holds, or of the further types that a Parquet file may have
    :param what: what it is, for the error
    :return: one line of ASCII
    :raises InvalidInputError: if it holds a value of another type
    """
    return _dump(value, what, default=_tagged, sort_keys=True).encode()


def json_line(record: Mapping[str, Any]) -> str:
    """
    Write a record as one line of JSON.

    What JSON or UTF-8 has no form for is mended: numbers that are not finite become null, halves of characters U+FFFD.

    :param record: the record
    :return: the line, without its end
    :raises InvalidInputError: if it holds a value of a type that is neither JSON's nor one of Parquet's
    """
    text = _dump(record, "A record", default=_plain, ensure_ascii=False)
    if "NaN" in text or "Infinity" in text:
        text = _dump(mapped(record, _finite), "A record", default=_plain, ensure_ascii=False)
    mended: str = whole(text)
    return mended


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """
    Change each number and text within a value.

    :param value: anything that JSON holds
    :param change: gives the new one for each
    :return: the same, changed
    """
    if isinstance(value, Mapping):
        return {mapped(name, change): mapped(item, change) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mapped(item, change) for item in value]
    return change(value)


def whole(value: Any) -> Any:
    """
    Mend a text that UTF-8 cannot hold.

    :param value: anything
    :return: the same; a text's halves of characters, which models are known to return, as U+FFFD
    """
    if not isinstance(value, str) or value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _dump(value: Any, what: str, **options: Any) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), **options)
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)
    raise InvalidInputError(f"{what} cannot be written as JSON: {reason}.")


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> str:
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID, timedelta)):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"it holds a value of type {type(value).__name__}")


def _tagged(value: Any) -> list[str]:
    return [type(value).__name__, _plain(value)]
